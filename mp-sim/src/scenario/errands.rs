//! Spawning, calling and linking: each errand must come to an end, and to one that is true.

use std::time::Duration;

use mp_node::{CallError, Message, Node, NodeId, Outcome, Port, PortId, Reason};

use super::Setup;
use super::book::Book;
use crate::{Dice, World};

/// The function that nodes of ours let peers spawn.
const CLERK: &str = "clerk";
/// One that nobody has.
const NOBODY: &str = "nobody";

/// Lets peers spawn a port that answers one question.
pub(super) fn offer(node: &Node) {
    node.register_function(CLERK, clerk);
}

async fn clerk(mut port: Port, args: Message) -> impl Outcome {
    let (salt,): (u64,) = args.decode().unwrap_or_default();
    if let Some((question, reply)) = port.recv_as::<(u64, PortId)>().await {
        // It fails only when the node is no more.
        let _sent = port.node().send(&reply, (answer(salt, question),)).await;
    }
}

fn answer(salt: u64, question: u64) -> u64 {
    question * 1000 + salt
}

/// Runs errands, one after another, until all is to be calm.
pub(super) async fn run(node: Node, process: u32, setup: std::sync::Arc<Setup>, book: Book, mut dice: Dice) {
    let world = book.world().clone();
    let pause = u64::try_from(setup.vigil.as_millis()).unwrap_or(u64::MAX).saturating_mul(4);
    loop {
        tokio::time::sleep(dice.millis(pause)).await;
        let hosts = world.hosts();
        let Some(host) = dice.pick(&hosts) else { return };
        let Ok(at) = NodeId::new(host) else { return };
        if book.is_calm() {
            return;
        }
        book.with(|page| page.errands.insert(process, format!("at {host}, since {:?}", world.now())));
        let known = !dice.one_in(4);
        let function = if known { CLERK } else { NOBODY };
        let salt = dice.below(1000);
        let errand = Errand { node: &node, world: &world, at, can_be: known && !setup.is_perl(host), salt };
        match node.spawn_on(&errand.at, function, (salt,)) {
            Ok(port) if dice.one_in(3) => errand.link(&port, &mut dice).await,
            Ok(port) => errand.call(&port, dice.below(1_000_000)).await,
            Err(_) => return, // the node is no more
        }
        book.with(|page| page.errands.remove(&process));
    }
}

struct Errand<'a> {
    node: &'a Node,
    world: &'a World,
    at: NodeId,
    /// Whether the port can have been spawned.
    can_be: bool,
    salt: u64,
}

impl Errand<'_> {
    async fn call(&self, port: &PortId, question: u64) {
        let answered = self.node.call(port, (question,)).returning::<(u64,)>().await;
        self.world.note(format_args!("{port}, when it was asked: {answered:?}"));
        let right = match &answered {
            Ok((number,)) => self.can_be && *number == answer(self.salt, question),
            Err(CallError::Died(reason)) => is_absence(reason),
            Err(CallError::Send(_)) => true,
            Err(_) => false,
        };
        if !right {
            self.world.violation(format_args!("G-4: {port}, asked {question}, gave {answered:?}"));
        }
    }

    /// Links a port here with one there, and kills one of the two: the other must follow.
    async fn link(&self, there: &PortId, dice: &mut Dice) {
        let here = self.node.spawn(|mut port| async move { while port.recv().await.is_some() {} });
        let reason = Reason::new("linked", format!("{}", dice.word()));
        let _halves = self.node.link(&here, there);
        let killed = if dice.one_in(2) { &here } else { there };
        let ends = [self.node.monitor(&here), self.node.monitor(there)];
        tokio::time::sleep(Duration::from_millis(dice.below(300))).await;
        self.node.kill(killed, reason.clone());
        for (end, port) in ends.into_iter().zip([&here, there]) {
            let told = end.await;
            self.world.note(format_args!("{port}, which was linked: {told}"));
            if told != reason && !is_absence(&told) {
                self.world
                    .violation(format_args!("G-4: {port} was linked, and died of {told}, not of {reason}"));
            }
        }
    }
}

/// Whether a reason says that a port is not there, or may be.
fn is_absence(reason: &Reason) -> bool {
    // Of a function that is not known, a node of ours says so.
    !matches!(&*reason.word(), "" | "die" | "linked" | "killed")
}
