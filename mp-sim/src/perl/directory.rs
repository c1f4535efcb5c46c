//! A Perl node's part in the network's directory: its seeds, its master, and what it owns and monitors. What a global node
//! does beyond that is in `global`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use mp_proto::{Map, Value};

use super::global::Global;
use super::kernel::{Kernel, MONITOR_TIMEOUT, Out, Purpose};

/// The family of listeners' addresses.
pub(super) const LISTENERS: &str = "'l";
/// The family of global nodes.
pub(super) const GLOBALS: &str = "'g";

pub(super) type Entries = BTreeMap<String, Value>;
pub(super) type Database = BTreeMap<String, Entries>;

#[derive(Debug)]
pub(super) struct Directory {
    seeds: Vec<Seed>,
    master: Option<String>,
    /// What we own.
    pub(super) local: Database,
    /// What we monitor, as we were told.
    pub(super) monitored: Database,
    /// Nodes that we have asked for and heard nothing of.
    finds: BTreeSet<String>,
    pub(super) global: Option<Global>,
    joined: bool,
}

#[derive(Debug)]
struct Seed {
    address: String,
    /// Who was there when it was last dialled.
    node: Option<String>,
    /// When it is dialled next; never while it is being dialled or connected, nor if it is ourselves.
    due: Option<Instant>,
    failures: u32,
}

impl Directory {
    pub(super) fn new(now: Instant, seeds: Vec<String>) -> Self {
        let seed = |address| Seed { address, node: None, due: Some(now), failures: 0 };
        Self {
            seeds: seeds.into_iter().map(seed).collect(),
            master: None,
            local: Database::new(),
            monitored: Database::new(),
            finds: BTreeSet::new(),
            global: None,
            joined: false,
        }
    }

    pub(super) fn timeout(&self) -> Option<Instant> {
        let seeds = self.seeds.iter().filter_map(|seed| seed.due);
        seeds.chain(self.global.as_ref().and_then(Global::timeout)).min()
    }
}

/// How long to wait after so many failures: some chance, and twice as long after each.
pub(super) fn backoff(base: Duration, failures: u32, chance: u64) -> Duration {
    let spread = base + base * u32::try_from(chance % 1000).unwrap_or_default() / 1000;
    spread.saturating_mul(1 << failures.min(10)).min(MONITOR_TIMEOUT)
}

impl Kernel {
    // ---- the program's ----

    pub(super) fn publish_address(&mut self) {
        let (own, address) = (self.id().to_owned(), Value::from(self.address.as_str()));
        self.set(LISTENERS, &own, Value::List(vec![address]));
    }

    pub(super) fn set(&mut self, family: &str, key: &str, value: Value) {
        let entries = self.directory.local.entry(family.to_owned()).or_default();
        if entries.insert(key.to_owned(), value.clone()).as_ref() == Some(&value) {
            return;
        }
        let set = Entries::from([(key.to_owned(), value)]);
        if self.directory.global.is_some() {
            let own = self.id().to_owned();
            self.global_update(&own, family, &set, &[]);
        } else if let Some(master) = self.directory.master.clone() {
            self.request(&master, "g_upd", [family.into(), map(&set)]);
        }
    }

    pub(super) fn delete(&mut self, family: &str, key: &str) {
        let Some(entries) = self.directory.local.get_mut(family) else { return };
        if entries.remove(key).is_none() {
            return;
        }
        if self.directory.global.is_some() {
            let own = self.id().to_owned();
            self.global_update(&own, family, &Entries::new(), &[key.to_owned()]);
        } else if let Some(master) = self.directory.master.clone() {
            self.request(&master, "g_upd", [family.into(), Value::Null, list([key])]);
        }
    }

    pub(super) fn monitor_family(&mut self, family: &str) {
        self.directory.monitored.entry(family.to_owned()).or_default();
        if self.directory.global.is_some() {
            let own = self.id().to_owned();
            self.global_listen(&own, family);
        } else if let Some(master) = self.directory.master.clone() {
            self.request(&master, "g_mon1", [family.into()]);
        }
    }

    // ---- seeds ----

    pub(super) fn seed_is_ourselves(&mut self, seed: usize) {
        if let Some(seed) = self.directory.seeds.get_mut(seed) {
            (seed.due, seed.node) = (None, Some(self.identity.node.as_str().to_owned()));
        }
        self.become_global();
    }

    /// The first line tells who a seed is, and that one is asked to be a global node.
    pub(super) fn seed_is(&mut self, seed: usize, node: &str) {
        if let Some(seed) = self.directory.seeds.get_mut(seed) {
            seed.node = Some(node.to_owned());
        }
        // If it is connected already, nobody looks whether it could be the master: that is the original's trap.
        self.request(node, "g_slave", []);
    }

    pub(super) fn seed_failed(&mut self, seed: usize) {
        let (now, chance) = (self.now, self.dice.word());
        let nodes = self.nodes_up();
        let own = self.id().to_owned();
        let Some(seed) = self.directory.seeds.get_mut(seed) else { return };
        if seed.node.as_ref().is_some_and(|node| *node == own || nodes.contains(node)) {
            return;
        }
        seed.failures += 1;
        seed.due = Some(now + backoff(Duration::from_millis(600), seed.failures, chance));
    }

    /// A connection was lost: if it was a seed's, seeding begins again. After a collision not at once: live nodes fall out of
    /// step by themselves, simulated ones would collide for ever.
    pub(super) fn seeds_changed(&mut self, node: &str, collided: bool) {
        let pause = backoff(Duration::from_millis(600), 0, self.dice.word());
        let now = if collided { self.now + pause } else { self.now };
        for seed in self.directory.seeds.iter_mut().filter(|seed| seed.node.as_deref() == Some(node)) {
            (seed.due, seed.failures) = (Some(now), 0);
        }
        self.dial_what_is_due();
    }

    pub(super) fn dial_what_is_due(&mut self) {
        let (now, up) = (self.now, self.nodes_up());
        let mut dials = Vec::new();
        for (index, seed) in self.directory.seeds.iter_mut().enumerate() {
            if seed.due.is_some_and(|at| at <= now) {
                seed.due = None;
                if seed.node.as_ref().is_none_or(|node| !up.contains(node)) {
                    dials.push((seed.address.clone(), Purpose::Seed(index)));
                }
            }
        }
        dials.into_iter().for_each(|(address, purpose)| self.dial(address, purpose));
        self.dial_globals();
    }

    fn is_seed(&self, node: &str) -> bool {
        self.directory.seeds.iter().any(|seed| seed.node.as_deref() == Some(node))
    }

    // ---- connections ----

    pub(super) fn node_up(&mut self, node: &str) {
        if self.directory.global.is_some() {
            return self.request(node, "g_global", []);
        }
        if self.is_seed(node) {
            self.request(node, "g_slave", []);
            if self.directory.master.is_none() {
                self.adopt(node);
            }
        }
    }

    fn adopt(&mut self, master: &str) {
        self.directory.master = Some(master.to_owned());
        let whole = Value::Map(
            self.directory.local.iter().map(|(family, set)| (family.as_str(), map(set))).collect(),
        );
        self.request(master, "g_slave", [whole]);
        for node in self.directory.finds.clone() {
            self.request(master, "g_find", [node.into()]);
        }
        for family in self.directory.monitored.keys().cloned().collect::<Vec<_>>() {
            self.request(master, "g_mon1", [family.into()]);
        }
        self.tell_joined();
    }

    pub(super) fn directory_down(&mut self, node: &str) {
        if self.directory.global.is_some() {
            return self.global_down(node);
        }
        if self.directory.master.as_deref() == Some(node) {
            self.directory.master = None;
            let other = self.nodes_up().into_iter().find(|node| self.is_seed(node));
            match other {
                Some(other) => self.adopt(&other),
                None => self.tell_joined(),
            }
        }
    }

    pub(super) fn tell_joined(&mut self) {
        let joined = self.directory.global.is_some() || self.directory.master.is_some();
        if joined != self.directory.joined {
            self.directory.joined = joined;
            self.outs.push_back(Out::Joined(joined));
        }
    }

    /// Looks for a node's address. Who has no master waits until it is too late.
    pub(super) fn find(&mut self, node: &str) {
        if self.directory.global.is_some() {
            let addresses = self.global_address(node);
            return self.found(node, &addresses);
        }
        if self.directory.finds.insert(node.to_owned())
            && let Some(master) = self.directory.master.clone()
        {
            self.request(&master, "g_find", [node.into()]);
        }
    }

    // ---- requests ----

    pub(super) fn directory_request(&mut self, from: &str, tag: &str, args: Vec<Value>) {
        let mut args = args.into_iter();
        let mut arg = || args.next().unwrap_or_default();
        let is_master = self.directory.master.as_deref() == Some(from);
        match tag {
            "g_slave" => {
                self.become_global();
                self.global_request(from, tag, arg(), arg(), &arg());
            }
            "g_found" => {
                let node = text(&arg());
                self.directory.finds.remove(&node);
                let addresses = arg();
                let addresses: Vec<String> =
                    addresses.as_list().unwrap_or_default().iter().map(text).collect();
                self.found(&node, &addresses);
            }
            "g_chg1" if is_master => {
                let (family, whole) = (text(&arg()), entries(&arg()));
                let Some(known) = self.directory.monitored.get(&family) else { return };
                let gone = known.keys().filter(|key| !whole.contains_key(*key)).cloned().collect();
                self.tell(&family, whole, gone);
            }
            "g_chg2" if is_master => {
                let (family, set, gone) = (text(&arg()), entries(&arg()), arg());
                self.tell(&family, set, words(&gone));
            }
            "g_global" if self.directory.global.is_none() => {}
            _ if self.directory.global.is_some() => self.global_request(from, tag, arg(), arg(), &arg()),
            _ => {}
        }
    }

    /// What we monitor has changed; tells what is news.
    pub(super) fn tell(&mut self, family: &str, set: Entries, gone: Vec<String>) {
        let Some(known) = self.directory.monitored.get_mut(family) else { return };
        let (mut added, mut changed, mut deleted) = (Vec::new(), Vec::new(), Vec::new());
        for (key, value) in set {
            match known.insert(key.clone(), value.clone()) {
                None => added.push((key, value)),
                Some(old) if old != value => changed.push((key, value)),
                Some(_) => {}
            }
        }
        for key in gone {
            if known.remove(&key).is_some() {
                deleted.push(key);
            }
        }
        self.outs.push_back(Out::Changed { family: family.to_owned(), added, changed, deleted });
    }

    pub(super) fn stop_being_slave(&mut self) {
        self.directory.master = None;
    }
}

pub(super) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().into_owned()
}

pub(super) fn words(value: &Value) -> Vec<String> {
    value.as_list().unwrap_or_default().iter().map(text).collect()
}

pub(super) fn entries(value: &Value) -> Entries {
    value
        .as_map()
        .into_iter()
        .flat_map(Map::iter)
        .map(|(key, value)| (key.to_string(), value.clone()))
        .collect()
}

pub(super) fn map(entries: &Entries) -> Value {
    Value::Map(entries.iter().map(|(key, value)| (key.as_str(), value.clone())).collect())
}

pub(super) fn list<'a>(words: impl IntoIterator<Item = &'a str>) -> Value {
    Value::List(words.into_iter().map(Value::from).collect())
}
