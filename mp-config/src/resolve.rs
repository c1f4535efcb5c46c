//! Which settings hold for a profile, and where each comes from.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use super::setting::{SETTINGS, Setting};
use super::{ConfigError, ConfigFile, Scope};

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// A place in the file.
    File(Scope),
    /// The words of this call.
    CommandLine,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(scope) => scope.fmt(f),
            Self::CommandLine => f.write_str("command line"),
        }
    }
}

impl Serialize for Origin {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The settings that hold for one profile: weakest first the global keys, the parents, the profile, the command line
/// `[CF-03]`.
///
/// What is secret among them is wiped from memory when this is dropped, and no debug output shows it.
#[derive(Clone, Default)]
pub struct Effective {
    values: BTreeMap<String, (Value, Origin)>,
}

impl fmt::Debug for Effective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.values.iter().map(|(key, (_, origin))| (key, origin))).finish()
    }
}

impl Drop for Effective {
    fn drop(&mut self) {
        for (key, (value, _)) in &mut self.values {
            if Setting::of(key).is_some_and(Setting::hidden) {
                super::wipe_value(value);
            }
        }
    }
}

impl Effective {
    /// The value of `key` and where it comes from, unless nobody set it.
    pub fn get(&self, key: &str) -> Option<&(Value, Origin)> {
        self.values.get(key)
    }

    /// The keys whose values differ between these and others, in order, be they known here or not.
    #[must_use]
    pub fn differing(&self, other: &Self) -> Vec<String> {
        let keys: BTreeSet<&String> = self.values.keys().chain(other.values.keys()).collect();
        let differs =
            |key: &str| self.get(key).map(|(value, _)| value) != other.get(key).map(|(value, _)| value);
        keys.into_iter().filter(|key| differs(key)).cloned().collect()
    }

    fn overlay(&mut self, keys: &Map<String, Value>, scope: &Scope) {
        let origin = Origin::File(scope.clone());
        let known = |key: &str| !matches!(key, "version" | "profile" | "parent");
        let settings = keys.iter().filter(|(key, value)| known(key) && !value.is_null());
        self.values.extend(settings.map(|(key, value)| (key.clone(), (value.clone(), origin.clone()))));
    }
}

impl ConfigFile {
    /// The settings that hold for `profile`, or for all profiles, with those of the command line on top.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Setting`] for a value that its setting cannot have, and what [`ConfigFile::ancestry`] says. A
    /// profile that does not exist has no keys of its own.
    pub fn effective(
        &self,
        profile: Option<&str>,
        command_line: &[(&'static Setting, Value)],
    ) -> Result<Effective, ConfigError> {
        let mut effective = Effective::default();
        let ancestry = profile.map_or(Ok(Vec::new()), |name| self.ancestry(name))?;
        let profiles = ancestry.into_iter().rev().map(Scope::Profile);
        for scope in std::iter::once(Scope::Global).chain(profiles) {
            let Some(keys) = self.keys(&scope) else { continue };
            for setting in &SETTINGS {
                let Some(value) = keys.get(setting.key).filter(|value| !value.is_null()) else { continue };
                setting.check(value).map_err(|error| self.setting_error(&scope, setting.key, error))?;
            }
            effective.overlay(keys, &scope);
        }
        let words = command_line.iter().map(|(setting, value)| (setting.key.to_owned(), value.clone()));
        effective.values.extend(words.map(|(key, value)| (key, (value, Origin::CommandLine))));
        Ok(effective)
    }

    /// The profile and its parents, nearest first `[CF-14]`.
    ///
    /// # Errors
    ///
    /// [`ConfigError::NoParent`], [`ConfigError::Circle`], or [`ConfigError::Setting`] if a parent is no name.
    pub fn ancestry(&self, profile: &str) -> Result<Vec<String>, ConfigError> {
        let mut line = vec![profile.to_owned()];
        let mut current = profile.to_owned();
        while let Some(keys) = self.keys(&Scope::Profile(current.clone())) {
            let Some(value) = keys.get("parent").filter(|value| !value.is_null()) else { break };
            let scope = Scope::Profile(current.clone());
            let parent =
                super::setting::text(value).map_err(|error| self.setting_error(&scope, "parent", error))?;
            if self.keys(&Scope::Profile(parent.clone())).is_none() {
                return Err(ConfigError::NoParent { profile: current, parent });
            }
            let met = line.iter().position(|name| *name == parent);
            line.push(parent.clone());
            if let Some(start) = met {
                return Err(ConfigError::Circle { first: parent, circle: line.split_off(start) });
            }
            current = parent;
        }
        Ok(line)
    }

    /// That `profile` exists.
    ///
    /// # Errors
    ///
    /// [`ConfigError::NoProfile`] names the nearest one that does.
    pub fn require_profile(&self, profile: &str) -> Result<(), ConfigError> {
        if self.keys(&Scope::Profile(profile.to_owned())).is_some() {
            return Ok(());
        }
        let mend = match crate::nearest(profile, self.profiles()) {
            Some(near) => format!("did you mean {near:?}?"),
            None if self.profiles().next().is_none() => {
                format!("there is none at all yet; make it by `aemp profile {profile} setbinds HOST:PORT`")
            }
            None => format!("there are {}", self.profiles().collect::<Vec<_>>().join(", ")),
        };
        Err(ConfigError::NoProfile { name: profile.to_owned(), path: self.place()?, mend })
    }

    fn setting_error(&self, scope: &Scope, key: &str, error: super::SettingError) -> ConfigError {
        ConfigError::Setting { path: self.path.clone(), scope: scope.clone(), key: key.to_owned(), error }
    }
}
