//! `aemp top`: the nodes of the network, live.

mod gather;
mod model;
mod number;
mod once;
mod screen;
mod view;

use std::io::IsTerminal;

use clap::ValueEnum;
use mp_transport::clock;

use self::gather::Gatherer;
use self::model::{Model, Wish};
use self::once::Once;
use self::screen::Screen;
use super::guest;
use super::stop::Stop;
use crate::args::{ColorChoice, Top};
use crate::error::CliError;
use crate::output::Output;
use mp_config::ConfigFile;

/// What the nodes are sorted by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Sort {
    /// The nodes' names
    #[default]
    Node,
    /// Connections
    Connections,
    /// Messages that wait for other nodes
    Queue,
    /// Messages per second, both ways
    Messages,
    /// Bytes per second, both ways
    Bytes,
    /// The longest round trip
    RoundTrip,
    /// Ports
    Ports,
    /// Messages that wait in mailboxes
    Mailboxes,
}

/// Shows the network until the user, or a signal, ends it; or prints it once.
pub(super) async fn run(
    args: &Top,
    file: &ConfigFile,
    color: ColorChoice,
    output: &mut Output,
    stop: &mut Stop,
) -> Result<(), CliError> {
    if !(args.once || std::io::stdout().is_terminal() && std::io::stdin().is_terminal()) {
        return Err(CliError::NoTerminal);
    }
    let config = guest::resolve(&args.node, file)?;
    let gatherer = tokio::select! {
        gatherer = Gatherer::begin(config) => gatherer?,
        asked = stop.asked() => return Err(CliError::Interrupted(asked)),
    };
    let mut model = Model::new(args.sort, args.every);
    if args.once {
        tokio::select! {
            result = once::gather(&gatherer, &mut model, args.every, &args.node) => result?,
            asked = stop.asked() => return Err(CliError::Interrupted(asked)),
        }
        gatherer.end().await;
        return output.report(&Once::new(&model));
    }
    model.seeds = gatherer.seeds().to_vec();
    model.color =
        color != ColorChoice::Never && std::env::var_os("NO_COLOR").is_none_or(|set| set.is_empty());
    let result = watch(&gatherer, model, stop).await;
    gatherer.end().await;
    result
}

/// Shows, asks, and listens to the keyboard, until that is enough.
async fn watch(gatherer: &Gatherer, mut model: Model, stop: &mut Stop) -> Result<(), CliError> {
    let mut screen = Screen::open().map_err(CliError::Output)?;
    let ask = |at: std::time::Instant, every| async move {
        clock::sleep_until(at).await;
        gatherer.gather(every).await
    };
    // One question at a time, which keys do not break off.
    let mut asking = Box::pin(ask(clock::now(), model.every));
    loop {
        screen.draw(&model).map_err(CliError::Output)?;
        let wish = tokio::select! {
            asked = stop.asked() => {
                drop(screen);
                return Err(CliError::Interrupted(asked));
            }
            event = screen.event() => model.on_event(event.as_ref()),
            sample = &mut asking, if !model.paused => {
                asking = Box::pin(ask(sample.at + model.every, model.every));
                model.take(sample);
                Wish::GoOn
            }
        };
        match wish {
            Wish::GoOn => {}
            Wish::Quit => return Ok(()),
        }
    }
}
