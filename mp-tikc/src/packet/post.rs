//! Posts, which are most of the traffic, written to and read from images without values in between.

use std::borrow::Cow;

use bytes::{Bytes, BytesMut};
use mp_proto::codec::storable::{Field, FieldsWriter, Span, ThawLimits, fields};
use mp_proto::token::Token;
use mp_proto::{EncodeError, Text, Value};
use serde::Serialize;

use super::Post;
use crate::names::name_of;

/// Appends the image of a post from here `[TK-45]`. After an error what was appended is of no use.
#[inline]
pub(crate) fn write_post<A: Serialize>(
    out: &mut BytesMut,
    alias: &str,
    event: &str,
    args: &A,
) -> Result<(), EncodeError> {
    let mut fields = begin(out, alias, event, 4);
    fields.list("args", args)
}

#[inline]
fn begin<'a>(out: &'a mut BytesMut, alias: &str, event: &str, count: u8) -> FieldsWriter<'a> {
    let mut fields = FieldsWriter::new(out, count);
    fields.text("action", "post");
    fields.text("alias", alias);
    fields.text("event", event);
    fields
}

impl Post {
    /// Appends the image of the post `[TK-45]`. After an error what was appended is of no use.
    pub(crate) fn write(&self, out: &mut BytesMut) -> Result<(), EncodeError> {
        let count = 4 + u8::from(self.call.is_some()) + u8::from(self.hops > 0);
        let mut fields = begin(out, &self.alias, &self.event, count);
        self.args.write(&mut fields)?;
        if let Some(call) = self.call {
            fields.uint("call", call);
        }
        if self.hops > 0 {
            fields.uint("hops", self.hops.into());
        }
        Ok(())
    }
}

/// What the image of a post says.
#[derive(Debug)]
pub(crate) struct Parts<'a> {
    pub(crate) alias: Cow<'a, str>,
    pub(crate) event: Cow<'a, str>,
    args: Span,
    pub(crate) call: Option<u64>,
    hops: u8,
}

impl<'a> Parts<'a> {
    /// Reads the image of a post. `None` if it is something else, or is to be looked at more closely by
    /// [`Packet::parse`](super::Packet::parse).
    pub(crate) fn read(image: &'a [u8], limits: &ThawLimits) -> Option<Self> {
        let mut found = Found::default();
        let whole = fields(image, limits, |key, field| found.take(key, field));
        if whole && !found.odd { found.parts() } else { None }
    }

    /// The post; `own` is a copy of `image`, which it keeps.
    pub(crate) fn keep(self, image: &[u8], own: &Bytes) -> Post {
        let text = |name: Cow<'_, str>| match name {
            Cow::Borrowed(name) => {
                let start = name.as_ptr().addr().wrapping_sub(image.as_ptr().addr());
                own.get(start..start.wrapping_add(name.len()))
                    .and_then(|part| Text::from_utf8(own.slice_ref(part)).ok())
                    .unwrap_or_else(|| name.into())
            }
            Cow::Owned(name) => name.into(),
        };
        let (alias, event, args) = (text(self.alias), text(self.event), self.args.list_of(own).into());
        Post { alias, event, args, call: self.call, hops: self.hops }
    }
}

#[derive(Default)]
struct Found<'a> {
    action: bool,
    alias: Option<Cow<'a, str>>,
    event: Option<Cow<'a, str>>,
    args: Option<Span>,
    call: Option<u64>,
    hops: Option<u64>,
    /// There is something that the slow way understands better.
    odd: bool,
}

impl<'a> Found<'a> {
    #[inline]
    fn take(&mut self, key: &str, field: Field<'a>) {
        let known = match (key, field) {
            ("action", Field::Scalar(token)) => {
                let again = std::mem::replace(&mut self.action, true);
                !again && matches!(&token, Token::Bytes(word) if **word == *b"post")
            }
            ("alias", Field::Scalar(token)) => fresh(&mut self.alias, name(token)),
            ("event", Field::Scalar(token)) => fresh(&mut self.event, name(token)),
            ("args", Field::List(list)) => fresh(&mut self.args, Some(list)),
            ("call", Field::Scalar(token)) => fresh(&mut self.call, number(&token)),
            ("hops", Field::Scalar(token)) => fresh(&mut self.hops, number(&token)),
            ("action" | "alias" | "event" | "args" | "call" | "hops", _) => false,
            _ => true,
        };
        self.odd |= !known;
    }

    fn parts(self) -> Option<Parts<'a>> {
        let hops = self.hops.map_or(0, |hops| u8::try_from(hops).unwrap_or(u8::MAX));
        let (alias, event, args) = (self.alias?, self.event?, self.args?);
        self.action.then_some(Parts { alias, event, args, call: self.call, hops })
    }
}

/// Sets what was not set; whether that is so, and there is something.
fn fresh<T>(place: &mut Option<T>, found: Option<T>) -> bool {
    found.is_some() && std::mem::replace(place, found).is_none()
}

fn name(token: Token<'_>) -> Option<Cow<'_, str>> {
    let value = match token {
        Token::Bytes(Cow::Borrowed(bytes)) if bytes.is_ascii() => {
            return std::str::from_utf8(bytes).ok().map(Cow::Borrowed);
        }
        Token::Text(text) => return Some(text),
        Token::Bytes(bytes) => Value::Bytes(bytes.into_owned().into()),
        Token::Int(number) => Value::Int(number),
        _ => return None,
    };
    name_of(&value).map(|name| Cow::Owned(name.as_str().to_owned()))
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

#[cfg(test)]
mod tests {
    use bytes::BytesMut;
    use mp_proto::Map;
    use mp_proto::codec::storable::{freeze, thaw};
    use proptest::prelude::{Just, Strategy, any, prop, prop_oneof, proptest};

    use super::*;
    use crate::packet::Packet;

    fn values() -> impl Strategy<Value = Value> {
        let scalar = prop_oneof![
            Just(Value::Null),
            any::<i32>().prop_map(Value::from),
            any::<f64>().prop_map(|number| Value::from(number.to_string().as_str())),
            ".{0,8}".prop_map(|text| Value::from(text.as_str())),
            Just(Value::from("post")),
            prop::collection::vec(any::<u8>(), 0..8).prop_map(|bytes| Value::Bytes(bytes.into())),
        ];
        scalar.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::List),
                prop::collection::vec((".{0,4}", inner), 0..4)
                    .prop_map(|entries| Value::Map(entries.into_iter().collect())),
            ]
        })
    }

    fn posts() -> impl Strategy<Value = Post> {
        let args = prop::collection::vec(values(), 0..4);
        (".{0,6}", ".{0,6}", args, any::<Option<u64>>(), any::<u8>()).prop_map(
            |(alias, event, args, call, hops)| {
                let call = call.map(|call| call >> 1);
                Post {
                    alias: alias.as_str().into(),
                    event: event.as_str().into(),
                    args: args.into(),
                    call,
                    hops,
                }
            },
        )
    }

    fn written(post: &Post) -> Bytes {
        let mut out = BytesMut::new();
        post.write(&mut out).unwrap();
        out.freeze()
    }

    fn read(image: &Bytes) -> Option<Post> {
        Some(Parts::read(image, &ThawLimits::default())?.keep(image, &Bytes::copy_from_slice(image)))
    }

    proptest! {
        /// [TK-45]: without values in between a post is read as it is with them, also when it was passed on.
        #[test]
        fn posts_survive_the_trip_as_images(post in posts()) {
            let image = written(&post);
            let slow = Packet::parse(thaw(&image, &ThawLimits::default()).unwrap());
            let fast = read(&image).expect("it is a post");
            assert_eq!(slow, Ok(Packet::Post(fast.clone())));
            assert_eq!(slow, Ok(Packet::Post(post)));
            assert_eq!(read(&written(&fast)), Some(fast));
        }

        /// [TK-45]: whatever a hash has, it is left to the slow way, or understood alike.
        #[test]
        fn odd_hashes_are_understood_alike(
            entries in prop::collection::vec(("action|alias|event|args|call|hops|x", values()), 0..7),
        ) {
            let map: Map = entries.into_iter().collect();
            let image = freeze(&Value::Map(map)).unwrap();
            if let Some(post) = read(&image) {
                let slow = Packet::parse(thaw(&image, &ThawLimits::default()).unwrap());
                assert_eq!(slow, Ok(Packet::Post(post)));
            }
        }
    }
}
