//! Shows a pool of workers by group with fail-over: one of them dies amid its jobs, and all jobs are done all the same.
//! Run: `worker_pool`; it ends by itself. (The nodes are in one process here; elsewhere each is a program.)

use std::time::Duration;

use anyhow::Context;
use mp_global::{Global, Membership};
use mp_node::{Node, PortId, ReplyTo};
use tokio::task::JoinSet;

const GROUP: &str = "eg_squares";

/// A node that finds the others by way of the first one.
async fn join(name: &str, seed: Option<&Node>) -> anyhow::Result<(Node, Global)> {
    let builder = Node::builder("eg_pool").without_file().node_id(name).secret("only for this example");
    let node = builder.bind("127.0.0.1:0").start().await?;
    let global = Global::builder(&node);
    let global = match seed {
        Some(seed) => global.seed(&seed.addresses()[0].to_string()),
        None => global.global(true),
    };
    Ok((node.clone(), global.start()?))
}

/// A worker. The lazy one takes jobs, and does not do them.
fn worker(node: &Node, global: &Global, lazy: bool) -> anyhow::Result<Membership> {
    let port = node.spawn(async move |mut port| {
        let mut hoarded: Vec<ReplyTo<u64>> = Vec::new();
        while let Some(((number,), reply)) = port.recv_request::<(u64,), u64>().await {
            if lazy {
                hoarded.push(reply);
            } else if port.node().send(reply, number * number).await.is_err() {
                return;
            }
        }
    });
    Ok(global.group(GROUP).register(port)?)
}

/// Has a job done by one worker after another, until one has done it. A square may be computed twice; a payment would
/// need a number by which the second one is recognised.
async fn have_done(node: &Node, members: &[PortId], job: u64) -> anyhow::Result<(u64, u32)> {
    let mut failed = 0;
    for turn in 0.. {
        let worker = &members[usize::try_from(job)?.wrapping_add(turn) % members.len()];
        // A worker that is gone is told by the call itself; the time is for one that hangs.
        match node.call(worker, (job,)).timeout(Duration::from_secs(10)).returning().await {
            Ok(square) => return Ok((square, failed)),
            Err(_) => failed += 1,
        }
        anyhow::ensure!(turn < 10, "nobody does job {job}");
    }
    unreachable!("the loop ends by returning")
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let (seed, _directory) = join("seed", None).await?;
    let (diligent, its_directory) = join("diligent", Some(&seed)).await?;
    let (lazy, lazy_directory) = join("lazy", Some(&seed)).await?;
    let (client, directory) = join("client", Some(&seed)).await?;
    let _members = [worker(&diligent, &its_directory, false)?, worker(&lazy, &lazy_directory, true)?];

    let mut pool = directory.group(GROUP).monitor()?;
    while pool.members().len() < 2 {
        pool.next().await.context("the node has ended")?;
    }
    println!("the pool has {} workers", pool.members().len());

    let members: Vec<_> = pool.members().iter().cloned().collect();
    let mut jobs = JoinSet::new();
    for job in 0..10 {
        let (client, members) = (client.clone(), members.clone());
        jobs.spawn(async move { have_done(&client, &members, job).await });
    }
    // Half of the jobs are with the lazy one when it goes.
    while lazy.stats().received < 5 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    lazy.shutdown().await;

    let (mut sum, mut again) = (0, 0);
    while let Some(job) = jobs.join_next().await {
        let (square, failed) = job??;
        (sum, again) = (sum + square, again + u32::from(failed > 0));
    }
    println!("all jobs are done, {again} of them by way of fail-over; the sum of the squares is {sum}");

    while pool.members().len() > 1 {
        pool.next().await.context("the node has ended")?;
    }
    println!("the pool has {} worker", pool.members().len());
    for node in [client, diligent, seed] {
        node.shutdown().await;
    }
    Ok(())
}
