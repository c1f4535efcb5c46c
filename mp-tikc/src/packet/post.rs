//! Posts, which are most of the traffic, written to and read from images without values in between.

use std::borrow::Cow;

use bytes::Bytes;
use mp_proto::codec::storable::{Field, MAX_FREEZE_DEPTH, StorableError, StorableWriter, ThawLimits, fields};
use mp_proto::token::{Token, TokenWriter as _};
use mp_proto::{EncodeError, Text, Value};

use super::Post;
use crate::args::{Args, slice};
use crate::names::name_of;

impl Post {
    /// Writes the image of the post `[TK-45]`.
    pub(crate) fn write(&self, mut writer: StorableWriter<'_>) -> Result<(), EncodeError> {
        writer.map(4 + usize::from(self.call.is_some()) + usize::from(self.hops > 0));
        for (key, text) in [("action", "post"), ("alias", &self.alias), ("event", &self.event)] {
            writer.key(key);
            writer.text(text);
        }
        writer.key("args");
        self.args.write(&mut writer)?;
        if let Some(call) = self.call {
            writer.key("call");
            writer.uint(call);
        }
        if self.hops > 0 {
            writer.key("hops");
            writer.uint(self.hops.into());
        }
        writer.end_map();
        if writer.deepest() > MAX_FREEZE_DEPTH { Err(EncodeError::TooDeep) } else { Ok(()) }
    }

    /// Reads the image of a post. `None` if it is something else, or is to be looked at more closely by
    /// [`Packet::parse`](super::Packet::parse).
    pub(crate) fn read(image: &Bytes, limits: &ThawLimits) -> Result<Option<Self>, StorableError> {
        let mut parts = Parts::default();
        let whole = fields(image, limits, |key, field| parts.take(image, key, field))?;
        Ok(if whole && !parts.odd { parts.post() } else { None })
    }
}

#[derive(Default)]
struct Parts {
    action: bool,
    alias: Option<Text>,
    event: Option<Text>,
    args: Option<Args>,
    call: Option<u64>,
    hops: Option<u64>,
    /// There is something that the slow way understands better.
    odd: bool,
}

impl Parts {
    fn take(&mut self, image: &Bytes, key: &str, field: Field<'_>) {
        let known = match (key, field) {
            ("action", Field::Scalar(token)) => {
                let again = std::mem::replace(&mut self.action, true);
                !again && matches!(&token, Token::Bytes(word) if **word == *b"post")
            }
            ("alias", Field::Scalar(token)) => fresh(&mut self.alias, name(image, token)),
            ("event", Field::Scalar(token)) => fresh(&mut self.event, name(image, token)),
            ("args", Field::List(list)) => fresh(&mut self.args, Some(list.into())),
            ("call", Field::Scalar(token)) => fresh(&mut self.call, number(&token)),
            ("hops", Field::Scalar(token)) => fresh(&mut self.hops, number(&token)),
            ("action" | "alias" | "event" | "args" | "call" | "hops", _) => false,
            _ => true,
        };
        self.odd |= !known;
    }

    fn post(self) -> Option<Post> {
        let hops = self.hops.map_or(0, |hops| u8::try_from(hops).unwrap_or(u8::MAX));
        let (alias, event, args) = (self.alias?, self.event?, self.args?);
        self.action.then_some(Post { alias, event, args, call: self.call, hops })
    }
}

/// Sets what was not set; whether that is so, and there is something.
fn fresh<T>(place: &mut Option<T>, found: Option<T>) -> bool {
    found.is_some() && std::mem::replace(place, found).is_none()
}

fn name(image: &Bytes, token: Token<'_>) -> Option<Text> {
    match token {
        Token::Bytes(Cow::Borrowed(bytes)) if bytes.is_ascii() => Text::from_utf8(slice(image, bytes)).ok(),
        Token::Text(Cow::Borrowed(text)) => Text::from_utf8(slice(image, text.as_bytes())).ok(),
        Token::Bytes(bytes) => name_of(&Value::Bytes(bytes.into_owned().into())),
        Token::Text(text) => Some(Text::from(&*text)),
        Token::Int(number) => name_of(&Value::Int(number)),
        _ => None,
    }
}

fn number(token: &Token<'_>) -> Option<u64> {
    match token {
        Token::Int(number) => u64::try_from(*number).ok(),
        Token::Bytes(digits) => {
            let value = Value::Bytes(digits.to_vec().into());
            value.as_i64().and_then(|number| u64::try_from(number).ok())
        }
        _ => None,
    }
}
