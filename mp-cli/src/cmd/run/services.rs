//! What runs in the node of `aemp run`.

use mp_config::NodeConfig;
use serde::Serialize;

use crate::cmd::echo;
use crate::cmd::node::{GLOBAL_SERVICES, Joined};
use crate::cmd::tikc::service as tikc;
use crate::error::CliError;

/// A service that runs, as long as its node does.
#[derive(Debug, Serialize)]
pub(crate) struct Running {
    pub(crate) name: &'static str,
    /// Where it takes messages.
    pub(crate) port: String,
    /// Where others find that port.
    pub(crate) group: &'static str,
}

/// The services that a configuration asks for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    echo: bool,
    tikc: Vec<tikc::Wanted>,
}

impl Wanted {
    /// Reads the list; without one, all services that there are. Perl modules, which stand in the file for Perl's
    /// programs, are left out, with one warning.
    ///
    /// # Errors
    ///
    /// [`CliError::Service`] names a service that should be ours and is not.
    pub(super) fn of(config: &NodeConfig) -> Result<Self, CliError> {
        let mut wanted = Self { echo: config.services.is_empty(), tikc: Vec::new() };
        let mut perl = Vec::new();
        for service in &config.services {
            match service.name.as_str() {
                echo::NAME => wanted.echo = true,
                tikc::NAME => wanted.tikc.push(tikc::Wanted::of(&service.arguments)?),
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

    /// Starts them. Those of TIKC run as long as what is given behind.
    pub(super) async fn start(self, joined: &Joined) -> Result<(Vec<Running>, Vec<tikc::Joint>), CliError> {
        let mut running = Vec::new();
        if self.echo {
            let port = echo::start(&joined.node, &joined.global)?.to_string();
            running.push(Running { name: echo::NAME, port, group: echo::GROUP });
        }
        let mut joints = Vec::new();
        for wanted in self.tikc {
            let joint = wanted.start(joined).await?;
            running.push(Running { name: tikc::NAME, port: joint.address.clone(), group: tikc::FAMILY });
            joints.push(joint);
        }
        Ok((running, joints))
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

    fn wanted_echo(echo: bool) -> Wanted {
        Wanted { echo, tikc: Vec::new() }
    }

    #[test]
    fn only_our_own_services_run() {
        assert_eq!(wanted(&[]).unwrap(), wanted_echo(true));
        assert_eq!(wanted(&["mp::echo", "mp::echo"]).unwrap(), wanted_echo(true));
        assert_eq!(wanted(&["Some::Module::", "AnyEvent::MP::Global::"]).unwrap(), wanted_echo(false));
        assert!(wanted(&["mp::ecco"]).unwrap_err().to_string().contains("\"mp::ecco\""));
    }
}
