//! What a global node of Perl's does: it holds what its slaves and the other global nodes own, and tells those who monitor.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use mp_proto::Value;

use super::directory::{Database, Entries, GLOBALS, LISTENERS, backoff, entries, list, map, text, words};
use super::kernel::{Kernel, Purpose};

#[derive(Debug, Default)]
pub(super) struct Global {
    /// What each node owns: slaves of ours and ourselves, and other global nodes with their slaves.
    owners: BTreeMap<String, Owner>,
    /// What we show of all that: of a key that several own, what was said last.
    view: Database,
    /// Who monitors which family.
    listeners: BTreeMap<String, BTreeSet<String>>,
    /// Other global nodes that are connected.
    globals: BTreeSet<String>,
    /// When to dial which global node, and how often that has failed.
    dials: BTreeMap<String, (Instant, u32)>,
}

#[derive(Debug, Default)]
struct Owner {
    /// A slave of ours, or ourselves: what it owns is told to other global nodes.
    is_ours: bool,
    database: Database,
}

impl Global {
    pub(super) fn timeout(&self) -> Option<Instant> {
        self.dials.values().map(|(at, _)| *at).min()
    }

    /// What a key is for those who look, its last owner having taken it back: slaves' values come first.
    fn regained(&self, family: &str, key: &str) -> Option<Value> {
        let value = |owner: &Owner| owner.database.get(family).and_then(|entries| entries.get(key)).cloned();
        let of = |ours| self.owners.values().filter(move |owner| owner.is_ours == ours);
        of(true).chain(of(false)).find_map(value)
    }

    /// What other global nodes are told of keys that a slave of ours has taken back: of those that another one owns, or
    /// we ourselves, the value there, and the rest.
    fn owned_still(&self, family: &str, gone: &[String]) -> (Entries, Vec<String>) {
        let (mut set, mut rest) = (Entries::new(), Vec::new());
        for key in gone {
            let ours = self.owners.values().filter(|owner| owner.is_ours);
            match ours.filter_map(|owner| owner.database.get(family)?.get(key)).next() {
                Some(value) => drop(set.insert(key.clone(), value.clone())),
                None => rest.push(key.clone()),
            }
        }
        (set, rest)
    }

    fn change(
        &mut self,
        node: &str,
        ours: bool,
        family: &str,
        set: &Entries,
        gone: &[String],
    ) -> [Vec<String>; 2] {
        let owner = self.owners.entry(node.to_owned()).or_default();
        owner.is_ours = ours;
        let held = owner.database.entry(family.to_owned()).or_default();
        held.extend(set.iter().map(|(key, value)| (key.clone(), value.clone())));
        gone.iter().for_each(|key| drop(held.remove(key)));
        if held.is_empty() {
            owner.database.remove(family);
        }
        let mut shown = self.view.remove(family).unwrap_or_default();
        shown.extend(set.iter().map(|(key, value)| (key.clone(), value.clone())));
        let (mut told, mut deleted) = (set.keys().cloned().collect::<Vec<_>>(), Vec::new());
        for key in gone {
            match self.regained(family, key) {
                Some(value) => {
                    shown.insert(key.clone(), value);
                    told.push(key.clone());
                }
                None => {
                    shown.remove(key);
                    deleted.push(key.clone());
                }
            }
        }
        if !shown.is_empty() {
            self.view.insert(family.to_owned(), shown);
        }
        [told, deleted]
    }

    /// All that our slaves and we own.
    fn ours(&self) -> Value {
        let mut all = Database::new();
        for owner in self.owners.values().filter(|owner| owner.is_ours) {
            for (family, entries) in &owner.database {
                let all = all.entry(family.clone()).or_default();
                all.extend(entries.iter().map(|(key, value)| (key.clone(), value.clone())));
            }
        }
        Value::Map(all.iter().map(|(family, entries)| (family.as_str(), map(entries))).collect())
    }
}

impl Kernel {
    /// From now on, for ever.
    pub(super) fn become_global(&mut self) {
        if self.directory.global.is_some() {
            return;
        }
        self.directory.global = Some(Global::default());
        self.stop_being_slave();
        let own = self.id().to_owned();
        for (family, entries) in self.directory.local.clone() {
            self.global_update(&own, &family, &entries, &[]);
        }
        self.own_set(GLOBALS, &own, Value::Null);
        for family in self.directory.monitored.keys().cloned().collect::<Vec<_>>() {
            self.global_listen(&own, &family);
        }
        for node in self.nodes_up() {
            self.request(&node, "g_global", []);
        }
        self.tell_joined();
    }

    /// Sets a key of ours without a look whether that is news.
    fn own_set(&mut self, family: &str, key: &str, value: Value) {
        let own = self.id().to_owned();
        self.directory.local.entry(family.to_owned()).or_default().insert(key.to_owned(), value.clone());
        self.global_update(&own, family, &Entries::from([(key.to_owned(), value)]), &[]);
    }

    pub(super) fn global_address(&self, node: &str) -> Vec<String> {
        let Some(global) = &self.directory.global else { return Vec::new() };
        let found = global.view.get(LISTENERS).and_then(|listeners| listeners.get(node));
        found.map(words).unwrap_or_default()
    }

    /// A node has set and deleted keys: takes that in, and tells those whom it concerns.
    pub(super) fn global_update(&mut self, node: &str, family: &str, set: &Entries, gone: &[String]) {
        let Some(global) = &mut self.directory.global else { return };
        let ours = !global.globals.contains(node);
        let [told, deleted] = global.change(node, ours, family, set, gone);
        let listeners = global.listeners.get(family).cloned().unwrap_or_default();
        let shown = global.view.get(family);
        let news: Entries =
            told.into_iter().filter_map(|key| Some((key.clone(), shown?.get(&key)?.clone()))).collect();
        let others: Vec<String> = if ours { global.globals.iter().cloned().collect() } else { Vec::new() };
        let (mut set_there, gone_there) = global.owned_still(family, gone);
        set_there.extend(set.iter().map(|(key, value)| (key.clone(), value.clone())));
        let own = self.id().to_owned();
        for listener in listeners {
            if listener == own {
                self.tell(family, news.clone(), deleted.clone());
            } else {
                let deleted = list(deleted.iter().map(String::as_str));
                self.request(&listener, "g_chg2", [family.into(), map(&news), deleted]);
            }
        }
        for other in others {
            let gone = list(gone_there.iter().map(String::as_str));
            self.request(&other, "g_upd", [family.into(), map(&set_there), gone]);
        }
        if family == GLOBALS {
            self.plan_dials();
        }
    }

    pub(super) fn global_listen(&mut self, node: &str, family: &str) {
        let Some(global) = &mut self.directory.global else { return };
        global.listeners.entry(family.to_owned()).or_default().insert(node.to_owned());
        let whole = global.view.get(family).cloned();
        if node == self.id() {
            self.tell(family, whole.unwrap_or_default(), Vec::new());
        } else {
            let whole = whole.as_ref().map_or(Value::Null, map);
            self.request(node, "g_chg1", [family.into(), whole]);
        }
    }

    pub(super) fn global_request(&mut self, from: &str, tag: &str, one: Value, two: Value, three: &Value) {
        let Some(global) = &mut self.directory.global else { return };
        match tag {
            "g_slave" => {
                if let Value::Map(database) = one {
                    for (family, set) in database {
                        self.global_update(from, &family, &entries(&set), &[]);
                    }
                }
            }
            "g_upd" => self.global_update(from, &text(&one), &entries(&two), &words(three)),
            "g_global" => {
                self.forget(from);
                if let Some(global) = &mut self.directory.global {
                    global.globals.insert(from.to_owned());
                    global.dials.remove(from);
                }
                self.own_set(GLOBALS, from, Value::Null);
                let ours = self.directory.global.as_ref().map_or(Value::Null, Global::ours);
                self.request(from, "g_set", [ours]);
            }
            "g_set" => {
                let Value::Map(database) = one else { return };
                let address = database.get(LISTENERS).and_then(|all| all.as_map()?.get(from).cloned());
                for (family, set) in database {
                    self.global_update(from, &family, &entries(&set), &[]);
                }
                self.own_set(LISTENERS, from, address.unwrap_or_default());
            }
            "g_find" => {
                let found = global.view.get(LISTENERS).and_then(|all| all.get(&text(&one))).cloned();
                self.request(from, "g_found", [one, found.unwrap_or_default()]);
            }
            "g_mon1" => self.global_listen(from, &text(&one)),
            "g_mon0" => {
                if let Some(listeners) = global.listeners.get_mut(&text(&one)) {
                    listeners.remove(from);
                }
            }
            "g_db_family" | "g_db_keys" | "g_db_values" => {
                let whole = global.view.get(&text(&one)).cloned().unwrap_or_default();
                let answer = match tag {
                    "g_db_family" => map(&whole),
                    "g_db_keys" => list(whole.keys().map(String::as_str)),
                    _ => Value::List(whole.into_values().collect()),
                };
                self.request(from, "g_reply", [two, answer]);
            }
            _ => {}
        }
    }

    /// All that a node owns is no more.
    fn forget(&mut self, node: &str) {
        let Some(global) = &self.directory.global else { return };
        let held = global.owners.get(node).map(|owner| owner.database.clone()).unwrap_or_default();
        for (family, entries) in held {
            let gone: Vec<String> = entries.into_keys().collect();
            self.global_update(node, &family, &Entries::new(), &gone);
        }
        if let Some(global) = &mut self.directory.global {
            global.owners.remove(node);
        }
    }

    pub(super) fn global_down(&mut self, node: &str) {
        self.forget(node);
        let Some(global) = &mut self.directory.global else { return };
        for listeners in global.listeners.values_mut() {
            listeners.remove(node);
        }
        if !global.globals.remove(node) {
            return;
        }
        let address = global.view.get(LISTENERS).and_then(|all| all.get(node)).cloned();
        let (own, now, chance) = (self.id().to_owned(), self.now, self.dice.word());
        for family in [GLOBALS, LISTENERS] {
            if self.directory.local.get_mut(family).is_some_and(|held| held.remove(node).is_some()) {
                self.global_update(&own, family, &Entries::new(), &[node.to_owned()]);
            }
        }
        if let Some(global) = &mut self.directory.global
            && address.is_some()
        {
            global.dials.insert(node.to_owned(), (now + backoff(Duration::from_millis(300), 0, chance), 0));
        }
    }

    /// Global nodes are dialled that others know and that are not connected.
    fn plan_dials(&mut self) {
        let (own, up, chance) = (self.id().to_owned(), self.nodes_up(), self.dice.word());
        let at = self.now + backoff(Duration::from_millis(300), 0, chance);
        let Some(global) = &mut self.directory.global else { return };
        for node in global.view.get(GLOBALS).into_iter().flat_map(BTreeMap::keys) {
            if *node != own && !up.contains(node) {
                global.dials.entry(node.clone()).or_insert((at, 0));
            }
        }
    }

    pub(super) fn dial_globals(&mut self) {
        let (up, now) = (self.nodes_up(), self.now);
        let Some(global) = &mut self.directory.global else { return };
        global.dials.retain(|node, _| !up.contains(node));
        // Who is known as a global node to nobody any more is dialled no more.
        let known = global.view.get(GLOBALS).cloned().unwrap_or_default();
        global.dials.retain(|node, _| known.contains_key(node));
        let due: Vec<String> =
            global.dials.iter().filter(|(_, (at, _))| *at <= now).map(|(node, _)| node.clone()).collect();
        for node in due {
            let chance = self.dice.word();
            if let Some(global) = &mut self.directory.global
                && let Some((at, failures)) = global.dials.get_mut(&node)
            {
                *failures += 1;
                *at = now + backoff(Duration::from_millis(300), *failures, chance);
            }
            if let Some(address) = self.global_address(&node).into_iter().next() {
                self.dial(address, Purpose::Node(node));
            }
        }
    }
}
