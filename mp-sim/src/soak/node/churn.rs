//! What changes in the directory, and who looks at it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use mp_global::{FamilyMonitor, Key, Membership};
use mp_node::Value;

use super::life::Life;
use crate::Dice;
use crate::scenario::churn::{FAMILY, GROUPS};
use crate::soak::control::{Phase, name};
use crate::soak::record::{Event, Pair};

/// The longest time between two changes, in ms.
const PAUSE: u64 = 1000;

/// Looks at all families, to the end.
pub(super) fn look(life: &Arc<Life>) {
    for family in GROUPS.into_iter().chain([FAMILY]) {
        life.record(&Event::Looks { family: family.into() });
        let monitor = life.global().family(family).monitor().expect("there is room for a monitor");
        life.run(see(Arc::clone(life), family, monitor));
    }
}

async fn see(life: Arc<Life>, family: &'static str, mut monitor: FamilyMonitor) {
    let pairs = |entries: &BTreeMap<Key, Value>| -> Vec<Pair> {
        entries.iter().map(|(key, value)| (key.to_string(), value.as_i64())).collect()
    };
    while let Some(change) = monitor.next().await {
        life.record(&Event::Saw {
            family: family.into(),
            added: pairs(&change.added),
            changed: pairs(&change.changed),
            deleted: change.deleted.iter().map(ToString::to_string).collect(),
            synced: change.synced,
        });
    }
}

/// What this process has put into the directory.
#[derive(Default)]
struct Owned {
    members: BTreeMap<(&'static str, u32), Membership>,
    keys: BTreeSet<String>,
}

/// Registers ports and sets keys; leaves nothing behind.
pub(super) async fn change(life: Arc<Life>, mut dice: Dice) {
    let mut owned = Owned::default();
    while life.phase() == Phase::Load {
        for _ in 0..=dice.below(3) {
            if dice.one_in(2) {
                owned.toggle(&life, &mut dice);
            } else {
                owned.set(&life, &mut dice);
            }
        }
        tokio::time::sleep(dice.millis(PAUSE)).await;
    }
    life.reaches(Phase::Rest).await;
    for (group, port) in owned.members.keys().copied().collect::<Vec<_>>() {
        owned.leave(&life, group, port);
    }
    for key in owned.keys {
        life.record(&Event::Deletes { family: FAMILY.into(), key: key.clone() });
        life.global().family(FAMILY).delete(&key);
    }
}

impl Owned {
    /// A port joins a group, or leaves it.
    fn toggle(&mut self, life: &Life, dice: &mut Dice) {
        let own = life.own();
        self.members.retain(|(_, port), _| own.contains_key(port));
        let Some(group) = dice.pick(&GROUPS).copied() else { return };
        let Some((port, id)) = own.iter().nth(dice.index(own.len())) else { return };
        if self.members.contains_key(&(group, *port)) {
            return self.leave(life, group, *port);
        }
        // A dead port can be registered, too, and is seen by nobody.
        let event = Event::Sets { family: group.into(), key: id.to_string(), value: None };
        life.recorder().record_alive(*port, &event);
        let membership = life.global().group(group).register(id).expect("there is room in the directory");
        self.members.insert((group, *port), membership);
    }

    fn leave(&mut self, life: &Life, group: &'static str, port: u32) {
        let Some(membership) = self.members.remove(&(group, port)) else { return };
        if let Some(id) = life.own().get(&port) {
            life.record(&Event::Deletes { family: group.into(), key: id.to_string() });
        }
        drop(membership);
    }

    /// A key of this process's own, or one that all set.
    fn set(&mut self, life: &Life, dice: &mut Dice) {
        let own = name(life.host());
        let key = if dice.one_in(5) { "common".to_owned() } else { format!("{own} {}", dice.below(3)) };
        let family = life.global().family(FAMILY);
        if dice.one_in(4) {
            life.record(&Event::Deletes { family: FAMILY.into(), key: key.clone() });
            family.delete(&key);
            self.keys.remove(&key);
        } else {
            let value = i64::try_from(dice.below(1_000_000)).unwrap_or_default();
            life.record(&Event::Sets { family: FAMILY.into(), key: key.clone(), value: Some(value) });
            family.set(&key, value).expect("there is room in the directory");
            self.keys.insert(key);
        }
    }
}
