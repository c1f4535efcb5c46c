//! What travels from port to port.

use std::borrow::Cow;
use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::adaptor;
use crate::{DecodeError, EncodeError, Value};

/// A message: a list of values. By custom the first is its *tag*, a word that says what the rest means.
///
/// A user's type becomes a message by serde and the rules of [`adaptor`]: an enum's variant is the tag
/// and its fields follow, a tuple or sequence is the list itself, anything else is a list of one.
///
/// ```
/// use mp_proto::{Message, Value};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize, PartialEq, Debug)]
/// #[serde(rename_all = "snake_case")]
/// enum Chat {
///     Join(String, u32),
///     Quit,
/// }
///
/// let message = Message::new(&Chat::Join("ada".into(), 7))?;
/// assert_eq!(message, Message::from([Value::from("join"), Value::from("ada"), Value::from(7)]));
/// assert_eq!(message.decode::<Chat>()?, Chat::Join("ada".into(), 7));
/// assert_eq!(message.decode::<(String, String, u32)>()?.1, "ada");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Message(Vec<Value>);

impl Message {
    /// The message that `content` is, by the rules of [`adaptor`].
    ///
    /// # Errors
    ///
    /// [`EncodeError`] if the type cannot be a message, or is nested too deeply.
    pub fn new<T: Serialize + ?Sized>(content: &T) -> Result<Self, EncodeError> {
        adaptor::to_message(content)
    }

    /// Reads the message as a `T`, by the same rules.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] says what was expected and what was found.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, DecodeError> {
        adaptor::from_message(self)
    }

    /// The first value, if it is a string.
    #[must_use]
    pub fn tag(&self) -> Option<Cow<'_, str>> {
        self.0.first().and_then(Value::as_str)
    }

    /// The values behind the tag.
    #[must_use]
    pub fn args(&self) -> &[Value] {
        self.0.get(1..).unwrap_or_default()
    }

    /// All values.
    #[must_use]
    pub fn values(&self) -> &[Value] {
        &self.0
    }

    /// All values, taken.
    #[must_use]
    pub fn into_values(self) -> Vec<Value> {
        self.0
    }

    /// Puts a value at the end.
    pub fn push(&mut self, value: impl Into<Value>) {
        self.0.push(value.into());
    }

    /// The message with `values` behind it.
    #[must_use]
    pub fn with(mut self, values: impl IntoIterator<Item = Value>) -> Self {
        self.0.extend(values);
        self
    }
}

impl From<Vec<Value>> for Message {
    fn from(values: Vec<Value>) -> Self {
        Self(values)
    }
}

impl<const N: usize> From<[Value; N]> for Message {
    fn from(values: [Value; N]) -> Self {
        Self(values.into())
    }
}

impl FromIterator<Value> for Message {
    fn from_iter<I: IntoIterator<Item = Value>>(values: I) -> Self {
        Self(values.into_iter().collect())
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// Something like JSON, on one line.
impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        for (index, value) in self.0.iter().enumerate() {
            write!(f, "{}{value}", if index == 0 { "" } else { "," })?;
        }
        f.write_str("]")
    }
}
