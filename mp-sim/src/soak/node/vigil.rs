//! Monitors for their own sake, and errands.

use std::sync::Arc;
use std::time::Duration;

use mp_node::{Monitor, PortId, Reason};

use super::life::Life;
use super::node_of;
use crate::Dice;
use crate::scenario::errands::Errand;
use crate::soak::control::{Phase, name};
use crate::soak::record::{Aim, Event};

/// The most that is monitored at the same time.
const HELD: usize = 12;
/// The longest time between two monitors, in ms; between two errands, it is half of that.
const PAUSE: u64 = 1000;

/// Monitors ports that live, that are dead, and that never were, and nodes; drops some of the monitors again.
pub(super) async fn keep(life: Arc<Life>, mut dice: Dice) {
    let mut held: Vec<(u64, Monitor)> = Vec::new();
    loop {
        tokio::time::sleep(dice.millis(PAUSE)).await;
        if life.phase() != Phase::Load {
            break;
        }
        if !held.is_empty() && (held.len() >= HELD || dice.one_in(6)) {
            let (watch, monitor) = held.swap_remove(dice.index(held.len()));
            drop(monitor);
            life.record(&Event::Dropped { watch });
            continue;
        }
        let Some((target, port)) = choose(&life, &mut dice) else { continue };
        let watch = life.numbers().other();
        life.record(&Event::Monitors { watch, target });
        let of = Arc::clone(&life);
        let told = move |reason: Reason| of.record(&Event::Fired { watch, reason });
        held.push((watch, life.node().monitor_with(&port, told)));
    }
    life.reaches(Phase::Rest).await;
}

fn choose(life: &Life, dice: &mut Dice) -> Option<(Aim, PortId)> {
    let host = life.any_host(dice);
    Some(match dice.below(10) {
        0 => (Aim::Nothing, PortId::new(&node_of(host), "never-was").ok()?),
        1 => (Aim::Nothing, "ghost#port".parse().ok()?),
        2 if host == life.host() => return None,
        2 => (Aim::Node(host), node_of(host).port()),
        more => {
            let port = life.any_port(dice, more > 4)?;
            (Aim::Port(port.number), port.id)
        }
    })
}

/// Has ports spawned by others, calls and links them.
pub(super) async fn errands(life: Arc<Life>, mut dice: Dice) {
    loop {
        tokio::time::sleep(Duration::from_millis(dice.below(PAUSE / 2))).await;
        if life.phase() != Phase::Load {
            return;
        }
        let (errand, host) = (life.numbers().other(), life.any_host(&mut dice));
        life.record(&Event::Asks { errand, what: name(host) });
        let of = Errand::new(life.node(), node_of(host), true).with_shutdowns();
        match of.run(&mut dice).await {
            Ok(Ok(_)) => {}
            Ok(Err(violation)) => life.record(&Event::Broken { what: violation.0 }),
            Err(_) => return, // the node is no more
        }
        life.record(&Event::Answered { errand });
    }
}
