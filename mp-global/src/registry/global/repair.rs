//! A global node's part in mending differences; the whole stands in [`repair`](crate::registry::repair).

use std::collections::BTreeMap;

use mp_proto::NodeId;

use super::Global;
use crate::data::{Entries, Key, LISTENERS};
use crate::registry::core::Core;
use crate::registry::repair::{self, FAMILIES, Next};
use crate::registry::store::{Effects, Kind};
use crate::sum::{Range, Sum};
use crate::wire::GlobalRequest;

impl Global {
    /// Tells all of our kind the sums of what we have told them `[GL-34]` `[GL-38]`. Those who have not said what they are
    /// may be global nodes, whose word is lost.
    pub(in crate::registry) fn compare(&mut self, core: &mut Core) {
        let kin = core.peers.iter().filter(|(_, peer)| peer.is_kin && !peer.is_expelled);
        for node in kin.map(|(node, _)| node.clone()).collect::<Vec<_>>() {
            if self.store.kind(&node) != Some(Kind::Slave) {
                self.tell_sum(core, &node);
                continue;
            }
            let families = self.watchers.families(&node);
            let sums = families.map(|family| (Key::clone(family), self.store.view_sums().get(family)));
            for view in repair::views(sums) {
                core.send(&node, view);
            }
        }
    }

    pub(super) fn tell_sum(&self, core: &mut Core, to: &NodeId) {
        core.send(to, GlobalRequest::Sum { sum: self.store.our_sums().total(), is_global: true });
    }

    /// A node says the sum of what it has told us. That it is a global node, or takes us for its master, we may have
    /// missed, too.
    pub(super) fn on_sum(&mut self, core: &mut Core, from: &NodeId, sum: Sum, is_global: bool) {
        match (is_global, self.globals.contains(from)) {
            (true, false) => self.on_global(core, from),
            (false, true) => return,
            (false, false) if self.store.kind(from) != Some(Kind::Slave) => {
                let mut effects = Effects::default();
                self.store.enrol(from, Kind::Slave, &mut effects);
                self.publish(core, effects, None);
            }
            _ => {}
        }
        if self.store.sums_of(from).is_some_and(|sums| sums.total() == sum) {
            self.walks.end(from);
        } else if self.walks.is_due(from) {
            tracing::info!(%from, "what is known of the node is not what it says, and is asked for anew");
            self.ask_where(core, from, "".into());
        }
    }

    /// Asks a node in which families we have something else of it than it says, from one on.
    fn ask_where(&mut self, core: &mut Core, node: &NodeId, from: Key) {
        let open = Range { from, to: None };
        let sums = self.store.sums_of(node).into_iter().flat_map(|sums| sums.range(&open));
        let mut sums = sums.map(|(family, sum)| (Key::clone(family), sum));
        let known: BTreeMap<Key, Sum> = sums.by_ref().take(FAMILIES).collect();
        let range = Range { from: Key::clone(&open.from), to: sums.next().map(|(family, _)| family) };
        self.walks.comparing(node, range.clone());
        core.send(node, GlobalRequest::Have { range, sums: known });
    }

    pub(super) fn on_differ(&mut self, core: &mut Core, from: &NodeId, range: &Range, families: Vec<Key>) {
        if let Some(next) = self.walks.differ(from, range, families) {
            self.ask_next(core, from, next);
        }
    }

    fn ask_next(&mut self, core: &mut Core, node: &NodeId, next: Next) {
        match next {
            Next::Compare(from) => self.ask_where(core, node, from),
            Next::Fetch(family, from) => core.send(node, GlobalRequest::Tell { family, from }),
            Next::Nothing => {}
        }
    }

    /// Between these keys of a family the node owns exactly this `[GL-37]`.
    pub(super) fn on_told(
        &mut self,
        core: &mut Core,
        from: &NodeId,
        family: &Key,
        range: &Range,
        mut entries: Entries,
    ) {
        if !self.walks.expects(from, family, range) {
            return;
        }
        let is_in = |key: &Key| *key >= range.from && range.to.as_ref().is_none_or(|to| key < to);
        entries.retain(|key, _| is_in(key));
        let is_global = self.globals.contains(from);
        let usage = self.store.usage_with(from, [(family, &entries)]);
        let checked = if is_global { usage.check_global(&core.limits) } else { usage.check(&core.limits) };
        if let Err(excess) = checked {
            return self.expel(core, from, excess);
        }
        let mut effects = Effects::default();
        self.store.replace_range(from, family, range, entries, &mut effects);
        if is_global && **family == *LISTENERS {
            self.remember_listeners(core, from, &mut effects);
        }
        self.publish(core, effects, None);
        let next = self.walks.told(from, range);
        self.ask_next(core, from, next);
    }
}
