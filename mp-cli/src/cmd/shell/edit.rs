//! Lines from a terminal: edited, completed, and remembered.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::PathBuf;

use clap::{Command, CommandFactory};
use mp_node::WeakNode;
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::MemHistory;
use rustyline::validate::Validator;
use rustyline::{Config, Context, Helper};

use super::lines::Input;
use crate::args::ShellLine;

/// Where lines are remembered, in the home directory; readable by its owner alone.
const HISTORY: &str = ".aemp_history";
/// So many lines are remembered.
const REMEMBERED: usize = 1_000;
const PROMPT: &str = "aemp> ";

/// The editor. What was typed is remembered when it goes.
pub(super) struct Editor {
    editor: rustyline::Editor<Words, MemHistory>,
    file: Option<PathBuf>,
}

impl Editor {
    pub(super) fn new(node: WeakNode) -> Result<Self, ReadlineError> {
        let config = Config::builder().max_history_size(REMEMBERED)?.auto_add_history(true).build();
        let mut editor = rustyline::Editor::with_history(config.clone(), MemHistory::with_config(&config))?;
        editor.set_helper(Some(Words { node, commands: ShellLine::command() }));
        let file = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(HISTORY));
        let old = file.as_ref().and_then(|file| fs::read_to_string(file).ok()).unwrap_or_default();
        for line in old.lines() {
            editor.add_history_entry(line)?;
        }
        Ok(Self { editor, file })
    }

    pub(super) fn line(&mut self) -> Input {
        match self.editor.readline(PROMPT) {
            Ok(line) => {
                if !line.trim().is_empty() {
                    self.remember(&line);
                }
                Input::Line(line)
            }
            Err(ReadlineError::Interrupted) => Input::Nothing,
            Err(_) => Input::End,
        }
    }

    /// At once, as the program may end in any way. A shell without a memory is a shell, too.
    fn remember(&mut self, line: &str) {
        let Some(path) = &self.file else { return };
        let mut options = OpenOptions::new();
        options.create(true).append(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        if let Ok(mut file) = options.open(path) {
            drop(writeln!(file, "{line}"));
        }
    }
}

impl Drop for Editor {
    fn drop(&mut self) {
        // The file grows line by line; here it is cut to what is remembered.
        let Some(path) = &self.file else { return };
        let Ok(text) = fs::read_to_string(path) else { return };
        let lines: Vec<&str> = text.lines().collect();
        if lines.len() > REMEMBERED {
            let kept = lines.iter().skip(lines.len() - REMEMBERED).map(|line| format!("{line}\n"));
            drop(fs::write(path, kept.collect::<String>()));
        }
    }
}

/// What words can stand in a line.
struct Words {
    node: WeakNode,
    commands: Command,
}

impl Words {
    /// What can follow these words and begins with `part`, in order.
    fn candidates(&self, before: &[&str], part: &str) -> Vec<String> {
        let mut command = &self.commands;
        let mut words = before.iter();
        for word in words.by_ref() {
            match command.find_subcommand(word) {
                Some(within) => command = within,
                None => break,
            }
        }
        let mut all: Vec<String> =
            command.get_subcommands().map(|within| within.get_name().to_owned()).collect();
        if before.is_empty() {
            all.extend(["help", "exit"].map(str::to_owned));
        } else if all.is_empty() {
            let options = command.get_arguments().filter_map(|option| option.get_long());
            all.extend(options.map(|option| format!("--{option}")));
            let nodes = self.node.upgrade().map(|node| node.nodes()).unwrap_or_default();
            all.extend(nodes.iter().map(ToString::to_string));
        }
        all.retain(|word| word.starts_with(part));
        all.sort();
        all.dedup();
        all
    }
}

impl Completer for Words {
    type Candidate = String;

    fn complete(&self, line: &str, at: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        let typed = line.get(..at).unwrap_or_default();
        let start = typed.rfind(char::is_whitespace).map_or(0, |blank| blank + 1);
        let before: Vec<&str> = typed.get(..start).unwrap_or_default().split_whitespace().collect();
        let candidates = self.candidates(&before, typed.get(start..).unwrap_or_default());
        Ok((start, candidates.into_iter().map(|word| word + " ").collect()))
    }
}

impl Hinter for Words {
    type Hint = String;
}
impl Highlighter for Words {}
impl Validator for Words {}
impl Helper for Words {}
