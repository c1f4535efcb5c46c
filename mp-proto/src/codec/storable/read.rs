//! An image as tokens.

use std::borrow::Cow;

use smallvec::SmallVec;

use super::cursor::{Cursor, Key};
use super::error::StorableError;
use super::header::{self, Order};
use super::item::Item;
use super::plain::ThawLimits;
use super::survey::Survey;
use crate::DecodeError;
use crate::text::latin1;
use crate::token::{MAX_DEPTH, Token, TokenReader};

/// Reads one image, token by token. Before the first token it walks over the whole image once, so that what is wrong
/// anywhere in it is said at once `[ST-02]`; only the depth and the number of copies show while reading.
///
/// It allocates at most 40 bytes for each byte of the image, and nothing at all for one that has no more than 16 entries
/// of hashes, 32 objects and 8 levels, unless a string has to be converted.
#[derive(Debug, Clone)]
pub struct StorableReader<'a> {
    cursor: Cursor<'a>,
    stage: Stage,
    /// Whether the image must be that of a frame.
    message: bool,
    survey: Survey,
    /// The next entry of a hash, counted over all that begin before it in the image.
    entry: usize,
    levels: SmallVec<[Level; 8]>,
    copies: Copies,
    /// The most values.
    values: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Start,
    Within,
    Ended,
}

/// An array or hash that has begun.
#[derive(Debug, Clone, Copy)]
struct Level {
    /// For a hash, whether there are flags before its keys.
    hash: Option<bool>,
    /// Elements or entries to come.
    left: u32,
    /// In a hash, whether the key has been given and its value comes next.
    keyed: bool,
    /// Where to read on behind it, if it is a copy of what came before.
    back: Option<Back>,
}

/// Where to read on behind a copy.
#[derive(Debug, Clone, Copy)]
struct Back {
    at: usize,
    entry: usize,
}

/// What may still be copied `[ST-12]`.
#[derive(Debug, Clone, Copy)]
struct Copies {
    max: usize,
    left: usize,
    /// How many of the open arrays and hashes are copies, those within others not counted.
    depth: usize,
}

/// What a step of a copy counts, beside the bytes of its strings: a value of ours in memory is not much larger.
const STEP: usize = 16;

impl<'a> TokenReader<'a> for StorableReader<'a> {
    fn next(&mut self) -> Result<Token<'a>, DecodeError> {
        self.token().map_err(DecodeError::from)
    }
}

impl<'a> StorableReader<'a> {
    /// Reads a frame.
    pub(super) fn message(frame: &'a [u8]) -> Self {
        Self::new(frame, true, &ThawLimits::default())
    }

    /// Reads an image of any kind.
    pub(super) fn any(image: &'a [u8], limits: &ThawLimits) -> Self {
        Self::new(image, false, limits)
    }

    fn new(image: &'a [u8], message: bool, limits: &ThawLimits) -> Self {
        let max = limits.copies_per_byte.saturating_mul(image.len()).max(limits.copies);
        Self {
            cursor: Cursor { image, at: 0, order: Order::Network },
            stage: Stage::Start,
            message,
            survey: Survey::default(),
            entry: 0,
            levels: SmallVec::new(),
            copies: Copies { max, left: max, depth: 0 },
            values: limits.values,
        }
    }

    /// The next token, with an error that says more than a framing's.
    pub(super) fn token(&mut self) -> Result<Token<'a>, StorableError> {
        let token = match self.stage {
            Stage::Start => self.start(),
            Stage::Within => self.step(),
            Stage::Ended => Err(StorableError::malformed(self.cursor.at, "read on behind the end")),
        };
        self.stage = if token.is_err() || self.levels.is_empty() { Stage::Ended } else { Stage::Within };
        token
    }

    fn start(&mut self) -> Result<Token<'a>, StorableError> {
        (self.cursor.order, self.cursor.at) = header::read(self.cursor.image)?;
        self.survey = Survey::of(self.cursor, self.message, self.values)?;
        self.value()
    }

    /// Goes on in the innermost array or hash.
    #[inline]
    fn step(&mut self) -> Result<Token<'a>, StorableError> {
        loop {
            let Some(level) = self.levels.last_mut() else {
                return Err(StorableError::malformed(self.cursor.at, "read on behind the end"));
            };
            if level.keyed {
                level.keyed = false;
                return self.value();
            }
            let Some(left) = level.left.checked_sub(1) else { return self.end() };
            level.left = left;
            let Some(flagged) = level.hash else { return self.value() };
            if let Some(key) = self.key(flagged)? {
                return Ok(Token::Key(key));
            }
        }
    }

    /// The key of the entry that comes next; nothing if it is an empty place, which then is passed over.
    #[inline]
    fn key(&mut self, flagged: bool) -> Result<Option<Cow<'a, str>>, StorableError> {
        let mut cursor = self.cursor;
        cursor.at = self.survey.key(self.entry).unwrap_or(usize::MAX);
        self.entry = self.entry.saturating_add(1);
        let key = cursor.key(flagged)?;
        self.copies.spend(key.bytes)?;
        if key.is_place() {
            self.cursor.at = cursor.at;
            self.entry = self.survey.entries_before(cursor.at);
            return Ok(None);
        }
        if let Some(level) = self.levels.last_mut() {
            level.keyed = true;
        }
        Ok(Some(characters(key)))
    }

    /// The next value, or its beginning.
    #[inline]
    fn value(&mut self) -> Result<Token<'a>, StorableError> {
        let mut back = None;
        // One more than there are references, if they lead to a value.
        for _ in 0..=MAX_DEPTH {
            let item = self.cursor.item()?;
            if back.is_some() {
                self.copies.take(STEP)?;
            } else {
                self.copies.spend(&[])?;
            }
            match item {
                Item::Reference | Item::Overloaded | Item::Version => {}
                Item::Again(number) => {
                    back.get_or_insert(Back { at: self.cursor.at, entry: self.entry });
                    self.cursor.at = self.survey.object(number).unwrap_or(usize::MAX);
                }
                Item::Array(left) => return self.begin(left, None, back).map(Token::List),
                Item::Hash { flagged, count } => {
                    return self.begin(count, Some(flagged), back).map(Token::Map);
                }
                scalar => return self.scalar(scalar, back),
            }
        }
        Err(StorableError::TooDeep)
    }

    fn begin(&mut self, left: u32, hash: Option<bool>, back: Option<Back>) -> Result<usize, StorableError> {
        if self.levels.len() >= MAX_DEPTH {
            return Err(StorableError::TooDeep);
        }
        if back.is_some() {
            self.entry = self.survey.entries_before(self.cursor.at);
            self.copies.depth = self.copies.depth.saturating_add(1);
        }
        self.levels.push(Level { hash, left, keyed: false, back });
        usize::try_from(left).map_err(|_| StorableError::Truncated)
    }

    fn end(&mut self) -> Result<Token<'a>, StorableError> {
        if let Some(Level { back: Some(back), .. }) = self.levels.pop() {
            self.cursor.at = back.at;
            self.entry = back.entry;
            self.copies.depth = self.copies.depth.saturating_sub(1);
        }
        self.complete(Token::End)
    }

    #[inline]
    fn scalar(&mut self, item: Item<'a>, back: Option<Back>) -> Result<Token<'a>, StorableError> {
        let token = match item {
            Item::Bool(value) => Token::Bool(value),
            Item::Int(number) => Token::Int(number),
            Item::Float(number) => Token::Float(number),
            Item::Bytes(bytes) => Token::Bytes(Cow::Borrowed(bytes)),
            Item::Utf8(bytes) => Token::Text(String::from_utf8_lossy(bytes)),
            // The survey has seen that it is a truth value, and that a scalar follows.
            Item::Class(_) | Item::ClassAgain(_) => {
                Token::Bool(self.cursor.item()?.truth().unwrap_or_default())
            }
            _ => Token::Null,
        };
        if let Some(back) = back {
            if let Item::Bytes(bytes) | Item::Utf8(bytes) = item {
                self.copies.take(bytes.len())?;
            }
            self.cursor.at = back.at;
        } else if let Item::Bytes(bytes) | Item::Utf8(bytes) = item {
            self.copies.spend(bytes)?;
        }
        self.complete(token)
    }

    /// A value is complete; in a hash its key, which has been given, is passed over.
    #[inline]
    fn complete(&mut self, token: Token<'a>) -> Result<Token<'a>, StorableError> {
        if let Some(Level { hash: Some(flagged), .. }) = self.levels.last() {
            self.cursor.key(*flagged)?;
        }
        Ok(token)
    }
}

impl Copies {
    /// Counts a step with these bytes, if it is within a copy.
    #[inline]
    fn spend(&mut self, bytes: &[u8]) -> Result<(), StorableError> {
        if self.depth == 0 { Ok(()) } else { self.take(STEP.saturating_add(bytes.len())) }
    }

    fn take(&mut self, cost: usize) -> Result<(), StorableError> {
        self.left = self.left.checked_sub(cost).ok_or(StorableError::TooManyCopies { max: self.max })?;
        Ok(())
    }
}

/// The key as text: that of a byte string is its characters.
#[inline]
fn characters(key: Key<'_>) -> Cow<'_, str> {
    if key.is_utf8() { String::from_utf8_lossy(key.bytes) } else { latin1(key.bytes) }
}
