//! The directory: what each process has put into it, and what each process sees.

use std::collections::{BTreeMap, BTreeSet};

use mp_global::{Entries, FamilyChange, Key};
use mp_node::Value;

use super::{Violation, ensure};

/// Checks the directory (G-8): what monitors of a family tell follows on from what they told before; and when all is
/// calm, every process sees just what living processes have put there, and all see the same value of a key that
/// several have set.
///
/// Processes are numbers that the user gives.
#[derive(Debug, Default)]
pub struct Directory {
    /// What processes own, by family and process.
    owned: BTreeMap<(Key, u32), Entries>,
    /// What processes see, by family and process.
    views: BTreeMap<(Key, u32), View>,
    /// Who saw something else when it was last looked.
    suspect: Option<(Key, u32)>,
    /// Processes that have no part in the directory.
    apart: BTreeSet<u32>,
    values_differ: bool,
    changes: u64,
}

/// All that is owned, by family and key: one value for each owner.
#[derive(Default)]
struct Truth<'a> {
    families: BTreeMap<&'a Key, BTreeMap<&'a Key, Claims<'a>>>,
    values_differ: bool,
}

/// The values of a key, and whether it must be seen: whether one of its owners has a part in the directory.
#[derive(Default)]
struct Claims<'a> {
    values: Vec<&'a Value>,
    is_owed: bool,
}

#[derive(Debug, Default)]
struct View {
    entries: Entries,
    synced: bool,
}

impl Directory {
    /// A process sets a key.
    pub fn set(&mut self, process: u32, family: &str, key: &str, value: Value) {
        self.owned.entry((family.into(), process)).or_default().insert(key.into(), value);
    }

    /// A process deletes a key that it has set.
    pub fn delete(&mut self, process: u32, family: &str, key: &str) {
        if let Some(entries) = self.owned.get_mut(&(family.into(), process)) {
            entries.remove(key);
        }
    }

    /// A key is deleted from all families, whoever has set it: a port has died, which was a member of groups.
    pub fn delete_everywhere(&mut self, key: &str) {
        for entries in self.owned.values_mut() {
            entries.remove(key);
        }
    }

    /// A process looks at a family from now on.
    pub fn looks(&mut self, process: u32, family: &str) {
        self.views.entry((family.into(), process)).or_default();
    }

    /// Whether a process has a part in the directory, as all have unless it is said otherwise. What others see of one that
    /// has none, and what it sees itself, is no matter.
    pub fn joined(&mut self, process: u32, joined: bool) {
        if joined {
            self.apart.remove(&process);
        } else {
            self.apart.insert(process);
        }
    }

    /// Whether a process has a part in the directory.
    #[must_use]
    pub fn has_joined(&self, process: u32) -> bool {
        !self.apart.contains(&process)
    }

    /// Of a key that several have set, one may see the one value and another the other: so it is with global nodes of
    /// Perl's.
    pub fn values_differ(&mut self, differ: bool) {
        self.values_differ = differ;
    }

    /// A process is gone, with all that it owns and sees.
    pub fn process_died(&mut self, process: u32) {
        self.apart.remove(&process);
        self.owned.retain(|(_, owner), _| *owner != process);
        self.views.retain(|(_, viewer), _| *viewer != process);
    }

    /// A process's monitor of a family tells a change.
    ///
    /// # Errors
    ///
    /// It does not follow on from what was told before.
    pub fn changed(&mut self, process: u32, family: &str, change: &FamilyChange) -> Result<(), Violation> {
        self.changes += 1;
        let Some(view) = self.views.get_mut(&(family.into(), process)) else { return Ok(()) };
        let fault = |what: &str, key: &Key| format!("G-8: {process} is told that {key} in {family} {what}");
        for (key, value) in &change.added {
            let old = view.entries.insert(Key::clone(key), value.clone());
            ensure(old.is_none(), || fault("is new, which it knows already", key))?;
        }
        for (key, value) in &change.changed {
            let old = view.entries.insert(Key::clone(key), value.clone());
            ensure(old.is_some(), || fault("has changed, which it does not know", key))?;
        }
        for key in &change.deleted {
            ensure(view.entries.remove(key).is_some(), || fault("is gone, which it does not know", key))?;
        }
        view.synced = change.synced;
        Ok(())
    }

    /// Whether all processes see what there is. Cheap to ask again and again: who saw something else when it was last
    /// asked is looked at first.
    ///
    /// # Errors
    ///
    /// A difference.
    pub fn check_agreement(&mut self) -> Result<(), Violation> {
        let suspect = self.suspect.take();
        let truth = Truth::new(self);
        let suspects = suspect.iter().filter_map(|place| self.views.get_key_value(place));
        let mut all = suspects.chain(&self.views).filter(|((_, process), _)| self.has_joined(*process));
        // What the first one sees of keys that several have set.
        let mut shown = BTreeMap::new();
        let difference = all.find_map(|(place, view)| {
            let violation = truth.compare(place, view, &mut shown).err()?;
            Some((place.clone(), violation))
        });
        let Some((place, violation)) = difference else { return Ok(()) };
        self.suspect = Some(place);
        Err(violation)
    }

    /// Changes that were told.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.changes
    }
}

impl<'a> Truth<'a> {
    fn new(directory: &'a Directory) -> Self {
        let mut truth = Self { values_differ: directory.values_differ, ..Self::default() };
        for ((family, process), entries) in &directory.owned {
            let keys = truth.families.entry(family).or_default();
            for (key, value) in entries {
                let claims = keys.entry(key).or_default();
                claims.values.push(value);
                claims.is_owed |= directory.has_joined(*process);
            }
        }
        truth
    }

    /// Whether a process sees of a family just what there is, and of keys that several have set what is `shown` to
    /// others.
    fn compare(
        &self,
        (family, process): &'a (Key, u32),
        view: &'a View,
        shown: &mut BTreeMap<(&'a Key, &'a Key), &'a Value>,
    ) -> Result<(), Violation> {
        let differs =
            |what: &str, key: &str| Err(Violation(format!("G-8: {process} in {family}: {what} {key}")));
        if !view.synced {
            return differs("no global node vouches for it", "");
        }
        let mut there = self.families.get(family).into_iter().flatten().peekable();
        for (key, value) in &view.entries {
            while let Some((missed, claims)) = there.next_if(|(there, _)| **there < key) {
                if claims.is_owed {
                    return differs("it misses", missed);
                }
            }
            let Some((_, claims)) = there.next_if(|(there, _)| **there == key) else {
                return differs("it sees what is not there:", key);
            };
            if !claims.values.contains(&value) {
                return differs("another value of", key);
            }
            let several = claims.values.len() > 1 && !self.values_differ;
            if several && *shown.entry((family, key)).or_insert(value) != value {
                return differs("another value than others see of", key);
            }
        }
        there.find(|(_, claims)| claims.is_owed).map_or(Ok(()), |(key, _)| differs("it misses", key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_that_differs_is_found() {
        let mut directory = Directory::default();
        directory.looks(1, "f");
        assert!(directory.check_agreement().is_err(), "nobody vouches for it");
        let mut change = FamilyChange::default();
        change.synced = true;
        assert_eq!(directory.changed(1, "f", &change), Ok(()));
        assert_eq!(directory.check_agreement(), Ok(()));
        directory.set(2, "f", "k", 1.into());
        assert!(directory.check_agreement().is_err(), "it is missing");
        change.added.insert("k".into(), 2.into());
        assert_eq!(directory.changed(1, "f", &change), Ok(()));
        assert!(directory.changed(1, "f", &change).is_err(), "not twice");
        assert!(directory.check_agreement().is_err(), "another value");
        directory.process_died(2);
        assert!(directory.check_agreement().is_err(), "a zombie");
        let mut gone = FamilyChange::default();
        (gone.deleted, gone.synced) = (vec!["k".into()], true);
        assert_eq!(directory.changed(1, "f", &gone), Ok(()));
        assert_eq!(directory.check_agreement(), Ok(()));
    }
}
