//! W10: what idle connections cost the process that holds them. The payload is their number.
//!
//! Each run has a process of its own, as memory that was once used does not come back.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use async_trait::async_trait;
use tokio::process::Command;

use super::{Settings, Workload, peer};
use crate::contest::{Contest, Contestant, OURS, RAW, as_float};
use crate::figures::{Figure, Metric};
use crate::ours::Terms;
use crate::process::Process;
use crate::raw;
use crate::raw::service::Role;

/// Files that a process has open besides connections.
const OTHERS: usize = 200;
/// A run lasts so many times as long as others do: keep-alives are seconds apart.
const LONGER: u32 = 5;
/// Bytes of a page of memory, as `/proc` counts.
const PAGE: u64 = 4_096;

pub(super) const W10: Workload = Workload {
    name: "W10",
    about: "what idle connections cost; so many of them",
    payloads: &[1_000],
    open: |settings, connections| Box::pin(open(settings, connections)),
};

async fn open(settings: Settings, connections: usize) -> anyhow::Result<Contest> {
    ensure!(connections > 0, "one connection at least");
    allow_files(connections + OTHERS).await?;
    Ok(Contest::new("W10", connections, RAW)
        .with(OURS, Idle { terms: settings.terms(), connections, ours: true })
        .with(RAW, Idle { terms: settings.terms(), connections, ours: false }))
}

/// Raises the limit of this process and those that it starts, if it is too low.
async fn allow_files(wanted: usize) -> anyhow::Result<()> {
    let limits = std::fs::read_to_string("/proc/self/limits").context("this workload needs Linux")?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let soft = line.and_then(|line| line.split_whitespace().next()?.parse::<usize>().ok());
    if soft.is_some_and(|soft| soft < wanted) {
        let pid = std::process::id().to_string();
        let done =
            Command::new("prlimit").args(["--pid", &pid, &format!("--nofile={wanted}:")]).status().await;
        ensure!(
            done.is_ok_and(|status| status.success()),
            "only {soft:?} open files are allowed: see `ulimit -n`"
        );
    }
    Ok(())
}

/// Connections of one kind to a process that holds their other ends.
struct Idle {
    terms: Terms,
    connections: usize,
    ours: bool,
}

#[async_trait]
impl Contestant for Idle {
    async fn measure(&mut self, time: Duration) -> anyhow::Result<Vec<Figure>> {
        let process = peer(&self.terms).await?;
        let holder = Holder::of(&process)?;
        let empty = holder.memory()?;
        let (mut nodes, mut lines) = (Vec::new(), Vec::new());
        for _ in 0..self.connections {
            if self.ours {
                let node = self.terms.start("idle/", false).await?;
                node.dial(&process.get("node")?.parse()?).await?;
                nodes.push(node);
            } else {
                let mut line = raw::connect(process.get("tokio")?).await?;
                line.0.send(&Role::Echo.frame()).await?;
                line.0.send(b"are you there?").await?;
                line.0.flush().await?;
                line.1.recv().await?.context("the other side died")?;
                lines.push(line);
            }
        }
        let (full, busy) = (holder.memory()?, holder.nanoseconds()?);
        let time = time * LONGER;
        tokio::time::sleep(time).await;
        let nanoseconds = as_float(holder.nanoseconds()?.saturating_sub(busy));
        let each = as_float(self.connections as u64);
        let bytes = as_float(full.saturating_sub(empty)) / each;
        drop((nodes, lines));
        process.end().await?;
        let micros = nanoseconds / 1e3 / each / time.as_secs_f64().max(1e-3);
        Ok(vec![(Metric::BytesPerConnection, bytes), (Metric::CpuPerConnection, micros)])
    }
}

/// What the system tells of a process.
struct Holder(String);

impl Holder {
    fn of(process: &Process) -> anyhow::Result<Self> {
        Ok(Self(format!("/proc/{}", process.id().context("the other side has died")?)))
    }

    /// Bytes of memory that are in use.
    fn memory(&self) -> anyhow::Result<u64> {
        let all = std::fs::read_to_string(Path::new(&self.0).join("statm"))?;
        let pages: u64 = all.split_whitespace().nth(1).context("resident pages")?.parse()?;
        Ok(pages * PAGE)
    }

    /// How long its threads have run so far.
    fn nanoseconds(&self) -> anyhow::Result<u64> {
        let mut sum = 0;
        for thread in std::fs::read_dir(Path::new(&self.0).join("task"))? {
            let all = std::fs::read_to_string(thread?.path().join("schedstat"))?;
            sum += all.split_whitespace().next().context("a time")?.parse::<u64>()?;
        }
        Ok(sum)
    }
}
