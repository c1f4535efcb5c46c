//! `aemp eval` and `aemp restart`: code that another node is asked to run, which ours never do.

use std::time::Duration;

use mp_node::{NodeId, PortId};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::guest::Guest;
use crate::error::CliError;
use crate::output::{Output, Paint, Report, plain};

/// What restarts a Perl node that was started under AnyEvent::Watchdog.
const RESTART: &str = "require AnyEvent::Watchdog::Util; AnyEvent::Watchdog::Util::restart (); ()";
/// A node that restarts may take so long to go, beyond the time-out.
const GOING: Duration = Duration::from_secs(2);

/// Has a Perl node evaluate an expression; prints the results.
pub(super) async fn eval(
    node: &PortId,
    code: &[String],
    guest: &Guest,
    output: &mut Output,
) -> Result<(), CliError> {
    let reply = run(node, &code.join(" "), guest).await?;
    output.report(&Outcome::Reply { reply })
}

/// Has a Perl node restart itself; returns when it has gone.
pub(super) async fn restart(node: &PortId, guest: &Guest, output: &mut Output) -> Result<(), CliError> {
    let port = guest.meet(node).await?;
    let gone = guest.node().monitor(port.node().port());
    let answer = run(&port, RESTART, guest);
    tokio::pin!(gone);
    tokio::select! {
        biased;
        // It may go before it answers.
        _ = &mut gone => {}
        answer = answer => {
            answer?;
            if timeout(guest.limit() + GOING, gone).await.is_err() {
                return Err(CliError::Remote(format!("{port} said that it would restart, and is still there; look at what it logs")));
            }
        }
    }
    output.report(&Outcome::Restarting { node: port.node().to_string() })
}

/// What the expression gives at a node, in a list context.
pub(super) async fn run(node: &PortId, code: &str, guest: &Guest) -> Result<Vec<Value>, CliError> {
    let port = guest.meet(node).await?;
    let id = port.node();
    if guest.node().is_own_kind(&id) {
        return Err(CliError::Remote(refusal(&id)));
    }
    let answer = guest.cal(&id.port(), &[json!("eval"), json!(code)]).await;
    let mut answer = answer.map_err(|error| silence(&id, error))?.into_iter();
    match answer.next() {
        None => Ok(Vec::new()),
        Some(Value::String(fault)) if fault.is_empty() => Ok(answer.collect()),
        Some(Value::Null) => Ok(answer.collect()),
        Some(Value::String(fault)) => Err(CliError::Remote(plain(fault.trim_end()))),
        Some(other) => Err(CliError::Remote(other.to_string())),
    }
}

fn refusal(node: &NodeId) -> String {
    format!(
        "{node} refuses: it is a Rust node, and none of them ever runs code that it is sent; what it is to do for others, its \
         program registers as a function, and what runs it restarts it (`systemctl restart`)"
    )
}

/// A node that must not do it says nothing.
fn silence(node: &NodeId, error: CliError) -> CliError {
    match error {
        CliError::Remote(text) if text.contains("did not answer") => CliError::Remote(format!(
            "{text}; or {node} has `secure` set, by which it does nothing of the kind and does not say so"
        )),
        other => other,
    }
}

#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Outcome {
    Reply { reply: Vec<Value> },
    Restarting { node: String },
}

impl Report for Outcome {
    fn text(&self, paint: Paint) -> String {
        match self {
            Self::Reply { reply } => plain(&reply.iter().map(Value::to_string).collect::<Vec<_>>().join(",")),
            Self::Restarting { node } => {
                format!("{} {node} has gone to start anew", paint.good("restarting:"))
            }
        }
    }
}
