//! A user's type as the list that a message is.

use serde::ser::{Serialize, SerializeTuple, Serializer};

use super::Item;
use super::list::{Around, List, Seq};
use super::map::{Entries, MapWriter};
use crate::EncodeError;
use crate::token::{MAX_DEPTH, TokenWriter};

/// The room within the message's own list, which counts as one level.
const ROOM: usize = MAX_DEPTH - 1;

/// Writes a message, between what stands `around` it in its list.
pub(in crate::adaptor) struct Root<'w, W, const EXACT: bool> {
    pub(in crate::adaptor) w: &'w mut W,
    pub(in crate::adaptor) around: Around<'w>,
}

impl<'w, W: TokenWriter, const EXACT: bool> Root<'w, W, EXACT> {
    #[inline(always)]
    fn list(self, tag: Option<&str>, len: usize) -> List<'w, W, EXACT> {
        List::new(self.w, self.around, ROOM, tag, Some(len))
    }

    /// The message of `tag`, if there is one, and `value`.
    #[inline]
    fn one<T: Serialize + ?Sized>(self, tag: Option<&str>, value: &T) -> Result<(), EncodeError> {
        let mut list = self.list(tag, 1);
        list.serialize_element(value)?;
        SerializeTuple::end(list)
    }

    /// Begins the message for its only element, or the only one behind `tag`, which is a map.
    #[inline]
    fn open(&mut self, tag: Option<&str>) {
        self.around.open(self.w, 1 + usize::from(tag.is_some()));
        if let Some(tag) = tag {
            self.w.text(tag);
        }
    }
}

/// Methods whose argument becomes the message's only element.
macro_rules! scalars {
    ($($method:ident: $type:ty),*) => {$(
        #[inline]
        fn $method(self, value: $type) -> Result<(), EncodeError> {
            self.around.open(self.w, 1);
            Item::<W, EXACT> { w: self.w, room: ROOM }.$method(value)?;
            self.around.close(self.w);
            Ok(())
        }
    )*};
}

impl<'w, W: TokenWriter, const EXACT: bool> Serializer for Root<'w, W, EXACT> {
    type Ok = ();
    type Error = EncodeError;
    type SerializeSeq = Seq<'w, W, EXACT>;
    type SerializeTuple = List<'w, W, EXACT>;
    type SerializeTupleStruct = List<'w, W, EXACT>;
    type SerializeTupleVariant = List<'w, W, EXACT>;
    type SerializeMap = MapWriter<'w, W, EXACT>;
    type SerializeStruct = Entries<'w, W, EXACT>;
    type SerializeStructVariant = Entries<'w, W, EXACT>;

    scalars!(serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64, serialize_i128: i128);
    scalars!(serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64, serialize_u128: u128);
    scalars!(serialize_f32: f32, serialize_f64: f64, serialize_bool: bool, serialize_char: char);
    scalars!(serialize_str: &str, serialize_bytes: &[u8]);

    fn serialize_none(self) -> Result<(), EncodeError> {
        self.around.open(self.w, 1);
        self.w.null();
        self.around.close(self.w);
        Ok(())
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), EncodeError> {
        value.serialize(self)
    }

    #[inline]
    fn serialize_unit(self) -> Result<(), EncodeError> {
        SerializeTuple::end(self.list(None, 0))
    }

    #[inline]
    fn serialize_unit_struct(self, _: &'static str) -> Result<(), EncodeError> {
        self.serialize_unit()
    }

    #[inline]
    fn serialize_unit_variant(self, _: &'static str, _: u32, tag: &'static str) -> Result<(), EncodeError> {
        SerializeTuple::end(self.list(Some(tag), 0))
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
        self.one(Some(tag), value)
    }

    #[inline]
    fn serialize_seq(self, len: Option<usize>) -> Result<Self::SerializeSeq, EncodeError> {
        Ok(Seq::new(self.w, self.around, ROOM, len))
    }

    #[inline]
    fn serialize_tuple(self, len: usize) -> Result<Self::SerializeTuple, EncodeError> {
        Ok(self.list(None, len))
    }

    #[inline]
    fn serialize_tuple_struct(
        self,
        _: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleStruct, EncodeError> {
        Ok(self.list(None, len))
    }

    #[inline(always)]
    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        tag: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleVariant, EncodeError> {
        Ok(self.list(Some(tag), len))
    }

    #[inline]
    fn serialize_map(mut self, len: Option<usize>) -> Result<Self::SerializeMap, EncodeError> {
        self.open(None);
        Ok(MapWriter::new(self.w, Some(self.around), ROOM - 1, len))
    }

    #[inline]
    fn serialize_struct(mut self, _: &'static str, len: usize) -> Result<Self::SerializeStruct, EncodeError> {
        self.open(None);
        Ok(Entries::new(self.w, Some(self.around), ROOM - 1, Some(len)))
    }

    #[inline]
    fn serialize_struct_variant(
        mut self,
        _: &'static str,
        _: u32,
        tag: &'static str,
        len: usize,
    ) -> Result<Self::SerializeStructVariant, EncodeError> {
        self.open(Some(tag));
        Ok(Entries::new(self.w, Some(self.around), ROOM - 1, Some(len)))
    }
}
