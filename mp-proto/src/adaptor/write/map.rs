//! Maps being written.

use serde::ser::{Serialize, SerializeMap, SerializeStruct, SerializeStructVariant};

use super::count::Count;
use super::key::Key;
use super::list::Around;
use super::{Item, full};
use crate::EncodeError;
use crate::adaptor::values::{ValueWriter, write_value};
use crate::token::TokenWriter;

/// A map that has begun, and knows how many entries come.
pub(in crate::adaptor) struct Entries<'w, W, const EXACT: bool> {
    w: &'w mut W,
    /// The list that ends with the map, if there is one.
    list: Option<Around<'w>>,
    room: usize,
    count: Count,
}

impl<'w, W: TokenWriter, const EXACT: bool> Entries<'w, W, EXACT> {
    /// Begins a map of `len` entries whose values may nest `room` levels deep.
    #[inline]
    pub(super) fn new(w: &'w mut W, list: Option<Around<'w>>, room: usize, len: Option<usize>) -> Self {
        w.map(len.unwrap_or(0));
        Self { w, list, room, count: Count::new(len) }
    }

    #[inline]
    fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        value.serialize(Item::<W, EXACT> { w: self.w, room: self.room })?;
        if self.w.is_full() {
            return Err(full());
        }
        self.count.done();
        Ok(())
    }

    #[inline]
    fn field<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), EncodeError> {
        self.count.begin()?;
        self.w.key(name);
        self.value(value)
    }

    #[inline]
    fn finish(self) -> Result<(), EncodeError> {
        self.count.end()?;
        self.w.end_map();
        if let Some(around) = self.list {
            around.close(self.w);
        }
        Ok(())
    }
}

/// A map whose length is not known before its end: gathered, then written.
pub(in crate::adaptor) struct GatheredMap<'w, W> {
    w: &'w mut W,
    list: Option<Around<'w>>,
    room: usize,
    count: Count,
    values: ValueWriter,
}

impl<W: TokenWriter> GatheredMap<'_, W> {
    fn finish(mut self) -> Result<(), EncodeError> {
        self.count.end()?;
        self.values.end_map();
        write_value(self.w, &self.values.finish().unwrap_or_default());
        if let Some(around) = self.list {
            around.close(self.w);
        }
        Ok(())
    }
}

/// A map: of a length that is known or not.
pub(in crate::adaptor) enum MapWriter<'w, W, const EXACT: bool> {
    Counted(Entries<'w, W, EXACT>),
    Gathered(Box<GatheredMap<'w, W>>),
}

impl<'w, W: TokenWriter, const EXACT: bool> MapWriter<'w, W, EXACT> {
    #[inline]
    pub(super) fn new(w: &'w mut W, list: Option<Around<'w>>, room: usize, len: Option<usize>) -> Self {
        if EXACT && len.is_none() {
            return Self::gathered(w, list, room);
        }
        Self::Counted(Entries::new(w, list, room, len))
    }

    #[cold]
    fn gathered(w: &'w mut W, list: Option<Around<'w>>, room: usize) -> Self {
        let mut values = ValueWriter::default();
        values.map(0);
        Self::Gathered(Box::new(GatheredMap { w, list, room, count: Count::new(None), values }))
    }
}

impl<W: TokenWriter, const EXACT: bool> SerializeMap for MapWriter<'_, W, EXACT> {
    type Ok = ();
    type Error = EncodeError;

    #[inline]
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), EncodeError> {
        match self {
            Self::Counted(map) => {
                map.count.begin()?;
                key.serialize(Key(map.w))?;
                map.count.keyed();
            }
            Self::Gathered(map) => {
                map.count.begin()?;
                key.serialize(Key(&mut map.values))?;
                map.count.keyed();
            }
        }
        Ok(())
    }

    #[inline]
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        match self {
            Self::Counted(map) => {
                map.count.begin_value()?;
                map.value(value)
            }
            Self::Gathered(map) => {
                map.count.begin_value()?;
                value.serialize(Item::<_, false> { w: &mut map.values, room: map.room })?;
                map.count.done();
                Ok(())
            }
        }
    }

    #[inline]
    fn end(self) -> Result<(), EncodeError> {
        match self {
            Self::Counted(map) => map.finish(),
            Self::Gathered(map) => map.finish(),
        }
    }
}

macro_rules! by_name {
    ($($trait:ident),*) => {$(
        impl<W: TokenWriter, const EXACT: bool> $trait for Entries<'_, W, EXACT> {
            type Ok = ();
            type Error = EncodeError;

            #[inline]
            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), EncodeError> {
                self.field(name, value)
            }

            #[inline]
            fn end(self) -> Result<(), EncodeError> {
                self.finish()
            }
        }
    )*};
}
by_name!(SerializeStruct, SerializeStructVariant);
