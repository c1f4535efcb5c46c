//! What `mp-sim soak` prints.

use std::io::{self, Write};

use mp_sim::soak::{Figures, MEMORY_SLACK, Progress, SoakError, Summary};
use serde_json::{Value, json};

use super::{Output, seconds};

impl Output {
    /// One line that is written over again and again, if a person looks.
    pub(in crate::program) fn soak_progress(&self, progress: &Progress) {
        if self.shows_progress {
            let Progress { elapsed, up, processes, faults, received, fired, violations, .. } = progress;
            // Whether it is seen is of no importance.
            drop(write!(
                io::stderr(),
                "\r\x1b[K{} s: {up} up, {processes} processes so far, {faults} faults, {received} messages, {fired} \
                 monitors fired, {violations} violations",
                elapsed.as_secs(),
            ));
        }
    }

    /// There is no result.
    pub(in crate::program) fn soak_failed(&self, error: &SoakError) -> io::Result<()> {
        self.progress_ends();
        self.say(&format!("no result: {error}"), || json!({ "event": "error", "what": error.to_string() }))
    }

    /// The result.
    pub(in crate::program) fn soaked(&self, sum: &Summary) -> io::Result<()> {
        self.progress_ends();
        for what in &sum.violations {
            self.say(&format!("violation: {what}"), || json!({ "event": "violation", "what": what }))?;
        }
        let records = sum.records.as_ref().map(|path| path.display().to_string());
        if let Some(path) = &records {
            let text = format!(
                "the records and the nodes' logs are in {path}; the faults were those of --seed {}",
                sum.seed
            );
            self.say(&text, || json!({ "event": "records", "path": path }))?;
        }
        self.say(&text(sum), || {
            let (before, after) = sum.total();
            json!({
                "event": "done", "ok": sum.violations.is_empty(), "seed": sum.seed, "nodes": sum.nodes,
                "seconds": sum.elapsed.as_secs_f64(), "processes": sum.processes, "faults": sum.faults,
                "sent": sum.sent, "received": sum.received, "holes": sum.holes, "unknown": sum.unknown,
                "monitors": sum.monitors, "fired": sum.fired,
                "slowest_notice": sum.slowest_notice.as_secs_f64(), "errands": sum.errands, "deaths": sum.deaths,
                "registrations": sum.registrations, "changes": sum.changes,
                "agreed_after": sum.agreed_after.as_secs_f64(), "last_words": sum.last_words,
                "violations": listed(sum), "before": figures(&before), "after": figures(&after),
            })
        })
    }
}

fn listed(sum: &Summary) -> u64 {
    sum.more_violations.saturating_add(u64::try_from(sum.violations.len()).unwrap_or(u64::MAX))
}

fn text(sum: &Summary) -> String {
    let faults: Vec<String> = sum.faults.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    let (before, after) = sum.total();
    format!(
        "{} violations, seed {}, in {}\n\
         {} nodes, {} processes; {} faults ({})\n\
         {} messages sent, {} received and checked, {} holes, all told before; of {} lost ones it is not known\n\
         {} monitors, {} fired; a process's death was told after {} at the latest\n\
         {} ports spawned elsewhere and called or linked, {} ports that died by themselves\n\
         {} registrations, {} changes told; all agreed {} after the last process was back\n\
         {} senders said a last word before their node was shut down, and all of it arrived\n\
         held by all processes before the load, and after it: {} and {} file descriptors, {} and {} tasks, {} and {} \
         threads, {} and {} ports, {} and {} MiB (up to {} more in each are let pass)",
        listed(sum),
        sum.seed,
        seconds(sum.elapsed),
        sum.nodes,
        sum.processes,
        sum.faults(),
        faults.join(", "),
        sum.sent,
        sum.received,
        sum.holes,
        sum.unknown,
        sum.monitors,
        sum.fired,
        seconds(sum.slowest_notice),
        sum.errands,
        sum.deaths,
        sum.registrations,
        sum.changes,
        seconds(sum.agreed_after),
        sum.last_words,
        before.fds,
        after.fds,
        before.tasks,
        after.tasks,
        before.threads,
        after.threads,
        before.ports,
        after.ports,
        before.memory / 1024,
        after.memory / 1024,
        MEMORY_SLACK / 1024,
    )
}

fn figures(of: &Figures) -> Value {
    json!({
        "fds": of.fds, "tasks": of.tasks, "threads": of.threads, "memory_kib": of.memory, "ports": of.ports,
        "peers": of.peers, "monitors": of.monitors,
    })
}
