//! Why a port died.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Message, NodeId, PortId, Value};

/// Why a port died: a list of values, empty for a normal end `[MON-07]`.
///
/// By custom the first value is a word that programs look at and the rest explains it to people. The words that the
/// system itself uses have constructors here.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Reason(Vec<Value>);

impl Reason {
    /// A normal end: no reason at all.
    #[must_use]
    pub fn normal() -> Self {
        Self::default()
    }

    /// A reason of one word and a text that explains it.
    #[must_use]
    pub fn new(word: &str, text: impl Into<String>) -> Self {
        Self(vec![Value::from(word), Value::from(text.into())])
    }

    /// A program's own failure: `("die", text)` `[MON-08]`.
    #[must_use]
    pub fn die(text: impl Into<String>) -> Self {
        Self::new("die", text)
    }

    /// The port never was or is no more `[MON-03]`.
    #[must_use]
    pub fn no_such_port(port: &PortId) -> Self {
        Self(vec!["no_such_port".into(), "cannot monitor nonexistent port".into(), port.into()])
    }

    /// The connection to `node` was lost or could not be made `[MON-05]`.
    #[must_use]
    pub fn transport_error(node: &NodeId, text: impl Into<String>) -> Self {
        Self(vec!["transport_error".into(), node.as_str().into(), text.into().into()])
    }

    /// The port's mailbox stayed full for longer than its patience `[MON-09]`.
    #[must_use]
    pub fn mailbox_overflow(port: &PortId) -> Self {
        Self(vec!["mailbox_overflow".into(), "the mailbox stayed full".into(), port.into()])
    }

    /// Takes the values as they are.
    #[must_use]
    pub fn from_values(values: Vec<Value>) -> Self {
        Self(values)
    }

    /// Whether the port ended normally.
    #[must_use]
    pub fn is_normal(&self) -> bool {
        self.0.is_empty()
    }

    /// The word that stands first, empty for a normal end.
    #[must_use]
    pub fn word(&self) -> std::borrow::Cow<'_, str> {
        self.0.first().and_then(Value::as_str).unwrap_or_default()
    }

    /// The values.
    #[must_use]
    pub fn values(&self) -> &[Value] {
        &self.0
    }

    /// The values, taken.
    #[must_use]
    pub fn into_values(self) -> Vec<Value> {
        self.0
    }
}

impl From<Message> for Reason {
    fn from(message: Message) -> Self {
        Self(message.into_values())
    }
}

impl fmt::Debug for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reason({self})")
    }
}

/// `normal`, or the values on one line, separated by `: ` and blanks, control characters escaped.
impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_normal() {
            return f.write_str("normal");
        }
        for (index, value) in self.0.iter().enumerate() {
            f.write_str(if index == 0 {
                ""
            } else if index == 1 {
                ": "
            } else {
                " "
            })?;
            match value.as_str() {
                Some(text) => write!(f, "{}", text.escape_debug())?,
                None => write!(f, "{value}")?,
            }
        }
        Ok(())
    }
}
