//! Bytes of a peer, in each framing: cut, checked, read, written again.

use bytes::{Bytes, BytesMut};
use mp_proto::codec::FrameScanner;
use mp_proto::{DecodeError, Frame, Framing};

use super::types::{as_payloads, has_map, readings};

/// The longest frame; small, so that a fuzzer finds the bound.
const MAX: usize = 3000;

/// A stream of JSON.
pub fn json_frame(data: &[u8]) {
    stream(Framing::Json, data);
}

/// A stream of CBOR.
pub fn cbor_frame(data: &[u8]) {
    stream(Framing::Cbor, data);
}

/// A stream of postcard frames.
pub fn postcard_frame(data: &[u8]) {
    stream(Framing::Postcard, data);
}

/// A stream of Storable's images.
pub fn storable_frame(data: &[u8]) {
    stream(Framing::Storable, data);
}

/// What was found in a stream.
#[derive(Debug, PartialEq)]
struct Cut {
    frames: Vec<Bytes>,
    /// How many bytes wait for more; nothing if the stream is broken.
    waiting: Option<usize>,
}

/// However a stream is cut into pieces, the same frames come out; and each of them holds the law.
fn stream(framing: Framing, data: &[u8]) {
    let whole = cut(framing, data, data.len().max(1));
    for piece in [1, data.len() % 17 + 2] {
        assert_eq!(cut(framing, data, piece), whole, "in pieces of {piece}");
    }
    for bytes in whole.frames {
        assert!(bytes.len() <= MAX, "a frame of {} bytes", bytes.len());
        frame(&Frame::new(framing, bytes));
    }
    // What has not been cut must not hurt either.
    frame(&Frame::new(framing, Bytes::copy_from_slice(data)));
}

fn cut(framing: Framing, data: &[u8], piece: usize) -> Cut {
    let mut scanner = FrameScanner::new(framing).expect("compiled in");
    let (mut input, mut frames) = (BytesMut::new(), Vec::new());
    for piece in data.chunks(piece) {
        input.extend_from_slice(piece);
        loop {
            match scanner.next(&mut input, MAX) {
                Ok(Some(frame)) => frames.push(frame.bytes().clone()),
                Ok(None) => break,
                Err(_) => return Cut { frames, waiting: None },
            }
        }
    }
    Cut { frames, waiting: Some(input.len()) }
}

/// A frame that passes the check can be read; as values, as types, and after it was written again. One that does not
/// pass cannot.
fn frame(frame: &Frame) {
    let (port, message) = (frame.check(), frame.message());
    let (as_types, as_bytes) = (readings(frame), as_payloads(frame));
    let (port, message) = match (port, message) {
        (Ok(port), Ok(message)) => (port, message),
        (Err(_), Err(_)) => return,
        (port, message) => panic!("checked as {port:?}, read as {message:?}"),
    };
    if frame.framing() == Framing::Storable {
        return image(&port, &message);
    }
    if !message.values().iter().any(has_map) {
        assert_eq!(as_types, readings(&message), "{message}");
        assert_eq!(as_bytes, as_payloads(&message), "{message}");
    }
    let again = written(frame.framing(), &port, &message);
    assert_eq!(again.check().as_deref(), Ok(&*port));
    assert_eq!(again.message().as_ref(), Ok(&message));
    let twice = written(frame.framing(), &port, &again.message().expect("read above"));
    assert_eq!(twice.bytes(), again.bytes(), "what we write stays as it is");
}

/// In Storable, numbers and truth values may come back as strings `[ST-21]` `[ST-22]`; then they stay as they are. What is
/// deeper than Perl could write can be read, and not written.
fn image(port: &str, message: &mp_proto::Message) {
    let mut out = BytesMut::new();
    if Frame::write(Framing::Storable, port, message, None, usize::MAX, &mut out).is_err() {
        return;
    }
    let again = only(Framing::Storable, &mut out).expect("what we write is a frame");
    assert_eq!(again.check().as_deref(), Ok(port));
    let message = again.message().expect("what we write can be read");
    assert_eq!(written(Framing::Storable, port, &message).message().as_ref(), Ok(&message));
}

/// The frame as we write it.
fn written(framing: Framing, port: &str, message: &mp_proto::Message) -> Frame {
    let mut out = BytesMut::new();
    Frame::write(framing, port, message, None, usize::MAX, &mut out).expect("what was read can be written");
    only(framing, &mut out).expect("what we write is a frame")
}

/// The one frame in `input`.
///
/// # Errors
///
/// It is none.
pub(crate) fn only(framing: Framing, input: &mut BytesMut) -> Result<Frame, DecodeError> {
    let frame = FrameScanner::new(framing)?.next(input, usize::MAX)?.expect("the frame is whole");
    assert!(input.is_empty(), "something behind the frame");
    Ok(frame)
}
