//! TLS between kernels of our own kind, as far as it is built in: without the feature `tls` no kernel has a certificate.

#[cfg(feature = "tls")]
pub(crate) use mp_transport::tls::TlsConfig;

/// Nobody can have one.
#[cfg(not(feature = "tls"))]
#[derive(Debug, Clone)]
pub(crate) enum TlsConfig {}

use std::time::Instant;

use mp_proto::TlsBinding;
use mp_transport::Pipe;

use crate::error::LinkError;
use crate::identity::Role;

/// Puts TLS over a pipe: who dialled is its client `[TK-55]`.
#[cfg(feature = "tls")]
pub(crate) async fn upgrade(
    pipe: Pipe,
    role: Role,
    config: &TlsConfig,
    until: Instant,
) -> Result<(Pipe, TlsBinding), LinkError> {
    let role = match role {
        Role::Client => mp_proto::TlsRole::Client,
        Role::Server => mp_proto::TlsRole::Server,
    };
    let upgraded = mp_transport::tls::upgrade(pipe, role, config);
    match tokio::time::timeout_at(until.into(), upgraded).await {
        Ok(Ok(secured)) => Ok((secured.pipe, secured.binding)),
        Ok(Err(error)) => Err(LinkError::Tls(error.to_string())),
        Err(_) => Err(LinkError::Tls("TLS was not there in time".into())),
    }
}

#[cfg(not(feature = "tls"))]
#[expect(clippy::unused_async, reason = "as with the feature")]
pub(crate) async fn upgrade(
    _: Pipe,
    _: Role,
    config: &TlsConfig,
    _: Instant,
) -> Result<(Pipe, TlsBinding), LinkError> {
    match *config {}
}
