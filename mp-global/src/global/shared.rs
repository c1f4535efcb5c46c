//! What the handles, the node's service and the dialler share.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use mp_node::{Node, Way, WeakNode};
use mp_proto::NodeId;
use mp_transport::clock;
use tokio::sync::{Notify, oneshot, watch};

use super::state::State;
use super::{GlobalError, Standing};
use crate::data::Key;
use crate::family::feed::Feed;
use crate::mesh::{DialOutcome, DialTarget, Mesh, MeshConfig};
use crate::registry::{Answer, MonitorId, Query, QueryId, Registry, RegistryConfig, RegistryError};
use crate::wire::GlobalRequest;

/// The directory's state behind a lock, and who is woken by it.
///
/// The node holds it (in its service and in its tasks), so it must not hold the node.
pub(crate) struct Shared {
    node: WeakNode,
    state: Mutex<State>,
    standing: watch::Sender<Standing>,
    /// Wakes the dialler.
    pub(super) due: Notify,
    /// The node's tasks have ended.
    over: watch::Sender<bool>,
}

impl Shared {
    pub(super) fn new(node: &Node, registry: RegistryConfig, mesh: MeshConfig) -> Self {
        let registry = Registry::new(registry);
        let standing = Standing { is_global: registry.is_global(), master: None };
        Self {
            node: node.downgrade(),
            state: Mutex::new(State::new(registry, Mesh::new(clock::now(), mesh))),
            standing: watch::Sender::new(standing),
            due: Notify::new(),
            over: watch::Sender::new(false),
        }
    }

    /// Uses the state, and does what comes of it before anybody else uses it: what one event sends goes out before what
    /// the next one does.
    pub(crate) fn with<R>(&self, action: impl FnOnce(&mut State) -> R) -> R {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let result = action(&mut state);
        if state.pump(&self.node, clock::now()) {
            self.due.notify_one();
        }
        let now =
            Standing { is_global: state.registry.is_global(), master: state.registry.master().cloned() };
        self.standing.send_if_modified(|standing| {
            let changed = *standing != now;
            if changed {
                log_standing(&now);
                *standing = now;
            }
            changed
        });
        result
    }

    /// A peer says something to the directory; it may make this a global node `[GL-06]`.
    pub(super) fn request(&self, from: &NodeId, request: GlobalRequest) {
        let became_global = self.with(|state| {
            let was_global = state.registry.is_global();
            state.registry.request(from, request);
            !was_global && state.registry.is_global()
        });
        if became_global {
            // This is for good, and may be what somebody mistyped.
            tracing::info!(by = %from, "directory: this node is global from now on, as another one has it for a seed");
        }
    }

    pub(super) fn standing(&self) -> watch::Receiver<Standing> {
        self.standing.subscribe()
    }

    /// Waits until the node's tasks have ended.
    pub(crate) async fn over(&self) {
        // The sender is ours, so it is there as long as we wait.
        drop(self.over.subscribe().wait_for(|over| *over).await);
    }

    pub(super) fn end(&self) {
        self.over.send_replace(true);
    }

    /// The node, as long as it is there.
    pub(crate) fn node(&self) -> Result<Node, GlobalError> {
        if *self.over.borrow() {
            return Err(GlobalError::ShutDown);
        }
        self.node.upgrade().ok_or(GlobalError::ShutDown)
    }

    /// What is to be dialled now.
    pub(super) fn dials(&self) -> (Vec<(DialTarget, String)>, Option<std::time::Instant>) {
        self.with(|state| {
            state.mesh.handle_timeout(clock::now());
            state.pump_mesh();
            (std::mem::take(&mut state.dials), state.mesh.poll_timeout())
        })
    }

    pub(super) fn dialled(&self, target: &DialTarget, outcome: DialOutcome) {
        self.with(|state| {
            state.mesh.dial_result(clock::now(), target, outcome);
            state.is_mesh_due = true;
        });
    }

    /// The ways to a node, as far as anybody knows.
    pub(super) async fn find(self: Arc<Self>, node: NodeId) -> Vec<Way> {
        let (sender, answer) = oneshot::channel();
        let ticket = self.with(|state| state.begin_find(&node, sender));
        let _guard = OnDrop(|| self.with(|state| state.end_find(&node, ticket)));
        answer.await.unwrap_or_default()
    }

    /// Asks what a family holds.
    pub(crate) async fn ask(&self, part: Query, family: &Key) -> Result<Answer, GlobalError> {
        self.node()?;
        let (sender, answer) = oneshot::channel();
        let query = self.with(|state| -> Result<QueryId, RegistryError> {
            let query = state.registry.query(part, family)?;
            state.queries.insert(query, sender);
            Ok(query)
        })?;
        let _guard = OnDrop(|| self.with(|state| state.end_query(query)));
        tokio::select! {
            biased;
            answer = answer => answer.map_err(|oneshot::error::RecvError { .. }| GlobalError::ShutDown),
            () = self.over() => Err(GlobalError::ShutDown),
        }
    }

    pub(crate) fn monitor(&self, family: &Key) -> Result<(MonitorId, Arc<Feed>), GlobalError> {
        self.node()?;
        let feed = Arc::new(Feed::default());
        let monitor = self.with(|state| -> Result<MonitorId, RegistryError> {
            let monitor = state.registry.monitor(family)?;
            state.feeds.insert(monitor, Arc::clone(&feed));
            Ok(monitor)
        })?;
        Ok((monitor, feed))
    }

    pub(crate) fn unmonitor(&self, monitor: MonitorId) {
        self.with(|state| {
            state.registry.unmonitor(monitor);
            state.feeds.remove(&monitor)
        });
    }
}

fn log_standing(standing: &Standing) {
    match &standing.master {
        // Why, is told by who made it one.
        _ if standing.is_global => {}
        Some(master) => tracing::info!(master = master.as_str(), "directory: a seed serves this node"),
        None => tracing::info!("directory: no seed is connected to serve this node; they are dialled again"),
    }
}

/// Calls a function when it is dropped.
struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("standing", &*self.standing.borrow()).finish_non_exhaustive()
    }
}
