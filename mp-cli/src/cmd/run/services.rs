//! What runs in the node of `aemp run`.

use mp_config::NodeConfig;
use mp_global::log_catcher::LogLevel;
use serde::Serialize;

use crate::cmd::node::{GLOBAL_SERVICES, Joined};
use crate::cmd::{echo, logs};
use crate::error::CliError;

/// A service that runs, as long as its node does.
#[derive(Debug, Serialize)]
pub(super) struct Running {
    pub(super) name: &'static str,
    /// Where it takes messages, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) port: Option<String>,
    /// Where others find that port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) group: Option<&'static str>,
    /// Which lines it catches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) level: Option<String>,
}

impl Running {
    /// For people: what stands behind its name.
    pub(super) fn text(&self) -> String {
        let port = self.port.iter().cloned();
        let group = self.group.iter().map(|group| format!("in {group}"));
        let level = self.level.iter().map(|level| format!("logs what others log, {level} and graver"));
        port.chain(group).chain(level).collect::<Vec<_>>().join("  ")
    }
}

/// The services that a configuration asks for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    echo: bool,
    log_catcher: Option<LogLevel>,
}

impl Wanted {
    /// Reads the list; without one, `mp::echo`. Perl modules, which stand in the file for Perl's
    /// programs, are left out, with one warning.
    ///
    /// # Errors
    ///
    /// [`CliError::Service`] names a service that should be ours and is not; [`CliError::LogLevel`].
    pub(super) fn of(config: &NodeConfig) -> Result<Self, CliError> {
        let mut wanted = Self { echo: config.services.is_empty(), log_catcher: None };
        let mut perl = Vec::new();
        for service in &config.services {
            match service.name.as_str() {
                echo::NAME => wanted.echo = true,
                logs::NAME => wanted.log_catcher = Some(logs::level(&service.arguments)?),
                global if GLOBAL_SERVICES.contains(&global) => {}
                ours if ours.starts_with("mp::") => return Err(CliError::Service(ours.to_owned())),
                module => perl.push(module),
            }
        }
        if !perl.is_empty() {
            tracing::warn!("left out of the services, as these are Perl modules: {}", perl.join(", "));
        }
        Ok(wanted)
    }

    /// Starts them.
    pub(super) fn start(&self, joined: &Joined) -> Result<Vec<Running>, CliError> {
        let mut running = Vec::new();
        if self.echo {
            let port = echo::start(&joined.node, &joined.global)?.to_string();
            running.push(Running {
                name: echo::NAME,
                port: Some(port),
                group: Some(echo::GROUP),
                level: None,
            });
        }
        if let Some(level) = self.log_catcher {
            logs::start(&joined.node, &joined.global, level)?;
            let level = Some(level.to_string());
            running.push(Running { name: logs::NAME, port: None, group: None, level });
        }
        Ok(running)
    }
}

#[cfg(test)]
mod tests {
    use mp_config::Service;

    use super::*;

    fn wanted(names: &[&str]) -> Result<Wanted, CliError> {
        let mut config = NodeConfig::bare("p", "n".parse().unwrap());
        let service = |name: &&str| Service { name: (*name).to_owned(), arguments: Vec::new() };
        config.services = names.iter().map(service).collect();
        Wanted::of(&config)
    }

    #[test]
    fn only_our_own_services_run() {
        let (echo, none) = (Wanted { echo: true, log_catcher: None }, Wanted::default());
        assert_eq!(wanted(&[]).unwrap(), echo);
        assert_eq!(wanted(&["mp::echo", "mp::echo"]).unwrap(), echo);
        assert_eq!(wanted(&["Some::Module::", "AnyEvent::MP::Global::"]).unwrap(), none);
        let catcher = Wanted { echo: false, log_catcher: Some(LogLevel::INFO) };
        assert_eq!(wanted(&["mp::log_catcher"]).unwrap(), catcher);
        assert!(wanted(&["mp::ecco"]).unwrap_err().to_string().contains("\"mp::ecco\""));
    }
}
