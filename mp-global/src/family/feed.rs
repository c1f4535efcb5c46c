//! Changes that wait for the one who monitors.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::{Mutex, PoisonError};

use mp_proto::Value;
use tokio::sync::Notify;

use crate::data::{Entries, Key};
use crate::registry::Change;

/// What changed in a family since the last change that was fetched.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct FamilyChange {
    /// Keys that were not there, with their values.
    pub added: Entries,
    /// Keys that have another value, with that.
    pub changed: Entries,
    /// Keys that are no longer there.
    pub deleted: Vec<Key>,
    /// Whether a global node vouches for it. If not, this is what the node owns itself, while no seed is connected.
    pub synced: bool,
}

/// What became of one key.
#[derive(Debug, Clone, PartialEq)]
enum Delta {
    Added(Value),
    Changed(Value),
    Deleted,
}

/// The changes that wait, put together.
#[derive(Debug, Default)]
pub(crate) struct Feed {
    pending: Mutex<Pending>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Pending {
    deltas: BTreeMap<Key, Delta>,
    is_synced: bool,
    /// Whether something is to be told even without a change in keys.
    is_news: bool,
}

impl Feed {
    /// Adds a change to those that wait.
    pub(crate) fn push(&self, change: &Change) {
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        for key in &change.added {
            pending.put(key, Delta::Added(change.whole.get(key).cloned().unwrap_or_default()));
        }
        for key in &change.changed {
            pending.put(key, Delta::Changed(change.whole.get(key).cloned().unwrap_or_default()));
        }
        for key in &change.deleted {
            pending.put(key, Delta::Deleted);
        }
        pending.is_news |= change.synced && !pending.is_synced;
        pending.is_synced = change.synced;
        drop(pending);
        self.changed.notify_one();
    }

    /// Waits for a change.
    pub(crate) async fn next(&self) -> FamilyChange {
        loop {
            if let Some(change) = self.take() {
                return change;
            }
            self.changed.notified().await;
        }
    }

    fn take(&self) -> Option<FamilyChange> {
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        let is_news = std::mem::take(&mut pending.is_news);
        if pending.deltas.is_empty() && !is_news {
            return None;
        }
        let mut change = FamilyChange { synced: pending.is_synced, ..FamilyChange::default() };
        for (key, delta) in std::mem::take(&mut pending.deltas) {
            match delta {
                Delta::Added(value) => drop(change.added.insert(key, value)),
                Delta::Changed(value) => drop(change.changed.insert(key, value)),
                Delta::Deleted => change.deleted.push(key),
            }
        }
        Some(change)
    }
}

impl Pending {
    /// Puts what became of a key behind what became of it before `[GL-30]`.
    fn put(&mut self, key: &Key, new: Delta) {
        let mut entry = match self.deltas.entry(Key::clone(key)) {
            Entry::Vacant(entry) => {
                entry.insert(new);
                return;
            }
            Entry::Occupied(entry) => entry,
        };
        let both = match (entry.get(), new) {
            (Delta::Added(_), Delta::Deleted) => {
                entry.remove();
                return;
            }
            (Delta::Added(_), Delta::Changed(value) | Delta::Added(value)) => Delta::Added(value),
            (_, Delta::Added(value) | Delta::Changed(value)) => Delta::Changed(value),
            (_, Delta::Deleted) => Delta::Deleted,
        };
        entry.insert(both);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(deltas: &[Delta]) -> Option<Delta> {
        let mut pending = Pending::default();
        deltas.iter().for_each(|delta| pending.put(&"k".into(), delta.clone()));
        pending.deltas.remove("k")
    }

    /// [GL-30]
    #[test]
    fn changes_of_a_key_are_put_together() {
        let (one, two) = (Value::from(1), Value::from(2));
        let (added, changed) =
            (|value: &Value| Delta::Added(value.clone()), |value: &Value| Delta::Changed(value.clone()));
        assert_eq!(after(&[added(&one), changed(&two)]), Some(added(&two)));
        assert_eq!(after(&[added(&one), Delta::Deleted]), None);
        assert_eq!(after(&[added(&one), Delta::Deleted, added(&two)]), Some(added(&two)));
        assert_eq!(after(&[changed(&one), changed(&two)]), Some(changed(&two)));
        assert_eq!(after(&[changed(&one), Delta::Deleted]), Some(Delta::Deleted));
        assert_eq!(after(&[Delta::Deleted, added(&two)]), Some(changed(&two)));
        assert_eq!(after(&[Delta::Deleted, added(&two), Delta::Deleted]), Some(Delta::Deleted));
    }
}
