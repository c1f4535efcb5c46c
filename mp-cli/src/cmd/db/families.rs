//! `aemp db families`, and `aemp groups` without a name.

use mp_global::data::{GLOBALS, is_internal};
use mp_global::status::FamilySize;
use mp_node::{NodeId, PortId};
use serde::Serialize;

use crate::cmd::guest::Guest;
use crate::cmd::status::Asker;
use crate::error::CliError;
use crate::output::{Output, Row};

/// Tells which families there are.
pub(in crate::cmd) async fn families(guest: &Guest, output: &mut Output) -> Result<(), CliError> {
    let rows: Vec<_> =
        all(guest).await?.into_iter().map(|FamilySize { family, keys, .. }| Size { family, keys }).collect();
    output.rows(&["FAMILY", "KEYS"], &rows)
}

/// Tells which groups there are: families whose keys are ports.
pub(in crate::cmd) async fn groups(guest: &Guest, output: &mut Output) -> Result<(), CliError> {
    let mut rows = Vec::new();
    for size in all(guest).await? {
        let family = guest.directory().await?.family(&size.family);
        let keys = guest.asked("who is in the groups", family.keys()).await?;
        let is_port = |key: &mp_global::Key| key.contains('#') && key.parse::<PortId>().is_ok();
        if keys.iter().all(is_port) && !keys.is_empty() {
            rows.push(Group { group: size.family, members: keys.len() });
        }
    }
    output.rows(&["GROUP", "MEMBERS"], &rows)
}

/// The names of all families of applications, if anybody tells.
pub(super) async fn names(guest: &Guest) -> Result<Vec<String>, CliError> {
    Ok(all(guest).await?.into_iter().map(|size| size.family).collect())
}

/// All families of applications, as a global node of our own kind has them.
async fn all(guest: &Guest) -> Result<Vec<FamilySize>, CliError> {
    let global = guest.directory().await?;
    let globals = guest.asked("which nodes are global", global.family(GLOBALS).keys()).await?;
    for node in globals.iter().filter_map(|key| key.parse::<NodeId>().ok()) {
        if guest.meet(&node.port()).await.is_err() || !guest.node().is_own_kind(&node) {
            continue;
        }
        let Some(asker) = Asker::find(&node, guest).await? else { continue };
        let mut families = asker.families().await?;
        families.retain(|size| !is_internal(&size.family));
        return Ok(families);
    }
    Err(CliError::Remote(
        "no global node tells which families there are, as those of `aemp run` do; name one, as in `aemp groups mp_echo`"
            .to_owned(),
    ))
}

#[derive(Debug, Serialize)]
#[serde(tag = "event", rename = "family")]
struct Size {
    family: String,
    keys: u64,
}

impl Row for Size {
    fn cells(&self) -> Vec<String> {
        vec![self.family.clone(), self.keys.to_string()]
    }
}

#[derive(Debug, Serialize)]
#[serde(tag = "event", rename = "group")]
struct Group {
    group: String,
    members: usize,
}

impl Row for Group {
    fn cells(&self) -> Vec<String> {
        vec![self.group.clone(), self.members.to_string()]
    }
}
