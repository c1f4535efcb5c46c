//! Questions with an answer.

use std::time::Duration;

use mp_proto::{Message, Text, Value};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::oneshot;

use crate::error::{CallError, PostError};
use crate::kernel::{Kernel, Parcel};
use crate::packet::Failure;
use crate::router::LinkId;

/// How long a call waits for its answer, unless it is told otherwise.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A caller of this kernel, who waits.
pub(crate) type Asker = oneshot::Sender<Result<Vec<Value>, Failure>>;

/// Where an answer goes.
#[derive(Debug)]
pub(crate) enum Answer {
    /// To a caller of this kernel.
    Here(Asker),
    /// Over the link that the call came by, under its number there.
    Link(LinkId, u64),
}

/// A call that is about to be made: see [`Kernel::call`].
#[derive(Debug)]
#[must_use = "a call is made by awaiting one of its methods"]
pub struct Call<'a, A> {
    kernel: &'a Kernel,
    alias: &'a str,
    event: &'a str,
    args: A,
    reply_to: Option<&'a str>,
    timeout: Duration,
}

impl<'a, A: Serialize> Call<'a, A> {
    pub(crate) fn new(kernel: &'a Kernel, alias: &'a str, event: &'a str, args: A) -> Self {
        Self { kernel, alias, event, args, reply_to: None, timeout: TIMEOUT }
    }

    /// How long to wait for the answer. Default 10 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Asks as one asks a kernel of POE::TIKC: before the arguments stand `alias`, which must be an alias of this
    /// kernel's, and the name of an event made for this call; the first event of that name is the answer `[TK-44]`.
    pub fn reply_to(mut self, alias: &'a str) -> Self {
        self.reply_to = Some(alias);
        self
    }

    /// Makes the call and waits for the answer.
    ///
    /// # Errors
    ///
    /// [`CallError`].
    ///
    /// # Cancellation
    ///
    /// Dropping the future gives up the answer; the call may have been delivered.
    pub async fn values(self) -> Result<Vec<Value>, CallError> {
        let args = Message::new(&self.args).map_err(PostError::from)?.into_values();
        let (answer, answered) = oneshot::channel();
        let inner = self.kernel.inner();
        let timeout = self.timeout;
        let asked = async {
            // Held until the answer is there, so that giving up leaves nothing behind.
            let mut _expected = None;
            let parcel = match self.reply_to {
                None => Parcel::new(self.alias, self.event, args.into(), Some(Answer::Here(answer)))?,
                Some(alias) => {
                    let expected = inner.expect(alias, answer).ok_or(CallError::TooMany)?;
                    let mut all = vec![Value::from(alias), Value::Text(expected.event())];
                    all.extend(args);
                    _expected = Some(expected);
                    Parcel::new(self.alias, self.event, all.into(), None)?
                }
            };
            inner.post(parcel).await?;
            match answered.await {
                Ok(answer) => answer.map_err(CallError::Failed),
                Err(_) => Err(CallError::Failed(Failure::NoAnswer)),
            }
        };
        tokio::time::timeout(timeout, asked).await.unwrap_or(Err(CallError::TimedOut))
    }

    /// The same, and the answer read as a `T`, such as a tuple.
    ///
    /// # Errors
    ///
    /// [`CallError`].
    ///
    /// # Cancellation
    ///
    /// As [`Call::values`].
    pub async fn decode<T: DeserializeOwned>(self) -> Result<T, CallError> {
        Ok(Message::from(self.values().await?).decode()?)
    }
}

/// The name of a reply event.
pub(crate) fn reply_event(number: u64) -> Text {
    format!("mp-reply-{number}").into()
}
