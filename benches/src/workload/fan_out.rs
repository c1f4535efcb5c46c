//! W6: one sender to 16 receivers in four processes.

use std::time::Duration;

use anyhow::{Context, ensure};
use async_trait::async_trait;
use mp_node::{Node, Payload, PortId, PortRef};

use super::{Settings, Workload, peer};
use crate::contest::{Contest, Contestant, OURS, as_float};
use crate::figures::{Figure, Metric};
use crate::goals::RAW_FAN;
use crate::messages::Traffic;
use crate::ours::{Met, Outgoing, Post, RECEIVERS};
use crate::pace::Pace;
use crate::raw::service::Role;
use crate::raw::{self, Ends};
use crate::tally::Tally;

const PROCESSES: usize = 4;

pub(super) const W6: Workload = Workload {
    name: "W6",
    about: "one sender to 16 ports in four processes",
    payloads: &[1_024],
    open: |settings, payload| Box::pin(open(settings, payload)),
};

async fn open(settings: Settings, payload: usize) -> anyhow::Result<Contest> {
    ensure!(payload > 0, "a payload of this workload says which receiver it is for");
    let terms = settings.terms();
    let node = terms.start("bench/", false).await?;
    let (mut sinks, mut few, mut many, mut processes) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..PROCESSES {
        let process = peer(&terms).await?;
        let met = Met::with(node.clone(), process.get("node")?, &RECEIVERS).await?;
        sinks.extend(RECEIVERS.map(|name| met.port::<Post>(name)));
        let address = process.get("tokio")?;
        few.push(Line::connect(address, Role::Fan(RECEIVERS.len())).await?);
        for _ in RECEIVERS {
            many.push(Line::connect(address, Role::Sink).await?);
        }
        processes.push(process);
    }
    let ports = sinks.iter().map(|sink| sink.id().clone()).collect();
    let contest = Contest::new("W6", payload, RAW_FAN)
        .with(OURS, Typed { node, sinks, ports, payload: Traffic::payload(payload).into() })
        .with(RAW_FAN, Raw::new(few, RECEIVERS.len(), payload))
        .with("raw-fan16", Raw::new(many, 1, payload));
    Ok(processes.into_iter().fold(contest, Contest::at))
}

fn figures(count: u64, pace: &Pace) -> Vec<Figure> {
    vec![(Metric::DeliveriesPerS, as_float(count) / pace.elapsed().as_secs_f64())]
}

struct Typed {
    node: Node,
    sinks: Vec<PortRef<Post>>,
    /// The same, as names that take any message.
    ports: Vec<PortId>,
    payload: Payload,
}

impl Typed {
    /// What all receivers have had.
    async fn total(&self) -> anyhow::Result<Tally> {
        let mut total = Vec::new();
        for sink in &self.sinks {
            total.push(self.node.ask(sink, Post::Report).await?);
        }
        Ok(total.into_iter().sum())
    }
}

#[async_trait]
impl Contestant for Typed {
    async fn measure(&mut self, time: Duration) -> anyhow::Result<Vec<Figure>> {
        let before = self.total().await?;
        let mut pace = Pace::new(time, self.payload.len() * self.sinks.len());
        while pace.more() {
            self.node.send_all(&self.ports, Outgoing::Data(pace.sent(), &self.payload)).await?;
        }
        let (got, sent) = (self.total().await?.since(before), pace.sent() * self.sinks.len() as u64);
        ensure!(got == Tally::of(sent, &self.payload), "{sent} were sent, and {got:?} received");
        Ok(figures(sent, &pace))
    }
}

/// One connection, and what came by it before.
struct Line {
    ends: Ends,
    before: Tally,
}

impl Line {
    async fn connect(address: &str, role: Role) -> anyhow::Result<Self> {
        let mut ends = raw::connect(address).await?;
        ends.0.send(&role.frame()).await?;
        Ok(Self { ends, before: Tally::default() })
    }
}

/// Some connections, and what goes out on each of them for each message: a frame for each receiver behind it.
struct Raw {
    lines: Vec<Line>,
    frames: Vec<Vec<u8>>,
}

impl Raw {
    fn new(lines: Vec<Line>, receivers: usize, payload: usize) -> Self {
        let frame = |receiver| {
            let mut frame = Traffic::payload(payload);
            frame[0] = u8::try_from(receiver).expect("there are few receivers");
            frame
        };
        Self { lines, frames: (0..receivers).map(frame).collect() }
    }
}

#[async_trait]
impl Contestant for Raw {
    async fn measure(&mut self, time: Duration) -> anyhow::Result<Vec<Figure>> {
        let deliveries = self.lines.len() * self.frames.len();
        let bytes: usize = self.frames.iter().map(Vec::len).sum();
        let mut pace = Pace::new(time, bytes * self.lines.len());
        while pace.more() {
            for line in &mut self.lines {
                for frame in &self.frames {
                    line.ends.0.send(frame).await?;
                }
            }
        }
        for line in &mut self.lines {
            line.ends.0.send(&[]).await?;
            line.ends.0.flush().await?;
        }
        let expected: Tally = self.frames.iter().map(|frame| Tally::of(pace.sent(), frame)).sum();
        for line in &mut self.lines {
            let after = line.ends.1.recv().await?.and_then(Tally::of_frame).context("a tally")?;
            let got = after.since(std::mem::replace(&mut line.before, after));
            ensure!(got == expected, "{expected:?} was sent, and {got:?} received");
        }
        Ok(figures(pace.sent() * deliveries as u64, &pace))
    }
}
