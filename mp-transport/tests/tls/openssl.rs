//! OpenSSL's own programs as peers: what Perl's nodes have under them. Skipped, saying so, where there is none.

use std::process::Stdio;

use mp_proto::TlsRole;
use mp_transport::tls::{Secured, upgrade};
use mp_transport::{Addr, Tcp, Transport};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};

use super::{config, path};

#[expect(clippy::print_stdout, reason = "whoever reads the output of the tests should know")]
fn openssl(args: &[&str]) -> Option<Child> {
    let mut command = Command::new("openssl");
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    let child = command.spawn().ok();
    if child.is_none() {
        println!("skipped: there is no openssl program here");
    }
    child
}

/// The options for a program that has the PEM `name`, and must see a certificate that this PEM trusts.
fn identity(name: &str) -> Vec<String> {
    let pem = path(name).display().to_string();
    let options = ["-cert", &pem, "-key", &pem, "-CAfile", &pem, "-verify_return_error"];
    options.map(str::to_owned).to_vec()
}

/// What goes in at one end comes out at the other, both ways.
async fn talk(secured: Secured, child: &mut Child, output: &mut BufReader<tokio::process::ChildStdout>) {
    let mut pipe = secured.pipe;
    pipe.write_all(b"from us\n").await.unwrap();
    pipe.flush().await.unwrap();
    let mut line = String::new();
    while !line.ends_with("from us\n") {
        line.clear();
        assert_ne!(output.read_line(&mut line).await.unwrap(), 0, "openssl ended");
    }
    child.stdin.as_mut().unwrap().write_all(b"from openssl\n").await.unwrap();
    let mut heard = [0; 13];
    pipe.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"from openssl\n");
}

/// `openssl s_client` against us.
async fn with_client(ours: &str, theirs: &str, more: &[&str]) -> Option<Result<&'static str, String>> {
    let tcp = Tcp::default();
    let mut listener = tcp.listen(&"127.0.0.1:0".parse().unwrap()).await.unwrap();
    let at = listener.local_addr().to_string();
    let identity = identity(theirs);
    let mut args = vec!["s_client", "-connect", &at, "-quiet", "-no_ign_eof"];
    args.extend(identity.iter().map(String::as_str));
    args.extend(more);
    let mut child = openssl(&args)?;
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let pipe = listener.accept().await.unwrap();
    match upgrade(pipe, TlsRole::Server, &config(ours)).await {
        Ok(secured) => {
            let version = secured.version;
            talk(secured, &mut child, &mut output).await;
            Some(Ok(version))
        }
        Err(error) => Some(Err(error.to_string())),
    }
}

/// `openssl s_server` against us.
async fn with_server(ours: &str, theirs: &str, more: &[&str]) -> Option<Result<&'static str, String>> {
    let identity = identity(theirs);
    let mut args = vec!["s_server", "-accept", "127.0.0.1:0", "-Verify", "4", "-naccept", "1"];
    args.extend(identity.iter().map(String::as_str));
    args.extend(more);
    let mut child = openssl(&args)?;
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    let at: Addr = loop {
        line.clear();
        assert_ne!(output.read_line(&mut line).await.unwrap(), 0, "openssl ended");
        if let Some(at) = line.strip_prefix("ACCEPT ") {
            break at.trim().parse().unwrap();
        }
    };
    let pipe = Tcp::default().dial(&at).await.unwrap();
    match upgrade(pipe, TlsRole::Client, &config(ours)).await {
        Ok(secured) => {
            let version = secured.version;
            talk(secured, &mut child, &mut output).await;
            Some(Ok(version))
        }
        Err(error) => Some(Err(error.to_string())),
    }
}

/// [TLS-11]: in both roles, both versions, and with every kind of key.
#[tokio::test]
async fn openssl_takes_us_and_we_take_openssl() {
    for (ours, theirs) in [
        ("stock", "stock"),
        ("ec-p256", "ec-p256"),
        ("ec-p384", "ec-p384"),
        ("leaf-deep", "leaf-one"),
        ("leaf-one", "leaf-one"),
    ] {
        for (flag, version) in [("-tls1_3", "TLS 1.3"), ("-tls1_2", "TLS 1.2")] {
            let expected = Some(Ok(version));
            for outcome in
                [with_client(ours, theirs, &[flag]).await, with_server(ours, theirs, &[flag]).await]
            {
                assert!(outcome.is_none() || outcome == expected, "{ours}, {theirs}: {outcome:?}");
            }
        }
    }
}

/// [TLS-10]: another certificate with the same subject.
#[tokio::test]
async fn openssl_with_another_certificate_is_refused() {
    let expected = Some(Err(super::trust::UNTRUSTED.to_owned()));
    let lenient = "-no_check_time";
    let outcome = with_server("stock", "stock-other", &[lenient]).await;
    assert!(outcome.is_none() || outcome == expected, "{outcome:?}");
}

/// [TLS-10]: no certificate, in either version.
#[tokio::test]
async fn openssl_without_a_certificate_is_refused() {
    let tcp = Tcp::default();
    for version in ["-tls1_3", "-tls1_2"] {
        let mut listener = tcp.listen(&"127.0.0.1:0".parse().unwrap()).await.unwrap();
        let at = listener.local_addr().to_string();
        let Some(_child) = openssl(&["s_client", "-connect", &at, "-quiet", version]) else { return };
        let pipe = listener.accept().await.unwrap();
        let error = upgrade(pipe, TlsRole::Server, &config("stock")).await.unwrap_err();
        assert_eq!(error.to_string(), "the peer sent no certificate; set `cert` there");
    }
}

/// [TLS-11]: what is too old is not spoken.
#[tokio::test]
async fn old_versions_are_refused() {
    let tcp = Tcp::default();
    let mut listener = tcp.listen(&"127.0.0.1:0".parse().unwrap()).await.unwrap();
    let at = listener.local_addr().to_string();
    let args = ["s_client", "-connect", &at, "-quiet", "-tls1_1", "-cipher", "ALL:@SECLEVEL=0"];
    let Some(_child) = openssl(&args) else { return };
    let pipe = listener.accept().await.unwrap();
    let error = upgrade(pipe, TlsRole::Server, &config("stock")).await.unwrap_err();
    assert!(error.to_string().starts_with("the peer and we have no common way of TLS"), "{error}");
}
