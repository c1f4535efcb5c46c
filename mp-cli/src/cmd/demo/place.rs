//! The temporary configuration.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use serde_json::json;
use tempfile::TempDir;

use super::{DemoError, Role};
use crate::error::CliError;
use mp_config::{ConfigError, ConfigFile, Scope, random_secret};

/// A directory with the configuration of this one demonstration, which goes when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    directory: TempDir,
}

impl Place {
    /// Makes the directory, and a configuration with a new secret and a profile for each part, all on loopback.
    pub(super) fn new() -> Result<Self, CliError> {
        let only_us = std::fs::Permissions::from_mode(0o700);
        let directory = tempfile::Builder::new()
            .prefix("aemp-demo.")
            .permissions(only_us)
            .tempdir()
            .map_err(DemoError::Directory)?;
        let place = Self { directory };
        let mut config = ConfigFile::load(&place.config())?;
        let secret = random_secret(&mut getrandom::fill).map_err(ConfigError::Random)?;
        config.keys_mut(&Scope::Global).insert("secret".to_owned(), secret.into());
        for role in [Role::Seed, Role::Receiver, Role::Sender, Role::ChatClient] {
            let keys = config.keys_mut(&Scope::Profile(role.profile().to_owned()));
            keys.insert("binds".to_owned(), json!(["127.0.0.1:0"]));
        }
        config.save()?;
        Ok(place)
    }

    /// The configuration file.
    pub(super) fn config(&self) -> PathBuf {
        self.directory.path().join("perl-anyevent-mp")
    }

    /// Lets every process that starts from now on find the seed.
    pub(super) fn announce(&self, seeds: &[String]) -> Result<(), CliError> {
        let mut config = ConfigFile::load(&self.config())?;
        config.keys_mut(&Scope::Global).insert("seeds".to_owned(), json!(seeds));
        Ok(config.save()?)
    }

    /// Removes it all.
    pub(super) fn remove(self) -> Result<(), DemoError> {
        self.directory.close().map_err(DemoError::Directory)
    }
}
