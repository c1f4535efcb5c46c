//! NATS: Debian's nats-server in the middle, and its asynchronous client as it is by default.
//!
//! The server cuts off receivers that are too slow, and the client drops what is not taken in time. So who sends here asks
//! from time to time whether the receivers have come so far.

use std::process::Stdio;

use anyhow::Context;
use async_nats::{Client, Subscriber};
use bytes::Bytes;
use futures_util::StreamExt;
use mp_bench::contest::Contest;
use mp_bench::messages::Traffic;
use mp_bench::process::{Process, Ready};
use mp_bench::tally::Tally;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::jobs::{Count, Line, OneWay, enter, settle};
use crate::{PROCESSES, RECEIVERS, Theirs};

pub(crate) const PEER: &str = "nats";
const SERVER: &str = "nats-server";
/// What it says before its address.
const LISTENS: &str = "Listening for client connections on ";

/// What is missing, if something is.
pub(crate) fn missing() -> Option<&'static str> {
    server_version().err().map(|_| "the program nats-server is missing: apt-get install nats-server")
}

pub(crate) fn version() -> String {
    let server = server_version().unwrap_or_default();
    format!("NATS: {}, crate async-nats {}", server.trim(), env!("VERSION_ASYNC_NATS"))
}

fn server_version() -> anyhow::Result<String> {
    let said = std::process::Command::new(SERVER).arg("--version").output()?;
    Ok(String::from_utf8(said.stdout)?)
}

/// Takes part in W1, W2, W3 and W6.
pub(crate) async fn join(
    contest: Contest,
    workload: &'static str,
    payload: usize,
) -> anyhow::Result<Contest> {
    if !["W1", "W2", "W3", "W6"].contains(&workload) {
        return Ok(contest);
    }
    let (server, url) = serve().await?;
    let client = async_nats::connect(&url).await?;
    let inbox = client.new_inbox();
    let answers = client.subscribe(inbox.clone()).await?;
    let payload_bytes = Traffic::payload(payload).into();
    let mut line = Subjects { client, answers, inbox, payload: payload_bytes, _server: server };
    if workload == "W6" {
        let mut contest = contest;
        for _ in 0..PROCESSES {
            contest = contest.at(Process::start(&Theirs::Nats(url.clone(), RECEIVERS)).await?);
        }
        let all = OneWay::new(line, payload, (PROCESSES * RECEIVERS) as u64).settled().await?;
        return Ok(contest.with(PEER, all));
    }
    let process = Process::start(&Theirs::Nats(url, 1)).await?;
    settle(&mut line, 1).await?;
    Ok(enter(contest, (PEER, workload), (line, payload), process))
}

/// Starts a server at a port of its choice. It logs that it listens, and where.
async fn serve() -> anyhow::Result<(Child, String)> {
    let mut server = Command::new(SERVER);
    server.args(["-a", "127.0.0.1", "-p", "-1"]).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut server = server.kill_on_drop(true).spawn().context("cannot start nats-server")?;
    let mut log = BufReader::new(server.stderr.take().context("its stderr is a pipe")?).lines();
    let address = loop {
        let line = log.next_line().await?.context("nats-server does not listen")?;
        if let Some((_, address)) = line.split_once(LISTENS) {
            break address.to_owned();
        }
    };
    // A pipe that is full would stop it.
    tokio::spawn(async move { while let Ok(Some(_)) = log.next_line().await {} });
    Ok((server, format!("nats://{address}")))
}

/// The other side: one connection; so many who count, and one who echoes.
pub(crate) async fn side(url: &str, receivers: usize) -> anyhow::Result<Ready> {
    let client = async_nats::connect(url).await?;
    for _ in 0..receivers {
        tokio::spawn(count(client.clone(), client.subscribe("sink").await?));
    }
    tokio::spawn(answer(client.clone(), client.subscribe("echo").await?));
    client.flush().await?;
    Ok(Ready::default())
}

async fn count(client: Client, mut sink: Subscriber) -> anyhow::Result<()> {
    let mut count = Count::default();
    while let Some(message) = sink.next().await {
        if let (Some(told), Some(reply)) = (count.take(&message.payload), message.reply) {
            client.publish(reply, told.to_vec().into()).await?;
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

struct Subjects {
    client: Client,
    answers: Subscriber,
    inbox: String,
    payload: Bytes,
    /// Ends when this is dropped.
    _server: Child,
}

impl Subjects {
    async fn publish_with_reply(&self, subject: &'static str, payload: Bytes) -> anyhow::Result<()> {
        Ok(self.client.publish_with_reply(subject, self.inbox.clone(), payload).await?)
    }

    async fn next(&mut self) -> anyhow::Result<Bytes> {
        loop {
            let message = self.answers.next().await.context("the connection broke")?;
            // The server says so itself if nobody is there to answer, as before all have subscribed.
            if message.status.is_none() {
                return Ok(message.payload);
            }
        }
    }
}

impl Line for Subjects {
    const AHEAD: Option<usize> = Some(8 << 20);

    async fn push(&mut self) -> anyhow::Result<()> {
        Ok(self.client.publish("sink", self.payload.clone()).await?)
    }

    async fn mark(&mut self) -> anyhow::Result<()> {
        self.publish_with_reply("sink", Bytes::new()).await
    }

    async fn told(&mut self) -> anyhow::Result<Tally> {
        Tally::of_frame(&self.next().await?).context("a tally")
    }

    async fn ask(&mut self) -> anyhow::Result<()> {
        self.publish_with_reply("echo", self.payload.clone()).await
    }

    async fn answer(&mut self) -> anyhow::Result<usize> {
        Ok(self.next().await?.len())
    }
}
