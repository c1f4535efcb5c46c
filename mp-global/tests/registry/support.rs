//! One registry, driven by messages written as JSON.

use std::collections::BTreeSet;

use mp_global::{Change, GlobalRequest, Output, Registry, RegistryConfig, RegistryLimits};
use mp_proto::{Message, NodeId, Value};

pub(crate) fn node(name: &str) -> NodeId {
    NodeId::new(name).expect("a name")
}

pub(crate) fn value(json: &str) -> Value {
    serde_json::from_str(json).expect("JSON")
}

pub(crate) fn message(json: &str) -> Message {
    serde_json::from_str(json).expect("JSON")
}

/// Gives a registry a message as a node port would.
pub(crate) fn deliver(registry: &mut Registry, from: &NodeId, message: Message) {
    let tag = message.tag().expect("a tag").into_owned();
    let arguments = message.into_values().split_off(1);
    let request = GlobalRequest::parse(&tag, arguments).expect("well-formed");
    registry.request(from, request);
}

/// A registry, with what it put out sorted by kind.
pub(crate) struct Node {
    pub(crate) registry: Registry,
    pub(crate) changes: Vec<Change>,
    pub(crate) others: Vec<Output>,
}

impl Node {
    pub(crate) fn slave(name: &str, address: &str) -> Self {
        Self::with(name, address, |_| {})
    }

    pub(crate) fn global(name: &str, address: &str) -> Self {
        Self::with(name, address, |config| config.global = true)
    }

    pub(crate) fn limited(name: &str, limits: impl FnOnce(&mut RegistryLimits)) -> Self {
        Self::with(name, "127.0.0.1:1", |config| {
            config.global = true;
            limits(&mut config.limits);
        })
    }

    pub(crate) fn with(name: &str, address: &str, change: impl FnOnce(&mut RegistryConfig)) -> Self {
        let mut config = RegistryConfig::new(node(name));
        config.addresses = vec![address.into()];
        change(&mut config);
        Self { registry: Registry::new(config), changes: Vec::new(), others: Vec::new() }
    }

    pub(crate) fn up(&mut self, name: &str) {
        self.registry.node_up(&node(name), false);
    }

    pub(crate) fn seed_up(&mut self, name: &str) {
        self.registry.node_up(&node(name), true);
    }

    pub(crate) fn down(&mut self, name: &str) {
        self.registry.node_down(&node(name));
    }

    pub(crate) fn receive(&mut self, from: &str, json: &str) {
        deliver(&mut self.registry, &node(from), message(json));
    }

    pub(crate) fn set(&mut self, family: &str, key: &str, json: &str) {
        self.registry.set(family, key, value(json)).expect("within limits");
    }

    /// Takes all outputs; gives the messages as `node: message`.
    pub(crate) fn sent(&mut self) -> Vec<String> {
        let mut sent = Vec::new();
        while let Some(output) = self.registry.poll_output() {
            match output {
                Output::Send { to, message } => sent.push(format!("{to}: {message}")),
                Output::Changed(change) => self.changes.push(change),
                other => self.others.push(other),
            }
        }
        sent
    }

    /// Checks that exactly these messages were put out, in any order.
    #[track_caller]
    pub(crate) fn sends(&mut self, expected: &[&str]) {
        let mut sent = self.sent();
        let mut expected: Vec<String> = expected.iter().map(|line| (*line).to_owned()).collect();
        sent.sort();
        expected.sort();
        assert_eq!(sent, expected);
    }

    /// Takes the changes that monitors were told since the last call, each as `+added ~changed -deleted`.
    pub(crate) fn told(&mut self) -> Vec<String> {
        drop(self.sent());
        std::mem::take(&mut self.changes).iter().map(describe).collect()
    }

    /// Takes the outputs that are neither messages nor changes.
    pub(crate) fn others(&mut self) -> Vec<Output> {
        drop(self.sent());
        std::mem::take(&mut self.others)
    }
}

fn describe(change: &Change) -> String {
    let all: BTreeSet<_> = change.whole.keys().cloned().collect();
    assert!(change.added.iter().chain(&change.changed).all(|key| all.contains(key)), "{change:?}");
    assert!(!change.deleted.iter().any(|key| all.contains(key)), "{change:?}");
    let marked = |sign: &'static str, keys: &[mp_global::Key]| {
        keys.iter().map(|key| format!("{sign}{key} ")).collect::<String>()
    };
    let keys = marked("+", &change.added) + &marked("~", &change.changed) + &marked("-", &change.deleted);
    let synced = if change.synced { "" } else { "?" };
    format!("{}{synced} {}", change.family, keys).trim_end().to_owned()
}
