//! The program on a Perl node's host: it does what the others do, as far as a Perl program would.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use mp_global::FamilyChange;
use mp_node::{Message, PortId, Value};
use tokio::sync::mpsc;

use super::book::{Address, Book, Teller};
use super::churn::{FAMILY, GROUPS};
use super::traffic::Numbered;
use super::{Setup, life};
use crate::perl::{PerlEvent, PerlNode};
use crate::{Dice, Process, World};

/// The most ports that one sender knows.
const KNOWN: usize = 4;

#[expect(clippy::disallowed_methods, reason = "as much waits as arrives in one moment of virtual time")]
pub(super) async fn live(process: Process, setup: Arc<Setup>, book: Book) {
    let (host, world) = (process.host().to_owned(), process.world().clone());
    let number = book.process(&host);
    let (end, at, of) = (book.clone(), world.clone(), host.clone());
    process.at_death(move || end.process_died(&of, at.now()));
    book.with(|page| page.directory.joined(number, false));
    let mut dice = process.dice();
    if process.life() == 0 {
        world.sleep(dice.millis(3000)).await;
    }
    let seeds = life::seeds(&host, &setup, &mut dice);
    let seeds: Vec<&str> = seeds.iter().map(String::as_str).collect();
    let (tell, mut events) = mpsc::unbounded_channel();
    let node = PerlNode::start(&process, setup.framing, &seeds, setup.is_global(&host), move |event| {
        drop(tell.send(event)); // the program may be over
    });
    let node = node.await;
    let mut program =
        Program { world, book: book.clone(), node: node.clone(), number, ports: BTreeMap::new() };
    let addresses: Vec<Address> = (0..=setup.receivers)
        .map(|index| {
            let id = node.port();
            let address = book.port(&host, &id, index == 0);
            program.ports.insert(id, address.number);
            address
        })
        .collect();
    for family in GROUPS.into_iter().chain([FAMILY]) {
        book.with(|page| page.directory.looks(number, family));
        node.monitor_family(family);
    }
    for _ in 0..setup.senders {
        let sender = book.sender_at(&host);
        let dice = Dice::new(dice.word());
        process.spawn(send(node.clone(), sender, Arc::clone(&setup), book.clone(), dice));
    }
    let dice = Dice::new(dice.word());
    process.spawn(change(node, (host, number), addresses, setup.churn, book, dice));
    while let Some(event) = events.recv().await {
        program.hear(event);
    }
}

struct Program {
    world: World,
    book: Book,
    node: PerlNode,
    number: u32,
    ports: BTreeMap<PortId, u32>,
}

impl Program {
    fn hear(&mut self, event: PerlEvent) {
        match event {
            PerlEvent::Got(port, message) => self.got(&port, &message),
            PerlEvent::Died(port, reason) => {
                self.world.note(format_args!("{port} of Perl's dies: {reason}"));
                // What `db_reg` has registered goes with the port.
                GROUPS.iter().for_each(|group| self.node.delete(group, port.as_str()));
                if let Some(number) = self.ports.get(&port) {
                    self.book.port_died(*number, reason);
                }
            }
            PerlEvent::Changed { family, added, changed, deleted } => {
                let mut change = FamilyChange::default();
                change.added = added.into_iter().map(|(key, value)| (key.into(), value)).collect();
                change.changed = changed.into_iter().map(|(key, value)| (key.into(), value)).collect();
                change.deleted = deleted.into_iter().map(Into::into).collect();
                change.synced = true;
                self.book.check(|page| page.directory.changed(self.number, &family, &change));
            }
            PerlEvent::Joined(joined) => {
                self.world.note(format_args!("{} of Perl's has joined: {joined}", self.node.id()));
                self.book.with(|page| page.directory.joined(self.number, joined));
            }
        }
    }

    fn got(&self, port: &PortId, message: &Message) {
        let Some(number) = self.ports.get(port) else { return };
        match message.decode::<Numbered>() {
            Ok((sender, numbers, _)) => match numbers.iter().find(|(to, _)| to == number) {
                Some((to, count)) => {
                    self.world.note(format_args!("{port} of Perl's got {count} of {sender}"));
                    self.book.check(|page| page.delivery.arrived(sender, *to, *count));
                }
                None => {
                    self.world.violation(format_args!("G-5: {port} got what {sender} sent to others"));
                }
            },
            Err(error) => self.world.violation(format_args!("G-5: {error}: {message}")),
        }
    }
}

/// Sends numbered messages. What the original may lose is owed by nobody, but what arrives does so once and in order.
async fn send(node: PerlNode, sender: u32, setup: Arc<Setup>, book: Book, mut dice: Dice) {
    let mut known: Vec<Address> = Vec::new();
    let longest = u64::try_from(setup.round.as_millis()).unwrap_or(u64::MAX);
    for _ in 0..setup.rounds {
        tokio::time::sleep(dice.millis(longest)).await;
        let new = known.is_empty() || (known.len() < KNOWN && dice.one_in(12));
        let target = if new { book.any_port(&mut dice, true) } else { dice.pick(&known).cloned() };
        let Some(target) = target else { continue };
        if new {
            node.monitor(&target.id);
            known.push(target.clone());
        }
        for _ in 0..=dice.below(3) {
            if book.is_calm() {
                return;
            }
            let number =
                book.with(|page| page.delivery.sends(sender, target.number, false, || Teller::Nobody));
            let longest = if dice.one_in(20) { 40_000 } else { 200 };
            let padding = "x".repeat(dice.index(longest));
            let numbered: Numbered = (sender, vec![(target.number, number)], padding);
            let message = Message::new(&numbered).expect("it is a list");
            node.send(&target.id, message);
        }
    }
}

/// Changes the directory until all is to be calm.
async fn change(
    node: PerlNode,
    (host, number): (String, u32),
    ports: Vec<Address>,
    pause: Duration,
    book: Book,
    mut dice: Dice,
) {
    let pause = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
    let mut members: BTreeSet<(usize, u32)> = BTreeSet::new();
    while !book.is_calm() {
        if dice.one_in(2) {
            let group = dice.index(GROUPS.len());
            let (Some(name), Some(port)) = (GROUPS.get(group), dice.pick(&ports)) else { return };
            let id = port.id.as_str();
            if members.remove(&(group, port.number)) {
                book.with(|page| page.directory.delete(number, name, id));
                node.delete(name, id);
            } else if book.with(|page| page.watches.lives(port.number)) {
                book.with(|page| page.directory.set(number, name, id, Value::Null));
                node.set(name, id, Value::Null);
                members.insert((group, port.number));
                book.registered();
            }
        } else {
            let key = if dice.one_in(5) { "common".to_owned() } else { format!("{host} {}", dice.below(3)) };
            if dice.one_in(4) {
                book.with(|page| page.directory.delete(number, FAMILY, &key));
                node.delete(FAMILY, &key);
            } else {
                let value = Value::from(dice.below(1_000_000));
                book.with(|page| page.directory.set(number, FAMILY, &key, value.clone()));
                node.set(FAMILY, &key, value);
                book.registered();
            }
        }
        tokio::time::sleep(dice.millis(pause)).await;
    }
}
