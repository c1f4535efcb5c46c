//! What the node port understands.

mod parse;

use crate::{Message, PortId, Reason, Text, Value};

pub use parse::BadRequest;

/// A message to the port with the empty name, which is the node itself `[NP-01]`.
///
/// Names of ports are those at the receiver (or, in [`Died`](Self::Died), at the sender), without the node's ID. Where
/// there is an answer, it is a message to the port `reply`: the values of `extra`, then the results.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum NodeRequest {
    /// Does nothing `[NP-02]`.
    Nothing,
    /// `mon1`: tell us when the port dies, by [`Died`](Self::Died).
    Monitor {
        /// The port's name.
        port: Text,
    },
    /// `mon0`: no longer.
    Unmonitor {
        /// The port's name.
        port: Text,
    },
    /// `kil0`: a port of the sender, which we monitor, has died.
    Died {
        /// The port's name at the sender.
        port: Text,
        /// Why it died.
        reason: Reason,
    },
    /// `kil1`, or `kil` as older nodes write: kill the port. Never the node port `[NP-04]`.
    Kill {
        /// The port's name.
        port: Text,
        /// Why it dies.
        reason: Reason,
    },
    /// `snd`: pass a message on.
    Send {
        /// To which port, of any node.
        to: PortId,
        /// The message.
        message: Message,
    },
    /// `can`: is there a request of this name? Answered by `"1"` or `""`.
    Can {
        /// The name.
        tag: Text,
        /// Where the answer goes.
        reply: PortId,
        /// What the answer begins with.
        extra: Vec<Value>,
    },
    /// `time`: what time is it? Answered by seconds since 1970, as a float.
    Time {
        /// Where the answer goes.
        reply: PortId,
        /// What the answer begins with.
        extra: Vec<Value>,
    },
    /// `lookup`: which port is registered under this name at the node? Answered by its port ID or null.
    Lookup {
        /// The name.
        name: Text,
        /// Where the answer goes.
        reply: PortId,
        /// What the answer begins with.
        extra: Vec<Value>,
    },
    /// `eval`: run Perl code. It is never run (law 7); who asks for an answer is told so.
    Eval {
        /// The code.
        code: Text,
        /// Where the answer goes, if one is wanted.
        reply: Option<PortId>,
        /// What the answer begins with.
        extra: Vec<Value>,
    },
    /// `AnyEvent::MP::_spawn`: create a port, whose name the sender has chosen.
    Spawn {
        /// The new port's name; not empty.
        name: Text,
        /// What to run; looked up in the table of functions that were registered for it.
        function: Text,
        /// Its arguments.
        args: Vec<Value>,
    },
    /// Anything else: for a service such as the global one, or for nobody `[NP-05]`.
    Other {
        /// The first value.
        tag: Text,
        /// The others.
        args: Vec<Value>,
    },
}

/// Requests that do nothing, by their tags `[NP-02]`.
const NO_OPS: [&str; 2] = ["", "devnull"];
const SPAWN: &str = "AnyEvent::MP::_spawn";
const KNOWN: [&str; 10] = ["mon1", "mon0", "kil0", "kil1", "kil", "snd", "can", "time", "lookup", "devnull"];

/// Whether a request with this tag does nothing.
pub(crate) fn is_no_op(tag: &[u8]) -> bool {
    NO_OPS.iter().any(|no_op| no_op.as_bytes() == tag)
}

impl NodeRequest {
    /// Reads a message to the node port, tag first. Texts, byte strings and integers are taken for one another where a
    /// name is expected, as Perl blurs them `[NP-03]`.
    ///
    /// # Errors
    ///
    /// [`BadRequest`]: the request is to be logged and dropped; the connection goes on.
    pub fn parse(message: Message) -> Result<Self, BadRequest> {
        parse::parse(message)
    }

    /// Whether every node understands a request with this tag: what [`Can`](Self::Can) asks, services left aside. Not
    /// `eval`, which is understood but refused, and not spawning, which Perl does not count either.
    #[must_use]
    pub fn is_known(tag: &str) -> bool {
        KNOWN.contains(&tag)
    }

    /// The message to send to the node port of the peer. A [`Kill`](Self::Kill) of the node port would make a Perl node
    /// deaf and becomes one that does nothing `[NP-04]`.
    #[must_use]
    pub fn into_message(self) -> Message {
        let message = |tag: &str, head: Vec<Value>, tail: Vec<Value>| {
            std::iter::once(Value::from(tag)).chain(head).chain(tail).collect()
        };
        match self {
            Self::Nothing => message("", vec![], vec![]),
            Self::Monitor { port } => message("mon1", vec![port.into()], vec![]),
            Self::Unmonitor { port } => message("mon0", vec![port.into()], vec![]),
            Self::Died { port, reason } => message("kil0", vec![port.into()], reason.into_values()),
            Self::Kill { port, .. } if port.is_empty() => message("", vec![], vec![]),
            Self::Kill { port, reason } => message("kil1", vec![port.into()], reason.into_values()),
            Self::Send { to, message: content } => message("snd", vec![to.into()], content.into_values()),
            Self::Can { tag, reply, extra } => message("can", vec![tag.into(), reply.into()], extra),
            Self::Time { reply, extra } => message("time", vec![reply.into()], extra),
            Self::Lookup { name, reply, extra } => message("lookup", vec![name.into(), reply.into()], extra),
            Self::Eval { code, reply: Some(reply), extra } => {
                message("eval", vec![code.into(), reply.into()], extra)
            }
            Self::Eval { code, reply: None, .. } => message("eval", vec![code.into()], vec![]),
            Self::Spawn { name, function, args } => message(SPAWN, vec![name.into(), function.into()], args),
            Self::Other { tag, args } => message(&tag, vec![], args),
        }
    }
}
