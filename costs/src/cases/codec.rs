//! Encoding and decoding by themselves.

use std::hint::black_box;

use bytes::BytesMut;
use mp_node::{Framing, Limits};
use mp_proto::Frame;
use mp_proto::codec::FrameScanner;
use serde_bytes::Bytes;

use super::{Outgoing, Traffic, payload};

/// A name as nodes make them.
const PORT: &str = "Yq5YB21lLb4";
/// Frames that lie behind one another in the input.
const INPUT: u64 = 100;

fn write(framing: Framing, number: u64, payload: &Bytes, limits: &Limits, out: &mut BytesMut) {
    let message = Outgoing::Data(number, payload);
    Frame::write_within(framing, PORT, black_box(&message), None, limits, out).expect("it can be written");
}

/// Writes messages into one buffer.
pub(super) fn encode(framing: Framing, times: u64) {
    let (payload, limits) = (payload(), Limits::default());
    let mut out = BytesMut::with_capacity(4096);
    for _ in 0..times {
        out.clear();
        write(framing, 1_234_567, Bytes::new(&payload), &limits, &mut out);
        black_box(out.len());
    }
}

/// Cuts messages from their input, and reads them.
pub(super) fn decode(framing: Framing, times: u64) {
    let (payload, limits) = (payload(), Limits::default());
    let mut input = BytesMut::new();
    for _ in 0..INPUT {
        write(framing, 1_234_567, Bytes::new(&payload), &limits, &mut input);
    }
    let mut scanner = FrameScanner::new(framing).expect("it is compiled in");
    for _ in 0..times / INPUT {
        let mut input = input.clone();
        while let Some(frame) = scanner.next(&mut input, limits.max_message).expect("well-formed") {
            black_box(frame.check().expect("well-formed"));
            black_box(frame.decode::<Traffic>().expect("what was written"));
        }
    }
}
