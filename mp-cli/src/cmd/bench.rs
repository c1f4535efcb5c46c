//! `aemp bench`: how fast messages go, between this process and another one.

mod load;
mod peer;

use mp_node::PortId;
use serde::Serialize;

use self::load::{Figures, Load};
use super::guest::{self, Guest};
use crate::args::Bench;
use crate::error::CliError;
use crate::output::{Output, Paint, Report};
use mp_config::ConfigFile;

/// Measures against a node of the network that has `mp::echo`, or a process of our own on this machine.
pub(super) async fn bench(args: Bench, file: &ConfigFile, output: &mut Output) -> Result<(), CliError> {
    let load = Load { time: args.time, size: args.size };
    let (limit, is_patient) = (args.node.limit(), args.node.is_patient());
    match args.peer {
        Some(node) => {
            let config = guest::resolve(&args.node, file)?;
            let guest = Guest::begin(config, limit, output.progress()).await?.patient(is_patient);
            measure(&node, load, &guest, output).await?;
            guest.leave().await;
        }
        None => {
            let peer = peer::Peer::start().await?;
            let guest = Guest::begin(peer.config()?, limit, output.progress()).await?;
            measure(peer.port(), load, &guest, output).await?;
            guest.leave().await;
            peer.stop().await;
        }
    }
    Ok(())
}

/// Latency first, with one message under way at a time; then as many as go.
async fn measure(node: &PortId, load: Load, guest: &Guest, output: &mut Output) -> Result<(), CliError> {
    let met = guest.meet(node).await?;
    let what = format!("measuring against {}", met.node());
    let figures = guest.progress().during(load::run(&met.node(), load, guest), || what.clone()).await?;
    output.report(&Measured { node: met.node().to_string(), size: load.size, figures })
}

#[derive(Debug, Serialize)]
#[serde(tag = "event", rename = "bench")]
struct Measured {
    /// With whom.
    node: String,
    /// Bytes of text in each message.
    size: usize,
    #[serde(flatten)]
    figures: Figures,
}

impl Report for Measured {
    fn text(&self, paint: Paint) -> String {
        let figures = &self.figures;
        let lost = if figures.lost == 0 {
            String::new()
        } else {
            format!("\n  lost        {} echoes", figures.lost)
        };
        format!(
            "with {}, messages of {} bytes, there and back:\n  latency     {:.0} µs mean, {:.0} p50, {:.0} p99, {:.0} max ({} messages)\n  \
             throughput  {:.0} messages/s, {:.1} MB/s each way ({} messages){lost}",
            paint.name(&self.node),
            self.size,
            figures.round_trip_mean * 1e6,
            figures.round_trip_p50 * 1e6,
            figures.round_trip_p99 * 1e6,
            figures.round_trip_max * 1e6,
            figures.round_trips,
            figures.messages_per_second,
            figures.bytes_per_second / 1e6,
            figures.echoes,
        )
    }
}
