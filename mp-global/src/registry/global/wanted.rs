//! Which global nodes to keep connected to.

use std::collections::BTreeMap;

use mp_proto::NodeId;

use crate::data::Key;
use crate::registry::Output;
use crate::registry::core::Core;

/// The other global nodes that anybody knows, with their listeners, as the owner was told.
#[derive(Debug, Default)]
pub(super) struct Wanted(BTreeMap<NodeId, Vec<String>>);

impl Wanted {
    /// What is known of `name` may have changed: `known` gives its addresses if it is a global node `[GL-24]`.
    pub(super) fn update(
        &mut self,
        core: &mut Core,
        name: &str,
        known: impl FnOnce() -> Option<Option<Vec<Key>>>,
    ) {
        let Ok(node) = NodeId::new(name) else { return };
        if node == core.node {
            return;
        }
        let Some(addresses) = known() else {
            if self.0.remove(&node).is_some() {
                core.outputs.push_back(Output::Release(node));
            }
            return;
        };
        let addresses: Vec<String> = addresses.iter().flatten().map(|address| address.to_string()).collect();
        if self.0.get(&node) != Some(&addresses) {
            self.0.insert(node.clone(), addresses.clone());
            core.outputs.push_back(Output::Connect { node, addresses });
        }
    }
}
