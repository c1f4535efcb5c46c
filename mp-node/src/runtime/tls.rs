//! TLS between the greetings and the proofs.

use mp_config::NodeConfig;
use mp_proto::{AuthMethod, Handshake, HandshakeConfig, TlsRole};
use mp_transport::Driver;

use crate::runtime::meet::MeetError;

/// The node's certificate and whom it trusts, if it has any. Without the feature `tls` it never has.
#[derive(Debug, Default)]
pub(crate) struct Tls {
    #[cfg(feature = "tls")]
    config: Option<mp_transport::TlsConfig>,
}

impl Tls {
    /// Reads the certificate of a configuration, and sets what a handshake has to know of that. The error is what is
    /// wrong with the certificate.
    pub(crate) fn new(config: &NodeConfig, handshake: &mut HandshakeConfig) -> Result<Self, String> {
        if let Some(offer) = &config.auth_offer {
            handshake.auth_offer.clone_from(offer);
        }
        if let Some(accept) = &config.auth_accept {
            handshake.auth_accept.clone_from(accept);
        }
        warn_of_weak_methods(handshake);
        let Some(pem) = &config.cert else { return Ok(Self::default()) };
        let tls = Self::of(pem.expose())?;
        handshake.tls = true;
        Ok(tls)
    }
}

#[cfg(feature = "tls")]
impl Tls {
    fn of(pem: &str) -> Result<Self, String> {
        let config = mp_transport::TlsConfig::from_pem(pem).map_err(|error| error.to_string())?;
        Ok(Self { config: Some(config) })
    }

    /// Starts TLS `[TLS-04]`: what the handshake has said is written, and what was read behind the peer's nonce belongs to
    /// TLS. The handshake's deadline holds. Gives TLS's version, too.
    pub(crate) async fn start(
        &self,
        mut driver: Driver,
        handshake: &mut Handshake,
        role: TlsRole,
    ) -> Result<(Driver, &'static str), MeetError> {
        use mp_proto::Protocol as _;
        use mp_transport::{clock, tls};

        let Some(config) = &self.config else { return Err(missing()) };
        let deadline = handshake.poll_timeout();
        // Two lines: no socket takes long for them.
        let soon = clock::now() + mp_transport::driver::LAST_WORDS;
        driver.flush(handshake, deadline.unwrap_or(soon)).await.map_err(MeetError::broken)?;
        let parts = driver.into_parts();
        let pipe = parts.pipe.with_unread(parts.input.freeze());
        let late = async {
            match deadline {
                Some(deadline) => clock::sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        // Boxed, for it is large, and few connections are in it at a time.
        let secured = tokio::select! {
            biased;
            secured = Box::pin(tls::upgrade(pipe, role, config)) => secured.map_err(MeetError::Tls)?,
            () = late => {
                let late = handshake.handle_timeout(clock::now());
                return Err(late.map_or_else(|error| MeetError::Handshake(Box::new(error)), |()| missing()));
            }
        };
        tracing::debug!(peer = %secured.pipe.peer_addr(), version = secured.version, "TLS has started");
        handshake.tls_started(secured.binding);
        Ok((Driver::new(secured.pipe), secured.version))
    }
}

#[cfg(not(feature = "tls"))]
impl Tls {
    fn of(_: &str) -> Result<Self, String> {
        Err("this program was built without TLS (the feature `tls` of mp-node)".to_owned())
    }

    #[expect(clippy::unused_async, reason = "waits with the feature `tls`")]
    pub(crate) async fn start(
        &self,
        _: Driver,
        _: &mut Handshake,
        _: TlsRole,
    ) -> Result<(Driver, &'static str), MeetError> {
        Err(missing())
    }
}

/// What is valid only if it is named is said aloud, once `[TLS-03]`.
fn warn_of_weak_methods(handshake: &HandshakeConfig) {
    let lists = [("auth_offer", &handshake.auth_offer), ("auth_accept", &handshake.auth_accept)];
    for (key, methods) in lists {
        for method in methods {
            let what = match method {
                AuthMethod::Cleartext => "outside of TLS all on the wire can read the secret",
                AuthMethod::TlsAnon => "who uses it proves nothing about its name",
                _ => continue,
            };
            tracing::warn!("{key} names {method}: {what}");
        }
    }
}

/// A handshake that was told of no certificate does not ask for TLS.
fn missing() -> MeetError {
    MeetError::Io("there is no certificate".to_owned())
}
