//! What two Perl nodes said to one another, `vectors/perl-storable.json`.

use mp_proto::Value;
use mp_proto::codec::storable::Storable;
use serde_json::Value as Recorded;

use crate::support::{parts, value};
use crate::tokens::{Ending, cut, frame, read};

struct RecordedFrame {
    offset: usize,
    bytes: Vec<u8>,
    message: Value,
}

/// One direction: where its first frame begins, and the frames.
fn conversation(direction: &str) -> (usize, Vec<RecordedFrame>) {
    let recording: Recorded = serde_json::from_str(include_str!("../vectors/perl-storable.json")).unwrap();
    let number = |value: &Recorded| usize::try_from(value.as_u64().unwrap()).unwrap();
    let frames = recording["frames"].as_array().unwrap().iter().filter(|frame| frame["dir"] == direction);
    let frames: Vec<_> = frames
        .map(|frame| RecordedFrame {
            offset: number(&frame["offset"]),
            bytes: parts(&frame["bytes"]),
            message: value(&frame["message"]),
        })
        .collect();
    let end = frames.last().map(|frame| frame.offset + frame.bytes.len());
    assert_eq!(end, Some(number(&recording["total"][direction])), "the recording is complete");
    (number(&recording["handshake"][direction]), frames)
}

/// [ST-01]: the stream is cut where the frames were, however it comes, and each is the message that was recorded.
#[test]
fn a_perl_stream_is_cut_and_understood() {
    let mut count = 0;
    for (start, frames) in ["c2s", "s2c"].map(conversation) {
        let stream: Vec<u8> = frames.iter().flat_map(|frame| frame.bytes.iter().copied()).collect();
        for piece in [1, 7, stream.len()] {
            let (found, ending) = cut::<Storable>(&stream, &[piece], 1 << 20);
            assert_eq!(ending, Ending::Waiting(0));
            assert_eq!(found.len(), frames.len());
            let mut at = start;
            for ((offset, bytes), frame) in found.iter().zip(&frames) {
                assert_eq!(at, frame.offset);
                at = start + offset + bytes.len();
                assert_eq!(read::<Storable>(bytes).unwrap(), frame.message, "at {offset}");
            }
        }
        count += frames.len();
    }
    assert_eq!(count, 103);
}

/// [ST-20]: we would write the frames to the byte as Perl did, but for Perl's order of keys and for its objects that are
/// truth values.
#[test]
fn we_write_the_frames_that_perl_writes() {
    let (mut equal, mut longer) = (0, 0);
    for frame_of_perl in ["c2s", "s2c"].map(conversation).into_iter().flat_map(|(_, frames)| frames) {
        let (_, bytes) = cut::<Storable>(&frame_of_perl.bytes, &[usize::MAX], 1 << 20).0.remove(0);
        let ours = frame::<Storable>(&read::<Storable>(&bytes).unwrap());
        if ours == frame_of_perl.bytes {
            equal += 1;
        } else {
            longer += 1;
        }
    }
    assert_eq!((equal, longer), (101, 2));
}
