//! `aemp run`.

mod services;
mod words;

use serde::Serialize;

use self::services::{Running, Wanted};
use super::node::{self, Joined};
use super::stop::Stop;
use crate::error::CliError;
use crate::output::{Output, Paint, Report, columns};
use mp_config::{ConfigError, ConfigFile, NodeConfig};
use mp_global::log_catcher::LogTap;
use mp_node::Addr;

/// Runs a node as `words` and the configuration say, until it is asked to stop. What is logged, `tap` passes on to those
/// nodes of the network that ask for it.
pub(super) async fn run(
    words: &[String],
    file: &ConfigFile,
    tap: &LogTap,
    output: &mut Output,
    stop: &mut Stop,
) -> Result<(), CliError> {
    let config = resolve(words, file)?;
    config.require_secret(file)?;
    let wanted = Wanted::of(&config)?;
    let joined = tokio::select! {
        joined = node::start(&config) => joined?,
        _ = stop.asked() => return Ok(()),
    };
    tap.answer(&joined.node);
    let (services, _joints) = wanted.start(&joined).await?;
    match output.report(&Started::new(&joined, services)) {
        // The node runs for others; that nobody reads this here does not end it.
        Ok(()) | Err(CliError::OutputClosed) => {}
        Err(error) => return Err(error),
    }
    stop.asked().await;
    tracing::info!("stopping");
    tokio::select! {
        () = joined.node.shutdown() => {}
        _ = stop.asked() => tracing::warn!("stopped at once; what was still to be written is lost"),
    }
    Ok(())
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

/// The node as it runs.
#[derive(Serialize)]
#[serde(tag = "event", rename = "running")]
struct Started {
    node: String,
    addresses: Vec<String>,
    /// What others are told in place of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    advertised: Vec<String>,
    seeds: Vec<String>,
    services: Vec<Running>,
}

impl Started {
    fn new(joined: &Joined, services: Vec<Running>) -> Self {
        let texts = |addresses: &[Addr]| addresses.iter().map(ToString::to_string).collect();
        let (bound, advertised) = (joined.node.addresses(), joined.node.advertised());
        Self {
            node: joined.node.id().to_string(),
            addresses: texts(&bound),
            advertised: if advertised == bound { Vec::new() } else { texts(&advertised) },
            seeds: NodeConfig::expand(&joined.node.config().seeds),
            services,
        }
    }
}

impl Report for Started {
    fn text(&self, paint: Paint) -> String {
        let list = |items: &[String], none: &str| {
            if items.is_empty() { none.to_owned() } else { items.join(", ") }
        };
        let mut rows = vec![
            ("listens on", list(&self.addresses, "no address: others cannot connect to it")),
            ("seeds", list(&self.seeds, "none: others can have this node as theirs")),
        ];
        let advertised = list(&self.advertised, "");
        if !advertised.is_empty() {
            rows.insert(1, ("is reached at", advertised));
        }
        let services = self.services.iter();
        rows.extend(services.map(|service| (service.name, service.text())));
        let rows = columns(rows.iter().map(|(left, right)| (*left, right.as_str())), 2);
        format!("node {} runs; Ctrl-C stops it\n{rows}", paint.name(&self.node))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_says_where_to_find_what() {
        let port = Some("n#e".to_owned());
        let echo = Running { name: "mp::echo", port, group: Some("mp_echo"), ..Running::default() };
        let level = Some("warn".to_owned());
        let catcher = Running { name: "mp::log_catcher", level, ..Running::default() };
        let started = Started {
            node: "n".to_owned(),
            addresses: vec!["127.0.0.1:4040".to_owned()],
            advertised: Vec::new(),
            seeds: Vec::new(),
            services: vec![echo, catcher],
        };
        assert_eq!(
            started.text(Paint::new(false)),
            "node n runs; Ctrl-C stops it\n  listens on       127.0.0.1:4040\n  \
             seeds            none: others can have this node as theirs\n  \
             mp::echo         n#e  in mp_echo\n  \
             mp::log_catcher  logs what others log, warn and graver"
        );
    }
}
