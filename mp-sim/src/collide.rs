//! Two nodes that dial each other at the same instant (G-11): `mp-sim collide`.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mp_node::{Framing, Monitor, Node, NodeEvent, PortId};

use crate::{Failure, Process, Sim, World};

const HOSTS: [&str; 2] = ["east", "west"];
/// After both have dialled: for all that could still go wrong.
const AFTERMATH: Duration = Duration::from_secs(30);

/// What one of the two nodes saw.
#[derive(Debug, Default)]
struct Side {
    node: Option<Node>,
    port: Option<PortId>,
    received: Vec<u32>,
    ups: u32,
    downs: u32,
    monitor: Option<Monitor>,
}

type Sides = Arc<Mutex<[Side; 2]>>;

fn with<R>(sides: &Sides, index: usize, action: impl FnOnce(&mut Side) -> R) -> R {
    action(&mut sides.lock().unwrap_or_else(PoisonError::into_inner)[index])
}

/// Forces one collision, as the seed says: neither node can have heard of the other's dial when it dials itself. Gives
/// how many messages went over the connection that was left.
///
/// # Errors
///
/// There was more than one connection, or none, or one that was lost; a message was lost; a monitor fired.
pub fn run(seed: u64) -> Result<u64, Box<Failure>> {
    Sim::new(seed).run(|world| async move { collide(&world).await }).map(|outcome| outcome.value)
}

async fn collide(world: &World) -> u64 {
    let mut dice = world.dice("collision");
    let latency = Duration::from_micros(dice.below(20_000));
    world.net().buffer_size(100 + dice.index(4000));
    world.net().everywhere().delay(latency, dice.millis(20));
    let sides = Sides::default();
    for (index, host) in HOSTS.into_iter().enumerate() {
        let sides = Arc::clone(&sides);
        world.host(host, move |process| serve(process, index, Arc::clone(&sides)));
    }
    world.sleep(Duration::from_millis(1)).await;
    // The one that dials later does so before anything of the other's dial can have come. Timers are a millisecond late
    // at the most.
    let margin = latency.saturating_sub(Duration::from_millis(2));
    let later = Duration::from_nanos(dice.below(u64::try_from(margin.as_nanos()).unwrap_or(0)));
    let first = dice.index(2);
    let mut sent = [0; 2];
    for round in 0..4 {
        for index in [first, 1 - first] {
            let count = dice.below(if round == 0 { 1 } else { 4 }) + u64::from(round == 0);
            say(&sides, index, &mut sent[index], count).await;
            if round == 0 && index == first && !later.is_zero() {
                world.sleep(later).await;
            }
        }
        world.sleep(dice.millis(30)).await;
    }
    world.sleep(AFTERMATH).await;
    check(world, &sides, sent);
    sent.iter().map(|count| u64::from(*count)).sum()
}

async fn serve(process: Process, index: usize, sides: Sides) {
    // The same for both: a stream of chance that does not depend on the host.
    let framing = process.world().dice("framing").pick(Framing::available()).copied();
    let node = process.start_with(process.node().framings(framing.as_slice())).await;
    let mut events = node.events();
    let mut port = node.port();
    with(&sides, index, |side| (side.node, side.port) = (Some(node), Some(port.id().clone())));
    loop {
        tokio::select! {
            biased;
            event = events.next() => match event {
                Some(NodeEvent::Up(_)) => with(&sides, index, |side| side.ups += 1),
                Some(NodeEvent::Down(..)) => with(&sides, index, |side| side.downs += 1),
                _ => return,
            },
            number = port.recv_as::<u32>() => match number {
                Some(number) => with(&sides, index, |side| side.received.push(number)),
                None => return,
            },
        }
    }
}

/// One side monitors the other's port, at first, and sends it messages.
async fn say(sides: &Sides, index: usize, sent: &mut u32, count: u64) {
    let node = with(sides, index, |side| side.node.clone());
    let port = with(sides, 1 - index, |side| side.port.clone());
    let (Some(node), Some(port)) = (node, port) else { return };
    with(sides, index, |side| {
        side.monitor.get_or_insert_with(|| node.monitor(&port));
    });
    for _ in 0..count {
        // It fails only when the node is no more.
        let _sent = node.send(&port, *sent).await;
        *sent += 1;
    }
}

fn check(world: &World, sides: &Sides, sent: [u32; 2]) {
    let pipes = world.net().pipe_count();
    for index in 0..2 {
        let count = sent[1 - index];
        with(sides, index, |side| {
            let host = HOSTS[index];
            let connected = side.node.as_ref().map_or(0, |node| node.nodes().len());
            if (side.ups, side.downs, connected, pipes) != (1, 0, 1, 1) {
                let (ups, downs) = (side.ups, side.downs);
                world.violation(format_args!(
                    "G-11: {host}: {ups} connections came, {downs} went, {connected} of {pipes} is there"
                ));
            }
            if !side.received.iter().copied().eq(0..count) {
                world.violation(format_args!("G-11: {host} got {:?} of {count} messages", side.received));
            }
            if let Some(reason) = side.monitor.as_ref().and_then(Monitor::fired) {
                world.violation(format_args!("G-11: {host}'s monitor has fired: {reason}"));
            }
        });
    }
}
