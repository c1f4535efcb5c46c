//! W10: what idle connections cost the process that holds them. The payload is their number.
//!
//! Each run has a process of its own, as memory that was once used does not come back.

use std::time::Duration;

use anyhow::{Context, ensure};
use async_trait::async_trait;
use tokio::process::Command;

use super::{Settings, Workload, peer};
use crate::contest::{Contest, Contestant, OURS, RAW, as_float};
use crate::figures::{Figure, Metric};
use crate::memory::{resident_of, run_time_of};
use crate::ours::Terms;
use crate::raw;
use crate::raw::service::Role;

/// Files that a process has open besides connections.
const OTHERS: usize = 200;
/// A run lasts so many times as long as others do: keep-alives are seconds apart.
const LONGER: u32 = 5;

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
        let holder = process.id().context("the other side has died")?.to_string();
        let empty = resident_of(&holder)?;
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
        let (full, busy) = (resident_of(&holder)?, run_time_of(&holder)?);
        let time = time * LONGER;
        // Nothing is to happen: that is what is measured.
        tokio::time::sleep(time).await;
        let nanoseconds = as_float(run_time_of(&holder)?.saturating_sub(busy));
        let each = as_float(self.connections as u64);
        let bytes = as_float(full.saturating_sub(empty)) / each;
        drop((nodes, lines));
        process.end().await?;
        let micros = nanoseconds / 1e3 / each / time.as_secs_f64().max(1e-3);
        Ok(vec![(Metric::BytesPerConnection, bytes), (Metric::CpuPerConnection, micros)])
    }
}
