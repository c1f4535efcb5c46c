//! `aemp completions` and `aemp man`, both made from the command line's own description.

mod chain;
mod page;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::Command;
use clap_complete::Shell;
use serde::Serialize;

use crate::args::program;
use crate::error::CliError;
use crate::output::{Output, Paint, Report};

/// Prints what a shell has to read so that it completes the words of `aemp`.
pub(super) fn completions(shell: Shell, output: &mut Output) -> Result<(), CliError> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut chain::described(program()), "aemp", &mut text);
    let mut text = String::from_utf8_lossy(&text).into_owned();
    if shell == Shell::Bash {
        text += &chain::bash();
    }
    output.text(&text)
}

/// Prints the manual page of the program, or writes those of all its commands into a directory.
pub(super) fn man(directory: Option<&Path>, output: &mut Output) -> Result<(), CliError> {
    let mut program = program().disable_help_subcommand(true);
    program.build();
    let Some(directory) = directory else {
        return output.text(&page::of(&program, "aemp").map_err(CliError::Output)?);
    };
    let failed = |path: PathBuf| move |error: io::Error| CliError::Write { path: path.clone(), error };
    fs::create_dir_all(directory).map_err(failed(directory.to_owned()))?;
    let mut pages = Vec::new();
    collect(&program, "aemp", &mut pages);
    let count = pages.len();
    for (name, command) in pages {
        let path = directory.join(format!("{name}.1"));
        let text = page::of(&command, &name).map_err(CliError::Output)?;
        fs::write(&path, text).map_err(failed(path))?;
    }
    output.report(&Written { directory: directory.to_owned(), pages: count })
}

/// The program's page and that of each command, and of the commands within these.
fn collect(command: &Command, name: &str, pages: &mut Vec<(String, Command)>) {
    for part in command.get_subcommands().filter(|part| !part.is_hide_set()) {
        collect(part, &format!("{name}-{}", part.get_name()), pages);
    }
    pages.push((name.to_owned(), command.clone()));
}

#[derive(Debug, Serialize)]
#[serde(tag = "event", rename = "written")]
struct Written {
    directory: PathBuf,
    pages: usize,
}

impl Report for Written {
    fn text(&self, _: Paint) -> String {
        let directory = self.directory.display();
        format!("{} pages in {directory}; `man -l {directory}/aemp.1` shows the first", self.pages)
    }
}
