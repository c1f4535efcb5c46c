//! `aemp run`.

use mp_global::Membership;
use mp_node::Port;
use serde::Serialize;
use serde_json::Value;
use tokio::signal::unix::{SignalKind, signal};

use super::echo;
use super::node::{self, Joined};
use crate::args::ArgsError;
use crate::error::CliError;
use crate::output::{Output, Paint, Report};
use mp_config::{ConfigFile, NodeConfig, SETTINGS, Setting};

/// Runs a node as `words` and the configuration say.
pub(super) async fn run(words: &[String], file: &ConfigFile, output: &mut Output) -> Result<(), CliError> {
    let config = resolve(words, file)?;
    config.require_secret(file)?;
    let joined = node::start(&config).await?;
    let services = Services::start(&config, &joined)?;
    output.report(&Running::new(&joined, &services.names))?;
    stop_asked().await?;
    tracing::info!("stopping");
    joined.node.shutdown().await;
    Ok(())
}

/// Waits for Ctrl-C or SIGTERM.
async fn stop_asked() -> Result<(), CliError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(CliError::Runtime)?;
    tokio::select! {
        interrupt = tokio::signal::ctrl_c() => interrupt.map_err(CliError::Runtime),
        _ = terminate.recv() => Ok(()),
    }
}

/// The services that run; they end when this is dropped.
struct Services {
    names: Vec<String>,
    echo: Option<(Port, Membership)>,
}

impl Services {
    /// Starts the services of the configuration; where it says nothing, all that there are.
    fn start(config: &NodeConfig, joined: &Joined) -> Result<Self, CliError> {
        let mut services = Self { names: Vec::new(), echo: None };
        if config.services.is_empty() {
            services.startecho(joined)?;
        }
        for service in &config.services {
            match service.name.as_str() {
                echo::NAME => services.startecho(joined)?,
                // What makes a Perl node global; ours is by its seeds, or when another node asks it to be.
                "AnyEvent::MP::Global::" | "AnyEvent::MP::Global" => {}
                ours if ours.starts_with("mp::") => return Err(CliError::Service(ours.to_owned())),
                perl => tracing::warn!(service = perl, "left out: it is not a service of this program"),
            }
        }
        Ok(services)
    }

    fn startecho(&mut self, joined: &Joined) -> Result<(), CliError> {
        if self.echo.is_none() {
            self.echo = Some(echo::start(&joined.node, &joined.global)?);
            self.names.push(echo::NAME.to_owned());
        }
        Ok(())
    }
}

/// The node that the words of `aemp run` and the configuration make.
fn resolve(words: &[String], file: &ConfigFile) -> Result<NodeConfig, CliError> {
    let (name, settings) = pairs(words)?;
    // A name that is not in the file is a slip, unless the command line says all there is to say.
    if let Some(name) = name.as_deref().filter(|_| settings.is_empty()) {
        file.require_profile(name)?;
    }
    Ok(file.resolve(name.as_deref(), &settings, None, &mut getrandom::fill)?)
}

type Settings = Vec<(&'static Setting, Value)>;

/// The profile, which is the first of an odd number of words, or behind the word `profile`; and the settings.
fn pairs(words: &[String]) -> Result<(Option<String>, Settings), ArgsError> {
    let (mut profile, rest) = match words.split_first() {
        Some((first, rest)) if rest.len() % 2 == 0 => (Some(first.clone()), rest),
        _ => (None, words),
    };
    let mut settings = Vec::new();
    for pair in rest.chunks(2) {
        let [key, word] = pair else { return Err(ArgsError::RunPairs(pair.concat())) };
        if key == "profile" {
            profile = Some(word.clone());
            continue;
        }
        let setting = Setting::of(key).filter(|setting| !setting.profile_only());
        let setting = setting.ok_or_else(|| unknown_key(key))?;
        let value = setting.value(word).map_err(|error| ArgsError::Value { key: key.clone(), error })?;
        settings.push((setting, value));
    }
    if let Some(name) = &profile {
        mp_config::profile_name(name)
            .map_err(|error| ArgsError::Value { key: "profile".to_owned(), error })?;
    }
    Ok((profile, settings))
}

fn unknown_key(word: &str) -> ArgsError {
    let keys = || SETTINGS.iter().filter(|setting| !setting.profile_only()).map(|setting| setting.key);
    let mend = match mp_config::nearest(word, keys()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there are {}", keys().collect::<Vec<_>>().join(", ")),
    };
    ArgsError::RunKey { word: word.to_owned(), mend }
}

/// The node as it runs.
#[derive(Serialize)]
#[serde(tag = "event", rename = "running")]
struct Running {
    node: String,
    addresses: Vec<String>,
    seeds: Vec<String>,
    services: Vec<String>,
}

impl Running {
    fn new(joined: &Joined, services: &[String]) -> Self {
        Self {
            node: joined.node.id().to_string(),
            addresses: joined.node.addresses().iter().map(ToString::to_string).collect(),
            seeds: NodeConfig::expand(&joined.node.config().seeds),
            services: services.to_vec(),
        }
    }
}

impl Report for Running {
    fn text(&self, paint: Paint) -> String {
        let list = |items: &[String]| if items.is_empty() { "none".to_owned() } else { items.join(", ") };
        format!(
            "node {}: listens on {}; seeds {}; services {}; Ctrl-C stops it",
            paint.name(&self.node),
            list(&self.addresses),
            list(&self.seeds),
            list(&self.services)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<(Option<String>, Vec<&'static str>), ArgsError> {
        let words: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
        pairs(&words)
            .map(|(name, settings)| (name, settings.iter().map(|(setting, _)| setting.key).collect()))
    }

    #[test]
    fn an_odd_word_is_the_profile() {
        let named = |name: &str| Some(name.to_owned());
        assert_eq!(read("").unwrap(), (None, vec![]));
        assert_eq!(read("seed").unwrap(), (named("seed"), vec![]));
        assert_eq!(read("profile seed").unwrap(), (named("seed"), vec![]));
        assert_eq!(read("x seeds a:1 binds b:2").unwrap(), (named("x"), vec!["seeds", "binds"]));
        assert_eq!(
            read("profile seeds localhost:4040 binds 127.0.0.1:0").unwrap(),
            (named("profile"), vec!["seeds", "binds"])
        );
        assert_eq!(read("seeds a:1").unwrap(), (None, vec!["seeds"]));
    }

    #[test]
    fn a_wrong_word_is_named() {
        for (line, text) in [
            ("x bind b:2", "did you mean `binds`"),
            ("x frobnicate 1", "there are nodeid"),
            ("x seeds a", "needs a port"),
            ("x parent y", "no setting \"parent\""),
            ("a#b", "no name for a profile"),
        ] {
            let error = read(line).unwrap_err().to_string();
            assert!(error.contains(text), "{line}: {error}");
        }
    }
}
