//! W5: resident memory of idle ports. The payload is their number.
//!
//! Each run has a process of its own, as memory that was once used does not come back. What the allocator was asked for,
//! without its own needs, stands in `costs/allocations.txt`.

use std::time::Duration;

use anyhow::ensure;
use async_trait::async_trait;
use mp_node::{Port, PortRef, TypedPort};
use serde::{Deserialize, Serialize};
use tokio::sync::{Semaphore, mpsc};

use super::{Settings, Workload};
use crate::contest::{Contest, Contestant, as_float};
use crate::figures::{Figure, Metric};
use crate::goals::{CHANNEL, PORT_WITH_HANDLER, PORT_WITH_TASK};
use crate::memory::resident;
use crate::ours::{self, Terms};
use crate::process::{Process, Ready};
use crate::side::Side;
use crate::task;

/// Messages that a channel holds.
const ROOM: usize = 1_024;
/// A permit for each task that has begun, as a sign that takes no room in the tasks.
static BEGUN: Semaphore = Semaphore::const_new(0);

pub(super) const W5: Workload = Workload {
    name: "W5",
    about: "memory of idle ports; so many of them",
    payloads: &[100_000],
    open: |settings, ports| Box::pin(std::future::ready(open(settings, ports))),
};

fn open(settings: Settings, ports: usize) -> anyhow::Result<Contest> {
    ensure!(ports > 0, "one port at least");
    let idle = |kind| Idle { terms: settings.terms(), ports, kind };
    Ok(Contest::new("W5", ports, CHANNEL)
        .with(PORT_WITH_TASK, idle(Kind::Task))
        .with("mp-task-untyped", idle(Kind::Untyped))
        .with(PORT_WITH_HANDLER, idle(Kind::Handler))
        .with(CHANNEL, idle(Kind::Channel)))
}

/// What is idle.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub enum Kind {
    /// A typed port, with a task that waits for a message.
    Task,
    /// The same with a port that takes anything.
    Untyped,
    /// A port with a function for one tag.
    Handler,
    /// A bounded channel of tokio's, with a task that waits for a message.
    Channel,
}

struct Idle {
    terms: Terms,
    ports: usize,
    kind: Kind,
}

#[async_trait]
impl Contestant for Idle {
    async fn measure(&mut self, _time: Duration) -> anyhow::Result<Vec<Figure>> {
        measured(Process::start(&Side::Ports(self.terms.clone(), self.ports, self.kind)).await?, self.ports)
            .await
    }
}

/// What the process with so many ports says of them; it is ended.
///
/// # Errors
///
/// It says nothing, or does not end well.
///
/// # Cancellation
///
/// Dropping the future kills the process.
pub async fn measured(process: Process, ports: usize) -> anyhow::Result<Vec<Figure>> {
    let bytes: u64 = process.get("bytes")?.parse()?;
    process.end().await?;
    Ok(vec![(Metric::BytesPerPort, as_float(bytes) / as_float(ports as u64))])
}

/// What a port of this workload would get.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Said {
    Add(u64),
    Stop,
}

/// The other side: makes them all, and tells what they take.
///
/// # Errors
///
/// The system does not tell.
///
/// # Cancellation
///
/// Not safe: some may have been made.
pub(crate) async fn make(terms: &Terms, ports: usize, kind: Kind) -> anyhow::Result<Ready> {
    let node = terms.start("ports", false).await?;
    // Those who hold ports' addresses have memory of their own for that.
    let mut refs: Vec<Option<PortRef<Said>>> = vec![None; ports];
    let mut senders: Vec<Option<mpsc::Sender<Said>>> = vec![None; ports];
    let before = resident()?;
    for index in 0..ports {
        match kind {
            Kind::Task => refs[index] = Some(node.spawn_typed(wait_typed)),
            Kind::Untyped => drop(node.spawn(wait)),
            Kind::Handler => {
                let port = node.port();
                port.on("add", |_: (u64,)| ());
                port.detach();
            }
            Kind::Channel => {
                let (sender, mut port) = mpsc::channel(ROOM);
                task(async move {
                    BEGUN.add_permits(1);
                    while let Some(Said::Add(_)) = port.recv().await {}
                });
                senders[index] = Some(sender);
            }
        }
    }
    if !matches!(kind, Kind::Handler) {
        BEGUN.acquire_many(u32::try_from(ports)?).await?.forget();
    }
    let bytes = resident()?.saturating_sub(before);
    ours::keep((node, refs, senders));
    Ok(Ready::default().with("bytes", bytes.to_string()))
}

async fn wait_typed(mut port: TypedPort<Said>) {
    BEGUN.add_permits(1);
    while let Some(Said::Add(_)) = port.recv().await {}
}

async fn wait(mut port: Port) {
    BEGUN.add_permits(1);
    while let Some(Said::Add(_)) = port.recv_as().await {}
}
