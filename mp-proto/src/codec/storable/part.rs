//! Images in parts: lists that are written from types and read as types, and the fields of a hash.

use bytes::{BufMut, Bytes, BytesMut};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::header::NETWORK;
use super::item::{BYTES, HASH, LONG_BYTES, LONG_UTF8, REFERENCE, UTF8};
use super::plain::{MAX_FREEZE_DEPTH, ThawLimits, copy};
use super::simple::{Item, Key, MAX_LEVELS, Simple, SimpleReader};
use super::write::StorableWriter;
use crate::adaptor::ValueReader;
use crate::text::latin1;
use crate::token::{Token, TokenReader as _, TokenWriter as _};
use crate::{DecodeError, EncodeError, Message, Value, adaptor};

/// A list as it stands in a simple image, which has been checked: it can be read as a type at any time, without values
/// being made of it first, and written into another image as it is `[ST-25]`. Cheap to clone.
#[derive(Debug, Clone)]
pub struct FrozenList {
    /// From the array's opcode on.
    list: Bytes,
}

/// What stands in a hash under a key.
#[derive(Debug)]
#[non_exhaustive]
pub enum Field<'a> {
    /// A scalar.
    Scalar(Token<'a>),
    /// A list.
    List(Span),
    /// A hash.
    Map,
}

/// Where a list stands in an image.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    start: usize,
    end: usize,
}

impl Span {
    /// The list, which keeps `image`: the one that was given to [`fields`], or a copy. Of another one it is of no use,
    /// and no more than that.
    #[must_use]
    pub fn list_of(self, image: &Bytes) -> FrozenList {
        let end = self.end.min(image.len());
        FrozenList { list: image.slice(self.start.min(end)..end) }
    }
}

impl FrozenList {
    /// The list that a message of this content is, by the rules of [`adaptor`]. It leaves room for one hash around it.
    ///
    /// # Errors
    ///
    /// [`EncodeError`]: the type cannot be a message, or is nested as deeply as [`MAX_FREEZE_DEPTH`], or too long.
    pub fn new<T: Serialize + ?Sized>(content: &T) -> Result<Self, EncodeError> {
        let mut out = BytesMut::with_capacity(64);
        write_list(&mut out, content)?;
        Ok(Self { list: out.freeze() })
    }

    /// Bytes of the image that are the list.
    #[must_use]
    pub fn size(&self) -> usize {
        self.list.len()
    }

    /// Reads it as a `T`, as a message is.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] says what does not fit.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, DecodeError> {
        adaptor::read_list(SimpleReader::new(&self.list))
    }

    /// Its elements.
    ///
    /// # Errors
    ///
    /// None that its being checked has not ruled out.
    pub fn to_message(&self) -> Result<Message, DecodeError> {
        adaptor::read_list_message(SimpleReader::new(&self.list))
    }
}

/// Appends a list of a type, from its opcode on.
fn write_list<T: Serialize + ?Sized>(out: &mut BytesMut, content: &T) -> Result<(), EncodeError> {
    let before = out.len();
    let mut writer = StorableWriter::bare(out);
    adaptor::write_list(&mut writer, content)?;
    if writer.deepest() >= MAX_FREEZE_DEPTH {
        return Err(EncodeError::TooDeep);
    }
    short_enough(out.len().saturating_sub(before))
}

fn short_enough(len: usize) -> Result<(), EncodeError> {
    const MAX: usize = i32::MAX.cast_unsigned() as usize;
    if len > MAX { Err(EncodeError::TooLong { len, max: MAX }) } else { Ok(()) }
}

/// Writes the image of a hash, field by field, without values or types around what it has `[ST-25]`. Keys are ASCII.
///
/// ```
/// use bytes::BytesMut;
/// use mp_proto::codec::storable::{FieldsWriter, ThawLimits, thaw};
///
/// let mut image = BytesMut::new();
/// let mut fields = FieldsWriter::new(&mut image, 2);
/// fields.text("event", "add");
/// fields.list("args", &(1, "apple"))?;
/// let value = thaw(&image, &ThawLimits::default()).unwrap();
/// assert_eq!(value.as_map().unwrap().get("event").unwrap().as_str().unwrap(), "add");
/// # Ok::<(), mp_proto::EncodeError>(())
/// ```
#[derive(Debug)]
pub struct FieldsWriter<'a> {
    out: &'a mut BytesMut,
}

impl<'a> FieldsWriter<'a> {
    /// Appends the image of a hash of so many fields to `out`; they are to follow. After an error what was appended is of
    /// no use.
    #[must_use]
    pub fn new(out: &'a mut BytesMut, count: u8) -> Self {
        let [major, minor] = NETWORK;
        out.put_slice(&[major, minor, HASH, 0, 0, 0, count]);
        Self { out }
    }

    fn key(&mut self, key: &'static str) {
        debug_assert!(key.is_ascii(), "other keys need flags");
        self.out.put_i32(i32::try_from(key.len()).unwrap_or(i32::MAX));
        self.out.put_slice(key.as_bytes());
    }

    /// A string.
    #[inline]
    pub fn text(&mut self, key: &'static str, text: &str) {
        let (short, long) = if text.is_ascii() { (BYTES, LONG_BYTES) } else { (UTF8, LONG_UTF8) };
        if let Ok(len) = u8::try_from(text.len()) {
            self.out.put_slice(&[short, len]);
        } else {
            self.out.put_u8(long);
            self.out.put_i32(i32::try_from(text.len()).unwrap_or(i32::MAX));
        }
        self.out.put_slice(text.as_bytes());
        self.key(key);
    }

    /// A number.
    pub fn uint(&mut self, key: &'static str, number: u64) {
        StorableWriter::bare(self.out).uint(number);
        self.key(key);
    }

    /// The list that a message of this content is.
    ///
    /// # Errors
    ///
    /// As for [`FrozenList::new`].
    #[inline]
    pub fn list<T: Serialize + ?Sized>(&mut self, key: &'static str, content: &T) -> Result<(), EncodeError> {
        self.out.put_u8(REFERENCE);
        write_list(self.out, content)?;
        self.key(key);
        Ok(())
    }

    /// A list that is frozen already.
    pub fn frozen(&mut self, key: &'static str, list: &FrozenList) {
        self.out.put_u8(REFERENCE);
        self.out.put_slice(&list.list);
        self.key(key);
    }

    /// A list of values.
    ///
    /// # Errors
    ///
    /// [`EncodeError::TooDeep`] if they are nested as deeply as [`MAX_FREEZE_DEPTH`]; [`EncodeError::TooLong`].
    pub fn values(&mut self, key: &'static str, values: &[Value]) -> Result<(), EncodeError> {
        self.out.put_u8(REFERENCE);
        let before = self.out.len();
        let mut writer = StorableWriter::bare(self.out);
        writer.list(values.len());
        for value in values {
            let mut reader = ValueReader::new(value);
            let next = || reader.next().map_err(|_| EncodeError::TooDeep);
            copy(next, &mut writer, MAX_FREEZE_DEPTH.saturating_sub(2), || EncodeError::TooDeep)?;
        }
        writer.end_list();
        short_enough(self.out.len().saturating_sub(before))?;
        self.key(key);
        Ok(())
    }
}

/// Checks a simple image `[ST-27]` whose root is a hash, and gives what it has under each key, without making values of
/// it. False if it is anything else, sound or not, so that it must be [`thaw`](super::thaw)ed to know; `each` may have
/// been called before.
pub fn fields<'a>(image: &'a [u8], limits: &ThawLimits, each: impl FnMut(&str, Field<'a>)) -> bool {
    // No value is less than a byte.
    limits.values >= image.len() && image.len() <= limits.max_image && simple_fields(image, each).is_some()
}

fn simple_fields<'a>(image: &'a [u8], mut each: impl FnMut(&str, Field<'a>)) -> Option<()> {
    let mut simple = Simple::image(image)?;
    let Item::Hash { flagged, count } = simple.container()? else { return None };
    for _ in 0..count {
        // Behind the reference that is before each array.
        let start = image.len().checked_sub(simple.left())?.checked_add(1)?;
        let item = simple.item()?;
        simple.pass(item, MAX_LEVELS)?;
        let end = image.len().checked_sub(simple.left())?;
        let field = match item {
            Item::Null => Field::Scalar(Token::Null),
            Item::Int(number) => Field::Scalar(Token::Int(number)),
            Item::Bytes(bytes) => Field::Scalar(Token::Bytes(bytes.into())),
            Item::Text(text) => Field::Scalar(Token::Text(text.into())),
            Item::Array(_) => Field::List(Span { start, end }),
            Item::Hash { .. } => Field::Map,
        };
        match simple.key(flagged)? {
            Key::Bytes(bytes) => each(&latin1(bytes), field),
            Key::Text(text) => each(text, field),
        }
    }
    (simple.left() == 0).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Map;
    use crate::codec::storable::{freeze, thaw};

    fn post() -> Value {
        let inner: Map = [("k\u{e9}y", Value::from(vec![Value::from(1)]))].into_iter().collect();
        let args = vec![Value::from(7), "apple".into(), inner.into(), vec![Value::Null].into()];
        let post = [("alias", Value::from("a")), ("args", args.into()), ("none", Value::Null)];
        Value::from(post.into_iter().collect::<Map>())
    }

    /// [ST-25]
    #[test]
    fn the_fields_of_a_hash_are_what_thaw_makes_of_them() {
        let image = freeze(&post()).unwrap();
        let mut seen = Vec::new();
        let whole = fields(&image, &ThawLimits::default(), |key, field| match field {
            Field::List(span) => {
                let list = span.list_of(&image);
                let message = list.to_message().unwrap();
                let (number, name): (i64, String) = list.decode().unwrap();
                assert_eq!((number, name.as_str()), (7, "apple"));
                let mut out = BytesMut::new();
                FieldsWriter::new(&mut out, 1).frozen("args", &list);
                let again = thaw(&out, &ThawLimits::default()).unwrap();
                let again = again.as_map().and_then(|map| map.get("args")).unwrap();
                assert_eq!(*again, Value::List(message.into_values()));
                seen.push((key.to_owned(), again.clone()));
            }
            field => seen.push((key.to_owned(), format!("{field:?}").as_str().into())),
        });
        assert!(whole);
        assert_eq!(seen.len(), 3);
        let Value::Map(map) = post() else { panic!("a hash") };
        assert_eq!(seen.iter().find(|(key, _)| key == "args").map(|(_, args)| args), map.get("args"));
        let list = freeze(&Value::List(vec![1.into()])).unwrap();
        assert!(!fields(&list, &ThawLimits::default(), |_, _| {}));
    }

    /// [ST-25]
    #[test]
    fn a_list_of_a_type_is_the_image_of_its_message() {
        let list = FrozenList::new(&(1, "x", [2.5])).unwrap();
        let values = Message::new(&(1, "x", [2.5])).unwrap();
        assert_eq!(list.list, freeze(&Value::List(values.into_values())).unwrap()[2..]);
        assert_eq!(list.decode::<(i64, String, Vec<f64>)>().unwrap(), (1, "x".into(), vec![2.5]));
        let mut deep = Value::Null;
        for _ in 0..MAX_FREEZE_DEPTH - 1 {
            deep = Value::List(vec![deep]);
        }
        assert_eq!(FrozenList::new(&(&deep,)).unwrap_err(), EncodeError::TooDeep);
    }

    /// [ST-25]
    #[test]
    fn what_is_embedded_is_what_would_have_been_written() {
        let content = (1, "x", [("\u{e9}", 300)].into_iter().collect::<Map>());
        let list = FrozenList::new(&content).unwrap();
        let mut outs = [BytesMut::new(), BytesMut::new(), BytesMut::new()];
        let [frozen, typed, values] = &mut outs;
        FieldsWriter::new(frozen, 1).frozen("args", &list);
        FieldsWriter::new(typed, 1).list("args", &content).unwrap();
        FieldsWriter::new(values, 1).values("args", list.to_message().unwrap().values()).unwrap();
        let [frozen, typed, values] = outs;
        // The one has texts and the other byte strings, which are written alike.
        assert_eq!((&frozen, &frozen), (&typed, &values));
    }

    /// [ST-25]: as deep as may be, and no deeper.
    #[test]
    fn deep_lists_are_read_as_they_were_written() {
        let mut deep = Value::Null;
        for _ in 0..MAX_FREEZE_DEPTH - 2 {
            deep = Value::from([("k", deep)].into_iter().collect::<Map>());
        }
        let list = FrozenList::new(&(&deep,)).unwrap();
        assert_eq!(list.to_message().unwrap().values(), [deep.clone()]);
        let mut out = BytesMut::new();
        FieldsWriter::new(&mut out, 1).values("args", std::slice::from_ref(&deep)).unwrap();
        assert!(thaw(&out, &ThawLimits::default()).is_ok());
        let deeper = Value::List(vec![deep]);
        let mut fields = FieldsWriter::new(&mut out, 1);
        assert_eq!(fields.values("args", std::slice::from_ref(&deeper)), Err(EncodeError::TooDeep));
        assert_eq!(fields.list("args", &(&deeper,)), Err(EncodeError::TooDeep));
    }
}
