//! The scanner of whichever framing a connection uses.

use bytes::{Buf, BytesMut};

use super::{Codec, DecodeError, Frame, Framing, Scanner, with_codec};

/// Cuts frames from a stream of bytes, in one framing.
#[derive(Debug)]
pub struct FrameScanner {
    framing: Framing,
    scanner: Box<dyn ScanAny>,
}

trait ScanAny: Scanner + std::fmt::Debug + Send {}
impl<T: Scanner + std::fmt::Debug + Send> ScanAny for T {}

impl FrameScanner {
    /// A scanner at the start of a stream.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Unavailable`] if the framing is not compiled in.
    pub fn new(framing: Framing) -> Result<Self, DecodeError> {
        let scanner: Box<dyn ScanAny> = with_codec!(
            framing,
            C => Box::new(<C as Codec>::Scanner::default()),
            else return Err(DecodeError::Unavailable(framing))
        );
        Ok(Self { framing, scanner })
    }

    /// The next whole frame of `input`, removed from it; `None` if it is not there yet. Only the frame's end has been
    /// looked for: [`Frame::check`] tells whether it is well-formed.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if the bytes cannot become a frame of at most `max` bytes.
    pub fn next(&mut self, input: &mut BytesMut, max: usize) -> Result<Option<Frame>, DecodeError> {
        let Some(span) = self.scanner.scan(input, max)? else {
            return Ok(None);
        };
        input.advance(span.skip);
        Ok(Some(Frame::new(self.framing, input.split_to(span.len).freeze())))
    }
}
