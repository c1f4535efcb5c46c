//! The program on each host.

use std::sync::Arc;
use std::time::Duration;

use mp_node::{Message, Node, Port, PortId, Reason};

use super::book::{Address, Book};
use super::traffic::Numbered;
use super::{Setup, churn, errands, foreign, traffic, vigil};
use crate::{Dice, Process, World};

/// Messages that a receiver takes out of its mailbox at once: they do not count against its bound.
const BATCH: usize = 64;
/// The longest message that senders send, roughly.
const LONGEST: usize = 41_000;

pub(super) async fn live(process: Process, setup: Arc<Setup>, book: Book) {
    if setup.is_perl(process.host()) {
        return foreign::live(process, setup, book).await;
    }
    let (host, world) = (process.host().to_owned(), process.world().clone());
    let number = book.process(&host);
    let (end, at, of) = (book.clone(), world.clone(), host.clone());
    process.at_death(move || end.process_died(&of, at.now()));
    let mut dice = process.dice();
    if process.life() == 0 {
        world.sleep(dice.millis(3000)).await;
    }
    let builder = if setup.is_hidden(&host) { process.hidden_node() } else { process.node() };
    let builder = builder.limits(setup.limits.clone()).framings(&setup.framings(&mut dice));
    let (node, global) = if setup.directory {
        let seeds = seeds(&host, &setup, &mut dice);
        let (node, global) =
            process.join_with(builder, &seeds.iter().map(String::as_str).collect::<Vec<_>>()).await;
        (node, Some(global))
    } else {
        (process.start_with(builder).await, None)
    };
    let own = process.clone();
    let mut ports = vec![receive(&own, &book, node.port(), Duration::ZERO, &setup, true)];
    for _ in 0..setup.receivers {
        let pause = Duration::from_millis(dice.below(4) * dice.below(80));
        ports.push(receive(&own, &book, node.port(), pause, &setup, false));
    }
    for _ in 0..setup.senders {
        let sender = book.sender_at(&host);
        let dice = Dice::new(dice.word());
        process.spawn(traffic::send(node.clone(), sender, Arc::clone(&setup), book.clone(), dice));
    }
    process.spawn(vigil::keep(
        node.clone(),
        number,
        setup.vigil,
        world.clone(),
        book.clone(),
        Dice::new(dice.word()),
    ));
    errands::offer(&node);
    let errand = Dice::new(dice.word());
    process.spawn(errands::run(node.clone(), number, Arc::clone(&setup), book.clone(), errand));
    if !setup.is_hidden(&host) {
        let errand = Dice::new(dice.word());
        process.spawn(errands::run_last(node.clone(), number, Arc::clone(&setup), book.clone(), errand));
    }
    if let Some(global) = global {
        let dice = Dice::new(dice.word());
        churn::begin(&process, &global, number, ports, book.clone(), (&setup, dice));
    }
    observe(&node, &setup, &book).await;
}

/// The global nodes have all of them as seeds, themselves included; the others have some.
pub(super) fn seeds(host: &str, setup: &Setup, dice: &mut Dice) -> Vec<String> {
    let globals: Vec<String> = (0..setup.globals).map(Setup::host).collect();
    let mut seeds = globals.clone();
    if !globals.iter().any(|global| global == host) {
        seeds.retain(|_| dice.one_in(2));
        if seeds.is_empty() {
            seeds.extend(dice.pick(&globals).cloned());
        }
    }
    seeds
}

/// Looks at what waits in the node, again and again.
async fn observe(node: &Node, setup: &Setup, book: &Book) {
    loop {
        tokio::time::sleep(setup.look).await;
        book.waiting(node.stats().largest_outbox, setup.limits.outbox_bytes + LONGEST);
    }
}

/// Lets a port receive, slowly or at once.
fn receive(
    process: &Process,
    book: &Book,
    mut port: Port,
    pause: Duration,
    setup: &Setup,
    is_sink: bool,
) -> Address {
    let address = book.port(process.host(), port.id(), is_sink);
    let (number, died) = (address.number, book.clone());
    port.node().monitor_with(&port, move |reason: Reason| died.port_died(number, reason)).detach();
    let receiver = Receiver {
        book: book.clone(),
        world: process.world().clone(),
        number,
        id: port.id().clone(),
        bound: setup.limits.mailbox_messages + BATCH,
    };
    if pause.is_zero() && !is_sink && number % 2 == 0 {
        // Half of those that are not slow have handlers.
        port.otherwise(move |message: Message| match message.decode() {
            Ok(numbered) => receiver.got(numbered),
            Err(error) => receiver.world.violation(format_args!("G-5: {error}: {message}")),
        });
        process.spawn(async move {
            std::future::pending::<()>().await;
            drop(port);
        });
        return address;
    }
    process.spawn(async move {
        loop {
            receiver.book.queued(port.waiting(), receiver.bound);
            let Some(numbered) = port.recv_as().await else { return };
            receiver.got(numbered);
            tokio::time::sleep(pause).await;
        }
    });
    address
}

/// What a port does with what it gets.
struct Receiver {
    book: Book,
    world: World,
    number: u32,
    id: PortId,
    bound: usize,
}

impl Receiver {
    fn got(&self, (sender, numbers, _padding): Numbered) {
        match numbers.iter().find(|(to, _)| *to == self.number) {
            Some((to, count)) => {
                self.world.note(format_args!("{} got {count} of {sender}", self.id));
                self.book.check(|page| page.delivery.arrived(sender, *to, *count));
            }
            None => {
                self.world.violation(format_args!("G-5: {} got what {sender} sent to others", self.id));
            }
        }
    }
}
