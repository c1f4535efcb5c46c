//! ZeroMQ's protocol by the crate zeromq, which is Rust throughout: PUSH and PULL one way, DEALER and ROUTER for answers.

use anyhow::Context;
use bytes::Bytes;
use mp_bench::contest::Contest;
use mp_bench::messages::Traffic;
use mp_bench::process::{Process, Ready};
use mp_bench::tally::Tally;
use zeromq::{DealerSocket, PullSocket, PushSocket, RouterSocket, Socket, SocketRecv, SocketSend};

use crate::Theirs;
use crate::jobs::{Count, Line, enter};

pub(crate) const PEER: &str = "zeromq-rs";

pub(crate) fn version() -> String {
    format!("ZeroMQ in Rust: crate zeromq {}", env!("VERSION_ZEROMQ"))
}

/// Takes part in W1, W2 and W3.
pub(crate) async fn join(
    contest: Contest,
    workload: &'static str,
    payload: usize,
) -> anyhow::Result<Contest> {
    if !["W1", "W2", "W3"].contains(&workload) {
        return Ok(contest);
    }
    let process = Process::start(&Theirs::ZeromqRs).await?;
    let (mut sink, mut report, mut echo) = (PushSocket::new(), PullSocket::new(), DealerSocket::new());
    sink.connect(process.get("sink")?).await?;
    report.connect(process.get("report")?).await?;
    echo.connect(process.get("echo")?).await?;
    let line = Sockets { sink, report, echo, payload: Traffic::payload(payload).into() };
    Ok(enter(contest, (PEER, workload), (line, payload), process))
}

/// The other side: counts and echoes.
pub(crate) async fn side() -> anyhow::Result<Ready> {
    const ANY: &str = "tcp://127.0.0.1:0";
    let (mut sink, mut report, mut echo) = (PullSocket::new(), PushSocket::new(), RouterSocket::new());
    let ready = Ready::default()
        .with("sink", sink.bind(ANY).await?.to_string())
        .with("report", report.bind(ANY).await?.to_string())
        .with("echo", echo.bind(ANY).await?.to_string());
    tokio::spawn(count(sink, report));
    tokio::spawn(answer(echo));
    Ok(ready)
}

async fn count(mut sink: PullSocket, mut report: PushSocket) -> anyhow::Result<()> {
    let mut count = Count::default();
    loop {
        let message = sink.recv().await?;
        if let Some(told) = count.take(message.get(0).context("a frame")?) {
            report.send(told.to_vec().into()).await?;
        }
    }
}

/// The first frame says who asked.
async fn answer(mut echo: RouterSocket) -> anyhow::Result<()> {
    loop {
        let message = echo.recv().await?;
        echo.send(message).await?;
    }
}

struct Sockets {
    sink: PushSocket,
    report: PullSocket,
    echo: DealerSocket,
    payload: Bytes,
}

impl Line for Sockets {
    // By itself it takes 100,000 messages, and after a run of the largest would send for half a minute.
    const AHEAD: Option<usize> = Some(256 << 20);

    async fn push(&mut self) -> anyhow::Result<()> {
        Ok(self.sink.send(self.payload.clone().into()).await?)
    }

    async fn mark(&mut self) -> anyhow::Result<()> {
        Ok(self.sink.send(Bytes::new().into()).await?)
    }

    async fn told(&mut self) -> anyhow::Result<Tally> {
        let message = self.report.recv().await?;
        message.get(0).and_then(|frame| Tally::of_frame(frame)).context("a tally")
    }

    async fn ask(&mut self) -> anyhow::Result<()> {
        Ok(self.echo.send(self.payload.clone().into()).await?)
    }

    async fn answer(&mut self) -> anyhow::Result<usize> {
        Ok(self.echo.recv().await?.get(0).context("a frame")?.len())
    }
}
