//! `aemp run`.

mod exposition;
mod metrics;
mod notify;
mod plan;
mod reload;
pub(super) mod services;
mod started;
mod words;

use std::io::IsTerminal;
use std::pin::pin;

use self::metrics::Endpoint;
use self::notify::Notify;
use self::plan::Plan;
use self::reload::Reloader;
use self::services::{Running, Wanted};
use self::started::Started;
use super::stop::{Asked, Stop};
use super::{loopback, node};
use crate::args::Run;
use crate::error::CliError;
use crate::output::{Log, Output};
use mp_config::{ConfigFile, NodeConfig};
use mp_node::Limits;

/// Runs a node as the words of `args` and the configuration say, until it is asked to stop. What is logged, is passed on
/// to those nodes of the network that ask for it. `load` reads the configuration file.
pub(super) async fn run(
    args: &Run,
    load: &(dyn Fn() -> Result<ConfigFile, CliError> + Sync),
    log: &Log,
    output: &mut Output,
    stop: &mut Stop,
) -> Result<(), CliError> {
    let file = load()?;
    let mut plan = Plan::of(&args.words, &file)?;
    let config = &plan.config;
    config.require_secret(&file)?;
    drop(file);
    let wanted = Wanted::of(config)?;
    // Before the node is there, so that what is wrong with it is told before anything runs.
    let endpoint = match &args.metrics {
        Some(address) => Some(Endpoint::bind(address).await?),
        None => None,
    };
    let mut notify = Notify::from_environment();
    let mut limits = Limits::default();
    limits.drain_time = args.drain;
    let has_terminal = std::io::stdin().is_terminal();
    let mut reload_wanted = false;
    let joined = {
        let mut start = pin!(node::start_with(config, limits));
        loop {
            tokio::select! {
                joined = &mut start => break joined?,
                asked = stop.asked() => match asked {
                    Asked::HangUp if !has_terminal => reload_wanted = true,
                    _ => return Ok(()),
                },
            }
        }
    };
    log.tap.answer(&joined.node);
    let (mut services, _joints) = wanted.start(&joined).await?;
    if !args.no_status {
        services.push(Running::status(&joined)?);
    }
    if let Some(endpoint) = endpoint {
        services.push(Running::metrics(endpoint.serve(&joined)));
    }
    match output.report(&Started::new(&joined, services)) {
        // The node runs for others; that nobody reads this here does not end it.
        Ok(()) | Err(CliError::OutputClosed) => {}
        Err(error) => return Err(error),
    }
    joined.node.spawn_task(loopback::warn_of(NodeConfig::expand(&plan.config.seeds)));
    notify.ready(&joined.node);
    let reloader = Reloader { args, load, log, joined: &joined };
    if reload_wanted {
        reload(&reloader, &mut plan, &mut notify);
    }
    serve(&reloader, plan, &mut notify, stop, has_terminal).await;
    notify.stopping();
    tracing::info!("stopping");
    tokio::select! {
        () = joined.node.shutdown() => {}
        () = tokio::time::sleep(args.drain) => {
            tracing::warn!("stopped after {:?}; what was still to be written is lost", args.drain);
        }
        asked = to_end(stop, has_terminal) => {
            tracing::warn!("stopped at once; what was still to be written is lost");
            return Err(CliError::Interrupted(asked));
        }
    }
    Ok(())
}

/// Waits until the program is asked to stop, which SIGHUP does only at a terminal.
async fn to_end(stop: &mut Stop, has_terminal: bool) -> Asked {
    loop {
        let asked = stop.asked().await;
        if asked != Asked::HangUp || has_terminal {
            return asked;
        }
    }
}

fn reload(reloader: &Reloader<'_>, plan: &mut Plan, notify: &mut Notify) {
    notify.reloading();
    if let Some(new) = reloader.reload(plan) {
        *plan = new;
    }
    notify.ready(&reloader.joined.node);
}

/// Waits until the program is asked to stop. SIGHUP asks it to read its configuration anew, unless it says that the
/// terminal is gone.
async fn serve(
    reloader: &Reloader<'_>,
    mut plan: Plan,
    notify: &mut Notify,
    stop: &mut Stop,
    has_terminal: bool,
) {
    loop {
        tokio::select! {
            asked = stop.asked() => {
                if asked != Asked::HangUp || has_terminal {
                    return;
                }
                reload(reloader, &mut plan, notify);
            }
            () = notify.due() => notify.alive(&reloader.joined.node),
        }
    }
}
