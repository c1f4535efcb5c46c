//! Monitors of all sorts of ports, for their own sake.

use std::time::Duration;

use mp_node::{Monitor, Node, NodeId, PortId, Reason};

use super::book::Book;
use crate::check::{Target, WatchNumber};
use crate::{Dice, World};

/// The most that is monitored by one node at the same time.
const HELD: usize = 12;

/// Monitors ports that live, that are dead, and that never were, and nodes; drops some of the monitors again.
pub(super) async fn keep(
    node: Node,
    process: u32,
    pause: Duration,
    world: World,
    book: Book,
    mut dice: Dice,
) {
    let pause = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
    let mut held: Vec<(WatchNumber, Monitor)> = Vec::new();
    loop {
        tokio::time::sleep(dice.millis(pause)).await;
        if book.is_calm() {
            break;
        }
        if !held.is_empty() && (held.len() >= HELD || dice.one_in(6)) {
            let (number, monitor) = held.swap_remove(dice.index(held.len()));
            drop(monitor);
            book.with(|page| page.watches.dropped(number, world.now()));
            continue;
        }
        let Some((target, port)) = choose(&world, &book, &mut dice) else { continue };
        if target == Target::Node(u32::MAX) || (port.is_node_port() && port.node_str() == node.id().as_str())
        {
            continue;
        }
        let number = book.with(|page| page.watches.watch(process, target, world.now()));
        world.note(format_args!("monitor {number} of {port}"));
        let (told, at) = (book.clone(), world.clone());
        let monitor = node.monitor_with(&port, move |reason: Reason| {
            at.note(format_args!("monitor {number} fires: {reason}"));
            told.check(|page| page.watches.fired(number, at.now(), reason));
        });
        held.push((number, monitor));
    }
    // The monitors are held to the end.
    std::future::pending::<()>().await;
    drop(held);
}

fn choose(world: &World, book: &Book, dice: &mut Dice) -> Option<(Target, PortId)> {
    let hosts = world.hosts();
    let host = dice.index(hosts.len());
    let node = NodeId::new(hosts.get(host)?).ok()?;
    Some(match dice.below(10) {
        0 => (Target::Nothing, PortId::new(&node, "never-was").ok()?),
        1 => (Target::Nothing, "ghost#port".parse().ok()?),
        2 => (Target::Node(node.as_str().trim_start_matches('n').parse().ok()?), node.port()),
        more => {
            let port = book.any_port(dice, more > 4)?;
            (Target::Port(port.number), port.id)
        }
    })
}
