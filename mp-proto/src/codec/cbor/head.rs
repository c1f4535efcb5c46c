//! The head of an item: what it is, and a number.

/// The number 31 in an initial byte: the length is not known yet, or, in [`SIMPLE`], an item of unknown length ends.
pub(super) const INDEFINITE: u8 = 31;

/// Major types, the upper three bits of an initial byte.
pub(super) const UNSIGNED: u8 = 0;
pub(super) const NEGATIVE: u8 = 1;
pub(super) const BYTES: u8 = 2;
pub(super) const TEXT: u8 = 3;
pub(super) const LIST: u8 = 4;
pub(super) const MAP: u8 = 5;
pub(super) const TAG: u8 = 6;
pub(super) const SIMPLE: u8 = 7;

/// The tag that says "this is CBOR", and nothing else.
pub(super) const SELF_DESCRIBED: u64 = 55799;

/// The head of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    /// What it is: one of the major types.
    pub(super) major: u8,
    /// The lower five bits of the initial byte: how the number was written.
    pub(super) info: u8,
    /// The number: a value, a length, a tag, the bits of a float. Zero if indefinite.
    pub(super) number: u64,
    /// Bytes of the head.
    pub(super) len: usize,
}

/// Why there is no head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoHead {
    /// The bytes end too early.
    Incomplete,
    /// RFC 8949 has no such initial byte.
    Reserved,
}

impl Head {
    /// Reads the head that `bytes` begins with.
    #[inline]
    pub(super) fn read(bytes: &[u8]) -> Result<Self, NoHead> {
        let (&initial, rest) = bytes.split_first().ok_or(NoHead::Incomplete)?;
        let (major, info) = (initial >> 5, initial & 31);
        let (number, len) = match info {
            ..24 => (info.into(), 1),
            24 => (u8::from_be_bytes(first(rest)?).into(), 2),
            25 => (u16::from_be_bytes(first(rest)?).into(), 3),
            26 => (u32::from_be_bytes(first(rest)?).into(), 5),
            27 => (u64::from_be_bytes(first(rest)?), 9),
            INDEFINITE if matches!(major, BYTES..=MAP | SIMPLE) => (0, 1),
            _ => return Err(NoHead::Reserved),
        };
        Ok(Self { major, info, number, len })
    }

    /// Whether the length is not known yet.
    #[inline]
    pub(super) fn is_indefinite(&self) -> bool {
        self.info == INDEFINITE
    }

    /// Whether an item of unknown length ends here.
    #[inline]
    pub(super) fn is_break(&self) -> bool {
        self.major == SIMPLE && self.info == INDEFINITE
    }
}

#[inline]
fn first<const N: usize>(bytes: &[u8]) -> Result<[u8; N], NoHead> {
    bytes.first_chunk().copied().ok_or(NoHead::Incomplete)
}
