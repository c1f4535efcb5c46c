//! What was done, for people and programs.

use std::path::PathBuf;

use serde::Serialize;
use serde_json::Value;

use crate::args::addresses;
use crate::cmd::run::services;
use crate::output::{Paint, Report, columns, plain};
use mp_config::{Address, Origin, Replaced, Scope, Setting};

/// One thing that was done.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(super) enum Done {
    ProfileMade {
        #[serde(rename = "profile")]
        name: String,
    },
    ProfileRemoved {
        #[serde(rename = "profile")]
        name: String,
    },
    Set {
        scope: Scope,
        key: &'static str,
        value: Option<Value>,
        /// What is no error, and may not be meant.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        notes: Vec<String>,
        /// Another one that was there is gone: of what is hidden.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        was_set: bool,
    },
    Cleared {
        scope: Scope,
        key: &'static str,
        was_set: bool,
    },
    NotThere {
        scope: Scope,
        key: &'static str,
        items: Vec<Value>,
    },
    SecretMade {
        scope: Scope,
        length: usize,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        was_set: bool,
    },
    CertMade {
        scope: Scope,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        was_set: bool,
    },
    Profile {
        #[serde(rename = "profile")]
        name: String,
        settings: Vec<Shown>,
    },
    Config {
        profile: Option<String>,
        settings: Vec<Shown>,
        profiles: Vec<String>,
    },
    Saved {
        path: PathBuf,
        comments_lost: bool,
        /// What the file could not keep.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        notes: Vec<String>,
    },
    Unchanged {
        path: PathBuf,
    },
}

impl Done {
    /// A setting was set.
    pub(super) fn set(scope: Scope, key: &'static str, value: Option<Value>) -> Self {
        let mut notes: Vec<String> = value.iter().filter_map(|value| taken_as(key, value)).collect();
        if key == "services" {
            notes.extend(value.iter().flat_map(services::notes));
        }
        if key == "nodeid"
            && value.as_ref().and_then(Value::as_str).is_some_and(|id| !addresses(id).is_empty())
        {
            notes.push("where a node is named, `aemp` takes that for an address".to_owned());
        }
        Self::Set { scope, key, value, notes, was_set: false }
    }

    /// A setting that is not shown was set.
    pub(super) fn set_hidden(scope: Scope, key: &'static str, was_set: bool) -> Self {
        Self::Set { scope, key, value: None, notes: Vec::new(), was_set }
    }

    /// What is to be known beyond what was asked for: what was replaced is nowhere any more, and others may have it.
    pub(super) fn note(&self) -> Option<String> {
        let (scope, key) = match self {
            Self::SecretMade { scope, was_set: true, .. } => (scope, "secret"),
            Self::CertMade { scope, was_set: true } => (scope, "cert"),
            Self::Set { scope, key, was_set: true, .. } => (scope, *key),
            _ => return None,
        };
        Some(match key {
            "secret" => format!(
                "{scope}: the secret that was here is replaced, and not kept: nodes with the new one and nodes with that one refuse \
                 one another until all have the same, and nodes that run have it from their next start or `kill -HUP` (`systemctl \
                 reload`) on; docs/operations.md says how no connection is lost meanwhile, by `old_secret`"
            ),
            "cert" => format!(
                "{scope}: the certificate that was here is replaced, and not kept: nodes that trust neither the new one nor who \
                 has signed it refuse this one; give it to all"
            ),
            _ => return None,
        })
    }

    /// The file was written.
    pub(super) fn saved(path: PathBuf, comments_lost: bool, replaced: Replaced) -> Self {
        let mut notes = Vec::new();
        if let (Some(before), Some(mode)) = (replaced.mode_before, replaced.mode) {
            notes.push(format!("its mode is {mode:04o} now (was {before:04o})"));
        }
        if let Some((user, group)) = replaced.owner_before {
            notes.push(format!(
                "it is yours now, and was user {user}'s (group {group}): as root, write `chown {user}:{group} {}`",
                path.display()
            ));
        }
        Self::Saved { path, comments_lost, notes }
    }
}

/// A setting that is shown.
#[derive(Debug, Serialize)]
pub(super) struct Shown {
    key: String,
    /// `null` if it is hidden or a default.
    value: Option<Value>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    hidden: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<Origin>,
    /// What holds without a value.
    #[serde(skip_serializing_if = "Option::is_none")]
    default: Option<&'static str>,
}

impl Shown {
    /// A value; one that is hidden shows only with `show_secrets`.
    pub(super) fn new(key: String, value: Option<Value>, from: Option<Origin>, show_secrets: bool) -> Self {
        let secret = Setting::of(&key).is_some_and(Setting::hidden);
        let hidden = secret && !show_secrets;
        Self { key, value: value.filter(|_| !hidden), hidden, from, default: None }
    }

    /// What holds without a value.
    pub(super) fn default_of(setting: &'static Setting) -> Self {
        Self {
            key: setting.key.to_owned(),
            value: None,
            hidden: false,
            from: Some(Origin::Default),
            default: Some(setting.default),
        }
    }

    fn text(&self) -> String {
        match &self.value {
            _ if self.hidden => "(hidden; --show-secrets shows it)".to_owned(),
            Some(value) => words(value),
            None => self.default.unwrap_or_default().to_owned(),
        }
    }
}

impl Report for Done {
    fn text(&self, paint: Paint) -> String {
        let place = |scope: &Scope| paint.name(format!("{scope}:"));
        match self {
            Self::ProfileMade { name } => format!("{} made", place(&Scope::Profile(name.clone()))),
            Self::ProfileRemoved { name } => format!("{} removed", place(&Scope::Profile(name.clone()))),
            Self::Set { scope, key, value: Some(value), notes, .. } => {
                format!("{} {key} = {}{}", place(scope), words(value), in_brackets(notes))
            }
            Self::Set { scope, key, value: None, .. } => format!("{} {key} = (not shown)", place(scope)),
            Self::Cleared { scope, key, was_set: true } => format!("{} {key} is unset", place(scope)),
            Self::Cleared { scope, key, was_set: false } => format!("{} {key} was not set", place(scope)),
            Self::NotThere { scope, key, items } => {
                format!("{} {key} did not have {}", place(scope), words(&Value::from(items.clone())))
            }
            Self::SecretMade { scope, length, .. } => {
                format!("{} secret = a new one of {length} characters (not shown)", place(scope))
            }
            Self::CertMade { scope, .. } => {
                format!("{} cert = a new one, and its key (not shown)", place(scope))
            }
            Self::Profile { name, settings } => {
                let rows: Vec<_> = settings.iter().map(|shown| (shown.key.as_str(), shown.text())).collect();
                let rows = columns(rows.iter().map(|(key, text)| (*key, text.as_str())), 2);
                let rows = if rows.is_empty() { "  (nothing)".to_owned() } else { rows };
                format!("{}\n{rows}", paint.bold(format!("profile {name}")))
            }
            Self::Config { profile, settings, profiles } => {
                config(profile.as_deref(), settings, profiles, paint)
            }
            Self::Saved { path, comments_lost, notes } => {
                let path = plain(&path.to_string_lossy());
                let lost = if *comments_lost {
                    format!(" without its comments; they are kept in {path}~")
                } else {
                    String::new()
                };
                paint.dim(format!("saved to {path}{lost}{}", in_brackets(notes)))
            }
            Self::Unchanged { path } => paint.dim(format!("unchanged: {}", plain(&path.to_string_lossy()))),
        }
    }
}

fn in_brackets(notes: &[String]) -> String {
    if notes.is_empty() { String::new() } else { format!(" ({})", plain(&notes.join("; "))) }
}

fn config(profile: Option<&str>, settings: &[Shown], profiles: &[String], paint: Paint) -> String {
    let head = match profile {
        Some(name) => format!("what holds for profile {name}"),
        None => "what holds for all profiles".to_owned(),
    };
    let rows: Vec<_> = settings
        .iter()
        .map(|shown| {
            let origin = shown.from.as_ref().map(ToString::to_string).unwrap_or_default();
            (shown.key.as_str(), shown.text(), origin)
        })
        .collect();
    let values = columns(rows.iter().map(|(key, text, _)| (*key, text.as_str())), 2);
    let lines: Vec<_> =
        values.lines().zip(&rows).map(|(line, (_, _, origin))| (line, format!("({origin})"))).collect();
    let table = columns(lines.iter().map(|(line, origin)| (*line, origin.as_str())), 0);
    let names = if profiles.is_empty() { "none".to_owned() } else { profiles.join(", ") };
    format!("{}\n{table}\n{}", paint.bold(head), paint.dim(format!("profiles: {names}")))
}

/// What an address without a port was taken for: it may have been meant as something else.
fn taken_as(key: &str, value: &Value) -> Option<String> {
    let items = value.as_array().filter(|_| key == "binds").into_iter().flatten();
    let texts = items.filter_map(Value::as_str).flat_map(|text| text.split(','));
    let loose = texts.filter(|text| !text.ends_with(":*") && !text.ends_with(":0"));
    let addresses = loose.filter_map(|text| text.parse::<Address>().ok()).filter(Address::is_any_port);
    let taken: Vec<_> = addresses.map(|address| address.to_string()).collect();
    let first = taken.first()?.trim_end_matches('*');
    let taken = taken.join(",");
    Some(format!(
        "taken as {taken}, any free port, another one at each start: for one that stays, write {first}4040"
    ))
}

/// A value as one would write it on the command line.
fn words(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Array(items) if items.is_empty() => "(empty list)".to_owned(),
        Value::Array(items) if items.iter().all(Value::is_string) => {
            items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(",")
        }
        other => other.to_string(),
    };
    plain(&text)
}
