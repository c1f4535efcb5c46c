//! `aemp run`.

mod services;
mod words;

use serde::Serialize;

use self::services::{Running, Wanted};
use super::node::{self, Joined};
use super::stop::Stop;
use crate::error::CliError;
use crate::output::{Output, Paint, Report, columns};
use mp_config::{ConfigFile, NodeConfig};

/// Runs a node as `words` and the configuration say, until it is asked to stop.
pub(super) async fn run(
    words: &[String],
    file: &ConfigFile,
    output: &mut Output,
    stop: &mut Stop,
) -> Result<(), CliError> {
    let config = resolve(words, file)?;
    config.require_secret(file)?;
    let wanted = Wanted::of(&config)?;
    let joined = tokio::select! {
        joined = node::start(&config) => joined?,
        () = stop.asked() => return Ok(()),
    };
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
        () = stop.asked() => tracing::warn!("stopped at once; what was still to be written is lost"),
    }
    Ok(())
}

/// The node that the words of `aemp run` and the configuration make.
fn resolve(words: &[String], file: &ConfigFile) -> Result<NodeConfig, CliError> {
    let (name, settings) = words::pairs(words)?;
    // A name that is not in the file is a slip, unless the command line says all there is to say.
    if let Some(name) = name.as_deref().filter(|_| settings.is_empty()) {
        file.require_profile(name)?;
    }
    Ok(file.resolve(name.as_deref(), &settings, None, &mut getrandom::fill)?)
}

/// The node as it runs.
#[derive(Serialize)]
#[serde(tag = "event", rename = "running")]
struct Started {
    node: String,
    addresses: Vec<String>,
    seeds: Vec<String>,
    services: Vec<Running>,
}

impl Started {
    fn new(joined: &Joined, services: Vec<Running>) -> Self {
        Self {
            node: joined.node.id().to_string(),
            addresses: joined.node.addresses().iter().map(ToString::to_string).collect(),
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
        let services = self.services.iter();
        rows.extend(
            services.map(|service| (service.name, format!("{}  in {}", service.port, service.group))),
        );
        let rows = columns(rows.iter().map(|(left, right)| (*left, right.as_str())), 2);
        format!("node {} runs; Ctrl-C stops it\n{rows}", paint.name(&self.node))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_says_where_to_find_what() {
        let service = Running { name: "mp::echo", port: "n#e".to_owned(), group: "mp_echo" };
        let started = Started {
            node: "n".to_owned(),
            addresses: vec!["127.0.0.1:4040".to_owned()],
            seeds: Vec::new(),
            services: vec![service],
        };
        assert_eq!(
            started.text(Paint::new(false)),
            "node n runs; Ctrl-C stops it\n  listens on  127.0.0.1:4040\n  \
             seeds       none: others can have this node as theirs\n  mp::echo    n#e  in mp_echo"
        );
    }
}
