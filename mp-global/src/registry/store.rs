//! What all nodes hold, merged: the memory of a global node.

mod claim;

use std::collections::BTreeMap;
use std::ops::Bound;

use mp_proto::{NodeId, Value};

use super::limits::Usage;
use super::watch::Changes;
use crate::data::{Database, Entries, Key, LISTENERS, weight, words};
use crate::sum::{Range, Sums};

use claim::{Claim, own, view};

/// What a node is to us, as the owner of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Ourselves.
    Own,
    /// A slave of ours.
    Slave,
    /// Another global node; it holds what its slaves do, too.
    Global,
    /// A node that set keys without ever calling us master. Nobody but us and our slaves sees them `[GL-18]`.
    Guest,
}

impl Kind {
    /// Whether we answer for its keys to other global nodes.
    fn is_ours(self) -> bool {
        matches!(self, Self::Own | Self::Slave)
    }
}

/// What a series of edits changed.
#[derive(Debug, Default)]
pub(super) struct Effects(pub(super) BTreeMap<Key, FamilyEffects>);

/// What a series of edits changed in one family.
#[derive(Debug, Default)]
pub(super) struct FamilyEffects {
    /// In what we and our slaves hold.
    pub(super) ours: Changes,
    /// In what all nodes hold.
    pub(super) view: Changes,
}

#[derive(Debug)]
struct Owner {
    kind: Kind,
    /// Its keys by family, with what they weigh.
    families: BTreeMap<Key, BTreeMap<Key, usize>>,
    sums: Sums,
    keys: usize,
    bytes: usize,
}

/// Families, keys, and who claims which value for them `[GL-14]`.
#[derive(Debug)]
pub(super) struct Store {
    me: NodeId,
    families: BTreeMap<Key, BTreeMap<Key, Vec<Claim>>>,
    owners: BTreeMap<NodeId, Owner>,
    our_sums: Sums,
    view_sums: Sums,
}

impl Store {
    pub(super) fn new(me: &NodeId) -> Self {
        let mut store = Self {
            me: me.clone(),
            families: BTreeMap::new(),
            owners: BTreeMap::new(),
            our_sums: Sums::default(),
            view_sums: Sums::default(),
        };
        store.enrol(me, Kind::Own, &mut Effects::default());
        store
    }

    pub(super) fn kind(&self, node: &NodeId) -> Option<Kind> {
        self.owners.get(node).map(|owner| owner.kind)
    }

    /// The value of a key.
    pub(super) fn get(&self, family: &str, key: &str) -> Option<&Value> {
        view(&self.me, family, key, self.families.get(family)?.get(key)?)
    }

    /// Where a node listens.
    pub(super) fn listeners(&self, node: &str) -> Option<Vec<Key>> {
        words(self.get(LISTENERS, node)?)
    }

    /// The global nodes, other than ourselves, that hold a key.
    pub(super) fn globals_with(&self, family: &str, key: &str) -> Vec<NodeId> {
        let claims = self.families.get(family).and_then(|keys| keys.get(key)).into_iter().flatten();
        let globals = claims.filter(|claim| claim.kind == Kind::Global && claim.owner.as_str() != key);
        globals.map(|claim| claim.owner.clone()).collect()
    }

    /// What all nodes hold in a family.
    pub(super) fn entries(&self, family: &str) -> Entries {
        let keys = self.families.get(family).into_iter().flatten();
        let values = keys.filter_map(|(key, claims)| {
            Some((Key::clone(key), view(&self.me, family, key, claims)?.clone()))
        });
        values.collect()
    }

    /// The first families behind a name, with the number of their keys.
    pub(super) fn sizes(&self, limit: usize, after: Option<&str>) -> Vec<(Key, usize)> {
        super::sizes(&self.families, limit, after)
    }

    /// What we and our slaves hold.
    pub(super) fn ours(&self) -> Database {
        let mut database = Database::new();
        for (family, keys) in &self.families {
            let values = keys.iter().filter_map(|(key, claims)| {
                Some((Key::clone(key), own(&self.me, family, key, claims)?.clone()))
            });
            let entries: Entries = values.collect();
            if !entries.is_empty() {
                database.insert(Key::clone(family), entries);
            }
        }
        database
    }

    /// The same from a key of a family on.
    pub(super) fn ours_from<'a>(
        &'a self,
        family: &'a str,
        from: &'a str,
    ) -> impl Iterator<Item = (&'a Key, &'a Value)> {
        let keys = self
            .families
            .get(family)
            .into_iter()
            .flat_map(move |keys| keys.range::<str, _>((Bound::Included(from), Bound::Unbounded)));
        keys.filter_map(move |(key, claims)| Some((key, own(&self.me, family, key, claims)?)))
    }

    /// The sums over what we and our slaves hold.
    pub(super) fn our_sums(&self) -> &Sums {
        &self.our_sums
    }

    /// The sums over what all nodes hold.
    pub(super) fn view_sums(&self) -> &Sums {
        &self.view_sums
    }

    /// The sums over what a node holds.
    pub(super) fn sums_of(&self, node: &NodeId) -> Option<&Sums> {
        self.owners.get(node).map(|owner| &owner.sums)
    }

    /// What all nodes hold.
    pub(super) fn usage(&self) -> Usage {
        let mut usage = Usage { families: self.families.len(), ..Usage::default() };
        for owner in self.owners.values() {
            usage.keys += owner.keys;
            usage.bytes = usage.bytes.saturating_add(owner.bytes);
        }
        usage
    }

    /// What a node would hold at the most after setting these keys, too.
    pub(super) fn usage_with<'a>(
        &self,
        node: &NodeId,
        set: impl IntoIterator<Item = (&'a Key, &'a Entries)>,
    ) -> Usage {
        let owner = self.owners.get(node);
        let mut usage = owner.map_or(Usage::default(), |owner| Usage {
            families: owner.families.len(),
            keys: owner.keys,
            bytes: owner.bytes,
        });
        for (family, entries) in set {
            let held = owner.and_then(|owner| owner.families.get(family));
            usage.families += usize::from(held.is_none());
            for (key, value) in entries {
                let old = held.and_then(|keys| keys.get(key));
                usage.keys += usize::from(old.is_none());
                let without = usage.bytes.saturating_sub(old.copied().unwrap_or(0));
                usage.bytes = without.saturating_add(weight(key, value));
            }
        }
        usage
    }

    /// Makes a node an owner of this kind; what it holds is seen accordingly.
    pub(super) fn enrol(&mut self, node: &NodeId, kind: Kind, effects: &mut Effects) {
        let owner = self.owners.entry(node.clone()).or_insert_with(|| Owner {
            kind,
            families: BTreeMap::new(),
            sums: Sums::default(),
            keys: 0,
            bytes: 0,
        });
        if owner.kind == kind {
            return;
        }
        owner.kind = kind;
        for (family, key) in self.keys_of(node) {
            self.edit(&family, &key, effects, |claims| claim::rekind(claims, node, kind));
        }
    }

    /// Sets a key of an enrolled node.
    pub(super) fn set(
        &mut self,
        node: &NodeId,
        family: &Key,
        key: &Key,
        value: Value,
        effects: &mut Effects,
    ) {
        let Some(owner) = self.owners.get_mut(node) else { return };
        let kind = owner.kind;
        let claims = self.families.get(family).and_then(|keys| keys.get(key));
        owner.sums.change(family, key, claims.and_then(|claims| claim::of(node, claims)), Some(&value));
        let weight = weight(key, &value);
        owner.bytes = owner.bytes.saturating_add(weight);
        let held = owner.families.entry(Key::clone(family)).or_default();
        match held.insert(Key::clone(key), weight) {
            Some(old) => owner.bytes = owner.bytes.saturating_sub(old),
            None => owner.keys += 1,
        }
        self.edit(family, key, effects, |claims| claim::put(claims, node, kind, value));
    }

    /// Removes a key of a node.
    pub(super) fn remove(&mut self, node: &NodeId, family: &Key, key: &Key, effects: &mut Effects) {
        let Some(owner) = self.owners.get_mut(node) else { return };
        let Some(held) = owner.families.get_mut(family) else { return };
        let Some(weight) = held.remove(key) else { return };
        if held.is_empty() {
            owner.families.remove(family);
        }
        let claims = self.families.get(family).and_then(|keys| keys.get(key));
        owner.sums.change(family, key, claims.and_then(|claims| claim::of(node, claims)), None);
        owner.keys -= 1;
        owner.bytes = owner.bytes.saturating_sub(weight);
        self.edit(family, key, effects, |claims| claims.retain(|claim| claim.owner != *node));
    }

    /// Makes what a node holds exactly this.
    pub(super) fn replace(&mut self, node: &NodeId, database: &Database, effects: &mut Effects) {
        for (family, key) in self.keys_of(node) {
            if !database.get(&family).is_some_and(|entries| entries.contains_key(&key)) {
                self.remove(node, &family, &key, effects);
            }
        }
        self.merge(node, database, effects);
    }

    /// Makes what a node holds in a range of keys exactly this. What it holds already does not become its latest word.
    pub(super) fn replace_range(
        &mut self,
        node: &NodeId,
        family: &Key,
        range: &Range,
        entries: Entries,
        effects: &mut Effects,
    ) {
        let held = self.owners.get(node).and_then(|owner| owner.families.get(family));
        let gone = held.into_iter().flat_map(|keys| keys.range::<str, _>(range)).map(|(key, _)| key);
        for key in gone.filter(|key| !entries.contains_key(*key)).cloned().collect::<Vec<_>>() {
            self.remove(node, family, &key, effects);
        }
        for (key, value) in entries {
            let claims = self.families.get(family).and_then(|keys| keys.get(&key));
            if claims.and_then(|claims| claim::of(node, claims)) != Some(&value) {
                self.set(node, family, &key, value, effects);
            }
        }
    }

    /// Adds to what a node holds.
    pub(super) fn merge(&mut self, node: &NodeId, database: &Database, effects: &mut Effects) {
        for (family, entries) in database {
            for (key, value) in entries {
                self.set(node, family, key, value.clone(), effects);
            }
        }
    }

    /// Removes a node and all that it holds `[GL-16]`.
    pub(super) fn forget(&mut self, node: &NodeId, effects: &mut Effects) {
        for (family, key) in self.keys_of(node) {
            self.remove(node, &family, &key, effects);
        }
        self.owners.remove(node);
    }

    fn keys_of(&self, node: &NodeId) -> Vec<(Key, Key)> {
        let families = self.owners.get(node).into_iter().flat_map(|owner| &owner.families);
        families
            .flat_map(|(family, keys)| keys.keys().map(|key| (Key::clone(family), Key::clone(key))))
            .collect()
    }

    /// Changes the claims on a key, and notes what came of it.
    fn edit(&mut self, family: &Key, key: &Key, effects: &mut Effects, change: impl FnOnce(&mut Vec<Claim>)) {
        let keys = self.families.entry(Key::clone(family)).or_default();
        let claims = keys.entry(Key::clone(key)).or_default();
        let own_before = own(&self.me, family, key, claims).cloned();
        let view_before = view(&self.me, family, key, claims).cloned();
        change(claims);
        let own_after = own(&self.me, family, key, claims);
        let view_after = view(&self.me, family, key, claims);
        if own_after != own_before.as_ref() {
            self.our_sums.change(family, key, own_before.as_ref(), own_after);
            let effects = effects.0.entry(Key::clone(family)).or_default();
            effects.ours.insert(Key::clone(key), own_after.cloned());
        }
        if view_after != view_before.as_ref() {
            self.view_sums.change(family, key, view_before.as_ref(), view_after);
            let effects = effects.0.entry(Key::clone(family)).or_default();
            effects.view.insert(Key::clone(key), view_after.cloned());
        }
        if claims.is_empty() {
            keys.remove(key);
            if keys.is_empty() {
                self.families.remove(family);
            }
        }
    }
}
