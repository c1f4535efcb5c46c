//! What becomes of peers that are silent.

use std::time::Duration;

use mp_tikc::exchange::ExchangeError;
use mp_tikc::{KernelEvent, KernelEvents, LinkError, TikcLimits, Value};
use mp_transport::memory::Death;
use mp_transport::{MemoryNet, clock};

use crate::net::{Puppet, aliases, at, hub, joined, kernel_with, settle, told};

async fn down(events: &mut KernelEvents) -> LinkError {
    loop {
        if let KernelEvent::Down { error, .. } = events.next().await.unwrap() {
            return error;
        }
    }
}

/// All connections that were lost within a virtual time.
async fn lost_within(events: &mut KernelEvents, time: Duration) -> Vec<LinkError> {
    let (mut lost, end) = (Vec::new(), clock::now() + time);
    while let Ok(error) = tokio::time::timeout_at(end.into(), down(events)).await {
        lost.push(error);
    }
    lost
}

/// [TK-57]: a host that is gone without a word is noticed within its bound, on both sides, and its aliases are nobody's.
#[tokio::test(start_paused = true)]
async fn a_peer_that_vanishes_is_given_up() {
    let net = MemoryNet::new(1);
    let (server, _listening) = hub(&net, "hub").await;
    let (far, _client) = joined(&net, "far", "hub").await;
    let (near, _other) = joined(&net, "near", "hub").await;
    let _session = far.session("counter").unwrap();
    assert!(near.wait_for("counter").await);
    let (mut at_server, mut at_far) = (server.events(), far.events());
    let begin = clock::now();
    net.between("hub", "far").cut();
    let vanished = |error| matches!(error, LinkError::Exchange(ExchangeError::Vanished { .. }));
    assert!(vanished(down(&mut at_server).await));
    let took = clock::now() - begin;
    assert!(took > Duration::from_secs(10) && took < Duration::from_secs(17), "{took:?}");
    assert!(vanished(down(&mut at_far).await));
    settle().await;
    assert!(aliases(&near).is_empty());
    // It comes back by itself, once there is a way.
    net.between("hub", "far").heal();
    assert!(near.wait_for("counter").await);
}

/// [TK-30]: a kernel of Perl's dies with its process, as it does by SIGKILL. Within a second no kernel lists its aliases, be
/// it of ours or of Perl's, over links as slow as those around the world. (That the same comes to pass with a real process,
/// `live_perl.rs` shows, without a clock.)
#[tokio::test(start_paused = true)]
async fn the_aliases_of_a_process_that_dies_are_gone_everywhere_within_a_second() {
    let net = MemoryNet::new(1);
    net.everywhere().delay(Duration::from_millis(150), Duration::from_millis(50));
    let (server, _listening) = hub(&net, "hub").await;
    let ((one, _one), (two, _two)) = (joined(&net, "one", "hub").await, joined(&net, "two", "hub").await);
    let mut victim = Puppet::dial(&net, "victim", "hub").await;
    let mut witness = Puppet::dial(&net, "witness", "hub").await;
    victim.setup(&["victim"]).await;
    witness.setup(&["witness"]).await;
    for kernel in [&server, &one, &two] {
        assert!(kernel.wait_for("victim").await && kernel.wait_for("witness").await);
    }
    witness.heard().await;
    let second = clock::now() + Duration::from_secs(1);
    net.kill_host("victim", Death::Reset);
    let heard = tokio::time::timeout_at(second.into(), witness.hear()).await;
    assert_eq!(heard.ok().flatten().as_ref().map(told).as_deref(), Some("remove victim"));
    tokio::time::sleep_until(second.into()).await;
    for kernel in [&server, &one, &two] {
        assert_eq!(aliases(kernel), ["witness"]);
    }
}

/// [TK-57]: who has nothing to say is not lost for that; and the shorter of two bounds counts.
#[tokio::test(start_paused = true)]
async fn peers_that_are_idle_stay() {
    let net = MemoryNet::new(1);
    let (server, _listening) = hub(&net, "hub").await;
    let (_far, _client) = joined(&net, "far", "hub").await;
    let mut limits = TikcLimits::default();
    limits.silence = Duration::from_secs(2);
    let quick = kernel_with(&net, "quick", limits);
    let _quick_client = quick.connect(at("hub")).allow_plain().start().unwrap();
    let mut limits = TikcLimits::default();
    limits.silence = Duration::ZERO;
    let never = kernel_with(&net, "never", limits);
    let _never_client = never.connect(at("hub")).allow_plain().start().unwrap();
    assert!(quick.connected().await && never.connected().await);
    let mut events = server.events();
    assert_eq!(lost_within(&mut events, Duration::from_secs(600)).await, []);
    net.around("quick").cut();
    net.around("never").cut();
    let bound = Duration::from_secs(2);
    let lost = lost_within(&mut events, Duration::from_secs(600)).await;
    assert_eq!(lost, [LinkError::Exchange(ExchangeError::Vanished { after: bound })]);
}

/// [TK-57]: a kernel of POE::TIKC hears nothing of this, and may be silent for ever.
#[tokio::test(start_paused = true)]
async fn kernels_of_perl_may_be_silent() {
    let net = MemoryNet::new(1);
    let (server, _listening) = hub(&net, "hub").await;
    let mut perl = Puppet::dial(&net, "perl", "hub").await;
    perl.setup(&["p"]).await;
    assert!(server.wait_for("p").await);
    assert_eq!(perl.heard().await, ["setup "]);
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert!(perl.heard().await.is_empty());
    assert_eq!(aliases(&server), ["p"]);
}

/// [TK-57] [TK-41]: who is not read, as a mailbox is full, is not silent.
#[tokio::test(start_paused = true)]
async fn who_is_not_listened_to_is_not_given_up() {
    let net = MemoryNet::new(1);
    let mut limits = TikcLimits::default();
    (limits.mailbox, limits.patience) = (1, Duration::from_secs(120));
    let server = kernel_with(&net, "hub", limits);
    let _listening = server.serve().address(at("hub")).allow_plain().start().await.unwrap();
    let (far, _client) = joined(&net, "far", "hub").await;
    let mut session = server.session("slow").unwrap();
    assert!(far.wait_for("slow").await);
    let (mut at_server, mut at_far) = (server.events(), far.events());
    for number in 0..3 {
        far.post("slow", "e", (number,)).await.unwrap();
    }
    assert_eq!(lost_within(&mut at_server, Duration::from_secs(100)).await, []);
    assert_eq!(lost_within(&mut at_far, Duration::from_secs(1)).await, []);
    for number in 0..3 {
        assert_eq!(session.recv().await.unwrap().into_args(), [Value::from(number)]);
    }
    assert_eq!(lost_within(&mut at_server, Duration::from_secs(100)).await, []);
}

/// [TK-57] [TK-42]: what was posted to the one who vanished is told.
#[tokio::test(start_paused = true)]
async fn posts_to_who_vanished_are_told() {
    let net = MemoryNet::new(1);
    net.buffer_size(1024);
    let (server, _listening) = hub(&net, "hub").await;
    let (far, client) = joined(&net, "far", "hub").await;
    let _session = far.session("counter").unwrap();
    assert!(server.wait_for("counter").await);
    net.between("hub", "far").cut();
    let mut events = server.events();
    for number in 0..8 {
        server.post("counter", &format!("e{number}"), ("x".repeat(100_000),)).await.unwrap();
    }
    let (mut told, mut lost) = (Vec::new(), false);
    let end = clock::now() + Duration::from_secs(20);
    while let Ok(event) = tokio::time::timeout_at(end.into(), events.next()).await {
        match event.unwrap() {
            KernelEvent::Undelivered { event, .. } => told.push(event.to_string()),
            KernelEvent::Down { .. } => lost = true,
            _ => {}
        }
    }
    // All but those that had been given to the system.
    let all: Vec<String> = (0..8).map(|number| format!("e{number}")).collect();
    assert!(lost && told.len() >= 2 && all.ends_with(&told), "{told:?}");
    drop(client);
}
