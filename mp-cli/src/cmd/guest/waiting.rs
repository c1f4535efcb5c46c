//! What is waited for.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mp_node::DialError;

use crate::output::plain;

/// What is waited for, to be told if it does not happen. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Waiting(Arc<Mutex<Missing>>);

#[derive(Debug, Default)]
struct Missing {
    what: String,
    /// What stood in the way the last time.
    why: Option<String>,
    mend: Cow<'static, str>,
}

impl Waiting {
    /// From now on for this: `what` says what has not happened, `mend` what to do then.
    pub(super) fn is_for(&self, what: String, mend: &'static str) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) =
            Missing { what, why: None, mend: mend.into() };
    }

    /// This stood in the way.
    pub(super) fn because(&self, error: &DialError) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).why = Some(error.to_string());
    }

    /// There is something better to do than what was thought of.
    pub(super) fn mend(&self, mend: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).mend = mend.into();
    }

    /// What has not happened.
    pub(super) fn so_far(&self) -> String {
        plain(&self.0.lock().unwrap_or_else(PoisonError::into_inner).what)
    }

    /// That it has not happened within `limit`.
    pub(super) fn text(&self, limit: Duration) -> String {
        self.told(&format!(" within {limit:?}"))
    }

    /// That it will not happen.
    pub(super) fn in_vain(&self) -> String {
        self.told("")
    }

    fn told(&self, when: &str) -> String {
        let missing = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let why = missing.why.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
        plain(&format!("{}{when}{why}; {}", missing.what, missing.mend))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_did_not_happen_is_told_with_the_last_reason() {
        let waiting = Waiting::default();
        waiting.is_for("nobody came".to_owned(), "ask again");
        assert_eq!(waiting.text(Duration::from_secs(5)), "nobody came within 5s; ask again");
        waiting.because(&DialError::ShutDown);
        let text = "nobody came within 5s (the node has been shut down); ask again";
        assert_eq!(waiting.text(Duration::from_secs(5)), text);
        waiting.mend("ask another one".to_owned());
        assert_eq!(waiting.in_vain(), "nobody came (the node has been shut down); ask another one");
    }
}
