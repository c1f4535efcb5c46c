//! `aemp shell`: the commands that talk to a network, by one node that stays connected.

mod edit;
mod lines;
mod words;

use std::io::{IsTerminal, stdin, stdout};

use clap::Parser;

use self::lines::{Input, Lines};
pub(crate) use self::words::QuoteError;
use super::guest::{self, Guest};
use super::net;
use super::stop::{Asked, Stop};
use crate::args::{ArgsError, Globals, Net, NodeArgs, ShellLine, shell_help};
use crate::error::CliError;
use crate::output::Output;
use mp_config::ConfigFile;

/// Reads lines and does what they say, until there are none. Without a terminal, the first one that goes wrong is the last.
pub(super) async fn shell(
    args: &NodeArgs,
    file: &ConfigFile,
    globals: &Globals,
    output: &mut Output,
    stop: &mut Stop,
) -> Result<(), CliError> {
    let config = guest::resolve(args, file)?;
    let guest = Guest::begin(config, args.limit(), output.progress()).await?.lasting();
    let is_terminal = stdin().is_terminal() && stdout().is_terminal();
    let mut lines = Lines::start(is_terminal, guest.node())?;
    if is_terminal {
        output.text(&format!("{}; `help` says what there is, Ctrl-D ends it\n", guest.node().id()))?;
    }
    let mut number = 0_u64;
    loop {
        let input = tokio::select! {
            biased;
            asked = ended(stop, is_terminal) => return Err(CliError::Interrupted(asked)),
            input = lines.next() => input,
        };
        number += 1;
        let line = match input {
            Input::Line(line) => line,
            Input::Nothing => continue,
            Input::End => break,
        };
        let mut session = Session { args, globals, guest: &guest };
        match session.line(&line, output, stop).await {
            Ok(Next::Line) => {}
            Ok(Next::End) | Err(CliError::OutputClosed) => break,
            Err(CliError::Interrupted(asked)) if !is_terminal || asked != Asked::Interrupt => {
                return Err(CliError::Interrupted(asked));
            }
            Err(error) if is_terminal => output.error(&error),
            Err(error) => return Err(CliError::Line { number, error: Box::new(error) }),
        }
    }
    guest.leave().await;
    Ok(())
}

/// Waits until the program is to end while no command runs. On a terminal, the editor has Ctrl-C, and SIGTERM, which
/// would leave the terminal as the editor has it, is nothing to an interactive shell.
async fn ended(stop: &mut Stop, is_terminal: bool) -> Asked {
    loop {
        let asked = stop.asked().await;
        if !is_terminal || asked == Asked::HangUp {
            return asked;
        }
    }
}

enum Next {
    Line,
    End,
}

struct Session<'a> {
    args: &'a NodeArgs,
    globals: &'a Globals,
    guest: &'a Guest,
}

impl Session<'_> {
    async fn line(&mut self, line: &str, output: &mut Output, stop: &mut Stop) -> Result<Next, CliError> {
        let words = words::split(line).map_err(|error| ArgsError::Quote { error })?;
        let names: Vec<&str> = words.iter().map(String::as_str).collect();
        match names.as_slice() {
            [] => return Ok(Next::Line),
            ["exit" | "quit"] => return Ok(Next::End),
            ["help", of @ ..] => {
                output.text(&shell_help(of)?)?;
                return Ok(Next::Line);
            }
            _ => {}
        }
        let line = match ShellLine::try_parse_from(&words) {
            Ok(line) => line,
            Err(error) if error.kind() == clap::error::ErrorKind::DisplayHelp => {
                output.text(&error.render().to_string())?;
                return Ok(Next::Line);
            }
            Err(error) => return Err(ArgsError::from_shell(&error, &words).into()),
        };
        self.run(line, output, stop).await?;
        Ok(Next::Line)
    }

    async fn run(&self, line: ShellLine, output: &mut Output, stop: &mut Stop) -> Result<(), CliError> {
        let own: &NodeArgs = line.net.node();
        if own.profile.is_some() || !own.seeds.is_empty() {
            return Err(ArgsError::Connected.into());
        }
        let times = if own.is_patient() { own } else { self.args };
        let guest = self.guest.within(times.limit()).patient(times.is_patient());
        let net: Net = line.net;
        if line.json && !self.globals.json {
            let mut json = Output::standard(&Globals { json: true, ..self.globals.clone() });
            return net::run(net, &guest, &mut json, stop).await;
        }
        net::run(net, &guest, output, stop).await
    }
}
