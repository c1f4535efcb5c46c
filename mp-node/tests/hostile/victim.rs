//! The node that is attacked, in a process of its own: this test program, started again.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mp_node::{Addr, Limits, Node, PortId, Way};

/// The secret of all nodes here, which is to be found nowhere in what they say.
pub(crate) const SECRET: &str = "hush-5f3a-secret";
/// In the environment of a victim: its limits.
const VARIABLE: &str = "MP_HOSTILE_VICTIM";
/// In the environment of a victim: how much it says.
const LEVEL: &str = "MP_HOSTILE_LEVEL";

/// In the environment of a crowd: whom it meets.
const CROWD: &str = "MP_HOSTILE_CROWD";

/// A node that runs until this is dropped.
pub(crate) struct Victim {
    child: Child,
    /// Its end is the victim's, too.
    _stdin: ChildStdin,
    log: Arc<Mutex<Vec<String>>>,
    pub(crate) addr: Addr,
    /// Answers `(number, reply)` by `(number,)`.
    pub(crate) echo: PortId,
    /// Is never read.
    pub(crate) stuck: PortId,
    /// Reads all that comes as values, and drops it.
    pub(crate) values: PortId,
    /// Bytes of memory before anybody came.
    base: u64,
}

impl Victim {
    /// Starts one. `limits` are those that differ from the default, as `name=value name=value`, times in milliseconds.
    pub(crate) fn start(limits: &str) -> Self {
        Self::start_as(limits, "victim", "info")
    }

    /// The same under another name, saying more or less.
    pub(crate) fn start_as(limits: &str, name: &str, level: &str) -> Self {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command.args(["--exact", "victim::child", "--nocapture", "--test-threads=1"]);
        command.env(VARIABLE, format!("{name} {limits}")).env(LEVEL, level);
        Self::of(command)
    }

    fn of(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("this program starts again");
        let stdin = child.stdin.take().expect("a pipe");
        let log = Arc::new(Mutex::new(Vec::new()));
        let (errors, said) = (child.stderr.take().expect("a pipe"), Arc::clone(&log));
        std::thread::spawn(move || {
            for line in BufReader::new(errors).lines() {
                said.lock().unwrap().push(line.expect("text"));
            }
        });
        let mut words = Vec::new();
        for line in BufReader::new(child.stdout.take().expect("a pipe")).lines() {
            let line = line.expect("text");
            if let Some(word) = line.split_once("VICTIM ").map(|(_, word)| word.to_owned()) {
                words.push(word);
            }
            if words.len() == 4 {
                break;
            }
        }
        let port = |index: usize| words[index].parse().expect("a port");
        let addr = words[0].parse().expect("an address");
        let (echo, stuck, values) = (port(1), port(2), port(3));
        let mut victim = Self { child, _stdin: stdin, log, addr, echo, stuck, values, base: 0 };
        victim.base = victim.status("VmRSS:");
        victim
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// A figure of `/proc/PID/status`, in bytes.
    fn status(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("there is such a line");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
    }

    /// The most memory that it has ever had above what it began with, in MiB.
    pub(crate) fn grown(&self) -> u64 {
        self.status("VmHWM:").saturating_sub(self.base) >> 20
    }

    /// Forgets the most memory so far.
    pub(crate) fn forget_peak(&mut self) {
        std::fs::write(format!("/proc/{}/clear_refs", self.pid()), "5").expect("it is ours");
        self.base = self.status("VmRSS:");
    }

    /// Its open files.
    pub(crate) fn files(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.pid())).expect("it runs").count()
    }

    /// Lines of its log with this text.
    pub(crate) fn lines(&self, text: &str) -> Vec<String> {
        self.log.lock().unwrap().iter().filter(|line| line.contains(text)).cloned().collect()
    }

    /// Waits until its log has a line with this text.
    pub(crate) async fn says(&self, text: &str) {
        for _ in 0..3000 {
            if !self.lines(text).is_empty() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{text:?} is not said in {:#?}", self.lines(""));
    }

    /// Sends it a signal, by its name.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.pid().to_string()]).status();
        assert!(sent.expect("kill is there").success());
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Sockets that do nothing, in processes of their own, as one may not have so many.
pub(crate) struct Crowd(Vec<Child>);

/// Sockets of one process: less than any system's bound.
const EACH: usize = 500;

impl Crowd {
    /// So many, connected, by the thousand.
    pub(crate) fn open(addr: &Addr, thousands: usize) -> Self {
        let start = || {
            let mut command = Command::new(std::env::current_exe().expect("this program"));
            command.args(["--exact", "victim::child", "--nocapture", "--test-threads=1"]);
            command.env(CROWD, addr.to_string()).stdin(Stdio::piped()).stdout(Stdio::piped());
            command.spawn().expect("this program starts again")
        };
        let mut crowd = Self((0..thousands * 1000 / EACH).map(|_| start()).collect());
        for child in &mut crowd.0 {
            let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
            assert!(lines.map_while(Result::ok).any(|line| line.contains("CROWD")), "they are connected");
        }
        crowd
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        for child in &mut self.0 {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

/// What processes do that this program has started again; in others there is nothing to do.
#[cfg_attr(test, test)]
pub(crate) fn child() {
    if let Ok(given) = std::env::var(VARIABLE) {
        run(&given);
    }
    if let Ok(addr) = std::env::var(CROWD) {
        let connect = |_| std::net::TcpStream::connect(&addr).expect("somebody listens");
        let crowd: Vec<_> = (0..EACH).map(connect).collect();
        println!("CROWD");
        std::io::stdin().read_to_end(&mut Vec::new()).expect("a pipe");
        drop(crowd);
    }
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn run(given: &str) {
    let level: tracing::Level = std::env::var(LEVEL).unwrap_or_default().parse().unwrap();
    tracing_subscriber::fmt().with_max_level(level).with_ansi(false).with_writer(std::io::stderr).init();
    let (name, given) = given.split_once(' ').unwrap();
    let builder = Node::builder("hostile").without_file().node_id(name).secret(SECRET);
    let node = builder.bind("127.0.0.1:0").limits(limits(given)).start().await.unwrap();
    let (echo, stuck, values) = (node.port(), node.port(), node.port());
    for word in [
        node.addresses()[0].to_string(),
        echo.id().to_string(),
        stuck.id().to_string(),
        values.id().to_string(),
    ] {
        println!("VICTIM {word}");
    }
    std::io::stdout().flush().unwrap();
    node.register_function("sleep", |port, _| async move {
        drop(port);
        std::future::pending::<()>().await;
    });
    node.register_function("ticker", |port, args| async move {
        let (to, at) = args.decode::<(PortId, String)>().expect("a port and an address");
        tick(&port, &to, at.parse().expect("an address")).await;
    });
    tokio::spawn(answer(node.clone(), echo));
    tokio::spawn(read_values(values));
    // It ends when whoever started it does.
    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await.unwrap().unwrap();
    drop(stuck);
    std::process::exit(0);
}

async fn answer(node: Node, mut echo: mp_node::Port) {
    while let Some((number, reply)) = echo.recv_as::<(u64, PortId)>().await {
        drop(node.send(&reply, (number,)).await);
    }
}

/// Sends numbers to a port, and with each how often its monitor of that port has fired.
async fn tick(port: &mp_node::Port, to: &PortId, at: Addr) {
    let node = port.node();
    let way = Way::Direct(at);
    node.set_resolver(Arc::new(move |_| {
        let found = vec![way.clone()];
        Box::pin(async move { found })
    }));
    let (mut epoch, mut monitor) = (0_u64, node.monitor(to));
    for number in 1_u64.. {
        if monitor.fired().is_some() {
            epoch += 1;
            monitor = node.monitor(to);
        }
        drop(node.send(to, (epoch, number)).await);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn read_values(mut port: mp_node::Port) {
    while let Some(message) = port.recv().await {
        drop(message);
    }
}

fn limits(given: &str) -> Limits {
    let mut limits = Limits::default();
    for (name, value) in given.split_whitespace().map(|word| word.split_once('=').unwrap()) {
        let number: usize = value.parse().unwrap();
        let time = Duration::from_millis(number as u64);
        match name {
            "handshake_time" => limits.handshake_time = time,
            "monitor_timeout" => limits.monitor_timeout = time,
            "mailbox_patience" => limits.mailbox_patience = time,
            "monitors_per_peer" => limits.monitors_per_peer = number,
            "max_message" => limits.max_message = number,
            "max_values" => limits.max_values = number,
            "mailbox_messages" => limits.mailbox_messages = number,
            "outbox_bytes" => limits.outbox_bytes = number,
            "ports" => limits.ports = number,
            "peers" => limits.peers = number,
            other => panic!("{other}"),
        }
    }
    limits
}
