//! The registry and the mesh, and those who wait for what they say.

use std::cell::LazyCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use mp_node::{Way, WeakNode};
use mp_proto::{NodeId, Value};
use tokio::sync::oneshot;

use crate::data::Key;
use crate::family::feed::Feed;
use crate::mesh::{DialTarget, Mesh, MeshOutput};
use crate::registry::{Answer, MonitorId, Output, QueryId, Registry, RegistryError};

/// What the lock of [`Shared`](super::Shared) guards.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) registry: Registry,
    pub(super) mesh: Mesh,
    /// The mesh's timers may have changed.
    pub(super) is_mesh_due: bool,
    /// For the dialler to take.
    pub(super) dials: Vec<(DialTarget, String)>,
    pub(super) feeds: BTreeMap<MonitorId, Arc<Feed>>,
    pub(super) queries: BTreeMap<QueryId, oneshot::Sender<Answer>>,
    finders: BTreeMap<NodeId, BTreeMap<u64, oneshot::Sender<Vec<Way>>>>,
    last_finder: u64,
    /// How often a port is registered in a group.
    memberships: BTreeMap<(Key, Key), usize>,
}

impl State {
    pub(super) fn new(registry: Registry, mesh: Mesh) -> Self {
        Self {
            registry,
            mesh,
            is_mesh_due: true,
            dials: Vec::new(),
            feeds: BTreeMap::new(),
            queries: BTreeMap::new(),
            finders: BTreeMap::new(),
            last_finder: 0,
            memberships: BTreeMap::new(),
        }
    }

    /// A new connection to a node, which may be of our own kind.
    pub(super) fn up(&mut self, now: Instant, node: &NodeId, is_kin: bool) {
        self.registry.node_down(node); // if we knew of an old one, we know nothing of its end
        self.mesh.node_up(now, node);
        self.registry.node_up(node, self.mesh.is_seed(node));
        if is_kin {
            self.registry.is_kin(node);
        }
        self.is_mesh_due = true;
    }

    pub(super) fn set_seeds(&mut self, now: Instant, seeds: &[String]) {
        self.mesh.set_seeds(now, seeds);
        self.is_mesh_due = true;
    }

    pub(super) fn down(&mut self, now: Instant, node: &NodeId) {
        self.mesh.node_down(now, node);
        self.registry.node_down(node);
        self.is_mesh_due = true;
    }

    /// Does what the machines ask for, until they ask for nothing; whether the dialler has something to do.
    pub(super) fn pump(&mut self, node: &WeakNode, now: Instant) -> bool {
        let node = LazyCell::new(|| node.upgrade());
        loop {
            self.pump_mesh();
            let Some(output) = self.registry.poll_output() else { break };
            match output {
                Output::Send { to, message } => {
                    let sent = node.as_ref().is_some_and(|node| node.request(&to, &message));
                    if !sent {
                        tracing::debug!(%to, "a request was not sent: the connection is over");
                    }
                }
                Output::Expel { node: peer, excess } => {
                    tracing::warn!(%peer, %excess, "the peer exceeds a limit of the directory");
                    if let Some(node) = &*node {
                        node.disconnect(&peer, &excess.to_string());
                    }
                }
                Output::Connect { node, addresses } => {
                    self.mesh.keep(now, &node, addresses);
                    self.is_mesh_due = true;
                }
                Output::Release(node) => {
                    self.mesh.release(now, &node);
                    self.is_mesh_due = true;
                }
                Output::BecameGlobal => {}
                Output::Changed(change) => {
                    if let Some(feed) = self.feeds.get(&change.monitor) {
                        feed.push(&change);
                    }
                }
                Output::Reply { query, answer } => {
                    if let Some(asker) = self.queries.remove(&query) {
                        drop(asker.send(answer)); // it may have lost interest
                    }
                }
                Output::Found { node, addresses } => self.found(&node, addresses.as_deref()),
            }
        }
        std::mem::take(&mut self.is_mesh_due) || !self.dials.is_empty()
    }

    pub(super) fn pump_mesh(&mut self) {
        while let Some(output) = self.mesh.poll_output() {
            match output {
                MeshOutput::Dial { target, address } => self.dials.push((target, address)),
                MeshOutput::IsSeed(node) if self.registry.is_up(&node) => self.registry.node_up(&node, true),
                MeshOutput::IsSeed(_) => {} // `up` is going to ask
                MeshOutput::BecomeGlobal => {
                    if !self.registry.is_global() {
                        tracing::info!(
                            "directory: this node is global from now on, as it is among its own seeds"
                        );
                    }
                    self.registry.become_global();
                }
            }
        }
    }

    pub(super) fn begin_find(&mut self, node: &NodeId, answer: oneshot::Sender<Vec<Way>>) -> u64 {
        self.last_finder += 1;
        match self.registry.find(node) {
            Ok(()) => {
                self.finders.entry(node.clone()).or_default().insert(self.last_finder, answer);
            }
            Err(error) => tracing::warn!(%node, %error, "cannot look for a node"),
        }
        self.last_finder
    }

    /// Whoever asked has its answer, or has lost interest.
    pub(super) fn end_find(&mut self, node: &NodeId, ticket: u64) {
        let Some(finders) = self.finders.get_mut(node) else { return };
        finders.remove(&ticket);
        if finders.is_empty() {
            self.finders.remove(node);
            self.registry.cancel_find(node);
        }
    }

    /// Tells those who look for a node where it listens, and who carries a connection to it if that is of no use.
    fn found(&mut self, node: &NodeId, addresses: Option<&[String]>) {
        let listening = addresses.into_iter().flatten().filter_map(|address| address.parse().ok());
        let mut ways: Vec<Way> = listening.map(Way::Direct).collect();
        if addresses.is_some_and(<[String]>::is_empty) {
            ways.extend(self.registry.relays_to(node).into_iter().map(Way::Through));
        }
        for (_, finder) in self.finders.remove(node).unwrap_or_default() {
            drop(finder.send(ways.clone())); // it may have lost interest
        }
    }

    pub(super) fn end_query(&mut self, query: QueryId) {
        if self.queries.remove(&query).is_some() {
            self.registry.cancel_query(query);
        }
    }

    /// Registers a port once more.
    pub(crate) fn join(&mut self, group: &Key, port: &Key, value: Value) -> Result<(), RegistryError> {
        self.registry.set(group, port, value)?;
        *self.memberships.entry((Key::clone(group), Key::clone(port))).or_default() += 1;
        Ok(())
    }

    /// Takes one registration of a port back; the last one takes the port out of the group.
    pub(crate) fn leave(&mut self, group: &Key, port: &Key) {
        match self.memberships.get_mut(&(Key::clone(group), Key::clone(port))) {
            Some(count) if *count > 1 => *count -= 1,
            Some(_) => self.died(group, port),
            None => {}
        }
    }

    /// A port is dead, and has left the group however often it was registered.
    pub(crate) fn died(&mut self, group: &Key, port: &Key) {
        self.memberships.remove(&(Key::clone(group), Key::clone(port)));
        self.registry.delete(group, port);
    }
}
