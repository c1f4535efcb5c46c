//! `aemp snd`, `aemp cal` and `aemp mon`.

use mp_proto::PortId;
use serde::Serialize;
use serde_json::Value;

use super::guest::Guest;
use crate::args::Talk;
use crate::cmd::json::reason_json;
use crate::error::CliError;
use crate::output::{Output, Paint, Report, plain};

/// Sends a message.
pub(super) async fn snd(talk: Talk, guest: &Guest, output: &mut Output) -> Result<(), CliError> {
    guest.snd(&talk.port, &talk.message).await?;
    output.report(&Outcome::Sent { port: talk.port.to_string(), target: talk.port })
}

/// Sends a message and prints the reply.
pub(super) async fn cal(talk: &Talk, guest: &Guest, output: &mut Output) -> Result<(), CliError> {
    let reply = guest.cal(&talk.port, &talk.message).await?;
    output.report(&Outcome::Reply { reply })
}

/// Prints why a port died, when it does.
pub(super) async fn mon(port: &PortId, guest: &Guest, output: &mut Output) -> Result<(), CliError> {
    let monitor = guest.mon(port).await?;
    output.hint(&format!("watching {port}; Ctrl-C ends it"));
    let reason = monitor.await;
    let normal = reason.is_normal();
    let text = if normal { format!("{port} ended normally") } else { format!("{port} is dead: {reason}") };
    output.report(&Outcome::Dead { port: port.to_string(), reason: reason_json(&reason), text })
}

/// How it went.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Outcome {
    Sent {
        port: String,
        #[serde(skip)]
        target: PortId,
    },
    Reply {
        reply: Vec<Value>,
    },
    Dead {
        port: String,
        reason: Vec<Value>,
        #[serde(skip)]
        text: String,
    },
}

impl Report for Outcome {
    fn text(&self, paint: Paint) -> String {
        match self {
            Self::Sent { port, target } if target.is_node_port() => {
                format!("{} {port} has it", paint.good("sent:"))
            }
            // The node drops what is for nobody, without a word.
            Self::Sent { port, target } => format!(
                "{} the node {} has it; whether there is such a port there, `aemp mon {port}` tells",
                paint.good("sent:"),
                target.node_str(),
            ),
            Self::Reply { reply } => words(reply),
            Self::Dead { text, .. } => plain(text),
        }
    }
}

/// Values on one line, as JSON with commas.
fn words(values: &[Value]) -> String {
    plain(&values.iter().map(Value::to_string).collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_reply_is_json_without_brackets() {
        let reply = Outcome::Reply { reply: vec![json!("time"), json!([1, null]), json!("a\u{1b}")] };
        assert_eq!(reply.text(Paint::new(false)), "\"time\",[1,null],\"a\\u001b\"");
    }
}
