//! `aemp ping`.

mod times;

use std::time::Duration;

use mp_node::{CallError, PortId};
use mp_transport::clock;
use serde::Serialize;

use self::times::{Summary, Times};
use super::guest::{Guest, died};
use super::stop::{Asked, Stop};
use crate::args::Ping;
use crate::error::CliError;
use crate::output::{Output, Paint, Report, plain};

/// Asks a node for its time, again and again, and tells how long each answer took. A port of the node is watched beside
/// that. However it ends, there is a summary.
pub(super) async fn ping(
    args: &Ping,
    guest: &Guest,
    output: &mut Output,
    stop: &mut Stop,
) -> Result<(), CliError> {
    let mut times = Times::default();
    let end = tokio::select! {
        biased;
        asked = stop.asked() => End::Asked(asked),
        result = rounds(args, guest, output, &mut times) => End::Over(result),
    };
    let end = match end {
        // It has not begun.
        End::Over(Err(error)) if times.sent() == 0 => return Err(error),
        end => end,
    };
    output.report(&Outcome::Ping(times.summary(&args.port)))?;
    match end {
        End::Asked(asked) => Err(CliError::Interrupted(asked)),
        End::Over(Err(error)) => Err(error),
        End::Over(Ok(())) if times.received() == 0 => {
            Err(CliError::Remote(format!("{} never answered; look at what it logs", args.port)))
        }
        End::Over(Ok(())) => Ok(()),
    }
}

enum End {
    Asked(Asked),
    Over(Result<(), CliError>),
}

async fn rounds(args: &Ping, guest: &Guest, output: &mut Output, times: &mut Times) -> Result<(), CliError> {
    let port = guest.meet(&args.port).await?;
    let mut dead = (!port.name().is_empty()).then(|| guest.node().monitor(&port));
    let mut due = clock::now();
    while args.count == 0 || times.sent() < args.count {
        let begun = clock::now();
        let question = one(guest, &args.port, &port);
        let answer = match dead.as_mut() {
            None => question.await,
            Some(monitor) => tokio::select! {
                biased;
                reason = monitor => return Err(CliError::Remote(plain(&died(&port, &reason)))),
                answer = question => answer,
            },
        };
        let took = clock::now().saturating_duration_since(begun);
        let outcome = match answer {
            Ok(()) => {
                times.answered(took);
                Outcome::Pong {
                    node: port.node().to_string(),
                    number: times.sent(),
                    round_trip: seconds(took),
                }
            }
            Err(error) => {
                times.lost();
                Outcome::Lost { node: port.node().to_string(), number: times.sent(), error }
            }
        };
        output.report(&outcome)?;
        due += args.interval;
        if times.sent() != args.count {
            clock::sleep_until(due).await;
        }
    }
    Ok(())
}

/// One question and its answer. A connection that is lost is made anew.
async fn one(guest: &Guest, asked: &PortId, port: &PortId) -> Result<(), String> {
    let node = port.node();
    if !guest.node().nodes().contains(&node) {
        guest.meet(asked).await.map_err(|error| error.to_string())?;
    }
    let answer = guest.node().call(node.port(), "time").timeout(guest.limit()).await;
    answer.map(drop).map_err(|error| match error {
        CallError::Died(reason) => plain(&died(&node.port(), &reason)),
        other => plain(&other.to_string()),
    })
}

/// A duration in seconds, to a microsecond, as all times are told to programs.
pub(super) fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e6
}

#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Outcome {
    /// `round_trip` in seconds.
    Pong {
        node: String,
        number: u64,
        round_trip: f64,
    },
    Lost {
        node: String,
        number: u64,
        error: String,
    },
    Ping(Summary),
}

impl Report for Outcome {
    fn text(&self, paint: Paint) -> String {
        match self {
            Self::Pong { node, number, round_trip } => {
                format!("{node}: {number}  {:.3} ms", round_trip * 1e3)
            }
            Self::Lost { node, number, error } => {
                format!("{node}: {number}  {} ({error})", paint.bad("lost"))
            }
            Self::Ping(summary) => summary.text(),
        }
    }
}
