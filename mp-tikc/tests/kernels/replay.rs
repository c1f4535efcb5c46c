//! What was recorded of POE::TIKC, said to our kernels. Where the original misbehaves, the test says what ours does.

mod client;
mod frames;
mod server;

use mp_proto::codec::storable::{ThawLimits, thaw};
use mp_tikc::Value;
use serde_json::Value as Json;

/// A recording of the directory `vectors`.
pub(crate) fn recording(name: &str) -> Json {
    let path = format!("{}/tests/vectors/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

pub(crate) fn hex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap()).collect()
}

/// What went over the wire, in order.
#[derive(Debug)]
pub(crate) enum Step {
    Open(u64),
    /// A frame: the connection, whether it is the client's, and its bytes.
    Frame(u64, bool, Vec<u8>),
    /// The client closed.
    Closed(u64),
}

pub(crate) fn steps(name: &str) -> Vec<Step> {
    let recording = recording(name);
    let step = |entry: &Json| {
        let conn = entry["conn"].as_u64()?;
        let client = entry["dir"] == "c2s";
        match entry["what"].as_str()? {
            "open" => Some(Step::Open(conn)),
            "frame" => {
                let bytes = [hex(entry["prefix"].as_str()?), hex(entry["body"].as_str()?)].concat();
                Some(Step::Frame(conn, client, bytes))
            }
            "eof" if client => Some(Step::Closed(conn)),
            _ => None,
        }
    };
    recording["wire"].as_array().unwrap().iter().filter_map(step).collect()
}

/// The value of a frame, if its image is one that we take.
pub(crate) fn value(frame: &[u8]) -> Option<Value> {
    let image = frame.iter().position(|byte| *byte == 0)? + 1;
    thaw(&frame[image..], &ThawLimits::default()).ok()
}
