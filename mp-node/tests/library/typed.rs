//! Typed ports: what is moved, what is written, and in which order it comes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use mp_node::testing::{Probe, TestNet};
use mp_node::{CallError, Limits, PortRef, Reason, ReplyTo, TrySendError};
use proptest::prelude::{any, prop_assert_eq, proptest};
use serde::{Deserialize, Serialize, Serializer};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Counter {
    Add(u64),
    Get(ReplyTo2),
}

/// `ReplyTo` has no equality; a text is enough here.
type ReplyTo2 = String;

/// Says how often it has been written.
#[derive(Debug, Clone, Default, Deserialize)]
struct Watched {
    #[serde(skip)]
    written: Arc<AtomicUsize>,
}

impl Serialize for Watched {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.written.fetch_add(1, Ordering::Relaxed);
        serializer.serialize_unit()
    }
}

/// [ND-26]
#[tokio::test(start_paused = true)]
async fn a_value_is_moved_here_and_written_on_its_way_elsewhere() {
    let net = TestNet::new(2).await;
    let mut port = net.node(0).typed_port::<Watched>();
    let (address, value) = (port.to_ref(), Watched::default());

    net.node(0).send(&address, value.clone()).await.unwrap();
    net.node(0).try_send(&port, value.clone()).unwrap();
    let came = port.recv().await.unwrap();
    assert!(Arc::ptr_eq(&came.written, &value.written), "it is the same one");
    assert!(port.try_recv().is_some());
    assert_eq!(value.written.load(Ordering::Relaxed), 0, "nobody has written it");

    // Its address without the knowledge where that is leads to the same place.
    net.node(0).send(PortRef::new(port.id().clone()), value.clone()).await.unwrap();
    assert!(Arc::ptr_eq(&port.recv().await.unwrap().written, &value.written));

    net.node(1).send(&address, value.clone()).await.unwrap();
    assert!(!Arc::ptr_eq(&port.recv().await.unwrap().written, &value.written), "it was written and read");
    assert_eq!(value.written.load(Ordering::Relaxed), 1);

    net.node(0).send(address.id(), value.clone()).await.unwrap();
    assert!(port.recv().await.is_some());
    assert_eq!(value.written.load(Ordering::Relaxed), 2, "who has the bare name writes");
}

/// [ND-26]
#[test]
fn typed_and_untyped_sends_of_one_sender_keep_their_order() {
    proptest!(|(typed in proptest::collection::vec(any::<bool>(), 0..200), select in any::<bool>())| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        let received = runtime.block_on(async {
            let net = TestNet::new(1).await;
            let node = net.node(0);
            let mut port = node.typed_port::<u64>();
            let address = port.to_ref();
            for (number, &typed) in (0..).zip(&typed) {
                if typed {
                    node.send(&address, number).await.unwrap();
                } else {
                    node.send(address.id(), number).await.unwrap();
                }
            }
            if select {
                assert_eq!(port.recv_where(|_| false).timeout(std::time::Duration::ZERO).await, None);
            }
            std::iter::from_fn(|| port.try_recv()).collect::<Vec<u64>>()
        });
        prop_assert_eq!(received, (0..typed.len() as u64).collect::<Vec<_>>());
    });
}

#[tokio::test(start_paused = true)]
async fn a_port_that_becomes_typed_keeps_what_it_has() {
    let net = TestNet::new(1).await;
    let node = net.node(0);
    let mut port = node.port();
    for number in 0..3_u64 {
        node.send(&port, number).await.unwrap();
    }
    assert!(
        port.recv_where(|message| message.args().len() > 7)
            .timeout(std::time::Duration::ZERO)
            .await
            .is_none()
    );
    assert!(port.recv().await.is_some());
    let mut port = port.typed::<u64>();
    node.send(&port, 3).await.unwrap();
    assert_eq!(port.recv_where(|number| *number == 2).await, Some(2));
    assert_eq!([port.recv().await, port.recv().await], [Some(1), Some(3)]);
    assert_eq!(port.waiting(), 0);
}

/// A moved value counts against the mailbox's bound like any other message.
#[tokio::test(start_paused = true)]
async fn a_full_typed_port_gives_the_value_back_and_makes_send_wait() {
    let mut limits = Limits::default();
    limits.mailbox_messages = 3;
    let net = TestNet::with_limits(1, limits).await;
    let (node, mut port) = (net.node(0).clone(), net.node(0).typed_port::<u64>());
    for number in 0..3 {
        node.try_send(&port, number).unwrap();
    }
    assert_eq!(node.try_send(&port, 3), Err(TrySendError::Full(3)));
    let address = port.to_ref();
    let sending = tokio::spawn(async move { node.send(&address, 3).await });
    for number in 0..4 {
        assert_eq!(port.recv().await, Some(number));
    }
    sending.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_value_in_bytes_counts_against_the_bound_in_bytes() {
    let mut limits = Limits::default();
    limits.mailbox_bytes = 20;
    let net = TestNet::with_limits(1, limits).await;
    let port = net.node(0).typed_port::<u64>();
    assert_eq!((0..10).take_while(|number| net.node(0).try_send(&port, *number).is_ok()).count(), 2);
}

/// [ND-39]
#[tokio::test(start_paused = true)]
async fn who_sends_on_and_on_lets_the_receiver_have_its_turn() {
    let net = TestNet::new(1).await;
    let node = net.node(0);
    let received = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&received);
    let port = node.spawn_typed(async move |mut port: mp_node::TypedPort<usize>| {
        while let Some(number) = port.recv().await {
            assert_eq!(count.fetch_add(1, Ordering::Relaxed), number, "in their order");
        }
    });
    for number in 0..1024 {
        node.send(&port, number).await.unwrap();
    }
    assert_eq!(received.load(Ordering::Relaxed), 0, "there is one thread, and nobody had to wait");
    node.send(&port, 1024).await.unwrap();
    assert_eq!(received.load(Ordering::Relaxed), 1024);
    for number in 1025..5000 {
        node.try_send(&port, number).unwrap();
    }
    assert_eq!(received.load(Ordering::Relaxed), 1024, "who must not wait does not");
}

/// [ND-40]
#[tokio::test(start_paused = true)]
async fn a_monitor_by_address_is_like_one_by_name() {
    let net = TestNet::new(2).await;
    let node = net.node(0);
    let port = node.spawn_typed(async |mut port: mp_node::TypedPort<u64>| match port.recv().await {
        Some(number) => Err(Reason::new("number", number.to_string())),
        None => Ok(()),
    });
    let ends = [node.monitor(&port), node.monitor(port.id()), net.node(1).monitor(&port)];
    assert_eq!(ends[0].port(), port.id());
    drop(node.monitor(&port));
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    node.send(&port, 7).await.unwrap();
    for end in ends {
        assert_eq!(end.await, Reason::new("number", "7"));
    }
    // The dead are not remembered, though their address leads to them. [MON-03]
    for node in net.nodes() {
        assert_eq!(node.monitor(&port).await, Reason::no_such_port(port.id()));
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_no_t_is_a_dead_letter() {
    let net = TestNet::new(1).await;
    let node = net.node(0);
    let mut port = node.typed_port::<Counter>();
    node.send(port.id(), ("subtract", 1)).await.unwrap();
    node.send(port.id(), ("add", 2)).await.unwrap();
    assert_eq!(port.recv().await, Some(Counter::Add(2)));
    assert_eq!(node.stats().dead_letters, 1);
    node.send(port.id(), "what").await.unwrap();
    assert!(port.recv_checked().await.unwrap().is_err());
}

#[tokio::test(start_paused = true)]
async fn an_address_travels_as_the_ports_name() {
    let net = TestNet::new(2).await;
    let port = net.node(0).typed_port::<Counter>();
    let mut probe = Probe::new(net.node(1));
    net.node(0).send(probe.id(), ("here", port.to_ref())).await.unwrap();
    let address: PortRef<Counter> = probe.expect_tag("here").await;
    assert_eq!(address, port.to_ref());
    assert!(
        format!("{address:?}").starts_with("PortRef<") && format!("{address:?}").contains("Counter>(n0#")
    );
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Bank {
    Deposit(u64),
    Balance(ReplyTo<u64>),
    Silent(ReplyTo<()>),
    Die(ReplyTo<()>),
}

async fn bank(mut port: mp_node::TypedPort<Bank>) -> Result<(), Reason> {
    let mut sum = 0;
    while let Some(message) = port.recv().await {
        match message {
            Bank::Deposit(amount) => sum += amount,
            Bank::Balance(reply) => port.node().send(reply, sum).await.unwrap(),
            Bank::Silent(_) => {}
            Bank::Die(_) => return Err(Reason::die("robbed")),
        }
    }
    Ok(())
}

/// [ND-14]
#[tokio::test(start_paused = true)]
async fn a_question_is_answered_here_and_there() {
    let net = TestNet::new(2).await;
    let bank = net.node(0).spawn_typed(bank);
    for node in net.nodes() {
        node.send(&bank, Bank::Deposit(5)).await.unwrap();
        assert!(node.ask(&bank, Bank::Balance).await.unwrap() >= 5);
    }
    assert_eq!(net.node(1).ask(&bank, Bank::Balance).await, Ok(10));
    // The same question, as anybody may ask it.
    assert_eq!(net.node(1).call(&bank, ("balance",)).returning::<u64>().await, Ok(10));

    let limit = std::time::Duration::from_secs(3);
    let asked = net.node(1).ask(&bank, Bank::Silent).timeout(limit);
    assert_eq!(asked.await, Err(CallError::TimedOut(limit)));
    assert_eq!(net.node(1).ask(&bank, Bank::Die).await, Err(CallError::Died(Reason::die("robbed"))));
}

#[tokio::test(start_paused = true)]
async fn a_request_is_taken_apart_for_the_one_who_answers() {
    let net = TestNet::new(2).await;
    let adder = net.node(0).spawn(async |mut port| {
        while let Some(((tag, a, b), reply)) = port.recv_request::<(String, u32, u32), u32>().await {
            assert_eq!(tag, "add");
            port.node().send(reply, a + b).await.unwrap();
        }
    });
    net.node(1).send(&adder, ("add", 1, 2)).await.unwrap();
    assert_eq!(net.node(1).call(&adder, ("add", 20, 3)).returning::<u32>().await, Ok(23));
    assert_eq!(net.node(0).stats().dead_letters, 1, "one had no reply port");
}

/// [ND-29]
#[tokio::test(start_paused = true)]
async fn an_answer_can_be_refused() {
    let net = TestNet::new(2).await;
    let shy = net.node(0).spawn(async |mut port| {
        while let Some(((), reply)) = port.recv_request::<(), u32>().await {
            reply.refuse(&port.node(), Reason::new("shy", "ask somebody else"));
        }
    });
    let refused = Err(CallError::Refused(Reason::new("shy", "ask somebody else")));
    for node in net.nodes() {
        assert_eq!(node.call(&shy, ()).await.map(|_| ()), refused);
        let asked = node.ask(&shy, |reply: ReplyTo<u32>| (reply,)).timeout(std::time::Duration::from_secs(5));
        assert_eq!(asked.await.map(|_| ()), refused);
    }
}

/// Nodes of one process are as far from each other as any.
#[tokio::test(start_paused = true)]
async fn an_address_of_another_node_in_this_process_is_no_shortcut() {
    let (one, other) = (TestNet::new(1).await, TestNet::new(1).await);
    let mut port = one.node(0).typed_port::<u64>();
    // Both nodes are called n0, but they are in networks of their own.
    other.node(0).send(&port.to_ref(), 1).await.unwrap();
    one.node(0).send(&port, 2).await.unwrap();
    assert_eq!(port.recv().await, Some(2));
}
