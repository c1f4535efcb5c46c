//! Whether a type's `Serialize` keeps its word.

use crate::EncodeError;

/// How many elements are still to come. A codec has written the announced number already, so a type that writes
/// another one, or goes on after an error, must not end as if all were well.
pub(super) struct Count {
    /// `None` if any number will do.
    left: Option<usize>,
    state: State,
}

#[derive(PartialEq)]
enum State {
    /// An element, a key or the end may come.
    Between,
    /// A key was written, its value must come.
    Keyed,
    /// An element is being written; stays so after an error.
    Within,
}

impl Count {
    #[inline(always)]
    pub(super) fn new(left: Option<usize>) -> Self {
        Self { left, state: State::Between }
    }

    /// An element begins, or the key of one.
    #[inline(always)]
    pub(super) fn begin(&mut self) -> Result<(), EncodeError> {
        if std::mem::replace(&mut self.state, State::Within) != State::Between {
            return Err(disorder());
        }
        match &mut self.left {
            None => Ok(()),
            Some(0) => Err(miscount()),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
        }
    }

    /// The key has been written.
    #[inline(always)]
    pub(super) fn keyed(&mut self) {
        self.state = State::Keyed;
    }

    /// The value of a key begins.
    #[inline(always)]
    pub(super) fn begin_value(&mut self) -> Result<(), EncodeError> {
        match std::mem::replace(&mut self.state, State::Within) {
            State::Keyed => Ok(()),
            State::Between | State::Within => Err(disorder()),
        }
    }

    /// The element or value has been written.
    #[inline(always)]
    pub(super) fn done(&mut self) {
        self.state = State::Between;
    }

    /// The list or map ends.
    #[inline(always)]
    pub(super) fn end(&self) -> Result<(), EncodeError> {
        match (&self.state, self.left) {
            (State::Between, None | Some(0)) => Ok(()),
            (State::Between, Some(_)) => Err(miscount()),
            (State::Keyed | State::Within, _) => Err(disorder()),
        }
    }
}

#[cold]
fn miscount() -> EncodeError {
    EncodeError::Custom("the type's Serialize wrote another number of elements than it had announced".into())
}

#[cold]
fn disorder() -> EncodeError {
    EncodeError::Custom("the type's Serialize wrote a key without a value, or went on after an error".into())
}
