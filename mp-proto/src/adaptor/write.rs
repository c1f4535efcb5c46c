//! A user's type as tokens.

mod count;
mod key;
mod list;
mod map;
mod root;

use serde::ser::{Serialize, Serializer};

pub(super) use list::Around;
use list::{List, Seq};
use map::{Entries, MapWriter};
pub(super) use root::Root;

use crate::EncodeError;
use crate::token::TokenWriter;

/// Writes one value within a message. `EXACT` says that `W` must be told how long a list or map is when it begins.
pub(super) struct Item<'w, W, const EXACT: bool> {
    w: &'w mut W,
    /// How many levels of lists and maps may still begin.
    room: usize,
}

/// The writer takes no more. Who gave it a bound asks the writer itself, and not for this.
#[cold]
fn full() -> EncodeError {
    EncodeError::TooLong { len: usize::MAX, max: usize::MAX }
}

impl<'w, W: TokenWriter, const EXACT: bool> Item<'w, W, EXACT> {
    /// The room within a list or map that begins here.
    #[inline]
    fn inside(&self) -> Result<usize, EncodeError> {
        self.room.checked_sub(1).ok_or(EncodeError::TooDeep)
    }

    #[inline]
    fn list(self, tag: Option<&str>, len: usize) -> Result<List<'w, W, EXACT>, EncodeError> {
        let room = self.inside()?;
        Ok(List::new(self.w, Around::NOTHING, room, tag, Some(len)))
    }
}

/// Methods that write one token and do no more.
macro_rules! scalars {
    ($($method:ident($argument:ident: $type:ty) => $token:ident($form:expr);)*) => {$(
        #[inline(always)]
        fn $method(self, $argument: $type) -> Result<(), EncodeError> {
            self.w.$token($form);
            Ok(())
        }
    )*};
}

impl<'w, W: TokenWriter, const EXACT: bool> Serializer for Item<'w, W, EXACT> {
    type Ok = ();
    type Error = EncodeError;
    type SerializeSeq = Seq<'w, W, EXACT>;
    type SerializeTuple = List<'w, W, EXACT>;
    type SerializeTupleStruct = List<'w, W, EXACT>;
    type SerializeTupleVariant = List<'w, W, EXACT>;
    type SerializeMap = MapWriter<'w, W, EXACT>;
    type SerializeStruct = Entries<'w, W, EXACT>;
    type SerializeStructVariant = Entries<'w, W, EXACT>;

    scalars! {
        serialize_bool(value: bool) => bool(value);
        serialize_i8(number: i8) => int(number.into());
        serialize_i16(number: i16) => int(number.into());
        serialize_i32(number: i32) => int(number.into());
        serialize_i64(number: i64) => int(number);
        serialize_u8(number: u8) => uint(number.into());
        serialize_u16(number: u16) => uint(number.into());
        serialize_u32(number: u32) => uint(number.into());
        serialize_u64(number: u64) => uint(number);
        serialize_f32(number: f32) => float(number.into());
        serialize_f64(number: f64) => float(number);
        serialize_char(character: char) => text(character.encode_utf8(&mut [0; 4]));
        serialize_str(text: &str) => text(text);
        serialize_bytes(bytes: &[u8]) => bytes(bytes);
    }

    fn serialize_i128(self, number: i128) -> Result<(), EncodeError> {
        match (i64::try_from(number), u64::try_from(number)) {
            (Ok(number), _) => self.serialize_i64(number),
            (_, Ok(number)) => self.serialize_u64(number),
            _ => Err(EncodeError::Integer(number.to_string())),
        }
    }

    fn serialize_u128(self, number: u128) -> Result<(), EncodeError> {
        match u64::try_from(number) {
            Ok(number) => self.serialize_u64(number),
            Err(_) => Err(EncodeError::Integer(number.to_string())),
        }
    }

    #[inline]
    fn serialize_none(self) -> Result<(), EncodeError> {
        self.w.null();
        Ok(())
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), EncodeError> {
        value.serialize(self)
    }

    #[inline]
    fn serialize_unit(self) -> Result<(), EncodeError> {
        self.serialize_none()
    }

    #[inline]
    fn serialize_unit_struct(self, _: &'static str) -> Result<(), EncodeError> {
        self.serialize_none()
    }

    #[inline]
    fn serialize_unit_variant(self, _: &'static str, _: u32, tag: &'static str) -> Result<(), EncodeError> {
        self.serialize_str(tag)
    }

    #[inline(always)]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), EncodeError> {
        value.serialize(self)
    }

    #[inline]
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        tag: &'static str,
        value: &T,
    ) -> Result<(), EncodeError> {
        let mut list = self.list(Some(tag), 1)?;
        serde::ser::SerializeTuple::serialize_element(&mut list, value)?;
        serde::ser::SerializeTuple::end(list)
    }

    #[inline]
    fn serialize_seq(self, len: Option<usize>) -> Result<Self::SerializeSeq, EncodeError> {
        let room = self.inside()?;
        Ok(Seq::new(self.w, Around::NOTHING, room, len))
    }

    #[inline]
    fn serialize_tuple(self, len: usize) -> Result<Self::SerializeTuple, EncodeError> {
        self.list(None, len)
    }

    #[inline]
    fn serialize_tuple_struct(
        self,
        _: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleStruct, EncodeError> {
        self.list(None, len)
    }

    #[inline]
    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        tag: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleVariant, EncodeError> {
        self.list(Some(tag), len)
    }

    #[inline]
    fn serialize_map(self, len: Option<usize>) -> Result<Self::SerializeMap, EncodeError> {
        let room = self.inside()?;
        Ok(MapWriter::new(self.w, None, room, len))
    }

    #[inline]
    fn serialize_struct(self, _: &'static str, len: usize) -> Result<Self::SerializeStruct, EncodeError> {
        let room = self.inside()?;
        Ok(Entries::new(self.w, None, room, Some(len)))
    }

    #[inline]
    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        tag: &'static str,
        len: usize,
    ) -> Result<Self::SerializeStructVariant, EncodeError> {
        // Two levels: the list of the tag and the map, and the map.
        let room = self.room.checked_sub(2).ok_or(EncodeError::TooDeep)?;
        Around::NOTHING.open(self.w, 2);
        self.w.text(tag);
        Ok(Entries::new(self.w, Some(Around::NOTHING), room, Some(len)))
    }
}
