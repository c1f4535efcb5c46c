//! Numbered messages: their senders, and their receivers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use mp_node::{Monitor, Reason};

use super::life::{Address, Life};
use crate::Dice;
use crate::soak::control::Phase;
use crate::soak::record::Event;

/// The most ports that one sender knows.
const KNOWN: usize = 6;
/// The longest time between two rounds of a sender, in ms.
const ROUND: u64 = 60;
/// How often a sender looks at its monitors when it does not send.
const LOOK: Duration = Duration::from_millis(100);
/// Messages to each port before the end.
const LAST_MESSAGES: u32 = 30;

/// What a sender has to do with one port.
#[derive(Debug)]
struct Line {
    address: Address,
    /// What has not told yet.
    monitor: Option<(u64, Monitor)>,
    next: u32,
}

impl Line {
    fn new(address: Address) -> Self {
        Self { address, monitor: None, next: 0 }
    }

    /// Records that the monitor has told, if it has.
    fn look(&mut self, life: &Life) {
        if let Some((monitor, _)) = self.monitor.take_if(|(_, monitor)| monitor.fired().is_some()) {
            life.record(&Event::Told { monitor });
        }
    }

    /// Sends one message, under a monitor that has not told. Now and then one so large that queues are full for a while.
    async fn say(&mut self, life: &Life, sender: u32, dice: &mut Dice) {
        let port = self.address.number;
        self.look(life);
        if self.monitor.is_none() || dice.one_in(10) {
            let monitor = life.node().monitor(&self.address.id);
            // The old one answers until the new one is there.
            self.look(life);
            let (number, replaces) = (life.numbers().other(), self.monitor.is_some());
            life.record(&Event::Minds { sender, port, monitor: number, replaces });
            self.monitor = Some((number, monitor));
        }
        let number = self.next;
        self.next += 1;
        life.record(&Event::Sends { sender, port, number });
        let longest = if dice.one_in(20) { 40_000 } else { 200 };
        let padding = "x".repeat(dice.index(longest));
        // It fails only when the node is no more.
        let _sent = life.node().send(&self.address.id, (sender, port, number, padding)).await;
    }
}

/// Sends to ports that it gets to know; some of them die, or have died.
pub(super) async fn send(life: Arc<Life>, sender: u32, mut dice: Dice) {
    let mut lines: BTreeMap<u32, Line> = BTreeMap::new();
    while life.phase() == Phase::Load {
        tokio::time::sleep(dice.millis(ROUND)).await;
        for line in lines.values_mut() {
            line.look(&life);
        }
        // What was sent to a dead port has been told.
        lines.retain(|port, line| line.monitor.is_some() || life.lives(*port) || dice.one_in(2));
        let mut known: Vec<&mut Line> = lines.values_mut().collect();
        let target = if known.is_empty() || (known.len() < KNOWN && dice.one_in(12)) {
            life.any_port(&mut dice, true)
                .map(|address| lines.entry(address.number).or_insert(Line::new(address)))
        } else {
            let index = dice.index(known.len());
            Some(known.swap_remove(index))
        };
        let Some(line) = target else { continue };
        for _ in 0..=dice.below(3) {
            if life.phase() == Phase::Load {
                line.say(&life, sender, &mut dice).await;
            }
        }
        if dice.one_in(1500) {
            let reason = Reason::new("killed", format!("by {sender}"));
            life.record(&Event::WillKill { port: line.address.number, reason: reason.clone() });
            life.node().kill(&line.address.id, reason);
        }
    }
    while life.phase() < Phase::Rest {
        for line in lines.values_mut() {
            line.look(&life);
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Says the last words: they must arrive.
pub(super) async fn farewell(life: &Life, ports: &[u32], dice: &mut Dice) {
    if ports.is_empty() {
        return;
    }
    let sender = life.numbers().sender();
    life.record(&Event::Farewell { sender });
    for address in ports.iter().filter_map(|port| life.address(*port)) {
        let mut line = Line::new(address);
        for _ in 0..LAST_MESSAGES {
            line.say(life, sender, dice).await;
        }
    }
}

/// Has a port that receives, and another one when that is killed. Each message takes up to so many ms, if `pace` is not 0.
pub(super) async fn receive(life: Arc<Life>, pace: u64, mut dice: Dice) {
    while let Some(number) = life.numbers().port() {
        let Ok(mut port) = life.node().try_port() else { return }; // the node is no more
        let of = Arc::clone(&life);
        life.node().monitor_with(&port, move |reason: Reason| of.has_lost(number, reason)).detach();
        life.has(number, port.id());
        life.record(&Event::Port { port: number, id: port.id().clone() });
        while let Some((sender, to, count, _)) = port.recv_as::<(u32, u32, u32, String)>().await {
            if to == number {
                life.record(&Event::Got { sender, port: number, number: count });
            } else {
                let what = format!("G-5: {} got what {sender} sent to the port {to}", port.id());
                life.record(&Event::Broken { what });
            }
            if pace > 0 {
                tokio::time::sleep(dice.millis(pace)).await;
            }
        }
    }
}
