//! The first look at an image: what numbers its objects have, and where the keys are.
//!
//! Two things cannot be known while reading an image from front to back: a hash's key stands behind its value, but is
//! asked for before it; and something that is referred to again goes by its number. So a reader first walks over the
//! whole image once, checks it, and takes notes.

use smallvec::SmallVec;

use super::cursor::Cursor;
use super::error::StorableError;
use super::item::{ARRAY, FLAG_HASH, HASH, Item};
use crate::text::latin1;
use crate::token::MAX_DEPTH;

/// The notes. Eight bytes for each entry of a hash, four for each object.
#[derive(Debug, Clone, Default)]
pub(super) struct Survey {
    /// Where each object begins: its number is the place in this list. An object of a class begins with the class.
    objects: SmallVec<[u32; 32]>,
    /// The entries of all hashes in the order in which they begin.
    entries: SmallVec<[Entry; 16]>,
}

/// An entry of a hash.
#[derive(Debug, Clone, Copy)]
struct Entry {
    /// Where its value begins, and with it the entry.
    value: u32,
    /// Where its key begins: the flags or the length.
    key: u32,
}

impl Survey {
    /// Walks over the object that `cursor` stands before, and to the end of the image. `message`: the root must not be
    /// a reference to an array or hash `[ST-03]`.
    /// There are no more than about `most` objects.
    pub(super) fn of(cursor: Cursor<'_>, message: bool, most: usize) -> Result<Self, StorableError> {
        let mut walk = Walk { cursor, survey: Self::default(), classes: 0, open: SmallVec::new() };
        walk.run(message, most)?;
        Ok(walk.survey)
    }

    /// Where the object of this number begins.
    pub(super) fn object(&self, number: u32) -> Option<usize> {
        let offset = *self.objects.get(usize::try_from(number).ok()?)?;
        usize::try_from(offset).ok()
    }

    /// Where the key of the entry is that is `index`th of all.
    pub(super) fn key(&self, index: usize) -> Option<usize> {
        usize::try_from(self.entries.get(index)?.key).ok()
    }

    /// How many entries begin before `offset`.
    pub(super) fn entries_before(&self, offset: usize) -> usize {
        self.entries.partition_point(|entry| usize::try_from(entry.value).is_ok_and(|value| value < offset))
    }
}

/// Walks over an image without recursion.
struct Walk<'a> {
    cursor: Cursor<'a>,
    survey: Survey,
    /// How many classes have been named. Only those of truth values come so far.
    classes: usize,
    open: SmallVec<[Open; 8]>,
}

/// An array or hash that has begun.
#[derive(Clone, Copy)]
struct Open {
    /// The number of the first of the references that lead to it, or its own.
    first: usize,
    /// Its own number.
    own: usize,
    /// Elements or entries to come.
    left: u32,
    /// For a hash, whether there are flags before the keys.
    hash: Option<bool>,
    /// For a hash, the entry whose value is being walked over.
    entry: usize,
}

impl<'a> Walk<'a> {
    fn run(&mut self, message: bool, most: usize) -> Result<(), StorableError> {
        if self.cursor.image.len() > MAX_IMAGE {
            return Err(StorableError::TooLong { max: MAX_IMAGE });
        }
        self.value(Place::Root { message })?;
        while let Some(open) = self.open.last_mut() {
            if self.survey.objects.len() > most {
                return Err(StorableError::TooManyValues { max: most });
            }
            if open.left == 0 {
                self.open.pop();
                self.complete()?;
                continue;
            }
            open.left = open.left.saturating_sub(1);
            if open.hash.is_some() {
                open.entry = self.survey.entries.len();
                self.survey.entries.push(Entry { value: small(self.cursor.at), key: 0 });
            }
            self.value(Place::Within)?;
        }
        // Perl would not look at it `[ST-18]`.
        if self.cursor.left() > 0 {
            return Err(StorableError::malformed(self.cursor.at, "something behind the value"));
        }
        Ok(())
    }

    /// Walks over a value, or over the beginning of an array or hash.
    fn value(&mut self, place: Place) -> Result<(), StorableError> {
        let first = self.survey.objects.len();
        loop {
            let start = self.cursor.at;
            let references = self.survey.objects.len().saturating_sub(first);
            if references > MAX_DEPTH {
                return Err(StorableError::TooDeep);
            }
            match self.cursor.item()? {
                Item::Reference => self.number(start),
                Item::Overloaded => {
                    self.number(start);
                    self.overloaded(first)?;
                    break;
                }
                Item::Array(left) => return self.begin(place, start, first, left, None),
                Item::Hash { flagged, count } => {
                    return self.begin(place, start, first, count, Some(flagged));
                }
                Item::Again(number) => {
                    self.again(start, number, first)?;
                    break;
                }
                class @ (Item::Class(_) | Item::ClassAgain(_)) => {
                    self.truth_value(class, start)?;
                    break;
                }
                Item::Version => {
                    self.version(start)?;
                    break;
                }
                _ => {
                    self.number(start);
                    break;
                }
            }
        }
        self.complete()
    }

    /// Gives the object that begins at `start` the next number.
    #[inline]
    fn number(&mut self, start: usize) {
        self.survey.objects.push(small(start));
    }

    /// An array or hash begins, which stands alone as the root only: as an element it must be referred to `[ST-09]`.
    fn begin(
        &mut self,
        place: Place,
        start: usize,
        first: usize,
        left: u32,
        hash: Option<bool>,
    ) -> Result<(), StorableError> {
        let own = self.survey.objects.len();
        match (place, own == first) {
            (Place::Within, true) => return Err(bare(start)),
            (Place::Root { message: true }, false) => {
                return Err(StorableError::malformed(start, "a reference to a message"));
            }
            _ => {}
        }
        if self.open.len() >= MAX_DEPTH {
            return Err(StorableError::TooDeep);
        }
        self.number(start);
        self.open.push(Open { first, own, left, hash, entry: 0 });
        Ok(())
    }

    /// An object again: not one that comes later, nor one that has not ended, which would be a cycle.
    fn again(&mut self, start: usize, number: u32, first: usize) -> Result<(), StorableError> {
        let unknown = || StorableError::malformed(start, "a reference to what has not come yet");
        let target = self.survey.object(number).ok_or_else(unknown)?;
        let number = usize::try_from(number).map_err(|_| unknown())?;
        let around = self.open.partition_point(|open| open.first <= number);
        let around = around.checked_sub(1).and_then(|index| self.open.get(index));
        if number >= first || around.is_some_and(|open| number <= open.own) {
            return Err(StorableError::refused(start, "a cycle"));
        }
        let alone = first == self.survey.objects.len();
        if alone && matches!(self.cursor.image.get(target), Some(&(ARRAY | HASH | FLAG_HASH))) {
            return Err(bare(start));
        }
        Ok(())
    }

    /// What follows is an object: of a class of truth values, or it is one that was met before.
    fn overloaded(&mut self, first: usize) -> Result<(), StorableError> {
        let start = self.cursor.at;
        match self.cursor.item()? {
            class @ (Item::Class(_) | Item::ClassAgain(_)) => self.truth_value(class, start),
            Item::Again(number) => {
                self.again(start, number, first)?;
                let mut target = self.cursor;
                target.at = self.survey.object(number).unwrap_or(start);
                match target.item()? {
                    Item::Class(_) | Item::ClassAgain(_) => Ok(()),
                    _ => Err(StorableError::malformed(start, "operators on what is no object")),
                }
            }
            _ => Err(StorableError::malformed(start, "operators on what is no object")),
        }
    }

    /// An object, whose class has just been named.
    fn truth_value(&mut self, class: Item<'a>, start: usize) -> Result<(), StorableError> {
        match class {
            Item::Class(b"Regexp") => return Err(StorableError::refused(start, "a regular expression")),
            Item::Class(name) if !TRUTH_VALUES.contains(&name) => return Err(object(start, name)),
            Item::Class(_) => self.classes = self.classes.saturating_add(1),
            Item::ClassAgain(index) if index < self.classes => {}
            _ => return Err(StorableError::malformed(start, "a class that has not been named")),
        }
        let inner = self.cursor.at;
        if self.cursor.item()?.truth().is_none() {
            return Err(StorableError::malformed(inner, "a truth value that is no scalar"));
        }
        self.number(start);
        Ok(())
    }

    /// What follows is the string of a version string.
    fn version(&mut self, start: usize) -> Result<(), StorableError> {
        let inner = self.cursor.at;
        if !matches!(self.cursor.item()?, Item::Bytes(_) | Item::Utf8(_)) {
            return Err(StorableError::malformed(inner, "a version that is no string"));
        }
        self.number(start);
        Ok(())
    }

    /// A value is complete; in a hash its key follows.
    #[inline]
    fn complete(&mut self) -> Result<(), StorableError> {
        let Some(&Open { hash: Some(flagged), entry, .. }) = self.open.last() else { return Ok(()) };
        let start = self.cursor.at;
        if let Some(entry) = self.survey.entries.get_mut(entry) {
            entry.key = small(start);
        }
        self.cursor.key(flagged).map(drop)
    }
}

/// Where a value stands.
#[derive(Clone, Copy)]
enum Place {
    Root { message: bool },
    Within,
}

/// The longest image: so that places in it fit 32 bits.
const MAX_IMAGE: usize = i32::MAX.cast_unsigned() as usize;

/// A place in an image, which is no longer than [`MAX_IMAGE`].
#[inline]
fn small(offset: usize) -> u32 {
    u32::try_from(offset).unwrap_or(u32::MAX)
}

/// The classes whose objects are one scalar each, which is their truth `[ST-13]`.
const TRUTH_VALUES: [&[u8]; 6] = [
    b"JSON::PP::Boolean",
    b"JSON::XS::Boolean",
    b"Cpanel::JSON::XS::Boolean",
    b"Types::Serialiser::Boolean",
    b"Data::MessagePack::Boolean",
    b"boolean",
];

#[cold]
fn bare(start: usize) -> StorableError {
    StorableError::malformed(start, "an array or hash that is not referred to")
}

#[cold]
fn object(offset: usize, name: &[u8]) -> StorableError {
    let shown = name.get(..100).unwrap_or(name);
    StorableError::Object { offset, class: latin1(shown).into_owned() }
}
