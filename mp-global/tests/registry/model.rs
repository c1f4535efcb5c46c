//! A whole network of registries: whatever happened, once all are connected and nothing is under way, each sees what
//! all own.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use mp_global::data::{GLOBALS, LISTENERS};
use mp_global::{Change, Entries, Output, Registry, RegistryConfig};
use mp_proto::{Message, NodeId, Value};
use proptest::prelude::*;

use crate::support::{deliver, node};

const FAMILIES: [&str; 4] = ["a", "b", LISTENERS, GLOBALS];
/// All nodes have the first two for seeds; the first is global from the beginning.
const SEEDS: usize = 2;

#[derive(Debug, Clone)]
enum Op {
    Set {
        node: usize,
        family: usize,
        key: usize,
    },
    Delete {
        node: usize,
        family: usize,
        key: usize,
    },
    Connect(usize, usize),
    /// Of what is under way in either direction, the last `lost` messages do not arrive.
    Cut(usize, usize, usize),
    /// So many things arrive from one node at the other.
    Arrive(usize, usize, usize),
    /// The node dies and comes back, knowing nothing.
    Restart(usize, usize),
    /// So many messages from one node to the other vanish, which no connection lets happen.
    Lose(usize, usize, usize),
    /// What others have of the node is compared with what it says.
    Compare(usize),
}

#[derive(Debug, Clone)]
enum Event {
    Up(u32),
    Message(Message),
    Down,
}

/// A connection between two nodes, and how often there was one.
#[derive(Debug, Clone, Copy, Default)]
struct Link {
    epoch: u32,
    is_up: bool,
}

struct Member {
    name: NodeId,
    registry: Registry,
    /// The epochs of the connections that it knows to stand.
    knows: BTreeMap<usize, u32>,
    own: BTreeMap<(usize, String), Value>,
    /// What its monitors were told, put together.
    views: BTreeMap<String, Entries>,
    unsynced: BTreeSet<String>,
}

struct Network {
    globals: Vec<bool>,
    members: Vec<Member>,
    links: BTreeMap<(usize, usize), Link>,
    under_way: BTreeMap<(usize, usize), VecDeque<Event>>,
    written: i64,
    /// Whether all are of our own kind.
    are_kin: bool,
    /// How many messages of which tag were sent.
    sent: BTreeMap<String, usize>,
}

fn name(index: usize) -> NodeId {
    // not in the order of the indices, so that the smallest global node is not always the first
    node(&format!("n{}", (index * 3 + 2) % 7))
}

fn address(index: usize) -> String {
    format!("10.0.0.{index}:1")
}

fn member(index: usize, global: bool) -> Member {
    let mut config = RegistryConfig::new(name(index));
    config.addresses = vec![address(index)];
    config.global = global;
    let mut registry = Registry::new(config);
    for family in FAMILIES {
        registry.monitor(family).expect("room");
    }
    Member {
        name: name(index),
        registry,
        knows: BTreeMap::new(),
        own: BTreeMap::new(),
        views: BTreeMap::new(),
        unsynced: BTreeSet::new(),
    }
}

impl Member {
    /// Checks a change against what was told before `[GL-12]`.
    fn learn(&mut self, change: &Change) {
        let view = self.views.entry(change.family.to_string()).or_default();
        for key in &change.added {
            assert!(view.insert(key.clone(), change.whole[key].clone()).is_none(), "added twice: {change:?}");
        }
        for key in &change.changed {
            let old = view.insert(key.clone(), change.whole[key].clone());
            assert!(old.is_some_and(|old| old != change.whole[key]), "no change: {change:?}");
        }
        for key in &change.deleted {
            assert!(view.remove(key).is_some(), "deleted twice: {change:?}");
        }
        assert_eq!(*view, *change.whole);
        if change.synced {
            self.unsynced.remove(&*change.family);
        } else {
            self.unsynced.insert(change.family.to_string());
        }
    }
}

impl Network {
    fn new(globals: &[bool], are_kin: bool) -> Self {
        let globals: Vec<bool> = globals.iter().enumerate().map(|(index, &is)| is || index == 0).collect();
        let members = globals.iter().enumerate().map(|(index, &is)| member(index, is)).collect();
        let (links, under_way) = (BTreeMap::new(), BTreeMap::new());
        let (written, sent) = (0, BTreeMap::new());
        let mut network = Self { globals, members, links, under_way, written, are_kin, sent };
        (0..network.members.len()).for_each(|index| network.flush(index));
        network
    }

    fn link(&mut self, a: usize, b: usize) -> &mut Link {
        self.links.entry((a.min(b), a.max(b))).or_default()
    }

    fn queue(&mut self, from: usize, to: usize) -> &mut VecDeque<Event> {
        self.under_way.entry((from, to)).or_default()
    }

    /// Takes what a member put out. What it sends over a connection that is no more is lost.
    fn flush(&mut self, from: usize) {
        while let Some(output) = self.members[from].registry.poll_output() {
            match output {
                Output::Send { to, message } => {
                    *self.sent.entry(message.tag().expect("a tag").into_owned()).or_default() += 1;
                    let to = self.members.iter().position(|member| member.name == to).expect("a member");
                    let link = *self.link(from, to);
                    if link.is_up && self.members[from].knows.get(&to) == Some(&link.epoch) {
                        self.queue(from, to).push_back(Event::Message(message));
                    }
                }
                Output::Changed(change) => self.members[from].learn(&change),
                Output::Expel { node, excess } => unreachable!("{node}: {excess}"),
                _ => {}
            }
        }
    }

    fn connect(&mut self, a: usize, b: usize) {
        let link = self.link(a, b);
        if a == b || link.is_up {
            return;
        }
        *link = Link { epoch: link.epoch + 1, is_up: true };
        let epoch = link.epoch;
        self.queue(a, b).push_back(Event::Up(epoch));
        self.queue(b, a).push_back(Event::Up(epoch));
    }

    fn cut(&mut self, a: usize, b: usize, lost: usize) {
        if !std::mem::take(&mut self.link(a, b).is_up) {
            return;
        }
        for (from, to) in [(a, b), (b, a)] {
            let queue = self.queue(from, to);
            for _ in 0..lost {
                if matches!(queue.back(), Some(Event::Message(_))) {
                    queue.pop_back();
                }
            }
            queue.push_back(Event::Down);
        }
    }

    /// One thing arrives; false if there is none.
    fn arrive(&mut self, from: usize, to: usize) -> bool {
        let Some(event) = self.queue(from, to).pop_front() else { return false };
        let sender = self.members[from].name.clone();
        let member = &mut self.members[to];
        match event {
            Event::Up(epoch) => {
                member.knows.insert(from, epoch);
                member.registry.node_up(&sender, from < SEEDS);
                if self.are_kin {
                    member.registry.is_kin(&sender);
                }
            }
            Event::Message(message) => deliver(&mut member.registry, &sender, message),
            Event::Down => {
                member.knows.remove(&from);
                member.registry.node_down(&sender);
            }
        }
        self.flush(to);
        true
    }

    fn restart(&mut self, index: usize, lost: usize) {
        for other in 0..self.members.len() {
            self.cut(index, other, lost);
            self.queue(other, index).clear();
        }
        self.members[index] = member(index, self.globals[index]);
        self.flush(index);
    }

    fn run(&mut self, op: &Op) {
        let count = self.members.len();
        match *op {
            Op::Set { node, family, key } => {
                self.written += 1;
                let (node, key, value) = (node % count, format!("k{key}"), Value::from(self.written));
                let member = &mut self.members[node];
                member.registry.set(FAMILIES[family], &key, value.clone()).expect("within limits");
                member.own.insert((family, key), value);
                self.flush(node);
            }
            Op::Delete { node, family, key } => {
                let (node, key) = (node % count, format!("k{key}"));
                let member = &mut self.members[node];
                member.registry.delete(FAMILIES[family], &key);
                member.own.remove(&(family, key));
                self.flush(node);
            }
            Op::Connect(a, b) => self.connect(a % count, b % count),
            Op::Cut(a, b, lost) => self.cut(a % count, b % count, lost),
            Op::Arrive(a, b, events) => {
                let (a, b) = (a % count, b % count);
                (0..events).take_while(|_| self.arrive(a, b)).for_each(drop);
            }
            Op::Restart(node, lost) => self.restart(node % count, lost),
            Op::Lose(a, b, messages) => {
                let queue = self.queue(a % count, b % count);
                for _ in 0..messages {
                    // What makes a node master or global is the first word of a connection: without it there is none.
                    let may_go = |tag: &str| !["g_slave", "g_global"].contains(&tag);
                    if matches!(queue.front(), Some(Event::Message(message)) if message.tag().is_some_and(|tag| may_go(&tag)))
                    {
                        queue.pop_front();
                    }
                }
            }
            Op::Compare(node) => self.compare(node % count),
        }
    }

    fn compare(&mut self, node: usize) {
        self.members[node].registry.compare();
        self.flush(node);
    }

    /// All compare, and what comes of it arrives.
    fn compare_all(&mut self) {
        (0..self.members.len()).for_each(|node| self.compare(node));
        self.settle();
    }

    /// Connects all, and waits until nothing is under way.
    fn settle(&mut self) {
        let count = self.members.len();
        let pairs = || (0..count).flat_map(move |a| (0..count).map(move |b| (a, b)));
        pairs().for_each(|(a, b)| self.connect(a, b));
        let mut arrived = 0;
        while pairs().filter(|&(a, b)| self.arrive(a, b)).count() > 0 {
            arrived += 1;
            assert!(arrived < 1_000, "messages go in a circle");
        }
    }

    fn check(&self) {
        for member in &self.members {
            assert_eq!(member.unsynced, BTreeSet::new(), "{}", member.name);
            assert_eq!(member.views, self.members[0].views, "{} and {}", member.name, self.members[0].name);
        }
        let views = &self.members[0].views;
        for (index, family) in FAMILIES.iter().enumerate().take(2) {
            let owners = || self.members.iter().flat_map(|member| &member.own);
            let owned = owners().filter(|((family, _), _)| *family == index);
            let keys: BTreeSet<&str> = owned.map(|((_, key), _)| key.as_str()).collect();
            let seen: BTreeSet<&str> = views[*family].keys().map(|key| &**key).collect();
            assert_eq!(seen, keys, "{family}");
            for (key, value) in &views[*family] {
                let of_key = owners().filter(|((family, name), _)| *family == index && **name == **key);
                assert!(
                    of_key.map(|(_, value)| value).any(|own| own == value),
                    "{family} {key}: nobody's value"
                );
            }
        }
        let listeners = (0..self.members.len())
            .map(|index| (name(index).as_str().into(), Value::List(vec![Value::from(address(index))])));
        assert_eq!(views[LISTENERS], listeners.collect::<Entries>());
        let globals = self.members.iter().filter(|member| member.registry.is_global());
        let globals = globals.map(|member| (member.name.as_str().into(), Value::Null));
        assert_eq!(views[GLOBALS], globals.collect::<Entries>());
    }
}

fn op() -> impl Strategy<Value = Op> {
    let node = || 0..6usize;
    prop_oneof![
        4 => (node(), 0..2usize, 0..3usize).prop_map(|(node, family, key)| Op::Set { node, family, key }),
        2 => (node(), 0..2usize, 0..3usize).prop_map(|(node, family, key)| Op::Delete { node, family, key }),
        4 => (node(), node()).prop_map(|(a, b)| Op::Connect(a, b)),
        2 => (node(), node(), 0..5usize).prop_map(|(a, b, lost)| Op::Cut(a, b, lost)),
        12 => (node(), node(), 1..8usize).prop_map(|(a, b, events)| Op::Arrive(a, b, events)),
        1 => (node(), 0..5usize).prop_map(|(node, lost)| Op::Restart(node, lost)),
    ]
}

fn op_with_losses() -> impl Strategy<Value = Op> {
    let node = || 0..6usize;
    prop_oneof![
        8 => op(),
        2 => (node(), node(), 1..4usize).prop_map(|(a, b, messages)| Op::Lose(a, b, messages)),
        1 => node().prop_map(Op::Compare),
    ]
}

/// [GL-39]: a master's first words on families, which were empty, are lost.
#[test]
fn a_slave_does_not_wait_for_ever_for_the_first_word_on_a_family() {
    let mut network = Network::new(&[false; 4], true);
    for op in [
        Op::Connect(3, 0),
        Op::Arrive(3, 0, 1),
        Op::Arrive(0, 3, 2),
        Op::Arrive(3, 0, 1),
        Op::Arrive(3, 0, 4),
        Op::Lose(0, 3, 3),
    ] {
        network.run(&op);
    }
    network.settle();
    assert!(!network.members[3].unsynced.is_empty(), "the case is still the one that it was");
    (0..3).for_each(|_| network.compare_all());
    network.check();
}

/// What only nodes of our own kind say.
const OURS: [&str; 6] = ["g_sum", "g_have", "g_differ", "g_tell", "g_told", "g_view"];

proptest! {
    /// [GL-31], [GL-05], [GL-11], [GL-12], [GL-14], [GL-15], [GL-16]
    #[test]
    fn when_all_are_connected_each_sees_what_all_own(
        globals in proptest::collection::vec(any::<bool>(), 2..=6),
        before in proptest::collection::vec(op(), 0..80),
        after in proptest::collection::vec(op(), 0..40),
    ) {
        let mut network = Network::new(&globals, false);
        for ops in [before, after] {
            ops.iter().for_each(|op| network.run(op));
            network.settle();
            network.check();
        }
        network.compare_all();
        let ours = network.sent.keys().filter(|tag| OURS.contains(&tag.as_str()));
        prop_assert_eq!(ours.count(), 0, "the original knows no such message");
    }

    /// [GL-34], [GL-36], [GL-37], [GL-38]: even messages that vanish from the middle of a connection, but for those that say
    /// who is master, leave no difference, and bring back nothing that was withdrawn, once what nodes have of one another has been compared three times.
    /// When there is none, comparing costs one message each way, and none of those that mend.
    #[test]
    fn lost_messages_leave_no_difference(
        globals in proptest::collection::vec(any::<bool>(), 2..=6),
        before in proptest::collection::vec(op_with_losses(), 0..80),
        after in proptest::collection::vec(op_with_losses(), 0..40),
    ) {
        let mut network = Network::new(&globals, true);
        for ops in [before, after] {
            ops.iter().for_each(|op| network.run(op));
            network.settle();
            (0..3).for_each(|_| network.compare_all());
            network.check();
        }
        network.sent.clear();
        network.compare_all();
        let mends = network.sent.keys().filter(|tag| !["g_sum", "g_view"].contains(&tag.as_str()));
        prop_assert_eq!(mends.collect::<Vec<_>>(), Vec::<&String>::new());
        let count = network.members.len();
        prop_assert!(network.sent.values().sum::<usize>() <= count * (count - 1), "{:?}", network.sent);
    }
}
