//! Keys and values that the network shares.

pub(crate) mod feed;

use std::sync::Arc;

use mp_proto::Value;

use crate::data::{Entries, Key};
use crate::global::{GlobalError, Shared};
use crate::registry::{Answer, MonitorId, Query};

pub use feed::FamilyChange;

use feed::Feed;

/// A family of keys and values. Cheap to clone.
///
/// Each node owns the keys that it sets, and they go with it. All nodes together see all keys; of one that several nodes
/// own, all see the same one of its values, and another one when that is deleted `[GL-15]`.
#[derive(Debug, Clone)]
pub struct Family {
    shared: Arc<Shared>,
    name: Key,
}

impl Family {
    pub(crate) fn new(shared: Arc<Shared>, name: &str) -> Self {
        Self { shared, name: name.into() }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// The family's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn key(&self) -> &Key {
        &self.name
    }

    /// Sets a key, owned by this node until it is deleted or the node ends. Older name: `db_set`.
    ///
    /// # Errors
    ///
    /// [`GlobalError::Registry`]: the family's name is not one for applications, or this node owns as much as the limits
    /// allow.
    #[doc(alias("db_set", "put", "insert"))]
    pub fn set(&self, key: &str, value: impl Into<Value>) -> Result<(), GlobalError> {
        self.shared.node()?;
        Ok(self.shared.with(|state| state.registry.set(&self.name, key, value.into()))?)
    }

    /// Deletes a key that this node owns; those of that name that others own stay. Older name: `db_del`.
    #[doc(alias("db_del", "remove"))]
    pub fn delete(&self, key: &str) {
        self.shared.with(|state| state.registry.delete(&self.name, key));
    }

    /// All keys and values. Waits while no global node is connected. Older name: `db_family`.
    ///
    /// # Errors
    ///
    /// [`GlobalError::ShutDown`], or [`GlobalError::Registry`] if too many such questions wait for an answer.
    ///
    /// # Cancellation
    ///
    /// Dropping the future takes the question back.
    #[doc(alias("db_family", "db_get", "get"))]
    pub async fn entries(&self) -> Result<Entries, GlobalError> {
        match self.shared.ask(Query::Family, &self.name).await? {
            Answer::Family(entries) => Ok(entries),
            Answer::Keys(_) | Answer::Values(_) => Ok(Entries::new()),
        }
    }

    /// All keys, in no particular order. Older name: `db_keys`.
    ///
    /// # Errors
    ///
    /// As [`Family::entries`].
    ///
    /// # Cancellation
    ///
    /// Dropping the future takes the question back.
    #[doc(alias("db_keys"))]
    pub async fn keys(&self) -> Result<Vec<Key>, GlobalError> {
        match self.shared.ask(Query::Keys, &self.name).await? {
            Answer::Keys(keys) => Ok(keys),
            Answer::Family(_) | Answer::Values(_) => Ok(Vec::new()),
        }
    }

    /// All values, in no particular order. Older name: `db_values`.
    ///
    /// # Errors
    ///
    /// As [`Family::entries`].
    ///
    /// # Cancellation
    ///
    /// Dropping the future takes the question back.
    #[doc(alias("db_values"))]
    pub async fn values(&self) -> Result<Vec<Value>, GlobalError> {
        match self.shared.ask(Query::Values, &self.name).await? {
            Answer::Values(values) => Ok(values),
            Answer::Family(_) | Answer::Keys(_) => Ok(Vec::new()),
        }
    }

    /// Monitors the family: first what it holds, then what changes. Older name: `db_mon`.
    ///
    /// # Errors
    ///
    /// [`GlobalError::ShutDown`], or [`GlobalError::Registry`] if there are too many monitors.
    #[doc(alias("db_mon", "watch", "subscribe"))]
    pub fn monitor(&self) -> Result<FamilyMonitor, GlobalError> {
        let (id, feed) = self.shared.monitor(&self.name)?;
        Ok(FamilyMonitor { shared: Arc::clone(&self.shared), id, feed })
    }
}

/// A stream of changes of a family. Dropping it ends the monitor.
///
/// Changes that are not fetched wait and are put together: their number is bounded by that of the keys.
#[derive(Debug)]
#[must_use = "dropping a monitor ends it"]
pub struct FamilyMonitor {
    shared: Arc<Shared>,
    id: MonitorId,
    feed: Arc<Feed>,
}

impl FamilyMonitor {
    /// The next change, or several that have come since the last one; the first has what the family holds. `None` after
    /// the node was shut down.
    ///
    /// # Cancellation
    ///
    /// Safe: no change is lost by dropping the future.
    pub async fn next(&mut self) -> Option<FamilyChange> {
        tokio::select! {
            biased;
            change = self.feed.next() => Some(change),
            () = self.shared.over() => None,
        }
    }
}

impl Drop for FamilyMonitor {
    fn drop(&mut self) {
        self.shared.unmonitor(self.id);
    }
}
