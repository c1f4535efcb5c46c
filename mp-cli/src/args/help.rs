//! What `aemp help` says.

use std::collections::BTreeSet;
use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};

use super::{Args, ArgsError};
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
            Err(error) => Err(ArgsError::from_clap(&error)),
        }
    }
}

/// The text for the whole program.
pub(crate) fn main_help() -> String {
    let rows: Vec<_> = commands().iter().map(|command| (command.usage(), command.about)).collect();
    let family = columns(rows.iter().map(|(usage, about)| (usage.as_str(), *about)), 2);
    let after = format!(
        "Configuration (several on one line are done at once or not at all):\n{family}\n\n\
         First steps:\n  \
         aemp demo                                    see it work on this machine\n  \
         aemp gensecret                               make the secret that all nodes must share\n  \
         aemp profile seed setbinds '*:4040'          set up a node, then\n  \
         aemp run seed                                run it\n\n\
         Exit codes: 0 done, 1 the remote said no or did not answer, 2 wrong use or configuration, 130 Ctrl-C, 143 SIGTERM."
    );
    Args::command().after_help(after).render_help().to_string()
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
pub(super) fn command_names() -> BTreeSet<&'static str> {
    let mut names: BTreeSet<_> = commands().iter().flat_map(|command| command.names()).collect();
    names.extend(["demo", "run", "snd", "cal", "mon", "tikc", "help"]);
    if cfg!(feature = "top") {
        names.insert("top");
    }
    names
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
            assert!(command_help(&[name]).unwrap().contains("Usage:"), "{name}");
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
