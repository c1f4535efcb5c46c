//! Lists being written.

use serde::ser::{Serialize, SerializeSeq, SerializeTuple, SerializeTupleStruct, SerializeTupleVariant};

use super::count::Count;
use super::{Item, full};
use crate::adaptor::values::{ValueWriter, write_value};
use crate::token::TokenWriter;
use crate::{EncodeError, PortId};

/// What stands around the elements in their list: in a frame the port's name before and a reply port behind them.
#[derive(Clone, Copy)]
pub(in crate::adaptor) struct Around<'w> {
    pub(in crate::adaptor) port: Option<&'w str>,
    pub(in crate::adaptor) reply: Option<&'w PortId>,
}

impl Around<'_> {
    pub(in crate::adaptor) const NOTHING: Self = Self { port: None, reply: None };

    /// Begins the list for `len` elements.
    #[inline(always)]
    pub(super) fn open<W: TokenWriter>(self, w: &mut W, len: usize) {
        let more = usize::from(self.port.is_some()) + usize::from(self.reply.is_some());
        match self.port {
            Some(port) => w.list_of_text(len.saturating_add(more), port),
            None => w.list(len.saturating_add(more)),
        }
    }

    /// Ends the list.
    #[inline(always)]
    pub(super) fn close<W: TokenWriter>(self, w: &mut W) {
        if let Some(reply) = self.reply {
            w.text(reply.as_str());
        }
        w.end_list();
    }
}

/// A list that has begun, and knows how many elements come.
pub(in crate::adaptor) struct List<'w, W, const EXACT: bool> {
    w: &'w mut W,
    around: Around<'w>,
    room: usize,
    count: Count,
}

impl<'w, W: TokenWriter, const EXACT: bool> List<'w, W, EXACT> {
    /// Begins a list of `len` elements, each of which may nest `room` levels deep; `tag` comes before them.
    #[inline(always)]
    pub(super) fn new(
        w: &'w mut W,
        around: Around<'w>,
        room: usize,
        tag: Option<&str>,
        len: Option<usize>,
    ) -> Self {
        around.open(w, len.unwrap_or(0).saturating_add(usize::from(tag.is_some())));
        if let Some(tag) = tag {
            w.text(tag);
        }
        Self { w, around, room, count: Count::new(len) }
    }

    #[inline(always)]
    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        self.count.begin()?;
        value.serialize(Item::<W, EXACT> { w: self.w, room: self.room })?;
        if self.w.is_full() {
            return Err(full());
        }
        self.count.done();
        Ok(())
    }

    #[inline(always)]
    fn finish(self) -> Result<(), EncodeError> {
        self.count.end()?;
        self.around.close(self.w);
        Ok(())
    }
}

/// A list whose length is not known before its end: gathered, then written.
pub(in crate::adaptor) struct GatheredList<'w, W> {
    w: &'w mut W,
    around: Around<'w>,
    room: usize,
    count: Count,
    values: ValueWriter,
}

impl<W: TokenWriter> GatheredList<'_, W> {
    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        self.count.begin()?;
        value.serialize(Item::<_, false> { w: &mut self.values, room: self.room })?;
        self.count.done();
        Ok(())
    }

    fn finish(mut self) -> Result<(), EncodeError> {
        self.count.end()?;
        self.values.end_list();
        let values = self.values.finish().unwrap_or_default();
        let items = values.as_list().unwrap_or_default();
        self.around.open(self.w, items.len());
        for item in items {
            write_value(self.w, item);
        }
        self.around.close(self.w);
        Ok(())
    }
}

/// A sequence: of a length that is known or not.
pub(in crate::adaptor) enum Seq<'w, W, const EXACT: bool> {
    Counted(List<'w, W, EXACT>),
    Gathered(Box<GatheredList<'w, W>>),
}

impl<'w, W: TokenWriter, const EXACT: bool> Seq<'w, W, EXACT> {
    #[inline]
    pub(super) fn new(w: &'w mut W, around: Around<'w>, room: usize, len: Option<usize>) -> Self {
        if EXACT && len.is_none() {
            return Self::gathered(w, around, room);
        }
        Self::Counted(List::new(w, around, room, None, len))
    }

    #[cold]
    fn gathered(w: &'w mut W, around: Around<'w>, room: usize) -> Self {
        let mut values = ValueWriter::default();
        values.list(0);
        Self::Gathered(Box::new(GatheredList { w, around, room, count: Count::new(None), values }))
    }
}

impl<W: TokenWriter, const EXACT: bool> SerializeSeq for Seq<'_, W, EXACT> {
    type Ok = ();
    type Error = EncodeError;

    #[inline]
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        match self {
            Self::Counted(list) => list.element(value),
            Self::Gathered(list) => list.element(value),
        }
    }

    #[inline]
    fn end(self) -> Result<(), EncodeError> {
        match self {
            Self::Counted(list) => list.finish(),
            Self::Gathered(list) => list.finish(),
        }
    }
}

impl<W: TokenWriter, const EXACT: bool> SerializeTuple for List<'_, W, EXACT> {
    type Ok = ();
    type Error = EncodeError;

    #[inline]
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        self.element(value)
    }

    #[inline]
    fn end(self) -> Result<(), EncodeError> {
        self.finish()
    }
}

macro_rules! by_field {
    ($($trait:ident),*) => {$(
        impl<W: TokenWriter, const EXACT: bool> $trait for List<'_, W, EXACT> {
            type Ok = ();
            type Error = EncodeError;

            #[inline]
            fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
                self.element(value)
            }

            #[inline]
            fn end(self) -> Result<(), EncodeError> {
                self.finish()
            }
        }
    )*};
}
by_field!(SerializeTupleStruct, SerializeTupleVariant);
