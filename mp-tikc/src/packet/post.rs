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
        post.write(StorableWriter::new(&mut out)).unwrap();
        out.freeze()
    }

    fn read(image: &Bytes) -> Option<Post> {
        Post::read(image, &ThawLimits::default()).unwrap()
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
