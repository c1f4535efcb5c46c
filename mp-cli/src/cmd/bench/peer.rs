//! The other process, if none was named: a node of its own secret on this machine.

use std::process::Stdio;
use std::time::Duration;

use mp_config::{ConfigError, ConfigFile, NodeConfig, Scope, random_secret};
use mp_node::PortId;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::error::CliError;

/// It has so long to start.
const START: Duration = Duration::from_secs(30);

/// The process. It is killed when this is dropped.
#[derive(Debug)]
pub(super) struct Peer {
    child: Child,
    directory: TempDir,
    port: PortId,
}

impl Peer {
    /// Starts it; returns when it listens.
    pub(super) async fn start() -> Result<Self, CliError> {
        let failed = |what: &str, error: &dyn std::fmt::Display| {
            CliError::Remote(format!(
                "cannot {what} ({error}); look at the room in the directory for temporary files"
            ))
        };
        let directory = tempfile::Builder::new().prefix("aemp-bench.").tempdir();
        let directory = directory.map_err(|error| failed("make a directory", &error))?;
        let path = directory.path().join("config");
        let mut config = ConfigFile::load(&path)?;
        let secret = random_secret(&mut getrandom::fill).map_err(ConfigError::Random)?;
        config.keys_mut(&Scope::Global).insert("secret".to_owned(), secret.into());
        let keys = config.keys_mut(&Scope::Profile("bench".to_owned()));
        keys.insert("binds".to_owned(), json!(["127.0.0.1:0"]));
        config.save()?;
        let program = std::env::current_exe().map_err(|error| failed("find this program", &error))?;
        let mut command = Command::new(program);
        command.arg("--json").arg("--config").arg(&path).args(["run", "bench"]).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().map_err(|error| failed("start a process", &error))?;
        let out = child.stdout.take().map(BufReader::new);
        let mut line = String::new();
        if let Some(mut out) = out {
            let read = timeout(START, out.read_line(&mut line)).await;
            read.map_err(|error| failed("wait for the process", &error))?
                .map_err(|error| failed("hear the process", &error))?;
        }
        let said: Value = serde_json::from_str(&line).unwrap_or_default();
        let address = said["addresses"][0].as_str().unwrap_or_default();
        let port = address.parse().map_err(|error| failed("understand the process", &error))?;
        Ok(Self { child, directory, port })
    }

    /// Its own port.
    pub(super) fn port(&self) -> &PortId {
        &self.port
    }

    /// A node that has its secret.
    pub(super) fn config(&self) -> Result<NodeConfig, CliError> {
        let file = ConfigFile::load(&self.directory.path().join("config"))?;
        Ok(file.resolve(None, &[], Some("anon/"), &mut getrandom::fill)?)
    }

    /// Ends it, and takes its directory away.
    pub(super) async fn stop(mut self) {
        // It has nothing to lose.
        drop(self.child.kill().await);
    }
}
