//! A kernel's aliases as ports of a node's network, and ports as aliases.
//!
//! | there | here | as |
//! |---|---|---|
//! | an alias that the kernel reaches | a port of the node; the family [`FAMILY`] has the alias as key and the port's ID as value | the message `[event, args…]` is the event `[TK-70]` |
//! | a port in a group that was chosen | an alias of a session of the kernel: the value that it is registered with, or else its ID; the family [`BRIDGED`] has the alias as key | the event is the message `[event, args…]` `[TK-71]` |
//!
//! With the alias goes the port, which dies of `tikc_alias_gone`; with the port, or its membership, goes the alias. Loops are
//! cut by name, so also where kernels of Perl stand between: what [`BRIDGED`] names is exported by no bridge, and a port
//! that [`FAMILY`] names is made an alias by none `[TK-72]`.

mod forward;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use mp_global::{Family, Global, GlobalError};
use mp_node::{Node, PortId, Value};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::kernel::Kernel;
use crate::names::name_of;

/// The family whose keys are the aliases of kernels, and whose values the IDs of ports that stand for them.
pub const FAMILY: &str = "tikc";
/// The family whose keys are the aliases that bridges have made of ports, and whose values the IDs of these.
pub const BRIDGED: &str = "tikc_bridged";
/// The group whose ports become aliases, unless another one is chosen.
pub const GROUP: &str = "tikc_ports";

/// A bridge between a kernel and a node. Dropping it takes away all that it made.
#[must_use = "a bridge ends when it is dropped"]
pub struct Bridge {
    _stop: DropGuard,
}

/// Settings of a bridge that is about to be started: see [`Bridge::builder`].
#[derive(Debug)]
#[must_use = "a builder does nothing until `start`"]
pub struct BridgeBuilder<'a> {
    node: &'a Node,
    global: &'a Global,
    kernel: &'a Kernel,
    group: String,
}

impl Bridge {
    /// Begins to make a bridge.
    pub fn builder<'a>(node: &'a Node, global: &'a Global, kernel: &'a Kernel) -> BridgeBuilder<'a> {
        BridgeBuilder { node, global, kernel, group: GROUP.to_owned() }
    }
}

impl BridgeBuilder<'_> {
    /// The group whose ports become aliases. Default [`GROUP`].
    pub fn group(mut self, group: &str) -> Self {
        group.clone_into(&mut self.group);
        self
    }

    /// Starts it, in a task of the node.
    ///
    /// # Errors
    ///
    /// [`GlobalError`]: the node has been shut down, or there are too many monitors.
    pub fn start(self) -> Result<Bridge, GlobalError> {
        let stop = CancellationToken::new();
        let task = Task {
            exported: self.global.family(FAMILY),
            bridged: self.global.family(BRIDGED),
            group: self.global.group(&self.group).family().clone(),
            node: self.node.clone(),
            kernel: self.kernel.clone(),
            known: Known::default(),
            exports: BTreeMap::new(),
            imports: BTreeMap::new(),
            leaving: BTreeSet::new(),
            refused: BTreeMap::new(),
            waiting: BTreeMap::new(),
        };
        let monitors = [task.exported.monitor()?, task.bridged.monitor()?, task.group.monitor()?];
        let stopped = stop.clone();
        self.node.spawn_task(async move {
            tokio::select! {
                biased;
                () = stopped.cancelled() => {}
                () = task.run(monitors) => {}
            }
        });
        Ok(Bridge { _stop: stop.drop_guard() })
    }
}

impl fmt::Debug for Bridge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bridge")
    }
}

/// What the directory says, as far as it concerns a bridge.
#[derive(Debug, Default)]
struct Known {
    /// The port that each alias is exported as, by any bridge.
    exported: BTreeMap<String, Value>,
    /// Aliases that bridges made.
    bridged: BTreeSet<String>,
    /// The ports of the group, and what they are registered with.
    group: BTreeMap<String, Value>,
}

impl Known {
    /// The ports that stand for aliases.
    fn is_exported(&self, port: &str) -> bool {
        self.exported.values().any(|value| value.as_str().is_some_and(|exported| exported == port))
    }
}

struct Task {
    node: Node,
    kernel: Kernel,
    exported: Family,
    bridged: Family,
    group: Family,
    known: Known,
    /// Aliases that have a port here.
    exports: BTreeMap<String, DropGuard>,
    /// Ports that have an alias here, and which.
    imports: BTreeMap<String, (String, DropGuard)>,
    /// Aliases of ports whose sessions are about to end: until they have, they are nobody else's.
    leaving: BTreeSet<String>,
    /// Ports that cannot have the alias that they are registered with, or have died.
    refused: BTreeMap<String, String>,
    /// Ports whose alias somebody else holds, which has been said.
    waiting: BTreeMap<String, String>,
}

impl Task {
    async fn run(mut self, monitors: [mp_global::FamilyMonitor; 3]) {
        let [mut exported, mut bridged, mut group] = monitors;
        let mut changes = self.kernel.inner().changes.subscribe();
        loop {
            tokio::select! {
                changed = changes.changed() => {
                    if changed.is_err() {
                        return;
                    }
                }
                change = exported.next() => {
                    let Some(change) = change else { return };
                    note(&mut self.known.exported, change);
                }
                change = bridged.next() => {
                    let Some(change) = change else { return };
                    self.known.bridged.extend(change.added.keys().map(ToString::to_string));
                    self.known.bridged.retain(|alias| !change.deleted.iter().any(|key| **key == **alias));
                }
                change = group.next() => {
                    let Some(change) = change else { return };
                    note(&mut self.known.group, change);
                }
            }
            // Imports first: an alias that is a port's is never exported, not even for a moment.
            self.import();
            self.export();
        }
    }

    /// Makes aliases of the group's ports, and takes those away whose ports have gone.
    fn import(&mut self) {
        let wanted: BTreeMap<String, String> =
            self.known.group.iter().filter_map(|(port, value)| self.wanted(port, value)).collect();
        let taken = self.kernel.aliases();
        let is_here = |alias: &str| taken.get(alias) == Some(&true);
        self.refused.retain(|port, alias| wanted.get(port) == Some(alias));
        self.waiting.retain(|port, alias| wanted.get(port) == Some(alias));
        for (port, (alias, guard)) in std::mem::take(&mut self.imports) {
            if !is_here(&alias) {
                // Its session has ended by itself: the port is dead, whoever still has it in the group.
                self.leaving.insert(alias.clone());
                self.refused.insert(port, alias);
            } else if wanted.get(&port) == Some(&alias) {
                self.imports.insert(port, (alias, guard));
            } else {
                self.leaving.insert(alias);
            }
        }
        // Other bridges, too, must see the alias go before they hear that it is no port's any more.
        for alias in std::mem::take(&mut self.leaving) {
            if is_here(&alias) {
                self.leaving.insert(alias);
            } else {
                self.bridged.delete(&alias);
            }
        }
        for (port, alias) in wanted {
            if self.imports.contains_key(&port) || self.refused.contains_key(&port) {
                continue;
            }
            if taken.contains_key(&alias) {
                // To try would only tell everybody that it was tried.
                self.wait_for(port, alias);
            } else if let Ok(id) = port.parse::<PortId>() {
                self.import_one(port, &id, alias);
            }
        }
    }

    /// Somebody else has the alias; the port gets it when it is free.
    fn wait_for(&mut self, port: String, alias: String) {
        let is_bridged = self.known.bridged.contains(&alias) || self.leaving.contains(&alias);
        if !is_bridged && !self.waiting.contains_key(&port) {
            tracing::warn!(%port, %alias, "the port waits for its alias, which somebody else holds");
            self.waiting.insert(port, alias);
        }
    }

    /// The alias that a port of the group is to have.
    fn wanted(&self, port: &str, value: &Value) -> Option<(String, String)> {
        let alias = name_of(value).map_or_else(|| port.to_owned(), |alias| alias.to_string());
        (!self.known.is_exported(port)).then(|| (port.to_owned(), alias))
    }

    fn import_one(&mut self, port: String, id: &PortId, alias: String) {
        // Other bridges are to know it before they see the alias.
        if let Err(error) = self.bridged.set(&alias, port.as_str()) {
            return tracing::warn!(%alias, %error, "a port is not made an alias");
        }
        match self.kernel.session(&alias) {
            Ok(session) => {
                let stop = CancellationToken::new();
                let task = forward::to_port(session, self.node.clone(), id.clone(), stop.clone());
                self.node.spawn_task(task);
                self.imports.insert(port, (alias, stop.drop_guard()));
            }
            Err(error) => {
                tracing::warn!(%alias, %error, "a port is not made an alias");
                self.bridged.delete(&alias);
                self.refused.insert(port, alias);
            }
        }
    }

    /// Makes ports of the kernel's aliases, and takes those away whose aliases have gone.
    fn export(&mut self) {
        let own: BTreeSet<&String> =
            self.imports.values().map(|(alias, _)| alias).chain(&self.leaving).collect();
        let wanted: BTreeSet<String> = self
            .kernel
            .aliases()
            .into_keys()
            .filter(|alias| !own.contains(alias) && !self.known.bridged.contains(alias))
            .collect();
        let gone: Vec<String> =
            self.exports.keys().filter(|alias| !wanted.contains(*alias)).cloned().collect();
        for alias in gone {
            self.exports.remove(&alias);
            self.exported.delete(&alias);
        }
        for alias in wanted {
            if self.exports.contains_key(&alias) {
                continue;
            }
            let Ok(port) = self.node.try_port() else {
                return tracing::warn!(%alias, "an alias is not made a port: the node takes no more");
            };
            if let Err(error) = self.exported.set(&alias, port.id().as_str()) {
                tracing::warn!(%alias, %error, "an alias is not made a port");
                continue;
            }
            let stop = CancellationToken::new();
            self.node.spawn_task(forward::to_alias(port, self.kernel.clone(), alias.clone(), stop.clone()));
            self.exports.insert(alias, stop.drop_guard());
        }
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        for alias in self.exports.keys() {
            self.exported.delete(alias);
        }
        for alias in self.imports.values().map(|(alias, _)| alias).chain(&self.leaving) {
            self.bridged.delete(alias);
        }
    }
}

fn note(known: &mut BTreeMap<String, Value>, change: mp_global::FamilyChange) {
    let all = change.added.into_iter().chain(change.changed);
    known.extend(all.map(|(key, value)| (key.to_string(), value)));
    for key in change.deleted {
        known.remove(&*key);
    }
}
