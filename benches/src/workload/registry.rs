//! W11: the directory. The payload is the number of registrations.
//!
//! A hub, which is a global node, 50 nodes that watch one group, and this process, which registers ports in it. The raw
//! baseline is what somebody would write without a directory: a hub that keeps names in a map and tells each of 50
//! connections.

mod raw_hub;
mod watchers;

use std::time::Duration;

use anyhow::ensure;
use async_trait::async_trait;
use mp_global::{Global, Group};
use mp_node::{Node, PortRef};
use mp_transport::clock;

use self::raw_hub::RawRegistry;
use self::watchers::Watch;
pub(crate) use self::watchers::watchers;
use super::{Settings, Workload};
use crate::contest::{Contest, Contestant, OURS, RAW, as_float};
use crate::figures::{Figure, Metric};
use crate::ours::{Met, Terms, address, keep};
use crate::pace::Durations;
use crate::process::{Process, Ready};
use crate::side::Side;

/// Nodes that watch.
const WATCHERS: usize = 50;
const GROUP: &str = "bench";

pub(super) const W11: Workload = Workload {
    name: "W11",
    about: "the directory: so many registrations, and one that 50 nodes see",
    payloads: &[1_000],
    open: |settings, registrations| Box::pin(open(settings, registrations)),
};

async fn open(settings: Settings, registrations: usize) -> anyhow::Result<Contest> {
    ensure!(registrations > 0, "one registration at least");
    let mut terms = settings.terms();
    let hub = Process::start(&Side::Hub(terms.clone())).await?;
    terms.seeds.push(hub.get("node")?.into());
    let side = Side::Watchers(terms.clone(), WATCHERS, hub.get("raw")?.into());
    let watchers = Process::start(&side).await?;
    let ours = Registry::new(&terms, watchers.get("node")?, registrations).await?;
    let raw = RawRegistry::new(hub.get("raw")?, watchers.get("raw")?, registrations).await?;
    Ok(Contest::new("W11", registrations, RAW).with(OURS, ours).with(RAW, raw).at(watchers).at(hub))
}

/// The process in the middle.
pub(crate) async fn hub(terms: &Terms) -> anyhow::Result<Ready> {
    let node = terms.start("hub", true).await?;
    let global = Global::start(&node)?;
    let ready = Ready::default().with("node", address(&node)?).with("raw", raw_hub::listen().await?);
    keep((node, global));
    Ok(ready)
}

/// What is measured of both.
#[async_trait]
trait Registrar: Send {
    /// Has so many names registered from now on: registers some, or takes some back.
    async fn have(&mut self, names: usize) -> anyhow::Result<()>;
    /// Returns when all watchers see so many.
    async fn seen(&mut self, names: usize) -> anyhow::Result<()>;
}

async fn measure(
    registrar: &mut impl Registrar,
    registrations: usize,
    time: Duration,
) -> anyhow::Result<Vec<Figure>> {
    let (begun, mut durations, mut names, mut took) = (clock::now(), Durations::default(), 0, Duration::ZERO);
    while names == 0 || begun.elapsed() < time / 2 {
        let registered = clock::now();
        registrar.have(1).await?;
        registrar.seen(1).await?;
        durations.add(registered.elapsed());
        registrar.have(0).await?;
        registrar.seen(0).await?;
        names += 1;
    }
    let (begun, mut count) = (clock::now(), 0);
    while count == 0 || begun.elapsed() < time / 2 {
        let registered = clock::now();
        registrar.have(registrations).await?;
        registrar.seen(registrations).await?;
        took += registered.elapsed();
        count += registrations as u64;
        registrar.have(0).await?;
        registrar.seen(0).await?;
    }
    let rate = as_float(count) / took.as_secs_f64();
    Ok(vec![(Metric::SeenBy50, durations.quantile(500)), (Metric::RegistrationsPerS, rate)])
}

struct Registry {
    node: Node,
    _global: Global,
    group: Group,
    watch: PortRef<Watch>,
    members: Vec<(mp_node::Port, mp_global::Membership)>,
    registrations: usize,
}

impl Registry {
    async fn new(terms: &Terms, watchers: &str, registrations: usize) -> anyhow::Result<Self> {
        let node = terms.start("bench/", false).await?;
        let global = Global::start(&node)?;
        global.joined().await?;
        let watch = Met::with(node.clone(), watchers, &["watch"]).await?.port("watch");
        let group = global.group(GROUP);
        Ok(Self { node, _global: global, group, watch, members: Vec::new(), registrations })
    }
}

#[async_trait]
impl Registrar for Registry {
    async fn have(&mut self, names: usize) -> anyhow::Result<()> {
        while self.members.len() < names {
            let port = self.node.port();
            let membership = self.group.register(&port)?;
            self.members.push((port, membership));
        }
        self.members.truncate(names);
        Ok(())
    }

    async fn seen(&mut self, names: usize) -> anyhow::Result<()> {
        self.node.ask(&self.watch, |reply| Watch::Until(names, reply)).await?;
        Ok(())
    }
}

#[async_trait]
impl Contestant for Registry {
    async fn measure(&mut self, time: Duration) -> anyhow::Result<Vec<Figure>> {
        let registrations = self.registrations;
        measure(self, registrations, time).await
    }
}
