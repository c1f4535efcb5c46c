//! Metrics over HTTP, for Prometheus: one question, one answer, and the connection is closed.

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use mp_global::Global;
use mp_node::{Node, WeakNode};
use mp_transport::error::plain_text;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{sleep, timeout};

use super::exposition::Page;
use crate::cmd::doctor::holder;
use crate::cmd::node::Joined;
use crate::error::CliError;

/// Connections at the same time. One more, and the oldest goes: who holds many open keeps nobody else away.
const CONNECTIONS: usize = 16;
/// From a connection's beginning to its end.
const TIME: Duration = Duration::from_secs(10);
/// Bytes of a question.
const QUESTION: usize = 8 * 1024;
/// How long, and for how many pieces of 1 KiB, what is left of a question that was refused is read.
const LINGER: Duration = Duration::from_secs(1);
const PIECES: usize = 64;
/// After a connection could not be taken, as when there are too many open files.
const PAUSE: Duration = Duration::from_millis(500);

/// Where metrics are asked for.
#[derive(Debug)]
pub(super) struct Endpoint {
    listener: TcpListener,
    at: SocketAddr,
}

impl Endpoint {
    /// Listens at `HOST:PORT`, or at a port of 127.0.0.1.
    pub(super) async fn bind(address: &str) -> Result<Self, CliError> {
        let full =
            if address.parse::<u16>().is_ok() { format!("127.0.0.1:{address}") } else { address.to_owned() };
        let wrong = |error| refused(address, &error);
        let listener = TcpListener::bind(&full).await.map_err(wrong)?;
        let at = listener.local_addr().map_err(wrong)?;
        if !at.ip().is_loopback() {
            tracing::warn!("metrics are served at {at} to whoever can connect to that, without a password");
        }
        Ok(Self { listener, at })
    }

    /// Answers for as long as the node lives. Gives the address.
    pub(super) fn serve(self, joined: &Joined) -> SocketAddr {
        let (weak, global, at) = (joined.node.downgrade(), joined.global.clone(), self.at);
        joined.node.spawn_task(accept(self.listener, weak, global));
        at
    }
}

/// Why the metrics cannot be served there, and what to do.
fn refused(address: &str, error: &std::io::Error) -> CliError {
    let port = address.rsplit(':').next().and_then(|port| port.parse().ok()).unwrap_or_default();
    let mend = match error.kind() {
        ErrorKind::AddrInUse => {
            let holder = holder::of(port).map(|who| format!(", {who},")).unwrap_or_default();
            format!("choose another port, or stop what uses this one{holder} if it is not needed")
        }
        ErrorKind::AddrNotAvailable => {
            "write an address of this machine, or a port alone for 127.0.0.1".to_owned()
        }
        ErrorKind::PermissionDenied => "choose a port from 1024 on".to_owned(),
        _ => "write HOST:PORT, or a port alone for 127.0.0.1".to_owned(),
    };
    CliError::Metrics { address: address.to_owned(), error: plain_text(error), mend }
}

async fn accept(listener: TcpListener, node: WeakNode, global: Global) {
    let (mut tasks, mut order) = (JoinSet::new(), VecDeque::<AbortHandle>::new());
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = tasks.join_next() => continue,
        };
        let Ok((stream, _)) = accepted else {
            sleep(PAUSE).await;
            continue;
        };
        order.retain(|task| !task.is_finished());
        if order.len() >= CONNECTIONS
            && let Some(oldest) = order.pop_front()
        {
            oldest.abort();
        }
        let (node, global) = (node.clone(), global.clone());
        order.push_back(tasks.spawn(async move {
            // What goes wrong is the other's affair.
            drop(timeout(TIME, converse(stream, &node, &global)).await);
        }));
    }
}

async fn converse(mut stream: TcpStream, node: &WeakNode, global: &Global) -> std::io::Result<()> {
    let mut question = Vec::new();
    let mut piece = [0; 1024];
    while !is_whole(&question) {
        let read = stream.read(&mut piece).await?;
        if read == 0 {
            return Ok(());
        }
        question.extend_from_slice(&piece[..read]);
        if question.len() > QUESTION {
            return reply(&mut stream, "431 Request Header Fields Too Large", "", true).await;
        }
    }
    let line = question.split(|&byte| byte == b'\r' || byte == b'\n').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    let mut words = line.split(' ');
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    if !words.next().is_some_and(|version| version.starts_with("HTTP/1.")) {
        return reply(&mut stream, "400 Bad Request", "write GET /metrics HTTP/1.1\n", true).await;
    }
    match (method, path.split('?').next().unwrap_or_default()) {
        ("GET" | "HEAD", "/metrics") => {
            let Some(node) = node.upgrade() else { return Ok(()) };
            reply(&mut stream, "200 OK", &page(&node, global), method == "GET").await
        }
        ("GET" | "HEAD", _) => {
            reply(&mut stream, "404 Not Found", "the metrics are at /metrics\n", method == "GET").await
        }
        _ => reply(&mut stream, "405 Method Not Allowed", "ask by GET\n", true).await,
    }
}

/// Whether an empty line has come.
fn is_whole(question: &[u8]) -> bool {
    question.windows(4).any(|four| four == b"\r\n\r\n") || question.windows(2).any(|two| two == b"\n\n")
}

async fn reply(stream: &mut TcpStream, status: &str, body: &str, with_body: bool) -> std::io::Result<()> {
    let kind =
        if status.starts_with("200") { "text/plain; version=0.0.4; charset=utf-8" } else { "text/plain" };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    if with_body {
        stream.write_all(body.as_bytes()).await?;
    }
    stream.shutdown().await?;
    if !status.starts_with("200") {
        linger(stream).await;
    }
    Ok(())
}

/// A connection that is closed with bytes unread is reset, which can destroy the answer on its way.
async fn linger(stream: &mut TcpStream) {
    let mut rest = [0; 1024];
    for _ in 0..PIECES {
        match timeout(LINGER, stream.read(&mut rest)).await {
            Ok(Ok(read)) if read > 0 => {}
            _ => return,
        }
    }
}

/// All that there is to tell now.
fn page(node: &Node, global: &Global) -> String {
    let page = Page::default();
    metrics::with_local_recorder(&page, || {
        mp_node::metrics::describe();
        mp_global::metrics::describe();
        mp_node::metrics::record(node);
        mp_global::metrics::record(node, global);
    });
    page.text()
}
