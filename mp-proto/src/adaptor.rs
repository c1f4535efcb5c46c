//! STUB
use std::borrow::Cow;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::token::{Token, TokenReader, TokenWriter};
use crate::{DecodeError, EncodeError, Message, PortId};

/// The message that `content` is.
///
/// # Errors
/// stub
pub fn to_message<T: Serialize + ?Sized>(_content: &T) -> Result<Message, EncodeError> { todo!() }
/// Reads.
///
/// # Errors
/// stub
pub fn from_message<T: DeserializeOwned>(_message: &Message) -> Result<T, DecodeError> { todo!() }
/// Writes a frame: a list of the port's name, the message's elements, and `reply` last if there is one.
pub(crate) fn write_frame<M: Serialize + ?Sized, W: TokenWriter>(_w: &mut W, _port: &str, _m: &M, _reply: Option<&PortId>) -> Result<(), EncodeError> { todo!() }
/// Reads the message of a frame as a T.
pub(crate) fn read_frame<'a, T: DeserializeOwned>(_r: impl TokenReader<'a>) -> Result<T, DecodeError> { todo!() }
/// Reads the message of a frame as values, without recursion.
pub(crate) fn read_message<'a>(_r: impl TokenReader<'a>) -> Result<Message, DecodeError> { todo!() }
/// The port name that a frame's first element is: a string, a number's text, or nothing for null.
pub(crate) fn port_name(_token: Token<'_>) -> Option<Cow<'_, str>> { todo!() }
