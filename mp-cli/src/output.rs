//! The only module that prints: aligned text for people, lines of JSON for programs.

mod log;
mod paint;
mod progress;

use std::io::{self, IsTerminal, Write};

use serde::Serialize;

pub(crate) use log::{Base, Log, start_log, start_run_log};
pub(crate) use paint::Paint;
pub(crate) use progress::Progress;

use crate::args::{ColorChoice, Globals};
use crate::error::CliError;

/// Something to be told: as text for people, or serialised for programs.
pub(crate) trait Report: Serialize {
    /// The text, without the last line's end.
    fn text(&self, paint: Paint) -> String;
}

/// One of several things of a kind.
pub(crate) trait Row: Serialize {
    /// What stands in the columns, for people.
    fn cells(&self) -> Vec<String>;
}

/// Where the program speaks: results to stdout, errors to stderr.
pub(crate) struct Output {
    out: Box<dyn Write + Send>,
    err: Box<dyn Write + Send>,
    json: bool,
    paint: Paint,
    err_paint: Paint,
}

impl Output {
    /// Speaks to the process's own stdout and stderr, coloured as `globals` and the environment want it.
    pub(crate) fn standard(globals: &Globals) -> Self {
        Self {
            out: Box::new(io::stdout()),
            err: Box::new(io::stderr()),
            json: globals.json,
            paint: Paint::new(wants_color(globals.color, io::stdout().is_terminal())),
            err_paint: Paint::new(wants_color(globals.color, io::stderr().is_terminal())),
        }
    }

    /// Speaks into `out`, without colour.
    #[cfg(test)]
    pub(crate) fn captured(out: Box<dyn Write + Send>, json: bool) -> Self {
        let plain = Paint::new(false);
        Self { out, err: Box::new(io::sink()), json, paint: plain, err_paint: plain }
    }

    /// Tells `report` on stdout, at once.
    ///
    /// # Errors
    ///
    /// [`CliError::OutputClosed`] if nobody reads, [`CliError::Output`] for any other failure to write.
    pub(crate) fn report(&mut self, report: &impl Report) -> Result<(), CliError> {
        let mut line = if self.json {
            serde_json::to_string(report).map_err(|error| CliError::Output(error.into()))?
        } else {
            report.text(self.paint)
        };
        line.push('\n');
        self.text(&line)
    }

    /// Writes `text` as it is, at once.
    ///
    /// # Errors
    ///
    /// As [`Output::report`].
    pub(crate) fn text(&mut self, text: &str) -> Result<(), CliError> {
        self.out.write_all(text.as_bytes())?;
        self.out.flush()?;
        Ok(())
    }

    /// Tells rows on stdout: a table for people, aligned under `heads`, or a line of JSON for each.
    ///
    /// # Errors
    ///
    /// As [`Output::report`].
    pub(crate) fn rows<R: Row>(&mut self, heads: &[&str], rows: &[R]) -> Result<(), CliError> {
        let mut text = String::new();
        if self.json {
            for row in rows {
                text += &serde_json::to_string(row).map_err(|error| CliError::Output(error.into()))?;
                text.push('\n');
            }
        } else {
            text = table(heads, rows.iter().map(Row::cells), self.paint) + "\n";
        }
        self.text(&text)
    }

    /// Tells whoever sits at the terminal what goes on, on stderr: programs and files get nothing of it.
    pub(crate) fn hint(&mut self, text: &str) {
        if self.progress().on {
            drop(writeln!(self.err, "{}", self.err_paint.dim(plain(text))));
        }
    }

    /// Tells on stderr what is neither a result nor an error, and should be known all the same, by programs too.
    pub(crate) fn note(&mut self, text: &str) {
        let text = plain(text);
        let line = if self.json {
            serde_json::json!({ "event": "note", "text": text }).to_string()
        } else {
            format!("{} {text}", self.err_paint.bold("aemp:"))
        };
        drop(writeln!(self.err, "{line}"));
    }

    /// How work that takes long is told of.
    pub(crate) fn progress(&self) -> Progress {
        Progress { on: !self.json && io::stderr().is_terminal() }
    }

    /// Tells an error on stderr: one line, behind which the demonstration quotes what its processes said. Failing to is no further error: there is nobody left to tell.
    pub(crate) fn error(&mut self, error: &CliError) {
        let text = error.to_string().split('\n').map(plain).collect::<Vec<_>>().join("\n");
        let line = if self.json {
            serde_json::json!({ "event": "error", "error": text }).to_string()
        } else {
            format!("{} {text}", self.err_paint.bad("aemp:"))
        };
        drop(writeln!(self.err, "{line}"));
    }
}

/// Colour is for terminals; `NO_COLOR` and a dumb terminal forbid it, `--color` decides before both.
fn wants_color(choice: ColorChoice, terminal: bool) -> bool {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => {
            terminal && set("NO_COLOR").is_none() && set("TERM").is_none_or(|term| term != "dumb")
        }
    }
}

/// `text` with control characters escaped, so that what others wrote cannot steer the terminal.
pub(crate) fn plain(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}

/// Lines of two columns, the first one padded to the widest.
pub(crate) fn columns<'a>(rows: impl IntoIterator<Item = (&'a str, &'a str)>, indent: usize) -> String {
    let rows: Vec<_> = rows.into_iter().collect();
    let width = rows.iter().map(|(left, _)| left.chars().count()).max().unwrap_or_default();
    let lines: Vec<_> = rows
        .iter()
        .map(|(left, right)| format!("{:indent$}{left:width$}  {right}", "").trim_end().to_owned())
        .collect();
    lines.join("\n")
}

/// Columns under heads, each as wide as it has to be; the first one in the colour of names.
pub(crate) fn table(heads: &[&str], rows: impl IntoIterator<Item = Vec<String>>, paint: Paint) -> String {
    let rows: Vec<Vec<String>> =
        rows.into_iter().map(|cells| cells.iter().map(|cell| plain(cell)).collect()).collect();
    let longest =
        |column: usize| rows.iter().filter_map(move |row| row.get(column)).map(|cell| cell.chars().count());
    let width =
        |column: usize, head: &str| longest(column).chain([head.chars().count()]).max().unwrap_or_default();
    let widths: Vec<usize> = heads.iter().enumerate().map(|(column, head)| width(column, head)).collect();
    let line = |cells: &[&str], color: &dyn Fn(usize, &str) -> String| {
        let mut line = String::new();
        for (column, (cell, width)) in cells.iter().zip(&widths).enumerate() {
            let gap =
                if column + 1 == cells.len() { 0 } else { (width + 2).saturating_sub(cell.chars().count()) };
            line += &color(column, cell);
            line += &" ".repeat(gap);
        }
        line.trim_end().to_owned()
    };
    let mut lines = vec![line(heads, &|_, head| paint.bold(head))];
    lines.extend(rows.iter().map(|row| {
        let cells: Vec<&str> = row.iter().map(String::as_str).collect();
        line(&cells, &|column, cell| if column == 0 { paint.name(cell) } else { cell.to_owned() })
    }));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_cannot_steer_the_terminal() {
        assert_eq!(plain("a\u{1b}[31mb\nc"), "a\\u{1b}[31mb\\nc");
        assert_eq!(plain("grün"), "grün");
    }

    #[test]
    fn columns_are_aligned() {
        assert_eq!(columns([("a", "1"), ("long", "2"), ("b", "")], 2), "  a     1\n  long  2\n  b");
    }

    #[test]
    fn tables_are_aligned_under_their_heads() {
        let rows = [vec!["a".to_owned(), "1\u{1b}".to_owned()], vec!["long name".to_owned(), String::new()]];
        let text = table(&["NAME", "VALUE"], rows, Paint::new(false));
        assert_eq!(text, "NAME       VALUE\na          1\\u{1b}\nlong name");
        let text = table(&["N", "V"], [vec!["a".to_owned(), "b".to_owned()]], Paint::new(true));
        assert!(text.ends_with("\n\u{1b}[36ma\u{1b}[0m  b"), "{text:?}");
    }

    #[test]
    fn the_option_decides_before_the_terminal() {
        assert!(wants_color(ColorChoice::Always, false));
        assert!(!wants_color(ColorChoice::Never, true));
        assert!(!wants_color(ColorChoice::Auto, false));
    }
}
