//! `aemp run`.

mod exposition;
mod metrics;
mod notify;
mod reload;
mod services;
mod started;
mod words;

use std::io::IsTerminal;

use self::metrics::Endpoint;
use self::notify::Notify;
use self::reload::Reloader;
use self::services::{Running, Wanted};
use self::started::Started;
use super::node;
use super::stop::{Asked, Stop};
use crate::args::Run;
use crate::error::CliError;
use crate::output::{Log, Output};
use mp_config::{ConfigError, ConfigFile, NodeConfig};
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
    let config = resolve(&args.words, &file)?;
    config.require_secret(&file)?;
    let wanted = Wanted::of(&config)?;
    // Before the node is there, so that what is wrong with it is told before anything runs.
    let endpoint = match &args.metrics {
        Some(address) => Some(Endpoint::bind(address).await?),
        None => None,
    };
    let mut notify = Notify::from_environment();
    let mut limits = Limits::default();
    limits.drain_time = args.drain;
    let joined = tokio::select! {
        joined = node::start_with(&config, limits) => joined?,
        _ = stop.asked() => return Ok(()),
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
    notify.ready(&joined.node);
    let reloader = Reloader { args, load, log, joined: &joined };
    serve(&reloader, config, &mut notify, stop).await;
    notify.stopping();
    tracing::info!("stopping");
    tokio::select! {
        () = joined.node.shutdown() => {}
        () = tokio::time::sleep(args.drain) => {
            tracing::warn!("stopped after {:?}; what was still to be written is lost", args.drain);
        }
        _ = stop.asked() => tracing::warn!("stopped at once; what was still to be written is lost"),
    }
    Ok(())
}

/// Waits until the program is asked to stop. SIGHUP asks it to read its configuration anew, unless it says that the
/// terminal is gone.
async fn serve(reloader: &Reloader<'_>, mut config: NodeConfig, notify: &mut Notify, stop: &mut Stop) {
    let has_terminal = std::io::stdin().is_terminal();
    loop {
        tokio::select! {
            asked = stop.asked() => {
                if asked != Asked::HangUp || has_terminal {
                    return;
                }
                notify.reloading();
                if let Some(new) = reloader.reload(&config) {
                    config = new;
                }
                notify.ready(&reloader.joined.node);
            }
            () = notify.due() => notify.alive(&reloader.joined.node),
        }
    }
}

/// The node that the words of `aemp run` and the configuration make.
fn resolve(words: &[String], file: &ConfigFile) -> Result<NodeConfig, CliError> {
    let (name, settings) = words::pairs(words)?;
    // A name that is not in the file is a slip, unless the command line says all there is to say.
    if let Some(Err(error)) = name.as_deref().map(|name| file.require_profile(name)) {
        if settings.is_empty() {
            return Err(error.into());
        }
        if let ConfigError::NoProfile { name, path, .. } = error {
            let path = path.display();
            tracing::info!(
                "there is no profile {name:?} in {path}: what holds are the settings of this command and the global ones"
            );
        }
    }
    Ok(file.resolve(name.as_deref(), &settings, None, &mut getrandom::fill)?)
}
