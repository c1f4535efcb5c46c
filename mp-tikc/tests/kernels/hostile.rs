//! Peers that mean harm, and those that read nothing: bounded, and the honest are served.

use std::time::Duration;

use mp_tikc::exchange::ExchangeError;
use mp_tikc::frame::FrameError;
use mp_tikc::{Failure, Kernel, KernelEvent, KernelEvents, LinkError, PostError, Server, TikcLimits, Value};
use mp_transport::MemoryNet;

use crate::net::{Puppet, aliases, at, hub, joined, kernel_with, next, settle};

async fn down(events: &mut KernelEvents) -> LinkError {
    loop {
        if let KernelEvent::Down { error, .. } = events.next().await.unwrap() {
            return error;
        }
    }
}

async fn bounded(net: &MemoryNet, limits: TikcLimits) -> (Kernel, Server) {
    let kernel = kernel_with(net, "srv", limits);
    let server = kernel.serve().address(at("srv")).allow_plain().start().await.unwrap();
    (kernel, server)
}

/// [TK-02], [TK-03], [TK-04]: each ends its own connection at once.
#[tokio::test(start_paused = true)]
async fn an_endless_header_a_huge_length_and_a_bomb() {
    let net = MemoryNet::new(1);
    let (server, _listening) = hub(&net, "srv").await;
    let mut events = server.events();
    let mut bomb = bytes::BytesMut::new();
    mp_tikc::frame::write_frame(&vec![0; 40 << 20], true, &mut bomb);
    let max = server.limits().max_frame;
    let attacks: [(Vec<u8>, FrameError); 3] = [
        (vec![b'1'; 1_000_000], FrameError::EndlessHeader),
        (b"9999999999\0".to_vec(), FrameError::TooLong { len: 9_999_999_999, max }),
        (bomb.to_vec(), FrameError::Bomb { max }),
    ];
    for (bytes, error) in attacks {
        let mut peer = Puppet::dial(&net, "evil", "srv").await;
        peer.raw(&bytes).await;
        assert_eq!(down(&mut events).await, LinkError::Exchange(error.into()));
        assert!(peer.is_closed().await);
    }
}

/// [TK-33]: at the bound and one past it, for one connection and for all together.
#[tokio::test(start_paused = true)]
async fn a_flood_of_aliases_ends_its_connection() {
    let net = MemoryNet::new(1);
    let mut limits = TikcLimits::default();
    (limits.aliases_per_link, limits.aliases) = (100, 150);
    let (server, _listening) = bounded(&net, limits).await;
    let mut events = server.events();
    let names = |prefix: &str, count: usize| (0..count).map(|n| format!("{prefix}{n}")).collect::<Vec<_>>();
    let setup = async |peer: &mut Puppet, names: &[String]| {
        peer.setup(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
        settle().await;
    };
    let mut full = Puppet::dial(&net, "full", "srv").await;
    setup(&mut full, &names("f", 100)).await;
    assert_eq!(aliases(&server).len(), 100);
    let mut flood = Puppet::dial(&net, "flood", "srv").await;
    setup(&mut flood, &names("x", 50)).await;
    assert_eq!(aliases(&server).len(), 150);
    setup(&mut flood, &names("y", 1)).await;
    assert!(flood.is_closed().await, "more than all may have together");
    assert_eq!(aliases(&server).len(), 100);
    setup(&mut full, &names("g", 1)).await;
    let error = LinkError::Exchange(ExchangeError::TooManyAliases { max: 150 });
    assert_eq!(down(&mut events).await, error);
    let error = LinkError::Exchange(ExchangeError::TooManyAliases { max: 100 });
    assert_eq!(down(&mut events).await, error);
    settle().await;
    assert!(aliases(&server).is_empty());
}

/// [TK-54]: 2,000 connections that say nothing; the oldest give way, and one who speaks is served.
#[tokio::test(start_paused = true)]
async fn many_silent_connections_do_not_lock_out_others() {
    let net = MemoryNet::new(1);
    let mut limits = TikcLimits::default();
    limits.strangers = 16;
    let (server, _listening) = bounded(&net, limits).await;
    let mut session = server.session("srv").unwrap();
    let mut silent = Vec::new();
    for _ in 0..2000 {
        silent.push(Puppet::dial(&net, "silent", "srv").await);
        tokio::task::yield_now().await;
    }
    settle().await;
    let mut honest = Puppet::dial(&net, "honest", "srv").await;
    honest.post("srv", "hello", &[]).await;
    assert_eq!(next(&mut session).await.0, "hello");
    assert_eq!(server.connections(), 1);
    assert!(silent[0].is_closed().await);
    assert!(!silent[1999].is_closed().await);
}

/// [TK-54]: those who speak are counted, too.
#[tokio::test(start_paused = true)]
async fn a_server_has_so_many_clients() {
    let net = MemoryNet::new(1);
    let mut limits = TikcLimits::default();
    limits.clients = 3;
    let (server, _listening) = bounded(&net, limits).await;
    let mut clients = Vec::new();
    for _ in 0..3 {
        let mut client = Puppet::dial(&net, "c", "srv").await;
        client.setup(&[]).await;
        settle().await;
        clients.push(client);
    }
    let mut fourth = Puppet::dial(&net, "c", "srv").await;
    assert!(fourth.is_closed().await);
    clients.pop();
    settle().await;
    let mut fourth = Puppet::dial(&net, "c", "srv").await;
    fourth.setup(&["fourth"]).await;
    settle().await;
    assert_eq!(aliases(&server), ["fourth"]);
}

/// [TK-41]: the queue to a peer that reads nothing is bounded; `try_post` says so, `post` waits, and when the peer is gone
/// what was queued is told.
#[tokio::test(start_paused = true)]
async fn a_peer_that_reads_nothing_fills_its_queue_and_no_more() {
    let net = MemoryNet::new(1);
    let mut limits = TikcLimits::default();
    limits.queue_bytes = 100_000;
    let (server, _listening) = bounded(&net, limits).await;
    let mut peer = Puppet::dial(&net, "deaf", "srv").await;
    peer.setup(&["deaf"]).await;
    assert!(server.wait_for("deaf").await);
    let text = "x".repeat(1000);
    let mut taken = 0;
    let full = loop {
        match server.try_post("deaf", "e", (&text,)) {
            Ok(()) => taken += 1,
            Err(error) => break error,
        }
        if taken % 10 == 0 {
            settle().await;
        }
    };
    assert!(matches!(full, PostError::Undeliverable { failure: Failure::Full, .. }), "{full:?}");
    assert!((100..1000).contains(&taken), "{taken} posts of 1 KB");
    let mut events = server.events();
    let waiting = tokio::spawn({
        let server = server.clone();
        async move { server.post("deaf", "waits", ()).await }
    });
    settle().await;
    assert!(!waiting.is_finished());
    drop(peer);
    let refused = waiting.await.unwrap();
    assert!(
        matches!(refused, Err(PostError::Undeliverable { failure: Failure::NoSuchAlias, .. })),
        "{refused:?}"
    );
    let mut told = 0;
    while let Ok(Some(event)) = tokio::time::timeout(Duration::from_secs(1), events.next()).await {
        told += u32::from(matches!(event, KernelEvent::Undelivered { failure: Failure::Disconnected, .. }));
    }
    assert!(told >= 90, "{told} of what had not left were told");
}

/// [TK-43]: answers to calls that were not made over that link, or not at all, do nothing.
#[tokio::test(start_paused = true)]
async fn answers_to_nobodys_calls() {
    let net = MemoryNet::new(1);
    let (server, _listening) = hub(&net, "srv").await;
    let (a, _client) = joined(&net, "a", "srv").await;
    let mut session = a.session("a").unwrap();
    server.wait_for("a").await;
    let asked = tokio::spawn(async move { server.call("a", "e", ()).values().await });
    let mut event = session.recv().await.unwrap();
    let mut forger = Puppet::dial(&net, "forger", "srv").await;
    for call in 0..50_i64 {
        let answer: mp_tikc::Map = [
            ("action", Value::from("mp_answer")),
            ("call", call.into()),
            ("values", vec![Value::from("forged")].into()),
        ]
        .into_iter()
        .collect();
        forger.setup(&[]).await;
        forger.say(&Value::Map(answer)).await;
    }
    settle().await;
    event.answer(("right",)).unwrap();
    assert_eq!(asked.await.unwrap().unwrap(), ["right".into()]);
}

/// [TK-44]: a kernel of POE::TIKC is asked by a post, and answers by one.
#[tokio::test(start_paused = true)]
async fn a_kernel_of_poe_is_asked_with_a_reply_event() {
    let net = MemoryNet::new(1);
    let (server, _listening) = hub(&net, "srv").await;
    let mut session = server.session("srv").unwrap();
    let mut perl = Puppet::dial(&net, "perl", "srv").await;
    perl.setup(&["perl"]).await;
    server.wait_for("perl").await;
    let plain = server.call("perl", "echo", (1,)).values().await;
    assert!(plain.is_err(), "{plain:?}");
    let asked =
        tokio::spawn(async move { server.call("perl", "echo", (1, "x")).reply_to("srv").values().await });
    let post = loop {
        let value = perl.hear().await.unwrap();
        if value.as_map().unwrap().get("event").is_some() {
            break value;
        }
    };
    let args = post.as_map().unwrap().get("args").unwrap().as_list().unwrap().to_vec();
    let [alias, event, rest @ ..] = &args[..] else { panic!("{args:?}") };
    assert_eq!(alias.as_str().unwrap(), "srv");
    perl.post("srv", &event.as_str().unwrap(), rest).await;
    assert_eq!(asked.await.unwrap().unwrap(), [1.into(), "x".into()]);
    assert!(session.try_recv().is_none());
}

/// [TK-05]: a peer whose filter compresses is answered so, and told anew what it could not read.
#[tokio::test(start_paused = true)]
async fn a_peer_that_compresses_is_answered_compressed() {
    let net = MemoryNet::new(1);
    let (server, _listening) = hub(&net, "srv").await;
    let mut session = server.session("srv").unwrap();
    let mut perl = Puppet::dial(&net, "perl", "srv").await;
    assert_eq!(perl.heard().await, ["setup srv"]);
    let setup = crate::net::list("setup", &["p"]);
    let mut out = bytes::BytesMut::new();
    mp_tikc::frame::write_frame(&mp_proto::codec::storable::freeze(&setup).unwrap(), true, &mut out);
    perl.raw(&out).await;
    let (value, compressed) = perl.hear_image().await.unwrap();
    assert!(compressed);
    assert_eq!(crate::net::told(&value), "setup srv");
    perl.post("srv", "e", &[]).await;
    assert_eq!(next(&mut session).await.0, "e");
}

/// [TK-37]: an alias of a kernel of POE::TIKC that two of ours see both ways is gone when it is taken back.
#[tokio::test(start_paused = true)]
async fn an_alias_seen_on_two_ways_is_gone_when_it_is_taken_back() {
    let net = MemoryNet::new(1);
    let (one, _listening_one) = hub(&net, "one").await;
    let (two, _listening_two) = hub(&net, "two").await;
    let _client = two.connect(at("one")).allow_plain().start().unwrap();
    two.connected().await;
    // A hub of Perl's that both are joined to.
    let mut to_one = Puppet::dial(&net, "perl", "one").await;
    let mut to_two = Puppet::dial(&net, "perl", "two").await;
    to_one.setup(&["x"]).await;
    to_two.setup(&["x"]).await;
    settle().await;
    assert_eq!((aliases(&one), aliases(&two)), (vec!["x".into()], vec!["x".into()]));
    to_one.say(&crate::net::list("remove", &["x"])).await;
    to_two.say(&crate::net::list("remove", &["x"])).await;
    settle().await;
    assert_eq!((aliases(&one), aliases(&two)), (vec![], vec![]));
}

/// [TK-38]: see what `a client says at first` in the replays.
#[tokio::test(start_paused = true)]
async fn a_remove_of_nothing_is_harmless() {
    let net = MemoryNet::new(1);
    let (server, _listening) = hub(&net, "srv").await;
    let _session = server.session("srv").unwrap();
    let mut perl = Puppet::dial(&net, "perl", "srv").await;
    perl.say(&crate::net::list("remove", &["_tikc_mp", "srv"])).await;
    settle().await;
    assert_eq!(aliases(&server), ["srv"], "one takes back one's own alone");
}

/// [TK-06]: all recorded hostile images, also those that kill or hang Perl, in frames. The kernel serves others
/// meanwhile.
#[tokio::test(start_paused = true)]
async fn hostile_images() {
    let net = MemoryNet::new(1);
    let (server, _listening) = hub(&net, "srv").await;
    let mut session = server.session("srv").unwrap();
    let mut honest = Puppet::dial(&net, "honest", "srv").await;
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../mp-proto/tests/vectors/storable-hostile.json");
    let recorded: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let cases = recorded["cases"].as_array().unwrap();
    assert!(cases.len() >= 40);
    for case in cases {
        let parts = case["image"].as_array().unwrap().iter();
        let image: Vec<u8> = parts
            .flat_map(|part| {
                let times = usize::try_from(part[1].as_u64().unwrap()).unwrap();
                crate::replay::hex(part[0].as_str().unwrap()).repeat(times)
            })
            .collect();
        let mut evil = Puppet::dial(&net, "evil", "srv").await;
        let mut out = bytes::BytesMut::new();
        mp_tikc::frame::write_frame(&image, false, &mut out);
        evil.raw(&out).await;
        honest.post("srv", "honest", &[]).await;
        assert_eq!(next(&mut session).await.0, "honest", "{}", case["name"]);
    }
    settle().await;
    assert_eq!(server.connections(), 1, "nobody else said anything that counts");
}
