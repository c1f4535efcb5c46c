//! How an application is tested on simulated networks: a counter that three servers keep together, so that it survives any
//! one of them. `cargo run -p mp-sim --example counter` tries it a hundred times, each time with other faults.
//!
//! The promise to be tested: what a client was told to be counted stays counted, whatever happens to the connections,
//! and if one server after another dies.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mp_global::{Global, Group};
use mp_node::{Node, Port, PortId};
use mp_sim::{Death, Fault, FaultPlan, Process, World};
use serde::{Deserialize, Serialize};

// ---- the application ------------------------------------------------------------------------------------------------

/// What servers understand. The port that wants an answer comes last, as in all calls.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Request {
    /// Count this, and say so when another server knows it, too.
    Count(String, PortId),
    /// Another server has counted these.
    Learn(BTreeSet<String>, PortId),
    /// What have you counted?
    Tell(PortId),
}

const PATIENCE: Duration = Duration::from_secs(3);

/// A server. What it has counted is lost with it, so it tells the others what it knows, again and again.
async fn serve(node: Node, global: Global) {
    let (group, mut port) = (global.group("counter"), node.port());
    let _member = group.register(&port).expect("there is room in the directory");
    let mut counted: BTreeSet<String> = BTreeSet::new();
    loop {
        let request = tokio::time::timeout(Duration::from_secs(2), port.recv_as::<Request>()).await;
        match request {
            Ok(Some(Request::Count(item, client))) => {
                counted.insert(item);
                teach(&node, &group, &port, &counted, Some(client)).await;
            }
            Ok(Some(Request::Learn(items, teacher))) => {
                counted.extend(items);
                answer(&node, &teacher, ("learnt",)).await;
            }
            Ok(Some(Request::Tell(asker))) => answer(&node, &asker, (&counted,)).await,
            Ok(None) => return,
            Err(_quiet) => teach(&node, &group, &port, &counted, None).await,
        }
    }
}

/// Teaches the other servers, without waiting for them: they may be teaching us. When one of them has learnt, the client
/// hears of it.
async fn teach(node: &Node, group: &Group, own: &Port, counted: &BTreeSet<String>, client: Option<PortId>) {
    for other in group.members().await.unwrap_or_default() {
        if other == *own.id() {
            continue;
        }
        let (weak, client) = (node.downgrade(), client.clone());
        let learning = node.call(&other, ("learn", counted.clone())).timeout(PATIENCE);
        node.spawn_task(async move {
            let learnt: Result<(String,), _> = learning.returning().await;
            if let (Ok(_), Some(client), Some(node)) = (learnt, client, weak.upgrade()) {
                answer(&node, &client, ("counted",)).await;
            }
        });
    }
}

async fn answer(node: &Node, to: &PortId, message: impl Serialize + Send) {
    // It fails only if this node is no more.
    let _sent = node.send(to, message).await;
}

/// Has something counted, by whichever server can do it.
async fn count(node: &Node, group: &Group, item: &str) {
    loop {
        for server in group.members().await.unwrap_or_default() {
            let counting = node.call(&server, ("count", item.to_owned())).timeout(PATIENCE);
            if counting.returning::<(String,)>().await.is_ok() {
                return;
            }
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

// ---- its test ---------------------------------------------------------------------------------------------------------

const SERVERS: [&str; 3] = ["red", "green", "blue"];

async fn scenario(world: World) {
    world.net().everywhere().delay(Duration::from_millis(2), Duration::from_millis(3));
    world.host("seed", |process: Process| async move {
        let _here = process.join(&[]).await;
        std::future::pending().await
    });
    for server in SERVERS {
        world.host(server, |process: Process| async move {
            let (node, global) = process.join(&["seed"]).await;
            serve(node, global).await;
        });
    }
    let done: Arc<Mutex<Vec<String>>> = Arc::default();
    let noted = Arc::clone(&done);
    world.host("client", move |process: Process| {
        let done = Arc::clone(&noted);
        async move {
            let (node, global) = process.join(&["seed"]).await;
            for number in 0..60 {
                let item = format!("item {number}");
                count(&node, &global.group("counter"), &item).await;
                process.world().note(format_args!("{item} is counted"));
                done.lock().unwrap_or_else(PoisonError::into_inner).push(item);
                process.world().sleep(Duration::from_secs(1)).await;
            }
            std::future::pending().await
        }
    });
    let mut dice = world.dice("trouble");
    let hosts = SERVERS.map(String::from);
    for _ in 0..4 {
        let trouble = FaultPlan::random(&mut dice, &hosts, 8, Duration::from_secs(2));
        trouble
            .only(|fault| matches!(fault, Fault::Delay { .. } | Fault::Reset(_) | Fault::Stampede(_)))
            .run(&world)
            .await;
        let host = dice.pick(&hosts).expect("there are some").clone();
        world.apply(&Fault::Crash { host, death: Death::Silent, down: dice.millis(20_000) }).await;
        // Until that server is back, has been found by the others, and been taught.
        world.sleep(Duration::from_secs(60)).await;
    }
    let counted = done.lock().unwrap_or_else(PoisonError::into_inner).clone();
    check(&world, counted).await;
}

/// Every server knows all that was counted.
async fn check(world: &World, counted: Vec<String>) {
    assert_eq!(counted.len(), 60, "the client has come to its end");
    let (tell, told) = tokio::sync::oneshot::channel();
    let tell = Mutex::new(Some(tell));
    world.host("auditor", move |process: Process| {
        let tell = tell.lock().unwrap_or_else(PoisonError::into_inner).take();
        async move {
            let (node, global) = process.join(&["seed"]).await;
            let mut all: Vec<BTreeSet<String>> = Vec::new();
            for server in global.group("counter").members().await.unwrap_or_default() {
                let asked =
                    node.call(&server, ("tell",)).timeout(PATIENCE).returning::<(BTreeSet<String>,)>().await;
                all.extend(asked.map(|(items,)| items));
            }
            tell.map(|tell| tell.send(all));
            std::future::pending().await
        }
    });
    let all = told.await.expect("the auditor asks");
    assert_eq!(all.len(), SERVERS.len(), "all servers answer");
    for items in all {
        let lost: Vec<_> = counted.iter().filter(|item| !items.contains(*item)).collect();
        assert!(lost.is_empty(), "these were counted and are lost: {lost:?}");
    }
}

fn main() {
    mp_sim::check(0..100, scenario);
    println!("100 runs, and nothing that was counted was lost");
}
