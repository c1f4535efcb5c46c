//! What `aemp run` says when the node runs.

use serde::Serialize;

use super::services::Running;
use crate::cmd::loopback;
use crate::cmd::node::Joined;
use crate::output::{Paint, Report, columns};
use mp_config::NodeConfig;
use mp_node::Addr;

/// The node as it runs.
#[derive(Serialize)]
#[serde(tag = "event", rename = "running")]
pub(super) struct Started {
    node: String,
    addresses: Vec<String>,
    /// Why none of them is loopback, where one would look first.
    #[serde(skip)]
    not_loopback: Option<String>,
    /// What others are told in place of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    advertised: Vec<String>,
    seeds: Vec<String>,
    services: Vec<Running>,
}

impl Started {
    pub(super) fn new(joined: &Joined, services: Vec<Running>) -> Self {
        let texts = |addresses: &[Addr]| addresses.iter().map(ToString::to_string).collect();
        let (bound, advertised) = (joined.node.addresses(), joined.node.advertised());
        Self {
            node: joined.node.id().to_string(),
            addresses: texts(&bound),
            not_loopback: loopback::leaves_out(joined.node.config()),
            advertised: if advertised == bound { Vec::new() } else { texts(&advertised) },
            seeds: NodeConfig::expand(&joined.node.config().seeds),
            services,
        }
    }
}

impl Report for Started {
    fn text(&self, paint: Paint) -> String {
        let list = |items: &[String], none: &str| {
            if items.is_empty() { none.to_owned() } else { items.join(", ") }
        };
        let mut listens = list(&self.addresses, "no address: others cannot connect to it");
        if let Some(bind) = &self.not_loopback {
            listens += &format!(" (not at localhost: {bind} leaves out loopback)");
        }
        let mut rows = vec![
            ("listens on", listens),
            ("seeds", list(&self.seeds, "none: others can have this node as theirs")),
        ];
        let advertised = list(&self.advertised, "");
        if !advertised.is_empty() {
            rows.insert(1, ("is reached at", advertised));
        }
        let services = self.services.iter();
        rows.extend(services.map(|service| (service.name, service.text())));
        let rows = columns(rows.iter().map(|(left, right)| (*left, right.as_str())), 2);
        format!("node {} runs; Ctrl-C stops it\n{rows}", paint.name(&self.node))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_says_where_to_find_what() {
        let port = Some("n#e".to_owned());
        let echo = Running { name: "mp::echo", port, group: Some("mp_echo"), ..Running::default() };
        let level = Some("warn".to_owned());
        let catcher = Running { name: "mp::log_catcher", level, ..Running::default() };
        let started = Started {
            node: "n".to_owned(),
            addresses: vec!["127.0.0.1:4040".to_owned()],
            not_loopback: None,
            advertised: Vec::new(),
            seeds: Vec::new(),
            services: vec![echo, catcher],
        };
        assert_eq!(
            started.text(Paint::new(false)),
            "node n runs; Ctrl-C stops it\n  listens on       127.0.0.1:4040\n  \
             seeds            none: others can have this node as theirs\n  \
             mp::echo         n#e  in mp_echo\n  \
             mp::log_catcher  logs what others log, warn and graver"
        );
    }
}
