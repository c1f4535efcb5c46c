//! Which peers monitor which families.

use std::collections::{BTreeMap, BTreeSet};

use mp_proto::NodeId;

use crate::data::Key;

/// Monitoring peers by family, and families by peer.
#[derive(Debug, Default)]
pub(super) struct Watchers {
    by_family: BTreeMap<Key, BTreeSet<NodeId>>,
    by_node: BTreeMap<NodeId, BTreeSet<Key>>,
}

impl Watchers {
    /// Adds one; false if the node has `max` families already.
    pub(super) fn add(&mut self, node: &NodeId, family: &Key, max: usize) -> bool {
        let families = self.by_node.entry(node.clone()).or_default();
        if families.len() >= max && !families.contains(family) {
            return false;
        }
        families.insert(Key::clone(family));
        self.by_family.entry(Key::clone(family)).or_default().insert(node.clone());
        true
    }

    pub(super) fn remove(&mut self, node: &NodeId, family: &Key) {
        if let Some(families) = self.by_node.get_mut(node) {
            families.remove(family);
            if families.is_empty() {
                self.by_node.remove(node);
            }
        }
        self.leave(node, family);
    }

    pub(super) fn forget(&mut self, node: &NodeId) {
        for family in self.by_node.remove(node).unwrap_or_default() {
            self.leave(node, &family);
        }
    }

    fn leave(&mut self, node: &NodeId, family: &Key) {
        if let Some(nodes) = self.by_family.get_mut(family) {
            nodes.remove(node);
            if nodes.is_empty() {
                self.by_family.remove(family);
            }
        }
    }

    pub(super) fn has(&self, node: &NodeId, family: &Key) -> bool {
        self.by_node.get(node).is_some_and(|families| families.contains(family))
    }

    /// The families that a node monitors, in order.
    pub(super) fn families(&self, node: &NodeId) -> impl Iterator<Item = &Key> {
        self.by_node.get(node).into_iter().flatten()
    }

    pub(super) fn of(&self, family: &Key) -> impl Iterator<Item = &NodeId> {
        self.by_family.get(family).into_iter().flatten()
    }
}
