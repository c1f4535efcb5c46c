//! One message in all framings.

use arbitrary::{Result, Unstructured};
use bytes::BytesMut;
use mp_proto::{EncodeError, Frame, Framing, Message};

use super::frames::only;
use super::types::readings;
use super::values;

const FRAMINGS: [Framing; 3] = [Framing::Json, Framing::Cbor, Framing::Postcard];

/// All framings carry the same messages, refuse the same, and give back what was written, also after it went from
/// one framing into another (law 9). What JSON cannot say is said as the codec's documentation has it.
pub fn codecs_agree(data: &[u8]) {
    agree(&mut Unstructured::new(data)).expect("what is left of an input that is used up is zero");
}

fn agree(u: &mut Unstructured<'_>) -> Result<()> {
    let (port, message) = (values::text(u)?, values::message(u)?);
    let as_json = values::message_as_json(&message);
    let frames = FRAMINGS.map(|framing| write(framing, &port, &message));
    if let Err(error) = &frames[0] {
        assert_eq!(*error, EncodeError::TooDeep);
        assert!(frames.iter().all(|frame| frame.as_ref().err() == Some(error)), "{frames:?}");
        return Ok(());
    }
    let frames = frames.map(|frame| frame.expect("all or none is refused"));
    let types = readings(&as_json);
    for frame in &frames {
        let expected = if frame.framing() == Framing::Json { &as_json } else { &message };
        assert_eq!(frame.check().as_deref(), Ok(port.as_str()));
        assert_eq!(frame.message().as_ref(), Ok(expected));
        assert_eq!(readings(frame), types, "{} as types", frame.framing());
        for framing in FRAMINGS {
            let mut out = BytesMut::new();
            frame.transcode(framing, usize::MAX, &mut out).expect("it has been written once");
            let other = only(framing, &mut out).expect("what we write is a frame");
            let expected = if framing == Framing::Json { &as_json } else { expected };
            assert_eq!(other.check().as_deref(), Ok(port.as_str()));
            assert_eq!(other.message().as_ref(), Ok(expected), "{} to {framing}", frame.framing());
        }
    }
    bounds(&port, &message, &frames);
    Ok(())
}

/// A frame is refused if it has one byte more than is allowed, and nothing is left behind.
fn bounds(port: &str, message: &Message, frames: &[Frame]) {
    for frame in frames {
        let mut out = BytesMut::from(&b"before"[..]);
        let len = frame.bytes().len();
        let refused = Frame::write(frame.framing(), port, message, None, len - 1, &mut out);
        assert_eq!(refused, Err(EncodeError::TooLong { len, max: len - 1 }));
        assert_eq!(&out[..], b"before");
        assert_eq!(Frame::write(frame.framing(), port, message, None, len, &mut out), Ok(()));
        assert!(out.ends_with(frame.bytes()));
    }
}

fn write(framing: Framing, port: &str, message: &Message) -> std::result::Result<Frame, EncodeError> {
    let mut out = BytesMut::new();
    Frame::write(framing, port, message, None, usize::MAX, &mut out)?;
    Ok(only(framing, &mut out).expect("what we write is a frame"))
}
