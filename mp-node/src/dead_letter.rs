//! Messages that nobody took.

use std::sync::Arc;

use mp_proto::{Frame, Message, PortId};
use mp_transport::clock;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use crate::Node;
use crate::node::Inner;

/// Letters that a slow reader may leave unread; then it misses the oldest.
pub(crate) const KEPT: usize = 256;
/// The largest message that a letter shows, as bytes of its frame.
const SHOWN: usize = 64 * 1024;

/// A message that no receiver of this node took.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct DeadLetter {
    /// The port that it was sent to.
    pub port: PortId,
    /// The message; `None` if it has more than 64 KiB, or cannot be read.
    pub message: Option<Message>,
    /// Why it was not taken: for people to read.
    pub why: String,
}

/// A stream of [`DeadLetter`]s, from [`Node::dead_letters`].
#[derive(Debug)]
pub struct DeadLetters {
    letters: broadcast::Receiver<Arc<DeadLetter>>,
    stopped: CancellationToken,
}

impl DeadLetters {
    /// The next letter; `None` after the node was shut down. A reader that falls behind by more than 256 letters misses
    /// the oldest: nothing ever waits for it.
    ///
    /// # Cancellation
    ///
    /// Safe: no letter is lost by dropping the future.
    pub async fn next(&mut self) -> Option<Arc<DeadLetter>> {
        loop {
            let received = tokio::select! {
                biased;
                received = self.letters.recv() => received,
                () = self.stopped.cancelled() => return self.letters.try_recv().ok(),
            };
            match received {
                Ok(letter) => return Some(letter),
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }
}

impl Node {
    /// Messages to ports of this node that nobody took, from now on `[ND-27]`: those that a receiver passed over since
    /// they are not of its type or have no handler, and those to ports that are dead or never were. What lies in the
    /// mailbox of a port that dies is not among them.
    ///
    /// For looking, in tests and in logs: whether a message was lost on its way elsewhere, monitors tell. While nobody
    /// looks, it costs nothing.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// # let node = mp_node::Node::builder("doc").without_file().start().await?;
    /// let mut letters = node.dead_letters();
    /// let port = node.port();
    /// port.on("ping", |(): ()| ());
    /// node.send(&port, ("pong", 1)).await?;
    /// let letter = letters.next().await.expect("the node runs");
    /// assert_eq!(letter.port, *port.id());
    /// assert_eq!(letter.why, r#"no handler for it: tag "pong""#);
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).expect("it works");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[doc(alias("unhandled_message"))]
    #[must_use]
    pub fn dead_letters(&self) -> DeadLetters {
        DeadLetters { letters: self.inner.letters.subscribe(), stopped: self.inner.stopped.clone() }
    }
}

impl Inner {
    /// A message reached its port and was not understood: counted, shown to those who look, and logged now and then.
    pub(crate) fn dead_letter(&self, port: &PortId, frame: Option<&Frame>, why: &str) {
        self.stats.dead_letter();
        self.show(|| {
            let frame = frame.filter(|frame| frame.bytes().len() <= SHOWN);
            (port.clone(), frame.and_then(|frame| frame.message().ok()), why.to_owned())
        });
        if self.complaints.lock().first(format!("dead letter {port}"), clock::now()) {
            tracing::warn!(%port, why, "dead letter");
        }
    }

    /// A message came from a peer for a port that is not there `[ND-16]`.
    pub(crate) fn unknown_port(&self, frame: &Frame) {
        match frame.check() {
            Ok(name) => self.unknown_port_named(&name, frame),
            Err(_) => self.stats.no_such_port(),
        }
    }

    /// The same, where the frame does not say for which port it is.
    pub(crate) fn unknown_port_named(&self, name: &str, frame: &Frame) {
        self.stats.no_such_port();
        let small = frame.bytes().len() <= SHOWN;
        self.lost_letter(name, || frame.message().ok().filter(|_| small));
    }

    /// A message was sent to a port of this node that is not there.
    pub(crate) fn lost_letter(&self, name: &str, message: impl FnOnce() -> Option<Message>) {
        if self.letters.receiver_count() > 0
            && let Ok(port) = PortId::new(&self.id, name)
        {
            self.show(|| (port, message(), "there is no such port".to_owned()));
        }
    }

    fn show(&self, letter: impl FnOnce() -> (PortId, Option<Message>, String)) {
        if self.letters.receiver_count() > 0 {
            let (port, message, why) = letter();
            // The last reader may just have gone.
            drop(self.letters.send(Arc::new(DeadLetter { port, message, why })));
        }
    }
}
