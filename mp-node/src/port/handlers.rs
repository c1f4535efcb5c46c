//! Functions that a port calls for messages, chosen by tag.

pub(crate) mod tag;

use std::collections::BTreeMap;
use std::fmt;

use mp_proto::{DecodeError, Frame, Message};
use serde::de::DeserializeOwned;

use self::tag::Tag;

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

/// Reads a message and does what it asks for; the error says that it is of another type.
pub(crate) type Function = Box<dyn FnMut(&Frame) -> Result<Flow, DecodeError> + Send>;

/// The handlers of one port. While a message is being handled they are lent to the task that does it; what is changed
/// meanwhile is kept apart and put in when they come back.
#[derive(Default)]
pub(crate) struct Handlers {
    list: List,
    /// A task runs them.
    later: Option<Box<Later>>,
}

/// What happens to handlers while a task runs them.
#[derive(Default)]
pub(crate) struct Later {
    lent: bool,
    /// What was set or removed while the handlers were lent; without a tag it is `otherwise`.
    changes: Vec<(Option<Tag>, Option<Function>)>,
    /// Replaced by a change; the next loan takes them along, to be dropped outside of the lock.
    discarded: Vec<Function>,
}

/// The handlers, lent to who calls them.
#[derive(Default)]
pub(crate) struct Loan {
    list: List,
    discarded: Vec<Function>,
}

/// Functions by their tags. Many a port has one: that needs no map.
enum List {
    Few(Option<(Option<Tag>, Function)>),
    Many(Box<Many>),
}

#[derive(Default)]
struct Many {
    by_tag: BTreeMap<Tag, Function>,
    otherwise: Option<Function>,
}

impl Handlers {
    /// Sets or removes (`None`) the handler for a tag, or for all other messages (`tag` is `None`). The handler that
    /// was there is given back, to be dropped where no lock is held.
    pub(crate) fn set(&mut self, tag: Option<Tag>, function: Option<Function>) -> Option<Function> {
        match &mut self.later {
            Some(later) if later.lent => {
                later.changes.push((tag, function));
                None
            }
            _ => self.list.set(tag, function),
        }
    }

    /// `true` if a task has to be started.
    pub(crate) fn begin(&mut self) -> bool {
        let idle = self.is_idle();
        self.later.get_or_insert_default();
        idle
    }

    /// The task ends; it is given what it has to drop.
    pub(crate) fn end(&mut self) -> Option<Box<Later>> {
        self.later.take()
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.later.is_none()
    }

    pub(crate) fn lend(&mut self) -> Loan {
        let later = self.later.get_or_insert_default();
        later.lent = true;
        Loan { list: std::mem::take(&mut self.list), discarded: std::mem::take(&mut later.discarded) }
    }

    pub(crate) fn give_back(&mut self, used: Loan) {
        self.list = used.list;
        let Some(later) = &mut self.later else { return };
        later.lent = false;
        for (tag, function) in std::mem::take(&mut later.changes) {
            later.discarded.extend(self.list.set(tag, function));
        }
    }
}

impl List {
    fn set(&mut self, tag: Option<Tag>, function: Option<Function>) -> Option<Function> {
        if let Self::Few(few) = self {
            let same = few.as_ref().is_none_or(|(known, _)| *known == tag);
            if same || function.is_none() {
                let old = if same { few.take() } else { None };
                if let Some(function) = function {
                    *few = Some((tag, function));
                }
                return old.map(|(_, function)| function);
            }
            let mut many = Many::default();
            if let Some((known, function)) = few.take() {
                drop(many.set(known, Some(function)));
            }
            *self = Self::Many(Box::new(many));
        }
        match self {
            Self::Few(_) => None,
            Self::Many(many) => many.set(tag, function),
        }
    }

    fn get(&mut self, tag: &str) -> Option<&mut Function> {
        match self {
            Self::Few(Some((Some(known), function))) if known.as_str() == tag => Some(function),
            Self::Few(_) => None,
            Self::Many(many) => many.by_tag.get_mut(tag),
        }
    }

    fn otherwise(&mut self) -> Option<&mut Function> {
        match self {
            Self::Few(Some((None, function))) => Some(function),
            Self::Few(_) => None,
            Self::Many(many) => many.otherwise.as_mut(),
        }
    }
}

impl Many {
    fn set(&mut self, tag: Option<Tag>, function: Option<Function>) -> Option<Function> {
        match (tag, function) {
            (None, function) => std::mem::replace(&mut self.otherwise, function),
            (Some(tag), Some(function)) => self.by_tag.insert(tag, function),
            (Some(tag), None) => self.by_tag.remove(&tag),
        }
    }
}

impl Loan {
    /// Gives a message to its handler. An error says why nobody has taken it; without one, there is no handler for it.
    pub(crate) fn handle(&mut self, frame: &Frame) -> Result<(), Option<DecodeError>> {
        self.discarded.clear();
        let Some(tag) = frame.tag().map_err(Some)? else {
            return self.handle_otherwise(frame);
        };
        let Some(function) = self.list.get(&tag) else {
            return self.handle_otherwise(frame);
        };
        match function(frame) {
            Ok(Flow::Continue) => Ok(()),
            Ok(Flow::Done) => {
                drop(self.list.set(Some(Tag::new(&tag)), None));
                Ok(())
            }
            Err(error) if self.list.otherwise().is_none() => Err(Some(error)),
            Err(_) => self.handle_otherwise(frame),
        }
    }

    fn handle_otherwise(&mut self, frame: &Frame) -> Result<(), Option<DecodeError>> {
        let function = self.list.otherwise().ok_or(None)?;
        if function(frame).map_err(Some)? == Flow::Done {
            drop(self.list.set(None, None));
        }
        Ok(())
    }
}

impl Default for List {
    fn default() -> Self {
        Self::Few(None)
    }
}

impl fmt::Debug for Handlers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Handlers");
        match &self.list {
            List::Few(few) => out.field("tag", &few.as_ref().map(|(tag, _)| tag)),
            List::Many(many) => out.field("tags", &many.by_tag.keys()),
        };
        out.field("running", &!self.is_idle()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Later {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Later").field("lent", &self.lent).finish_non_exhaustive()
    }
}

impl fmt::Debug for Loan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Loan")
    }
}

/// A handler that gets what stands behind the tag, as a `T`.
pub(crate) fn on_args<T, F, R>(mut function: F) -> Function
where
    T: DeserializeOwned,
    F: FnMut(T) -> R + Send + 'static,
    R: Into<Flow>,
{
    Box::new(move |frame| Ok(function(frame.decode_args()?).into()))
}

/// A handler that gets the whole message.
pub(crate) fn on_message<F, R>(mut function: F) -> Function
where
    F: FnMut(Message) -> R + Send + 'static,
    R: Into<Flow>,
{
    Box::new(move |frame| Ok(function(frame.message()?).into()))
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[expect(clippy::unnecessary_wraps, reason = "what `set` takes")]
    fn tag(text: &str) -> Option<Tag> {
        Some(Tag::new(text))
    }

    fn frame(message: &impl serde::Serialize) -> Frame {
        let mut bytes = bytes::BytesMut::new();
        Frame::write(mp_proto::Framing::Json, "p", message, None, usize::MAX, &mut bytes).expect("encodes");
        Frame::new(mp_proto::Framing::Json, bytes.freeze())
    }

    fn message(tag: &str, number: i64) -> Frame {
        frame(&(tag, number))
    }

    fn handle(handlers: &mut Handlers, message: &Frame) -> Result<(), Option<DecodeError>> {
        let mut lent = handlers.lend();
        let handled = lent.handle(message);
        handlers.give_back(lent);
        handled
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
        handlers.set(tag("once"), Some(note("once", Flow::Done)));
        handlers.set(tag("many"), Some(note("many", Flow::Continue)));
        assert!(handle(&mut handlers, &message("once", 1)).is_ok());
        assert!(handle(&mut handlers, &message("once", 2)).is_err(), "it was done");
        assert!(handle(&mut handlers, &message("many", 3)).is_ok());
        handlers.set(tag("many"), Some(note("other", Flow::Continue)));
        assert!(handle(&mut handlers, &message("many", 4)).is_ok());
        handlers.set(tag("many"), None);
        assert!(handle(&mut handlers, &message("many", 5)).is_err());
        assert_eq!(*seen.lock().unwrap(), [("once", 1), ("many", 3), ("other", 4)]);
    }

    #[test]
    fn a_message_without_a_tag_is_nobodys_but_otherwises() {
        let mut handlers = Handlers::default();
        handlers.set(tag(""), Some(on_args(|(): ()| ())));
        assert!(handle(&mut handlers, &frame(&())).is_err());
        assert!(handle(&mut handlers, &frame(&[42])).is_err());
        assert!(handle(&mut handlers, &frame(&[""])).is_ok());
    }

    #[test]
    fn changes_during_a_call_take_effect_after_it() {
        let mut handlers = Handlers::default();
        handlers.set(tag("a"), Some(on_message(|_| Flow::Continue)));
        let mut lent = handlers.lend();
        handlers.set(tag("a"), None);
        handlers.set(tag("b"), Some(on_message(|_| Flow::Continue)));
        assert!(lent.handle(&message("a", 1)).is_ok());
        handlers.give_back(lent);
        assert!(handle(&mut handlers, &message("a", 2)).is_err());
        assert!(handle(&mut handlers, &message("b", 3)).is_ok());
    }

    #[test]
    fn a_message_of_another_type_goes_to_otherwise_whole() {
        let mut handlers = Handlers::default();
        handlers.set(tag("n"), Some(on_args(|_: i64| ())));
        let bad = frame(&("n", "word"));
        assert!(handle(&mut handlers, &bad).expect_err("not a number").is_some());
        let seen = Arc::new(Mutex::new(None));
        let note = Arc::clone(&seen);
        handlers.set(None, Some(on_message(move |message| *note.lock().unwrap() = Some(message))));
        assert!(handle(&mut handlers, &bad).is_ok());
        assert_eq!(seen.lock().unwrap().take(), bad.message().ok());
    }
}
