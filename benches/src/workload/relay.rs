//! W12: W1 and W2 through a third node, since the other side listens nowhere.

use std::io;
use std::sync::Arc;

use anyhow::ensure;
use mp_node::{NodeId, Way};
use tokio::net::{TcpListener, TcpStream};

use super::one_way::{Raw as RawOneWay, Typed as OneWay};
use super::round_trip::{Raw as RawRoundTrip, Typed as RoundTrip};
use super::{Settings, Workload};
use crate::contest::{Contest, OURS, RAW};
use crate::ours::Met;
use crate::process::Process;
use crate::raw::{self, BUFFER};
use crate::side::Side;
use crate::task;

pub(super) const W12: Workload = Workload {
    name: "W12",
    about: "W1 and W2 through a third node",
    payloads: &[64],
    open: |settings, payload| Box::pin(open(settings, payload)),
};

async fn open(settings: Settings, payload: usize) -> anyhow::Result<Contest> {
    let terms = settings.terms();
    let relay = Process::start(&Side::Relay(terms.clone())).await?;
    let behind = Process::start(&Side::Behind(terms.clone(), relay.get("node")?.into())).await?;
    let node = terms.start("bench/", false).await?;
    let third = node.dial(&relay.get("node")?.parse()?).await?;
    let other: NodeId = behind.get("id")?.parse()?;
    node.set_resolver(Arc::new(move |_| {
        let way = Way::Through(third.clone());
        Box::pin(async move { vec![way] })
    }));
    let met = Met::peer(node, &other, &["sink", "echo"]).await?;
    let through = relay.get("raw")?;
    let one_way = RawOneWay::new(connect(through, behind.get("tokio")?).await?, payload).await?;
    let round_trip = RawRoundTrip::new(connect(through, behind.get("tokio")?).await?, payload).await?;
    Ok(Contest::new("W12", payload, RAW)
        .with(OURS, OneWay::new(&met, payload))
        .with(RAW, one_way)
        .with(OURS, RoundTrip::new(&met, payload).await?)
        .with(RAW, round_trip)
        .at(behind)
        .at(relay))
}

/// A raw connection by way of one that copies bytes: the first frame says where to.
async fn connect(through: &str, to: &str) -> anyhow::Result<raw::Ends> {
    let (mut writer, mut reader) = raw::connect(through).await?;
    writer.send(to.as_bytes()).await?;
    writer.flush().await?;
    ensure!(reader.recv().await?.is_some(), "the relay cannot connect");
    Ok((writer, reader))
}

/// Copies bytes to and fro, with buffers of the size that all raw connections have.
///
/// # Errors
///
/// There is no loopback.
pub(crate) async fn listen() -> io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    drop(task(async move {
        while let Ok((socket, _)) = listener.accept().await {
            drop(task(copy(socket)));
        }
    }));
    Ok(address)
}

async fn copy(socket: TcpStream) -> io::Result<()> {
    let (mut writer, mut reader) = raw::ends(socket)?;
    let to = reader.recv().await?.ok_or(io::ErrorKind::UnexpectedEof)?;
    let to = String::from_utf8_lossy(to).into_owned();
    let mut other = TcpStream::connect(to).await?;
    other.set_nodelay(true)?;
    writer.send(b"connected").await?;
    writer.flush().await?;
    let mut socket = raw::socket(writer, reader)?;
    tokio::io::copy_bidirectional_with_sizes(&mut socket, &mut other, BUFFER, BUFFER).await?;
    Ok(())
}
