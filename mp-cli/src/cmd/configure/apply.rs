//! From steps to changes.

use serde_json::{Map, Value};

use super::certificate;
use super::chain::{ConfigureError, Key, Step};
use super::report::{Done, Shown};
use crate::error::CliError;
use mp_config::{ConfigError, ConfigFile, Random, SECRET_LENGTH, SETTINGS, Scope, SecretText, random_secret};

/// Does the steps in `config`, in order.
///
/// # Errors
///
/// What is wrong with a step; `config` is then to be thrown away.
pub(super) fn apply(
    steps: &[Step],
    config: &mut ConfigFile,
    show_secrets: bool,
    random: Random<'_>,
) -> Result<Vec<Done>, CliError> {
    let mut run = Run {
        config,
        scope: Scope::Global,
        show_secrets,
        done: Vec::new(),
        relatives: Vec::new(),
        replaced: Vec::new(),
    };
    for (index, step) in steps.iter().enumerate() {
        match step {
            Step::Profile(name) => run.profile(name, steps.get(index + 1..).unwrap_or_default())?,
            step => run.step(step, random)?,
        }
    }
    run.check_relatives()?;
    run.look_for_replaced();
    Ok(run.done)
}

struct Run<'a> {
    config: &'a mut ConfigFile,
    scope: Scope,
    show_secrets: bool,
    done: Vec<Done>,
    /// The profiles whose parent was set.
    relatives: Vec<String>,
    /// Secrets that were replaced, and by which of `done`.
    replaced: Vec<(usize, SecretText)>,
}

impl Run<'_> {
    fn step(&mut self, step: &Step, random: Random<'_>) -> Result<(), CliError> {
        let scope = self.scope.clone();
        match step {
            // It needs to know what follows.
            Step::Profile(_) => {}
            Step::Set(key, value) => self.set(scope, *key, value),
            Step::Clear(Key(setting)) => {
                let was_set = self.keys().remove(setting.key).is_some();
                self.done.push(Done::Cleared { scope, key: setting.key, was_set });
            }
            Step::Add(key, items) => {
                let several = key.0.has_instances();
                self.change_list(*key, items, |list, item| {
                    // What is there stays where it is.
                    if several || !list.contains(item) {
                        list.push(item.clone());
                    }
                })?;
            }
            Step::Remove(key, items) => self.remove(*key, items)?,
            Step::GenerateSecret => {
                let secret = random_secret(random).map_err(ConfigError::Random)?;
                let was_set = self.replace("secret", Value::from(secret));
                self.done.push(Done::SecretMade { scope, length: SECRET_LENGTH, was_set });
            }
            Step::GenerateCert => {
                let pem = certificate::make().map_err(ConfigureError::CertMaking)?;
                let was_set = self.replace("cert", Value::from(pem));
                self.done.push(Done::CertMade { scope, was_set });
            }
            Step::DeleteProfile(name) => {
                self.config.require_profile(name)?;
                self.config.remove_profile(name);
                self.relatives.retain(|relative| relative != name);
                self.done.push(Done::ProfileRemoved { name: name.clone() });
            }
            Step::ShowProfile(name) => {
                let name = name.clone().or_else(|| self.own()).ok_or(ConfigureError::ShowNothing)?;
                self.show_profile(&name)?;
            }
            // [CF-21]
            Step::ShowConfig(name, settings) => {
                self.show_config(name.clone().or_else(|| self.own()).as_deref(), settings)?;
            }
        }
        Ok(())
    }

    /// The profile whose turn it is.
    fn own(&self) -> Option<String> {
        match &self.scope {
            Scope::Global => None,
            Scope::Profile(name) => Some(name.clone()),
        }
    }

    fn keys(&mut self) -> &mut Map<String, Value> {
        self.config.keys_mut(&self.scope)
    }

    /// What follows is for this profile. One that does not exist is made, if something is to be set in it: where things
    /// are only shown or deleted, the name is a slip.
    fn profile(&mut self, name: &str, behind: &[Step]) -> Result<(), CliError> {
        let scope = Scope::Profile(name.to_owned());
        if self.config.keys(&scope).is_none() {
            let own = || behind.iter().take_while(|step| !matches!(step, Step::Profile(_)));
            if own().next().is_some() && !own().any(Step::sets) {
                self.config.require_profile(name)?;
            }
            self.config.keys_mut(&scope);
            self.done.push(Done::ProfileMade { name: name.to_owned() });
        }
        self.scope = scope;
        Ok(())
    }

    fn set(&mut self, scope: Scope, Key(setting): Key, value: &Value) {
        let was_set = self.replace(setting.key, value.clone());
        if let (true, Scope::Profile(name)) = (setting.profile_only(), &scope) {
            self.relatives.push(name.clone());
        }
        self.done.push(if setting.hidden() {
            Done::set_hidden(scope, setting.key, was_set)
        } else {
            Done::set(scope, setting.key, Some(value.clone()))
        });
    }

    /// Sets a key. Whether another value was there that could be used.
    fn replace(&mut self, key: &str, value: Value) -> bool {
        let keys = self.config.keys_mut(&self.scope);
        let old = keys.get(key).filter(|old| **old != value).and_then(Value::as_str);
        let was_set = old.is_some();
        if let Some(old) = old.filter(|_| key == "secret") {
            self.replaced.push((self.done.len(), SecretText::new(old)));
        }
        keys.insert(key.to_owned(), value);
        was_set
    }

    /// A secret that is taken still is not gone, wherever on the line that was said.
    fn look_for_replaced(&mut self) {
        for (index, old) in std::mem::take(&mut self.replaced) {
            let Some(Done::SecretMade { scope, was_set, .. } | Done::Set { scope, was_set, .. }) =
                self.done.get_mut(index)
            else {
                continue;
            };
            let keys = self.config.keys(scope);
            let taken = ["secret", "old_secret"].map(|key| keys.and_then(|keys| keys.get(key)));
            if taken.into_iter().flatten().any(|value| value.as_str() == Some(old.expose())) {
                *was_set = false;
            }
        }
    }

    /// Changes a list, which is empty if there is none, by each of `items`.
    fn change_list(
        &mut self,
        Key(setting): Key,
        items: &[Value],
        change: impl Fn(&mut Vec<Value>, &Value),
    ) -> Result<(), ConfigureError> {
        let scope = self.scope.clone();
        let value = self.keys().entry(setting.key).or_insert_with(|| Value::Array(Vec::new()));
        setting.check(value).map_err(|error| ConfigureError::Old {
            key: setting.key,
            scope: scope.clone(),
            error,
        })?;
        if let Value::Array(list) = value {
            items.iter().for_each(|item| change(list, item));
        }
        let value = Some(value.clone());
        self.done.push(Done::set(scope, setting.key, value));
        Ok(())
    }

    /// Takes items off a list. Where there is none, none is made: the parent's holds.
    fn remove(&mut self, key: Key, items: &[Value]) -> Result<(), ConfigureError> {
        let value = self.config.keys(&self.scope).and_then(|keys| keys.get(key.0.key));
        let list = value.and_then(Value::as_array);
        let missing = |item: &&Value| !list.is_some_and(|list| list.contains(item));
        let missing: Vec<_> = items.iter().filter(missing).cloned().collect();
        let unchanged = missing.len() == items.len() && (value.is_none() || list.is_some());
        if !missing.is_empty() {
            self.done.push(Done::NotThere { scope: self.scope.clone(), key: key.0.key, items: missing });
        }
        if unchanged {
            return Ok(());
        }
        self.change_list(key, items, |list, item| {
            let one = list.iter().position(|old| old == item).filter(|_| key.0.has_instances());
            match one {
                Some(index) => drop(list.remove(index)),
                None => list.retain(|old| old != item),
            }
        })
    }

    fn show_profile(&mut self, name: &str) -> Result<(), CliError> {
        self.config.require_profile(name)?;
        let keys = self.config.keys(&Scope::Profile(name.to_owned())).cloned().unwrap_or_default();
        let rows = keys.into_iter().map(|(key, value)| Shown::new(key, Some(value), None, self.show_secrets));
        self.done.push(Done::Profile { name: name.to_owned(), settings: rows.collect() });
        Ok(())
    }

    fn show_config(&mut self, name: Option<&str>, settings: &[(Key, Value)]) -> Result<(), CliError> {
        if let Some(name) = name.filter(|_| settings.is_empty()) {
            self.config.require_profile(name)?;
        }
        let settings: Vec<_> = settings.iter().map(|(key, value)| (key.0, value.clone())).collect();
        let effective = self.config.effective(name, &settings)?;
        let known = SETTINGS.iter().filter(|setting| !setting.profile_only()).map(|setting| match effective
            .get(setting.key)
        {
            Some((value, origin)) => Shown::new(
                setting.key.to_owned(),
                Some(value.clone()),
                Some(origin.clone()),
                self.show_secrets,
            ),
            None => Shown::default_of(setting),
        });
        let profiles = self.config.profiles().map(str::to_owned).collect();
        self.done.push(Done::Config {
            profile: name.map(str::to_owned),
            settings: known.collect(),
            profiles,
        });
        Ok(())
    }

    /// No circle and no gap in the ancestry of a profile that the line gave a parent, and no orphan of one that it
    /// removed.
    fn check_relatives(&self) -> Result<(), CliError> {
        for name in &self.relatives {
            self.config.ancestry(name).map_err(|error| match error {
                ConfigError::Circle { circle, .. } => {
                    ConfigureError::Circle { name: name.clone(), circle }.into()
                }
                other => CliError::from(other),
            })?;
        }
        let removed = self.done.iter().filter_map(|done| match done {
            Done::ProfileRemoved { name } => Some(name),
            _ => None,
        });
        for name in removed.filter(|name| self.config.keys(&Scope::Profile((*name).clone())).is_none()) {
            let parent = |child: &&str| {
                let keys = self.config.keys(&Scope::Profile((*child).to_owned()));
                keys.and_then(|keys| keys.get("parent")).and_then(Value::as_str) == Some(name)
            };
            if let Some(child) = self.config.profiles().find(parent) {
                let error = ConfigureError::IsParent { name: name.clone(), child: child.to_owned() };
                return Err(error.into());
            }
        }
        Ok(())
    }
}
