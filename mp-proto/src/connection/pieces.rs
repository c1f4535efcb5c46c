//! Large messages in pieces, between which others go.
//!
//! A frame of postcard has its length before it `[FR-30]`. Where it was agreed `[LN-01]`, a length whose highest bit is set
//! says that a *piece* follows: a byte that says of which transfer, and some bytes of a frame's body `[LN-02]`. Up to
//! [`SLOTS`] transfers are under way at a time.
//!
//! ```text
//! slot     what comes                    what follows                                                      slot
//! idle     a piece, not empty            a transfer begins                                                 busy
//! idle     a last piece, not empty       a message                                                         idle
//! busy     a piece, not empty            its bytes go behind those that have come                          busy
//! busy     a last piece                  the message                                                       idle
//! either   a frame                       a message, before those that are under way                        as it was
//! either   a transfer of too many bytes, an empty piece that is not the last, an empty message,
//!          a byte that names no slot     an error, from which there is no return
//! ```

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use bytes::{Buf, Bytes, BytesMut};

use crate::{DecodeError, Framing, Place, Spares};

/// How many transfers can be under way at a time, so that a receiver keeps no more than so many messages of the largest
/// size `[LN-03]`.
pub const SLOTS: usize = 4;

/// Bytes before those of a piece: the length, and which transfer it belongs to.
pub const HEAD: usize = 5;

/// So many bytes of a piece are read at a time to where they belong; room is made for no more before they have come `[LN-05]`.
const READ: usize = 128 * 1024;
/// Room that is left behind the end of a message, for the head of the piece that comes behind it.
const SPARE: usize = 64;

/// In a length: a piece follows.
pub(crate) const MARK: u32 = 1 << 31;
/// In the byte behind it: it is the last one.
const LAST: u8 = 1 << 7;

/// Puts a piece to the end of `out`: the next bytes of the transfer in the slot `slot`, one below [`SLOTS`], and whether
/// they are the last `[LN-02]`. It has at most 2³¹ − 2 bytes, or is refused by all receivers.
pub fn put(slot: u8, last: bool, bytes: &[u8], out: &mut BytesMut) {
    out.extend_from_slice(&head(slot, last, bytes.len()));
    out.extend_from_slice(bytes);
}

/// What stands before the bytes of such a piece, so many.
#[must_use]
pub fn head(slot: u8, last: bool, len: usize) -> [u8; HEAD] {
    let len = u32::try_from(len.saturating_add(1)).unwrap_or(u32::MAX);
    let [a, b, c, d] = (len | MARK).to_le_bytes();
    [a, b, c, d, if last { slot | LAST } else { slot }]
}

/// Whether a piece begins here, as far as one can tell.
#[inline]
pub(crate) fn begins(input: &[u8]) -> bool {
    input.first_chunk().is_some_and(|prefix| u32::from_le_bytes(*prefix) & MARK != 0)
}

/// What has come of messages that come in pieces.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    slots: [Transfer; SLOTS],
    /// The piece whose bytes come next.
    piece: Option<Piece>,
    /// Memory of messages that have come.
    spares: Spares,
}

/// What has come of one message; no bytes, no transfer.
#[derive(Debug, Default)]
struct Transfer {
    body: Vec<u8>,
    /// What the memory takes up that it began with, if that was there before.
    spare: usize,
}

/// A piece of which not all has come.
#[derive(Debug, Clone, Copy)]
struct Piece {
    slot: usize,
    last: bool,
    left: usize,
}

/// What stood at the front of the input.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// No piece: a frame begins here, or so little has come that one cannot tell.
    Frame,
    /// Pieces; more is to come before there is a message.
    Part,
    /// The last piece of a message, whose body this is.
    Whole(Bytes),
}

impl Pieces {
    /// Takes pieces from the front of `input`, as far as they have come, up to the end of a message. They are taken out of
    /// it as they come, so that nothing but what has come is ever kept `[LN-05]`.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] for what can be no piece, or a message of more than `max` bytes `[LN-04]`.
    #[inline]
    pub(super) fn take(&mut self, input: &mut BytesMut, max: usize) -> Result<Found, DecodeError> {
        // Most of what comes is no piece.
        if self.piece.is_none() && !begins(input) {
            return Ok(Found::Frame);
        }
        self.take_pieces(input, max)
    }

    /// Where the rest of the piece that is under way belongs, and behind it, if all of that is to be read at once, the head of
    /// the next one: so that what follows can be read to its place, too.
    pub(super) fn place(&mut self) -> Option<Place<'_>> {
        let piece = self.piece.filter(|piece| piece.left > 0)?;
        let memory = &mut self.slots.get_mut(piece.slot)?.body;
        let most = if piece.left <= READ { piece.left.saturating_add(HEAD) } else { READ };
        memory.reserve(most);
        Some(Place { memory, most })
    }

    /// So many bytes were read to the [place](Self::place); those behind the piece's end go to the input.
    pub(super) fn placed(&mut self, len: usize, input: &mut BytesMut) {
        let Some(piece) = &mut self.piece else { return };
        let Some(Transfer { body, .. }) = self.slots.get_mut(piece.slot) else { return };
        let end = body.len().saturating_sub(len.saturating_sub(piece.left));
        input.extend_from_slice(body.get(end..).unwrap_or_default());
        body.truncate(end);
        piece.left = piece.left.saturating_sub(len);
    }

    fn take_pieces(&mut self, input: &mut BytesMut, max: usize) -> Result<Found, DecodeError> {
        loop {
            let Some(mut piece) = self.piece.take() else {
                match self.begin(input, max)? {
                    Ok(piece) => self.piece = Some(piece),
                    Err(found) => return Ok(found),
                }
                continue;
            };
            let Some(transfer) = self.slots.get_mut(piece.slot) else { return Err(malformed("no slot")) };
            let come = input.get(..piece.left).unwrap_or(input);
            transfer.body.extend_from_slice(come);
            let come = come.len();
            input.advance(come);
            piece.left = piece.left.saturating_sub(come);
            if piece.left > 0 {
                self.piece = Some(piece);
                return Ok(Found::Part);
            }
            if piece.last {
                let transfer = std::mem::take(transfer);
                return Ok(Found::Whole(self.whole(transfer)));
            }
        }
    }

    /// What came, in memory of hardly more than its size: it may wait for long `[ND-24]`.
    fn whole(&mut self, Transfer { mut body, spare }: Transfer) -> Bytes {
        let is_spare = body.capacity() == spare;
        if is_spare && body.len() < spare.saturating_sub(spare / 4) {
            // The memory stays here, for a larger one.
            let own = Bytes::copy_from_slice(&body);
            self.spares.lend(&own, own.len());
            self.spares.lend(&body.into(), spare);
            return own;
        }
        if !is_spare {
            body.shrink_to(body.len().saturating_add(SPARE));
        }
        let size = body.capacity();
        let body = Bytes::from(body);
        self.spares.lend(&body, size);
        body
    }

    /// Gives back memory that has not been used since this was called the last time `[LN-12]`.
    pub(super) fn tidy(&mut self) {
        self.spares.tidy();
    }

    /// The head of a piece.
    fn begin(&mut self, input: &mut BytesMut, max: usize) -> Result<Result<Piece, Found>, DecodeError> {
        let Some((prefix, rest)) = input.split_first_chunk() else { return Ok(Err(Found::Frame)) };
        let len = u32::from_le_bytes(*prefix);
        if len & MARK == 0 {
            return Ok(Err(Found::Frame));
        }
        let left = usize::try_from(len & !MARK).ok().and_then(|len| len.checked_sub(1));
        let left = left.ok_or(malformed("a piece of no transfer"))?;
        let Some(&byte) = rest.first() else { return Ok(Err(Found::Part)) };
        let (last, slot) = (byte & LAST != 0, usize::from(byte & !LAST));
        let transfer = self.slots.get_mut(slot).ok_or(malformed("a piece of a transfer that cannot be"))?;
        let come = transfer.body.len();
        if come.saturating_add(left) > max {
            return Err(DecodeError::TooLong { max });
        }
        if left == 0 && (!last || come == 0) {
            return Err(malformed("an empty piece"));
        }
        input.advance(HEAD);
        if come == 0
            && let Some(memory) = self.spares.take()
        {
            let body = Vec::from(memory);
            *transfer = Transfer { spare: body.capacity(), body };
        }
        Ok(Ok(Piece { slot, last, left }))
    }
}

#[cold]
fn malformed(what: &'static str) -> DecodeError {
    DecodeError::Malformed { framing: Framing::Postcard, offset: 0, what }
}
