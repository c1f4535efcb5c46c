//! Reading the configuration anew while the node runs.

use mp_config::{ConfigFile, NodeConfig};

use super::services::Wanted;
use crate::args::Run;
use crate::cmd::node::Joined;
use crate::error::CliError;
use crate::output::Log;

/// What is needed for it.
pub(super) struct Reloader<'a> {
    pub(super) args: &'a Run,
    pub(super) load: &'a (dyn Fn() -> Result<ConfigFile, CliError> + Sync),
    pub(super) log: &'a Log,
    pub(super) joined: &'a Joined,
}

impl Reloader<'_> {
    /// Takes what can change: secrets, certificate and proofs for new connections, seeds, the level of the log. Says in
    /// one line what cannot. Gives the new configuration; if it cannot be used, that is said and all is as before.
    pub(super) fn reload(&self, before: &NodeConfig) -> Option<NodeConfig> {
        match self.try_reload(before) {
            Ok(config) => Some(config),
            Err(error) => {
                tracing::error!("not reloaded, all is as before: {error}");
                None
            }
        }
    }

    fn try_reload(&self, before: &NodeConfig) -> Result<NodeConfig, CliError> {
        let file = (self.load)()?;
        let mut config = super::resolve(&self.args.words, &file)?;
        config.require_secret(&file)?;
        Wanted::of(&config)?;
        let level = self.log.reload()?;
        self.joined.node.reload(&config)?;
        self.joined.global.set_seeds(&NodeConfig::expand(&config.seeds))?;
        let later = only_at_a_start(before, &config);
        tracing::info!(
            secret = what(before.secret != config.secret || before.old_secret != config.old_secret),
            certificate = what(before.cert != config.cert),
            seeds = what(before.seeds != config.seeds),
            level,
            "reloaded"
        );
        if !later.is_empty() {
            tracing::warn!(
                "changed in the configuration, but taken only at the next start: {}",
                later.join(", ")
            );
        }
        // A random part differs each time.
        config.nodeid = before.nodeid.clone();
        // What waits for the next start is named each time until then.
        config.binds.clone_from(&before.binds);
        config.advertise.clone_from(&before.advertise);
        config.services.clone_from(&before.services);
        config.framing_format.clone_from(&before.framing_format);
        (config.monitor_timeout, config.connect_interval) = (before.monitor_timeout, before.connect_interval);
        Ok(config)
    }
}

fn what(changed: bool) -> &'static str {
    if changed { "changed" } else { "as before" }
}

/// The settings that differ, but are looked at only when a node starts.
fn only_at_a_start(before: &NodeConfig, now: &NodeConfig) -> Vec<&'static str> {
    let services = |config: &NodeConfig| format!("{:?}", config.services);
    [
        ("binds", before.binds != now.binds),
        ("advertise", before.advertise != now.advertise),
        ("services", services(before) != services(now)),
        ("monitor_timeout", before.monitor_timeout != now.monitor_timeout),
        ("connect_interval", before.connect_interval != now.connect_interval),
        ("framing_format", before.framing_format != now.framing_format),
    ]
    .into_iter()
    .filter_map(|(name, changed)| changed.then_some(name))
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_for_the_next_start_is_named() {
        let before = NodeConfig::bare("p", "n".parse().unwrap());
        let mut now = before.clone();
        assert!(only_at_a_start(&before, &now).is_empty());
        now.seeds = vec!["a:1".parse().unwrap()];
        assert!(only_at_a_start(&before, &now).is_empty());
        now.binds = vec!["a:1".parse().unwrap()];
        now.framing_format = Some(vec!["json".to_owned()]);
        assert_eq!(only_at_a_start(&before, &now), ["binds", "framing_format"]);
    }
}
