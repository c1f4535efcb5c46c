//! The process of those who watch.

use mp_global::Global;
use mp_node::{Node, ReplyTo, TypedPort};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::{GROUP, raw_hub};
use crate::ours::{Terms, address, keep};
use crate::process::Ready;
use crate::task;

/// What the watchers can be asked.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Watch {
    /// Answer as soon as all see so many names.
    Until(usize, ReplyTo<()>),
}

/// How many names each one sees.
#[derive(Debug, Clone)]
pub(super) struct Sights(Vec<watch::Receiver<usize>>);

impl Sights {
    /// Returns when all see so many.
    pub(super) async fn until(&mut self, names: usize) {
        for sight in &mut self.0 {
            // Who watches does so for as long as the process lives.
            drop(sight.wait_for(|seen| *seen == names).await);
        }
    }
}

/// Begins to watch, with so many nodes and raw connections.
pub(crate) async fn watchers(terms: &Terms, nodes: usize, hub: &str) -> anyhow::Result<Ready> {
    let mut sights = Vec::new();
    let first = terms.start("watcher/", true).await?;
    sights.push(see(&first)?);
    for _ in 1..nodes {
        sights.push(see(&terms.start("watcher/", false).await?)?);
    }
    let mut sights = Sights(sights);
    sights.until(0).await;
    first.register_name("watch", first.spawn_typed(async move |port| answer(port, sights).await));
    let ready = Ready::default().with("node", address(&first)?);
    let sights = raw_hub::watch(hub, nodes).await?;
    Ok(ready.with("raw", raw_hub::answer(Sights(sights)).await?))
}

/// Makes a node see the group.
fn see(node: &Node) -> anyhow::Result<watch::Receiver<usize>> {
    let global = Global::builder(node).global(false).start()?;
    let mut monitor = global.group(GROUP).monitor()?;
    // Nobody sees anything before the directory has said what there is.
    let (see, sight) = watch::channel(usize::MAX);
    keep((node.clone(), global));
    drop(task(async move {
        while let Some(change) = monitor.next().await {
            if change.synced {
                see.send_replace(monitor.members().len());
            }
        }
    }));
    Ok(sight)
}

async fn answer(mut port: TypedPort<Watch>, mut sights: Sights) {
    let node = port.node();
    while let Some(Watch::Until(names, reply)) = port.recv().await {
        sights.until(names).await;
        node.send(reply, ()).await.expect("the node lives");
    }
}
