//! What runs in the node of `aemp run`.

use mp_config::{Effective, NodeConfig, Service};
use mp_global::log_catcher::LogLevel;
use serde::Serialize;

use crate::cmd::node::{GLOBAL_SERVICES, Joined};
use crate::cmd::tikc::service as tikc;
use crate::cmd::{echo, logs};
use crate::error::CliError;

/// The services that this program has.
const OURS: [&str; 4] = [echo::NAME, logs::NAME, tikc::NAME, mp_global::status::NAME];

/// Gives a node `mp::echo` if nobody has said what is to run in it. An empty list that was set is none `[CF-24]`.
pub(in crate::cmd) fn fill_in(config: &mut NodeConfig, all: &Effective) {
    if all.get("services").is_none() {
        config.services = vec![Service { name: echo::NAME.to_owned(), arguments: Vec::new() }];
    }
}

/// The Perl modules among the services, which do not run.
///
/// # Errors
///
/// As of [`Wanted::of`]: such a node does not start.
pub(in crate::cmd) fn left_out(config: &NodeConfig) -> Result<Vec<&str>, CliError> {
    Wanted::read(config).map(|(_, perl)| perl)
}

/// What is worth saying of each service of a list that this program does not have, or that none runs.
pub(in crate::cmd) fn notes(list: &serde_json::Value) -> Vec<String> {
    let name = |item: &serde_json::Value| match item {
        serde_json::Value::Array(parts) => {
            parts.first().and_then(serde_json::Value::as_str).map(str::to_owned)
        }
        item => item.as_str().map(str::to_owned),
    };
    if list.as_array().is_some_and(Vec::is_empty) {
        return vec![format!("none runs; `delservices` brings {} back", echo::NAME)];
    }
    list.as_array().into_iter().flatten().filter_map(name).filter_map(|name| note(&name)).collect()
}

/// That this program does not have a service, and what may have been meant.
fn note(name: &str) -> Option<String> {
    if OURS.contains(&name) || GLOBAL_SERVICES.contains(&name) {
        return None;
    }
    if is_perls(name) {
        return Some(format!("`aemp run` leaves {name} out: it is a Perl module"));
    }
    Some(format!("there is no service {name} in this program; {}", meant(name)))
}

/// Whether a name is that of a Perl module, or of a function in one.
fn is_perls(name: &str) -> bool {
    name.contains("::") && !name.starts_with("mp::")
}

/// Which of our services was most likely meant, or which ones there are.
fn meant(name: &str) -> String {
    let bare = |of: &str| of.trim_start_matches("mp::").to_owned();
    let near = OURS.iter().find(|ours| bare(ours) == bare(name)).copied();
    match near.or_else(|| mp_config::nearest(name, OURS)) {
        Some(near) => format!("did you mean {near}?"),
        None => format!("there are {}", OURS.join(", ")),
    }
}

/// A service that runs, as long as its node does.
#[derive(Debug, Default, Serialize)]
pub(super) struct Running {
    pub(super) name: &'static str,
    /// Where it takes messages, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) port: Option<String>,
    /// Where others find that port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) group: Option<&'static str>,
    /// Where it listens, or what it is connected to, if that is not the node's affair.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) address: Option<String>,
    /// Which lines it catches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) level: Option<String>,
}

impl Running {
    /// Starts to tell other nodes how this one does.
    pub(super) fn status(joined: &Joined) -> Result<Self, CliError> {
        let port = mp_global::status::serve(&joined.node, &joined.global)?.to_string();
        let name = mp_global::status::NAME;
        Ok(Self { name, port: Some(port), group: Some(name), ..Self::default() })
    }

    /// The metrics, which are served there.
    pub(super) fn metrics(at: std::net::SocketAddr) -> Self {
        Self { name: "metrics", address: Some(format!("http://{at}/metrics")), ..Self::default() }
    }

    /// For people: what stands behind its name.
    pub(super) fn text(&self) -> String {
        let port = self.port.iter().chain(&self.address).cloned();
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
    tikc: Vec<tikc::Wanted>,
}

impl Wanted {
    /// Reads the list. Perl modules, which stand in the file for Perl's programs, are left out, with one warning.
    ///
    /// # Errors
    ///
    /// [`CliError::Service`] names a service that should be ours and is not; [`CliError::LogLevel`].
    pub(super) fn of(config: &NodeConfig) -> Result<Self, CliError> {
        let (wanted, perl) = Self::read(config)?;
        if !perl.is_empty() {
            tracing::warn!("left out of the services, as these are Perl modules: {}", perl.join(", "));
        }
        Ok(wanted)
    }

    /// The list, and what is left out of it.
    fn read(config: &NodeConfig) -> Result<(Self, Vec<&str>), CliError> {
        let mut wanted = Self::default();
        let mut perl = Vec::new();
        for service in &config.services {
            match service.name.as_str() {
                echo::NAME => wanted.echo = true,
                logs::NAME => wanted.log_catcher = Some(logs::level(&service.arguments)?),
                tikc::NAME => wanted.tikc.push(tikc::Wanted::of(&service.arguments)?),
                // It runs anyhow.
                mp_global::status::NAME => {}
                global if GLOBAL_SERVICES.contains(&global) => {}
                module if is_perls(module) => perl.push(module),
                other => {
                    return Err(CliError::Service { name: other.to_owned(), mend: meant(other) });
                }
            }
        }
        Ok((wanted, perl))
    }

    /// Starts them. Those of TIKC run as long as what is given behind.
    pub(super) async fn start(self, joined: &Joined) -> Result<(Vec<Running>, Vec<tikc::Joint>), CliError> {
        let mut running = Vec::new();
        if self.echo {
            let port = echo::start(&joined.node, &joined.global)?.to_string();
            running.push(Running {
                name: echo::NAME,
                port: Some(port),
                group: Some(echo::GROUP),
                ..Running::default()
            });
        }
        if let Some(level) = self.log_catcher {
            logs::start(&joined.node, &joined.global, level)?;
            let level = Some(level.to_string());
            running.push(Running { name: logs::NAME, level, ..Running::default() });
        }
        let mut joints = Vec::new();
        for wanted in self.tikc {
            let joint = wanted.start(joined).await?;
            let (address, group) = (Some(joint.address.clone()), Some(tikc::FAMILY));
            running.push(Running { name: tikc::NAME, group, address, ..Running::default() });
            joints.push(joint);
        }
        Ok((running, joints))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(names: &[&str]) -> Result<Wanted, CliError> {
        let mut config = NodeConfig::bare("p", "n".parse().unwrap());
        let service = |name: &&str| Service { name: (*name).to_owned(), arguments: Vec::new() };
        config.services = names.iter().map(service).collect();
        Wanted::of(&config)
    }

    #[test]
    fn only_our_own_services_run() {
        let (echo, none) = (Wanted { echo: true, ..Wanted::default() }, Wanted::default());
        assert_eq!(wanted(&[]).unwrap(), none);
        assert_eq!(wanted(&["mp::echo", "mp::echo"]).unwrap(), echo);
        assert_eq!(wanted(&["Some::Module::", "AnyEvent::MP::Global::"]).unwrap(), none);
        let catcher = Wanted { log_catcher: Some(LogLevel::INFO), ..Wanted::default() };
        assert_eq!(wanted(&["mp::log_catcher"]).unwrap(), catcher);
        assert!(wanted(&["mp::ecco"]).unwrap_err().to_string().contains("\"mp::ecco\""));
        assert!(wanted(&["echo"]).unwrap_err().to_string().contains("did you mean mp::echo?"));
    }

    #[test]
    fn what_this_program_does_not_have_is_said() {
        let said = |list| notes(&list);
        assert!(
            said(serde_json::json!(["mp::echo", ["mp::log_catcher", "info"], "AnyEvent::MP::Global::"]))
                .is_empty()
        );
        let notes = said(serde_json::json!(["mp::ecco", ["My::Mod::", 1], "log_catcher", "frobnicate"]));
        for (note, part) in notes.iter().zip([
            "no service mp::ecco in this program; did you mean mp::echo?",
            "leaves My::Mod:: out: it is a Perl module",
            "did you mean mp::log_catcher?",
            "there are mp::echo, mp::log_catcher, mp::tikc, mp::status",
        ]) {
            assert!(note.contains(part), "{note}");
        }
        assert_eq!(notes.len(), 4);
    }
}
