//! The scenario of `mp-sim run`: a network under load and faults, with every guarantee checked.
//!
//! Nodes join, send numbered messages to ports that they know, monitor ports and kill some, register ports in groups
//! and set keys, while links are delayed, throttled, cut and healed, and processes die and come back. Then all is
//! healed, the directory must agree within [`Setup::agreement_bound`], all monitors must have told what there is to
//! tell, and some nodes are shut down, whose last messages must all arrive.

mod book;
pub(crate) mod churn;
pub(crate) mod errands;
mod foreign;
mod life;
mod report;
mod setup;
mod traffic;
mod vigil;

use std::sync::Arc;
use std::time::Duration;

use mp_node::Reason;

pub use report::Report;
pub use setup::{Options, Setup};

use self::book::Book;
use crate::check::Violation;
use crate::{FaultPlan, Outcome, Sim, World};

/// How often it is looked whether the directory agrees.
const LOOK: Duration = Duration::from_millis(100);
/// How long the load lasts if there are no faults.
const UNDISTURBED: Duration = Duration::from_secs(30);
/// How long the last round lasts, in which nothing fails.
const UNDISTURBED_ROUND: Duration = Duration::from_secs(12);
/// Messages that a node sends to each of some ports before it is shut down.
const LAST_MESSAGES: u32 = 30;

/// Runs the scenario that follows from a seed.
///
/// # Errors
///
/// What was violated.
pub fn run(seed: u64, options: &Options, traced: bool) -> Result<Outcome<Report>, Box<crate::Failure>> {
    let options = options.clone();
    let sim = Sim::new(seed).traced(traced).time_limit(Duration::from_secs(3600));
    sim.run(|world| async move { scenario(&world, &options).await })
}

async fn scenario(world: &World, options: &Options) -> Report {
    let setup = Arc::new(Setup::new(world, options));
    world.note(format_args!("{setup}"));
    world.net().buffer_size(setup.buffer);
    world.net().everywhere().delay(setup.latency, setup.latency);
    let book = Book::new(world, &setup);
    for host in 0..setup.nodes {
        let (setup, book) = (Arc::clone(&setup), book.clone());
        world.host(&Setup::host(host), move |process| life::live(process, Arc::clone(&setup), book.clone()));
    }
    world.sleep(setup.warm_up).await;
    let plan = FaultPlan::random(&mut world.dice("faults"), &world.hosts(), setup.faults, setup.pause);
    let plan = setup.tame(plan);
    // While the clock jumps nothing is noticed, whatever it says afterwards.
    let mut bound =
        setup.detection_bound() + plan.steps.iter().filter_map(|(_, fault)| fault.jump()).sum::<Duration>();
    if !setup.perl.is_empty() {
        // That a Perl process is dead is told by its system, as soon as the network lets it.
        bound += plan.steps.iter().map(|(pause, _)| *pause).sum::<Duration>();
    }
    if plan.steps.is_empty() {
        world.sleep(UNDISTURBED).await;
    }
    plan.run(world).await;
    let healed = world.now();
    book.calm_down();
    if setup.directory {
        agree(world, &book, setup.agreement_bound()).await;
    }
    let agreed = world.now().saturating_sub(healed);
    world.note(format_args!("the directory agrees"));
    world.sleep(setup.calm()).await;
    check_calm(world, &book, &setup, bound);
    let lost = book.with(|page| page.watches.connections_lost());
    // A handshake through a relay on a slow link may take longer than one side waits, while the other is done.
    if plan.steps.is_empty() && setup.hidden == 0 && lost > 0 {
        world.violation(format_args!(
            "G-4: {lost} monitors say that a connection was lost, and nothing has gone wrong"
        ));
    }
    last_round(world, &book, &setup).await;
    part(world, &book, &setup).await;
    check_calm(world, &book, &setup, bound);
    let report = book.report(world, &setup, agreed);
    book.close();
    report
}

/// Waits until all see the same in the directory.
async fn agree(world: &World, book: &Book, bound: Duration) {
    let healed = world.now();
    loop {
        match book.with(|page| page.directory.check_agreement()) {
            Ok(()) => return,
            Err(Violation(what)) if world.now() - healed > bound => {
                return world.violation(format_args!("{what}; {bound:?} after the last fault"));
            }
            Err(_) => world.sleep(LOOK).await,
        }
    }
}

/// While nothing fails, all nodes change the directory once more and run errands. What is changed must be seen everywhere
/// long before nodes compare what they know, and errands must come to a good end.
async fn last_round(world: &World, book: &Book, setup: &Setup) {
    world.note(format_args!("the last round"));
    book.begin_last_round();
    world.sleep(UNDISTURBED_ROUND).await;
    let checks = book.with(|page| {
        [page.check_errands(), if setup.directory { page.directory.check_agreement() } else { Ok(()) }]
    });
    for violation in checks.into_iter().filter_map(Result::err) {
        world.violation(format_args!("{violation}, {UNDISTURBED_ROUND:?} after the last round began"));
    }
}

fn check_calm(world: &World, book: &Book, setup: &Setup, bound: Duration) {
    let checks = book.with(|page| {
        [
            page.delivery.check_end(),
            page.check_errands(),
            page.watches.check_end(bound),
            if setup.directory { page.directory.check_agreement() } else { Ok(()) },
        ]
    });
    for violation in checks.into_iter().filter_map(Result::err) {
        world.violation(format_args!("{violation}"));
    }
}

/// Some nodes say a last word and are shut down: it must arrive, unless those that may have carried it go with them.
async fn part(world: &World, book: &Book, setup: &Setup) {
    let hosts = world.hosts();
    let leaving = hosts.len().div_ceil(4).min(5);
    let (staying, going) = hosts.split_at(hosts.len() - leaving);
    let relays_go = setup.hidden > 0 && going.iter().any(|host| setup.is_global(host));
    let may_be_lost = relays_go || !setup.all_reach_all();
    let mut dice = world.dice("parting");
    let mut senders = Vec::new();
    for host in going {
        let Some(node) = world.node(host) else { continue };
        let hears = |listener: &&String| book.sink(listener).is_some();
        let listeners: Vec<&String> = (0..3).filter_map(|_| dice.pick(staying)).filter(hears).collect();
        // Mostly they have to be found and connected to before they can be told, by way of those that know them.
        for listener in listeners.iter().filter(|listener| !setup.is_global(listener)) {
            world.net().reset(host, listener);
        }
        world.sleep(Duration::from_secs(1)).await;
        let sender = book.sender();
        let mut targets = Vec::new();
        for target in listeners.into_iter().filter_map(|listener| book.sink(listener)) {
            for _ in 0..LAST_MESSAGES {
                traffic::say(&node, sender, std::slice::from_ref(&target), &mut dice, book).await;
            }
            if !targets.contains(&target) {
                targets.push(target);
            }
        }
        if !targets.is_empty() {
            traffic::say(&node, sender, &targets, &mut dice, book).await;
        }
        world.note(format_args!("{host} is shut down"));
        book.with(|page| {
            page.ports_died(host, world.now(), &Reason::normal());
            page.delivery.sender_died(sender);
        });
        book.process_died(host, world.now());
        node.shutdown().await;
        world.kill(host, crate::Death::Reset);
        senders.push(sender);
    }
    world.sleep(Duration::from_secs(20)).await;
    for sender in senders.into_iter().filter(|_| !may_be_lost) {
        if let Err(violation) = book.with(|page| page.delivery.check_complete(sender)) {
            world.violation(format_args!("{violation}"));
        }
    }
}
