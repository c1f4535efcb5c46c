//! Names of sessions and events.

use mp_proto::{Text, Value};

/// What aliases of POE::TIKC's own sessions begin with. Nothing from the network reaches them `[TK-10]`.
pub const INTERNAL: &str = "_tikc";
/// The longest name of an alias or event, in bytes of UTF-8 `[TK-11]`.
pub const MAX_NAME: usize = 255;

/// Why a text cannot be an alias.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// There is nothing.
    #[error("an alias is not empty")]
    Empty,
    /// More than [`MAX_NAME`] bytes.
    #[error("a name has at most {MAX_NAME} bytes")]
    TooLong,
    /// It begins with [`INTERNAL`].
    #[error("aliases that begin with {INTERNAL} belong to POE::TIKC itself")]
    Internal,
    /// An event that begins with an underscore, as those do that POE sends.
    #[error("events that begin with _ are POE's own")]
    PoeEvent,
}

/// Whether `alias` can be announced and posted to `[TK-10]` `[TK-11]`.
///
/// # Errors
///
/// [`NameError`] says why not.
pub fn check_alias(alias: &str) -> Result<(), NameError> {
    if alias.is_empty() {
        return Err(NameError::Empty);
    }
    if alias.starts_with(INTERNAL) {
        return Err(NameError::Internal);
    }
    if alias.len() > MAX_NAME { Err(NameError::TooLong) } else { Ok(()) }
}

/// Whether `event` can be posted: not one of POE's own, such as `_stop` or `_default` `[TK-12]`. The empty event is
/// one.
///
/// # Errors
///
/// [`NameError`] says why not.
pub fn check_event(event: &str) -> Result<(), NameError> {
    if event.starts_with('_') {
        return Err(NameError::PoeEvent);
    }
    if event.len() > MAX_NAME { Err(NameError::TooLong) } else { Ok(()) }
}

/// The name that a value stands for: Perl sends a name as a byte string, a text, or, if it looks like one, a number
/// `[TK-13]`.
pub(crate) fn name_of(value: &Value) -> Option<Text> {
    match value {
        Value::Int(number) => Some(number.to_string().into()),
        Value::UInt(number) => Some(number.to_string().into()),
        Value::Text(_) | Value::Bytes(_) => value.as_str().map(|name| Text::from(&*name)),
        _ => None,
    }
}
