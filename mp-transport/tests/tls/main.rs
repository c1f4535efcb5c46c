//! TLS over pipes, with the test certificates of `tests/pem`, which `make.sh` there made.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may")]

mod flow;
mod openssl;
mod pem;
mod trust;

use std::path::PathBuf;

use mp_proto::{TlsBinding, TlsRole};
use mp_transport::tls::{Secured, TlsError, upgrade};
use mp_transport::{Addr, Pipe, TlsConfig};

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/pem").join(name).with_extension("pem")
}

fn text(name: &str) -> String {
    std::fs::read_to_string(path(name)).unwrap()
}

fn config(name: &str) -> TlsConfig {
    TlsConfig::from_pem(&text(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Two ends of a pipe.
fn pipes() -> (Pipe, Pipe) {
    let (near, far) = tokio::io::duplex(16 * 1024);
    let addr = || Addr::new("memory", 1).unwrap();
    (Pipe::new(near, addr(), addr()), Pipe::new(far, addr(), addr()))
}

type Outcome = Result<Secured, TlsError>;

/// TLS between a client and a server with these configurations.
async fn both(client: &TlsConfig, server: &TlsConfig) -> (Outcome, Outcome) {
    let (near, far) = pipes();
    tokio::join!(upgrade(near, TlsRole::Client, client), upgrade(far, TlsRole::Server, server))
}

/// Whether both ends have the same binding, which is shown nowhere.
fn same_binding(one: &TlsBinding, other: &TlsBinding) -> bool {
    use mp_proto::auth::{AuthMethod, Binding, Signed};
    let token = |binding| {
        let signed = Signed { secret: None, own: b"", other: b"", binding: Binding::Hashed(binding) };
        AuthMethod::TlsSha3_512.token(&signed)
    };
    token(one) == token(other)
}
