//! Who is let in.

use std::sync::Arc;
use std::time::Duration;

use mp_tikc::exchange::ExchangeError;
use mp_tikc::{Kernel, KernelEvent, LinkError, Peer, Secret, StartError, Value};
use mp_transport::MemoryNet;

use crate::net::{Puppet, aliases, at, hub, kernel, next, settle};

fn with_secret(net: &MemoryNet, host: &str, secret: &str) -> Kernel {
    let secret = Secret::from_text(secret).unwrap();
    Kernel::builder().transport(Arc::new(net.host(host))).secret(secret).start().unwrap()
}

/// [TK-51]
#[tokio::test(start_paused = true)]
async fn nobody_listens_to_other_machines_unless_told() {
    let net = MemoryNet::new(1);
    let bare = kernel(&net, "srv");
    let refused = bare.serve().address(at("srv")).start().await;
    assert!(matches!(refused, Err(StartError::Untrusted(_))), "{refused:?}");
    let refused = bare.connect(at("srv")).start();
    assert!(matches!(refused, Err(StartError::Untrusted(_))), "{refused:?}");
    assert_eq!(mp_tikc::DEFAULT_ADDRESS, "127.0.0.1:2021");
}

/// [TK-50], [TK-52]
#[tokio::test(start_paused = true)]
async fn the_same_secret_on_both_sides_lets_in_and_another_does_not() {
    let net = MemoryNet::new(1);
    let server = with_secret(&net, "srv", "s3kr1t");
    let _listening = server.serve().address(at("srv")).start().await.unwrap();
    let mut session = server.session("srv").unwrap();
    let mut events = server.events();
    let (good, bad) = (with_secret(&net, "a", "s3kr1t"), with_secret(&net, "b", "wrong"));
    let client = good.connect(at("srv")).start().unwrap();
    good.post("srv", "hello", ()).await.unwrap();
    assert!(client.connected().await);
    assert_eq!(next(&mut session).await.0, "hello");
    assert_eq!(aliases(&good), ["srv"]);
    let up = events.next().await.unwrap();
    let proven = matches!(
        &up,
        KernelEvent::Up { peer: Peer::Own { kernel, proven: true, .. }, .. } if *kernel == good.id()
    );
    assert!(proven, "{up:?}");

    let mut of_bad = bad.events();
    let client = bad.connect(at("srv")).start().unwrap();
    let _named = bad.session("b").unwrap();
    let KernelEvent::Came { .. } = of_bad.next().await.unwrap() else { panic!("its own alias") };
    let KernelEvent::Down { error, .. } = of_bad.next().await.unwrap() else { panic!("not down") };
    let secret = LinkError::Exchange(ExchangeError::WrongSecret);
    assert!(error == secret || error == LinkError::Exchange(ExchangeError::Ended), "{error:?}");
    assert!(!client.is_connected());
    assert_eq!(aliases(&server), ["srv"]);
}

/// [TK-51]: to one who has to prove itself no alias is told, and nothing it says counts.
#[tokio::test(start_paused = true)]
async fn a_plain_peer_learns_nothing_where_a_proof_is_wanted() {
    let net = MemoryNet::new(1);
    let server = with_secret(&net, "srv", "s3kr1t");
    let _listening = server.serve().address(at("srv")).start().await.unwrap();
    let session = server.session("srv").unwrap();
    let mut perl = Puppet::dial(&net, "perl", "srv").await;
    perl.setup(&["evil"]).await;
    perl.post("srv", "e", &[]).await;
    assert_eq!(perl.heard().await, ["setup "]);
    assert!(perl.is_closed().await);
    assert_eq!((session.waiting(), aliases(&server)), (0, vec!["srv".to_owned()]));
}

/// [TK-51]: a peer who is let in by name needs no proof, also beside a secret.
#[tokio::test(start_paused = true)]
async fn plain_peers_are_let_in_by_name() {
    let net = MemoryNet::new(1);
    let server = with_secret(&net, "srv", "s3kr1t");
    let _listening = server.serve().address(at("srv")).allow_plain().start().await.unwrap();
    let _session = server.session("srv").unwrap();
    let mut perl = Puppet::dial(&net, "perl", "srv").await;
    perl.setup(&["p"]).await;
    assert_eq!(perl.heard().await, ["setup srv"]);
    let proven = with_secret(&net, "a", "s3kr1t");
    let client = proven.connect(at("srv")).start().unwrap();
    assert!(client.connected().await);
    assert_eq!(aliases(&proven), ["p", "srv"], "the setup that follows the proof tells all");
    let without = kernel(&net, "b");
    let client = without.connect(at("srv")).allow_plain().start().unwrap();
    assert!(client.connected().await);
    assert_eq!(aliases(&without), ["p", "srv"]);
}

/// [TK-51]: both sides have a secret and would do without; what was under way before the proof does no harm.
#[tokio::test(start_paused = true)]
async fn a_proof_where_none_is_needed() {
    let net = MemoryNet::new(1);
    let (server, a) = (with_secret(&net, "srv", "s3kr1t"), with_secret(&net, "a", "s3kr1t"));
    let _listening = server.serve().address(at("srv")).allow_plain().start().await.unwrap();
    let (_one, _other) = (server.session("srv").unwrap(), a.session("a").unwrap());
    net.between("a", "srv").delay(Duration::from_millis(20), Duration::ZERO);
    let client = a.connect(at("srv")).allow_plain().start().unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let _late = (server.session("late").unwrap(), a.session("later").unwrap());
    assert!(client.connected().await);
    settle().await;
    for kernel in [&server, &a] {
        assert_eq!(aliases(kernel), ["a", "late", "later", "srv"]);
    }
}

/// [TK-52]: what one side says is of no use to say back.
#[tokio::test(start_paused = true)]
async fn a_hello_or_proof_sent_back_is_refused() {
    let net = MemoryNet::new(1);
    let server = with_secret(&net, "srv", "s3kr1t");
    let mut events = server.events();
    let _listening = server.serve().address(at("srv")).start().await.unwrap();
    let mut mirror = Puppet::dial(&net, "mirror", "srv").await;
    let hello = mirror.hear().await.unwrap();
    mirror.say(&hello).await;
    assert!(mirror.is_closed().await);
    let KernelEvent::Down { error, .. } = events.next().await.unwrap() else { panic!("not down") };
    assert_eq!(error, LinkError::Exchange(ExchangeError::Itself));

    // With another name and nonce the proof comes, but sent back it proves nothing.
    let mut mirror = Puppet::dial(&net, "mirror", "srv").await;
    let hello = mirror.hear().await.unwrap();
    let Value::Map(mut map) = hello else { panic!("a hash") };
    let Some(Value::Map(mut ours)) = map.get("mp").cloned() else { panic!("a hello") };
    ours.insert("kernel", "0".repeat(32));
    ours.insert("nonce", "A".repeat(88));
    map.insert("mp", ours);
    mirror.say(&Value::Map(map)).await;
    let proof = mirror.hear().await.unwrap();
    assert_eq!(proof.as_map().unwrap().get("action").unwrap().as_str().unwrap(), "mp_proof");
    mirror.say(&proof).await;
    assert!(mirror.is_closed().await);
    let KernelEvent::Down { error, .. } = events.next().await.unwrap() else { panic!("not down") };
    assert_eq!(error, LinkError::Exchange(ExchangeError::WrongSecret));
}

/// [TK-53]: at the bound and just before it; bytes that are no frame do not count.
#[tokio::test(start_paused = true)]
async fn a_client_that_says_nothing_is_dropped_after_15_s() {
    let net = MemoryNet::new(1);
    let (server, _listening) = hub(&net, "srv").await;
    let mut events = server.events();
    let mut silent = Puppet::dial(&net, "silent", "srv").await;
    let mut talker = Puppet::dial(&net, "talker", "srv").await;
    silent.raw(b"1").await;
    tokio::time::sleep(Duration::from_millis(14_900)).await;
    silent.raw(b"0").await;
    talker.setup(&[]).await;
    settle().await;
    let KernelEvent::Up { .. } = events.next().await.unwrap() else { panic!("the talker is up") };
    let KernelEvent::Down { error, .. } = events.next().await.unwrap() else { panic!("not down") };
    assert_eq!(error, LinkError::Exchange(ExchangeError::Silent { after: Duration::from_secs(15) }));
    assert!(silent.is_closed().await);
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert!(!talker.is_closed().await);
}
