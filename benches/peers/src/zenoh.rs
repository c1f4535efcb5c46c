//! zenoh: two peers that are connected without a router, publishers and subscribers, settings as by default (batches of
//! its own making) but that nobody is looked for by multicast, and that a publisher waits instead of dropping, as in
//! zenoh's own measurements of throughput. Round trips are `express`, as in its own measurements of those.

use std::error::Error;
use std::sync::Mutex;

use anyhow::{Context, anyhow};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use mp_bench::contest::Contest;
use mp_bench::messages::Traffic;
use mp_bench::process::{Process, Ready};
use mp_bench::raw::tls;
use mp_bench::tally::Tally;
use serde::{Deserialize, Serialize};
use zenoh::bytes::ZBytes;
use zenoh::handlers::FifoChannelHandler;
use zenoh::pubsub::{Publisher, Subscriber};
use zenoh::qos::CongestionControl;
use zenoh::sample::Sample;
use zenoh::{Config, Session, Wait};

use crate::jobs::{Count, Line, OneWay, RoundTrip, enter, settle};
use crate::{PROCESSES, RECEIVERS, Theirs};

pub(crate) const PEER: &str = "zenoh";

pub(crate) fn version() -> String {
    format!("zenoh: crate zenoh {}", env!("VERSION_ZENOH"))
}

/// What the other side is to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Terms {
    receivers: usize,
    /// A certificate, for TLS.
    pem: Option<String>,
    /// Whether nothing is to wait for a batch.
    express: bool,
}

/// Takes part in W1, W2, W3, W6 and W7.
pub(crate) async fn join(
    mut contest: Contest,
    workload: &'static str,
    payload: usize,
) -> anyhow::Result<Contest> {
    let mut terms = Terms { receivers: 1, pem: None, express: workload == "W2" };
    match workload {
        "W1" | "W2" | "W3" => {
            let (mut line, process) = connect(&terms, payload).await?;
            settle(&mut line, 1).await?;
            Ok(enter(contest, (PEER, workload), (line, payload), process))
        }
        "W6" => {
            terms.receivers = RECEIVERS;
            let mut addresses = Vec::new();
            for _ in 0..PROCESSES {
                let process = Process::start(&Theirs::Zenoh(terms.clone())).await?;
                addresses.push(process.get("address")?.to_owned());
                contest = contest.at(process);
            }
            let line = Keys::open(&addresses, &terms, payload).await?;
            let all = OneWay::new(line, payload, (PROCESSES * RECEIVERS) as u64).settled().await?;
            Ok(contest.with(PEER, all))
        }
        "W7" => {
            terms.pem = Some(tls::pem()?);
            let (line, process) = connect(&terms, payload).await?;
            contest = contest.at(process).with(PEER, OneWay::new(line, payload, 1).settled().await?);
            terms.express = true;
            let (mut line, process) = connect(&terms, payload).await?;
            settle(&mut line, 1).await?;
            Ok(contest.at(process).with(PEER, RoundTrip(line, payload)))
        }
        _ => Ok(contest),
    }
}

async fn connect(terms: &Terms, payload: usize) -> anyhow::Result<(Keys, Process)> {
    let process = Process::start(&Theirs::Zenoh(terms.clone())).await?;
    let line = Keys::open(&[process.get("address")?.to_owned()], terms, payload).await?;
    Ok((line, process))
}

/// Its errors as ours.
fn failed(error: Box<dyn Error + Send + Sync>) -> anyhow::Error {
    anyhow!(error)
}

/// Opens a session that listens and connects there, and nowhere else.
async fn open(listen: &[String], connect: &[String], pem: Option<&str>) -> anyhow::Result<Session> {
    let mut config = Config::default();
    let mut set = |key: &str, value: String| config.insert_json5(key, &value).map_err(failed);
    set("mode", "\"peer\"".into())?;
    set("scouting/multicast/enabled", "false".into())?;
    set("listen/endpoints", format!("{listen:?}"))?;
    set("connect/endpoints", format!("{connect:?}"))?;
    if let Some(pem) = pem {
        // The certificate, its key, and who has signed it.
        let parts: Vec<&str> = pem.split_inclusive("-----\n").collect();
        let names = ["listen_certificate", "listen_private_key", "root_ca_certificate"];
        for (name, part) in names.iter().zip(parts.chunks(2)) {
            let value = BASE64_STANDARD.encode(part.concat());
            set(&format!("transport/link/tls/{name}_base64"), format!("{value:?}"))?;
        }
    }
    zenoh::open(config).await.map_err(failed)
}

async fn publisher(
    session: &Session,
    key: &'static str,
    express: bool,
) -> anyhow::Result<Publisher<'static>> {
    let publisher = session.declare_publisher(key).congestion_control(CongestionControl::Block);
    publisher.express(express).await.map_err(failed)
}

/// The other side: one session; so many who count, and one who echoes.
pub(crate) async fn side(terms: Terms) -> anyhow::Result<Ready> {
    let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    // Certificates are for names.
    let address = match terms.pem {
        Some(_) => format!("tls/localhost:{port}"),
        None => format!("tcp/127.0.0.1:{port}"),
    };
    let session = open(&[address.clone()], &[], terms.pem.as_deref()).await?;
    for _ in 0..terms.receivers {
        let report = publisher(&session, "told", false).await?;
        let count = Mutex::new(Count::default());
        let sink = session.declare_subscriber("sink").callback(move |sample| {
            let (ends, len) = ends(&sample);
            let told = count.lock().expect("nobody panics").take(&ends[..len]);
            if let Some(told) = told {
                drop(report.put(&told[..]).wait());
            }
        });
        sink.background().await.map_err(failed)?;
    }
    let back = publisher(&session, "answer", terms.express).await?;
    let echo = session.declare_subscriber("echo").callback(move |sample| {
        drop(back.put(sample.payload().clone()).wait());
    });
    echo.background().await.map_err(failed)?;
    mp_bench::ours::keep(session);
    Ok(Ready::default().with("address", address))
}

/// The first and the last byte, which is all that those who count look at: a message of many pieces is not put together.
fn ends(sample: &Sample) -> ([u8; 2], usize) {
    let mut pieces = sample.payload().slices();
    let first = pieces.next().unwrap_or_default();
    let last = pieces.last().unwrap_or(first);
    match (first.first(), last.last()) {
        (Some(first), Some(last)) => ([*first, *last], 2),
        _ => ([0; 2], 0),
    }
}

type Incoming = Subscriber<FifoChannelHandler<Sample>>;

struct Keys {
    sink: Publisher<'static>,
    told: Incoming,
    echo: Publisher<'static>,
    answers: Incoming,
    payload: ZBytes,
    _session: Session,
}

impl Keys {
    async fn open(addresses: &[String], terms: &Terms, payload: usize) -> anyhow::Result<Self> {
        let session = open(&[], addresses, terms.pem.as_deref()).await?;
        Ok(Self {
            sink: publisher(&session, "sink", false).await?,
            told: session.declare_subscriber("told").await.map_err(failed)?,
            echo: publisher(&session, "echo", terms.express).await?,
            answers: session.declare_subscriber("answer").await.map_err(failed)?,
            payload: Traffic::payload(payload).into(),
            _session: session,
        })
    }
}

impl Line for Keys {
    const AHEAD: Option<usize> = None;

    async fn push(&mut self) -> anyhow::Result<()> {
        self.sink.put(self.payload.clone()).await.map_err(failed)
    }

    async fn mark(&mut self) -> anyhow::Result<()> {
        self.sink.put(ZBytes::default()).await.map_err(failed)
    }

    async fn told(&mut self) -> anyhow::Result<Tally> {
        let sample = self.told.recv_async().await.map_err(failed)?;
        Tally::of_frame(&sample.payload().to_bytes()).context("a tally")
    }

    async fn ask(&mut self) -> anyhow::Result<()> {
        self.echo.put(self.payload.clone()).await.map_err(failed)
    }

    async fn answer(&mut self) -> anyhow::Result<usize> {
        Ok(self.answers.recv_async().await.map_err(failed)?.payload().len())
    }
}
