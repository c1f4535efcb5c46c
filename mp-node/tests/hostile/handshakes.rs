//! Somebody between two nodes, who changes what they tell each other.

use std::sync::{Arc, Mutex};

use mp_node::{Addr, Node};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::honest::soon;
use super::victim::SECRET;

/// What is put in place of what, in the greetings of both.
const EDITS: [(&str, &str); 8] = [
    (";hmac_sha3_512;", ";cleartext;"),
    (";hmac_sha3_512;", ";tls_anon;"),
    (";hmac_sha3_512;", ";hmac_sha3_512,cleartext;"),
    ("postcard,cbor,json", "json"),
    ("postcard,", ""),
    (";mp=1", ";mp=0"),
    (";silence=10000", ";silence=1"),
    ("gproto=1", "gproto=2"),
];

/// Carries bytes both ways; what each side says as lines at first is edited. Gives all that went over the wire.
async fn between(real: Addr, edit: (&'static str, &'static str)) -> (Addr, Arc<Mutex<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("free");
    let addr = listener.local_addr().expect("bound").to_string().parse().expect("an address");
    let seen = Arc::new(Mutex::new(Vec::new()));
    let wire = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            let far = TcpStream::connect((real.host(), real.port())).await.expect("listens");
            let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
            tokio::spawn(pass(near_in, far_out, edit, Arc::clone(&wire)));
            tokio::spawn(pass(far_in, near_out, edit, Arc::clone(&wire)));
        }
    });
    (addr, seen)
}

async fn pass(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    (old, new): (&str, &str),
    wire: Arc<Mutex<Vec<u8>>>,
) {
    let mut greeting = Vec::new();
    while !greeting.contains(&b'\n') {
        if !matches!(from.read_buf(&mut greeting).await, Ok(1..)) {
            return;
        }
    }
    let edited = String::from_utf8_lossy(&greeting).replacen(old, new, 1).into_bytes();
    let mut piece = edited;
    loop {
        wire.lock().unwrap().extend_from_slice(&piece);
        if to.write_all(&piece).await.is_err() {
            return;
        }
        piece.clear();
        if !matches!(from.read_buf(&mut piece).await, Ok(1..)) {
            return;
        }
    }
}

async fn node(id: &str) -> Node {
    let builder = Node::builder("test").without_file().node_id(id).secret(SECRET);
    builder.bind("127.0.0.1:0").start().await.expect("starts")
}

/// Who takes a method or framing out of the greetings, or changes anything else in them, gets no connection, and sees
/// neither the secret nor a weaker proof. [HS-11] [TLS-08]
#[tokio::test]
async fn what_is_changed_in_greetings_breaks_the_handshake() {
    let b = node("b").await;
    for edit in EDITS {
        let a = node("a").await;
        let (addr, wire) = between(b.addresses()[0].clone(), edit).await;
        let dialled = soon(a.dial(&addr)).await;
        let seen = String::from_utf8_lossy(&wire.lock().unwrap()).into_owned();
        assert!(dialled.is_err(), "{edit:?} went through");
        assert!(a.nodes().is_empty() && b.nodes().is_empty(), "{edit:?}");
        let hex: String = SECRET.bytes().map(|byte| format!("{byte:02x}")).collect();
        assert!(!seen.contains(&hex) && !seen.contains(SECRET), "{edit:?} shows the secret");
        assert!(
            !seen.contains("\ncleartext;") && !seen.contains("\ntls_anon;"),
            "{edit:?} gets a weaker proof"
        );
        a.shutdown().await;
    }
    // The one who is between them changes nothing: they meet.
    let a = node("a").await;
    let (addr, _) = between(b.addresses()[0].clone(), ("\0", "")).await;
    soon(a.dial(&addr)).await.expect("they meet");
}
