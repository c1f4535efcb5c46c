//! Every bound of [`Limits`]: what happens at it, and one past it (law 3).

use std::time::Duration;

use mp_node::memory::MemoryNet;
use mp_node::{
    EncodeError, Framing, Limits, Node, NodeEvent, NodeId, PortId, Reason, SendError, TrySendError, Value,
};
use mp_proto::Frame;
use mp_transport::Transport;
use tokio::io::AsyncReadExt;

use crate::net::{drain, fill, json_pair, limits, moment, node, pair, seconds, settled, text, timed, within};
use crate::puppet::{self, Kind};

fn frame_len(framing: Framing, port: &str, message: &str) -> usize {
    let mut out = bytes::BytesMut::new();
    Frame::write(framing, port, &message, None, usize::MAX, &mut out).expect("encodes");
    out.len()
}

/// [ND-10]
#[tokio::test(start_paused = true)]
async fn max_message_is_the_senders_error() {
    let (a, b) = json_pair(&MemoryNet::new(1), limits(|limits| limits.max_message = 1000)).await;
    let mut port = b.port();
    settled(&a, &b).await;
    let name = port.id().name().to_owned();
    let at = "x".repeat(1000 - frame_len(Framing::Json, &name, ""));
    let past = format!("{at}x");
    let error = SendError::Encode(EncodeError::TooLong { len: 1001, max: 1000 });
    assert_eq!(a.send(&port, &past).await, Err(error.clone()));
    assert_eq!(a.try_send(&port, &past), Err(TrySendError::Send(error)));
    assert_eq!(a.send(&port, &at).await, Ok(()));
    assert_eq!(within(port.recv_as::<String>()).await, Some(at));
    let own = a.port();
    assert!(a.try_send(&own, "x".repeat(1001)).is_err(), "between ports of one node as well");
    assert_eq!((port.killed(), a.nodes().len()), (None, 1));
}

/// [CN-03]
#[tokio::test(start_paused = true)]
async fn a_peers_message_beyond_max_message_ends_its_connection() {
    let net = MemoryNet::new(1);
    let b = node(&net, "b", limits(|limits| limits.max_message = 1000)).await;
    let (mut port, mut events) = (b.port(), b.events());
    let mut perl = puppet::dial(&net, "perl", "b", &Kind::Perl).await.established().await;
    let empty = frame_len(Framing::Json, port.id().name(), "");
    let name = port.id().name().to_owned();
    for len in [1000, 1001] {
        perl.say(&name, "x".repeat(len - empty));
    }
    perl.say(&name, "behind it");
    perl.flush().await;
    assert!(matches!(within(events.next()).await, Some(NodeEvent::Up(_))));
    let Some(NodeEvent::Down(_, reason)) = within(events.next()).await else { panic!("down") };
    assert!(text(&reason).starts_with("bad message"), "{reason}");
    assert_eq!(within(port.recv_as::<String>()).await.map(|text| text.len()), Some(1000 - empty));
    assert_eq!(drain(&mut port).await, 0);
}

/// At the bound a message goes; one value more is the sender's error, here and over a connection, and ends the connection
/// of a peer that sends it. [FR-19] [CN-03]
#[tokio::test(start_paused = true)]
async fn max_values_is_the_senders_error_and_ends_a_peers_connection() {
    let net = MemoryNet::new(1);
    let (a, b) = json_pair(&net, limits(|limits| limits.max_values = 1000)).await;
    let (mut port, mut own) = (b.port(), a.port());
    // The port's name is one of them.
    let [at, past] = [999, 1000].map(|count| vec![0_u8; count]);
    let error = SendError::Encode(EncodeError::TooManyValues { max: 1000 });
    for to in [port.id().clone(), own.id().clone()] {
        assert_eq!(a.send(&to, &past).await, Err(error.clone()));
        assert_eq!(a.try_send(&to, &past), Err(TrySendError::Send(error.clone())));
        assert_eq!(a.send(&to, &at).await, Ok(()));
    }
    assert_eq!(within(port.recv_as::<Vec<u8>>()).await, Some(at.clone()));
    assert_eq!(within(own.recv_as::<Vec<u8>>()).await, Some(at.clone()));
    let mut perl = puppet::dial(&net, "perl", "b", &Kind::Perl).await.established().await;
    let monitor = b.monitor(NodeId::new("perl").expect("valid"));
    let name = port.id().name().to_owned();
    for message in [&at, &past, &at] {
        perl.say(&name, message);
    }
    perl.flush().await;
    assert_eq!(text(&within(monitor).await), "bad message: a message of more than 1000 values");
    assert_eq!(within(port.recv_as::<Vec<u8>>()).await, Some(at));
    assert_eq!(drain(&mut port).await, 0);
    assert_eq!(b.nodes(), [a.id().clone()]);
}

/// [ND-10]
#[tokio::test(start_paused = true)]
async fn outbox_bytes_bound_what_waits_for_a_peer_that_is_not_there() {
    let (name, len) = ("nobody#p", frame_len(Framing::Postcard, "p", "x"));
    for (bound, fit) in [(3 * len, 3), (3 * len + 1, 4), (1, 1)] {
        let a = node(&MemoryNet::new(1), "a", limits(|limits| limits.outbox_bytes = bound)).await;
        let port: PortId = name.parse().expect("valid");
        assert_eq!(fill(&a, &port, &"x"), fit, "one message goes past the bound, and no further one");
        assert_eq!(a.try_send(&port, "x"), Err(TrySendError::Full("x")));
        let (sent, waited) = timed(a.send(&port, "x")).await;
        assert_eq!((sent, waited), (Ok(()), 2.0), "there was room when the others were lost");
    }
}

/// [ND-10]
#[tokio::test(start_paused = true)]
async fn a_send_to_a_peer_that_does_not_read_waits_until_it_does() {
    let net = MemoryNet::new(1);
    net.buffer_size(1000);
    let a = node(&net, "a", limits(|limits| limits.outbox_bytes = 10_000)).await;
    let mut puppet = puppet::dial(&net, "b", "a", &Kind::Ours(1)).await.established().await;
    let port: PortId = "b#p".parse().expect("valid");
    let message = "x".repeat(1000);
    let mut filled = 0;
    loop {
        // The connection's task takes what waits, until it has its hands full.
        match fill(&a, &port, &message) {
            0 => break,
            some => filled += some,
        }
        moment().await;
    }
    assert!(tokio::time::timeout(Duration::from_secs(1), a.send(&port, "last")).await.is_err(), "no room");
    let reader = async {
        let mut seen = 0;
        while puppet.recv().await.expect("connected").1 != mp_node::Message::from([Value::from("last")]) {
            seen += 1;
        }
        seen
    };
    let (sent, seen) = tokio::join!(a.send(&port, "last"), within(reader));
    assert_eq!(sent, Ok(()));
    assert_eq!(seen, filled, "the send that was given up has sent nothing");
}

/// [ND-11]
#[tokio::test(start_paused = true)]
async fn a_peer_that_lets_control_messages_pile_up_is_dropped_at_once() {
    let net = MemoryNet::new(1);
    net.buffer_size(1000);
    let kill = frame_len(Framing::Postcard, "", "kil1") + frame_len(Framing::Postcard, "x", "")
        - frame_len(Framing::Postcard, "", "");
    let a = node(&net, "a", limits(|limits| limits.outbox_control_bytes = 10 * kill)).await;
    let _puppet = puppet::dial(&net, "b", "a", &Kind::Ours(1)).await.established().await;
    let (port, victim): (PortId, PortId) = ("b#p".parse().expect("valid"), "b#x".parse().expect("valid"));
    // Data first, so much that the connection's task has its hands full and takes nothing more.
    for _ in 0..2 {
        a.try_send(&port, "x".repeat(400_000)).expect("room");
        moment().await;
    }
    let monitor = a.monitor(&port);
    moment().await;
    let mut sent = 0;
    while monitor.fired().is_none() {
        a.kill(&victim, Reason::normal());
        sent += 1;
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert!(sent <= 20, "still connected");
    }
    assert!(sent >= 9, "within the bound: {sent}");
    assert_eq!(text(&within(monitor).await), "the peer does not read its control messages");
    assert!(a.nodes().is_empty());
}

/// A large message over a slow line is no stall. [ND-11]
#[tokio::test(start_paused = true)]
async fn a_peer_that_takes_little_is_not_dropped() {
    let net = MemoryNet::new(1);
    let (a, b) = pair(&net, Limits::default()).await;
    let mut port = b.port();
    settled(&a, &b).await;
    net.between("a", "b").throttle(Some(20_000));
    let monitor = a.monitor(&port);
    a.send(&port, "x".repeat(2_000_000)).await.expect("room");
    a.send(&port, "behind it".to_owned()).await.expect("room");
    let (came, took) = timed(port.recv_as::<String>()).await;
    assert!(came.is_some_and(|text| text.len() == 2_000_000) && took > 90.0, "{took}");
    assert_eq!(within(port.recv_as::<String>()).await, Some("behind it".into()));
    assert_eq!(monitor.fired(), None);
}

/// [ND-11]
#[tokio::test(start_paused = true)]
async fn a_peer_that_takes_nothing_is_dropped_after_two_patiences() {
    let net = MemoryNet::new(1);
    net.buffer_size(1000);
    let a = node(&net, "a", Limits::default()).await;
    // Not of our own kind: no sign of life is expected of it.
    let _puppet = puppet::dial(&net, "b", "a", &Kind::Perl).await.established().await;
    let port: PortId = "b#p".parse().expect("valid");
    let monitor = a.monitor(&port);
    for _ in 0..2 {
        a.try_send(&port, "x".repeat(400_000)).expect("room");
        moment().await;
    }
    let (reason, waited) = timed(monitor).await;
    assert_eq!(text(&reason), "the peer does not read");
    assert!((20.0..=21.1).contains(&waited), "{waited}");
}

#[tokio::test(start_paused = true)]
async fn mailbox_messages_and_bytes_are_bounds() {
    let a = node(&MemoryNet::new(1), "a", limits(|limits| limits.mailbox_messages = 3)).await;
    let mut port = a.port();
    assert_eq!(fill(&a, port.id(), &"x"), 3);
    assert_eq!(a.try_send(&port, "x"), Err(TrySendError::Full("x")));
    assert!(port.try_recv().is_some());
    assert_eq!(fill(&a, port.id(), &"x"), 3, "the receiver has taken all three out");
    assert_eq!(port.waiting(), 5);

    // A local message of nine bytes lies there in 9 + 6 bytes or so: the frame names no port, as it is there.
    let a = node(&MemoryNet::new(1), "a", limits(|limits| limits.mailbox_bytes = 100)).await;
    let port = a.port();
    let len = frame_len(Framing::Postcard, "", "123456789") - 4;
    assert_eq!(fill(&a, port.id(), &"123456789"), 100 / len);
    let port = a.port();
    assert_eq!(fill(&a, port.id(), &"x".repeat(1000)), 1, "one message always finds room");
    let port = a.port();
    let exact = "x".repeat(100 - 2 * (len - 9) - 9);
    assert_eq!(a.try_send(&port, "123456789"), Ok(()));
    assert_eq!(a.try_send(&port, &exact), Ok(()), "exactly full");
    assert!(a.try_send(&port, "").is_err());
}

/// [MON-09]
#[tokio::test(start_paused = true)]
async fn a_full_mailbox_costs_its_port_after_its_patience() {
    let a = node(&MemoryNet::new(1), "a", limits(|limits| limits.mailbox_messages = 1)).await;
    let port = a.port();
    let monitor = a.monitor(&port);
    a.send(&port, 1).await.expect("room");
    assert!(a.try_send(&port, 2).is_err());
    seconds(100.0).await;
    assert_eq!(port.killed(), None, "nobody waits, so nobody is impatient");
    let (sent, waited) = timed(a.send(&port, 3)).await;
    assert_eq!((sent, waited), (Ok(()), 10.0));
    assert_eq!(within(monitor).await, Reason::mailbox_overflow(port.id()));

    let mut port = a.port();
    let to = port.id().clone();
    a.send(&to, 1).await.expect("room");
    for number in 2..10 {
        let (sent, taken) = tokio::join!(a.send(&to, number), async {
            seconds(9.9).await;
            port.recv_as::<i32>().await
        });
        assert_eq!((sent, taken), (Ok(()), Some(number - 1)), "slow is not dead");
    }
}

/// [MON-09] [ND-09]
#[tokio::test(start_paused = true)]
async fn a_full_mailbox_disturbs_no_other_port_of_the_connection() {
    let net = MemoryNet::new(1);
    let (a, b) = pair(&net, limits(|limits| limits.mailbox_messages = 2)).await;
    let (full, mut other) = (b.port(), b.port());
    settled(&a, &b).await;
    let monitor = a.monitor(&full);
    let begun = tokio::time::Instant::now();
    for number in 0..100 {
        a.send(&full, number).await.expect("room");
        a.send(&other, number).await.expect("room");
        assert_eq!(within(other.recv_as::<i32>()).await, Some(number));
    }
    settled(&a, &b).await;
    assert!(begun.elapsed() < Duration::from_millis(100), "nothing had to wait");
    assert_eq!(full.waiting(), 2);
    assert_eq!(within(monitor).await, Reason::mailbox_overflow(full.id()));
    assert_eq!(begun.elapsed().as_secs(), 10);
    assert_eq!((a.nodes().len(), other.killed()), (1, None));
}

/// [ND-09]
#[tokio::test(start_paused = true)]
async fn kills_and_monitors_overtake_what_is_parked() {
    let net = MemoryNet::new(1);
    let (a, b) = pair(&net, limits(|limits| limits.mailbox_messages = 2)).await;
    let (mut full, third) = (b.port(), b.port());
    for number in 0..50 {
        a.send(&full, number).await.expect("room");
    }
    settled(&a, &b).await;
    let monitor = a.monitor(&third);
    a.kill(&third, Reason::die("first"));
    assert_eq!(within(monitor).await, Reason::die("first"));
    let monitor = a.monitor(&full);
    a.kill(&full, Reason::die("second"));
    assert_eq!(within(monitor).await, Reason::die("second"));
    assert_eq!(within(full.recv_as::<i32>()).await, Some(0));
    assert_eq!(within(full.recv_as::<i32>()).await, Some(1));
    assert_eq!(within(full.recv_as::<i32>()).await, None, "what found no room is lost with the port");
}

/// [ND-09] [CN-06]
#[tokio::test(start_paused = true)]
async fn read_ahead_bytes_bound_what_is_parked() {
    let net = MemoryNet::new(1);
    net.buffer_size(500);
    let change = |limits: &mut Limits| {
        limits.mailbox_messages = 1;
        limits.read_ahead_bytes = 2000;
        limits.monitor_timeout = Duration::from_secs(2);
        limits.mailbox_patience = Duration::from_secs(60);
    };
    let (a, b) = pair(&net, limits(change)).await;
    let (mut full, mut other) = (b.port(), b.port());
    settled(&a, &b).await;
    let monitor = a.monitor(&full);
    // One in the mailbox; the frame of each other one has 518 bytes or so, and reading stops when 2,000 are parked.
    let message = |number: u32| (number, "x".repeat(500));
    for number in 0..4 {
        a.send(&full, message(number)).await.expect("room");
    }
    a.send(&other, "still read").await.expect("room");
    assert_eq!(within(other.recv_as::<String>()).await, Some("still read".into()));
    for number in 4..9 {
        a.send(&full, message(number)).await.expect("room");
    }
    a.send(&other, "not read").await.expect("room");
    // Far longer than silence is borne: but who does not listen must not complain of silence, and who is not listened
    // to hears that the other is alive.
    assert!(
        tokio::time::timeout(Duration::from_secs(50), other.recv()).await.is_err(),
        "reading has stopped"
    );
    assert_eq!((monitor.fired(), a.nodes().len(), b.nodes().len()), (None, 1, 1));
    for number in 0..9 {
        assert_eq!(within(full.recv_as::<(u32, String)>()).await.map(|(number, _)| number), Some(number));
    }
    assert_eq!(within(other.recv_as::<String>()).await, Some("not read".into()), "and has begun again");
    // The clock of silence runs again.
    net.between("a", "b").cut();
    let (reason, waited) = timed(monitor).await;
    assert!(text(&reason).contains("no sign of life") && waited <= 2.0, "{reason} after {waited}");
}

async fn silent(net: &MemoryNet, from: &str) -> mp_transport::Pipe {
    net.host(from).dial(&"a:1".parse().expect("valid")).await.expect("somebody listens")
}

async fn closed(mut pipe: mp_transport::Pipe) {
    let mut all = Vec::new();
    drop(within(pipe.read_to_end(&mut all)).await);
}

#[tokio::test(start_paused = true)]
async fn handshake_time_is_absolute() {
    let net = MemoryNet::new(1);
    let _a = node(&net, "a", Limits::default()).await;
    let mut pipe = silent(&net, "x").await;
    let ((), waited) = timed(async {
        for byte in b"aemp;1;x;hmac" {
            tokio::io::AsyncWriteExt::write_all(&mut pipe, &[*byte]).await.expect("open");
            seconds(0.7).await;
        }
        closed(pipe).await;
    })
    .await;
    assert_eq!(waited.round(), 10.0, "no byte puts it off");
}

#[tokio::test(start_paused = true)]
async fn beyond_the_bound_of_handshakes_the_oldest_gives_way() {
    let net = MemoryNet::new(1);
    let a = node(&net, "a", limits(|limits| limits.handshakes = 2)).await;
    let (one, two) = (silent(&net, "x").await, silent(&net, "x").await);
    moment().await;
    let begun = tokio::time::Instant::now();
    let three = silent(&net, "x").await;
    closed(one).await;
    assert!(begun.elapsed() < Duration::from_secs(1));
    let ((), waited) = timed(closed(two)).await;
    assert!(waited > 9.0, "{waited}");
    closed(three).await;
    // Those who are authenticated do not count.
    let mut puppets = Vec::new();
    for number in 0..5 {
        puppets.push(puppet::dial(&net, &format!("p{number}"), "a", &Kind::Perl).await.established().await);
    }
    moment().await;
    assert_eq!(a.nodes().len(), 5);
}

/// [MON-05] [ND-07]
#[tokio::test(start_paused = true)]
async fn connect_time_is_how_long_a_message_waits() {
    let net = MemoryNet::new(1);
    let a = node(&net, "a", limits(|limits| limits.connect_time = Duration::from_secs(3))).await;
    let port: PortId = "late#p".parse().expect("valid");
    let monitor = a.monitor(&port);
    let (reason, waited) = timed(monitor).await;
    assert_eq!((text(&reason).as_str(), waited), ("late:1: the network has no such host", 3.0));
    let monitor = a.monitor(&port);
    a.send(&port, 1).await.expect("room");
    seconds(2.5).await;
    let late = node(&net, "late", Limits::default()).await;
    seconds(10.0).await;
    assert_eq!(late.stats().no_such_port, 1, "just in time");
    assert_eq!(monitor.fired().map(|reason| reason.word().into_owned()), Some("no_such_port".into()));
}

/// [CN-04]
#[tokio::test(start_paused = true)]
async fn monitor_timeout_finds_a_frozen_peer_and_spares_an_idle_one() {
    let net = MemoryNet::new(1);
    let (a, b) = pair(&net, limits(|limits| limits.monitor_timeout = Duration::from_secs(4))).await;
    let (far, near) = (b.port(), a.port());
    let (at_a, at_b) = (a.monitor(&far), b.monitor(&near));
    seconds(600.0).await;
    assert_eq!((at_a.fired(), at_b.fired()), (None, None));
    net.between("a", "b").cut();
    let ((one, other), waited) = timed(async { tokio::join!(at_a, at_b) }).await;
    assert_eq!(text(&one), "no sign of life for 4000 ms");
    assert_eq!(text(&other), "no sign of life for 4000 ms");
    assert!((3.0..=4.0).contains(&waited), "{waited}");
}

/// [ND-12]
#[tokio::test(start_paused = true)]
async fn drain_time_bounds_a_shutdown() {
    let net = MemoryNet::new(1);
    net.buffer_size(1000);
    let a = node(&net, "a", Limits::default()).await;
    let _deaf = puppet::dial(&net, "b", "a", &Kind::Perl).await.established().await;
    let port: PortId = "b#p".parse().expect("valid");
    a.try_send(&port, "x".repeat(100_000)).expect("room");
    let ((), waited) = timed(a.shutdown()).await;
    assert_eq!(waited, 5.0);

    let net = MemoryNet::new(1);
    let (a, b) = pair(&net, Limits::default()).await;
    settled(&a, &b).await;
    let ((), waited) = timed(a.shutdown()).await;
    assert!(waited < 0.1, "nothing to wait for: {waited}");
}

#[tokio::test(start_paused = true)]
async fn monitors_per_peer_are_bounded() {
    let net = MemoryNet::new(1);
    let b = node(&net, "b", limits(|limits| limits.monitors_per_peer = 3)).await;
    let a = node(&net, "a", Limits::default()).await;
    let ports: Vec<_> = (0..5).map(|_| b.port()).collect();
    let mut monitors: Vec<_> = ports[..3].iter().map(|port| a.monitor(port)).collect();
    let again = a.monitor(&ports[0]);
    settled(&a, &b).await;
    drop(monitors.pop());
    monitors.push(a.monitor(&ports[3]));
    let ghost: PortId = "b#ghost".parse().expect("valid");
    settled(&a, &b).await;
    assert!(monitors.iter().all(|monitor| monitor.fired().is_none()), "three at a time");
    drop(monitors.remove(0));
    drop(again);
    assert_eq!(within(a.monitor(&ghost)).await, Reason::no_such_port(&ghost), "one that is answered is none");
    monitors.push(a.monitor(&ports[0]));
    settled(&a, &b).await;
    assert_eq!(a.nodes().len(), 1);
    let one_more = a.monitor(&ports[4]);
    assert_eq!(within(one_more).await.word(), "transport_error");
    for monitor in monitors {
        assert_eq!(within(monitor).await.word(), "transport_error");
    }
    let monitor = a.monitor(&ports[4]);
    settled(&a, &b).await;
    assert_eq!(monitor.fired(), None, "a new connection begins from nothing");
}

#[tokio::test(start_paused = true)]
async fn ports_peers_and_names_are_bounded() {
    let change = |limits: &mut Limits| {
        (limits.ports, limits.peers, limits.names) = (2, 1, 2);
        limits.max_message = 100;
    };
    let a = node(&MemoryNet::new(1), "a", limits(change)).await;
    let (one, two) = (a.port(), a.port());
    assert_eq!(a.try_port().map(drop), Err(SendError::TooManyPorts(2)));
    assert!(a.register_name("one", &one) && a.register_name("two", &two));
    assert!(a.register_name("one", &one), "it is known");
    assert!(!a.register_name("three", &one), "too many");
    assert!(!a.register_name("one", &two), "taken");
    drop(two);
    assert!(a.register_name("three", &one));
    drop(one);
    let one = a.port();
    assert!(a.register_name("one", &one) && a.register_name("three", &one));
    assert!(!a.register_name("far", "b#p".parse::<PortId>().expect("valid")), "no port of this node");

    let (x, y): (PortId, PortId) = ("x#p".parse().expect("valid"), "y#p".parse().expect("valid"));
    assert!(a.try_send(&x, "x".repeat(101)).is_err(), "a message that cannot be sent leaves no peer behind");
    assert_eq!(a.try_send(&y, 1), Ok(()));
    assert_eq!(a.try_send(&x, 1), Err(TrySendError::Send(SendError::TooManyPeers(1))));
    assert_eq!(text(&within(a.monitor(&x)).await), "too many peers");
    seconds(3.0).await;
    assert_eq!(a.try_send(&x, 1), Ok(()), "y is not remembered any more");
}

/// A node that has as many peers as it may have refuses another one, and says why.
#[tokio::test(start_paused = true)]
async fn a_peer_too_many_is_refused() {
    let net = MemoryNet::new(1);
    let a = node(&net, "a", limits(|limits| limits.peers = 1)).await;
    let b = node(&net, "b", Limits::default()).await;
    settled(&b, &a).await;
    let c: Node = node(&net, "c", Limits::default()).await;
    let reason = within(c.monitor(NodeId::new("a").expect("valid"))).await;
    assert_eq!(reason.word(), "transport_error");
    assert_eq!(a.nodes(), [b.id().clone()]);
}
