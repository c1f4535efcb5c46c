//! What a message's `Serialize` does with nodes while it is written, and what comes of it. [ND-37]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::time::Duration;

use mp_node::testing::{Probe, TestNet};
use mp_node::{Limits, Message, Node, Port, PortId, Reason, SendError, TrySendError};
use serde::{Serialize, Serializer};

/// The message `["nosy"]`, which does something whenever it is written.
struct Nosy<F>(F);

impl<F: Fn()> Serialize for Nosy<F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.0)();
        ("nosy",).serialize(serializer)
    }
}

/// Sends `["nosy"]`, and gives what was done while it was written: at the first time, if there are more.
fn send_while<T>(node: &Node, to: &PortId, act: impl Fn() -> T) -> T {
    let given = Mutex::new(None);
    let act = || {
        given.lock().unwrap().get_or_insert_with(&act);
    };
    node.try_send(to, Nosy(act)).map_err(|error| error.to_string()).unwrap();
    given.into_inner().unwrap().expect("it was written")
}

fn try_send(node: &Node, to: impl AsRef<PortId>) -> Result<(), TrySendError<(&'static str,)>> {
    node.try_send(to.as_ref(), ("nested",))
}

/// What is done before the future has to wait.
fn now<T>(future: impl Future<Output = T>) -> T {
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::pin!(future).poll(&mut cx) {
        std::task::Poll::Ready(value) => value,
        std::task::Poll::Pending => unreachable!("it is refused at once"),
    }
}

/// Three nodes, each of which lets others spawn an `echo`; the first one is connected with the second.
async fn net() -> TestNet {
    let net = TestNet::new(3).await;
    for node in net.nodes() {
        node.register_function("echo", async |mut port: Port, reply: Message| {
            let reply = reply.decode::<(PortId,)>().unwrap().0;
            while let Some(message) = port.recv().await {
                port.node().send(&reply, message).await.unwrap();
            }
        });
    }
    net.node(0).call(net.node(1).id(), "time").await.unwrap();
    net
}

/// Each way of sending, to each kind of port, under way to a peer that is connected and to one that is not.
#[tokio::test(start_paused = true)]
async fn what_is_sent_to_other_nodes_meanwhile_is_refused() {
    let net = net().await;
    let here = net.node(0);
    for there in [1, 2] {
        let mut ports = [1, 2].map(|node| Probe::new(net.node(node)));
        let to = ports[there - 1].id().clone();
        let nested = || TrySendError::Send(SendError::Nested);
        for other in &ports {
            assert_eq!(send_while(here, &to, || try_send(here, other.id())), Err(nested()));
            let sent = send_while(here, &to, || now(here.send(other.id(), ("nested",))));
            assert_eq!(sent, Err(SendError::Nested));
            let sent = send_while(here, &to, || now(here.send_all([other.id(), other.id()], ("nested",))));
            assert_eq!(sent, Err(SendError::Nested));
            let asked = send_while(here, &to, || now(here.call(other.id(), ("nested",)).into_future()));
            assert!(matches!(asked, Err(mp_node::CallError::Send(SendError::Nested))));
        }
        for _ in 0..8 {
            ports[there - 1].expect(("nosy",)).await;
        }
        ports[0].expect_nothing().await;
        ports[1].expect_nothing().await;
        assert_eq!(try_send(here, &to), Ok(()));
        ports[there - 1].expect(("nested",)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn ports_of_the_node_can_be_used_meanwhile() {
    let net = net().await;
    let (here, mut there, mut own) = (net.node(0), Probe::new(net.node(1)), Probe::new(net.node(0)));
    assert_eq!(send_while(here, there.id(), || try_send(here, own.id())), Ok(()));
    assert_eq!(
        send_while(here, there.id(), || now(here.send_all([own.id(), own.id()], ("nested",)))),
        Ok(())
    );
    let spawned = send_while(here, there.id(), || {
        let port =
            here.spawn(async |mut port| port.recv().await.map(drop).ok_or(Reason::new("nothing", "came")));
        assert_eq!(try_send(here, &port), Ok(()));
        here.monitor(port)
    });
    assert!(spawned.await.is_normal());
    for _ in 0..3 {
        own.expect(("nested",)).await;
        there.expect(("nosy",)).await;
    }
    // While a message for a port here is written there are no locks.
    assert_eq!(send_while(here, own.id(), || try_send(here, there.id())), Ok(()));
    there.expect(("nested",)).await;
}

#[tokio::test(start_paused = true)]
async fn what_gives_nothing_back_is_done_when_the_message_is_written() {
    let net = net().await;
    let here = net.node(0);
    for there in [1, 2] {
        let (mut to, mut own) = (Probe::new(net.node(there)), Probe::new(here));
        let victim = net.node(there).port();
        let seen = net.node(1).monitor(own.id());
        tokio::time::sleep(Duration::from_secs(1)).await;
        let (monitor, echo) = send_while(here, to.id(), || {
            drop(here.monitor(to.id()));
            let monitor = here.monitor(&victim);
            here.kill(&victim, Reason::new("nosy", "because"));
            (monitor, here.spawn_on(net.node(there).id(), "echo", (own.id(),)).unwrap())
        });
        to.expect(("nosy",)).await;
        assert_eq!(monitor.await.word(), "nosy");
        here.send(&echo, ("hello",)).await.unwrap();
        own.expect(("hello",)).await;
        // The death of a port here, of which a peer is to be told.
        let id = own.id().clone();
        send_while(here, to.id(), || here.kill(&id, Reason::new("nosy", "again")));
        assert_eq!(seen.await.word(), "nosy");
        to.expect(("nosy",)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn asking_about_peers_meanwhile_is_a_panic_that_names_the_cause() {
    let net = net().await;
    let (here, mut there) = (net.node(0), Probe::new(net.node(1)));
    for ask in [|node: &Node| drop(node.nodes()), |node: &Node| drop(node.connections())] {
        let panic =
            catch_unwind(AssertUnwindSafe(|| send_while(here, there.id(), || ask(here)))).unwrap_err();
        let said = panic.downcast_ref::<&str>().copied().unwrap_or_default();
        assert!(said.contains("`Serialize`"), "{said}");
        assert_eq!(here.nodes().len(), 1);
    }
    there.expect_nothing().await;
}

/// One that panics when half of it is written.
#[derive(Serialize)]
struct Broken(&'static str, Panics);

struct Panics;

impl Serialize for Panics {
    #[expect(clippy::panic, reason = "that is what is tested")]
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        panic!("a fault of the program")
    }
}

/// Neither those who send to the same peer nor those who send to others notice, and no peer is remembered for nothing.
#[tokio::test(start_paused = true)]
async fn a_panic_while_a_message_is_written_is_in_nobodys_way() {
    let mut limits = Limits::default();
    limits.peers = 3;
    let net = TestNet::with_limits(3, limits).await;
    let (here, mut own) = (net.node(0), Probe::new(net.node(0)));
    let mut ports = [1, 2].map(|node| Probe::new(net.node(node)));
    let broken = |to: &PortId| {
        assert!(catch_unwind(AssertUnwindSafe(|| here.try_send(to, Broken("x", Panics)))).is_err());
        assert!(catch_unwind(AssertUnwindSafe(|| now(here.send(to, Broken("x", Panics))))).is_err());
        assert!(
            catch_unwind(AssertUnwindSafe(|| now(here.send_all([to, to], Broken("x", Panics))))).is_err()
        );
    };
    for round in 0..3 {
        for nobody in 0..4 {
            broken(&format!("nobody{nobody}#x").parse().unwrap());
        }
        for port in &mut ports {
            broken(port.id());
            here.send(port.id(), ("whole", round)).await.unwrap();
            broken(port.id());
            port.expect(("whole", round)).await;
        }
        broken(own.id());
        here.send(own.id(), ("whole", round)).await.unwrap();
        own.expect(("whole", round)).await;
    }
    assert_eq!(here.nodes().len(), 2);
    for port in &mut ports {
        port.expect_nothing().await;
    }
}
