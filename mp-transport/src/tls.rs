//! TLS in mid-stream, between nodes that trust one another by a PEM.
//!
//! Two nodes greet each other in plain text, and if both want TLS, [`upgrade`] puts it over the [`Pipe`] from there on.
//! Who is trusted is the affair of one PEM text alone, [`TlsConfig`]; there are no names to check, as a node has none that
//! a certificate could have, and no other CAs. Either side must show a certificate.
//!
//! It is TLS 1.3, or 1.2 with the extended master secret (RFC 7627); without tickets or resumption, for connections
//! between nodes last.

mod about;
mod ahead;
mod cert;
mod date;
mod der;
mod error;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod pem;
mod stream;
mod trust;
mod verifier;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use mp_proto::{TlsBinding, TlsRole};
use rustls::client::Resumption;
use rustls::pki_types::ServerName;
use rustls::server::NoServerSessionStorage;
use rustls::version::{TLS12, TLS13};
use rustls::{
    ClientConfig, ConfigBuilder, ConfigSide, ProtocolVersion, ServerConfig, SupportedProtocolVersion,
    WantsVerifier, WantsVersions,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream, rustls};

pub use self::about::{CertAbout, about};
use self::ahead::Ahead;
pub use self::date::Date;
pub use self::error::{PemError, TlsError};
use self::pem::Pem;
use self::stream::Stream;
use self::trust::Trust;
use self::verifier::{Own, Verifier, Wall};
use crate::driver::LAST_WORDS;
use crate::{Pipe, clock};

/// How many reads are made to let a refused peer hear of it, of a KiB each.
const PARTING_READS: usize = 64;

/// So many bytes are encrypted and given to the system at once, instead of 64 KiB: what a driver gives in one piece need not go
/// in two, of which each wakes the peer.
const AT_ONCE: usize = 128 * 1024;

/// The versions that are spoken, the preferred one first.
const VERSIONS: [&SupportedProtocolVersion; 2] = [&TLS13, &TLS12];

/// Our certificate and key, and whose certificates we take. Cheap to clone. The key is shown nowhere.
#[derive(Clone)]
pub struct TlsConfig {
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
    certificates: usize,
}

/// A pipe within TLS.
#[derive(Debug)]
pub struct Secured {
    /// The pipe, with the same addresses.
    pub pipe: Pipe,
    /// What proofs within it are bound to.
    pub binding: TlsBinding,
    /// Which TLS it is, for a log, as `TLS 1.3`.
    pub version: &'static str,
}

impl TlsConfig {
    /// Reads a PEM: one private key without a passphrase, the certificate that belongs to it, and optionally further
    /// ones, in any order `[TLS-09]`.
    ///
    /// A peer is trusted if its certificate is identical to one of these, or was signed by one of these that is a CA,
    /// directly or by way of CAs that the peer sends along; and if all of them are valid at the time `[TLS-10]`. Keys can
    /// be RSA from 2048 bits on, EC P-256 or P-384, or Ed25519.
    ///
    /// # Errors
    ///
    /// [`PemError`] says what is missing or cannot be used.
    pub fn from_pem(pem: &str) -> Result<Self, PemError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let Pem { own, certs } = Pem::parse(pem, &provider)?;
        let own = Arc::new(Own(Arc::new(own)));
        let certificates = certs.len();
        let algorithms = provider.signature_verification_algorithms;
        let verifier = Arc::new(Verifier(Trust { certs, algorithms }));

        let mut client = versions(ClientConfig::builder_with_details(Arc::clone(&provider), Arc::new(Wall)))
            .dangerous()
            .with_custom_certificate_verifier(Arc::clone(&verifier) as _)
            .with_client_cert_resolver(Arc::clone(&own) as _);
        client.resumption = Resumption::disabled();
        client.enable_sni = false;
        client.require_ems = true;

        let mut server = versions(ServerConfig::builder_with_details(provider, Arc::new(Wall)))
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(own);
        server.session_storage = Arc::new(NoServerSessionStorage {});
        server.send_tls13_tickets = 0;
        server.require_ems = true;
        Ok(Self { client: Arc::new(client), server: Arc::new(server), certificates })
    }
}

fn versions<S: ConfigSide>(builder: ConfigBuilder<S, WantsVersions>) -> ConfigBuilder<S, WantsVerifier> {
    builder.with_protocol_versions(&VERSIONS).expect("ring has ciphers for both versions")
}

impl fmt::Debug for TlsConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsConfig").field("certificates", &self.certificates).finish_non_exhaustive()
    }
}

/// Starts TLS over `pipe`, whose unread bytes belong to it already, in the role that the nonces gave us `[TLS-04]`.
///
/// It takes as long as the peer likes: the caller sets the deadline. As client in TLS 1.3, we are done before the peer has
/// looked at our certificate; that it refused it, we hear at the first read.
///
/// # Errors
///
/// [`TlsError`] says why, in words for a person. The peer is told as far as TLS can; that may take [`LAST_WORDS`].
///
/// # Cancellation
///
/// Dropping the future closes the pipe.
pub async fn upgrade(pipe: Pipe, role: TlsRole, config: &TlsConfig) -> Result<Secured, TlsError> {
    let (local, peer) = (pipe.local_addr().clone(), pipe.peer_addr().clone());
    let pipe = Ahead::new(pipe);
    let started: Result<TlsStream<Ahead>, _> = match role {
        TlsRole::Client => {
            // It is neither sent nor looked at.
            let nobody = ServerName::from(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
            let connecting = TlsConnector::from(Arc::clone(&config.client)).connect(nobody, pipe);
            connecting.into_fallible().await.map(Into::into)
        }
        TlsRole::Server => {
            let accepting = TlsAcceptor::from(Arc::clone(&config.server)).accept(pipe);
            accepting.into_fallible().await.map(Into::into)
        }
    };
    let mut stream = match started {
        Ok(stream) => stream,
        Err((error, pipe)) => {
            let error = TlsError::of(error);
            part(pipe).await;
            return Err(error);
        }
    };
    match &mut stream {
        TlsStream::Client(stream) => stream.get_mut().1.set_buffer_limit(Some(AT_ONCE)),
        TlsStream::Server(stream) => stream.get_mut().1.set_buffer_limit(Some(AT_ONCE)),
    }
    let room = [0; TlsBinding::LEN];
    let exported = match &stream {
        TlsStream::Client(stream) => {
            stream.get_ref().1.export_keying_material(room, TlsBinding::LABEL, Some(b""))
        }
        TlsStream::Server(stream) => {
            stream.get_ref().1.export_keying_material(room, TlsBinding::LABEL, Some(b""))
        }
    };
    let exported = exported.map_err(|error| TlsError::Misbehaved(error.to_string()))?;
    let version = stream.get_ref().1.protocol_version();
    let version = if version == Some(ProtocolVersion::TLSv1_2) { "TLS 1.2" } else { "TLS 1.3" };
    Ok(Secured {
        pipe: Pipe::new(Stream::new(stream), local, peer),
        binding: TlsBinding::new(exported),
        version,
    })
}

/// Lets the peer read why, `[TLS-14]`: a pipe that is closed with bytes unread is reset, which can destroy the alert that was
/// written last.
async fn part(mut pipe: Ahead) {
    let parting = async {
        if pipe.shutdown().await.is_err() {
            return;
        }
        let mut dropped = [0; 1024];
        for _ in 0..PARTING_READS {
            if pipe.read(&mut dropped).await.is_ok_and(|len| len > 0) {
                continue;
            }
            break;
        }
    };
    let _whether_in_time = tokio::time::timeout_at((clock::now() + LAST_WORDS).into(), parting).await;
}
