//! Supervisors: what runs, in which order, and what is left.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use mp_node::testing::{Probe, TestNet};
use mp_node::{
    Child, Limits, Node, Port, PortId, Reason, Strategy, Supervision, Supervisor, SupervisorError,
    TrySendError,
};

const SECOND: Duration = Duration::from_secs(1);

/// What has happened, as `+name` and `-name`.
#[derive(Clone, Default)]
struct Diary(Arc<Mutex<Vec<String>>>);

impl Diary {
    fn note(&self, line: String) {
        self.0.lock().unwrap().push(line);
    }

    fn take(&self) -> String {
        std::mem::take(&mut *self.0.lock().unwrap()).join(" ")
    }

    /// A child that notes its beginning and its end, and ends as it is told: `die`, or `end`.
    fn child(&self, name: &'static str) -> Child {
        let diary = self.clone();
        Child::worker(name, move |port| {
            let diary = diary.clone();
            async move {
                diary.note(format!("+{name}"));
                let _end = End(diary, name);
                work(port).await
            }
        })
    }
}

struct End(Diary, &'static str);

impl Drop for End {
    fn drop(&mut self) {
        self.0.note(format!("-{}", self.1));
    }
}

async fn work(mut port: Port) -> Result<(), Reason> {
    while let Some(message) = port.recv().await {
        match message.tag().as_deref() {
            Some("die") => return Err(Reason::die("as it was told")),
            Some("end") => return Ok(()),
            Some("panic") => unreachable!("it was told to panic"),
            _ => {}
        }
    }
    Ok(())
}

fn three(strategy: Strategy, diary: &Diary) -> Supervisor {
    ["a", "b", "c"].into_iter().fold(Supervisor::new(strategy), |all, name| all.child(diary.child(name)))
}

async fn port_of(supervision: &Supervision, name: &str) -> PortId {
    supervision.child(name).unwrap().ready().await.unwrap()
}

/// Tells a child something, and waits until that has had its effects.
async fn tell(node: &Node, supervision: &Supervision, name: &str, what: &str) {
    node.send(&port_of(supervision, name).await, what).await.unwrap();
    tokio::time::sleep(SECOND / 1000).await;
}

#[tokio::test(start_paused = true)]
async fn the_strategy_says_who_is_started_again() {
    let net = TestNet::new(1).await;
    for (strategy, expected) in [
        (Strategy::OneForOne, "-b +b"),
        (Strategy::OneForAll, "-b -c -a +a +b +c"),
        (Strategy::RestForOne, "-b -c +b +c"),
    ] {
        let diary = Diary::default();
        let supervision = three(strategy, &diary).start(net.node(0)).unwrap();
        tokio::time::sleep(SECOND).await;
        assert_eq!(diary.take(), "+a +b +c");
        tell(net.node(0), &supervision, "b", "die").await;
        assert_eq!(diary.take(), expected, "{strategy:?}");
        assert!(supervision.shutdown().await.is_normal());
        assert_eq!(diary.take(), "-c -b -a", "the last one first");
    }
    assert_eq!(net.node(0).stats().ports, 0);
}

#[tokio::test(start_paused = true)]
async fn the_kind_of_a_child_says_which_deaths_are_mended() {
    let net = TestNet::new(1).await;
    let diary = Diary::default();
    let children = Supervisor::one_for_one().intensity(10, SECOND);
    let children = children.child(diary.child("permanent"));
    let children = children.child(diary.child("transient").transient());
    let children = children.child(diary.child("temporary").temporary());
    let supervision = children.start(net.node(0)).unwrap();
    tokio::time::sleep(SECOND).await;
    drop(diary.take());
    for (name, how, expected) in [
        ("permanent", "end", "-permanent +permanent"),
        ("permanent", "panic", "-permanent +permanent"),
        ("transient", "panic", "-transient +transient"),
        ("transient", "end", "-transient"),
        ("temporary", "die", "-temporary"),
    ] {
        tell(net.node(0), &supervision, name, how).await;
        assert_eq!(diary.take(), expected);
    }
    let over = supervision.child("temporary").unwrap();
    assert_eq!((over.port(), over.ready().await), (None, None));
    assert_eq!(net.node(0).try_send(&over, "nobody"), Ok(()));
    assert!(supervision.child("permanent").unwrap().port().is_some());
    assert!(supervision.child("unknown").is_none());
}

/// [ND-28]
#[tokio::test(start_paused = true)]
async fn who_has_seen_a_child_die_gets_the_next_one() {
    let net = TestNet::new(1).await;
    let node = net.node(0);
    let supervision = Supervisor::one_for_one().intensity(100, SECOND).child(Child::worker("x", work));
    let supervision = supervision.start(node).unwrap();
    let child = supervision.child("x").unwrap();
    let mut last = child.ready().await.unwrap();
    for _ in 0..20 {
        node.send(&child, "die").await.unwrap();
        assert_eq!(node.monitor(&last).await.word(), "die");
        let next = child.ready().await.unwrap();
        assert_ne!(last, next);
        last = next;
    }
}

#[tokio::test(start_paused = true)]
async fn a_supervisor_gives_up_when_it_is_in_vain() {
    let net = TestNet::new(1).await;
    let diary = Diary::default();
    let supervisor = three(Strategy::OneForOne, &diary).intensity(2, 10 * SECOND);
    let mut supervision = supervisor.start(net.node(0)).unwrap();
    let mut probe = Probe::new(net.node(0));
    tokio::time::sleep(SECOND).await;
    for _ in 0..3 {
        tell(net.node(0), &supervision, "b", "die").await;
    }
    let reason = probe.expect_death(&supervision).await;
    assert_eq!(reason.word(), "no_such_port", "it was dead before");
    let reason = supervision.ended().await;
    assert_eq!(
        reason.to_string(),
        "too_many_restarts: child b died (die: as it was told), and 2 restarts within 10s are all that is allowed"
    );
    assert_eq!(diary.take(), "+a +b +c -b +b -b +b -b -c -a");
    assert_eq!(supervision.child("a").unwrap().ready().await, None);
}

#[tokio::test(start_paused = true)]
async fn a_child_that_cannot_be_started_counts_as_dead() {
    let net = TestNet::new(1).await;
    let tried = Arc::new(Mutex::new(0));
    let count = Arc::clone(&tried);
    let child = Child::new("never", move |_| {
        *count.lock().unwrap() += 1;
        panic!("no")
    });
    let mut supervision = Supervisor::one_for_one().child(child).start(net.node(0)).unwrap();
    assert!(supervision.ended().await.to_string().contains("child never died (die: no)"));
    assert_eq!(*tried.lock().unwrap(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_child_that_does_not_stop_is_not_waited_for_too_long() {
    let net = TestNet::new(1).await;
    // It ends by its own when it has said goodbye, which takes a while.
    async fn polite(mut port: Port) {
        port.recv_tag("please stop").await;
        tokio::time::sleep(3 * SECOND).await;
    }
    // It is asked, but does not listen.
    async fn deaf(port: Port) {
        std::future::pending::<()>().await;
        drop(port);
    }
    for (patience, polite_takes) in [(10, 3), (2, 2)] {
        let polite = Child::worker("polite", polite).stop_by("please stop").patience(patience * SECOND);
        let deaf = Child::worker("deaf", deaf).stop_by("please stop").patience(SECOND);
        let supervision = Supervisor::one_for_all().child(polite).child(deaf).start(net.node(0)).unwrap();
        let ports = [port_of(&supervision, "polite").await, port_of(&supervision, "deaf").await];
        let begun = tokio::time::Instant::now();
        assert!(supervision.shutdown().await.is_normal());
        assert_eq!(begun.elapsed().as_secs(), 1 + polite_takes);
        for port in ports {
            assert_eq!(net.node(0).monitor(&port).await.word(), "no_such_port");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn supervisors_can_be_children() {
    let net = TestNet::new(1).await;
    let (node, diary) = (net.node(0), Diary::default());
    let pool = Supervisor::one_for_all().intensity(1, 10 * SECOND);
    let pool = pool.child(diary.child("w1")).child(diary.child("w2"));
    let tree = Supervisor::rest_for_one().child(diary.child("store"));
    let tree = tree.child(Child::supervisor("pool", pool)).child(diary.child("front"));
    let supervision = tree.start(node).unwrap();
    let worker = supervision.child("pool").unwrap().child("w1").unwrap();
    assert!(worker.port().is_some(), "all are there when `start` returns");
    tokio::time::sleep(SECOND).await;
    assert_eq!(diary.take(), "+store +w1 +w2 +front");

    node.send(&worker, "die").await.unwrap();
    tokio::time::sleep(SECOND).await;
    assert_eq!(diary.take(), "-w1 -w2 +w1 +w2");

    // Once too often: the pool gives up, and is started again as a whole, with what depends on it.
    node.send(&worker, "die").await.unwrap();
    tokio::time::sleep(SECOND).await;
    assert_eq!(diary.take(), "-w1 -w2 -front +w1 +w2 +front");
    assert!(worker.port().is_some(), "the handle leads there still");

    assert_eq!(supervision.children().len(), 3);
    assert!(supervision.shutdown().await.is_normal());
    assert_eq!(diary.take(), "-front -w2 -w1 -store");
    assert_eq!(worker.ready().await, None);
    assert_eq!(node.stats().ports, 0);
}

#[tokio::test(start_paused = true)]
async fn a_send_waits_while_the_child_is_started_again() {
    let net = TestNet::new(1).await;
    let node = net.node(0);
    let slow_end = |mut port: Port| async move {
        port.recv_tag("stop").await;
        tokio::time::sleep(SECOND).await;
    };
    let slow = Child::worker("slow", slow_end).stop_by("stop");
    let supervisor = Supervisor::one_for_all().child(Child::worker("echo", echo)).child(slow);
    let supervision = supervisor.start(node).unwrap();
    let (first, mut probe) = (supervision.child("echo").unwrap(), Probe::new(node));
    let port = first.ready().await.unwrap();
    node.kill(&port, Reason::die("test"));
    assert_eq!(node.try_send(&first, 1), Err(TrySendError::Full(1)));
    node.send(&first, ("hello", probe.id())).await.unwrap();
    probe.expect("hello").await;
}

async fn echo(mut port: Port) {
    while let Some((text, reply)) = port.recv_request::<(String,), String>().await {
        port.node().send(reply, text.0).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_registered_child_is_found_by_its_name_again() {
    let net = TestNet::new(2).await;
    let child = Child::worker("echo", echo).registered("echo");
    let supervision = Supervisor::one_for_one().child(child).start(net.node(0)).unwrap();
    let mut last = port_of(&supervision, "echo").await;
    for _ in 0..3 {
        assert_eq!(net.node(1).lookup(net.node(0).id(), "echo").await, Ok(Some(last.clone())));
        net.node(1).kill(&last, Reason::die("test"));
        net.node(1).monitor(&last).await;
        last = port_of(&supervision, "echo").await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_child_may_live_on_another_node() {
    let mut net = TestNet::new(2).await;
    net.node(1).register_function("worker", |port, _| work(port));
    let far = net.node(1).id().clone();
    let child = Child::new("far", move |node: &Node| node.spawn_on(&far, "worker", ()).unwrap());
    let supervisor = Supervisor::one_for_one().intensity(100, 10 * SECOND).child(child);
    let supervision = supervisor.start(net.node(0)).unwrap();
    let first = port_of(&supervision, "far").await;
    net.node(0).send(&first, "die").await.unwrap();
    net.node(0).monitor(&first).await;
    let second = port_of(&supervision, "far").await;
    assert_ne!(first, second);
    net.crash(1);
    tokio::time::sleep(20 * SECOND).await;
    net.restart(1).await;
    net.node(1).register_function("worker", |port, _| work(port));
    tokio::time::sleep(60 * SECOND).await;
    assert!(supervision.child("far").unwrap().port().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_supervisor_that_is_dropped_or_killed_stops_its_children() {
    let net = TestNet::new(1).await;
    let diary = Diary::default();
    drop(three(Strategy::OneForOne, &diary).start(net.node(0)).unwrap());
    tokio::time::sleep(SECOND).await;
    drop(diary.take());
    assert_eq!(net.node(0).stats().ports, 0);

    let mut supervision = three(Strategy::OneForOne, &diary).start(net.node(0)).unwrap();
    tokio::time::sleep(SECOND).await;
    net.node(0).kill(&supervision, Reason::die("test"));
    assert_eq!(supervision.ended().await, Reason::die("test"));
    tokio::time::sleep(SECOND).await;
    assert_eq!(diary.take(), "+a +b +c -c -b -a");

    let id = three(Strategy::OneForOne, &diary).start(net.node(0)).unwrap().detach();
    tokio::time::sleep(SECOND).await;
    assert_eq!((net.node(0).stats().ports, &*diary.take()), (4, "+a +b +c"));
    net.node(0).kill(&id, Reason::normal());
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_started_says_why() {
    let net = TestNet::new(1).await;
    let twice = Supervisor::one_for_one().child(Child::worker("x", work)).child(Child::worker("x", work));
    let nested = Supervisor::one_for_one().child(Child::supervisor("below", twice));
    assert_eq!(nested.start(net.node(0)).unwrap_err(), SupervisorError::SameName("x".into()));
    net.node(0).shutdown().await;
    assert!(matches!(Supervisor::one_for_one().start(net.node(0)), Err(SupervisorError::Port(_))));
}

/// A node that is full is no reason to panic: the child is one that died at once, and that is what the supervisor tells.
#[tokio::test(start_paused = true)]
async fn a_child_for_which_there_is_no_room_is_a_start_that_failed() {
    let mut limits = Limits::default();
    limits.ports = 3;
    let net = TestNet::with_limits(1, limits).await;
    let full = net.node(0).port();
    let supervisor = Supervisor::one_for_one().intensity(0, SECOND);
    let children = supervisor.child(Child::worker("fits", work)).child(Child::worker("does not", work));
    let mut supervision = children.start(net.node(0)).unwrap();
    let reason = supervision.ended().await;
    assert!(reason.to_string().contains("too many ports"), "{reason}");
    assert!(!reason.to_string().contains("panic"), "{reason}");
    drop(full);
    let child = Child::worker("fits", work);
    let supervision = Supervisor::one_for_one().child(child).start(net.node(0)).unwrap();
    assert!(supervision.child("fits").unwrap().ready().await.is_some());
}
