//! The role of a global node: it knows what all nodes hold.

mod repair;
mod wanted;
mod watchers;

use std::collections::BTreeSet;

use mp_proto::{NodeId, Value};

use self::wanted::Wanted;
use self::watchers::Watchers;
use super::core::Core;
use super::limits::Usage;
use super::repair::Walks;
use super::store::{Effects, Kind, Store};
use super::watch::{Changes, difference};
use super::{Answer, Excess, Query, QueryId, repair as mend};
use crate::data::{Database, Entries, GLOBALS, Key, LISTENERS, entries_value, word_list};
use crate::wire::GlobalRequest;

/// A global node.
#[derive(Debug)]
pub(super) struct Global {
    store: Store,
    /// Global nodes that are up.
    globals: BTreeSet<NodeId>,
    watchers: Watchers,
    wanted: Wanted,
    /// Nodes that are asked for what we should have of them.
    walks: Walks,
}

/// A peer's own update, of which it is told the outcome whether or not it changed anything.
struct Echo<'a> {
    node: &'a NodeId,
    family: &'a Key,
    keys: BTreeSet<Key>,
}

impl Global {
    /// Begins with what we own; says so to all who are up; answers what waited for a master `[GL-06]`.
    pub(super) fn begin(core: &mut Core) -> Self {
        let mut global = Self {
            store: Store::new(&core.node),
            globals: BTreeSet::new(),
            watchers: Watchers::default(),
            wanted: Wanted::default(),
            walks: Walks::default(),
        };
        core.local.set(&GLOBALS.into(), &core.node.as_str().into(), Value::Null);
        global.store.merge(&core.node, core.local.data(), &mut Effects::default());
        for family in core.watches.families() {
            let changes =
                core.watches.view(&family).map(|view| difference(view, &global.store.entries(&family)));
            core.watches.apply(&family, &changes.unwrap_or_default(), true, &mut core.outputs);
        }
        let heard = core.peers.iter().filter(|(_, peer)| !peer.is_expelled);
        let heard = heard.map(|(node, peer)| (node.clone(), peer.is_global)).collect::<Vec<_>>();
        for (node, is_global) in heard {
            global.node_up(core, &node);
            if is_global {
                global.on_global(core, &node);
            }
        }
        for id in core.queries.keys().copied().collect::<Vec<_>>() {
            global.query(core, id);
        }
        for node in core.finds.clone() {
            global.find(core, &node);
        }
        global
    }

    /// What all nodes hold.
    pub(super) fn usage(&self) -> Usage {
        self.store.usage()
    }

    /// The families that any node holds something of, and how many keys.
    pub(super) fn families(&self, limit: usize, after: Option<&str>) -> Vec<(Key, usize)> {
        self.store.sizes(limit, after)
    }

    /// What all nodes hold in a family.
    pub(super) fn entries(&self, family: &str) -> Entries {
        self.store.entries(family)
    }

    /// Each node is told what we are `[GL-19]`.
    #[expect(clippy::unused_self, reason = "the other role's counterpart needs it")]
    pub(super) fn node_up(&mut self, core: &mut Core, node: &NodeId) {
        core.send(node, GlobalRequest::Global);
    }

    /// Our seeds have to be global, too `[GL-07]`.
    #[expect(clippy::unused_self, reason = "the other role's counterpart needs it")]
    pub(super) fn seed_up(&mut self, core: &mut Core, seed: &NodeId) {
        core.send(seed, GlobalRequest::Slave(None));
    }

    /// All that the node held goes, and what we remembered of it `[GL-16]`.
    pub(super) fn node_down(&mut self, core: &mut Core, node: &NodeId) {
        self.watchers.forget(node);
        self.walks.end(node);
        let was_global = self.globals.remove(node);
        let mut effects = Effects::default();
        self.store.forget(node, &mut effects);
        if was_global {
            for family in [GLOBALS, LISTENERS] {
                self.unset(core, &family.into(), &node.as_str().into(), &mut effects);
            }
        }
        self.publish(core, effects, None);
    }

    fn expel(&mut self, core: &mut Core, node: &NodeId, excess: Excess) {
        core.expel(node, excess);
        self.node_down(core, node);
    }

    pub(super) fn request(&mut self, core: &mut Core, from: &NodeId, request: GlobalRequest) {
        match request {
            GlobalRequest::Slave(Some(database)) => self.on_slave(core, from, &database),
            GlobalRequest::Global => self.on_global(core, from),
            GlobalRequest::Set(database) => self.on_set(core, from, &database),
            GlobalRequest::Update { family, set, delete } => {
                self.on_update(core, from, &family, set.unwrap_or_default(), &delete.unwrap_or_default());
            }
            GlobalRequest::Find(node) => {
                let addresses = self.store.listeners(&node);
                core.send(from, GlobalRequest::Found { node, addresses });
            }
            GlobalRequest::Ask { part, family, id } => {
                let value = match self.look_up(part, &family) {
                    Answer::Family(entries) => entries_value(&entries),
                    Answer::Keys(keys) => word_list(&keys),
                    Answer::Values(values) => Value::List(values),
                };
                core.send(from, GlobalRequest::Reply { id, value });
            }
            GlobalRequest::Monitor(family) => self.on_monitor(core, from, family),
            GlobalRequest::Unmonitor(family) => self.watchers.remove(from, &family),
            GlobalRequest::Sum { sum, is_global } => self.on_sum(core, from, sum, is_global),
            GlobalRequest::Differ { range, families } => self.on_differ(core, from, &range, families),
            GlobalRequest::Told { family, range, entries } => {
                self.on_told(core, from, &family, &range, entries);
            }
            GlobalRequest::Have { range, sums } if self.globals.contains(from) => {
                core.send(from, mend::differ(self.store.our_sums(), range, &sums));
            }
            GlobalRequest::Tell { family, from: key } if self.globals.contains(from) => {
                let told =
                    mend::tell(Key::clone(&family), Key::clone(&key), self.store.ours_from(&family, &key));
                core.send(from, told);
            }
            // a bare g_slave has had its effect; the rest is what masters say, and we have none
            GlobalRequest::Have { .. }
            | GlobalRequest::Tell { .. }
            | GlobalRequest::View { .. }
            | GlobalRequest::Slave(None)
            | GlobalRequest::Found { .. }
            | GlobalRequest::Reply { .. }
            | GlobalRequest::Whole { .. }
            | GlobalRequest::Change { .. } => {}
        }
    }

    /// A node takes us for its master. Doing so again adds to what it holds `[GL-20]`.
    fn on_slave(&mut self, core: &mut Core, from: &NodeId, database: &Database) {
        if self.globals.contains(from) {
            return;
        }
        if let Err(excess) = self.store.usage_with(from, database).check(&core.limits) {
            return self.expel(core, from, excess);
        }
        let mut effects = Effects::default();
        self.store.enrol(from, Kind::Slave, &mut effects);
        self.store.merge(from, database, &mut effects);
        self.publish(core, effects, None);
    }

    /// A node is global, and gets all that we have. What it held before, as a slave perhaps, no longer counts: it is
    /// going to tell anew. Once it has, repeating this forgets nothing `[GL-21]`.
    fn on_global(&mut self, core: &mut Core, from: &NodeId) {
        if !self.globals.contains(from) {
            let mut effects = Effects::default();
            self.store.forget(from, &mut effects);
            self.publish(core, effects, None);
            self.globals.insert(from.clone());
            let mut effects = Effects::default();
            self.store.enrol(from, Kind::Global, &mut effects);
            self.assign(core, &GLOBALS.into(), &from.as_str().into(), Value::Null, &mut effects);
            self.publish(core, effects, None);
        }
        core.send(from, GlobalRequest::Set(self.store.ours()));
    }

    /// All that a global node holds. It replaces what we had of it `[GL-22]`.
    fn on_set(&mut self, core: &mut Core, from: &NodeId, database: &Database) {
        if !self.globals.contains(from) {
            return;
        }
        if let Err(excess) = whole_usage(database).check_global(&core.limits) {
            return self.expel(core, from, excess);
        }
        let mut effects = Effects::default();
        self.store.replace(from, database, &mut effects);
        self.remember_listeners(core, from, &mut effects);
        self.publish(core, effects, None);
        if core.is_kin(from) {
            self.tell_sum(core, from);
        }
    }

    /// Other globals learn from us where this one listens, so that they can find it before it has found them `[GL-23]`.
    fn remember_listeners(&mut self, core: &mut Core, global: &NodeId, effects: &mut Effects) {
        let listeners = self.store.get(LISTENERS, global.as_str());
        let Some(listeners) = listeners.filter(|value| value.as_list().is_some()).cloned() else { return };
        self.assign(core, &LISTENERS.into(), &global.as_str().into(), listeners, effects);
    }

    fn on_update(&mut self, core: &mut Core, from: &NodeId, family: &Key, set: Entries, delete: &[Key]) {
        let usage = self.store.usage_with(from, [(family, &set)]);
        let is_global = self.globals.contains(from);
        let checked = if is_global { usage.check_global(&core.limits) } else { usage.check(&core.limits) };
        if let Err(excess) = checked {
            return self.expel(core, from, excess);
        }
        let mut effects = Effects::default();
        if self.store.kind(from).is_none() {
            self.store.enrol(from, Kind::Guest, &mut effects);
        }
        let keys = set.keys().chain(delete).cloned().collect();
        for (key, value) in set {
            self.store.set(from, family, &key, value, &mut effects);
        }
        for key in delete {
            self.store.remove(from, family, key, &mut effects);
        }
        if is_global && **family == *LISTENERS {
            self.remember_listeners(core, from, &mut effects);
        }
        self.publish(core, effects, Some(&Echo { node: from, family, keys }));
    }

    fn on_monitor(&mut self, core: &mut Core, from: &NodeId, family: Key) {
        if !self.watchers.add(from, &family, core.limits.monitors) {
            return self.expel(core, from, Excess::Monitors);
        }
        let entries = Some(self.store.entries(&family)).filter(|entries| !entries.is_empty());
        core.send(from, GlobalRequest::Whole { family, entries });
    }

    /// Tells what changed: other globals what we and our slaves hold, one hop and no further; our monitoring slaves and
    /// ourselves what all hold `[GL-14]`.
    fn publish(&mut self, core: &mut Core, effects: Effects, echo: Option<&Echo<'_>>) {
        for (family, effects) in effects.0 {
            if !effects.ours.is_empty() {
                let (set, delete) = split(&effects.ours);
                for global in &self.globals {
                    let (family, set, delete) =
                        (Key::clone(&family), Some(set.clone()), Some(delete.clone()));
                    core.send(global, GlobalRequest::Update { family, set, delete });
                }
            }
            if effects.view.is_empty() {
                continue;
            }
            let (set, delete) = split(&effects.view);
            for watcher in self.watchers.of(&family) {
                if !echo.is_some_and(|echo| echo.node == watcher && *echo.family == family) {
                    let (family, set, delete) = (Key::clone(&family), set.clone(), delete.clone());
                    core.send(watcher, GlobalRequest::Change { family, set, delete });
                }
            }
            core.watches.apply(&family, &effects.view, true, &mut core.outputs);
            if *family == *GLOBALS || *family == *LISTENERS {
                for key in effects.view.keys() {
                    self.wanted.update(core, key, || {
                        self.store.get(GLOBALS, key).map(|_| self.store.listeners(key))
                    });
                }
            }
        }
        if let Some(echo) = echo {
            self.echo(core, echo);
        }
    }

    /// A slave that monitors what it writes is told what became of every key it wrote, so that the master has the last
    /// word `[GL-11]`.
    fn echo(&self, core: &mut Core, echo: &Echo<'_>) {
        if echo.keys.is_empty() || !self.watchers.has(echo.node, echo.family) {
            return;
        }
        let now = |key: &Key| (Key::clone(key), self.store.get(echo.family, key).cloned());
        let (set, delete) = split(&echo.keys.iter().map(now).collect());
        core.send(echo.node, GlobalRequest::Change { family: Key::clone(echo.family), set, delete });
    }

    fn look_up(&self, part: Query, family: &str) -> Answer {
        let entries = self.store.entries(family);
        match part {
            Query::Family => Answer::Family(entries),
            Query::Keys => Answer::Keys(entries.into_keys().collect()),
            Query::Values => Answer::Values(entries.into_values().collect()),
        }
    }

    fn assign(&mut self, core: &mut Core, family: &Key, key: &Key, value: Value, effects: &mut Effects) {
        if core.local.set(family, key, value.clone()) {
            self.store.set(&core.node, family, key, value, effects);
        }
    }

    fn unset(&mut self, core: &mut Core, family: &Key, key: &Key, effects: &mut Effects) {
        if core.local.delete(family, key) {
            self.store.remove(&core.node, family, key, effects);
        }
    }

    pub(super) fn set(&mut self, core: &mut Core, family: &Key, key: &Key, value: Value) {
        let mut effects = Effects::default();
        self.assign(core, family, key, value, &mut effects);
        self.publish(core, effects, None);
    }

    pub(super) fn delete(&mut self, core: &mut Core, family: &Key, key: &Key) {
        let mut effects = Effects::default();
        self.unset(core, family, key, &mut effects);
        self.publish(core, effects, None);
    }

    pub(super) fn watch(&mut self, core: &mut Core, family: &Key) {
        core.watches.begin(Key::clone(family), self.store.entries(family), true);
    }

    #[expect(
        clippy::unused_self,
        clippy::needless_pass_by_ref_mut,
        reason = "only a slave has somebody to tell"
    )]
    pub(super) fn unwatch(&mut self, _: &mut Core, _: Key) {}

    pub(super) fn query(&mut self, core: &mut Core, id: QueryId) {
        if let Some(question) = core.queries.get(&id) {
            let answer = self.look_up(question.part, &question.family);
            core.answer(id, answer);
        }
    }

    /// The other global nodes that know of a node.
    pub(super) fn tellers_of(&self, node: &NodeId) -> Vec<NodeId> {
        self.store.globals_with(LISTENERS, node.as_str())
    }

    pub(super) fn find(&mut self, core: &mut Core, node: &NodeId) {
        let addresses = self.store.listeners(node.as_str());
        core.found(node.as_str(), addresses);
    }
}

/// Keys that have a value, and keys that are no more.
fn split(changes: &Changes) -> (Entries, Vec<Key>) {
    let set = changes.iter().filter_map(|(key, value)| Some((Key::clone(key), value.clone()?)));
    let delete = changes.iter().filter(|(_, value)| value.is_none()).map(|(key, _)| Key::clone(key));
    (set.collect(), delete.collect())
}

fn whole_usage(database: &Database) -> Usage {
    let entries = || database.values().flatten();
    let weights = entries().map(|(key, value)| crate::data::weight(key, value));
    Usage { families: database.len(), keys: entries().count(), bytes: weights.fold(0, usize::saturating_add) }
}
