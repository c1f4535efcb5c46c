//! What ports are, without I/O: tables and state machines that the runtime asks and obeys.

pub(crate) mod bulk;
pub(crate) mod letter;
pub(crate) mod outbox;
pub(crate) mod ports;
pub(crate) mod relay;
pub(crate) mod route;
