//! A node that is stopped goes in good order, and its log says so in calm words.

#[path = "../../mp-node/tests/common/log.rs"]
mod log;

use std::sync::Arc;
use std::time::Duration;

use mp_global::Global;
use mp_node::Node;
use mp_node::memory::MemoryNet;

use log::Log;

async fn start(net: &MemoryNet, name: &str, random: u64, seeds: &[&str]) -> (Node, Global) {
    let builder = Node::builder("test").without_file().node_id(name).secret("s3kr1t").insecure_seed(random);
    let builder = builder.bind(&format!("{name}:1")).transport(Arc::new(net.host(name)));
    let builder = seeds.iter().fold(builder, |builder, seed| builder.seed(&format!("{seed}:1")));
    let node = builder.start().await.expect("starts");
    let global = Global::start(&node).expect("starts");
    (node, global)
}

async fn moment() {
    tokio::time::sleep(Duration::from_secs(2)).await;
}

/// [GL-40]: its connections end one after the other, and the directory makes nothing of that. Else the seed that goes last
/// would be taken for a master, and told all: by messages that nobody writes any more.
#[tokio::test(start_paused = true)]
async fn who_leaves_has_nothing_more_to_say() {
    for random in 0..10 {
        let net = MemoryNet::new(random);
        net.everywhere().delay(Duration::from_millis(1), Duration::from_millis(9));
        let one = start(&net, "one", random, &[]).await;
        let _two = start(&net, "two", random + 1, &["one"]).await;
        let worker = start(&net, "worker", random + 2, &["one", "two"]).await;
        let port = worker.0.port();
        let _member = worker.1.group("workers").register(&port).expect("room");
        let mut workers = one.1.group("workers").monitor().expect("room");
        moment().await;
        let master = worker.1.standing().master.expect("a seed");

        let (log, guard) = Log::collect();
        worker.0.shutdown().await;
        moment().await;
        let told = log.take();
        assert_eq!(worker.0.stats().unsent, 0, "{random}: {told}");
        assert_eq!(worker.1.standing().master, Some(master), "{random}");
        for words in ["connection lost", "unsent", "directory", "WARN"] {
            assert!(!told.contains(words), "{random}: {told}");
        }
        assert_eq!(told.matches("connection closed peer=").count(), 2, "{told}");
        assert_eq!(
            told.matches("connection ended by the peer, which was shut down or has died peer=worker").count(),
            2,
            "{told}"
        );
        drop(guard);
        while !workers.members().is_empty() {
            workers.next().await.expect("the node lives");
        }
    }
}

/// [GL-06]: a node that others have for a seed says that it is global from then on, and by whom it became one.
#[tokio::test(start_paused = true)]
async fn a_node_that_becomes_global_says_why() {
    let net = MemoryNet::new(1);
    let _one = start(&net, "one", 1, &[]).await;
    let two = start(&net, "two", 2, &["one"]).await;
    moment().await;
    let (log, _guard) = Log::collect();
    let _mistyped = start(&net, "mistyped", 3, &["two"]).await;
    moment().await;
    assert!(two.1.standing().is_global);
    let told = log.take();
    let why = "directory: this node is global from now on, as another one has it for a seed by=mistyped";
    assert_eq!(told.matches(why).count(), 1, "{told}");
    let _own = start(&net, "own", 4, &["own"]).await;
    moment().await;
    let told = log.take();
    assert_eq!(told.matches("global from now on, as it is among its own seeds").count(), 1, "{told}");
}
