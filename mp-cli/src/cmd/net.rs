//! The commands that talk to a network, by a node that is there already or by one for this alone.

use mp_config::NodeConfig;

use super::db::families;
use super::guest::Guest;
use super::stop::Stop;
use super::{db, log, nodes, ping, ports, remote, talk, trace};
use crate::args::{Net, addresses};
use crate::error::CliError;
use crate::output::Output;

/// Starts a node, does what `net` says, and stops the node.
pub(super) async fn once(
    net: Net,
    config: NodeConfig,
    output: &mut Output,
    stop: &mut Stop,
) -> Result<(), CliError> {
    let (limit, is_patient) = (net.node().limit(), net.node().is_patient());
    let mut config = config;
    if let Net::Trace { target: Some(port), .. } = &net
        && config.seeds.is_empty()
    {
        // Its neighbours are found through it.
        config.seeds = addresses(port.node_str()).iter().filter_map(|address| address.parse().ok()).collect();
    }
    let beginning = Guest::begin(config, limit, output.progress());
    let guest = tokio::select! {
        guest = beginning => guest?.patient(is_patient),
        asked = stop.asked() => return Err(CliError::Interrupted(asked)),
    };
    run(net, &guest, output, stop).await?;
    tokio::select! {
        () = guest.leave() => Ok(()),
        asked = stop.asked() => Err(CliError::Interrupted(asked)),
    }
}

/// Does what `net` says with this node, until it is done or the program is asked to stop.
pub(super) async fn run(
    net: Net,
    guest: &Guest,
    output: &mut Output,
    stop: &mut Stop,
) -> Result<(), CliError> {
    if let Net::Ping(args) = &net {
        // It has something to say even then.
        return ping::ping(args, guest, output, stop).await;
    }
    tokio::select! {
        result = errand(net, guest, output) => result,
        asked = stop.asked() => Err(CliError::Interrupted(asked)),
    }
}

async fn errand(net: Net, guest: &Guest, output: &mut Output) -> Result<(), CliError> {
    match net {
        Net::Snd(talk) => talk::snd(talk, guest, output).await,
        Net::Cal(talk) => talk::cal(&talk, guest, output).await,
        Net::Mon { port, .. } => talk::mon(&port, guest, output).await,
        Net::Ping(_) => Ok(()),
        Net::Nodes { quick, .. } => nodes::nodes(quick, guest, output).await,
        Net::Ports { target, .. } => ports::ports(&target, guest, output).await,
        Net::Groups { name: Some(name), .. } => db::group(&name, guest, output).await,
        Net::Groups { name: None, .. } => families::groups(guest, output).await,
        Net::Trace { target, .. } => trace::trace(target.as_ref(), guest, output).await,
        Net::Db(args) => db::db(args, guest, output).await,
        Net::Log(args) => log::log(&args, guest, output).await,
        Net::Eval { target, code, .. } => remote::eval(&target, &code, guest, output).await,
        Net::Restart { target, .. } => remote::restart(&target, guest, output).await,
    }
}
