//! `aemp log`: the log lines of all nodes of the network.

use std::pin::pin;
use std::time::Duration;

use mp_global::log_catcher::{Asked, Caught, LogCatcher, LogLevel};
use serde::Serialize;
use tokio::time::sleep;

use super::guest::Guest;
use crate::args::Log;
use crate::error::CliError;
use crate::output::{Output, Paint, Report, plain};

const DAY: u64 = 24 * 3600;
/// By then the nodes have said whether they pass lines on.
const SETTLED: Duration = Duration::from_secs(2);

/// Tells the lines as they come, until it is stopped; and on stderr what keeps others from coming.
pub(super) async fn log(args: &Log, guest: &Guest, output: &mut Output) -> Result<(), CliError> {
    let global = guest.directory().await?;
    let mut catcher = LogCatcher::start(guest.node(), global, args.level)?;
    output.hint(&listening(args));
    let mut seeds = guest.watch_seeds(global);
    let mut settled = pin!(sleep(SETTLED));
    let mut is_settled = false;
    loop {
        tokio::select! {
            biased;
            caught = catcher.next() => match caught {
                Some(caught) if passes(args, &caught) => output.report(&Line::of(&caught))?,
                Some(_) => {}
                None => return Ok(()),
            },
            news = seeds.next() => output.note(&news),
            () = &mut settled, if !is_settled => {
                is_settled = true;
                if let Some(text) = nobody_tells(catcher.asked()) {
                    output.note(&text);
                }
            }
        }
    }
}

/// Why there may never be a line.
fn nobody_tells(asked: Asked) -> Option<String> {
    let silent = match asked {
        Asked { willing: 1.., .. } => return None,
        Asked { nodes: 0, .. } => "the directory has named no other node yet".to_owned(),
        Asked { nodes, unable, .. } if nodes == unable => {
            format!("none of the other nodes ({nodes}) passes its log on")
        }
        Asked { nodes, .. } => {
            format!("none of the other nodes ({nodes}) has said that it passes its log on")
        }
    };
    Some(format!(
        "{silent}: those of `aemp run` do, programs with a `LogTap`, and Perl nodes with AnyEvent::MP::LogCatcher; waiting for one"
    ))
}

/// What is listened to, as a line may be long in coming.
fn listening(args: &Log) -> String {
    let nodes = args.node_part.as_ref().map(|part| format!(" with {part:?} in their names"));
    let text = args.text.as_ref().map(|part| format!(", if {part:?} is in them"));
    let own = if args.level > LogLevel::INFO { ", as far as they log so much themselves" } else { "" };
    format!(
        "listening: lines of level {} and graver of all nodes{} that pass them on{own}{}; Ctrl-C ends it",
        args.level,
        nodes.unwrap_or_default(),
        text.unwrap_or_default(),
    )
}

fn passes(args: &Log, caught: &Caught) -> bool {
    let has =
        |text: &str, part: &Option<String>| part.as_ref().is_none_or(|part| text.contains(part.as_str()));
    // A node may answer with more than it was asked for.
    caught.line.level <= args.level
        && has(caught.node.as_str(), &args.node_part)
        && (has(&caught.line.text, &args.text) || has(&caught.line.context, &args.text))
}

/// A line, as it is told.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename = "line")]
struct Line {
    /// Seconds since 1970.
    time: f64,
    node: String,
    level: String,
    context: String,
    text: String,
    /// Lines of that node that were lost before this one.
    #[serde(skip_serializing_if = "is_zero")]
    lost: u64,
    #[serde(skip)]
    grave: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde calls")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Line {
    fn of(caught: &Caught) -> Self {
        let line = &caught.line;
        Self {
            time: line.time,
            node: caught.node.to_string(),
            level: line.level.to_string(),
            context: line.context.clone(),
            text: line.text.clone(),
            lost: caught.lost,
            grave: line.level <= LogLevel::WARN,
        }
    }
}

impl Report for Line {
    fn text(&self, paint: Paint) -> String {
        let level = format!("{:5}", self.level);
        let level = if self.grave { paint.bad(level) } else { paint.dim(level) };
        let lost = if self.lost == 0 { String::new() } else { format!("({} lines were lost) ", self.lost) };
        let words = plain(&format!("{}: {lost}{}", self.context, self.text));
        format!("{} {level} {} {words}", time_of_day(self.time), paint.name(plain(&self.node)))
    }
}

/// The time of day, in UTC.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it saturates, and a day has no more"
)]
fn time_of_day(time: f64) -> String {
    let millis = (time.max(0.0) * 1e3) as u64;
    let seconds = millis / 1000 % DAY;
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    format!("{hours:02}:{minutes:02}:{:02}.{:03}Z", seconds % 60, millis % 1000)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::{Net, ShellLine};

    #[test]
    fn who_wants_more_than_nodes_log_is_told() {
        let listens = |level: &str| {
            let line = ["log", "--level", level];
            let Net::Log(args) = ShellLine::try_parse_from(line).unwrap().net else { panic!("not log") };
            listening(&args)
        };
        assert!(!listens("info").contains("themselves"));
        assert!(
            listens("trace").contains("that pass them on, as far as they log so much themselves; Ctrl-C")
        );
    }

    #[test]
    fn that_nobody_tells_is_told() {
        let told = |nodes, willing, unable| {
            let mut asked = Asked::default();
            (asked.nodes, asked.willing, asked.unable) = (nodes, willing, unable);
            nobody_tells(asked).unwrap_or_default()
        };
        assert_eq!(told(3, 1, 1), "");
        assert!(told(0, 0, 0).starts_with("the directory has named no other node yet: "));
        assert!(
            told(2, 0, 2)
                .starts_with("none of the other nodes (2) passes its log on: those of `aemp run` do")
        );
        assert!(told(2, 0, 1).starts_with("none of the other nodes (2) has said that"));
    }

    #[test]
    fn the_time_is_that_of_the_day() {
        assert_eq!(time_of_day(1_700_000_000.25), "22:13:20.250Z");
        assert_eq!(time_of_day(f64::NAN), "00:00:00.000Z");
        assert_eq!(time_of_day(-1.0), "00:00:00.000Z");
    }
}
