//! What `aemp help` says.

use std::collections::BTreeSet;
use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};

use super::{Args, ArgsError, ShellLine};
use crate::cmd::configure::commands;
use crate::output::columns;

/// What the command line comes to.
#[derive(Debug)]
pub(crate) enum Parsed {
    /// A command to run, or none.
    Args(Box<Args>),
    /// A text that was asked for, such as the version.
    Text(String),
}

impl Args {
    /// Parses the words, the program's name first.
    ///
    /// # Errors
    ///
    /// [`ArgsError`] names the word and the mend.
    pub(crate) fn read(words: impl IntoIterator<Item = OsString>) -> Result<Parsed, ArgsError> {
        let words: Vec<_> = words.into_iter().collect();
        match Self::try_parse_from(&words) {
            Ok(args) => Ok(Parsed::Args(Box::new(args))),
            Err(error) if error.kind() == ErrorKind::DisplayVersion => {
                Ok(Parsed::Text(error.render().to_string()))
            }
            Err(error) if error.kind() == ErrorKind::DisplayHelp => {
                // That of the whole program needs the configuration family added.
                let text = error.render().to_string();
                if text.contains("aemp [OPTIONS] [COMMAND]") {
                    return Ok(Parsed::Text(main_help()));
                }
                // `-h` says all that `--help` and `aemp help` say.
                let words: Vec<_> = words.iter().skip(1).filter_map(|word| word.to_str()).collect();
                let command = (0..words.len()).find_map(|first| command_help(&words[first..first + 1]).ok());
                Ok(Parsed::Text(subcommand_help(&words).or(command).unwrap_or(text)))
            }
            Err(error) => {
                Err(ArgsError::from_clap(&error, words.iter().skip(1).filter_map(|word| word.to_str())))
            }
        }
    }
}

const EXIT_CODES: &str = "Exit codes: 0 done, 1 the remote said no or did not answer, 2 wrong use or configuration, 130 Ctrl-C, 143 SIGTERM.";

/// The text for the whole program.
pub(crate) fn main_help() -> String {
    let rows: Vec<_> = commands().iter().map(|command| (command.usage(), command.about)).collect();
    let family = columns(rows.iter().map(|(usage, about)| (usage.as_str(), *about)), 2);
    let after = format!(
        "Configuration (several on one line are done at once or not at all):\n{family}\n\n\
         First steps:\n  \
         aemp demo                                    see it work on this machine\n  \
         aemp gensecret                               make the secret that all nodes must share\n  \
         aemp profile seed setbinds localhost:4040    set up a node for this machine, then\n  \
         aemp run seed                                run it, and from another shell\n  \
         aemp ping localhost:4040                     ask it whether it is there\n  \
         aemp doctor seed                             see whether all is well\n\n\
         With the bind '*:4040' a node is there for other machines, too: it listens at every address of its machine but\n\
         loopback, so that localhost does not lead to it.\n\n\
         {EXIT_CODES}"
    );
    Args::command().after_help(after).render_help().to_string()
}

/// The whole command line, the configuration family included, for those who generate something from it.
pub(crate) fn program() -> clap::Command {
    let all = Args::command();
    let mut program = clap::Command::new("aemp")
        .version(env!("CARGO_PKG_VERSION"))
        .after_help(EXIT_CODES)
        .disable_help_subcommand(true);
    program = program.about(all.get_about().cloned().unwrap_or_default());
    program = program
        .args(all.get_arguments())
        .subcommands(all.get_subcommands().filter(|part| !part.is_hide_set()));
    for command in commands() {
        let mut names = command.names().map(str::to_owned);
        let Some(name) = names.next() else { continue };
        let about = capital(command.about);
        let part = clap::Command::new(name).about(about).long_about(format!(
            "{}. {}",
            capital(command.about),
            command.details()
        ));
        program = program.subcommand(part.aliases(names.collect::<Vec<_>>()).arg(words_of(&command.usage())));
    }
    program
}

/// What stands behind a command of the family, as one argument.
fn words_of(usage: &str) -> clap::Arg {
    let argument = usage.split_once(' ').map(|(_, argument)| argument.to_owned()).unwrap_or_default();
    let hidden = argument.is_empty();
    clap::Arg::new("argument").value_name(argument).hide(hidden).num_args(0..)
}

/// What `help` says in the shell: all that can be typed there, or how one of it is.
///
/// # Errors
///
/// [`ArgsError::UnknownCommand`] if there is none of this name.
pub(crate) fn shell_help(names: &[&str]) -> Result<String, ArgsError> {
    let mut program = ShellLine::command();
    program.build();
    let Some((first, part)) = names.split_first() else {
        let rows: Vec<_> = program
            .get_subcommands()
            .map(|command| {
                (command.get_name(), command.get_about().map(ToString::to_string).unwrap_or_default())
            })
            .chain([
                ("help", "Explain the shell or one command".to_owned()),
                ("exit", "End the shell, as Ctrl-D does".to_owned()),
            ])
            .collect();
        return Ok(columns(rows.iter().map(|(name, about)| (*name, about.as_str())), 2) + "\n");
    };
    let mut command = program.find_subcommand_mut(first).ok_or_else(|| ArgsError::unknown_in_shell(first))?;
    for name in part {
        command = command.find_subcommand_mut(name).ok_or_else(|| ArgsError::unknown_in_shell(name))?;
    }
    Ok(command.render_long_help().to_string())
}

/// The text for one command, named by itself, or by the one that it is part of and itself.
///
/// # Errors
///
/// [`ArgsError::UnknownCommand`] if there is none of this name.
pub(crate) fn command_help(names: &[&str]) -> Result<String, ArgsError> {
    let [name, part @ ..] = names else { return Ok(main_help()) };
    if let Some(command) = commands().iter().find(|command| command.names().any(|known| known == *name)) {
        return Ok(format!(
            "{}\n\nUsage: {}\n\n{}\nSeveral commands on one line are done at once or not at all.\n",
            capital(command.about),
            command.full_usage(),
            command.details(),
        ));
    }
    let mut program = Args::command();
    program.build();
    let mut command = program.find_subcommand_mut(name).ok_or_else(|| ArgsError::unknown(name))?;
    for name in part {
        command = command.find_subcommand_mut(name).ok_or_else(|| ArgsError::unknown(name))?;
    }
    Ok(command.render_long_help().to_string())
}

/// The text for a command within a command, if there is one among the words of a line.
fn subcommand_help(words: &[&str]) -> Option<String> {
    let places = (0..words.len()).flat_map(|of| (of + 1..words.len()).map(move |part| (of, part)));
    places.into_iter().find_map(|(of, part)| {
        let program = Args::command();
        program.find_subcommand(words[of])?.find_subcommand(words[part])?;
        command_help(&[words[of], words[part]]).ok()
    })
}

/// The names of all commands.
pub(crate) fn command_names() -> BTreeSet<String> {
    let family = commands().iter().flat_map(|command| command.names()).map(str::to_owned);
    let program = Args::command();
    let others = program.get_subcommands().filter(|command| !command.is_hide_set());
    family.chain(others.map(|command| command.get_name().to_owned())).collect()
}

fn capital(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map(|first| first.to_uppercase().chain(characters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_help() {
        for name in command_names() {
            assert!(command_help(&[name.as_str()]).unwrap().contains("Usage:"), "{name}");
        }
        for name in ["server", "client", "post", "aliases", "watch"] {
            assert!(command_help(&["tikc", name]).unwrap().contains("HOST:PORT"), "{name}");
        }
        let words = ["aemp", "tikc", "--json", "server", "--help"].map(OsString::from);
        assert!(matches!(Args::read(words), Ok(Parsed::Text(text)) if text.contains("--listen")));
        assert!(command_help(&["tikc", "sever"]).is_err());
        assert!(main_help().contains("gensecret") && main_help().contains("demo"));
        assert!(!main_help().contains("demo-node"));
    }
}
