//! Those who are not let in yet, and what goes wrong with them.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use async_trait::async_trait;
use mp_node::memory::MemoryNet;
use mp_node::{Addr, Limits, Listener, Pipe, Transport};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::net::{limits, moment, node, node_with, settled, within};

/// More than may be on their way out at a time.
const FAULTY: usize = 100;

/// A transport of a program that has a fault: from the first pipes that are accepted, nothing can be read without a panic.
#[derive(Debug)]
struct Faulty {
    transport: Arc<dyn Transport>,
    left: Arc<AtomicUsize>,
}

#[derive(Debug)]
struct FaultyListener {
    listener: Box<dyn Listener>,
    left: Arc<AtomicUsize>,
}

/// The end of such a pipe.
struct Broken;

#[async_trait]
impl Transport for Faulty {
    async fn dial(&self, to: &Addr) -> io::Result<Pipe> {
        self.transport.dial(to).await
    }

    async fn listen(&self, at: &Addr) -> io::Result<Box<dyn Listener>> {
        let listener = self.transport.listen(at).await?;
        Ok(Box::new(FaultyListener { listener, left: Arc::clone(&self.left) }))
    }
}

#[async_trait]
impl Listener for FaultyListener {
    async fn accept(&mut self) -> io::Result<Pipe> {
        let pipe = self.listener.accept().await?;
        let faulty = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        let broken = || Pipe::new(Broken, pipe.local_addr().clone(), pipe.peer_addr().clone());
        Ok(if faulty.is_ok() { broken() } else { pipe })
    }

    fn local_addr(&self) -> Addr {
        self.listener.local_addr()
    }
}

impl AsyncRead for Broken {
    #[expect(clippy::panic, reason = "that is what is tested")]
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        panic!("a fault of the program")
    }
}

impl AsyncWrite for Broken {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// `[ND-36]`
#[tokio::test(start_paused = true)]
async fn strangers_whose_task_has_panicked_are_in_nobodys_way() {
    let net = MemoryNet::new(1);
    let left = Arc::new(AtomicUsize::new(FAULTY));
    let transport = Arc::new(Faulty { transport: Arc::new(net.host("a")), left: Arc::clone(&left) });
    let few = limits(|limits| limits.handshakes = 1);
    let a = node_with(&net, "a", |builder| builder.limits(few).transport(transport)).await;
    let stranger = net.host("stranger");
    for _ in 0..FAULTY {
        let pipe = within(stranger.dial(&a.addresses()[0])).await;
        moment().await;
        drop(pipe);
    }
    let b = node(&net, "b", Limits::default()).await;
    settled(&b, &a).await;
}
