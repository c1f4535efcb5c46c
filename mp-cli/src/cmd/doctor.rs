//! `aemp doctor`: what is wrong with this machine's part in the network, and what to do.

mod agree;
mod binds;
mod file;
mod finding;
pub(super) mod holder;
mod keys;
mod seeds;
mod services;

use std::path::Path;

use mp_config::NodeConfig;
use mp_transport::clock;

use self::finding::{Finding, Tally};
use super::guest::{self, Guest};
use crate::args::{Doctor, NodeArgs};
use crate::error::CliError;
use crate::output::Output;

/// Looks at it all, from the file outwards. What rests on something that failed is left out.
pub(super) async fn run(args: Doctor, path: Option<&Path>, output: &mut Output) -> Result<(), CliError> {
    let mut tally = Tally::default();
    let (file, findings) = file::read(path);
    for finding in findings {
        tally.tell(&finding, output)?;
    }
    let Some(file) = file else {
        tally.is_unusable();
        return tally.end(output);
    };
    for finding in file::profiles(&file) {
        tally.tell(&finding, output)?;
    }
    let options = NodeArgs { profile: None, seeds: args.seeds, timeout: Some(args.timeout) };
    let config = match file::node(&file, args.profile.as_deref(), &guest::seeds(&options)?) {
        Ok((config, finding)) => {
            tally.tell(&finding, output)?;
            config
        }
        Err(finding) => {
            tally.tell(&finding, output)?;
            tally.is_unusable();
            return tally.end(output);
        }
    };
    for finding in keys::secret(&config, &file).into_iter().chain(keys::certificate(&config, clock::wall())) {
        tally.tell(&finding, output)?;
    }
    tally.tell(&services::look(&config), output)?;
    network(&config, &options, &mut tally, output).await?;
    tally.end(output)
}

/// What can only be seen by a node.
async fn network(
    config: &NodeConfig,
    options: &NodeArgs,
    tally: &mut Tally,
    output: &mut Output,
) -> Result<(), CliError> {
    let progress = output.progress();
    let guest = match visitor(config, options, output).await {
        Ok(guest) => guest,
        Err(finding) => {
            tally.is_unusable();
            for finding in binds::look(config, None).await.iter().chain(finding.iter()) {
                tally.tell(finding, output)?;
            }
            return Ok(());
        }
    };
    let what = |what: &'static str| move || what.to_owned();
    for finding in progress.during(binds::look(config, Some(&guest)), what("trying to listen")).await {
        tally.tell(&finding, output)?;
    }
    let looking = progress.during(seeds::look(config, &guest), what("looking for the seeds"));
    let (findings, nodes) = looking.await;
    for finding in findings {
        tally.tell(&finding, output)?;
    }
    for node in &nodes {
        let finding = progress.during(seeds::clock_of(node, &guest), what("comparing clocks")).await;
        tally.tell(&finding, output)?;
    }
    if !nodes.is_empty() {
        let looking = progress.during(agree::look(&nodes, &guest), what("comparing the global nodes"));
        for finding in looking.await {
            tally.tell(&finding, output)?;
        }
    }
    guest.leave().await;
    Ok(())
}

/// A node with this configuration's keys and another name, since the node itself may run. None can be started without a
/// proof; what else is wrong then has been told, or is told by the finding.
async fn visitor(config: &NodeConfig, options: &NodeArgs, output: &Output) -> Result<Guest, Option<Finding>> {
    if config.secret.is_none() && config.cert.is_none() {
        return Err(None);
    }
    let wrong = |error: CliError| Some(Finding::of_error("node", "", &error));
    let mut config = config.clone();
    config.nodeid =
        mp_config::fill_node_id("doctor/", &mut getrandom::fill).map_err(|error| wrong(error.into()))?;
    Guest::begin(config, options.limit(), output.progress()).await.map_err(wrong)
}
