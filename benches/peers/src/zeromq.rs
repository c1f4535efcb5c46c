//! ZeroMQ by libzmq: PUSH and PULL one way, DEALER and ROUTER for answers, in threads as it is meant.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use async_trait::async_trait;
use mp_bench::contest::{Contest, Contestant, as_float, throughput};
use mp_bench::figures::{Figure, Metric};
use mp_bench::messages::Traffic;
use mp_bench::pace::{Durations, Pace};
use mp_bench::process::{Process, Ready};
use mp_bench::tally::Tally;
use zmq::{Context, Socket, SocketType};

use crate::Theirs;

pub(crate) const PEER: &str = "zeromq";
const WINDOW: u64 = 64;
/// Milliseconds.
const PATIENCE: i32 = 30_000;

pub(crate) fn version() -> String {
    let (major, minor, patch) = zmq::version();
    format!("ZeroMQ: libzmq {major}.{minor}.{patch}, crate zmq {}", env!("VERSION_ZMQ"))
}

/// Takes part in W1, W2 and W3.
pub(crate) async fn join(
    contest: Contest,
    workload: &'static str,
    payload: usize,
) -> anyhow::Result<Contest> {
    let kind = match workload {
        "W1" => Kind::OneWay,
        "W2" => Kind::RoundTrip,
        "W3" => Kind::Requests,
        _ => return Ok(contest),
    };
    let process = Process::start(&Theirs::Zeromq).await?;
    let context = Context::new();
    let connect = |kind, name| -> anyhow::Result<Socket> {
        let socket = context.socket(kind)?;
        // If the other side is gone, a thread is not to wait for it for ever.
        socket.set_rcvtimeo(PATIENCE)?;
        socket.set_sndtimeo(PATIENCE)?;
        socket.set_linger(0)?;
        socket.connect(process.get(name)?)?;
        Ok(socket)
    };
    let sockets = match kind {
        Kind::OneWay => vec![connect(SocketType::PUSH, "sink")?, connect(SocketType::PULL, "report")?],
        Kind::RoundTrip | Kind::Requests => vec![connect(SocketType::DEALER, "echo")?],
    };
    let job = Job { kind, sockets, payload: Traffic::payload(payload), before: Tally::default() };
    Ok(contest.with(PEER, Zeromq(Some(job))).at(process))
}

/// The other side: counts and echoes.
pub(crate) fn side() -> anyhow::Result<Ready> {
    let context = Context::new();
    let bind = |kind| -> anyhow::Result<(Socket, String)> {
        let socket = context.socket(kind)?;
        socket.bind("tcp://127.0.0.1:*")?;
        let endpoint = socket.get_last_endpoint()?.ok().context("an endpoint")?;
        Ok((socket, endpoint))
    };
    let ((sink, to_sink), (report, to_report)) = (bind(SocketType::PULL)?, bind(SocketType::PUSH)?);
    let (echo, to_echo) = bind(SocketType::ROUTER)?;
    thread::spawn(move || count(&sink, &report));
    thread::spawn(move || answer(&echo));
    Ok(Ready::default().with("sink", to_sink).with("report", to_report).with("echo", to_echo))
}

fn count(sink: &Socket, report: &Socket) -> Result<(), zmq::Error> {
    let (mut tally, mut message) = (Tally::default(), zmq::Message::new());
    loop {
        sink.recv(&mut message, 0)?;
        if message.is_empty() {
            report.send(&tally.frame()[..], 0)?;
        } else {
            tally.add(&message);
        }
    }
}

fn answer(echo: &Socket) -> Result<(), zmq::Error> {
    loop {
        let (from, message) = (echo.recv_msg(0)?, echo.recv_msg(0)?);
        echo.send(from, zmq::SNDMORE)?;
        echo.send(message, 0)?;
    }
}

#[derive(Clone, Copy)]
enum Kind {
    OneWay,
    RoundTrip,
    Requests,
}

struct Job {
    kind: Kind,
    sockets: Vec<Socket>,
    payload: Vec<u8>,
    before: Tally,
}

struct Zeromq(Option<Job>);

#[async_trait]
impl Contestant for Zeromq {
    async fn measure(&mut self, time: Duration) -> anyhow::Result<Vec<Figure>> {
        let mut job = self.0.take().context("it broke")?;
        let done = tokio::task::spawn_blocking(move || {
            let figures = match job.kind {
                Kind::OneWay => job.one_way(time),
                Kind::RoundTrip => job.round_trip(time),
                Kind::Requests => job.requests(time),
            }?;
            anyhow::Ok((figures, job))
        });
        let (figures, job) = done.await??;
        self.0 = Some(job);
        Ok(figures)
    }
}

impl Job {
    fn one_way(&mut self, time: Duration) -> anyhow::Result<Vec<Figure>> {
        let mut pace = Pace::new(time, self.payload.len());
        while pace.more() {
            self.sockets[0].send(&self.payload[..], 0)?;
        }
        self.sockets[0].send(&b""[..], 0)?;
        let after = Tally::of_frame(&self.sockets[1].recv_bytes(0)?).context("a tally")?;
        let got = after.since(std::mem::replace(&mut self.before, after));
        ensure!(got == Tally::of(pace.sent(), &self.payload), "{got:?} of {} came", pace.sent());
        Ok(throughput(got.count, self.payload.len(), pace.elapsed()))
    }

    fn round_trip(&self, time: Duration) -> anyhow::Result<Vec<Figure>> {
        let (begun, mut durations, mut message) = (Instant::now(), Durations::default(), zmq::Message::new());
        loop {
            let sent = Instant::now();
            self.sockets[0].send(&self.payload[..], 0)?;
            self.sockets[0].recv(&mut message, 0)?;
            durations.add(sent.elapsed());
            if begun.elapsed() >= time {
                return Ok(durations.figures());
            }
        }
    }

    fn requests(&self, time: Duration) -> anyhow::Result<Vec<Figure>> {
        let (mut pace, mut answered, mut sent) = (Pace::new(time, self.payload.len()), 0, WINDOW);
        let mut message = zmq::Message::new();
        for _ in 0..WINDOW {
            self.sockets[0].send(&self.payload[..], 0)?;
        }
        while answered < sent {
            self.sockets[0].recv(&mut message, 0)?;
            answered += 1;
            if pace.more() {
                self.sockets[0].send(&self.payload[..], 0)?;
                sent += 1;
            }
        }
        Ok(vec![(Metric::ReqsPerS, as_float(answered) / pace.elapsed().as_secs_f64())])
    }
}
