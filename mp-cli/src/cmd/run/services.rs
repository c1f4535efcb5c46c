//! What runs in the node of `aemp run`.

use mp_config::NodeConfig;
use serde::Serialize;

use crate::cmd::echo;
use crate::cmd::node::{GLOBAL_SERVICES, Joined};
use crate::error::CliError;

/// A service that runs, as long as its node does.
#[derive(Debug, Serialize)]
pub(super) struct Running {
    pub(super) name: &'static str,
    /// Where it takes messages.
    pub(super) port: String,
    /// Where others find that port.
    pub(super) group: &'static str,
}

/// The services that a configuration asks for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    echo: bool,
}

impl Wanted {
    /// Reads the list; without one, all services that there are. Perl modules, which stand in the file for Perl's
    /// programs, are left out, with one warning.
    ///
    /// # Errors
    ///
    /// [`CliError::Service`] names a service that should be ours and is not.
    pub(super) fn of(config: &NodeConfig) -> Result<Self, CliError> {
        let mut wanted = Self { echo: config.services.is_empty() };
        let mut perl = Vec::new();
        for service in &config.services {
            match service.name.as_str() {
                echo::NAME => wanted.echo = true,
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
            running.push(Running { name: echo::NAME, port, group: echo::GROUP });
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
        assert_eq!(wanted(&[]).unwrap(), Wanted { echo: true });
        assert_eq!(wanted(&["mp::echo", "mp::echo"]).unwrap(), Wanted { echo: true });
        assert_eq!(wanted(&["Some::Module::", "AnyEvent::MP::Global::"]).unwrap(), Wanted { echo: false });
        assert!(wanted(&["mp::ecco"]).unwrap_err().to_string().contains("\"mp::ecco\""));
    }
}
