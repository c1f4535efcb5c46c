//! Images in parts: lists that are written from types and read as types, and the fields of a hash.

use bytes::{Bytes, BytesMut};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::StorableError;
use super::plain::{MAX_FREEZE_DEPTH, ThawLimits, copy};
use super::read::{Place, StorableReader};
use super::write::StorableWriter;
use crate::token::Token;
use crate::{DecodeError, EncodeError, Message, Value, adaptor};

/// A list within an image that has been checked, and shares nothing: it can be read as a type at any time, without
/// values being made of it first `[ST-25]`. Cheap to clone.
#[derive(Debug, Clone)]
pub struct FrozenList {
    image: Bytes,
    /// Where the list stands; none if the image is this list, written by [`FrozenList::new`].
    place: Option<Place>,
}

/// What stands in a hash under a key.
#[derive(Debug)]
#[non_exhaustive]
pub enum Field<'a> {
    /// A scalar.
    Scalar(Token<'a>),
    /// A list.
    List(FrozenList),
    /// A hash.
    Map,
}

impl FrozenList {
    /// The list that a message of this content is, by the rules of [`adaptor`]. It leaves room for one hash around it.
    ///
    /// # Errors
    ///
    /// [`EncodeError`]: the type cannot be a message, or is nested as deeply as [`MAX_FREEZE_DEPTH`], or too long.
    pub fn new<T: Serialize + ?Sized>(content: &T) -> Result<Self, EncodeError> {
        const MAX: usize = i32::MAX.cast_unsigned() as usize;
        let mut out = BytesMut::with_capacity(64);
        let mut writer = StorableWriter::new(&mut out);
        adaptor::write_list(&mut writer, content)?;
        if writer.deepest() >= MAX_FREEZE_DEPTH {
            return Err(EncodeError::TooDeep);
        }
        if out.len() > MAX {
            return Err(EncodeError::TooLong { len: out.len(), max: MAX });
        }
        Ok(Self { image: out.freeze(), place: None })
    }

    /// Bytes of the image that it keeps.
    #[must_use]
    pub fn size(&self) -> usize {
        self.image.len()
    }

    /// Reads it as a `T`, as a message is.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] says what does not fit.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, DecodeError> {
        adaptor::read_list(self.reader()?)
    }

    /// Its elements.
    ///
    /// # Errors
    ///
    /// None that its being checked has not ruled out.
    pub fn to_message(&self) -> Result<Message, DecodeError> {
        adaptor::read_list_message(self.reader()?)
    }

    fn reader(&self) -> Result<StorableReader<'_>, StorableError> {
        let mut reader = StorableReader::any(&self.image, &ThawLimits::default());
        if let Some(place) = self.place {
            reader.go(place)?;
        }
        Ok(reader)
    }
}

impl StorableWriter<'_> {
    /// Writes a list that is frozen already.
    ///
    /// # Errors
    ///
    /// None that its being checked has not ruled out.
    pub fn frozen(&mut self, list: &FrozenList) -> Result<(), EncodeError> {
        if list.place.is_none() {
            self.embed(&list.image);
            return Ok(());
        }
        let mut reader = list.reader().map_err(|_| EncodeError::TooDeep)?;
        copy(|| reader.token(), self, usize::MAX, || StorableError::TooDeep).map_err(|_| EncodeError::TooDeep)
    }

    /// Writes a list of values.
    ///
    /// # Errors
    ///
    /// [`EncodeError::TooDeep`].
    pub fn values(&mut self, values: &[Value]) -> Result<(), EncodeError> {
        use crate::adaptor::ValueReader;
        use crate::token::{TokenReader as _, TokenWriter as _};
        self.list(values.len());
        for value in values {
            let mut reader = ValueReader::new(value);
            let next = || reader.next().map_err(|_| EncodeError::TooDeep);
            copy(next, self, MAX_FREEZE_DEPTH, || EncodeError::TooDeep)?;
        }
        self.end_list();
        Ok(())
    }
}

/// Checks an image whose root is a hash, and gives what it has under each key, without making values of it. False if
/// the root is something else, or something is shared, so that it must be [`thaw`](super::thaw)ed; `each` may have been
/// called before.
///
/// # Errors
///
/// [`StorableError`] says what is wrong or not taken, and where.
pub fn fields(
    image: &Bytes,
    limits: &ThawLimits,
    mut each: impl FnMut(&str, Field<'_>),
) -> Result<bool, StorableError> {
    if image.len() > limits.max_image {
        return Err(StorableError::TooLong { max: limits.max_image });
    }
    let mut reader = StorableReader::any(image, limits);
    let Token::Map(_) = reader.token()? else { return Ok(false) };
    if reader.is_shared() {
        return Ok(false);
    }
    loop {
        let Token::Key(key) = reader.token()? else { return Ok(true) };
        let place = reader.place();
        match reader.token()? {
            Token::List(_) => {
                each(&key, Field::List(FrozenList { image: image.clone(), place: Some(place) }));
                reader.pass(place)?;
            }
            Token::Map(_) => {
                each(&key, Field::Map);
                reader.pass(place)?;
            }
            scalar => each(&key, Field::Scalar(scalar)),
        }
    }
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
            Field::List(list) => {
                let message = list.to_message().unwrap();
                let (number, name): (i64, String) = list.decode().unwrap();
                assert_eq!((number, name.as_str()), (7, "apple"));
                let mut out = BytesMut::new();
                StorableWriter::new(&mut out).frozen(&list).unwrap();
                let again = thaw(&out, &ThawLimits::default()).unwrap();
                assert_eq!(again, Value::List(message.into_values()));
                seen.push((key.to_owned(), again));
            }
            field => seen.push((key.to_owned(), format!("{field:?}").as_str().into())),
        });
        assert_eq!(whole, Ok(true));
        assert_eq!(seen.len(), 3);
        let Value::Map(map) = post() else { panic!("a hash") };
        assert_eq!(seen.iter().find(|(key, _)| key == "args").map(|(_, args)| args), map.get("args"));
        let list = freeze(&Value::List(vec![1.into()])).unwrap();
        assert_eq!(fields(&list, &ThawLimits::default(), |_, _| {}), Ok(false));
    }

    /// [ST-25]
    #[test]
    fn a_list_of_a_type_is_the_image_of_its_message() {
        let list = FrozenList::new(&(1, "x", [2.5])).unwrap();
        let values = Message::new(&(1, "x", [2.5])).unwrap();
        assert_eq!(list.image, freeze(&Value::List(values.into_values())).unwrap());
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
        let list = FrozenList::new(&(1, "x")).unwrap();
        let (mut out, mut written) = (BytesMut::new(), BytesMut::new());
        for (out, frozen) in [(&mut out, true), (&mut written, false)] {
            use crate::token::TokenWriter as _;
            let mut writer = StorableWriter::new(out);
            writer.map(1);
            writer.key("args");
            if frozen {
                writer.frozen(&list).unwrap();
            } else {
                writer.values(list.to_message().unwrap().values()).unwrap();
            }
            writer.end_map();
        }
        // The one has texts and the other byte strings, which are written alike.
        assert_eq!(out, written);
    }
}
