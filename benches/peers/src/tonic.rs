//! gRPC by tonic: streams in both directions over one connection, messages by prost with `bytes` for payloads, settings as by
//! default. Streams are fed by a bounded channel, as in tonic's examples.

use std::pin::Pin;

use anyhow::Context;
use bytes::Bytes;
use mp_bench::contest::Contest;
use mp_bench::messages::Traffic;
use mp_bench::process::{Process, Ready};
use mp_bench::tally::Tally;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_stream::{Stream, StreamExt};
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status, Streaming};

use self::generated::bench_client::BenchClient;
use self::generated::bench_server::{Bench, BenchServer};
use crate::Theirs;
use crate::jobs::{Count, Line, enter};

/// What `build.rs` makes of the service.
mod generated {
    include!(concat!(env!("OUT_DIR"), "/mp.bench.Bench.rs"));
}

pub(crate) const PEER: &str = "tonic";
/// Messages that wait for a stream.
const ROOM: usize = 1_024;

pub(crate) fn version() -> String {
    format!("gRPC: crates tonic {}, prost {}", env!("VERSION_TONIC"), env!("VERSION_PROST"))
}

/// The one message of the service.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Chunk {
    #[prost(bytes = "bytes", tag = "1")]
    payload: Bytes,
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
    let process = Process::start(&Theirs::Tonic).await?;
    let mut client = BenchClient::connect(format!("http://{}", process.get("address")?)).await?;
    let (to_sink, chunks) = mpsc::channel(ROOM);
    let told = client.count(ReceiverStream::new(chunks)).await?.into_inner();
    let (to_echo, chunks) = mpsc::channel(ROOM);
    let answers = client.echo(ReceiverStream::new(chunks)).await?.into_inner();
    let line = Streams { to_sink, told, to_echo, answers, payload: Traffic::payload(payload).into() };
    Ok(enter(contest, (PEER, workload), (line, payload), process))
}

/// The other side: counts and echoes.
pub(crate) async fn side() -> anyhow::Result<Ready> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    let server = Server::builder().add_service(BenchServer::new(Service));
    // As the server does when it makes the listener.
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    tokio::spawn(server.serve_with_incoming(incoming));
    Ok(Ready::default().with("address", address))
}

struct Service;

type Chunks = Pin<Box<dyn Stream<Item = Result<Chunk, Status>> + Send>>;

#[tonic::async_trait]
impl Bench for Service {
    type CountStream = Chunks;
    type EchoStream = Chunks;

    async fn count(&self, request: Request<Streaming<Chunk>>) -> Result<Response<Chunks>, Status> {
        let mut count = Count::default();
        let told = request.into_inner().filter_map(move |chunk| match chunk {
            Ok(chunk) => {
                let told = count.take(&chunk.payload)?;
                Some(Ok(Chunk { payload: Bytes::copy_from_slice(&told) }))
            }
            Err(status) => Some(Err(status)),
        });
        Ok(Response::new(Box::pin(told)))
    }

    async fn echo(&self, request: Request<Streaming<Chunk>>) -> Result<Response<Chunks>, Status> {
        Ok(Response::new(Box::pin(request.into_inner())))
    }
}

struct Streams {
    to_sink: mpsc::Sender<Chunk>,
    told: Streaming<Chunk>,
    to_echo: mpsc::Sender<Chunk>,
    answers: Streaming<Chunk>,
    payload: Bytes,
}

impl Line for Streams {
    const AHEAD: Option<usize> = None;

    async fn push(&mut self) -> anyhow::Result<()> {
        Ok(self.to_sink.send(Chunk { payload: self.payload.clone() }).await?)
    }

    async fn mark(&mut self) -> anyhow::Result<()> {
        Ok(self.to_sink.send(Chunk::default()).await?)
    }

    async fn told(&mut self) -> anyhow::Result<Tally> {
        let chunk = self.told.message().await?.context("the stream broke")?;
        Tally::of_frame(&chunk.payload).context("a tally")
    }

    async fn ask(&mut self) -> anyhow::Result<()> {
        Ok(self.to_echo.send(Chunk { payload: self.payload.clone() }).await?)
    }

    async fn answer(&mut self) -> anyhow::Result<usize> {
        Ok(self.answers.message().await?.context("the stream broke")?.payload.len())
    }
}
