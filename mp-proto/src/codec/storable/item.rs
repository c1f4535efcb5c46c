//! An opcode, with what belongs to it alone.

use super::cursor::Cursor;
use super::error::StorableError;
use super::header::Order;

/// The opcodes that our own images have.
pub(super) const LONG_BYTES: u8 = 0x01;
pub(super) const ARRAY: u8 = 0x02;
pub(super) const HASH: u8 = 0x03;
pub(super) const REFERENCE: u8 = 0x04;
pub(super) const UNDEF: u8 = 0x05;
pub(super) const SMALL_INTEGER: u8 = 0x08;
pub(super) const INTEGER: u8 = 0x09;
pub(super) const BYTES: u8 = 0x0a;
pub(super) const UTF8: u8 = 0x17;
pub(super) const LONG_UTF8: u8 = 0x18;
pub(super) const FLAG_HASH: u8 = 0x19;

/// Added to the value of a [`SMALL_INTEGER`].
pub(super) const SMALL_BIAS: u8 = 128;

/// In place of a class's length or index: it comes in four bytes.
const WIDE: u8 = 0x80;

/// What an opcode says.
#[derive(Debug, Clone, Copy)]
pub(super) enum Item<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Bytes(&'a [u8]),
    /// A string that claims to be UTF-8.
    Utf8(&'a [u8]),
    /// So many elements follow.
    Array(u32),
    /// So many entries follow, with flags before their keys or without.
    Hash {
        flagged: bool,
        count: u32,
    },
    /// What it refers to follows.
    Reference,
    /// What it refers to follows, an object whose class has operators of its own.
    Overloaded,
    /// The object of this number again.
    Again(u32),
    /// What follows is an object of the class of this name.
    Class(&'a [u8]),
    /// What follows is an object of the class that came as the one of this number.
    ClassAgain(usize),
    /// What follows is a string that was written as a version.
    Version,
}

impl Item<'_> {
    /// Whether Perl takes the scalar for true; nothing if it is no scalar.
    pub(super) fn truth(&self) -> Option<bool> {
        match *self {
            Self::Null => Some(false),
            Self::Bool(value) => Some(value),
            Self::Int(number) => Some(number != 0),
            Self::Bytes(text) | Self::Utf8(text) => Some(!matches!(text, b"" | b"0")),
            _ => None,
        }
    }
}

impl<'a> Cursor<'a> {
    /// Takes an opcode and what belongs to it.
    #[inline]
    pub(super) fn item(&mut self) -> Result<Item<'a>, StorableError> {
        let start = self.at;
        Ok(match self.byte()? {
            BYTES => Item::Bytes(self.short()?),
            LONG_BYTES => Item::Bytes(self.long()?),
            UTF8 => Item::Utf8(self.short()?),
            LONG_UTF8 => Item::Utf8(self.long()?),
            SMALL_INTEGER => {
                let number = i64::from(self.byte()?);
                Item::Int(number.wrapping_sub(SMALL_BIAS.into()))
            }
            INTEGER => Item::Int(i32::from_be_bytes(self.array()?).into()),
            // A value is at least one byte, the length of a key four, its flags one.
            ARRAY => Item::Array(self.count(1)?),
            HASH => Item::Hash { flagged: false, count: self.count(5)? },
            FLAG_HASH => {
                self.byte()?;
                Item::Hash { flagged: true, count: self.count(6)? }
            }
            REFERENCE | 0x1b => Item::Reference,
            // Undefined; the one undefined value of Perl itself; the same as an array's element.
            UNDEF | 0x0e | 0x1f => Item::Null,
            0x00 => Item::Again(u32::from_be_bytes(self.array()?)),
            // The one true and the one false value of Perl itself, and since Perl 5.38 their copies.
            0x0f | 0x22 => Item::Bool(true),
            0x10 | 0x23 => Item::Bool(false),
            opcode @ (0x06 | 0x07) => self.native(opcode == 0x06, start)?,
            opcode => self.rare(opcode, start)?,
        })
    }

    /// A number as the machine has it in memory. Perl writes none in network order, and would read it in its own.
    fn native(&mut self, integer: bool, start: usize) -> Result<Item<'a>, StorableError> {
        match self.order {
            Order::Network => {
                Err(StorableError::malformed(start, "a number of one machine in a network image"))
            }
            Order::Native { .. } if !integer => Ok(Item::Float(f64::from_le_bytes(self.array()?))),
            Order::Native { wide: true } => Ok(Item::Int(i64::from_le_bytes(self.array()?))),
            Order::Native { wide: false } => Ok(Item::Int(i32::from_le_bytes(self.array()?).into())),
        }
    }

    fn rare(&mut self, opcode: u8, start: usize) -> Result<Item<'a>, StorableError> {
        let refused = |what| Err(StorableError::refused(start, what));
        match opcode {
            0x14 | 0x1c => Ok(Item::Overloaded),
            0x11 => Ok(Item::Class(match self.byte()? {
                WIDE => self.long()?,
                len => self.take(len.into())?,
            })),
            0x12 => Ok(Item::ClassAgain(match self.byte()? {
                WIDE => self.len()?,
                index => index.into(),
            })),
            0x1d => self.short().map(|_| Item::Version),
            0x1e => self.long().map(|_| Item::Version),
            0x0b => refused("a tied array"),
            0x0c => refused("a tied hash"),
            0x0d => refused("a tied scalar"),
            0x13 => refused("an object with a hook"),
            0x15 => refused("an element of a tied hash"),
            0x16 => refused("an element of a tied array"),
            0x1a => refused("code"),
            0x20 => refused("a regular expression"),
            0x21 => refused("a value in the form for more than 2 GiB"),
            _ => Err(StorableError::malformed(start, "an unknown opcode")),
        }
    }
}
