//! The commands that talk to a network, by a node that is there already or by one for this alone.

use mp_config::NodeConfig;

use super::guest::Guest;
use super::stop::Stop;
use super::talk;
use crate::args::Net;
use crate::error::CliError;
use crate::output::Output;

/// Starts a node, does what `net` says, and stops the node.
pub(super) async fn once(
    net: Net,
    config: NodeConfig,
    output: &mut Output,
    stop: &mut Stop,
) -> Result<(), CliError> {
    let limit = net.node().timeout;
    let progress = output.progress();
    let errand = async {
        let guest = Guest::begin(config, limit, progress).await?;
        run(net, &guest, output).await?;
        guest.leave().await;
        Ok(())
    };
    tokio::select! {
        result = errand => result,
        asked = stop.asked() => Err(CliError::Interrupted(asked)),
    }
}

/// Does what `net` says with this node. Dropping the future gives it up.
pub(super) async fn run(net: Net, guest: &Guest, output: &mut Output) -> Result<(), CliError> {
    match net {
        Net::Snd(talk) => talk::snd(talk, guest, output).await,
        Net::Cal(talk) => talk::cal(&talk, guest, output).await,
        Net::Mon { port, .. } => talk::mon(&port, guest, output).await,
    }
}
