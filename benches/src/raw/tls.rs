//! TLS over raw sockets, by tokio-rustls as it comes, and the certificate that both the raw and our own nodes use.

use std::io;
use std::sync::Arc;

use anyhow::Context;
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
use tokio::io::{ReadHalf, WriteHalf};
use tokio::net::TcpStream;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};

use super::{Reader, Writer};

/// The name in the certificate.
const NAME: &str = "localhost";

/// Both ends of a connection over TLS.
pub type Ends = (Writer<WriteHalf<TlsStream<TcpStream>>>, Reader<ReadHalf<TlsStream<TcpStream>>>);

/// A new certificate, signed by another one that is a CA, the CA's, and the key, as one PEM text.
///
/// # Errors
///
/// There are no random bytes.
pub fn pem() -> anyhow::Result<String> {
    let ca_key = KeyPair::generate()?;
    let mut ca = CertificateParams::new(Vec::new())?;
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    ca.distinguished_name.push(rcgen::DnType::CommonName, "mp-bench");
    let issued = ca.self_signed(&ca_key)?;
    let key = KeyPair::generate()?;
    let issuer = rcgen::Issuer::new(ca, ca_key);
    let own = CertificateParams::new(vec![NAME.to_owned()])?.signed_by(&key, &issuer)?;
    Ok(own.pem() + &key.serialize_pem() + &issued.pem())
}

fn parts(
    pem: &str,
) -> anyhow::Result<(CertificateDer<'static>, CertificateDer<'static>, PrivateKeyDer<'static>)> {
    let mut certificates = CertificateDer::pem_slice_iter(pem.as_bytes());
    let mut next = || certificates.next().context("a PEM of two certificates")?.context("a certificate");
    Ok((next()?, next()?, PrivateKeyDer::from_pem_slice(pem.as_bytes())?))
}

/// The one of our nodes. Other systems in this process may bring others, between which nothing chooses.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// Takes connections.
///
/// # Errors
///
/// The PEM is not one that [`pem`] has made.
pub fn acceptor(pem: &str) -> anyhow::Result<TlsAcceptor> {
    let (own, _, key) = parts(pem)?;
    let config = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()?;
    let config = config.with_no_client_auth().with_single_cert(vec![own], key)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Connects, and checks the other side's certificate.
///
/// # Errors
///
/// Nobody listens there, or it is somebody else; the PEM is not one that [`pem`] has made.
///
/// # Cancellation
///
/// Dropping the future gives the attempt up.
pub async fn connect(addr: &str, pem: &str) -> anyhow::Result<Ends> {
    let mut roots = RootCertStore::empty();
    roots.add(parts(pem)?.1)?;
    let config = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()?;
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let socket = TcpStream::connect(addr).await?;
    socket.set_nodelay(true)?;
    let name = ServerName::try_from(NAME)?;
    let stream = TlsConnector::from(Arc::new(config)).connect(name, socket).await?;
    Ok(ends(stream.into()))
}

/// Takes one connection.
///
/// # Errors
///
/// The other side does not speak TLS, or has gone.
///
/// # Cancellation
///
/// Dropping the future closes the connection.
pub async fn accept(acceptor: &TlsAcceptor, socket: TcpStream) -> io::Result<Ends> {
    socket.set_nodelay(true)?;
    Ok(ends(acceptor.accept(socket).await?.into()))
}

fn ends(stream: TlsStream<TcpStream>) -> Ends {
    let (read, write) = tokio::io::split(stream);
    (Writer::new(write), Reader::new(read))
}
