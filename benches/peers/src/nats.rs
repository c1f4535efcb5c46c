//! NATS: Debian's nats-server in the middle, and its asynchronous client.
//!
//! The server drops messages for receivers that are too slow. So who sends here asks from time to time whether the receiver
//! has come so far, and stays at most two such stretches ahead.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, ensure};
use async_nats::{Client, Subscriber};
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt;
use mp_bench::contest::{Contest, Contestant, as_float, throughput};
use mp_bench::figures::{Figure, Metric};
use mp_bench::messages::Traffic;
use mp_bench::pace::{Durations, Pace};
use mp_bench::process::{Process, Ready};
use mp_bench::tally::Tally;
use tokio::process::{Child, Command};

use crate::Theirs;

const PEER: &str = "nats";
const WINDOW: u64 = 64;
/// Bytes, and messages, between two questions whether the receiver has come so far.
const STRETCH: usize = 8 << 20;
const MOST: usize = 16_384;

pub(crate) fn version() -> String {
    let said = std::process::Command::new("nats-server").arg("--version").output();
    let said = said
        .map_or_else(|_| "not installed".into(), |said| String::from_utf8_lossy(&said.stdout).into_owned());
    format!("NATS: {}, crate async-nats 0.51", said.trim())
}

/// Takes part in W1, W2 and W3.
pub(crate) async fn join(contest: Contest, workload: &str, payload: usize) -> anyhow::Result<Contest> {
    if !["W1", "W2", "W3"].contains(&workload) {
        return Ok(contest);
    }
    let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port().to_string();
    let mut server = Command::new("nats-server");
    server.args(["-a", "127.0.0.1", "-p", &port]).stdout(Stdio::null()).stderr(Stdio::null());
    let server = server.kill_on_drop(true).spawn().context("cannot start nats-server")?;
    let url = format!("nats://127.0.0.1:{port}");
    let client = connect(&url).await?;
    let process = Process::start(&Theirs::Nats(url)).await?;
    let inbox = client.new_inbox();
    let answers = client.subscribe(inbox.clone()).await?;
    client.flush().await?;
    let payload = Traffic::payload(payload).into();
    let nats = Nats { client, answers, inbox, payload, before: Tally::default(), _server: server };
    Ok(match workload {
        "W1" => contest.with(PEER, OneWay(nats)),
        "W2" => contest.with(PEER, RoundTrip(nats)),
        _ => contest.with(PEER, Requests(nats)),
    }
    .at(process))
}

async fn connect(url: &str) -> anyhow::Result<Client> {
    for _ in 0..100 {
        if let Ok(client) = async_nats::connect(url).await {
            return Ok(client);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    anyhow::bail!("nats-server does not listen")
}

/// The other side: counts and echoes.
pub(crate) async fn side(url: &str) -> anyhow::Result<Ready> {
    let client = connect(url).await?;
    let (sink, echo) = (client.subscribe("sink").await?, client.subscribe("echo").await?);
    client.flush().await?;
    tokio::spawn(count(client.clone(), sink));
    tokio::spawn(answer(client, echo));
    Ok(Ready::default())
}

async fn count(client: Client, mut sink: Subscriber) -> anyhow::Result<()> {
    let mut tally = Tally::default();
    while let Some(message) = sink.next().await {
        match message.reply {
            None => tally.add(&message.payload),
            Some(reply) => client.publish(reply, tally.frame().to_vec().into()).await?,
        }
    }
    Ok(())
}

async fn answer(client: Client, mut echo: Subscriber) -> anyhow::Result<()> {
    while let Some(message) = echo.next().await {
        client.publish(message.reply.context("a question")?, message.payload).await?;
    }
    Ok(())
}

struct Nats {
    client: Client,
    answers: Subscriber,
    inbox: String,
    payload: Bytes,
    before: Tally,
    /// Ends when this is dropped.
    _server: Child,
}

impl Nats {
    async fn ask(&self, subject: &'static str, payload: Bytes) -> anyhow::Result<()> {
        Ok(self.client.publish_with_reply(subject, self.inbox.clone(), payload).await?)
    }

    async fn answer(&mut self) -> anyhow::Result<Bytes> {
        Ok(self.answers.next().await.context("the connection broke")?.payload)
    }

    async fn tally(&mut self) -> anyhow::Result<Tally> {
        Tally::of_frame(&self.answer().await?).context("a tally")
    }
}

struct OneWay(Nats);
struct RoundTrip(Nats);
struct Requests(Nats);

#[async_trait]
impl Contestant for OneWay {
    async fn measure(&mut self, time: Duration) -> anyhow::Result<Vec<Figure>> {
        let nats = &mut self.0;
        let stretch = (STRETCH / nats.payload.len()).clamp(1, MOST) as u64;
        let (mut pace, mut asked) = (Pace::new(time, nats.payload.len()), 0);
        while pace.more() {
            nats.client.publish("sink", nats.payload.clone()).await?;
            if pace.sent().is_multiple_of(stretch) {
                nats.ask("sink", Bytes::new()).await?;
                asked += 1;
                if asked > 1 {
                    nats.tally().await?;
                    asked -= 1;
                }
            }
        }
        nats.ask("sink", Bytes::new()).await?;
        for _ in 0..asked {
            nats.tally().await?;
        }
        let after = nats.tally().await?;
        let got = after.since(std::mem::replace(&mut nats.before, after));
        ensure!(got == Tally::of(pace.sent(), &nats.payload), "{got:?} of {} came", pace.sent());
        Ok(throughput(got.count, nats.payload.len(), pace.elapsed()))
    }
}

#[async_trait]
impl Contestant for RoundTrip {
    async fn measure(&mut self, time: Duration) -> anyhow::Result<Vec<Figure>> {
        let nats = &mut self.0;
        let (begun, mut durations) = (std::time::Instant::now(), Durations::default());
        loop {
            let sent = std::time::Instant::now();
            nats.ask("echo", nats.payload.clone()).await?;
            nats.answer().await?;
            durations.add(sent.elapsed());
            if begun.elapsed() >= time {
                return Ok(durations.figures());
            }
        }
    }
}

#[async_trait]
impl Contestant for Requests {
    async fn measure(&mut self, time: Duration) -> anyhow::Result<Vec<Figure>> {
        let nats = &mut self.0;
        let (mut pace, mut answered, mut sent) = (Pace::new(time, nats.payload.len()), 0, WINDOW);
        for _ in 0..WINDOW {
            nats.ask("echo", nats.payload.clone()).await?;
        }
        while answered < sent {
            nats.answer().await?;
            answered += 1;
            if pace.more() {
                nats.ask("echo", nats.payload.clone()).await?;
                sent += 1;
            }
        }
        Ok(vec![(Metric::ReqsPerS, as_float(answered) / pace.elapsed().as_secs_f64())])
    }
}
