//! What nodes say to one another about relayed pipes.

use bytes::Bytes;
use mp_proto::{Message, Value};

/// A request about the pipe that has the number `id` on this connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Request {
    /// Opens a pipe to the node `to`, by way of at most `hops` relays behind the one that is asked. The asker takes
    /// `window` bytes to begin with.
    Open { id: u64, to: String, window: u64, hops: u64 },
    /// The sender of this takes `bytes` more; the first one says that the pipe is open.
    More { id: u64, bytes: u64 },
    /// The next bytes.
    Data { id: u64, bytes: Bytes },
    /// No more bytes will come.
    End { id: u64 },
    /// The pipe is no more; the text says why, and is empty if that is as it should be.
    Close { id: u64, text: String },
}

impl Request {
    /// The requests' tags.
    pub(crate) const TAGS: [&'static str; 5] = ["r_open", "r_more", "r_data", "r_end", "r_close"];

    /// Reads what stands behind the tag; `None` if that is not what it has to be. Surplus arguments are ignored.
    pub(crate) fn parse(tag: &str, args: Vec<Value>) -> Option<Self> {
        let mut args = args.into_iter();
        let id = number(args.next())?;
        Some(match tag {
            "r_open" => Self::Open {
                id,
                to: text(args.next())?,
                window: number(args.next())?,
                hops: number(args.next())?,
            },
            "r_more" => Self::More { id, bytes: number(args.next())? },
            "r_data" => Self::Data { id, bytes: bytes(args.next()?)? },
            "r_end" => Self::End { id },
            "r_close" => Self::Close { id, text: text(args.next())? },
            _ => return None,
        })
    }

    pub(crate) fn into_message(self) -> Message {
        let items: Vec<Value> = match self {
            Self::Open { id, to, window, hops } => {
                vec!["r_open".into(), id.into(), to.into(), window.into(), hops.into()]
            }
            Self::More { id, bytes } => vec!["r_more".into(), id.into(), bytes.into()],
            Self::Data { id, bytes } => vec!["r_data".into(), id.into(), Value::Bytes(bytes)],
            Self::End { id } => vec!["r_end".into(), id.into()],
            Self::Close { id, text } => vec!["r_close".into(), id.into(), text.into()],
        };
        Message::from(items)
    }
}

fn number(value: Option<Value>) -> Option<u64> {
    value?.as_i64().and_then(|number| number.try_into().ok())
}

fn text(value: Option<Value>) -> Option<String> {
    Some(value?.as_str()?.into_owned())
}

/// Bytes; in a framing without byte strings they come as text `[FR-17]`.
fn bytes(value: Value) -> Option<Bytes> {
    match value {
        Value::Bytes(bytes) => Some(bytes),
        value => value.as_bytes().map(|bytes| Bytes::from(bytes.into_owned())),
    }
}
