//! What the words of `aemp run` and the configuration come to.

use mp_config::{ConfigError, ConfigFile, Effective, NodeConfig, Setting};

use super::{services, words};
use crate::error::CliError;

/// A node that is to run, or runs.
pub(super) struct Plan {
    pub(super) config: NodeConfig,
    /// Its name before its variables are filled in: a random part differs each time.
    pub(super) nodeid: String,
    /// What the file alone says.
    pub(super) file: Effective,
    /// The settings of the command line.
    pub(super) given: Vec<&'static Setting>,
}

impl Plan {
    /// The node that the words and the file make.
    pub(super) fn of(words: &[String], file: &ConfigFile) -> Result<Self, CliError> {
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
        let mut config = file.resolve(name.as_deref(), &settings, None, &mut getrandom::fill)?;
        let all = file.effective(Some(&config.profile), &settings)?;
        services::fill_in(&mut config, &all);
        let template =
            all.get("nodeid").map(|(value, _)| value.as_str().map_or(value.to_string(), str::to_owned));
        Ok(Self {
            nodeid: template.unwrap_or_else(|| format!("{}/", config.profile)),
            file: file.effective(Some(&config.profile), &[])?,
            given: settings.into_iter().map(|(setting, _)| setting).collect(),
            config,
        })
    }

    /// Whether the command line has the say about this setting.
    pub(super) fn is_given(&self, key: &str) -> bool {
        self.given.iter().any(|setting| setting.key == key)
    }
}
