//! Frames out of a stream, however it is cut.

use mp_proto::Value;
use mp_proto::codec::cbor::Cbor;
use mp_proto::codec::json::Json;
use mp_proto::codec::postcard::Postcard;
use mp_proto::codec::{Codec, Scanner};
use proptest::collection::vec;
use proptest::prelude::{ProptestConfig, prop_assert, prop_assert_eq, proptest};
use proptest::sample::select;
use proptest::test_runner::TestCaseError;

use crate::strategy::message;
use crate::tokens::{Ending, cut, frame, read};

const MAX: usize = 1 << 20;

/// Messages behind one another come out one after another, in whatever pieces they come `[FR-11]`.
fn any_cut_gives_the_same_frames<C: Codec>(
    messages: &[Value],
    pieces: &[usize],
) -> Result<(), TestCaseError> {
    let encoded: Vec<_> = messages.iter().map(frame::<C>).collect();
    let stream = encoded.concat();
    let (whole, ending) = cut::<C>(&stream, &[stream.len()], MAX);
    prop_assert_eq!(&ending, &Ending::Waiting(0));
    prop_assert_eq!(whole.len(), messages.len());
    for (bytes, (_, found)) in encoded.iter().zip(&whole) {
        prop_assert!(bytes.ends_with(found));
    }
    for pieces in [&[1], pieces] {
        let (frames, ending) = cut::<C>(&stream, pieces, MAX);
        prop_assert_eq!(&frames, &whole);
        prop_assert_eq!(ending, Ending::Waiting(0));
    }
    Ok(())
}

/// Whether a prefix of `len` bytes is worth a look: all of a short frame's, and some of a long one's.
fn near_an_end(len: usize, whole: usize) -> bool {
    len < 150 || whole - len < 150 || len.is_multiple_of(31)
}

/// A frame without its end is no frame, neither to the scanner nor to the reader.
fn a_prefix_is_not_enough<C: Codec>(message: &Value) -> Result<(), TestCaseError> {
    let bytes = frame::<C>(message);
    for len in (0..bytes.len()).filter(|len| near_an_end(*len, bytes.len())) {
        let found = C::Scanner::default().scan(&bytes[..len], MAX);
        prop_assert!(!matches!(found, Ok(Some(_))), "{:?} of {:?}", found, &bytes[..len]);
    }
    let span = C::Scanner::default().scan(&bytes, MAX).ok().flatten().expect("a whole frame");
    for len in (0..span.len).filter(|len| near_an_end(*len, span.len)) {
        prop_assert!(read::<C>(&bytes[span.skip..span.skip + len]).is_err());
    }
    Ok(())
}

proptest! {
    #[test]
    fn pieces(messages in vec(message(), 0..5), pieces in vec(1..40_usize, 1..30)) {
        any_cut_gives_the_same_frames::<Json>(&messages, &pieces)?;
        any_cut_gives_the_same_frames::<Cbor>(&messages, &pieces)?;
        any_cut_gives_the_same_frames::<Postcard>(&messages, &pieces)?;
    }

}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn prefixes(message in message()) {
        a_prefix_is_not_enough::<Json>(&message)?;
        a_prefix_is_not_enough::<Cbor>(&message)?;
        a_prefix_is_not_enough::<Postcard>(&message)?;
    }

    /// `[FR-10]`: nothing stands between JSON frames that we write; white space is taken.
    #[test]
    fn white_space_between_arrays(messages in vec(message(), 1..5), white in vec(select(b" \t\r\n".to_vec()), 0..9)) {
        let mut stream = Vec::new();
        for message in &messages {
            stream.extend_from_slice(&white);
            stream.extend(frame::<Json>(message));
        }
        stream.extend_from_slice(&white);
        for pieces in [1, 3, stream.len()] {
            let (frames, ending) = cut::<Json>(&stream, &[pieces], MAX);
            prop_assert_eq!(ending, Ending::Waiting(white.len()));
            let written: Vec<_> = messages.iter().map(frame::<Json>).collect();
            prop_assert_eq!(frames.into_iter().map(|(_, bytes)| bytes).collect::<Vec<_>>(), written);
        }
    }
}

/// A whole frame is given though the input goes on, and only it.
#[test]
fn one_frame_at_a_time() {
    let mut scanner = <Json as Codec>::Scanner::default();
    let found = scanner.scan(b" [1][2]", MAX).unwrap().unwrap();
    assert_eq!((found.skip, found.len), (1, 3));
    let found = scanner.scan(b"[2]", MAX).unwrap().unwrap();
    assert_eq!((found.skip, found.len), (0, 3));
}
