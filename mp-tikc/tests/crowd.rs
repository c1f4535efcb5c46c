//! A crowd of connections on real sockets, and what is said about it. In a process of its own, for it looks at the
//! process's memory and at all that it logs.

#![expect(clippy::unwrap_used, reason = "what a test does that fails")]
#![expect(clippy::disallowed_methods, reason = "tasks of a test end with its runtime")]

use std::io::Write;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::BytesMut;
use mp_tikc::frame::write_frame;
use mp_tikc::{Kernel, KernelEvent, TikcLimits};
use mp_transport::clock;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

/// As many connections as are wanted.
const WANTED: usize = 10_000;
/// Descriptors for what else a process has.
const OTHERS: usize = 200;
/// In the environment of this program when it has started itself again, with as many descriptors as the system allows.
const RAISED: &str = "MP_TIKC_CROWD";
/// What the crowd may cost at the most, with the sockets' ends of this process.
const MEMORY: usize = 128 << 20;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        Write::write(&mut *self.0.lock().unwrap(), bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// How many descriptors the process may have.
fn descriptors() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find(|line| line.starts_with("Max open files"));
    line.and_then(|line| line.split_whitespace().nth(3)?.parse().ok()).unwrap_or(1024)
}

/// Starts this program again under a higher soft limit: the usual one, 1,024, is too low for a crowd.
fn run_with_more_descriptors() {
    let script = format!("ulimit -n {} 2>&- || ulimit -n $(ulimit -Hn); exec \"$0\" \"$@\"", 2 * WANTED);
    let mut command = Command::new("sh");
    command.arg("-c").arg(script).arg(std::env::current_exe().unwrap());
    command.args(["--exact", "ten_thousand_connections", "--nocapture"]).env(RAISED, "1");
    assert!(command.status().unwrap().success());
}

/// The process's memory in bytes, where the system tells.
fn memory() -> Option<usize> {
    let pages = std::fs::read_to_string("/proc/self/statm").ok()?;
    Some(pages.split_whitespace().nth(1)?.parse::<usize>().ok()? * 4096)
}

async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), future).await.expect("it should have happened by now")
}

/// [TK-53], [TK-54]: silent connections, liars and those who break the frames, 10,000 on sockets where the system allows
/// so many; one who is honest is served all the while, and each kind of fault is one line in the log a minute.
#[tokio::test]
async fn ten_thousand_connections() {
    if descriptors() < 2 * WANTED && std::env::var_os(RAISED).is_none() {
        return run_with_more_descriptors();
    }
    let (log, begun) = (Log::default(), clock::now());
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).with_ansi(false);
    subscriber.with_max_level(tracing::Level::WARN).init();
    let mut limits = TikcLimits::default();
    // The server keeps its ends of so many, and this process has the other ends of all.
    limits.strangers = limits.strangers.min(descriptors() / 4);
    let count = WANTED.min(descriptors().saturating_sub(limits.strangers + OTHERS));
    if count < WANTED {
        eprintln!("{count} connections instead of {WANTED}: the system allows no more descriptors");
    }
    limits.first_word = Duration::from_secs(600);
    let server = Kernel::builder().limits(limits).start().unwrap();
    let listening = server.serve().address("127.0.0.1:0".parse().unwrap()).start().await.unwrap();
    let mut session = server.session("srv").unwrap();
    let honest = Kernel::new().unwrap();
    let client = honest.connect(listening.address().clone()).start().unwrap();
    assert!(soon(client.connected()).await);
    let mut events = server.events();
    let before = memory();

    let mut bomb = BytesMut::new();
    write_frame(&vec![0; 40 << 20], true, &mut bomb);
    let faults: [&[u8]; 5] = [b"", b"GET / HTTP/1.1\r\n\r\n", b"99999999999\0", b"3\0abc", &bomb];
    let mut crowd = Vec::with_capacity(count);
    let (mut served, mut ended) = (0, 0);
    for number in 0..count {
        let mut stranger =
            soon(TcpStream::connect((listening.address().host(), listening.address().port()))).await.unwrap();
        // Mostly silent ones; a few break the rules.
        if let Some(fault) = faults.get(number % 400) {
            drop(stranger.write_all(fault).await);
        }
        crowd.push(stranger);
        if number % 500 == 0 {
            soon(honest.post("srv", "still", (number,))).await.unwrap();
            let event = soon(session.recv()).await.unwrap();
            assert_eq!(event.decode::<(usize,)>().unwrap(), (number,));
            served += 1;
        }
        while let Some(KernelEvent::Down { .. }) =
            tokio::time::timeout(Duration::ZERO, events.next()).await.ok().flatten()
        {
            ended += 1;
        }
    }
    assert_eq!(served, count.div_ceil(500));
    // All but those who may still say something have been closed.
    while ended + limits.strangers < count {
        if let KernelEvent::Down { .. } = soon(events.next()).await.unwrap() {
            ended += 1;
        }
    }
    let (answer,): (usize,) = {
        let asked = tokio::spawn({
            let honest = honest.clone();
            async move { honest.call("srv", "ask", ()).decode().await.unwrap() }
        });
        soon(session.recv()).await.unwrap().answer((42,)).unwrap();
        soon(asked).await.unwrap()
    };
    assert_eq!((answer, client.is_connected()), (42, true));
    if let (Some(before), Some(after)) = (before, memory()) {
        assert!(after.saturating_sub(before) < MEMORY, "{} MiB", (after - before) >> 20);
    }
    few_lines_each(&log, clock::now() - begun);
}

/// One line a minute for each kind; with a machine's full attention the test takes a few seconds.
fn few_lines_each(log: &Log, took: Duration) {
    let most = 1 + usize::try_from(took.as_secs() / 60).unwrap();
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    for kind in [
        "gave way to newer ones",
        "where its length should stand",
        "a frame of 99999999999 bytes",
        "Storable",
        "a compressed frame of more than",
    ] {
        let lines = log.lines().filter(|line| line.contains(kind)).count();
        assert!((1..=most).contains(&lines), "{lines} in {took:?} of {kind}:\n{log}");
    }
    assert!(log.lines().count() <= 5 * most, "{log}");
}
