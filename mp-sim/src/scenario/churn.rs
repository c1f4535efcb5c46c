//! What changes in the directory, and who looks at it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use mp_global::{FamilyMonitor, Global, Membership};
use mp_node::Value;

use super::Setup;
use super::book::{Address, Book};
use crate::{Dice, Process, World};

/// Groups of ports.
pub(crate) const GROUPS: [&str; 2] = ["blue", "red"];
/// A family of keys and values.
pub(crate) const FAMILY: &str = "settings";

/// Looks at the directory, and changes it until all is to be calm.
pub(super) fn begin(
    process: &Process,
    global: &Global,
    number: u32,
    ports: Vec<Address>,
    book: Book,
    (setup, dice): (&Setup, Dice),
) {
    let (pause, large) = (setup.churn, setup.limits.large_message);
    for family in GROUPS.into_iter().chain([FAMILY]) {
        book.with(|page| page.directory.looks(number, family));
        let monitor = global.family(family).monitor().expect("there is room for a monitor");
        process.spawn(look(monitor, number, family, process.world().clone(), book.clone()));
    }
    process.spawn(change(global.clone(), process.host().into(), number, ports, book, (pause, large, dice)));
}

async fn look(mut monitor: FamilyMonitor, number: u32, family: &'static str, world: World, book: Book) {
    while let Some(change) = monitor.next().await {
        let (added, changed, deleted) = (change.added.len(), change.changed.len(), change.deleted.len());
        world.note(format_args!(
            "{number} sees {family}: {added} added, {changed} changed, {deleted} deleted, synced {}",
            change.synced
        ));
        book.check(|page| page.directory.changed(number, family, &change));
    }
}

async fn change(
    global: Global,
    host: Arc<str>,
    number: u32,
    ports: Vec<Address>,
    book: Book,
    (pause, large, mut dice): (Duration, usize, Dice),
) {
    let pause = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
    let mut members: BTreeMap<(usize, u32), Membership> = BTreeMap::new();
    let mut round = 0_u64;
    while round == 0 || !book.is_calm() {
        for _ in 0..=dice.below(3) {
            if dice.one_in(2) {
                toggle(&global, number, &ports, &book, &mut dice, &mut members);
            } else {
                set(&global, &host, number, &book, &mut dice);
            }
        }
        round += 1;
        tokio::time::sleep(dice.millis(pause)).await;
    }
    book.last_round().await;
    tokio::time::sleep(dice.millis(2000)).await;
    // One value that goes in pieces, where there are any, and at once another, which must not come before it.
    for value in [Value::from("x".repeat(large + dice.index(1000))), Value::from(dice.below(1_000_000))] {
        put(&global, number, &book, &format!("{host} last"), value);
        tokio::time::sleep(dice.millis(5)).await;
    }
    std::future::pending::<()>().await;
    drop(members);
}

/// A port joins a group, or leaves it.
fn toggle(
    global: &Global,
    number: u32,
    ports: &[Address],
    book: &Book,
    dice: &mut Dice,
    members: &mut BTreeMap<(usize, u32), Membership>,
) {
    let group = dice.index(GROUPS.len());
    let (Some(name), Some(port)) = (GROUPS.get(group), dice.pick(ports)) else { return };
    let id = port.id.as_str();
    if let Some(membership) = members.remove(&(group, port.number)) {
        book.with(|page| page.directory.delete(number, name, id));
        drop(membership);
    } else {
        if book.with(|page| page.watches.lives(port.number)) {
            book.with(|page| page.directory.set(number, name, id, Value::Null));
        }
        let membership = global.group(name).register(&port.id).expect("there is room in the directory");
        members.insert((group, port.number), membership);
        book.registered();
    }
}

/// A key of this process's own, or one that all set.
fn set(global: &Global, host: &str, number: u32, book: &Book, dice: &mut Dice) {
    let key = if dice.one_in(5) { "common".to_owned() } else { format!("{host} {}", dice.below(3)) };
    let family = global.family(FAMILY);
    if dice.one_in(4) {
        book.with(|page| page.directory.delete(number, FAMILY, &key));
        family.delete(&key);
    } else {
        put(global, number, book, &key, Value::from(dice.below(1_000_000)));
    }
}

fn put(global: &Global, number: u32, book: &Book, key: &str, value: Value) {
    book.with(|page| page.directory.set(number, FAMILY, key, value.clone()));
    global.family(FAMILY).set(key, value).expect("there is room in the directory");
    book.registered();
}
