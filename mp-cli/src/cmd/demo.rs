//! `aemp demo`: processes on this machine find each other, talk, and one of them dies; the others are told.
//!
//! This process is the director: it starts the others from its own executable, each with the same temporary
//! configuration, and learns what they see from the lines of JSON on their stdout. It tells them what to do on their
//! stdin, whose end means the end for them, too; so none outlives it.

mod actor;
mod event;
mod node;
mod place;
mod script;

use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;
use tokio::sync::mpsc;

use crate::error::CliError;
use crate::output::Output;
use mp_config::{ConfigFile, Setting};

use actor::{Cast, lines};
use event::{EventSink, Order};
use place::Place;

/// How long all of it may take, without the cleaning up.
const DEADLINE: Duration = Duration::from_secs(8);

/// Orders that may wait for a child, which gets some ten in all.
const ORDERS: usize = 16;

/// What a process of the demonstration plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Role {
    /// Is where the others find the network, and runs the chat
    Seed,
    /// Offers a port in a group
    Receiver,
    /// Finds that port and sends to it
    Sender,
    /// Joins the chat
    ChatClient,
}

impl Role {
    /// The word for the role on the command line.
    fn word(self) -> &'static str {
        match self {
            Self::Seed => "seed",
            Self::Receiver => "receiver",
            Self::Sender => "sender",
            Self::ChatClient => "chat-client",
        }
    }

    /// The profile in the temporary configuration.
    fn profile(self) -> &'static str {
        match self {
            Self::Seed => "eg_chat_server",
            Self::Receiver => "eg_simple_receiver",
            Self::Sender => "eg_simple_sender",
            Self::ChatClient => "eg_chat_client",
        }
    }
}

/// What went otherwise than it should, and the last words of the process that it happened in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DemoError {
    #[error("the demo stopped: {actor} was to tell that {expected}, but {why}{}", last_words(.stderr))]
    Unexpected { actor: String, expected: String, why: String, stderr: Vec<String> },
    #[error("the demo cannot start {actor}: {source}; is {} still there?", program.display())]
    Start { actor: String, program: PathBuf, source: std::io::Error },
    #[error("the demo cannot use a temporary directory: {0}; look at TMPDIR and the free space")]
    Directory(std::io::Error),
    #[error("the demo stopped: {actor} does not listen any more{}", last_words(.stderr))]
    Deaf { actor: String, stderr: Vec<String> },
}

fn last_words(stderr: &[String]) -> String {
    if stderr.is_empty() {
        return "; it left no message".to_owned();
    }
    let lines: Vec<_> = stderr.iter().map(|line| format!("\n  {line}")).collect();
    format!("; its last words:{}", lines.concat())
}

/// Where the processes come from.
#[derive(Debug, Clone)]
struct Launcher {
    program: PathBuf,
    deadline: Duration,
}

/// Plays it all and tells it on `output`.
///
/// # Errors
///
/// [`CliError::Demo`] names what was expected and did not happen.
///
/// # Cancellation
///
/// Dropping the future kills all processes and removes the temporary directory.
pub(crate) async fn run(output: &mut Output) -> Result<(), CliError> {
    let program = std::env::current_exe().map_err(|source| DemoError::Start {
        actor: "its processes".to_owned(),
        program: PathBuf::from("aemp"),
        source,
    })?;
    direct(&Launcher { program, deadline: DEADLINE }, output).await
}

async fn direct(launcher: &Launcher, output: &mut Output) -> Result<(), CliError> {
    let place = Place::new()?;
    let mut cast = Cast::new(launcher.program.clone(), place.config());
    let script = script::play(&mut cast, &place, output);
    let result = match tokio::time::timeout(launcher.deadline, script).await {
        Ok(result) => result,
        Err(_) => Err(cast.overdue(launcher.deadline).into()),
    };
    cast.clear().await;
    let removed = place.remove();
    result?;
    removed?;
    output.report(&script::Finale)
}

/// Plays one part, in a process of its own, until ordered to stop or until stdin ends.
///
/// # Errors
///
/// What goes wrong with the configuration or the node.
///
/// # Cancellation
///
/// Dropping the future stops the node at once.
pub(crate) async fn child(role: Role, name: &str, file: &ConfigFile) -> Result<(), CliError> {
    let nodeid = Setting::of("nodeid").expect("it is in the table");
    let own_name = [(nodeid, format!("{name}/").into())];
    let config = file.resolve(Some(role.profile()), &own_name, None, &mut getrandom::fill)?;
    let (sender, orders) = mpsc::channel(ORDERS);
    tokio::select! {
        result = node::play(role, name, &config, EventSink::stdout(), orders) => result,
        () = take_orders(sender) => Ok(()),
    }
}

/// Hands over the orders that come on stdin, until it ends or is no longer understood.
async fn take_orders(orders: mpsc::Sender<Order>) {
    let mut stdin = lines(tokio::io::stdin());
    while let Some(line) = stdin.next().await {
        let Ok(order) = serde_json::from_str(&line) else { return };
        // Once the part is over, nobody takes orders; what counts is the end of stdin.
        drop(orders.send(order).await);
    }
}

#[cfg(test)]
mod tests;
