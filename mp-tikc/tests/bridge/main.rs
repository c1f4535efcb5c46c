//! A kernel and a network of nodes, joined, in virtual time.

#![expect(clippy::unwrap_used, reason = "what a test does that fails")]
#![expect(clippy::disallowed_methods, reason = "tasks of a test end with its runtime")]

use std::sync::Arc;
use std::time::Duration;

use mp_global::Global;
use mp_node::{Node, Port, PortId};
use mp_tikc::bridge::{BRIDGED, FAMILY, GROUP};
use mp_tikc::{Addr, Bridge, Client, Kernel, Server, Session, TikcLimits, Value};
use mp_transport::MemoryNet;

async fn node(net: &MemoryNet, name: &str, seed: &str) -> (Node, Global) {
    let builder = Node::builder("test").without_file().node_id(name).secret("s3kr1t").insecure_seed(7);
    let builder = builder.bind(&format!("{name}:4040")).transport(Arc::new(net.host(name)));
    let node = builder.seed(&format!("{seed}:4040")).start().await.unwrap();
    let global = Global::start(&node).unwrap();
    (node, global)
}

async fn serving(net: &MemoryNet, host: &str) -> (Kernel, Server) {
    let kernel = Kernel::builder().transport(Arc::new(net.host(host))).start().unwrap();
    let server = kernel.serve().address(Addr::new(host, 2021).unwrap()).allow_plain().start().await.unwrap();
    (kernel, server)
}

async fn joined(net: &MemoryNet, host: &str, to: &str) -> (Kernel, Client) {
    let kernel = Kernel::builder().transport(Arc::new(net.host(host))).start().unwrap();
    let client = kernel.connect(Addr::new(to, 2021).unwrap()).allow_plain().start().unwrap();
    assert!(client.connected().await);
    (kernel, client)
}

/// The port that stands for an alias, once the family has it.
async fn port_of(global: &Global, alias: &str) -> PortId {
    loop {
        let entries = global.family(FAMILY).entries().await.unwrap();
        if let Some(port) = entries.get(alias).and_then(Value::as_port) {
            return port;
        }
        settle().await;
    }
}

async fn keys(global: &Global, family: &str) -> Vec<String> {
    let mut keys: Vec<String> =
        global.family(family).keys().await.unwrap().iter().map(ToString::to_string).collect();
    keys.sort();
    keys
}

async fn settle() {
    tokio::time::sleep(Duration::from_millis(300)).await;
}

async fn next(session: &mut Session) -> (String, Vec<Value>) {
    let event = tokio::time::timeout(Duration::from_secs(5), session.recv()).await.unwrap().unwrap();
    (event.name().to_owned(), event.into_args())
}

async fn message(port: &mut Port) -> Vec<Value> {
    tokio::time::timeout(Duration::from_secs(5), port.recv()).await.unwrap().unwrap().into_values()
}

/// [TK-70]: an alias of a client of the bridge's kernel, from a node that knows nothing of TIKC.
#[tokio::test(start_paused = true)]
async fn an_alias_is_a_port_of_the_network() {
    let net = MemoryNet::new(1);
    let (at_bridge, global) = node(&net, "bridge", "bridge").await;
    let (far, far_global) = node(&net, "far", "bridge").await;
    let (kernel, _server) = serving(&net, "k").await;
    let (perl, client) = joined(&net, "perl", "k").await;
    let mut session = perl.session("counter").unwrap();
    let _bridge = Bridge::builder(&at_bridge, &global, &kernel).start().unwrap();
    let port = port_of(&far_global, "counter").await;
    far.send(&port, ("add", 1, "apple")).await.unwrap();
    assert_eq!(next(&mut session).await, ("add".into(), vec![1.into(), "apple".into()]));
    // Its end is told to who watches the port, and the name goes.
    let monitor = far.monitor(&port);
    drop((session, client));
    let reason = tokio::time::timeout(Duration::from_secs(5), monitor).await.unwrap();
    assert_eq!(reason.values()[0].as_str().unwrap(), "tikc_alias_gone");
    settle().await;
    assert!(keys(&far_global, FAMILY).await.is_empty());
}

/// [TK-71]
#[tokio::test(start_paused = true)]
async fn a_port_of_the_group_is_an_alias() {
    let net = MemoryNet::new(1);
    let (at_bridge, global) = node(&net, "bridge", "bridge").await;
    let (far, far_global) = node(&net, "far", "bridge").await;
    let (kernel, _server) = serving(&net, "k").await;
    let (perl, _client) = joined(&net, "perl", "k").await;
    let _bridge = Bridge::builder(&at_bridge, &global, &kernel).start().unwrap();
    let mut exported = far_global.family(FAMILY).monitor().unwrap();
    assert!(exported.next().await.unwrap().added.is_empty());
    let mut port = far.port();
    let membership = far_global.group(GROUP).register_with(&port, "store").unwrap();
    assert!(perl.wait_for("store").await);
    perl.post("store", "put", ("key", 7)).await.unwrap();
    assert_eq!(message(&mut port).await, ["put".into(), "key".into(), 7.into()]);
    drop(membership);
    settle().await;
    assert!(perl.aliases().is_empty());
    // Without a value it is known by its ID; and its death withdraws it, too.
    let dying = far.port();
    far_global.group(GROUP).register(&dying).unwrap().detach();
    assert!(perl.wait_for(dying.id().as_str()).await);
    drop(dying);
    settle().await;
    assert!(perl.aliases().is_empty());
    let told = tokio::time::timeout(Duration::from_secs(1), exported.next()).await;
    assert!(told.is_err(), "none was a port of the network even for a moment: {told:?}");
}

/// [TK-71]: a port that is dead, whoever put it into the group, and one of a node that nobody knows.
#[tokio::test(start_paused = true)]
async fn a_dead_port_is_no_alias() {
    let net = MemoryNet::new(1);
    let (at_bridge, global) = node(&net, "bridge", "bridge").await;
    let (far, far_global) = node(&net, "far", "bridge").await;
    let (kernel, _server) = serving(&net, "k").await;
    let _bridge = Bridge::builder(&at_bridge, &global, &kernel).start().unwrap();
    let port = far.port();
    let group = far_global.family(GROUP);
    group.set(port.id().as_str(), "short").unwrap();
    group.set("ghost#p", "ghost").unwrap();
    assert!(kernel.wait_for("short").await && kernel.wait_for("ghost").await);
    drop(port);
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert!(kernel.aliases().is_empty(), "{:?}", kernel.aliases());
    assert!(keys(&global, BRIDGED).await.is_empty());
    assert_eq!(keys(&global, GROUP).await.len(), 2, "which is another one's affair");
}

/// [TK-72]: two bridges, whose kernels are joined and whose nodes are, too.
#[tokio::test(start_paused = true)]
async fn two_bridges_make_no_loop() {
    let net = MemoryNet::new(1);
    let (node_one, global_one) = node(&net, "one", "one").await;
    let (node_two, global_two) = node(&net, "two", "one").await;
    let (kernel_one, _server) = serving(&net, "k1").await;
    let (kernel_two, _client) = joined(&net, "k2", "k1").await;
    let bridge_one = Bridge::builder(&node_one, &global_one, &kernel_one).start().unwrap();
    let _bridge_two = Bridge::builder(&node_two, &global_two, &kernel_two).start().unwrap();
    let mut session = kernel_one.session("perl").unwrap();
    let mut port = node_one.port();
    let _member = global_one.group(GROUP).register_with(&port, "rust").unwrap();
    settle().await;
    for kernel in [&kernel_one, &kernel_two] {
        assert_eq!(kernel.aliases().into_keys().collect::<Vec<_>>(), ["perl", "rust"]);
    }
    assert_eq!(keys(&global_two, FAMILY).await, ["perl"], "the alias of a port is not exported again");
    assert_eq!(keys(&global_two, BRIDGED).await, ["rust"]);
    // A port that stands for an alias is none that is made an alias, though somebody put it into the group.
    let exported = port_of(&global_two, "perl").await;
    let _member = global_two.group(GROUP).register_with(&exported, "again").unwrap();
    settle().await;
    assert_eq!(kernel_two.aliases().into_keys().collect::<Vec<_>>(), ["perl", "rust"]);
    kernel_two.post("rust", "once", ()).await.unwrap();
    assert_eq!(message(&mut port).await, ["once".into()]);
    node_two.send(&exported, ("hello",)).await.unwrap();
    assert_eq!(next(&mut session).await.0, "hello");
    settle().await;
    assert!(port.try_recv().is_none() && session.try_recv().is_none());
    drop(bridge_one);
    settle().await;
    assert_eq!(keys(&global_two, FAMILY).await, ["perl"], "the other bridge sees it, too");
}

/// [TK-72]: two networks of nodes with a bridge each, and the kernels between them: what is posted passes both, once.
#[tokio::test(start_paused = true)]
async fn two_networks_are_joined_by_two_bridges() {
    let net = MemoryNet::new(1);
    let (node_one, global_one) = node(&net, "one", "one").await;
    let (node_two, global_two) = node(&net, "two", "two").await;
    let (kernel_one, _server) = serving(&net, "k1").await;
    let (kernel_two, _client) = joined(&net, "k2", "k1").await;
    let _bridge_one = Bridge::builder(&node_one, &global_one, &kernel_one).start().unwrap();
    let _bridge_two = Bridge::builder(&node_two, &global_two, &kernel_two).start().unwrap();
    let mut port = node_one.port();
    let member = global_one.group(GROUP).register_with(&port, "store").unwrap();
    let there = port_of(&global_two, "store").await;
    // Even if somebody makes a member of the port that stands for it, it does not come back as another alias.
    let _again = global_two.group(GROUP).register_with(&there, "back").unwrap();
    settle().await;
    assert_eq!(kernel_one.aliases().into_keys().collect::<Vec<_>>(), ["store"]);
    assert_eq!(keys(&global_one, FAMILY).await, Vec::<String>::new());
    node_two.send(&there, ("put", "key", 7)).await.unwrap();
    assert_eq!(message(&mut port).await, ["put".into(), "key".into(), 7.into()]);
    settle().await;
    assert!(port.try_recv().is_none());
    let monitor = node_two.monitor(&there);
    drop(member);
    let reason = tokio::time::timeout(Duration::from_secs(5), monitor).await.unwrap();
    assert_eq!(reason.values()[0].as_str().unwrap(), "tikc_alias_gone");
    settle().await;
    assert!(keys(&global_two, FAMILY).await.is_empty() && kernel_two.aliases().is_empty());
}

/// [TK-70]: the kernel that holds the alias vanishes while posts to it are under way and wait for room. The port dies, the
/// name goes, and other aliases are served all the time.
#[tokio::test(start_paused = true)]
async fn a_kernel_that_dies_in_the_middle_of_a_post_takes_its_port_with_it() {
    let net = MemoryNet::new(1);
    net.buffer_size(1024);
    let (at_bridge, global) = node(&net, "bridge", "bridge").await;
    let mut limits = TikcLimits::default();
    limits.queue_bytes = 10_000;
    let kernel = Kernel::builder().transport(Arc::new(net.host("k"))).limits(limits).start().unwrap();
    let address = Addr::new("k", 2021).unwrap();
    let _server = kernel.serve().address(address).allow_plain().start().await.unwrap();
    let (dying, _dying_client) = joined(&net, "dying", "k").await;
    let (other, _other_client) = joined(&net, "other", "k").await;
    let (_held, mut alive) = (dying.session("held").unwrap(), other.session("alive").unwrap());
    let _bridge = Bridge::builder(&at_bridge, &global, &kernel).start().unwrap();
    let (held_port, alive_port) = (port_of(&global, "held").await, port_of(&global, "alive").await);
    net.between("k", "dying").cut();
    for number in 0..100 {
        at_bridge.send(&held_port, ("add", number, "x".repeat(10_000))).await.unwrap();
    }
    settle().await;
    at_bridge.send(&alive_port, ("add", 1)).await.unwrap();
    assert_eq!(next(&mut alive).await, ("add".into(), vec![1.into()]));
    let monitor = at_bridge.monitor(&held_port);
    let reason = tokio::time::timeout(Duration::from_secs(20), monitor).await.unwrap();
    assert_eq!(reason.values()[0].as_str().unwrap(), "tikc_alias_gone");
    settle().await;
    assert_eq!(keys(&global, FAMILY).await, ["alive"]);
    // When it is there again the alias has another port, and none of the old posts.
    net.between("k", "dying").heal();
    let port = port_of(&global, "held").await;
    assert_ne!(port, held_port);
}

/// [TK-71]: the kernel of the bridge itself ends in the middle of posts. What it made goes.
#[tokio::test(start_paused = true)]
async fn a_bridge_whose_kernel_ends_takes_back_what_it_made() {
    let net = MemoryNet::new(1);
    let (at_bridge, global) = node(&net, "bridge", "bridge").await;
    let (kernel, _server) = serving(&net, "k").await;
    let (perl, _client) = joined(&net, "perl", "k").await;
    let _session = perl.session("counter").unwrap();
    let mut port = at_bridge.port();
    let _member = global.group(GROUP).register_with(&port, "store").unwrap();
    let _bridge = Bridge::builder(&at_bridge, &global, &kernel).start().unwrap();
    assert!(perl.wait_for("store").await);
    let counter = port_of(&global, "counter").await;
    let poster = perl.clone();
    let posting = tokio::spawn(async move {
        while poster.post("store", "put", (1,)).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    assert_eq!(message(&mut port).await, ["put".into(), 1.into()]);
    let monitor = at_bridge.monitor(&counter);
    kernel.shutdown().await;
    let reason = tokio::time::timeout(Duration::from_secs(20), monitor).await.unwrap();
    assert_eq!(reason.values()[0].as_str().unwrap(), "tikc_alias_gone");
    posting.abort();
    settle().await;
    assert!(keys(&global, FAMILY).await.is_empty());
    assert!(keys(&global, BRIDGED).await.is_empty());
}
