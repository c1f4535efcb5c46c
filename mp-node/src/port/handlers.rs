//! Functions that a port calls for messages, chosen by tag.

use std::collections::BTreeMap;
use std::fmt;

use mp_proto::{DecodeError, Message};
use serde::de::DeserializeOwned;

/// What a handler wants after a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// It has done its job and is removed.
    Done,
    /// It wants further messages.
    Continue,
}

/// A function without a result goes on.
impl From<()> for Flow {
    fn from((): ()) -> Self {
        Self::Continue
    }
}

pub(crate) type Function = Box<dyn FnMut(Message) -> Result<Flow, (Message, DecodeError)> + Send>;

/// The handlers of one port. While a message is being handled they are lent to the task that does it; what is changed
/// meanwhile is kept apart and put in when they come back.
#[derive(Default)]
pub(crate) struct Handlers {
    by_tag: BTreeMap<String, Function>,
    otherwise: Option<Function>,
    /// A task runs them.
    running: bool,
    lent: bool,
    /// Tags set or removed while the handlers were lent; the empty one is `otherwise`.
    changes: Vec<(Option<String>, Option<Function>)>,
    /// Replaced by a change; the next loan takes them along, to be dropped outside of the lock.
    discarded: Vec<Function>,
}

impl Handlers {
    /// Sets or removes (`None`) the handler for a tag, or for all other messages (`tag` is `None`). The handler that
    /// was there is given back, to be dropped where no lock is held.
    pub(crate) fn set(&mut self, tag: Option<String>, function: Option<Function>) -> Option<Function> {
        if self.lent {
            self.changes.push((tag, function));
            return None;
        }
        match (tag, function) {
            (None, function) => std::mem::replace(&mut self.otherwise, function),
            (Some(tag), Some(function)) => self.by_tag.insert(tag, function),
            (Some(tag), None) => self.by_tag.remove(&tag),
        }
    }

    /// `true` if a task has to be started.
    pub(crate) fn begin(&mut self) -> bool {
        !std::mem::replace(&mut self.running, true)
    }

    /// The task ends.
    pub(crate) fn end(&mut self) {
        self.running = false;
    }

    pub(crate) fn is_idle(&self) -> bool {
        !self.running
    }

    pub(crate) fn lend(&mut self) -> Self {
        self.lent = true;
        Self {
            by_tag: std::mem::take(&mut self.by_tag),
            otherwise: self.otherwise.take(),
            discarded: std::mem::take(&mut self.discarded),
            ..Self::default()
        }
    }

    pub(crate) fn give_back(&mut self, used: Self) {
        self.lent = false;
        self.by_tag = used.by_tag;
        self.otherwise = used.otherwise;
        for (tag, function) in std::mem::take(&mut self.changes) {
            let replaced = self.set(tag, function);
            self.discarded.extend(replaced);
        }
    }

    /// Gives a message to its handler. The message comes back if there is none, or it was not of the handler's type.
    pub(crate) fn handle(&mut self, message: Message) -> Result<(), (Message, Option<DecodeError>)> {
        self.discarded.clear();
        let tag = message.tag().map(std::borrow::Cow::into_owned);
        let Some((tag, function)) =
            tag.and_then(|tag| self.by_tag.get_mut(&tag).map(|function| (tag, function)))
        else {
            return self.handle_otherwise(message);
        };
        match function(message) {
            Ok(Flow::Continue) => Ok(()),
            Ok(Flow::Done) => {
                self.by_tag.remove(&tag);
                Ok(())
            }
            Err((message, error)) if self.otherwise.is_none() => Err((message, Some(error))),
            Err((message, _)) => self.handle_otherwise(message),
        }
    }

    fn handle_otherwise(&mut self, message: Message) -> Result<(), (Message, Option<DecodeError>)> {
        let Some(function) = &mut self.otherwise else {
            return Err((message, None));
        };
        match function(message) {
            Ok(Flow::Done) => self.otherwise = None,
            Ok(Flow::Continue) => {}
            Err((message, error)) => return Err((message, Some(error))),
        }
        Ok(())
    }
}

impl fmt::Debug for Handlers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handlers")
            .field("tags", &self.by_tag.keys())
            .field("otherwise", &self.otherwise.is_some())
            .field("running", &self.running)
            .finish_non_exhaustive()
    }
}

/// A handler that gets what stands behind the tag, as a `T`.
pub(crate) fn on_args<T, F, R>(mut function: F) -> Function
where
    T: DeserializeOwned,
    F: FnMut(T) -> R + Send + 'static,
    R: Into<Flow>,
{
    Box::new(move |message| {
        let mut values = message.into_values();
        let args = Message::from(values.split_off(1));
        match args.decode::<T>() {
            Ok(typed) => Ok(function(typed).into()),
            Err(error) => Err((values.into_iter().chain(args.into_values()).collect(), error)),
        }
    })
}

/// A handler that gets the whole message.
pub(crate) fn on_message<F, R>(mut function: F) -> Function
where
    F: FnMut(Message) -> R + Send + 'static,
    R: Into<Flow>,
{
    Box::new(move |message| Ok(function(message).into()))
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    fn message(tag: &str, number: i64) -> Message {
        Message::new(&(tag, number)).expect("encodes")
    }

    #[test]
    fn a_handler_is_done_replaced_removed() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let note = |name: &'static str, flow| {
            let seen = Arc::clone(&seen);
            on_args(move |number: i64| {
                seen.lock().unwrap().push((name, number));
                flow
            })
        };
        let mut handlers = Handlers::default();
        handlers.set(Some("once".into()), Some(note("once", Flow::Done)));
        handlers.set(Some("many".into()), Some(note("many", Flow::Continue)));
        assert!(handlers.handle(message("once", 1)).is_ok());
        assert!(handlers.handle(message("once", 2)).is_err(), "it was done");
        assert!(handlers.handle(message("many", 3)).is_ok());
        handlers.set(Some("many".into()), Some(note("other", Flow::Continue)));
        assert!(handlers.handle(message("many", 4)).is_ok());
        handlers.set(Some("many".into()), None);
        assert!(handlers.handle(message("many", 5)).is_err());
        assert_eq!(*seen.lock().unwrap(), [("once", 1), ("many", 3), ("other", 4)]);
    }

    #[test]
    fn a_message_without_a_tag_is_nobodys_but_otherwises() {
        let mut handlers = Handlers::default();
        handlers.set(Some(String::new()), Some(on_args(|(): ()| ())));
        assert!(handlers.handle(Message::default()).is_err());
        assert!(handlers.handle(Message::new(&[42]).expect("encodes")).is_err());
        assert!(handlers.handle(Message::new(&[""]).expect("encodes")).is_ok());
    }

    #[test]
    fn changes_during_a_call_take_effect_after_it() {
        let mut handlers = Handlers::default();
        handlers.set(Some("a".into()), Some(on_message(|_| Flow::Continue)));
        let mut lent = handlers.lend();
        handlers.set(Some("a".into()), None);
        handlers.set(Some("b".into()), Some(on_message(|_| Flow::Continue)));
        assert!(lent.handle(message("a", 1)).is_ok());
        handlers.give_back(lent);
        assert!(handlers.handle(message("a", 2)).is_err());
        assert!(handlers.handle(message("b", 3)).is_ok());
    }

    #[test]
    fn a_message_of_another_type_goes_to_otherwise_or_comes_back_whole() {
        let mut handlers = Handlers::default();
        handlers.set(Some("n".into()), Some(on_args(|_: i64| ())));
        let bad = Message::new(&("n", "word")).expect("encodes");
        let (back, error) = handlers.handle(bad.clone()).expect_err("not a number");
        assert_eq!(back, bad);
        assert!(error.is_some());
        handlers.set(None, Some(on_message(|_| ())));
        assert!(handlers.handle(bad).is_ok());
    }
}
