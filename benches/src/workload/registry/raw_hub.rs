//! A directory of raw sockets.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use async_trait::async_trait;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, watch};

use super::watchers::Sights;
use super::{Registrar, measure};
use crate::contest::Contestant;
use crate::figures::Figure;
use crate::raw::{self, Ends, Reader, Writer};
use crate::task;

/// The first frame of those who want to hear.
const WATCH: &[u8] = b"watch";
/// The first frame of those who register.
const TELL: &[u8] = b"tell";
/// Before a name that is registered, or taken back.
const COMES: u8 = b'+';
const GOES: u8 = b'-';

type Watching = Arc<Mutex<Vec<Writer>>>;

/// The hub: keeps names, and tells all who watch what comes and goes.
pub(super) async fn listen() -> io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    let watching = Watching::default();
    drop(task(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let watching = Arc::clone(&watching);
            drop(task(async move { serve(raw::ends(socket)?, &watching).await }));
        }
    }));
    Ok(address)
}

async fn serve((mut writer, mut reader): Ends, watching: &Watching) -> io::Result<()> {
    let watches = reader.recv().await? == Some(WATCH);
    if watches {
        writer.send(WATCH).await?;
        writer.flush().await?;
        watching.lock().await.push(writer);
        // It says nothing more.
        return reader.recv().await.map(drop);
    }
    let mut names = BTreeSet::new();
    while let Some(frame) = reader.recv().await? {
        note(&mut names, frame);
        let mut all = watching.lock().await;
        for writer in all.iter_mut() {
            writer.send(frame).await?;
        }
        if !reader.is_ready() {
            for writer in all.iter_mut() {
                writer.flush().await?;
            }
        }
    }
    Ok(())
}

/// Takes a name in, or out.
fn note(names: &mut BTreeSet<Vec<u8>>, frame: &[u8]) {
    match frame.split_first() {
        Some((&COMES, name)) => drop(names.insert(name.to_vec())),
        Some((_, name)) => drop(names.remove(name)),
        None => {}
    }
}

/// So many connections that hear of names.
pub(super) async fn watch(hub: &str, connections: usize) -> anyhow::Result<Vec<watch::Receiver<usize>>> {
    let mut sights = Vec::new();
    for _ in 0..connections {
        let (mut writer, mut reader) = raw::connect(hub).await?;
        writer.send(WATCH).await?;
        writer.flush().await?;
        reader.recv().await?.context("the hub died")?;
        let (see, sight) = watch::channel(0);
        drop(task(hear(writer, reader, see)));
        sights.push(sight);
    }
    Ok(sights)
}

async fn hear(_writer: Writer, mut reader: Reader, see: watch::Sender<usize>) -> io::Result<()> {
    let mut names = BTreeSet::new();
    while let Some(frame) = reader.recv().await? {
        note(&mut names, frame);
        if !reader.is_ready() {
            see.send_replace(names.len());
        }
    }
    Ok(())
}

/// Answers each number with itself, as soon as all see so many names.
pub(super) async fn answer(sights: Sights) -> io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    drop(task(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let mut sights = sights.clone();
            drop(task(async move {
                let (mut writer, mut reader) = raw::ends(socket)?;
                while let Some(frame) = reader.recv().await? {
                    let names = frame.try_into().map(usize::from_le_bytes).map_err(io::Error::other)?;
                    sights.until(names).await;
                    writer.send(frame).await?;
                    writer.flush().await?;
                }
                io::Result::Ok(())
            }));
        }
    }));
    Ok(address)
}

/// Who registers.
pub(super) struct RawRegistry {
    hub: Ends,
    watchers: Ends,
    names: usize,
    registrations: usize,
}

impl RawRegistry {
    pub(super) async fn new(hub: &str, watchers: &str, registrations: usize) -> anyhow::Result<Self> {
        let mut hub = raw::connect(hub).await?;
        hub.0.send(TELL).await?;
        Ok(Self { hub, watchers: raw::connect(watchers).await?, names: 0, registrations })
    }
}

#[async_trait]
impl Registrar for RawRegistry {
    async fn have(&mut self, names: usize) -> anyhow::Result<()> {
        while self.names != names {
            let (sign, number) = if self.names < names {
                self.names += 1;
                (COMES, self.names)
            } else {
                self.names -= 1;
                (GOES, self.names + 1)
            };
            // As long as a port's name is.
            let frame = format!("{}bench/4fJq81Kz0b#{number:011}", char::from(sign));
            self.hub.0.send(frame.as_bytes()).await?;
        }
        Ok(self.hub.0.flush().await?)
    }

    async fn seen(&mut self, names: usize) -> anyhow::Result<()> {
        self.watchers.0.send(&names.to_le_bytes()).await?;
        self.watchers.0.flush().await?;
        self.watchers.1.recv().await?.context("the watchers died")?;
        Ok(())
    }
}

#[async_trait]
impl Contestant for RawRegistry {
    async fn measure(&mut self, time: Duration) -> anyhow::Result<Vec<Figure>> {
        let registrations = self.registrations;
        measure(self, registrations, time).await
    }
}
