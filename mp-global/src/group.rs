//! Ports that offer the same thing.

use std::collections::BTreeSet;
use std::sync::Arc;

use mp_node::Monitor;
use mp_proto::{PortId, Value};
use serde::Serialize;

use crate::data::Key;
use crate::family::{Family, FamilyMonitor};
use crate::global::{GlobalError, Shared};

/// The ports that are registered under a name, anywhere in the network. Cheap to clone.
///
/// It is the [`Family`] of that name, whose keys are the ports' IDs `[GL-33]`.
#[derive(Debug, Clone)]
pub struct Group {
    family: Family,
}

impl Group {
    pub(crate) fn new(family: Family) -> Self {
        Self { family }
    }

    /// The group's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.family.name()
    }

    /// The family behind it, with the values given to [`Group::register_with`].
    #[must_use]
    pub fn family(&self) -> &Family {
        &self.family
    }

    /// Registers a port until it dies, or the membership is dropped. A port that is registered several times is a member
    /// until the last membership is dropped. Older names: `grp_reg`, `db_reg`.
    ///
    /// # Errors
    ///
    /// [`GlobalError::Registry`]: the group's name is not one for applications, or this node owns as much as the limits
    /// allow; [`GlobalError::ShutDown`].
    #[doc(alias("grp_reg", "db_reg", "join", "pg:join"))]
    pub fn register(&self, port: impl AsRef<PortId>) -> Result<Membership, GlobalError> {
        self.register_with(port, Value::Null)
    }

    /// The same, with a value that goes with the port.
    ///
    /// # Errors
    ///
    /// As [`Group::register`].
    #[doc(alias("grp_reg", "db_reg"))]
    pub fn register_with(
        &self,
        port: impl AsRef<PortId>,
        value: impl Into<Value>,
    ) -> Result<Membership, GlobalError> {
        let (shared, group) = (self.family.shared(), self.family.key());
        let node = shared.node()?;
        let port = port.as_ref();
        let key = Key::from(port.as_str());
        shared.with(|state| state.join(group, &key, value.into()))?;
        let (watcher, family, dead) = (Arc::clone(shared), Key::clone(group), Key::clone(&key));
        let monitor = node.monitor_with(port, move |_| watcher.with(|state| state.died(&family, &dead)));
        Ok(Membership {
            shared: Some(Arc::clone(shared)),
            group: Key::clone(group),
            port: key,
            monitor: Some(monitor),
        })
    }

    /// The members. Waits while no global node is connected; to know them at any time, keep a
    /// [monitor](Group::monitor). Older name: `grp_get`.
    ///
    /// # Errors
    ///
    /// [`GlobalError::ShutDown`], or [`GlobalError::Registry`] if too many such questions wait for an answer.
    ///
    /// # Cancellation
    ///
    /// Dropping the future takes the question back.
    #[doc(alias("grp_get", "pg:get_members"))]
    pub async fn members(&self) -> Result<Vec<PortId>, GlobalError> {
        let keys = self.family.keys().await?;
        Ok(keys.iter().filter_map(|key| key.parse().ok()).collect())
    }

    /// Sends a message to all members, by [`Node::send_all`](mp_node::Node::send_all), and says how many they are. Waits while no
    /// global node is connected, and asks for the members each time: who sends often keeps a [monitor](Group::monitor), and
    /// sends to its [members](GroupMonitor::members).
    ///
    /// # Errors
    ///
    /// As [`Group::members`], or [`GlobalError::Send`].
    ///
    /// # Cancellation
    ///
    /// If the future is dropped, some of the members may have been sent the message and others not.
    #[doc(alias("broadcast", "publish"))]
    pub async fn send<M: Serialize + Send>(&self, message: M) -> Result<usize, GlobalError> {
        let members = self.members().await?;
        self.family.shared().node()?.send_all(&members, message).await?;
        Ok(members.len())
    }

    /// Monitors the group: first who is a member, then who comes and goes. Older names: `grp_mon`, `db_mon`.
    ///
    /// # Errors
    ///
    /// [`GlobalError::ShutDown`], or [`GlobalError::Registry`] if there are too many monitors.
    #[doc(alias("grp_mon", "pg:monitor"))]
    pub fn monitor(&self) -> Result<GroupMonitor, GlobalError> {
        Ok(GroupMonitor { family: self.family.monitor()?, members: BTreeSet::new(), told: None })
    }
}

/// A port's registration in a group. Dropping it takes the registration back; the death of the port does, too.
#[derive(Debug)]
#[must_use = "dropping a membership ends it; use `detach` to keep it"]
pub struct Membership {
    shared: Option<Arc<Shared>>,
    group: Key,
    port: Key,
    monitor: Option<Monitor>,
}

impl Membership {
    /// The group's name.
    #[must_use]
    pub fn group(&self) -> &str {
        &self.group
    }

    /// Lets the registration stand without this guard, until the port dies.
    pub fn detach(mut self) {
        self.shared = None;
        if let Some(monitor) = self.monitor.take() {
            monitor.detach();
        }
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        if let Some(shared) = self.shared.take() {
            shared.with(|state| state.leave(&self.group, &self.port));
        }
    }
}

/// Who came into a group and who left it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct GroupChange {
    /// Ports that came.
    pub added: Vec<PortId>,
    /// Ports that went.
    pub deleted: Vec<PortId>,
    /// Whether a global node vouches for it. If not, this is what the node owns itself, while no seed is connected.
    pub synced: bool,
}

/// A stream of changes of a group. Dropping it ends the monitor.
#[derive(Debug)]
#[must_use = "dropping a monitor ends it"]
pub struct GroupMonitor {
    family: FamilyMonitor,
    members: BTreeSet<PortId>,
    /// Whether the last change that was told was synced.
    told: Option<bool>,
}

impl GroupMonitor {
    /// The next change, or several that have come since the last one; the first tells who is a member. `None` after the
    /// node was shut down.
    ///
    /// # Cancellation
    ///
    /// Safe: no change is lost by dropping the future.
    pub async fn next(&mut self) -> Option<GroupChange> {
        loop {
            let change = self.family.next().await?;
            let added = change.added.keys().filter_map(|key| key.parse::<PortId>().ok());
            let added: Vec<PortId> = added.filter(|port| self.members.insert(port.clone())).collect();
            let deleted = change.deleted.iter().filter_map(|key| key.parse::<PortId>().ok());
            let deleted: Vec<PortId> = deleted.filter(|port| self.members.remove(port)).collect();
            // a member's new value is no news here
            let was_told = self.told.replace(change.synced);
            if !added.is_empty() || !deleted.is_empty() || was_told != self.told {
                return Some(GroupChange { added, deleted, synced: change.synced });
            }
        }
    }

    /// The members, as of the last change that was fetched.
    #[must_use]
    pub fn members(&self) -> &BTreeSet<PortId> {
        &self.members
    }
}
