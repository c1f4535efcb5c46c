//! `aemp db watch`.

use mp_global::FamilyChange;
use serde::Serialize;
use serde_json::Value as Json;

use crate::cmd::guest::Guest;
use crate::cmd::json::to_json;
use crate::error::CliError;
use crate::output::{Output, Paint, Report, plain};

/// Tells what a family holds, then what changes, until it is stopped.
pub(super) async fn watch(name: &str, guest: &Guest, output: &mut Output) -> Result<(), CliError> {
    let mut monitor = guest.directory().await?.family(name).monitor()?;
    let mut whole = false;
    while let Some(change) = monitor.next().await {
        for news in news(name, &change) {
            output.report(&news)?;
        }
        if change.synced != whole {
            whole = change.synced;
            output.report(&if whole { News::Synced } else { News::Unsynced })?;
        }
    }
    Ok(())
}

fn news(family: &str, change: &FamilyChange) -> Vec<News> {
    let family = || family.to_owned();
    let added = change.added.iter().map(|(key, value)| News::Added {
        family: family(),
        key: key.to_string(),
        value: to_json(value),
    });
    let changed = change.changed.iter().map(|(key, value)| News::Changed {
        family: family(),
        key: key.to_string(),
        value: to_json(value),
    });
    let deleted = change.deleted.iter().map(|key| News::Deleted { family: family(), key: key.to_string() });
    added.chain(changed).chain(deleted).collect()
}

#[derive(Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum News {
    Added {
        family: String,
        key: String,
        value: Json,
    },
    Changed {
        family: String,
        key: String,
        value: Json,
    },
    Deleted {
        family: String,
        key: String,
    },
    /// What was told is what the network has.
    Synced,
    /// No global node is connected: what was told may be out of date.
    Unsynced,
}

impl Report for News {
    fn text(&self, paint: Paint) -> String {
        match self {
            Self::Added { key, value, .. } => {
                format!("{} {}", paint.good("+"), plain(&format!("{key} {value}")))
            }
            Self::Changed { key, value, .. } => {
                format!("{} {}", paint.bold("~"), plain(&format!("{key} {value}")))
            }
            Self::Deleted { key, .. } => format!("{} {}", paint.bad("-"), plain(key)),
            Self::Synced => paint.dim("(this is all; changes follow, Ctrl-C ends it)"),
            Self::Unsynced => paint.dim("(no seed is connected: what stands above may be out of date)"),
        }
    }
}
