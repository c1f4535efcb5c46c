//! What the program prints: results to stdout, progress to stderr if that is a terminal.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a report on the terminal")]

use std::io::IsTerminal;

use super::args::Args;
use crate::figures::{Line, Metric, Results};
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
        Self { form, ratios: args.vs, terminal, titled: false, verdicts: Vec::new() }
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

    /// What is done now, in a line that the next one replaces.
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
    fn numbers_have_three_digits() {
        let shown = [34_560_000.0, 43_400.0, 817.9, 45.72, 0.2204].map(number);
        assert_eq!(shown, ["34.56 M", "43.4 k", "818", "45.7", "0.220"]);
    }
}
