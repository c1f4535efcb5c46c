//! How Rust types become messages, and messages Rust types.
//!
//! A message is a list of values, and by custom its first is a *tag*, a word that says what the rest means. serde's own
//! form of an enum, `{"join": ["ada", 7]}`, is not that; so here are rules of our own, the same for every framing.
//! serde's derive is all that a type needs for them.
//!
//! # What a type becomes
//!
//! | Rust | as the message itself | within a message |
//! |---|---|---|
//! | tuple, array, `Vec`, [`Message`] | its elements `[MSG-01]` | a list |
//! | tuple struct of several fields | its fields | a list |
//! | `Enum::Unit` | `"unit"` `[MSG-02]` | the text `"unit"` `[MSG-03]` |
//! | `Enum::Newtype(a)` | `"newtype", a` | the list `["newtype", a]` |
//! | `Enum::Tuple(a, b)` | `"tuple", a, b` | the list `["tuple", a, b]` |
//! | `Enum::Struct { a, b }` | `"struct", {"a": a, "b": b}` | the list `["struct", {"a": a, "b": b}]` |
//! | struct | one map `[MSG-04]` | a map |
//! | map | one map | a map; its keys are strings, integers, truth values, characters or unit variants, all written as text `[MSG-05]` |
//! | `()`, unit struct | nothing: the empty message `[MSG-04]` | null |
//! | newtype struct `N(a)` | what `a` is | what `a` is |
//! | `Some(a)` | what `a` is | what `a` is |
//! | `None` | one null | null |
//! | number, `bool`, string, `char` | itself, one element | itself; a `char` is a text, an `f32` a float, an `i128` or `u128` an integer if it fits 64 bits |
//! | bytes (`serialize_bytes`) | one byte string | a byte string |
//!
//! A `Vec<u8>` or `&[u8]` is, to serde, a list of numbers. For a byte string use [`Payload`](crate::Payload), which is not
//! copied, or a type like those of the crate `serde_bytes`, which own their bytes.
//!
//! Names and tags are what serde's attributes make of them: with `#[serde(rename_all = "snake_case")]` a variant
//! `PrivMsg` has the tag `priv_msg`.
//!
//! In a frame the port's name stands before the message's elements, and the reply port of a call behind them, all in
//! one list `[MSG-06]`.
//!
//! # What is read as a type
//!
//! The same way back, and more, because a sender may be a Perl program.
//!
//! - **Surplus** elements at the end of the message are ignored: there a caller puts its reply port `[MSG-07]`. Hence a
//!   type of one element is read from the first one, and `()` from any message. Within a message a surplus element is
//!   an error.
//! - **Missing** elements at the end of the message are null for a tuple, tuple struct or tuple variant `[MSG-14]`, as
//!   they are `undef` for Perl: `(u32, Option<PortId>)` is read from a message of one number, too.
//! - **A struct** (and a struct variant behind its tag) is read from a map, or from its fields' values in order
//!   `[MSG-08]`. At the message's level a map that comes first is taken for the whole struct.
//! - **An enum** within a message is its tag alone, or a list of tag and fields. A newtype variant whose field is
//!   missing gets null if its type takes that, as `Option` does; a struct variant then gets no fields `[MSG-09]`.
//! - **An `Option`** is `None` for null; as the message itself also for the empty message. So `Some(None)`, `Some(())`,
//!   and `Some` of an empty sequence as the message come back as `None`.
//! - **Blurred types** `[MSG-10]`:
//!
//! | asked for | taken |
//! |---|---|
//! | integer | an integer in range, a float without a fraction, a text or byte string that is the decimal form of one |
//! | float | any number, a text or byte string that is one, also `NaN`, `Inf`, `-Inf` and `Infinity` in any case |
//! | `bool` | true and false, the numbers 0 and 1, the strings `""`, `"0"` and `"1"` |
//! | string, `char`, enum tag, port ID | a text; a byte string, each byte being the character of that number; a number, as its decimal form |
//! | bytes | a byte string; a text, if no character is above U+00FF |
//! | key of a map | as above, from its text; a `bool` also from `true` and `false` |
//!
//! - **Anything else**, such as a text where a list is due, is [`DecodeError::Mismatch`], whose text says what was
//!   expected, what was found, and in which element of the message.
//! - **Types that look at the data first**: [`Value`] and enums with `#[serde(untagged)]` or
//!   `#[serde(tag = "…")]` get the whole message as a list; only a message that is one map and nothing else is that map
//!   `[MSG-11]`. serde hands them the values as they came, so the blurring above does not apply inside, nor do the rules
//!   for a tagged enum with fields in there. But all of them except [`Value`] see a byte string of ASCII characters as
//!   text, because Perl sends its words so.
//!
//! ```
//! use mp_proto::adaptor::{from_message, to_message};
//! use mp_proto::{Message, Value};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize, PartialEq, Debug)]
//! #[serde(rename_all = "snake_case")]
//! enum Job {
//!     Resize { width: u32 },
//!     Label(String, Option<u8>),
//! }
//!
//! assert_eq!(to_message(&Job::Resize { width: 80 })?.to_string(), r#"["resize",{"width":80}]"#);
//! assert_eq!(to_message(&[Job::Label("x".into(), None)])?.to_string(), r#"[["label","x",null]]"#);
//!
//! // From Perl: a number as a string, a string as a number, and a reply port that nobody asked for.
//! let message = Message::from(["resize".into(), "80".into(), Value::from("node#reply")]);
//! assert_eq!(from_message::<Job>(&message)?, Job::Resize { width: 80 });
//! let message = Message::from(["label".into(), 42.into(), "7".into()]);
//! assert_eq!(from_message::<Job>(&message)?, Job::Label("42".into(), Some(7)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Bounds
//!
//! What is written may nest [`MAX_DEPTH`](crate::token::MAX_DEPTH) levels; what is read as a Rust type
//! [`MAX_TYPE_DEPTH`] levels `[MSG-12]`. A type whose `Serialize` writes another number of elements than it announced is
//! refused with [`EncodeError::Custom`] `[MSG-13]`. A sequence or map that does not know its length beforehand, as
//! with `#[serde(flatten)]`, is gathered in memory first. A map must not give the same key twice.

mod quick;
mod read;
#[cfg(test)]
mod tests;
mod values;
mod write;

use std::borrow::Cow;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub(crate) use quick::read_quickly;
pub use read::MAX_TYPE_DEPTH;
pub use values::{ValueReader, ValueWriter};

use crate::codec::Entered;
use crate::token::{Token, TokenReader, TokenWriter};
use crate::{DecodeError, EncodeError, Message, PortId, Value};

/// The message that `content` is.
///
/// # Errors
///
/// [`EncodeError`] if the type cannot be a message, or is nested too deeply.
pub fn to_message<T: Serialize + ?Sized>(content: &T) -> Result<Message, EncodeError> {
    let mut w = ValueWriter::default();
    content.serialize(write::Root::<_, false> { w: &mut w, around: write::Around::NOTHING })?;
    match w.finish() {
        Some(Value::List(items)) => Ok(Message::from(items)),
        _ => Err(EncodeError::Custom("the type's Serialize wrote nothing".into())),
    }
}

/// Reads `message` as a `T`.
///
/// # Errors
///
/// [`DecodeError::Mismatch`] says what was expected and what was found.
pub fn from_message<T: DeserializeOwned>(message: &Message) -> Result<T, DecodeError> {
    let mut reader = ValueReader::within(message);
    T::deserialize(read::Root::new(&mut reader, message.values().len(), false))
}

/// Writes a frame: a list of the port's name, the message's elements, and `reply` last if there is one `[MSG-06]`.
///
/// After an error what `w` has got is of no use.
#[inline]
pub(crate) fn write_frame<M: Serialize + ?Sized, W: TokenWriter>(
    w: &mut W,
    port: &str,
    message: &M,
    reply: Option<&PortId>,
) -> Result<(), EncodeError> {
    message.serialize(write::Root::<_, true> { w, around: write::Around { port: Some(port), reply } })
}

/// Writes the list that a message of this content is.
#[cfg(feature = "storable")]
pub(crate) fn write_list<M: Serialize + ?Sized, W: TokenWriter>(
    w: &mut W,
    message: &M,
) -> Result<(), EncodeError> {
    message.serialize(write::Root::<_, true> { w, around: write::Around::NOTHING })
}

/// Reads a list, which begins with the reader's next token, as a `T`.
#[cfg(feature = "storable")]
pub(crate) fn read_list<'a, T: DeserializeOwned>(mut reader: impl TokenReader<'a>) -> Result<T, DecodeError> {
    let hint = begin(&mut reader)?;
    T::deserialize(read::Root::new(&mut reader, hint, false))
}

/// Reads a list, which begins with the reader's next token, without recursion.
#[cfg(feature = "storable")]
pub(crate) fn read_list_message<'a>(mut reader: impl TokenReader<'a>) -> Result<Message, DecodeError> {
    let hint = begin(&mut reader)?;
    values::build(&mut reader, hint, []).map(Message::from)
}

#[cfg(feature = "storable")]
fn begin<'a>(reader: &mut impl TokenReader<'a>) -> Result<usize, DecodeError> {
    match reader.next()? {
        Token::List(len) => Ok(len),
        other => Err(not_a_frame("a list", &other)),
    }
}

/// Reads the message of a frame, whose name the reader has passed, as a `T`. Where `T` knows all that it wants to know
/// the rest of the frame is not read.
#[inline]
pub(crate) fn read_frame<'a, T: DeserializeOwned>(
    reader: &mut impl TokenReader<'a>,
    Entered { hint, ended }: Entered,
) -> Result<T, DecodeError> {
    T::deserialize(read::Root::new(reader, hint, ended))
}

/// The same as values, without recursion.
pub(crate) fn read_message<'a>(
    reader: &mut impl TokenReader<'a>,
    Entered { hint, ended }: Entered,
) -> Result<Message, DecodeError> {
    if ended { Ok(Message::default()) } else { values::build(reader, hint, []).map(Message::from) }
}

/// The port name that a frame's first element is: a string, a number's text, or nothing for null.
pub(crate) fn port_name(token: Token<'_>) -> Option<Cow<'_, str>> {
    match token {
        Token::Null => Some(Cow::Borrowed("")),
        token => read::characters(token).ok(),
    }
}

/// Goes to the message's first element.
pub(crate) fn enter<'a>(reader: &mut impl TokenReader<'a>) -> Result<Entered, DecodeError> {
    let len = match reader.next()? {
        Token::List(len) => len,
        other => return Err(not_a_frame("a message, which is a list", &other)),
    };
    match reader.next()? {
        Token::End => Ok(Entered { hint: 0, ended: true }),
        name @ (Token::Bool(_) | Token::List(_) | Token::Map(_)) => {
            Err(not_a_frame("a port name before the message", &name))
        }
        _ => Ok(Entered { hint: len.saturating_sub(1), ended: false }),
    }
}

#[cold]
fn not_a_frame(expected: &str, found: &Token<'_>) -> DecodeError {
    DecodeError::Mismatch(format!("expected {expected}, found {}", read::Found(found)))
}
