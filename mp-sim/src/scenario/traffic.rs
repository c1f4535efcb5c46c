//! Senders of numbered messages.

use std::sync::Arc;

use mp_node::{Node, Reason};

use super::Setup;
use super::book::{Address, Book, Teller};
use crate::Dice;

/// The most ports that one sender knows.
const KNOWN: usize = 6;

/// Sends to ports that it gets to know; some of them die, or have died. Ends when all is to be calm.
pub(super) async fn send(node: Node, sender: u32, setup: Arc<Setup>, book: Book, mut dice: Dice) {
    let mut known: Vec<Address> = Vec::new();
    let longest = u64::try_from(setup.round.as_millis()).unwrap_or(u64::MAX);
    for _ in 0..setup.rounds {
        tokio::time::sleep(dice.millis(longest)).await;
        let new = known.is_empty() || (known.len() < KNOWN && dice.one_in(12));
        let target = if new { book.any_port(&mut dice, true) } else { dice.pick(&known).cloned() };
        let Some(target) = target else { continue };
        // A port that is known is not met anew: in a message for all of them, each has one number.
        if new && !known.contains(&target) {
            known.push(target.clone());
        }
        if dice.one_in(6) && !book.is_calm() {
            say(&node, sender, &known, &mut dice, &book).await;
        }
        for _ in 0..=dice.below(3) {
            if book.is_calm() {
                return;
            }
            say(&node, sender, std::slice::from_ref(&target), &mut dice, &book).await;
        }
        if dice.one_in(150) {
            node.kill(&target.id, Reason::new("killed", format!("by {sender}")));
        }
    }
}

/// What ports are sent: by whom, the ports that it is for with its number for each of them, and some bytes besides.
pub(super) type Numbered = (u32, Vec<(u32, u32)>, String);

/// Sends one message to these ports, each once, with a number for each of them, under monitors. Now and then one so large that
/// pipes and queues are full for a while.
pub(super) async fn say(node: &Node, sender: u32, targets: &[Address], dice: &mut Dice, book: &Book) {
    let mut numbers = Vec::new();
    for target in targets {
        let replace = dice.one_in(10);
        let number = book.with(|page| {
            page.delivery.sends(sender, target.number, replace, || Teller::Monitor(node.monitor(&target.id)))
        });
        numbers.push((target.number, number));
    }
    let longest = if dice.one_in(20) { 40_000 } else { 200 };
    let padding = "x".repeat(dice.index(longest));
    let message: Numbered = (sender, numbers, padding);
    // It fails only when the node is no more.
    let _sent = match targets {
        [target] => node.send(&target.id, message).await,
        targets => node.send_all(targets.iter().map(|target| &target.id), message).await,
    };
}
