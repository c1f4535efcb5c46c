//! Whether all global nodes of the network say the same about who is where.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use mp_global::data::{GLOBALS, LISTENERS};
use mp_global::wire::Part;
use mp_node::{Addr, NodeId, Value};
use tokio::time::{sleep, timeout};

use super::finding::Finding;
use crate::cmd::guest::Guest;

/// What is compared: who listens where, and which nodes are global.
const FAMILIES: [&str; 2] = [LISTENERS, GLOBALS];
/// A change that is under way is over by then.
const TRIES: u32 = 4;
const PAUSE: Duration = Duration::from_millis(500);
/// So many names stand in a line at the most.
const NAMED: usize = 5;

/// What one node says a family holds: each key, and its value in the form in which values are compared.
type Said = BTreeMap<String, String>;

/// What was found about the directory, beginning at these nodes.
pub(super) async fn look(reached: &[NodeId], guest: &Guest) -> Vec<Finding> {
    let known: Vec<NodeId> = reached.iter().filter(|node| guest.is_global(node)).cloned().collect();
    if known.is_empty() {
        let text = "none of the seeds is a global node yet: nobody has joined the network by them";
        return vec![Finding::warn("globals", text, "start a node that has one of them as its seed")];
    }
    let mut findings = Vec::new();
    let mut globals: BTreeSet<NodeId> = known.iter().cloned().collect();
    for node in &known {
        for key in said(node, GLOBALS, guest).await.unwrap_or_default().into_keys() {
            globals.extend(key.parse::<NodeId>().ok());
        }
    }
    let listeners = said(&known[0], LISTENERS, guest).await.unwrap_or_default();
    for node in globals.clone() {
        if reached.contains(&node) || reach(&node, &listeners, guest).await {
            continue;
        }
        globals.remove(&node);
        let text = format!("the global node {node} cannot be reached from here");
        let mend = "if others reach it, let it `setadvertise` an address that all can dial; else look at its machine";
        findings.push(Finding::warn("globals", text, mend));
    }
    for attempt in 1..=TRIES {
        let differing = compare(&globals, guest).await;
        if differing.is_empty() {
            findings.push(Finding::ok("globals", format!("{} of them, and all say the same", globals.len())));
            return findings;
        }
        if attempt == TRIES {
            findings.extend(differing);
            return findings;
        }
        sleep(PAUSE).await;
    }
    findings
}

/// Connects to a node at one of the addresses that it is said to listen on.
async fn reach(node: &NodeId, listeners: &Said, guest: &Guest) -> bool {
    let addresses: Vec<String> =
        listeners.get(node.as_str()).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    for address in addresses {
        let Ok(addr) = address.parse::<Addr>() else { continue };
        let dialled = timeout(guest.limit(), guest.node().dial(&addr)).await;
        if dialled.is_ok_and(|dialled| dialled.is_ok_and(|peer| peer == *node)) {
            return true;
        }
    }
    false
}

/// One finding for each node that says something else than the others do together.
async fn compare(globals: &BTreeSet<NodeId>, guest: &Guest) -> Vec<Finding> {
    let mut findings = Vec::new();
    for family in FAMILIES {
        let mut all: BTreeMap<&NodeId, Said> = BTreeMap::new();
        for node in globals {
            match said(node, family, guest).await {
                Some(said) => all.extend([(node, said)]),
                None => findings.push(Finding::fail(
                    "globals",
                    format!("{node} does not say what it knows"),
                    "look at its log, and restart it",
                )),
            }
        }
        let mut whole = Said::new();
        for said in all.values() {
            whole.extend(said.iter().map(|(key, value)| (key.clone(), value.clone())));
        }
        findings.extend(all.into_iter().filter_map(|(node, said)| lacks(node, &said, &whole)));
    }
    findings
}

fn lacks(node: &NodeId, said: &Said, whole: &Said) -> Option<Finding> {
    let other: Vec<&str> = whole
        .iter()
        .filter(|(key, value)| said.get(*key) != Some(value))
        .map(|(key, _)| key.as_str())
        .collect();
    if other.is_empty() {
        return None;
    }
    let more = if other.len() > NAMED { ", …" } else { "" };
    let names = other.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
    let text = format!("{node} does not know what other global nodes know about {names}{more}");
    let mend = format!(
        "see that each global node can dial {node} and the other way round (`setadvertise`), then restart it"
    );
    Some(Finding::fail("globals", text, mend))
}

async fn said(node: &NodeId, family: &str, guest: &Guest) -> Option<Said> {
    let value = guest.ask(node, Part::Family, family).await?;
    let Value::Map(map) = value else { return Some(Said::new()) };
    let json = |value: &Value| crate::cmd::json::to_json(value).to_string();
    Some(map.iter().map(|(key, value)| (key.to_string(), json(value))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::{Paint, Report};

    #[test]
    fn who_knows_less_is_named() {
        let said = |pairs: &[(&str, &str)]| -> Said {
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
        };
        let node: NodeId = "n".parse().unwrap();
        let whole = said(&[("a", "1"), ("b", "2")]);
        assert_eq!(lacks(&node, &whole, &whole), None);
        let finding = lacks(&node, &said(&[("a", "1"), ("b", "3")]), &whole).unwrap();
        assert!(
            finding.text(Paint::new(false)).contains("n does not know what other global nodes know about b;")
        );
    }
}
