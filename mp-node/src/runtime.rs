//! The tokio half: connections, dialling, listening.

pub(crate) mod claims;
pub(crate) mod dial;
pub(crate) mod link;
pub(crate) mod listen;
pub(crate) mod meet;
pub(crate) mod peer;
pub(crate) mod peers;
pub(crate) mod relay;
pub(crate) mod rival;
pub(crate) mod rng;
pub(crate) mod tls;
