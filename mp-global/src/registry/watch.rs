//! The application's monitors.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use mp_proto::Value;

use super::limits::Usage;
use super::{Change, MonitorId, Output};
use crate::data::{Entries, Key, weight};
use crate::sum::{Range, Sum};

/// New values of keys; none for those that are no more.
pub(super) type Changes = BTreeMap<Key, Option<Value>>;

/// A monitored family, as it was last told. There is one for all monitors of a family `[GL-12]`.
#[derive(Debug)]
struct Watch {
    view: Arc<Entries>,
    bytes: usize,
    sum: Sum,
    is_synced: bool,
    monitors: BTreeSet<MonitorId>,
}

/// All monitored families.
#[derive(Debug, Default)]
pub(super) struct Watches {
    families: BTreeMap<Key, Watch>,
    monitors: BTreeMap<MonitorId, Key>,
    last: u64,
}

impl Watches {
    /// How many monitors there are.
    pub(super) fn len(&self) -> usize {
        self.monitors.len()
    }

    pub(super) fn has(&self, family: &str) -> bool {
        self.families.contains_key(family)
    }

    pub(super) fn families(&self) -> Vec<Key> {
        self.families.keys().cloned().collect()
    }

    /// The families of a range.
    pub(super) fn families_in(&self, range: &Range) -> Vec<Key> {
        self.families.range::<str, _>(range).map(|(family, _)| Key::clone(family)).collect()
    }

    /// Begins to watch a family that holds this as far as we know.
    pub(super) fn begin(&mut self, family: Key, view: Entries, is_synced: bool) {
        let bytes = view.iter().map(|(key, value)| weight(key, value)).fold(0, usize::saturating_add);
        let sum = Sum::of_all(&family, &view);
        let watch = Watch { view: Arc::new(view), bytes, sum, is_synced, monitors: BTreeSet::new() };
        self.families.insert(family, watch);
    }

    /// Adds a monitor to a family that is watched, and tells it all.
    pub(super) fn add(&mut self, family: &Key, outputs: &mut VecDeque<Output>) -> MonitorId {
        self.last += 1;
        let monitor = MonitorId(self.last);
        if let Some(watch) = self.families.get_mut(family) {
            watch.monitors.insert(monitor);
            self.monitors.insert(monitor, Key::clone(family));
            outputs.push_back(Output::Changed(Change {
                monitor,
                family: Key::clone(family),
                added: watch.view.keys().cloned().collect(),
                changed: Vec::new(),
                deleted: Vec::new(),
                whole: Arc::clone(&watch.view),
                synced: watch.is_synced,
            }));
        }
        monitor
    }

    /// Removes a monitor; gives the family that is not watched any more by that.
    pub(super) fn remove(&mut self, monitor: MonitorId) -> Option<Key> {
        let family = self.monitors.remove(&monitor)?;
        let watch = self.families.get_mut(&family)?;
        watch.monitors.remove(&monitor);
        if !watch.monitors.is_empty() {
            return None;
        }
        self.families.remove(&family);
        Some(family)
    }

    /// No global node vouches for the families any more.
    pub(super) fn unsync(&mut self) {
        for watch in self.families.values_mut() {
            watch.is_synced = false;
        }
    }

    /// A family as it was last told.
    pub(super) fn view(&self, family: &str) -> Option<&Entries> {
        Some(&self.families.get(family)?.view)
    }

    /// The sum of a family as it was last told.
    pub(super) fn sum(&self, family: &str) -> Option<Sum> {
        Some(self.families.get(family)?.sum)
    }

    /// What a watched family would hold after these changes.
    pub(super) fn usage_after(&self, family: &str, changes: &Changes) -> Usage {
        let Some(watch) = self.families.get(family) else { return Usage::default() };
        let mut usage = Usage { families: 1, keys: watch.view.len(), bytes: watch.bytes };
        for (key, value) in changes {
            if let Some(old) = watch.view.get(key) {
                usage.keys -= 1;
                usage.bytes = usage.bytes.saturating_sub(weight(key, old));
            }
            if let Some(value) = value {
                usage.keys += 1;
                usage.bytes = usage.bytes.saturating_add(weight(key, value));
            }
        }
        usage
    }

    /// Applies changes to a family, and tells its monitors those that are some. With `sync` a global node has said so,
    /// which is told, too, if it is news.
    pub(super) fn apply(
        &mut self,
        family: &Key,
        changes: &Changes,
        sync: bool,
        outputs: &mut VecDeque<Output>,
    ) {
        let usage = self.usage_after(family, changes);
        let Some(watch) = self.families.get_mut(family) else { return };
        let (mut added, mut changed, mut deleted) = (Vec::new(), Vec::new(), Vec::new());
        for (key, value) in changes {
            match (watch.view.get(key), value) {
                (None, Some(_)) => added.push(Key::clone(key)),
                (Some(old), Some(new)) if old != new => changed.push(Key::clone(key)),
                (Some(_), None) => deleted.push(Key::clone(key)),
                _ => continue,
            }
            let view = Arc::make_mut(&mut watch.view);
            let old = match value {
                Some(value) => view.insert(Key::clone(key), value.clone()),
                None => view.remove(key),
            };
            let sum = |value: &Value| Sum::of(family, key, value);
            watch.sum = watch.sum.without(old.as_ref().map(sum).unwrap_or_default());
            watch.sum = watch.sum.with(value.as_ref().map(sum).unwrap_or_default());
        }
        watch.bytes = usage.bytes;
        let is_news = sync && !watch.is_synced;
        watch.is_synced |= sync;
        if !is_news && added.is_empty() && changed.is_empty() && deleted.is_empty() {
            return;
        }
        for &monitor in &watch.monitors {
            outputs.push_back(Output::Changed(Change {
                monitor,
                family: Key::clone(family),
                added: added.clone(),
                changed: changed.clone(),
                deleted: deleted.clone(),
                whole: Arc::clone(&watch.view),
                synced: watch.is_synced,
            }));
        }
    }
}

/// The changes that make `old` into `new`.
pub(super) fn difference(old: &Entries, new: &Entries) -> Changes {
    let gone = old.keys().filter(|key| !new.contains_key(*key)).map(|key| (Key::clone(key), None));
    let set = new.iter().filter(|(key, value)| old.get(*key) != Some(value));
    gone.chain(set.map(|(key, value)| (Key::clone(key), Some(value.clone())))).collect()
}
