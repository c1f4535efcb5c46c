//! A peer of another kind: it speaks JSON, knows nothing of `go`, instances and signs of life, and takes a connection
//! for made as soon as it has our proof.

use mp_node::memory::MemoryNet;
use mp_node::{Limits, NodeId, PortId, Reason};
use mp_proto::HandshakeEvent;
use mp_transport::{Transport, clock};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::net::{limits, moment, node, seconds, text, within};
use crate::puppet::{self, Kind};

#[tokio::test(start_paused = true)]
async fn messages_monitors_kills_and_spawns() {
    let net = MemoryNet::new(1);
    let a = node(&net, "a", Limits::default()).await;
    a.register_function("echo", |mut port, _| async move {
        while let Some((text, reply)) = port.recv_as::<(String, PortId)>().await {
            drop(port.node().send(&reply, (text,)).await);
        }
    });
    let mut port = a.port();
    let mut perl = puppet::dial(&net, "perl", "a", &Kind::Perl).await.established().await;
    perl.say_bytes(
        format!("[] [\"\"] [\"\",\"\"]\n[\"{}\",\"hello\",1,\"perl#p\"]", port.id().name()).as_bytes(),
    );
    perl.flush().await;
    assert_eq!(
        within(port.recv_as()).await,
        Some(("hello".to_owned(), 1, "perl#p".parse::<PortId>().expect("valid")))
    );

    // Its monitor of ours, and ours of its.
    let name = port.id().name().to_owned();
    perl.send("", ("mon1", &name)).await;
    perl.send("", ("mon1", "ghost")).await;
    assert_eq!(
        perl.hears().await,
        r#""" ["kil0","ghost","no_such_port","cannot monitor nonexistent port","a#ghost"]"#
    );
    a.kill(&port, Reason::die("why"));
    assert_eq!(perl.hears().await, format!(r#""" ["kil0","{name}","die","why"]"#));
    let other = a.port();
    perl.send("", ("kil1", other.id().name(), "bye")).await;
    assert_eq!(within(a.monitor(&other)).await, Reason::from_values(vec!["bye".into()]));
    a.kill("perl#victim".parse::<PortId>().expect("valid"), Reason::normal());
    assert_eq!(perl.hears().await, r#""" ["kil1","victim"]"#);

    // Spawning: a function that is registered, and one that is not.
    perl.send("", ("AnyEvent::MP::_spawn", "Rb", "echo")).await;
    perl.send("Rb", ("spawned", "perl#p")).await;
    assert_eq!(perl.hears().await, r#""p" ["spawned"]"#);
    perl.send("", ("AnyEvent::MP::_spawn", "Rc", "POSIX::_exit", 1)).await;
    perl.send("", ("mon1", "Rc")).await;
    assert_eq!(
        perl.hears().await,
        r#""" ["kil0","Rc","spawn_failed","no function \"POSIX::_exit\" is registered"]"#
    );
    assert_eq!(a.nodes(), [NodeId::new("perl").expect("valid")]);
}

/// It asks three times and takes back one of it, so it is told twice. [MON-04]
#[tokio::test(start_paused = true)]
async fn a_death_is_told_once_for_each_request() {
    let net = MemoryNet::new(1);
    let a = node(&net, "a", Limits::default()).await;
    let mut perl = puppet::dial(&net, "perl", "a", &Kind::Perl).await.established().await;
    let port = a.port();
    let name = port.id().name();
    for tag in ["mon1", "mon1", "mon1", "mon0"] {
        perl.send("", (tag, name)).await;
    }
    perl.send("", ("kil1", name)).await;
    perl.send("", ("snd", "perl#p", "behind it")).await;
    let told = format!(r#""" ["kil0","{name}"]"#);
    assert_eq!([perl.hears().await, perl.hears().await], [told.clone(), told]);
    assert_eq!(perl.hears().await, r#""p" ["behind it"]"#);
}

/// What goes over the wire, to the byte: no `go`, and no sign of life.
#[tokio::test(start_paused = true)]
async fn it_hears_nothing_that_it_would_not_understand() {
    let net = MemoryNet::new(1);
    let a = node(&net, "a", Limits::default()).await;
    let pipe = net.host("perl").dial(&"a:1".parse().expect("valid")).await.expect("somebody listens");
    let mut shaking = puppet::shake(pipe, "perl", &Kind::Perl, crate::net::SECRET, mp_proto::Side::Dialled)
        .authenticated()
        .await;
    moment().await;
    a.send("perl#p".parse::<PortId>().expect("valid"), ("x", 1)).await.expect("room");
    seconds(100.0).await;
    let late = clock::now() + mp_transport::driver::LAST_WORDS;
    shaking.driver.flush(&mut shaking.handshake, late).await.expect("writes");
    let parts = shaking.driver.into_parts();
    let (mut pipe, mut seen) = (parts.pipe, parts.input);
    a.shutdown().await;
    within(pipe.read_buf(&mut seen)).await.expect("open");
    assert_eq!(&seen[..], br#"["p","x",1]"#);
}

/// Of several connections with it, only one ever gets our proof. [ND-05]
#[tokio::test(start_paused = true)]
async fn the_proof_is_withheld_from_a_second_connection() {
    let net = MemoryNet::new(1);
    let a = node(&net, "a", Limits::default()).await;
    let mut shaking = Vec::new();
    for _ in 0..3 {
        let mut one = puppet::dial(&net, "perl", "a", &Kind::Perl).await;
        assert!(matches!(one.event().await, Ok(HandshakeEvent::PeerGreeted { .. })));
        shaking.push(one);
    }
    let monitor = a.monitor(NodeId::new("perl").expect("valid"));
    let mut proofs = 0;
    for one in &mut shaking {
        while let Ok(event) = one.event().await {
            if let HandshakeEvent::Authenticated { .. } = event {
                proofs += 1;
                break;
            }
        }
    }
    let mut late = puppet::dial(&net, "perl", "a", &Kind::Perl).await;
    while let Ok(event) = late.event().await {
        assert!(!matches!(event, HandshakeEvent::Authenticated { .. }), "the newcomer loses");
    }
    assert_eq!((proofs, monitor.fired(), a.nodes().len()), (1, None, 1));
}

/// Both dial at the same time: there is one connection, over which all messages go. [ND-05]
#[tokio::test(start_paused = true)]
async fn a_perl_node_that_dials_us_while_we_dial_it_has_one_connection() {
    for delay in [0, 1, 5, 20, 50] {
        let net = MemoryNet::new(delay);
        net.between("a", "perl")
            .delay(std::time::Duration::from_millis(20), std::time::Duration::from_millis(10));
        let a = node(&net, "a", Limits::default()).await;
        let port: PortId = "perl#p".parse().expect("valid");
        let monitor = a.monitor(&port);
        a.send(&port, "queued").await.expect("room");
        let dialling = async {
            tokio::time::sleep(std::time::Duration::from_millis(delay)).await;
            puppet::dial(&net, "perl", "a", &Kind::Perl).await
        };
        let (mut dialled, mut accepted) = tokio::join!(dialling, puppet::accept(&net, "perl", &Kind::Perl));
        // A Perl node takes whichever has our proof first.
        let both = async { tokio::join!(proof(&mut dialled), proof(&mut accepted)) };
        let (one, other) = both.await;
        assert!(one != other, "{delay}: {one} {other}");
        let mut perl = if one { dialled } else { accepted }.established().await;
        assert_eq!(perl.hears().await, r#""" ["mon1","p"]"#);
        assert_eq!(perl.hears().await, r#""p" ["queued"]"#);
        assert_eq!((monitor.fired(), a.nodes().len()), (None, 1));
    }
}

/// Whether the handshake gets our proof; the events before the last one are passed over.
async fn proof(shaking: &mut puppet::Shaking) -> bool {
    loop {
        match shaking.event().await {
            Ok(HandshakeEvent::Authenticated { .. }) => return true,
            Ok(_) => {}
            Err(_) => return false,
        }
    }
}

/// If the first handshake fails, the next one goes on. [ND-05]
#[tokio::test(start_paused = true)]
async fn the_next_connection_gets_the_proof_if_the_first_is_lost() {
    let net = MemoryNet::new(1);
    let a = node(&net, "a", Limits::default()).await;
    let first = puppet::dial(&net, "perl", "a", &Kind::Perl).await.established().await;
    moment().await;
    drop(first);
    moment().await;
    assert!(a.nodes().is_empty());
    let mut second = puppet::dial(&net, "perl", "a", &Kind::Perl).await.established().await;
    moment().await;
    a.send("perl#p".parse::<PortId>().expect("valid"), "again").await.expect("room");
    assert_eq!(second.hears().await, r#""p" ["again"]"#);
}

/// Nothing that a stranger claims has an effect: it cannot even be told from a node whose name is free. [ND-06]
#[tokio::test(start_paused = true)]
async fn a_claim_without_the_secret_disturbs_nobody() {
    let net = MemoryNet::new(1);
    let a = node(&net, "a", Limits::default()).await;
    let mut real = puppet::dial(&net, "perl", "a", &Kind::Perl).await.established().await;
    moment().await;
    let monitor = a.monitor(NodeId::new("perl").expect("valid"));
    for kind in [Kind::Perl, Kind::Ours(7)] {
        for name in ["perl", "nobody"] {
            let mut thief = puppet::dial_with(&net, name, "a", &kind, "guessed").await;
            while thief.event().await.is_ok() {}
        }
    }
    seconds(20.0).await;
    a.send("perl#p".parse::<PortId>().expect("valid"), "still").await.expect("room");
    assert_eq!(real.hears().await, r#""p" ["still"]"#);
    assert_eq!((monitor.fired(), a.nodes().len()), (None, 1));
}

/// We dial it, and what waited goes out in its framing.
#[tokio::test(start_paused = true)]
async fn it_is_dialled_like_any_other() {
    let net = MemoryNet::new(1);
    let a = node(&net, "a", Limits::default()).await;
    let port: PortId = "perl#p".parse().expect("valid");
    let monitor = a.monitor(&port);
    a.send(&port, ("queued", 1.5, [1_u8])).await.expect("room");
    let mut perl = puppet::accept(&net, "perl", &Kind::Perl).await.established().await;
    assert_eq!(perl.hears().await, r#""" ["mon1","p"]"#);
    assert_eq!(perl.hears().await, r#""p" ["queued",1.5,[1]]"#);
    perl.send("", ("kil0", "p")).await;
    assert!(within(monitor).await.is_normal());
}

/// What waits and cannot be written in the peer's framing is lost, and that is told: the connection is not made.
#[tokio::test(start_paused = true)]
async fn a_queue_that_its_framing_cannot_carry_is_lost_aloud() {
    let net = MemoryNet::new(1);
    let a = node(&net, "a", limits(|limits| limits.max_message = 300)).await;
    let port: PortId = "perl#p".parse().expect("valid");
    let monitor = a.monitor(&port);
    a.send(&port, "fits").await.expect("room");
    a.send(&port, "\u{1}".repeat(250)).await.expect("fits in the form in which it waits");
    let mut perl = puppet::accept(&net, "perl", &Kind::Perl).await;
    while perl.event().await.is_ok() {}
    let reason = within(monitor).await;
    assert!(text(&reason).starts_with("what waited for the peer cannot be written in json"), "{reason}");
    let monitor = a.monitor(&port);
    a.send(&port, "next").await.expect("room");
    let mut perl = puppet::accept(&net, "perl", &Kind::Perl).await.established().await;
    assert_eq!(perl.hears().await, r#""" ["mon1","p"]"#);
    assert_eq!(perl.hears().await, r#""p" ["next"]"#);
    drop(monitor);
}

/// Bytes of any kind end a connection, and nothing else. [CN-03]
#[tokio::test(start_paused = true)]
async fn garbage_ends_its_connection_alone() {
    let net = MemoryNet::new(1);
    let _a = node(&net, "a", Limits::default()).await;
    let mut other = puppet::dial(&net, "other", "a", &Kind::Perl).await.established().await;
    for garbage in [&b"{}"[..], b"[\"p\",nan]", b"]", b"[\"p\",\"\xff\"]", b"GET / HTTP/1.1\r\n"] {
        let mut perl = puppet::dial(&net, "perl", "a", &Kind::Perl).await.established().await;
        perl.say_bytes(garbage);
        perl.flush().await;
        perl.end().await;
        let mut pipe = net.host("x").dial(&"a:1".parse().expect("valid")).await.expect("listens");
        pipe.write_all(garbage).await.expect("open");
    }
    other.send("", ("time", "other#p")).await;
    assert!(other.hears().await.starts_with("\"p\" ["));
}

/// [ND-30]: Perl closes a second connection as soon as it has read our name. A node that dials a seed which was quicker must
/// find out that it has it already; and nobody else can pass for it.
#[tokio::test(start_paused = true)]
async fn a_peer_that_closes_as_it_is_connected_already_is_known_by_its_host() {
    let net = MemoryNet::new(1);
    let a = node(&net, "a", Limits::default()).await;
    let _perl = puppet::dial(&net, "perl", "a", &Kind::Perl).await.established().await;
    for (host, is_taken) in [("perl", true), ("elsewhere", false)] {
        let addr = format!("{host}:1").parse().expect("valid");
        let mut listener = net.host(host).listen(&addr).await.expect("free");
        let refuses = async {
            let mut pipe = listener.accept().await.expect("somebody dials");
            let lines = format!("aemp;1;perl;hmac_sha3_512;json;provider=AE-2.01\n{}\n", "n".repeat(88));
            pipe.write_all(lines.as_bytes()).await.expect("written");
            let mut greeting = [0; 64];
            pipe.read_exact(&mut greeting).await.expect("a greeting");
        };
        let (dialled, ()) = tokio::join!(within(a.dial(&addr)), refuses);
        match dialled {
            Ok(node) => assert!(is_taken && node.as_str() == "perl", "{node}"),
            Err(error) => assert!(!is_taken, "{error}"),
        }
    }
}
