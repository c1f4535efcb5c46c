//! Names of nodes that the network does not have: what was meant?

use mp_global::data::LISTENERS;
use mp_node::NodeId;
use tokio::time::timeout;

use super::{AFTERTHOUGHT, Guest};
use crate::args::addresses;
use crate::output::plain;

/// So many names are told at the most.
const NAMED: usize = 5;

impl Guest {
    /// That no node of the network has this name, and which ones there are; `None` if there may be one.
    pub(super) async fn no_such_node(&self, name: &NodeId) -> Option<String> {
        if self.node.nodes().contains(name) || !addresses(name.as_str()).is_empty() {
            return None;
        }
        let global = self.global.get()?;
        let listed = timeout(AFTERTHOUGHT, global.family(LISTENERS).keys()).await.ok()?.ok()?;
        let own = self.node.id();
        let names: Vec<String> =
            listed.iter().map(ToString::to_string).filter(|name| *name != own.as_str()).collect();
        (!names.iter().any(|known| known == name.as_str())).then(|| text(name, &names))
    }
}

fn text(name: &NodeId, names: &[String]) -> String {
    let mend = match meant(name.as_str(), names) {
        Some(near) => format!("did you mean {near}?"),
        None if names.is_empty() => "it has none that can be reached by its name".to_owned(),
        None => {
            let more = if names.len() > NAMED { ", …" } else { "" };
            let some: Vec<_> = names.iter().take(NAMED).map(String::as_str).collect();
            format!("there are {}{more} (`aemp nodes` lists them)", some.join(", "))
        }
    };
    plain(&format!("the network has no node {name}; {mend}"))
}

/// The name that was most likely meant: the same one but for its random part, or one that is near. `worker1` is another
/// node than `worker2`, and no slip.
fn meant<'a>(name: &str, names: &'a [String]) -> Option<&'a str> {
    let own = stem(name);
    if let Some(same) = names.iter().map(String::as_str).find(|known| stem(known) == own) {
        return Some(same);
    }
    let unnumbered = |name: &str| name.replace(|c: char| c.is_ascii_digit(), "");
    let is_sibling = |known: &str| unnumbered(stem(known)) == unnumbered(own);
    let all = || names.iter().map(String::as_str).filter(|known| !is_sibling(known));
    let near = mp_config::nearest(name, all()).or_else(|| mp_config::nearest(own, all().map(stem)))?;
    all().find(|known| *known == near || stem(known) == near)
}

/// A name without its random part.
fn stem(name: &str) -> &str {
    name.rsplit_once('/').map_or(name, |(stem, _)| stem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_meant_is_named() {
        let names: Vec<String> =
            ["seed/AbCdEfGhI1", "worker/QwErTyUiO2", "fixed"].map(str::to_owned).to_vec();
        let told = |name: &str, names: &[String]| text(&name.parse().unwrap(), names);
        for (name, meant) in [
            ("seed", "seed/AbCdEfGhI1"),
            ("seed/AnOtHeRoN3", "seed/AbCdEfGhI1"),
            ("wroker", "worker/QwErTyUiO2"),
            ("fixd", "fixed"),
        ] {
            let line = format!("the network has no node {name}; did you mean {meant}?");
            assert_eq!(told(name, &names), line);
        }
        assert!(
            told("entirely-else", &names)
                .ends_with("; there are seed/AbCdEfGhI1, worker/QwErTyUiO2, fixed (`aemp nodes` lists them)")
        );
        // Another node's name, as long as this one was there, is no slip for it.
        let siblings = ["worker1/AbCdEfGhI1", "a/QwErTyUiO2"].map(str::to_owned).to_vec();
        for name in ["worker2", "worker12", "worker2/AnOtHeRoN3", "b", "b/AnOtHeRoN3"] {
            assert!(told(name, &siblings).contains("; there are worker1/"), "{}", told(name, &siblings));
        }
        let many: Vec<String> = (0..9).map(|number| format!("node-number-{number}")).collect();
        assert!(told("x", &many).contains("node-number-4, … (`aemp nodes`"));
        assert!(told("x", &[]).contains("it has none"));
    }
}
