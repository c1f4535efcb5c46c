//! Reading a node request.

use super::{NodeRequest, SPAWN, is_no_op};
use crate::{Message, PortId, Reason, Text, Value};

/// Why a message to the node port is not understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadRequest {
    /// The first value is no name.
    #[error("a node request begins with a name")]
    Tag,
    /// An argument is missing, or is something else.
    #[error("the node request {tag:?} needs {what}")]
    Argument {
        /// The request.
        tag: &'static str,
        /// What it needs.
        what: &'static str,
    },
    /// A kill of the node port, which would make the node deaf `[NP-04]`.
    #[error("the node port cannot be killed")]
    KillNodePort,
}

pub(super) fn parse(message: Message) -> Result<NodeRequest, BadRequest> {
    let mut values = message.into_values().into_iter();
    let tag = match values.next() {
        None => return Ok(NodeRequest::Nothing),
        Some(value) => text(value).ok_or(BadRequest::Tag)?,
    };
    let args = |tag| Args { tag, values };
    match tag.as_str() {
        no_op if is_no_op(no_op.as_bytes()) => Ok(NodeRequest::Nothing),
        "mon1" => args("mon1").port_name().map(|port| NodeRequest::Monitor { port }),
        "mon0" => args("mon0").port_name().map(|port| NodeRequest::Unmonitor { port }),
        "kil0" => args("kil0").died(),
        "kil1" | "kil" => args("kil1").kill(),
        "snd" => args("snd").send(),
        "can" => args("can").can(),
        "time" => args("time").time(),
        "lookup" => args("lookup").lookup(),
        "eval" => args("eval").eval(),
        SPAWN => args(SPAWN).spawn(),
        _ => Ok(NodeRequest::Other { tag, args: args("").rest() }),
    }
}

/// What follows the tag.
struct Args {
    tag: &'static str,
    values: std::vec::IntoIter<Value>,
}

impl Args {
    fn missing(&self, what: &'static str) -> BadRequest {
        BadRequest::Argument { tag: self.tag, what }
    }

    fn text(&mut self, what: &'static str) -> Result<Text, BadRequest> {
        self.values.next().and_then(text).ok_or_else(|| self.missing(what))
    }

    fn port_name(&mut self) -> Result<Text, BadRequest> {
        self.text("a port name")
    }

    fn port(&mut self, what: &'static str) -> Result<PortId, BadRequest> {
        self.values.next().and_then(|value| value.as_port()).ok_or_else(|| self.missing(what))
    }

    fn reply(&mut self) -> Result<PortId, BadRequest> {
        self.port("a port for the answer")
    }

    fn rest(&mut self) -> Vec<Value> {
        self.values.by_ref().collect()
    }

    fn reason(&mut self) -> Reason {
        Reason::from_values(self.rest())
    }

    fn died(&mut self) -> Result<NodeRequest, BadRequest> {
        Ok(NodeRequest::Died { port: self.port_name()?, reason: self.reason() })
    }

    fn kill(&mut self) -> Result<NodeRequest, BadRequest> {
        let port = self.port_name()?;
        if port.is_empty() {
            return Err(BadRequest::KillNodePort);
        }
        Ok(NodeRequest::Kill { port, reason: self.reason() })
    }

    fn send(&mut self) -> Result<NodeRequest, BadRequest> {
        Ok(NodeRequest::Send { to: self.port("a port to send to")?, message: self.rest().into() })
    }

    fn can(&mut self) -> Result<NodeRequest, BadRequest> {
        Ok(NodeRequest::Can { tag: self.text("a name")?, reply: self.reply()?, extra: self.rest() })
    }

    fn time(&mut self) -> Result<NodeRequest, BadRequest> {
        Ok(NodeRequest::Time { reply: self.reply()?, extra: self.rest() })
    }

    fn lookup(&mut self) -> Result<NodeRequest, BadRequest> {
        Ok(NodeRequest::Lookup { name: self.text("a name")?, reply: self.reply()?, extra: self.rest() })
    }

    fn eval(&mut self) -> Result<NodeRequest, BadRequest> {
        let code = self.text("code")?;
        let wanted = self.values.as_slice().first().is_some_and(Value::is_true);
        let reply = if wanted { Some(self.reply()?) } else { None };
        let extra = if wanted { self.rest() } else { Vec::new() };
        Ok(NodeRequest::Eval { code, reply, extra })
    }

    fn spawn(&mut self) -> Result<NodeRequest, BadRequest> {
        let name = self.port_name()?;
        if name.is_empty() {
            return Err(self.missing("a port name"));
        }
        Ok(NodeRequest::Spawn { name, function: self.text("a function's name")?, args: self.rest() })
    }
}

/// What Perl takes the value for where a string is wanted. Null is the empty string, as `undef` is.
fn text(value: Value) -> Option<Text> {
    match value {
        Value::Null => Some(Text::default()),
        Value::Text(text) => Some(text),
        Value::Bytes(_) => value.as_str().map(Text::from),
        Value::Int(number) => Some(number.to_string().into()),
        Value::UInt(number) => Some(number.to_string().into()),
        Value::Bool(_) | Value::Float(_) | Value::List(_) | Value::Map(_) => None,
    }
}
