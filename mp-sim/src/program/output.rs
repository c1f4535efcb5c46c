//! The only module that prints: text for people, lines of JSON for programs.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use mp_sim::Failure;
use mp_sim::form::Formation;
use mp_sim::scenario::Report;
use serde_json::{Value, json};
use tracing_subscriber::EnvFilter;

use super::pool::All;

/// Where the program speaks: results to stdout, progress to stderr.
pub(super) struct Output {
    json: bool,
    shows_progress: bool,
}

/// Lets nodes log to stdout, without the time, which is not the network's.
pub(super) fn start_log(filter: &str) {
    let log = tracing_subscriber::fmt().without_time().with_ansi(false).with_target(true);
    log.with_env_filter(EnvFilter::new(filter)).with_writer(io::stdout).init();
}

impl Output {
    pub(super) fn new(json: bool) -> Self {
        Self { json, shows_progress: io::stderr().is_terminal() }
    }

    fn say(&self, text: &str, json: impl FnOnce() -> Value) -> io::Result<()> {
        let mut out = io::stdout().lock();
        if self.json { writeln!(out, "{}", json()) } else { writeln!(out, "{text}") }
    }

    /// One line that is written over again and again, if a person looks.
    pub(super) fn progress(&self, done: u64, of: u64, failed: u64) {
        if self.shows_progress {
            // Whether it is seen is of no importance.
            drop(write!(io::stderr(), "\r{done} of {of} seeds, {failed} failed"));
        }
    }

    pub(super) fn progress_ends(&self) {
        if self.shows_progress {
            drop(write!(io::stderr(), "\r\x1b[K"));
        }
    }

    /// A seed has failed; `again` repeats it.
    pub(super) fn failure(&self, failure: &Failure, again: &str) -> io::Result<()> {
        self.progress_ends();
        self.say(
            &format!("{failure}\n  repeat it with: {again}"),
            || json!({ "event": "failure", "seed": failure.seed, "what": failure.what, "repeat": again }),
        )
    }

    /// What happened in one run.
    pub(super) fn trace(&self, trace: &str, failure: Option<&Failure>) -> io::Result<()> {
        let mut out = io::stdout().lock();
        if self.json {
            for line in trace.lines() {
                writeln!(out, "{}", json!({ "event": "trace", "line": line }))?;
            }
        } else {
            out.write_all(trace.as_bytes())?;
        }
        drop(out);
        let what = failure.map(|failure| failure.what.as_str());
        let text = what.map_or("no violation".to_owned(), |what| format!("violation: {what}"));
        self.say(&text, || json!({ "event": "done", "ok": what.is_none(), "what": what }))
    }

    pub(super) fn summary(&self, sum: &Report, all: &All) -> io::Result<()> {
        let faults: Vec<String> = sum.faults.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        let agreed = sum.agreed_after.map_or("-".to_owned(), seconds);
        let text = format!(
            "{} seeds, {} failed, in {}: {} of the networks' time\n\
             {} nodes, {} of them Perl's; {} faults ({})\n\
             {} messages sent, {} received and checked, {} holes, all told before\n\
             {} monitors, {} fired; a process's death was told after {} at the latest\n\
             {} registrations, {} changes told; all agreed {} after the last fault at the latest\n\
             at the most {} messages in a port, {} B for a peer",
            all.seeds,
            all.failed,
            seconds(all.real),
            seconds(sum.elapsed),
            sum.nodes,
            sum.perl,
            sum.faults(),
            faults.join(", "),
            sum.sent,
            sum.received,
            sum.gaps,
            sum.monitors,
            sum.fired,
            seconds(sum.slowest_notice),
            sum.registrations,
            sum.changes,
            agreed,
            sum.longest_queue,
            sum.largest_outbox,
        );
        self.say(&text, || {
            json!({
                "event": "done", "ok": all.failed == 0, "seeds": all.seeds, "failed": all.failed,
                "seconds": all.real.as_secs_f64(), "virtual_seconds": sum.elapsed.as_secs_f64(),
                "nodes": sum.nodes, "perl": sum.perl, "faults": sum.faults, "sent": sum.sent, "received": sum.received,
                "holes": sum.gaps, "monitors": sum.monitors, "fired": sum.fired,
                "slowest_notice": sum.slowest_notice.as_secs_f64(), "registrations": sum.registrations,
                "changes": sum.changes, "agreed_after": sum.agreed_after.map(|time| time.as_secs_f64()),
                "longest_queue": sum.longest_queue, "largest_outbox": sum.largest_outbox,
            })
        })
    }

    pub(super) fn collisions(&self, collisions: u64, messages: u64, all: &All) -> io::Result<()> {
        let text = format!(
            "{} collisions in {}: {collisions} ended with one connection, no message of {messages} lost, no monitor \
             fired; {} did not",
            all.seeds,
            seconds(all.real),
            all.failed,
        );
        self.say(&text, || {
            json!({
                "event": "done", "ok": all.failed == 0, "collisions": all.seeds, "failed": all.failed,
                "messages": messages, "seconds": all.real.as_secs_f64(),
            })
        })
    }

    pub(super) fn formation(&self, formation: &Formation) -> io::Result<()> {
        let nodes = u64::try_from(formation.nodes).unwrap_or(u64::MAX).max(1);
        let memory = formation.memory.map(|bytes| bytes / nodes / 1024);
        let text = format!(
            "{} nodes, {} of them global: agreed after {}, computed in {}; {} connections; per node {} messages, {} KiB",
            formation.nodes,
            formation.globals,
            seconds(formation.agreed_after),
            seconds(formation.real),
            formation.connections,
            formation.messages / nodes,
            memory.map_or("?".to_owned(), |kib| kib.to_string()),
        );
        self.say(&text, || {
            json!({
                "event": "formed", "nodes": formation.nodes, "globals": formation.globals,
                "agreed_after": formation.agreed_after.as_secs_f64(), "seconds": formation.real.as_secs_f64(),
                "connections": formation.connections, "messages": formation.messages, "memory": formation.memory,
            })
        })
    }
}

#[cfg(unix)]
mod soak;

fn seconds(time: Duration) -> String {
    format!("{:.3} s", time.as_secs_f64())
}
