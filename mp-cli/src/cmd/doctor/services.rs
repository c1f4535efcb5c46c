//! What is to run in the node: does this program have it?

use mp_config::NodeConfig;

use super::finding::Finding;
use crate::cmd::run::services::left_out;

/// One finding for all of them: with one that is wrong, the node does not start.
pub(super) fn look(config: &NodeConfig) -> Finding {
    let left_out = match left_out(config) {
        Ok(left_out) => left_out,
        Err(error) => return Finding::of_error("services", "", &error).unusable(),
    };
    let names = config.services.iter().map(|service| service.name.as_str());
    let ours: Vec<_> = names.filter(|name| !left_out.contains(name)).collect();
    let text = if ours.is_empty() { "none".to_owned() } else { ours.join(", ") };
    if left_out.is_empty() {
        return Finding::ok("services", text);
    }
    Finding::ok("services", format!("{text}; left out, as these are Perl modules: {}", left_out.join(", ")))
}
