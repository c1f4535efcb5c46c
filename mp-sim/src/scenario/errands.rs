//! Spawning, calling and linking: each errand must come to an end, and to one that is true.

use std::time::Duration;

use mp_node::{CallError, Message, Node, NodeId, Port, PortId, Reason, SendError};

use super::Setup;
use super::book::Book;
use crate::Dice;
use crate::check::Violation;

/// The function that nodes of ours let peers spawn.
const CLERK: &str = "clerk";
/// One that nobody has.
const NOBODY: &str = "nobody";
/// Bytes of the longest padding.
const LONGEST: u64 = 30_000;
/// Errands of each node in the last round.
const LAST: usize = 3;

/// Lets peers spawn a port that answers one question.
pub(crate) fn offer(node: &Node) {
    node.register_function(CLERK, clerk);
}

/// Answers, unless the one who is to ask is lost.
async fn clerk(mut port: Port, args: Message) -> Result<(), Reason> {
    let (salt, client) = args.decode::<(u64, PortId)>().map_err(|error| Reason::die(error.to_string()))?;
    let node = port.node();
    let asked = tokio::select! {
        biased;
        asked = port.recv_as::<(u64, PortId)>() => asked,
        lost = node.monitor(&client) => return Err(lost),
    };
    if let Some((question, reply)) = asked {
        // It fails only when the node is no more. The port dies at once, and its death must not come before this.
        let _sent = node.send(&reply, (answer(salt, question), padding(question))).await;
    }
    Ok(())
}

fn answer(salt: u64, question: u64) -> u64 {
    question * 1000 + salt
}

/// What makes every third answer so large that it may go in pieces.
fn padding(question: u64) -> String {
    let len = if question.is_multiple_of(3) { question % LONGEST } else { 0 };
    "x".repeat(usize::try_from(len).unwrap_or(0))
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
        match Errand::new(&node, at, !setup.is_perl(host)).run(&mut dice).await {
            Ok(Ok(what)) => world.note(format_args!("{what}")),
            Ok(Err(violation)) => world.violation(format_args!("{violation}")),
            Err(_) => return, // the node is no more
        }
        book.with(|page| page.errands.remove(&process));
    }
}

/// Runs a few errands more when nothing fails any more: now they must come to a good end.
pub(super) async fn run_last(
    node: Node,
    process: u32,
    setup: std::sync::Arc<Setup>,
    book: Book,
    mut dice: Dice,
) {
    let world = book.world().clone();
    book.last_round().await;
    for _ in 0..LAST {
        tokio::time::sleep(dice.millis(1000)).await;
        let hosts = world.hosts();
        let others = hosts.iter().filter(|host| !setup.is_perl(host) && !setup.is_hidden(host));
        let others: Vec<_> = others.filter(|host| **host != node.id().as_str()).collect();
        let Some(Ok(at)) = dice.pick(&others).map(|host| NodeId::new(host)) else { return };
        book.with(|page| page.errands.insert(process, format!("at {at}, in the last round")));
        match Errand::new(&node, at, true).undisturbed().run(&mut dice).await {
            Ok(Ok(what)) => world.note(format_args!("{what}")),
            Ok(Err(violation)) => world.violation(format_args!("{violation}")),
            Err(_) => return, // the node is no more
        }
        book.with(|page| page.errands.remove(&process));
    }
}

/// A port that is to be spawned on a node, to be asked or linked.
pub(crate) struct Errand<'a> {
    node: &'a Node,
    at: NodeId,
    has_clerks: bool,
    /// Whether nodes are shut down meanwhile, so that ports may end normally.
    has_shutdowns: bool,
    /// Nothing fails meanwhile, so that ports are there.
    is_undisturbed: bool,
}

impl<'a> Errand<'a> {
    /// At a node that has clerks, or has none.
    pub(crate) fn new(node: &'a Node, at: NodeId, has_clerks: bool) -> Self {
        Self { node, at, has_clerks, has_shutdowns: false, is_undisturbed: false }
    }

    /// Nothing fails meanwhile: no connection, and no node.
    fn undisturbed(mut self) -> Self {
        self.is_undisturbed = true;
        self
    }

    /// Nodes are shut down meanwhile.
    #[cfg(all(unix, feature = "cli"))]
    pub(crate) fn with_shutdowns(mut self) -> Self {
        self.has_shutdowns = true;
        self
    }

    /// Runs it, and gives what came of it.
    ///
    /// # Errors
    ///
    /// The node is no more.
    ///
    /// # Cancellation
    ///
    /// Dropping the future ends it where it is; the port over there may stay for a while.
    pub(crate) async fn run(self, dice: &mut Dice) -> Result<Result<String, Violation>, SendError> {
        let is_known = !dice.one_in(4);
        let salt = dice.below(1000);
        let function = if is_known { CLERK } else { NOBODY };
        let padding = padding(dice.word());
        let port = self.node.spawn_on(&self.at, function, (salt, self.node.id().port(), padding))?;
        Ok(if dice.one_in(3) {
            self.link(&port, dice).await
        } else {
            let question = dice.below(1_000_000);
            let expected = (is_known && self.has_clerks).then(|| answer(salt, question));
            self.call(&port, question, expected).await
        })
    }

    /// Asks, and expects this answer, or none.
    async fn call(&self, port: &PortId, question: u64, expected: Option<u64>) -> Result<String, Violation> {
        let answered = self.node.call(port, (question,)).returning::<(u64, String)>().await;
        let right = match &answered {
            Ok((number, filling)) => expected == Some(*number) && *filling == padding(question),
            Err(CallError::Died(reason)) => {
                self.is_absence(reason) && !(self.is_undisturbed && expected.is_some())
            }
            Err(CallError::Send(_)) => true,
            Err(_) => false,
        };
        let answered = answered.map(|(number, filling)| (number, filling.len()));
        if right {
            Ok(format!("{port}, when it was asked: {answered:?}"))
        } else {
            Err(Violation(format!("G-4: {port}, asked {question}, gave {answered:?}")))
        }
    }

    /// Links a port here with one there, and kills one of the two: the other must follow.
    async fn link(&self, there: &PortId, dice: &mut Dice) -> Result<String, Violation> {
        let here = self.node.spawn(|mut port| async move { while port.recv().await.is_some() {} });
        let reason = Reason::new("linked", format!("{}", dice.word()));
        let _halves = self.node.link(&here, there);
        let killed = if dice.one_in(2) { &here } else { there };
        let [end_here, end_there] = [&here, there].map(|port| self.node.monitor(port));
        tokio::time::sleep(Duration::from_millis(dice.below(300))).await;
        self.node.kill(killed, reason.clone());
        let told_there = end_there.await;
        if told_there.is_normal() {
            // A normal end is not passed on.
            self.node.kill(&here, reason.clone());
        }
        let told_here = end_here.await;
        for (told, port) in [(&told_here, &here), (&told_there, there)] {
            if *told != reason && !self.is_absence(told) {
                let what = format!("G-4: {port} was linked, and died of {told}, not of {reason}");
                return Err(Violation(what));
            }
        }
        Ok(format!("{here} and {there}, which were linked: {told_here}; {told_there}"))
    }

    /// Whether a reason says that a port is not there, or may be.
    fn is_absence(&self, reason: &Reason) -> bool {
        // Of a function that is not known, a node of ours says so.
        !matches!(&*reason.word(), "" | "die" | "linked" | "killed")
            || (self.has_shutdowns && reason.is_normal())
    }
}
