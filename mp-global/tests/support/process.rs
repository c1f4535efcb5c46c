//! Nodes of ours in processes of their own, which can be killed and stopped: the test program runs itself again.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdin, Command, Stdio};

use mp_global::Global;
use mp_node::{Framing, Node, Port, PortId};
use serde_json::{Value as Json, json};

/// What the program is to be, as JSON; a test run does not have it.
const ROLE: &str = "MP_TEST_PROCESS";
/// What the line begins with that says that a node is there.
const READY: &str = "ready ";

/// Ports of each such process in the group `echoes`, which give back each number that they are sent.
pub(crate) const ECHOES: usize = 3;

/// A global node with a port in the group `g`, and some in the group `echoes`, in a process of its own. Dropping it kills the process.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) process: Child,
    /// The process ends with it, so it outlives no test.
    _stdin: ChildStdin,
    /// Where it listens.
    pub(crate) address: String,
    /// Its port.
    pub(crate) port: PortId,
}

impl Process {
    /// Starts one. It listens at `bind`, speaks one framing, and has these seeds. `entry` is the test that calls
    /// [`node_of_this_process`].
    pub(crate) fn start(entry: &str, name: &str, framing: Framing, bind: &str, seeds: &[&str]) -> Self {
        let role = json!({"node": name, "framing": framing.name(), "bind": bind, "seeds": seeds});
        let mut command = Command::new(std::env::current_exe().expect("the test program"));
        command.args([entry, "--exact", "--nocapture"]).env(ROLE, role.to_string());
        let mut process =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the program starts");
        let stdin = process.stdin.take().expect("piped");
        let mut lines = BufReader::new(process.stdout.take().expect("piped")).lines();
        let ready = lines.find_map(|line| {
            let line = line.expect("text");
            line.find(READY).map(|at| line[at + READY.len()..].to_owned())
        });
        let ready: Json = serde_json::from_str(&ready.expect("it says so")).expect("JSON");
        let text = |key: &str| ready[key].as_str().expect("a text").to_owned();
        let port = text("port").parse().expect("a port ID");
        Self { process, _stdin: stdin, address: text("address"), port }
    }

    /// Ends the process without giving it a chance to say anything.
    pub(crate) fn kill(&mut self) {
        self.process.kill().expect("it runs");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// Gives each number back, with its own name before it.
async fn echo(mut port: Port) {
    let own = port.id().clone();
    while let Some((reply, number)) = port.recv_as::<(PortId, u64)>().await {
        // It fails only when the node is no more.
        let _sent = port.node().send(&reply, (&own, number)).await;
    }
}

/// Is the node, until the test that wants it is over; or nothing, in a test run.
pub(crate) async fn node_of_this_process() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let role: Json = serde_json::from_str(&role).expect("JSON");
    let text = |key: &str| role[key].as_str().expect("a text");
    let builder = Node::builder("test").without_file().node_id(text("node")).secret("s3kr1t");
    let framing: Framing = text("framing").parse().expect("a framing");
    let node = builder.framings(&[framing]).bind(text("bind")).start().await.expect("starts");
    let mut builder = Global::builder(&node).global(true);
    for seed in role["seeds"].as_array().expect("a list") {
        builder = builder.seed(seed.as_str().expect("a text"));
    }
    let global = builder.start().expect("starts");
    let port = node.port();
    let _member = global.group("g").register(&port).expect("room");
    let _echoes: Vec<_> =
        (0..ECHOES).map(|_| global.group("echoes").register(node.spawn(echo)).expect("room")).collect();
    let ready = json!({"address": node.addresses()[0].to_string(), "port": port.id().as_str()});
    println!("{READY}{ready}");
    let end = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
    drop(end.await);
}
