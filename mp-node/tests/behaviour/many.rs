//! One message to many ports: what goes over the wire, what comes of it, and what is left of it when things end.

use bytes::BytesMut;
use mp_node::memory::MemoryNet;
use mp_node::{Framing, Limits, Node, Port, PortId, Value};
use mp_proto::Frame;

use crate::net::{limits, moment, node, pair, seconds, settled, timed, within};
use crate::puppet::{Kind, Puppet, accept, dial};

fn ports(ids: &[&str]) -> Vec<PortId> {
    ids.iter().map(|id| id.parse().expect("valid")).collect()
}

/// A node `a`, and a puppet `b` that is connected with it.
async fn with_puppet(net: &MemoryNet, kind: Kind) -> (Node, Puppet) {
    let a = node(net, "a", Limits::default()).await;
    let hello: PortId = "b#hello".parse().expect("valid");
    let (mut b, sent) =
        tokio::join!(async { accept(net, "b", &kind).await.established().await }, a.send(&hello, "hello"));
    sent.expect("room");
    assert_eq!(hears(&mut b).await, r#""hello" ["hello"]"#);
    (a, b)
}

/// The next message that the puppet gets, but for the question for the round trip; what is for many, without its message.
async fn hears(puppet: &mut Puppet) -> String {
    loop {
        let (port, message) = puppet.recv().await.expect("connected");
        match message.tag().as_deref() {
            Some("snd") => {}
            Some("many") => return format!("{port:?} many {}", message.values()[1]),
            _ => return format!("{port:?} {message}"),
        }
    }
}

/// A message as it stands in a request for many.
fn within_request(word: &str) -> Value {
    let mut out = BytesMut::new();
    Frame::write(Framing::Postcard, "", &word, None, usize::MAX, &mut out).expect("fits");
    Value::Bytes(out.freeze().slice(4..))
}

async fn words(port: &mut Port, count: usize) -> Vec<String> {
    let mut words = Vec::new();
    for _ in 0..count {
        words.push(within(port.recv_as::<String>()).await.expect("alive"));
    }
    words
}

/// [ND-31] [ND-32] [ND-34]
#[tokio::test(start_paused = true)]
async fn a_peer_that_takes_it_gets_one_request_in_its_place_in_the_stream() {
    let (a, mut b) = with_puppet(&MemoryNet::new(1), Kind::Ours(1)).await;
    a.send(&ports(&["b#x"])[0], "before").await.unwrap();
    a.send_all(&ports(&["b#x", "b", "b#y", "b#z"]), "devnull").await.unwrap();
    a.send_all(&ports(&["b#x"]), "alone").await.unwrap();
    assert_eq!(hears(&mut b).await, r#""x" ["before"]"#);
    // The node port, which would be asked for something else, gets its own.
    assert_eq!(hears(&mut b).await, r#""x" ["devnull"]"#);
    assert_eq!(hears(&mut b).await, r#""" many ["y","z"]"#);
    assert_eq!(hears(&mut b).await, r#""x" ["alone"]"#);
    a.shutdown().await;
}

/// [ND-34]
#[tokio::test(start_paused = true)]
async fn a_peer_that_does_not_say_so_gets_messages_as_ever() {
    for kind in [Kind::Whole(1), Kind::Perl] {
        let (a, mut b) = with_puppet(&MemoryNet::new(1), kind).await;
        a.send_all(&ports(&["b#x", "b#y", "b#x"]), ("tag", 1, "é")).await.unwrap();
        for port in ["x", "y", "x"] {
            assert_eq!(hears(&mut b).await, format!(r#""{port}" ["tag",1,"é"]"#));
        }
        a.shutdown().await;
    }
}

/// What goes to a port for which something large waits goes behind it, and for each port by itself. [LN-07] [ND-34]
#[tokio::test(start_paused = true)]
async fn nothing_overtakes_a_large_message() {
    let (a, b) = pair(&MemoryNet::new(1), Limits::default()).await;
    let (mut x, mut y) = (b.port(), b.port());
    settled(&a, &b).await;
    let to = [x.id().clone(), y.id().clone()];
    let large = "x".repeat(1_000_000);
    a.send(&x, &large).await.unwrap();
    a.send_all(&to, "small").await.unwrap();
    a.send_all(&to, &large).await.unwrap();
    a.send_all(&to, "last").await.unwrap();
    let lens = async |port: &mut Port, count| {
        words(port, count).await.into_iter().map(|word| word.len()).collect::<Vec<_>>()
    };
    assert_eq!(lens(&mut x, 4).await, [1_000_000, 5, 1_000_000, 4]);
    assert_eq!(lens(&mut y, 3).await, [5, 1_000_000, 4]);
}

/// Ports here, ports elsewhere, ports of a node that is yet to be connected, all mixed. [ND-32] [ND-07]
#[tokio::test(start_paused = true)]
async fn all_get_it_wherever_they_are_and_in_order() {
    let net = MemoryNet::new(1);
    let (a, b) = pair(&net, Limits::default()).await;
    let c = node(&net, "c", Limits::default()).await;
    settled(&a, &b).await;
    let mut all: Vec<Port> = Vec::new();
    for _ in 0..3 {
        all.extend([c.port(), a.port(), b.port()]);
    }
    let to: Vec<PortId> = all.iter().map(|port| port.id().clone()).collect();
    for number in 0..50 {
        if number % 3 == 0 {
            for port in &to {
                a.send(port, number.to_string()).await.unwrap();
            }
        } else {
            a.send_all(&to, number.to_string()).await.unwrap();
        }
    }
    let expected: Vec<String> = (0..50).map(|number| number.to_string()).collect();
    for port in &mut all {
        assert_eq!(words(port, 50).await, expected);
    }
    let received: u64 = [&b, &c].iter().map(|node| node.stats().received).sum();
    assert!(received >= 300, "each port's message counts: {received}");
}

/// Nothing goes on between the nodes, so that all connections sleep; each message wakes them all, one way or the other. [ND-32]
#[tokio::test(start_paused = true)]
async fn nodes_that_sleep_get_it_at_once() {
    let net = MemoryNet::new(1);
    let (a, b) = pair(&net, Limits::default()).await;
    let (c, d) = (node(&net, "c", Limits::default()).await, node(&net, "d", Limits::default()).await);
    let mut all: Vec<Port> = Vec::new();
    for node in [&b, &c, &d, &b, &c, &d] {
        all.push(node.port());
    }
    let to: Vec<PortId> = all.iter().map(|port| port.id().clone()).collect();
    for number in 0..4 {
        a.send_all(&to, number.to_string()).await.unwrap();
        for port in &mut all {
            assert_eq!(words(port, 1).await, [number.to_string()]);
        }
        seconds(1.0).await;
        let told = async {
            a.send_all(&to, "now").await.unwrap();
            for port in &mut all {
                assert_eq!(words(port, 1).await, ["now"]);
            }
        };
        let ((), took) = timed(told).await;
        assert!(took < 0.001, "no timer was needed: {took}");
    }
}

/// [ND-32]
#[tokio::test(start_paused = true)]
async fn typed_ports_take_their_type_and_a_dead_port_is_no_error() {
    let net = MemoryNet::new(1);
    let (a, b) = pair(&net, Limits::default()).await;
    let (mut here, mut there, dead) = (a.typed_port::<u64>(), b.typed_port::<u64>(), b.typed_port::<u64>());
    let to = [here.to_ref(), dead.to_ref(), there.to_ref()];
    drop(dead);
    settled(&a, &b).await;
    a.send_all(&to, 7).await.unwrap();
    assert_eq!((within(here.recv()).await, within(there.recv()).await), (Some(7), Some(7)));
    assert_eq!(b.stats().no_such_port, 1);
    let nobody: [PortId; 0] = [];
    a.send_all(&nobody, 7).await.unwrap();
    a.shutdown().await;
    assert!(a.send_all(&to, 8).await.is_err());
}

/// [ND-32] [ND-16]
#[tokio::test(start_paused = true)]
async fn a_request_is_delivered_to_each_of_its_ports() {
    let net = MemoryNet::new(1);
    let a = node(&net, "a", Limits::default()).await;
    let (mut x, mut y) = (a.port(), a.port());
    let mut b = dial(&net, "b", "a", &Kind::Ours(1)).await.established().await;
    let (one, other) = (x.id().name().to_owned(), y.id().name().to_owned());
    b.say(&one, "0");
    b.say("", ("many", [&one, "nobody", &other, "", &one], within_request("1")));
    b.say("", ("many", [&one, "nobody", &other, "", &one], within_request("2")));
    b.say("", ("many", [&other], within_request("3")));
    b.say(&one, "4");
    b.flush().await;
    assert_eq!(words(&mut x, 6).await, ["0", "1", "1", "2", "2", "4"].map(String::from));
    assert_eq!(words(&mut y, 3).await, ["1", "2", "3"].map(String::from));
    moment().await;
    assert_eq!(a.stats().no_such_port, 4, "nobody, and the node port, twice each");
    assert_eq!(a.stats().unknown_requests, 0);
}

/// [ND-33] [NP-05]
#[tokio::test(start_paused = true)]
async fn what_is_not_in_order_is_dropped_and_counted() {
    let net = MemoryNet::new(1);
    let a = node(&net, "a", Limits::default()).await;
    let mut x = a.port();
    let mut b = dial(&net, "b", "a", &Kind::Ours(1)).await.established().await;
    let one = x.id().name().to_owned();
    let many: Vec<String> = vec![one.clone(); 1025];
    let named = {
        let mut out = BytesMut::new();
        Frame::write(Framing::Postcard, "x", &"1", None, usize::MAX, &mut out).expect("fits");
        Value::Bytes(out.freeze().slice(4..))
    };
    let one = one.as_str();
    b.say("", ("many", [one]));
    b.say("", ("many", [one], "no bytes"));
    b.say("", ("many", one, within_request("not a list")));
    b.say("", ("many", Vec::<String>::new(), within_request("for nobody")));
    b.say("", ("many", [1], within_request("a number")));
    b.say("", ("many", many, within_request("for too many")));
    b.say("", ("many", [one], within_request("and more"), 1));
    b.say("", ("many", [one], Value::Bytes(vec![7, 9, 5, 0].into())));
    b.say("", ("many", [one], named));
    b.say(one, "good");
    b.flush().await;
    assert_eq!(words(&mut x, 1).await, ["good"]);
    assert_eq!(a.stats().unknown_requests, 9);
}

/// From who has not said that it takes them, they are not taken. [ND-31]
#[tokio::test(start_paused = true)]
async fn a_peer_of_another_kind_cannot_send_it() {
    let net = MemoryNet::new(1);
    let a = node(&net, "a", Limits::default()).await;
    let mut x = a.port();
    for kind in [Kind::Whole(1), Kind::Perl] {
        let mut b = dial(&net, "b", "a", &kind).await.established().await;
        let one = x.id().name().to_owned();
        b.say("", ("many", [one.as_str()], within_request("no")));
        b.say(&one, "good");
        b.flush().await;
        assert_eq!(words(&mut x, 1).await, ["good"]);
        drop(b);
        moment().await;
    }
    assert_eq!(a.stats().unknown_requests, 2);
}

/// A full mailbox holds up its own port only, and a sender feels it in the end. [ND-09] [ND-32]
#[tokio::test(start_paused = true)]
async fn a_full_mailbox_holds_up_its_own_port_only() {
    let small = limits(|limits| {
        limits.mailbox_messages = 4;
        limits.mailbox_patience = std::time::Duration::from_secs(3600);
    });
    let (a, b) = pair(&MemoryNet::new(1), small).await;
    let (mut slow, mut quick) = (b.port(), b.port());
    settled(&a, &b).await;
    let to = [slow.id().clone(), quick.id().clone()];
    for number in 0..100 {
        a.send_all(&to, number.to_string()).await.unwrap();
    }
    let expected: Vec<String> = (0..100).map(|number| number.to_string()).collect();
    assert_eq!(words(&mut quick, 100).await, expected);
    assert!(slow.waiting() <= 4 + 64, "{}", slow.waiting());
    assert_eq!(words(&mut slow, 100).await, expected);
}

/// The same for ports of the node itself. [MON-09]
#[tokio::test(start_paused = true)]
async fn who_sends_to_a_full_mailbox_here_waits() {
    let a = node(&MemoryNet::new(1), "a", limits(|limits| limits.mailbox_messages = 4)).await;
    let (mut slow, mut quick) = (a.port(), a.port());
    let to = [slow.id().clone(), quick.id().clone()];
    let sender = a.clone();
    a.spawn_task(async move {
        for number in 0..10 {
            sender.send_all(&to, number.to_string()).await.unwrap();
        }
    });
    moment().await;
    assert!(slow.waiting() <= 4);
    let expected: Vec<String> = (0..10).map(|number| number.to_string()).collect();
    let (one, other) = tokio::join!(words(&mut slow, 10), words(&mut quick, 10));
    assert_eq!((one, other), (expected.clone(), expected));
}

/// The sender waits for room in all, as with single messages; what is lost is told of to those who watch each port, and
/// counted for each. [ND-10] [ND-02]
#[tokio::test(start_paused = true)]
async fn what_waits_is_bounded_and_its_loss_is_told_of_each_port() {
    let net = MemoryNet::new(1);
    net.buffer_size(64 * 1024);
    let (a, b) = with_puppet(&net, Kind::Ours(1)).await;
    let to = ports(&["b#x", "b#y"]);
    let (x, y) = (a.monitor(&to[0]), a.monitor(&to[1]));
    let (sender, list) = (a.clone(), to.clone());
    let sending = tokio::spawn(async move {
        let mut count = 0_u64;
        let payload = "x".repeat(100_000);
        while tokio::time::timeout(std::time::Duration::from_secs(5), sender.send_all(&list, &payload))
            .await
            .is_ok()
        {
            count += 1;
        }
        count
    });
    let count = within(sending).await.unwrap();
    assert!((150..180).contains(&count), "16 MiB of 100 kB, once for both: {count}");
    drop(b);
    assert_eq!(within(x).await.word(), "transport_error");
    assert_eq!(within(y).await.word(), "transport_error");
    let unsent = a.stats().unsent;
    assert!(unsent >= 2 * (count - 10), "both count: {unsent} of {count}");
}
