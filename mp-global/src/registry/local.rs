//! What this node owns itself.

use std::ops::Bound;

use mp_proto::Value;

use super::limits::Usage;
use super::{RegistryError, RegistryLimits};
use crate::data::{Database, Key, weight};
use crate::sum::Sums;

/// The keys of this node.
#[derive(Debug, Default)]
pub(super) struct Local {
    data: Database,
    sums: Sums,
    keys: usize,
    bytes: usize,
}

impl Local {
    pub(super) fn data(&self) -> &Database {
        &self.data
    }

    /// How much it is.
    pub(super) fn usage(&self) -> Usage {
        Usage { families: self.data.len(), keys: self.keys, bytes: self.bytes }
    }

    pub(super) fn sums(&self) -> &Sums {
        &self.sums
    }

    /// The entries of a family, from a key on.
    pub(super) fn from<'a>(
        &'a self,
        family: &str,
        key: &'a str,
    ) -> impl Iterator<Item = (&'a Key, &'a Value)> {
        self.data
            .get(family)
            .into_iter()
            .flat_map(move |entries| entries.range::<str, _>((Bound::Included(key), Bound::Unbounded)))
    }

    pub(super) fn get(&self, family: &str, key: &str) -> Option<&Value> {
        self.data.get(family)?.get(key)
    }

    /// Whether one more key, or another value, fits.
    pub(super) fn check(
        &self,
        limits: &RegistryLimits,
        family: &str,
        key: &str,
        value: &Value,
    ) -> Result<(), RegistryError> {
        let old = self.get(family, key);
        let usage = Usage {
            families: self.data.len() + usize::from(!self.data.contains_key(family)),
            keys: self.keys + usize::from(old.is_none()),
            bytes: (self.bytes - old.map_or(0, |old| weight(key, old))).saturating_add(weight(key, value)),
        };
        usage.check(limits).map_err(RegistryError::Full)
    }

    /// Sets a key; whether that changed anything.
    pub(super) fn set(&mut self, family: &Key, key: &Key, value: Value) -> bool {
        if self.get(family, key) == Some(&value) {
            return false;
        }
        self.bytes = self.bytes.saturating_add(weight(key, &value));
        self.sums.change(
            family,
            key,
            self.data.get(family).and_then(|entries| entries.get(key)),
            Some(&value),
        );
        let old = self.data.entry(Key::clone(family)).or_default().insert(Key::clone(key), value);
        match old {
            Some(old) => self.bytes = self.bytes.saturating_sub(weight(key, &old)),
            None => self.keys += 1,
        }
        true
    }

    /// Deletes a key; whether there was one.
    pub(super) fn delete(&mut self, family: &str, key: &str) -> bool {
        let Some(entries) = self.data.get_mut(family) else { return false };
        let Some(old) = entries.remove(key) else { return false };
        self.sums.change(&Key::from(family), key, Some(&old), None);
        if entries.is_empty() {
            self.data.remove(family);
        }
        self.keys -= 1;
        self.bytes = self.bytes.saturating_sub(weight(key, &old));
        true
    }
}
