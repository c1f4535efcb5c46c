//! What goes with an event.

use mp_proto::codec::storable::{FieldsWriter, FrozenList};
use mp_proto::{DecodeError, EncodeError, Message, Value};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What a value costs beside its characters, in bytes.
const PER_VALUE: usize = 32;

/// The arguments of a post: values, or the part of an image that they are read from when they are wanted `[TK-45]`.
/// Cheap to clone in the latter form, which all have that are going to or came from another kernel.
#[derive(Debug, Clone)]
pub struct Args(Form);

#[derive(Debug, Clone)]
enum Form {
    Values(Vec<Value>),
    Frozen(FrozenList),
}

impl Args {
    /// What a message of this content is, as an image to be sent.
    ///
    /// # Errors
    ///
    /// [`EncodeError`]: the type cannot be a message.
    pub fn frozen<T: Serialize + ?Sized>(content: &T) -> Result<Self, EncodeError> {
        match FrozenList::new(content) {
            Ok(list) => Ok(list.into()),
            // A session here can take what is too deep or long to be written; the queue to a peer refuses it.
            Err(EncodeError::TooDeep | EncodeError::TooLong { .. }) => Self::values(content),
            Err(error) => Err(error),
        }
    }

    /// The same, as values.
    ///
    /// # Errors
    ///
    /// [`EncodeError`]: the type cannot be a message.
    pub fn values<T: Serialize + ?Sized>(content: &T) -> Result<Self, EncodeError> {
        Ok(Message::new(content)?.into_values().into())
    }

    /// Reads them as a `T`, such as a tuple, by the rules of [`mp_proto::adaptor`].
    ///
    /// # Errors
    ///
    /// [`DecodeError`] says what does not fit.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, DecodeError> {
        match &self.0 {
            Form::Values(values) => Message::from(values.clone()).decode(),
            Form::Frozen(list) => list.decode(),
        }
    }

    /// The values.
    #[must_use]
    pub fn to_values(&self) -> Vec<Value> {
        match &self.0 {
            Form::Values(values) => values.clone(),
            // Reading cannot fail after the image was checked.
            Form::Frozen(list) => list.to_message().unwrap_or_default().into_values(),
        }
    }

    /// The values.
    #[must_use]
    pub fn into_values(self) -> Vec<Value> {
        match self.0 {
            Form::Values(values) => values,
            Form::Frozen(_) => self.to_values(),
        }
    }

    /// About what they take of the memory.
    pub(crate) fn weight(&self) -> usize {
        match &self.0 {
            Form::Values(values) => weight(values),
            Form::Frozen(list) => list.size().saturating_add(PER_VALUE),
        }
    }

    pub(crate) fn write(&self, fields: &mut FieldsWriter<'_>) -> Result<(), EncodeError> {
        match &self.0 {
            Form::Values(values) => fields.values("args", values),
            Form::Frozen(list) => {
                fields.frozen("args", list);
                Ok(())
            }
        }
    }
}

impl Default for Args {
    fn default() -> Self {
        Self(Form::Values(Vec::new()))
    }
}

impl From<Vec<Value>> for Args {
    fn from(values: Vec<Value>) -> Self {
        Self(Form::Values(values))
    }
}

impl From<FrozenList> for Args {
    fn from(list: FrozenList) -> Self {
        Self(Form::Frozen(list))
    }
}

/// As their values are.
impl PartialEq for Args {
    fn eq(&self, other: &Self) -> bool {
        self.to_values() == other.to_values()
    }
}

/// About what values take of the memory, without recursion.
fn weight(values: &[Value]) -> usize {
    let mut sum = 0_usize;
    let mut open: Vec<&Value> = values.iter().collect();
    while let Some(value) = open.pop() {
        sum = sum.saturating_add(PER_VALUE);
        match value {
            Value::Text(text) => sum = sum.saturating_add(text.len()),
            Value::Bytes(bytes) => sum = sum.saturating_add(bytes.len()),
            Value::List(items) => open.extend(items),
            Value::Map(map) => {
                for (key, item) in map.iter() {
                    sum = sum.saturating_add(key.len());
                    open.push(item);
                }
            }
            _ => {}
        }
    }
    sum
}
