//! What the program prints: results to stdout; to stderr progress, and who has failed.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a report on the terminal")]

use std::io::IsTerminal;
use std::time::Instant;

use anyhow::ensure;
use mp_transport::clock;

use super::args::Args;
use crate::figures::{Failure, Line, Metric, Results};
use crate::goals::{self, Verdict};

/// From so many bytes on tables show megabytes per second, too.
const LARGE: usize = 64 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Json,
    Text,
    Markdown,
}

/// Where results go.
pub(super) struct Output {
    form: Form,
    ratios: bool,
    terminal: bool,
    titled: bool,
    begun: Instant,
    failures: usize,
    verdicts: Vec<Verdict>,
}

/// Says what went wrong.
pub(super) fn fail(error: &anyhow::Error) {
    eprintln!("mp-bench: {error:#}");
}

impl Output {
    pub(super) fn new(args: &Args) -> Self {
        let form = match args {
            Args { markdown: true, .. } => Form::Markdown,
            Args { vs: true, json: false, .. } => Form::Text,
            _ => Form::Json,
        };
        let terminal = std::io::stderr().is_terminal();
        let verdicts = Vec::new();
        Self { form, ratios: args.vs, terminal, titled: false, begun: clock::now(), failures: 0, verdicts }
    }

    /// Whose guests take part, and of which versions.
    pub(super) fn versions(&self, versions: &str) {
        for line in versions.lines() {
            match self.form {
                Form::Json => println!("{}", serde_json::json!({ "version": line })),
                Form::Text => println!("{line}"),
                Form::Markdown => println!("- {line}"),
            }
        }
        if self.form == Form::Markdown && !versions.is_empty() {
            println!();
        }
    }

    /// A contest begins, one of so many. Who has no terminal is told, too, unless it is the only one.
    pub(super) fn begins(&self, what: &str, number: usize, of: usize) {
        if !self.terminal && of > 1 {
            eprintln!("mp-bench: {what} ({number} of {of}), after {:.0?}", self.begun.elapsed());
        }
        self.progress(&format!("{what}: begins"));
    }

    /// What is done now, in a line that the next one replaces, if there is a terminal.
    pub(super) fn progress(&self, what: &str) {
        if self.terminal {
            eprint!("\r\x1b[K{what}");
        }
    }

    pub(super) fn results(&mut self, results: &Results) -> anyhow::Result<()> {
        self.progress("");
        if !self.titled {
            self.titled = true;
            self.title();
        }
        for line in results.lines(self.ratios) {
            // Of small messages the number says it all.
            if self.form != Form::Json && line.metric == Metric::MbPerS && line.payload < LARGE {
                continue;
            }
            match self.form {
                Form::Json => println!("{}", serde_json::to_string(&line)?),
                Form::Text => println!("{}", text(&line)),
                Form::Markdown => println!("{}", markdown(&line)),
            }
        }
        for failure in &results.failures {
            self.failures += 1;
            let Failure { peer, workload, payload, failed } = failure;
            eprintln!("mp-bench: {workload} {payload} B: {peer} failed: {failed}");
            match self.form {
                Form::Json => println!("{}", serde_json::to_string(failure)?),
                Form::Text => println!("{workload:4} {payload:>9} {:<20} {peer:<18} failed: {failed}", "-"),
                Form::Markdown => println!("{}", failed_row(failure)),
            }
        }
        if self.ratios {
            self.verdicts.extend(goals::ALL.iter().filter_map(|goal| goal.judge(results)));
        }
        Ok(())
    }

    fn title(&self) {
        match self.form {
            Form::Json => {}
            Form::Text => println!(
                "{:4} {:>9} {:<20} {:<18} {:>14} {:<16} ratio",
                "", "payload", "metric", "peer", "value", "unit"
            ),
            Form::Markdown => {
                println!(
                    "| workload | payload | metric | peer | value | unit | ratio |\n|---|---:|---|---|---:|---|---:|"
                );
            }
        }
    }

    /// Which goals are met.
    ///
    /// # Errors
    ///
    /// Somebody has failed, which was said before.
    pub(super) fn end(self) -> anyhow::Result<()> {
        if self.form == Form::Markdown && !self.verdicts.is_empty() {
            println!("\n| goal | reached | met |\n|---|---:|---|");
        } else if self.form == Form::Text && !self.verdicts.is_empty() {
            println!();
        }
        for verdict in self.verdicts {
            let Verdict { goal, reached, met } = &verdict;
            let word = if *met { "yes" } else { "no" };
            match self.form {
                Form::Json => println!("{}", serde_json::to_string(&verdict)?),
                Form::Text => println!("{:4}{goal}: {}", if *met { "met" } else { "NOT" }, number(*reached)),
                Form::Markdown => println!("| {goal} | {} | {word} |", number(*reached)),
            }
        }
        ensure!(self.failures == 0, "{} contestants failed, see above", self.failures);
        Ok(())
    }
}

fn text(line: &Line) -> String {
    let row = format!(
        "{:4} {:>9} {:<20} {:<18} {:>14} {:<16} {}",
        line.workload,
        line.payload,
        line.metric.to_string(),
        line.peer,
        number(line.value),
        line.unit,
        ratio(line)
    );
    row.trim_end().to_owned()
}

fn markdown(line: &Line) -> String {
    format!(
        "| {} | {} | `{}` | {} | {} | {} | {} |",
        line.workload,
        line.payload,
        line.metric,
        line.peer,
        number(line.value),
        line.unit,
        ratio(line)
    )
}

/// Reasons may have several lines, and what ends a cell.
fn failed_row(Failure { peer, workload, payload, failed }: &Failure) -> String {
    let failed = failed.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "/");
    format!("| {workload} | {payload} | | {peer} | failed: {failed} | | |")
}

fn ratio(line: &Line) -> String {
    match (line.ratio, line.of) {
        (Some(ratio), Some(of)) => format!("{ratio:.3} \u{d7} {of}"),
        _ => String::new(),
    }
}

/// Three digits at least, in millions and thousands where that is shorter.
fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 1e6 => format!("{:.2} M", value / 1e6),
        size if size >= 1e4 => format!("{:.1} k", value / 1e3),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_one_row() {
        let (peer, failed) = ("zenoh".into(), "run 1 of 5:\n a | b".into());
        let failure = Failure { peer, workload: "W7", payload: 64, failed };
        assert_eq!(failed_row(&failure), "| W7 | 64 | | zenoh | failed: run 1 of 5: a / b | | |");
    }

    #[test]
    fn numbers_have_three_digits() {
        let shown = [34_560_000.0, 43_400.0, 817.9, 45.72, 0.2204].map(number);
        assert_eq!(shown, ["34.56 M", "43.4 k", "818", "45.7", "0.220"]);
    }
}
