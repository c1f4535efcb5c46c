//! Completing lines on which several commands of the configuration stand, which `clap` does not know of.

use std::collections::BTreeSet;

use clap::builder::PossibleValuesParser;

use crate::cmd::configure::{Command, commands};
use mp_config::SETTINGS;

/// The functions that bash asks: ours, which knows of lines of several commands, before the one that is made by `clap`.
const BASH: &str = include_str!("chain.bash");

/// The program, with each command of the configuration followed by any other one: shells that have no functions of ours
/// complete by that.
pub(super) fn described(mut program: clap::Command) -> clap::Command {
    let names: Vec<String> =
        commands().iter().filter_map(|command| command.names().next()).map(str::to_owned).collect();
    for name in names.clone() {
        let next = PossibleValuesParser::new(names.clone());
        program = program.mut_subcommand(name, |part| {
            part.mut_arg("argument", |argument| argument.value_parser(next).hide(false))
        });
    }
    program
}

/// What bash reads behind what `clap` makes.
pub(super) fn bash() -> String {
    let argument = |command: &Command| {
        command.usage().split_once(' ').map_or_else(String::new, |(_, argument)| argument.to_owned())
    };
    // A service has a name, too.
    let kind = |command: &Command| match argument(command).as_str() {
        "NAME" if command.names().any(|name| name.ends_with("service")) => "NAME,…".to_owned(),
        argument => argument.to_owned(),
    };
    let of = |wanted: &dyn Fn(&str) -> bool| {
        let all = commands().iter().filter(|command| wanted(&kind(command)));
        let names: BTreeSet<&str> =
            all.flat_map(Command::names).filter(|name| *name != "showconfig").collect();
        names.into_iter().collect::<Vec<_>>().join("|")
    };
    let all: Vec<&str> = commands().iter().filter_map(|command| command.names().next()).collect();
    let keys: Vec<&str> = SETTINGS.iter().map(|setting| setting.key).collect();
    let special = |argument: &str| matches!(argument, "" | "FILE" | "NAME" | "0|1");
    BASH.replace("@ALONE@", &of(&str::is_empty))
        .replace("@FILE@", &of(&|argument| argument == "FILE"))
        .replace("@PROFILE@", &of(&|argument| argument == "NAME"))
        .replace("@SWITCH@", &of(&|argument| argument == "0|1"))
        .replace("@VALUE@", &of(&|argument| !special(argument)))
        .replace("@KEYS@", &keys.join(" "))
        .replace("@ALL@", &all.join(" "))
}
