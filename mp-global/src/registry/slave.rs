//! The role of an ordinary node: it has one master, which knows more.

use std::collections::BTreeMap;

use mp_proto::{NodeId, Value};

use super::QueryId;
use super::core::Core;
use super::repair::{differ, tell};
use super::watch::{Changes, difference};
use crate::data::{Entries, Key};
use crate::sum::{Range, Sum};
use crate::wire::GlobalRequest;

/// A slave, with the seed that serves it.
#[derive(Debug, Default)]
pub(super) struct Slave {
    master: Option<NodeId>,
}

impl Slave {
    pub(super) fn master(&self) -> Option<&NodeId> {
        self.master.as_ref()
    }

    #[expect(
        clippy::unused_self,
        clippy::needless_pass_by_ref_mut,
        reason = "an ordinary node is told nothing"
    )]
    pub(super) fn node_up(&mut self, _: &mut Core, _: &NodeId) {}

    /// Each seed is asked to be global; the first becomes master `[GL-07]`.
    pub(super) fn seed_up(&mut self, core: &mut Core, seed: &NodeId) {
        core.send(seed, GlobalRequest::Slave(None));
        if self.master.is_none() {
            self.adopt(core, seed);
        }
    }

    pub(super) fn node_down(&mut self, core: &mut Core, node: &NodeId) {
        if self.master.as_ref() == Some(node) {
            self.lose_master(core);
        }
    }

    /// The seed that has been connected the longest takes over, if there is one `[GL-08]`.
    fn lose_master(&mut self, core: &mut Core) {
        self.master = None;
        core.watches.unsync();
        let seeds = core.peers.iter().filter(|(_, peer)| !peer.is_expelled);
        let oldest = seeds.filter_map(|(node, peer)| Some((peer.seed?, node))).min();
        if let Some(seed) = oldest.map(|(_, node)| node.clone()) {
            self.adopt(core, &seed);
        }
    }

    /// A new master is told what we own, and asked all that has no answer yet `[GL-08]`.
    fn adopt(&mut self, core: &mut Core, master: &NodeId) {
        self.master = Some(master.clone());
        core.send(master, GlobalRequest::Slave(Some(core.local.data().clone())));
        self.ask(core, master);
        for family in core.watches.families() {
            core.send(master, GlobalRequest::Monitor(family));
        }
    }

    /// Asks all that has no answer yet.
    fn ask(&mut self, core: &mut Core, master: &NodeId) {
        for node in core.finds.clone() {
            core.send(master, GlobalRequest::Find(node.as_str().into()));
        }
        for id in core.queries.keys().copied().collect::<Vec<_>>() {
            self.query(core, id);
        }
    }

    /// Before becoming global: the master need not report to us any longer.
    pub(super) fn resign(&mut self, core: &mut Core) {
        for family in core.watches.families() {
            self.unwatch(core, family);
        }
    }

    pub(super) fn request(&mut self, core: &mut Core, from: &NodeId, request: GlobalRequest) {
        if matches!(request, GlobalRequest::Global | GlobalRequest::Sum { is_global: true, .. }) {
            if let Some(peer) = core.peers.get_mut(from) {
                peer.is_global = true;
            }
        } else if self.master.as_ref() == Some(from) {
            self.master_says(core, from, request);
        }
    }

    /// Only the current master is believed `[GL-09]`.
    fn master_says(&mut self, core: &mut Core, master: &NodeId, request: GlobalRequest) {
        match request {
            GlobalRequest::Found { node, addresses } => core.found(&node, addresses),
            GlobalRequest::Reply { id, value } => core.replied(&id, value),
            GlobalRequest::Whole { family, entries } => {
                let mut whole = entries.unwrap_or_default();
                // what we own cannot be missing for long: our update and this have crossed
                for (key, value) in core.local.data().get(&family).into_iter().flatten() {
                    whole.entry(Key::clone(key)).or_insert_with(|| value.clone());
                }
                let changes = core.watches.view(&family).map(|view| difference(view, &whole));
                self.learn(core, master, &family, &changes.unwrap_or_default());
            }
            GlobalRequest::Change { family, set, delete } => {
                let set = set.into_iter().map(|(key, value)| (key, Some(value)));
                let mut changes: Changes = set.collect();
                for key in delete {
                    let own = core.local.get(&family, &key).cloned();
                    changes.insert(key, own);
                }
                self.learn(core, master, &family, &changes);
            }
            GlobalRequest::Have { range, sums } => {
                let answer = differ(core.local.sums(), range, &sums);
                core.send(master, answer);
            }
            GlobalRequest::Tell { family, from } => {
                let told = tell(Key::clone(&family), Key::clone(&from), core.local.from(&family, &from));
                core.send(master, told);
            }
            GlobalRequest::View { range, sums } => Self::check(core, master, &range, &sums),
            _ => {}
        }
    }

    /// Tells a master of our kind the sum of what we have told it `[GL-34]`, and asks anew what it has not answered: to
    /// answer twice does no harm.
    pub(super) fn compare(&mut self, core: &mut Core) {
        let Some(master) = self.master.clone().filter(|master| core.is_kin(master)) else { return };
        let sum = core.local.sums().total();
        core.send(&master, GlobalRequest::Sum { sum, is_global: false });
        self.ask(core, &master);
    }

    /// Begins anew to monitor those families of a range that the master has something else of, or does not know that we
    /// monitor; ends those that we do not `[GL-38]`. Where it has the same, that is its word on the family: the one that
    /// we waited for may be lost, and will not be repeated `[GL-39]`.
    fn check(core: &mut Core, master: &NodeId, range: &Range, sums: &BTreeMap<Key, Sum>) {
        for family in core.watches.families_in(range) {
            if core.watches.sum(&family) == sums.get(&family).copied() {
                core.watches.apply(&family, &Changes::new(), true, &mut core.outputs);
            } else {
                core.send(master, GlobalRequest::Monitor(family));
            }
        }
        for family in sums.keys().filter(|family| !core.watches.has(family)).cloned().collect::<Vec<_>>() {
            core.send(master, GlobalRequest::Unmonitor(family));
        }
    }

    fn learn(&mut self, core: &mut Core, master: &NodeId, family: &Key, changes: &Changes) {
        match core.watches.usage_after(family, changes).check_global(&core.limits) {
            Ok(()) => core.watches.apply(family, changes, true, &mut core.outputs),
            Err(excess) => {
                core.expel(master, excess);
                self.lose_master(core);
            }
        }
    }

    fn tell_master(&self, core: &mut Core, request: impl FnOnce() -> GlobalRequest) {
        if let Some(master) = &self.master {
            core.send(master, request());
        }
    }

    /// What we do ourselves, our monitors see at once; the master, which repeats it, has the last word `[GL-11]`.
    pub(super) fn set(&mut self, core: &mut Core, family: &Key, key: &Key, value: Value) {
        if !core.local.set(family, key, value.clone()) {
            return;
        }
        let changes = Changes::from([(Key::clone(key), Some(value.clone()))]);
        core.watches.apply(family, &changes, false, &mut core.outputs);
        self.tell_master(core, || GlobalRequest::Update {
            family: Key::clone(family),
            set: Some(Entries::from([(Key::clone(key), value)])),
            delete: None,
        });
    }

    pub(super) fn delete(&mut self, core: &mut Core, family: &Key, key: &Key) {
        if !core.local.delete(family, key) {
            return;
        }
        let changes = Changes::from([(Key::clone(key), None)]);
        core.watches.apply(family, &changes, false, &mut core.outputs);
        self.tell_master(core, || GlobalRequest::Update {
            family: Key::clone(family),
            set: None,
            delete: Some(vec![Key::clone(key)]),
        });
    }

    pub(super) fn watch(&mut self, core: &mut Core, family: &Key) {
        let own = core.local.data().get(family).cloned().unwrap_or_default();
        core.watches.begin(Key::clone(family), own, false);
        self.tell_master(core, || GlobalRequest::Monitor(Key::clone(family)));
    }

    pub(super) fn unwatch(&mut self, core: &mut Core, family: Key) {
        self.tell_master(core, || GlobalRequest::Unmonitor(family));
    }

    pub(super) fn query(&mut self, core: &mut Core, id: QueryId) {
        if let Some(question) = core.queries.get(&id).cloned() {
            let id = Value::from(id.0.to_string());
            self.tell_master(core, || GlobalRequest::Ask {
                part: question.part,
                family: question.family,
                id,
            });
        }
    }

    pub(super) fn find(&mut self, core: &mut Core, node: &NodeId) {
        self.tell_master(core, || GlobalRequest::Find(node.as_str().into()));
    }
}
