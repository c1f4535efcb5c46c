//! What a registry has in either role.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use mp_proto::{NodeId, Value};

use super::local::Local;
use super::watch::Watches;
use super::{Answer, Excess, Output, Query, QueryId, RegistryError, RegistryLimits};
use crate::data::{Key, entries, word};
use crate::wire::GlobalRequest;

/// A node that is up.
#[derive(Debug, Default)]
pub(super) struct Peer {
    /// When it became known as a seed of ours, as a running number.
    pub(super) seed: Option<u64>,
    /// Whether it said that it is global.
    pub(super) is_global: bool,
    /// Whether it is of our own kind.
    pub(super) is_kin: bool,
    /// Whether it exceeded a limit and is no longer listened to.
    pub(super) is_expelled: bool,
}

/// A question of the application.
#[derive(Debug, Clone)]
pub(super) struct Question {
    pub(super) part: Query,
    pub(super) family: Key,
}

#[derive(Debug)]
pub(super) struct Core {
    pub(super) node: NodeId,
    pub(super) limits: RegistryLimits,
    pub(super) local: Local,
    pub(super) peers: BTreeMap<NodeId, Peer>,
    pub(super) watches: Watches,
    pub(super) queries: BTreeMap<QueryId, Question>,
    pub(super) finds: BTreeSet<NodeId>,
    pub(super) outputs: VecDeque<Output>,
    last_query: u64,
    last_seed: u64,
}

impl Core {
    pub(super) fn new(node: NodeId, limits: RegistryLimits) -> Self {
        Self {
            node,
            limits,
            local: Local::default(),
            peers: BTreeMap::new(),
            watches: Watches::default(),
            queries: BTreeMap::new(),
            finds: BTreeSet::new(),
            outputs: VecDeque::new(),
            last_query: 0,
            last_seed: 0,
        }
    }

    pub(super) fn send(&mut self, to: &NodeId, request: GlobalRequest) {
        self.outputs.push_back(Output::Send { to: to.clone(), message: request.into_message() });
    }

    /// Takes note of a node that is up; whether it is new, and whether it is new as a seed.
    pub(super) fn meet(&mut self, node: &NodeId, is_seed: bool) -> (bool, bool) {
        let is_new = !self.peers.contains_key(node);
        let peer = self.peers.entry(node.clone()).or_default();
        let is_new_seed = is_seed && peer.seed.is_none();
        if is_new_seed {
            self.last_seed += 1;
            peer.seed = Some(self.last_seed);
        }
        (is_new, is_new_seed)
    }

    /// Whether a node is up and listened to.
    pub(super) fn hears(&self, node: &NodeId) -> bool {
        self.peers.get(node).is_some_and(|peer| !peer.is_expelled)
    }

    /// Whether a node is up, and of our own kind.
    pub(super) fn is_kin(&self, node: &NodeId) -> bool {
        self.peers.get(node).is_some_and(|peer| peer.is_kin)
    }

    /// Stops listening to a node that exceeded a limit. Its role's state is to be cleared as if it were down.
    pub(super) fn expel(&mut self, node: &NodeId, excess: Excess) {
        if let Some(peer) = self.peers.get_mut(node) {
            peer.is_expelled = true;
            self.outputs.push_back(Output::Expel { node: node.clone(), excess });
        }
    }

    pub(super) fn ask(&mut self, part: Query, family: Key) -> Result<QueryId, RegistryError> {
        if self.queries.len() >= self.limits.questions {
            return Err(RegistryError::Full(Excess::Questions));
        }
        self.last_query += 1;
        let id = QueryId(self.last_query);
        self.queries.insert(id, Question { part, family });
        Ok(id)
    }

    /// Takes note of the search for a node; whether it is a new one.
    pub(super) fn seek(&mut self, node: &NodeId) -> Result<bool, RegistryError> {
        if self.finds.len() >= self.limits.questions && !self.finds.contains(node) {
            return Err(RegistryError::Full(Excess::Questions));
        }
        Ok(self.finds.insert(node.clone()))
    }

    /// Ends the search for a node with its answer, if there is one going on.
    pub(super) fn found(&mut self, node: &str, addresses: Option<Vec<Key>>) {
        if let Some(node) = self.finds.take(node) {
            let addresses = addresses.map(|list| list.iter().map(|address| address.to_string()).collect());
            self.outputs.push_back(Output::Found { node, addresses });
        }
    }

    /// Ends a question with an answer from the wire, if it fits the question.
    pub(super) fn replied(&mut self, id: &Value, value: Value) {
        let id = word(id).and_then(|id| id.parse().ok()).map(QueryId);
        let Some((id, question)) = id.and_then(|id| Some((id, self.queries.get(&id)?))) else { return };
        if let Some(answer) = read_answer(question.part, value) {
            self.answer(id, answer);
        }
    }

    pub(super) fn answer(&mut self, query: QueryId, answer: Answer) {
        self.queries.remove(&query);
        self.outputs.push_back(Output::Reply { query, answer });
    }
}

fn read_answer(part: Query, value: Value) -> Option<Answer> {
    match (part, value) {
        (Query::Family, Value::Map(map)) => Some(Answer::Family(entries(map))),
        (Query::Keys, Value::List(items)) => Some(Answer::Keys(items.iter().filter_map(word).collect())),
        (Query::Values, Value::List(items)) => {
            Some(Answer::Values(items.into_iter().map(crate::data::detach).collect()))
        }
        (Query::Family, Value::Null) => Some(Answer::Family(Default::default())),
        (Query::Keys, Value::Null) => Some(Answer::Keys(Vec::new())),
        (Query::Values, Value::Null) => Some(Answer::Values(Vec::new())),
        _ => None,
    }
}
