//! Our kernel in the place of the recorded client.

use mp_tikc::Value;
use mp_transport::{MemoryNet, Transport};

use super::{Step, recording, steps, value};
use crate::net::{Puppet, at, kernel, settle, told};

/// [TK-06], [TK-13]: posts with every kind of argument arrive as they were recorded to arrive; those whose image has an
/// object or a cycle are passed over, and the connection goes on.
#[tokio::test(start_paused = true)]
async fn arguments_of_every_kind() {
    let net = MemoryNet::new(1);
    let mut listener = net.host("srv").listen(&at("srv")).await.unwrap();
    let client = kernel(&net, "c");
    let mut session = client.session("cli").unwrap();
    let connection = client.connect(at("srv")).allow_plain().start().unwrap();
    let mut server = Puppet::accept(&mut listener).await;
    let (mut expected, mut refused) = (Vec::new(), 0);
    for step in steps("01-basic-server-client") {
        let Step::Frame(1, false, bytes) = step else { continue };
        server.raw(&bytes).await;
        match value(&bytes).map(|value| told(&value)) {
            Some(line) if line.starts_with("post cli.") => expected.push(line),
            Some(_) => {}
            None => refused += 1,
        }
    }
    settle().await;
    assert!(connection.is_connected());
    assert_eq!(refused, 2, "an object and a cycle");
    let mut here = Vec::new();
    while let Some(event) = session.try_recv() {
        here.push(format!("post cli.{}{}", event.name(), Value::List(event.args().to_vec())));
    }
    assert_eq!(here, expected);
    assert!(here.len() >= 9, "{here:?}");
    let first = server.heard().await;
    assert_eq!(
        first,
        ["setup cli", "remove _tikc_mp"],
        "what a client says at first, and so that it is told news"
    );
}

/// [TK-60]: the recorded client tried every 2.05 s; ours comes after 2 s, and sends the same setup as it did.
#[tokio::test(start_paused = true)]
async fn the_first_bytes_of_a_client_and_when_it_comes_back() {
    let recorded = recording("20-reconnect-timing");
    let recorded = super::hex(recorded["observed"]["first_bytes_from_client"].as_str().unwrap());
    let net = MemoryNet::new(1);
    let client = kernel(&net, "c");
    let _session = client.session("cli").unwrap();
    let _connection = client.connect(at("srv")).allow_plain().start().unwrap();
    settle().await;
    let mut listener = net.host("srv").listen(&at("srv")).await.unwrap();
    let begin = mp_transport::clock::now();
    let mut server = Puppet::accept(&mut listener).await;
    assert!(begin.elapsed() < std::time::Duration::from_secs(2));
    let first = told(&server.hear().await.unwrap());
    assert_eq!(first, told(&value(&recorded).unwrap()));
}

/// [TK-42]: where the recorded client's posts before the connection, or to nobody, vanish or kill it, ours are told (the
/// recordings 06, 07 and 16 have no frame of it); the wishes of 19 and 21, to end for good and to see an end, are kept.
#[tokio::test(start_paused = true)]
async fn a_client_that_was_ended_does_not_come_back() {
    for name in ["16-unfreezable-args", "21-half-open-and-close"] {
        assert!(steps(name).is_empty());
    }
    let net = MemoryNet::new(1);
    let mut listener = net.host("srv").listen(&at("srv")).await.unwrap();
    let client = kernel(&net, "c");
    let connection = client.connect(at("srv")).allow_plain().start().unwrap();
    let mut server = Puppet::accept(&mut listener).await;
    server.setup(&["srv"]).await;
    assert!(client.wait_for("srv").await);
    drop(connection);
    assert!(server.is_closed().await);
    let again = tokio::time::timeout(std::time::Duration::from_secs(600), listener.accept()).await;
    assert!(again.is_err());
    assert!(client.try_post("srv", "e", ()).is_err());
}
