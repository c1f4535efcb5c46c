//! `aemp db`, and `aemp groups`, which are families whose keys are ports.

pub(super) mod families;
mod watch;

use mp_global::Family;
use mp_node::{PortId, Value};
use serde::Serialize;
use serde_json::Value as Json;

use super::guest::Guest;
use super::json::{from_json, to_json};
use crate::args::Db;
use crate::error::CliError;
use crate::output::{Output, Paint, Report, Row, plain};

/// Does one of the commands.
pub(super) async fn db(db: Db, guest: &Guest, output: &mut Output) -> Result<(), CliError> {
    match db {
        Db::Get { family, key, .. } => get(&family, key.as_deref(), guest, output).await,
        Db::Families { .. } => families::families(guest, output).await,
        Db::Keys { family, .. } => keys(&family, guest, output).await,
        Db::Set { family, key, value, .. } => set(&family, &key, &value, guest, output).await,
        Db::Del { family, key, .. } => del(&family, &key, guest, output).await,
        Db::Watch { family, .. } => watch::watch(&family, guest, output).await,
    }
}

/// Tells who is in a group.
pub(super) async fn group(name: &str, guest: &Guest, output: &mut Output) -> Result<(), CliError> {
    let family = guest.directory().await?.family(name);
    let entries = guest.asked("who is in the group", family.entries()).await?;
    let rows: Vec<_> = entries
        .iter()
        .filter_map(|(key, value)| {
            let port: PortId = key.parse().ok()?;
            let (group, node) = (name.to_owned(), port.node_str().to_owned());
            Some(Member { group, port: port.to_string(), node, value: to_json(value) })
        })
        .collect();
    if rows.is_empty() {
        return Err(unknown("group", name, "`aemp groups` shows those that there are", guest).await);
    }
    output.rows(&["PORT", "NODE", "VALUE"], &rows)
}

async fn get(name: &str, key: Option<&str>, guest: &Guest, output: &mut Output) -> Result<(), CliError> {
    let family = guest.directory().await?.family(name);
    let entries = guest.asked("what the family holds", family.entries()).await?;
    if entries.is_empty() {
        return Err(unknown("family", name, "`aemp db families` shows those that there are", guest).await);
    }
    let Some(key) = key else {
        let rows: Vec<_> = entries.iter().map(|(key, value)| Entry::new(name, key, Some(value))).collect();
        return output.rows(&["KEY", "VALUE"], &rows);
    };
    match entries.get(key) {
        Some(value) => output.report(&Told::Value {
            family: name.to_owned(),
            key: key.to_owned(),
            value: to_json(value),
        }),
        None => Err(CliError::Remote(plain(&format!(
            "the family {name:?} has no key {key:?}; `aemp db keys {name}` shows those that it has"
        )))),
    }
}

async fn keys(name: &str, guest: &Guest, output: &mut Output) -> Result<(), CliError> {
    let family = guest.directory().await?.family(name);
    let mut keys = guest.asked("the family's keys", family.keys()).await?;
    if keys.is_empty() {
        return Err(unknown("family", name, "`aemp db families` shows those that there are", guest).await);
    }
    keys.sort();
    let rows: Vec<_> = keys.iter().map(|key| Entry::new(name, key, None)).collect();
    output.rows(&["KEY"], &rows)
}

/// A group or family without anything in it is none: nothing else makes one, and nothing else ends it.
async fn unknown(what: &str, name: &str, mend: &str, guest: &Guest) -> CliError {
    let known = families::names(guest).await.unwrap_or_default();
    let meant = meant(name, &known).map(|near| format!("did you mean {near}? "));
    CliError::Remote(plain(&format!("there is no {what} {name:?}; {}{mend}", meant.unwrap_or_default())))
}

/// The name that was most likely meant: services have `::` in their names where their groups may have `_`.
fn meant<'a>(name: &str, known: &'a [String]) -> Option<&'a str> {
    let even = |name: &str| name.replace("::", "_").to_lowercase();
    let same = known.iter().find(|&one| even(one) == even(name));
    same.map(String::as_str).or_else(|| mp_config::nearest(name, known.iter().map(String::as_str)))
}

/// A key belongs to the node that set it, and goes with it: so this one stays, unless it stays anyway.
async fn set(
    name: &str,
    key: &str,
    value: &Json,
    guest: &Guest,
    output: &mut Output,
) -> Result<(), CliError> {
    let global = guest.directory().await?;
    let family = global.family(name);
    family.set(key, from_json(value)?)?;
    confirmed(&family, guest).await?;
    let (family, key) = (name.to_owned(), key.to_owned());
    if guest.is_lasting() {
        return output.report(&Told::Set { family, key, lasting: true });
    }
    output.report(&Told::Set { family, key, lasting: false })?;
    let mut seeds = guest.watch_seeds(global);
    loop {
        output.note(&seeds.next().await);
    }
}

async fn del(name: &str, key: &str, guest: &Guest, output: &mut Output) -> Result<(), CliError> {
    let family = guest.directory().await?.family(name);
    if !confirmed(&family, guest).await?.iter().any(|there| **there == *key) {
        return Err(CliError::Remote(plain(&format!("the family {name:?} has no key {key:?}"))));
    }
    family.delete(key);
    let left = confirmed(&family, guest).await?;
    if left.iter().any(|left| **left == *key) {
        let text =
            format!("another node has set {key:?} of {name:?}: only that node can delete it, or its end");
        return Err(CliError::Remote(plain(&text)));
    }
    output.report(&Told::Deleted { family: name.to_owned(), key: key.to_owned() })
}

/// Asks behind what was said, so that the master has that when it answers; gives the keys.
async fn confirmed(family: &Family, guest: &Guest) -> Result<Vec<mp_global::Key>, CliError> {
    guest.asked("that it has heard us", family.keys()).await
}

#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Told {
    Value {
        family: String,
        key: String,
        value: Json,
    },
    Set {
        family: String,
        key: String,
        #[serde(skip)]
        lasting: bool,
    },
    Deleted {
        family: String,
        key: String,
    },
}

impl Report for Told {
    fn text(&self, paint: Paint) -> String {
        match self {
            Self::Value { value, .. } => plain(&value.to_string()),
            Self::Set { lasting: true, .. } => paint.good("set, as long as this shell is open"),
            Self::Set { lasting: false, .. } => {
                format!("{} as long as this program runs; Ctrl-C ends it", paint.good("set,"))
            }
            Self::Deleted { .. } => paint.good("deleted"),
        }
    }
}

/// A key, and its value unless that was not asked for.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename = "entry")]
struct Entry {
    family: String,
    key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Json>,
}

impl Entry {
    fn new(family: &str, key: &str, value: Option<&Value>) -> Self {
        Self { family: family.to_owned(), key: key.to_owned(), value: value.map(to_json) }
    }
}

impl Row for Entry {
    fn cells(&self) -> Vec<String> {
        [Some(self.key.clone()), self.value.as_ref().map(Json::to_string)].into_iter().flatten().collect()
    }
}

#[derive(Debug, Serialize)]
#[serde(tag = "event", rename = "member")]
struct Member {
    group: String,
    port: String,
    node: String,
    value: Json,
}

impl Row for Member {
    fn cells(&self) -> Vec<String> {
        let value = if self.value.is_null() { "-".to_owned() } else { self.value.to_string() };
        vec![self.port.clone(), self.node.clone(), value]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_group_of_a_service_is_found_by_its_name() {
        let known = ["colours", "mp::status", "mp_echo"].map(str::to_owned);
        for (name, near) in [
            ("mp::echo", Some("mp_echo")),
            ("mp_status", Some("mp::status")),
            ("MP_Echo", Some("mp_echo")),
            ("colour", Some("colours")),
            ("workers", None),
        ] {
            assert_eq!(meant(name, &known), near, "{name}");
        }
    }
}
