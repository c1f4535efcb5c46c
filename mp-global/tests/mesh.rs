//! The seed dialler, with a clock of our own.

use std::time::{Duration, Instant};

use mp_global::{DialOutcome, DialTarget, Mesh, MeshConfig, MeshOutput};
use mp_proto::NodeId;

struct Clock {
    begin: Instant,
    now: Instant,
    mesh: Mesh,
}

fn node(name: &str) -> NodeId {
    NodeId::new(name).expect("a name")
}

fn global(name: &str) -> DialTarget {
    DialTarget::Global(node(name))
}

fn reached(name: &str) -> DialOutcome {
    DialOutcome::Reached(node(name))
}

impl Clock {
    fn new(seeds: &[&str], change: impl FnOnce(&mut MeshConfig)) -> Self {
        #[expect(clippy::disallowed_methods, reason = "any instant will do to begin with")]
        let begin = Instant::now();
        let mut config = MeshConfig::new(seeds.iter().map(|&seed| seed.into()).collect(), 1);
        change(&mut config);
        Self { begin, now: begin, mesh: Mesh::new(begin, config) }
    }

    fn outputs(&mut self) -> Vec<MeshOutput> {
        std::iter::from_fn(|| self.mesh.poll_output()).collect()
    }

    /// What is to be dialled now.
    fn dials(&mut self) -> Vec<(DialTarget, String)> {
        let outputs = self.outputs();
        let dials = outputs.iter().filter_map(|output| match output {
            MeshOutput::Dial { target, address } => Some((target.clone(), address.clone())),
            _ => None,
        });
        let dials: Vec<_> = dials.collect();
        assert_eq!(dials.len(), outputs.len(), "nothing but dials: {outputs:?}");
        dials
    }

    /// Waits for the next dial; gives how long that took.
    fn next_dial(&mut self) -> Duration {
        let before = self.now;
        loop {
            self.now = self.mesh.poll_timeout().expect("something is waited for");
            self.mesh.handle_timeout(self.now);
            if !self.dials().is_empty() {
                return self.now - before;
            }
        }
    }

    fn result(&mut self, target: &DialTarget, outcome: DialOutcome) {
        self.mesh.dial_result(self.now, target, outcome);
    }

    fn up(&mut self, name: &str) {
        self.mesh.node_up(self.now, &node(name));
    }

    fn down(&mut self, name: &str) {
        self.mesh.node_down(self.now, &node(name));
    }

    fn keep(&mut self, name: &str, addresses: &[&str]) {
        self.mesh.keep(self.now, &node(name), addresses.iter().map(|&address| address.into()).collect());
    }

    fn pass(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
        self.mesh.handle_timeout(self.now);
    }
}

const SEED: DialTarget = DialTarget::Seed(0);

fn within(wait: Duration, least: f64, most: f64) -> bool {
    (least..=most).contains(&wait.as_secs_f64())
}

/// [GL-25]
#[test]
fn a_seed_is_dialled_at_once_then_after_waits_that_double() {
    let mut clock = Clock::new(&["a:1", "b:2"], |_| {});
    assert_eq!(clock.dials(), [(SEED, "a:1".into()), (DialTarget::Seed(1), "b:2".into())]);
    assert_eq!(clock.mesh.poll_timeout(), None, "a dial that hangs holds its seed up");
    for (least, most) in
        [(0.6, 1.2), (1.2, 2.4), (2.4, 4.8), (4.8, 9.6), (9.6, 19.2), (15.0, 30.0), (15.0, 30.0)]
    {
        clock.result(&SEED, DialOutcome::Failed);
        let wait = clock.next_dial();
        assert!(within(wait, least, most), "{wait:?} is not in {least}..{most}");
    }
}

/// [GL-25], [GL-26]
#[test]
fn a_lost_seed_is_dialled_again_at_once() {
    let mut clock = Clock::new(&["a:1"], |_| {});
    assert_eq!(clock.dials().len(), 1);
    clock.up("seed");
    clock.result(&SEED, reached("seed"));
    assert_eq!(clock.outputs(), [MeshOutput::IsSeed(node("seed"))]);
    assert!(clock.mesh.is_seed(&node("seed")));
    assert_eq!(clock.mesh.poll_timeout(), None);
    clock.pass(60);
    clock.down("seed");
    assert_eq!(clock.dials(), [(SEED, "a:1".into())]);
}

/// [GL-26]
#[test]
fn a_seed_that_hangs_up_on_us_is_not_dialled_in_a_storm() {
    let mut clock = Clock::new(&["a:1"], |_| {});
    let mut dials = clock.dials().len();
    let end = clock.now + Duration::from_secs(600);
    while clock.now < end {
        clock.up("seed");
        clock.result(&SEED, reached("seed"));
        clock.outputs();
        clock.down("seed");
        clock.next_dial();
        dials += 1;
    }
    assert!((20..=50).contains(&dials), "{dials}");
}

/// [GL-28]
#[test]
fn a_refusal_is_waited_out() {
    let mut clock = Clock::new(&["a:1"], |_| {});
    clock.dials();
    for _ in 0..5 {
        clock.result(&SEED, DialOutcome::Refused);
        let wait = clock.next_dial();
        assert!(within(wait, 15.0, 30.0), "{wait:?}");
    }
}

/// [GL-06]
#[test]
fn a_seed_that_is_ourselves_is_dropped() {
    let mut clock = Clock::new(&["a:1"], |_| {});
    clock.dials();
    clock.result(&SEED, DialOutcome::Ourselves);
    assert_eq!(clock.outputs(), [MeshOutput::BecomeGlobal]);
    assert_eq!(clock.mesh.poll_timeout(), None);
}

/// [GL-25]: what happens while a dial is under way.
#[test]
fn a_seed_that_dials_us_is_connected() {
    let mut clock = Clock::new(&["a:1"], |_| {});
    clock.dials();
    clock.result(&SEED, reached("seed"));
    assert_eq!(clock.outputs(), [MeshOutput::IsSeed(node("seed"))]);
    clock.next_dial(); // it was not up after all
    clock.up("seed");
    clock.result(&SEED, DialOutcome::Failed);
    clock.result(&SEED, DialOutcome::Failed);
    assert_eq!(clock.mesh.poll_timeout(), None);
    assert_eq!(clock.outputs(), []);
}

/// [GL-24], [GL-25]
#[test]
fn global_nodes_are_kept_connected() {
    let mut clock = Clock::new(&[], |_| {});
    clock.keep("g", &[]);
    assert_eq!((clock.dials(), clock.mesh.poll_timeout()), (vec![], None), "nobody knows where it is");
    clock.keep("g", &["a:1", "b:2"]);
    assert_eq!(clock.dials(), [(global("g"), "a:1".into())]);
    clock.keep("g", &[]);
    clock.result(&global("g"), DialOutcome::Failed);
    clock.now = clock.mesh.poll_timeout().expect("a retry");
    assert!(within(clock.now - clock.begin, 0.3, 0.6));
    clock.mesh.handle_timeout(clock.now);
    assert_eq!(clock.dials(), [(global("g"), "b:2".into())], "addresses take turns");
    clock.result(&global("g"), reached("another"));
    clock.up("g");
    assert_eq!(clock.mesh.poll_timeout(), None);
    assert!(!clock.mesh.is_seed(&node("g")));
    clock.pass(60);
    clock.down("g");
    assert_eq!(clock.dials(), [(global("g"), "a:1".into())]);

    clock.up("h");
    clock.keep("h", &["c:3"]);
    assert_eq!(clock.dials(), [], "it is up already");
}

/// [GL-27]
#[test]
fn a_global_node_that_all_lost_is_remembered_for_a_while() {
    let mut clock = Clock::new(&[], |_| {});
    clock.up("g");
    clock.keep("g", &["a:1"]);
    clock.pass(60);
    clock.mesh.release(clock.now, &node("g"));
    clock.down("g");
    let mut dials = clock.dials().len();
    let lost = clock.now;
    while let Some(at) = clock.mesh.poll_timeout() {
        clock.result(&global("g"), DialOutcome::Failed);
        clock.now = clock.mesh.poll_timeout().unwrap_or(at);
        clock.mesh.handle_timeout(clock.now);
        dials += clock.dials().len();
    }
    assert_eq!(clock.now - lost, Duration::from_secs(600));
    assert!((20..=50).contains(&dials), "{dials}");
    clock.result(&global("g"), reached("g"));
    assert_eq!(clock.outputs(), []);
}

/// [GL-27]
#[test]
fn no_more_global_nodes_than_agreed_are_kept() {
    let mut clock = Clock::new(&[], |config| config.globals = 2);
    clock.keep("a", &["a:1"]);
    clock.keep("b", &["b:1"]);
    clock.keep("c", &["c:1"]);
    assert_eq!(clock.dials().len(), 2);
    clock.mesh.release(clock.now, &node("a"));
    clock.keep("c", &["c:1"]);
    assert_eq!(clock.dials(), [(global("c"), "c:1".into())]);
}

/// [SV-06]
#[test]
fn seeds_change_while_it_runs() {
    let mut clock = Clock::new(&["a:1", "b:1"], |_| {});
    let first = clock.dials();
    assert_eq!(first.len(), 2);
    clock.mesh.dial_result(clock.now, &first[0].0, reached("a"));
    assert_eq!(clock.outputs(), [MeshOutput::IsSeed(node("a"))]);
    clock.mesh.node_up(clock.now, &node("a"));
    clock.mesh.set_seeds(clock.now, &["a:1".into(), "c:1".into()]);
    let new = clock.dials();
    assert_eq!(new.iter().map(|(_, address)| address.as_str()).collect::<Vec<_>>(), ["c:1"]);
    // The dial of one that is gone comes to nothing.
    clock.mesh.dial_result(clock.now, &first[1].0, reached("b"));
    assert_eq!(clock.outputs(), []);
    assert!(clock.mesh.is_seed(&node("a")) && !clock.mesh.is_seed(&node("b")));
    clock.mesh.set_seeds(clock.now, &[]);
    assert!(!clock.mesh.is_seed(&node("a")));
    assert_eq!(clock.mesh.poll_timeout(), None, "nothing is dialled any more");
    clock.mesh.set_seeds(clock.now, &["b:1".into()]);
    assert_eq!(clock.dials().len(), 1, "one that was gone comes back");
}
