//! Sessions: who holds aliases and gets their events.

mod handlers;
pub(crate) mod mailbox;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, OnceLock, Weak};

use mp_proto::{DecodeError, Message, Text, Value};
use serde::Serialize;
use serde::de::DeserializeOwned;

use self::mailbox::{Handful, Mailbox};
use crate::args::Args;
use crate::call::Answer;
use crate::error::PostError;
use crate::kernel::{Inner, Kernel};
use crate::packet::Failure;
use crate::router::AliasError;

pub use handlers::Handlers;

/// A session of this kernel: it holds aliases, and receives the events that are posted to them. Dropping it lets the
/// aliases go.
///
/// Events wait in a mailbox with bounds; when it is full, posters of this kernel wait, and connections that bring more
/// are not read for a while `[TK-41]`.
#[must_use = "a session ends when it is dropped"]
pub struct Session {
    kernel: Kernel,
    mailbox: Arc<Mailbox>,
    /// Events that have been taken out of the mailbox, to be received next.
    handful: Handful,
    aliases: BTreeSet<Text>,
}

impl Session {
    pub(crate) fn new(kernel: Kernel) -> Self {
        let mailbox = Arc::new(Mailbox::new(kernel.limits()));
        Self { kernel, mailbox, handful: Handful::default(), aliases: BTreeSet::new() }
    }

    /// Takes another alias, which is announced to all peers from now on `[TK-30]`.
    ///
    /// # Errors
    ///
    /// [`AliasError`]: it is no alias, or somebody holds it.
    pub fn add_alias(&mut self, alias: &str) -> Result<(), AliasError> {
        let alias = Text::from(alias);
        self.kernel.inner().take_alias(&alias, &self.mailbox)?;
        self.aliases.insert(alias);
        Ok(())
    }

    /// Lets an alias go, which is told to all peers; whether this session held it. Events that wait already are kept.
    pub fn remove_alias(&mut self, alias: &str) -> bool {
        let held = self.aliases.take(&Text::from(alias));
        held.inspect(|alias| self.kernel.inner().leave_alias(alias)).is_some()
    }

    /// The aliases that it holds.
    pub fn aliases(&self) -> impl Iterator<Item = &str> {
        self.aliases.iter().map(Text::as_str)
    }

    /// The kernel that it belongs to.
    #[must_use]
    pub fn kernel(&self) -> &Kernel {
        &self.kernel
    }

    /// The next event; `None` after the kernel was shut down and all that came before has been received.
    ///
    /// # Cancellation
    ///
    /// Safe: no event is lost by dropping the future.
    pub async fn recv(&mut self) -> Option<Event> {
        // Who always finds something lets others run now and then.
        tokio::task::coop::consume_budget().await;
        self.mailbox.take(&mut self.handful).await
    }

    /// An event that is there already.
    #[must_use = "the event has been taken"]
    pub fn try_recv(&mut self) -> Option<Event> {
        self.mailbox.take_now(&mut self.handful)
    }

    /// Events that wait to be received.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.mailbox.len()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        for alias in &self.aliases {
            self.kernel.inner().leave_alias(alias);
        }
        self.mailbox.close();
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("aliases", &self.aliases).finish_non_exhaustive()
    }
}

/// An event that was posted to an alias of a session.
#[derive(Debug)]
pub struct Event {
    pub(crate) alias: Text,
    pub(crate) name: Text,
    pub(crate) args: Args,
    /// The arguments as values, once they have been asked for.
    values: OnceLock<Vec<Value>>,
    pub(crate) reply: Option<Reply>,
}

impl Event {
    pub(crate) fn new(alias: Text, name: Text, args: Args, reply: Option<Reply>) -> Self {
        Self { alias, name, args, values: OnceLock::new(), reply }
    }

    /// The alias that it was posted to.
    #[must_use]
    pub fn alias(&self) -> &str {
        &self.alias
    }

    /// Which event it is.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What came with it. Of what Perl sends, numbers above 32 bits, floats and truth values are texts `[ST-21]`.
    #[must_use]
    pub fn args(&self) -> &[Value] {
        self.values.get_or_init(|| self.args.to_values())
    }

    /// The same, taken.
    #[must_use]
    pub fn into_args(self) -> Vec<Value> {
        let Self { args, mut values, .. } = self;
        values.take().unwrap_or_else(|| args.into_values())
    }

    /// The arguments as a `T`, such as a tuple, by the rules of [`mp_proto::adaptor`].
    ///
    /// # Errors
    ///
    /// [`DecodeError`] says what does not fit.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, DecodeError> {
        self.args.decode()
    }

    /// Whether the poster waits for an answer.
    #[must_use]
    pub fn wants_answer(&self) -> bool {
        self.reply.is_some()
    }

    /// Takes the right to answer, to do it later; dropping that tells the caller that there is no answer.
    #[must_use = "dropping it tells the caller that there is no answer"]
    pub fn take_reply(&mut self) -> Option<Reply> {
        self.reply.take()
    }

    /// Answers; without effect if nobody waits for it.
    ///
    /// # Errors
    ///
    /// [`PostError::Encode`]: the answer is no list of values.
    pub fn answer<A: Serialize>(&mut self, values: A) -> Result<(), PostError> {
        match self.reply.take() {
            Some(reply) => reply.answer(values),
            None => Ok(()),
        }
    }
}

/// The right to answer a call, once. Dropping it tells the caller that there is no answer.
#[derive(Debug)]
pub struct Reply {
    kernel: Weak<Inner>,
    answer: Option<Answer>,
}

impl Reply {
    pub(crate) fn new(kernel: Weak<Inner>, answer: Answer) -> Self {
        Self { kernel, answer: Some(answer) }
    }

    /// Answers.
    ///
    /// # Errors
    ///
    /// [`PostError::Encode`]: the answer is no list of values.
    pub fn answer<A: Serialize>(mut self, values: A) -> Result<(), PostError> {
        let values = Message::new(&values)?.into_values();
        self.give(Ok(values));
        Ok(())
    }

    fn give(&mut self, result: Result<Vec<Value>, Failure>) {
        if let (Some(answer), Some(kernel)) = (self.answer.take(), self.kernel.upgrade()) {
            kernel.answer(answer, result);
        }
    }

    /// Takes it back, for an event that was not delivered after all.
    pub(crate) fn disarm(mut self) -> Option<Answer> {
        self.answer.take()
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        self.give(Err(Failure::NoAnswer));
    }
}
