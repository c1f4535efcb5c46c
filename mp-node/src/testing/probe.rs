//! A port that expects messages.

use std::collections::VecDeque;
use std::fmt::{self, Write};
use std::future::Future;
use std::panic::Location;
use std::time::Duration;

use mp_proto::{Message, PortId, Reason};
use mp_transport::clock;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::address::{Watched, sealed};
use crate::sync::after;
use crate::{Node, Port, Recipient};

/// How long a probe waits for what it expects, unless told otherwise.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long nothing may come for [`Probe::expect_nothing`].
const SILENCE: Duration = Duration::from_secs(5);
/// Messages that a failure shows beside the one in question.
const SHOWN: usize = 10;

/// A port that expects messages, and fails its test with a text that shows what came instead. See
/// [`testing`](crate::testing).
///
/// Messages are compared as what they are on the wire: `("ping", 42)` and the variant `Ping(42)` are the same.
///
/// # Cancellation
///
/// All its functions: no message is lost by dropping the future.
#[derive(Debug)]
#[must_use = "a probe's port dies when it is dropped"]
pub struct Probe {
    node: Node,
    port: Port,
    patience: Duration,
    seen: VecDeque<Message>,
}

impl Probe {
    /// A probe in a port of the node.
    ///
    /// # Panics
    ///
    /// As [`Node::port`].
    pub fn new(node: &Node) -> Self {
        Self { node: node.clone(), port: node.port(), patience: PATIENCE, seen: VecDeque::new() }
    }

    /// How long it waits for what it expects: a minute by default, which takes no time on a paused clock.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// The port that it receives from.
    #[must_use]
    pub fn id(&self) -> &PortId {
        self.port.id()
    }

    /// Sends from the probe's node.
    ///
    /// # Panics
    ///
    /// If the message cannot be sent.
    #[track_caller]
    pub fn send<M: Serialize + Send>(
        &self,
        to: impl Recipient<M> + Send + Sync,
        message: M,
    ) -> impl Future<Output = ()> + Send {
        let at = Location::caller();
        async move {
            if let Err(error) = self.node.send(to, message).await {
                fail(at, &format_args!("the message was not sent: {error}"));
            }
        }
    }

    /// The next message is this one.
    ///
    /// # Panics
    ///
    /// If it is another one, or none comes.
    #[track_caller]
    pub fn expect<M: Serialize>(&mut self, message: M) -> impl Future<Output = ()> + Send {
        let at = Location::caller();
        let wanted = Message::new(&message);
        async move {
            let wanted = wanted.unwrap_or_else(|error| fail(at, &error));
            let came = self.next(at, &wanted.to_string()).await;
            if came != wanted {
                self.differs(at, &format_args!("{wanted}"), &came, "");
            }
        }
    }

    /// The next message is a `T`, which is given back.
    ///
    /// # Panics
    ///
    /// If it is none, or none comes.
    #[track_caller]
    pub fn expect_as<T: DeserializeOwned>(&mut self) -> impl Future<Output = T> + Send {
        let at = Location::caller();
        async move {
            let name = std::any::type_name::<T>();
            let came = self.next(at, &format!("a {name}")).await;
            match came.decode() {
                Ok(value) => value,
                Err(error) => self.differs(at, &format_args!("a {name}"), &came, &error.to_string()),
            }
        }
    }

    /// The next message has this tag; what stands behind it is given back as a `T`: `expect_tag::<(u32, String)>("row")`.
    ///
    /// # Panics
    ///
    /// If it has another one, or there is something else behind it, or none comes.
    #[track_caller]
    pub fn expect_tag<T: DeserializeOwned>(&mut self, tag: &str) -> impl Future<Output = T> + Send {
        let at = Location::caller();
        let tag = tag.to_owned();
        async move {
            let wanted = format!("a message with the tag {tag:?}");
            let came = self.next(at, &wanted).await;
            if came.tag().as_deref() != Some(&tag) {
                self.differs(at, &wanted, &came, "");
            }
            match Message::from(came.args().to_vec()).decode() {
                Ok(value) => value,
                Err(error) => self.differs(at, &wanted, &came, &error.to_string()),
            }
        }
    }

    /// Nothing comes for 5 seconds, or the probe's [patience](Probe::patience) if that is shorter.
    ///
    /// # Panics
    ///
    /// If something does.
    #[track_caller]
    pub fn expect_nothing(&mut self) -> impl Future<Output = ()> + Send {
        let for_so_long = SILENCE.min(self.patience);
        self.expect_none(for_so_long)
    }

    /// Nothing comes for so long.
    ///
    /// # Panics
    ///
    /// If something does.
    #[track_caller]
    pub fn expect_none(&mut self, for_so_long: Duration) -> impl Future<Output = ()> + Send {
        let at = Location::caller();
        async move {
            if let Some(came) = self.port.recv_where(|_| true).timeout(for_so_long).await {
                self.differs(at, &format_args!("nothing for {for_so_long:?}"), &came, "");
            }
        }
    }

    /// The port dies, or is out of reach: the reason is given back.
    ///
    /// # Panics
    ///
    /// If it lives on.
    #[track_caller]
    pub fn expect_death(&mut self, port: impl Watched) -> impl Future<Output = Reason> + Send {
        let at = Location::caller();
        let monitor = self.node.monitor(port);
        let (patience, late) = (self.patience, clock::sleep_until(after(clock::now(), self.patience)));
        async move {
            let port = monitor.port().clone();
            tokio::select! {
                biased;
                reason = monitor => reason,
                () = late => {
                    let seen = self.seen();
                    fail(at, &format_args!("{port} should have died, but lives after {patience:?}{seen}"))
                }
            }
        }
    }

    /// The probe itself is killed: the reason is given back. Messages that come before are passed over.
    ///
    /// # Panics
    ///
    /// If it lives on.
    #[track_caller]
    pub fn expect_killed(&mut self) -> impl Future<Output = Reason> + Send {
        let at = Location::caller();
        async move {
            let none = self.port.recv_match(|_| None::<()>).timeout(self.patience).await;
            match (none, self.port.killed()) {
                (_, Some(reason)) => reason,
                _ => fail(at, &format_args!("the probe should have been killed, but lives{}", self.seen())),
            }
        }
    }

    async fn next(&mut self, at: &'static Location<'static>, wanted: &str) -> Message {
        let Some(came) = self.port.recv_where(|_| true).timeout(self.patience).await else {
            let why = match self.port.killed() {
                Some(reason) => format!("the probe was killed: {reason}"),
                None => format!("nothing came within {:?}", self.patience),
            };
            fail(at, &format_args!("{wanted} was expected, but {why}{}", self.seen()));
        };
        if self.seen.len() == SHOWN {
            self.seen.pop_front();
        }
        self.seen.push_back(came.clone());
        came
    }

    fn differs(
        &mut self,
        at: &'static Location<'static>,
        wanted: &dyn fmt::Display,
        came: &Message,
        why: &str,
    ) -> ! {
        let why = if why.is_empty() { String::new() } else { format!("\n     why: {why}") };
        if self.seen.back() == Some(came) {
            self.seen.pop_back();
        }
        let mut behind = String::new();
        for _ in 0..SHOWN {
            if let Some(next) = self.port.try_recv() {
                // Writing to a string does not fail.
                let _ = write!(behind, "\n  behind: {next}");
            }
        }
        fail(at, &format_args!("\nexpected: {wanted}\n    came: {came}{why}{}{behind}", self.seen()));
    }

    fn seen(&self) -> String {
        self.seen.iter().map(|message| format!("\n  before: {message}")).collect()
    }
}

#[expect(clippy::panic, reason = "that is how a test fails")]
fn fail(at: &'static Location<'static>, what: &dyn fmt::Display) -> ! {
    panic!("{at}: {what}")
}

impl sealed::Sealed for Probe {}
impl Watched for Probe {}

impl AsRef<PortId> for Probe {
    fn as_ref(&self) -> &PortId {
        self.id()
    }
}
