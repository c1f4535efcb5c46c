//! A model of a node of Perl's AnyEvent::MP 2.x, for networks of both kinds.
//!
//! It behaves on the wire as live nodes were seen to: it proves its secret at once, sends no keep-alives and notices no
//! silence, takes the last of two connections with one node and then loses both, remembers no monitor across
//! connections, chooses its master among its seeds when one of them comes up and never later, and, as a global node, tells
//! what it is told once and compares nothing. It offers one framing. What the original loses is lost here, too: what
//! waits for a node that is not connected to within two seconds, and all that is on its way when a connection ends.
//!
//! It shares the framings, the greeting's parser and the proof with our nodes, and nothing else: least of all the
//! directory.

mod directory;
mod global;
mod kernel;
mod wire;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::BytesMut;
use mp_node::memory::MemoryTransport;
use mp_node::{Addr, Framing, Message, NodeId, PortId, Reason, Transport as _, Value};
use mp_proto::Secret;
use mp_transport::{Pipe, clock};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use self::kernel::{Config, ConnId, Kernel, Out};
use crate::{PORT, Process};

/// What a Perl node tells its program.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum PerlEvent {
    /// A port has got a message.
    Got(PortId, Message),
    /// A port was killed.
    Died(PortId, Reason),
    /// A family that it monitors has changed.
    Changed {
        /// The family.
        family: String,
        /// Keys that were not there.
        added: Vec<(String, Value)>,
        /// Keys that have another value.
        changed: Vec<(String, Value)>,
        /// Keys that are no longer there.
        deleted: Vec<String>,
    },
    /// Whether it is part of the directory: it has a master, or is a global node. At first it is not.
    Joined(bool),
}

/// A running Perl node. Cheap to clone; it runs until its process dies.
#[derive(Clone)]
pub struct PerlNode {
    shared: Arc<Shared>,
}

type Handler = dyn Fn(PerlEvent) + Send + Sync;

struct Shared {
    process: Process,
    id: NodeId,
    transport: MemoryTransport,
    state: Mutex<State>,
    /// The time of the next timer has changed.
    changed: Notify,
    handler: Box<Handler>,
}

struct State {
    kernel: Kernel,
    lines: BTreeMap<ConnId, Line>,
}

/// The way to the task of a connection.
struct Line {
    bytes: mpsc::UnboundedSender<BytesMut>,
    closed: CancellationToken,
}

/// A line's other end.
type End = (mpsc::UnboundedReceiver<BytesMut>, CancellationToken);

impl PerlNode {
    /// Starts a Perl node that is named like its host and listens there on [`PORT`], with the secret of all simulated
    /// nodes. It joins the network's directory through seeds, which are names of hosts; `global` loads the global service
    /// from the beginning.
    ///
    /// # Panics
    ///
    /// If another node listens there.
    ///
    /// # Cancellation
    ///
    /// Dropping the future stops what has been started.
    pub async fn start(
        process: &Process,
        framing: Framing,
        seeds: &[&str],
        global: bool,
        handler: impl Fn(PerlEvent) + Send + Sync + 'static,
    ) -> Self {
        let id = NodeId::new(process.host()).expect("a host's name can name a node");
        let address = format!("{id}:{PORT}");
        let config = Config {
            node: id.clone(),
            secret: Secret::from_text(crate::world::SECRET).expect("it is a secret"),
            address: address.clone(),
            framing,
            seeds: seeds.iter().map(|seed| format!("{seed}:{PORT}")).collect(),
            global,
        };
        let transport = process.world().net().host(process.host());
        let kernel = Kernel::new(clock::now(), config, process.dice());
        let state = Mutex::new(State { kernel, lines: BTreeMap::new() });
        let at: Addr = address.parse().expect("a host's name can stand in an address");
        let mut listener = transport.listen(&at).await.expect("nobody else listens there");
        let (process, changed, handler) = (process.clone(), Notify::new(), Box::new(handler));
        let node = Self { shared: Arc::new(Shared { process, id, transport, state, changed, handler }) };
        let accepting = node.clone();
        node.shared.process.spawn(async move {
            while let Ok(pipe) = listener.accept().await {
                let peer = pipe.peer_addr().to_string();
                let (id, end) = accepting.with(|state| {
                    let id = state.kernel.accepted(clock::now(), &peer);
                    (id, state.line(id))
                });
                accepting.shared.process.spawn(accepting.clone().serve(id, pipe, end));
            }
        });
        node.shared.process.spawn(node.clone().keep_time());
        node.with(|state| state.kernel.timeout(clock::now()));
        node
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> &NodeId {
        &self.shared.id
    }

    /// A new port.
    ///
    /// # Panics
    ///
    /// Never: the names that it makes are names.
    #[must_use]
    pub fn port(&self) -> PortId {
        let name = self.with(|state| state.kernel.port());
        PortId::new(&self.shared.id, &name).expect("digits and letters")
    }

    /// Sends a message: `snd`.
    pub fn send(&self, to: &PortId, message: Message) {
        self.with(|state| state.kernel.send(to, message));
    }

    /// Monitors a port, and does nothing when it dies: `mon`.
    pub fn monitor(&self, port: &PortId) {
        self.with(|state| state.kernel.monitor(port));
    }

    /// Kills a port of this node: `kil`.
    pub fn kill(&self, port: &PortId, reason: Reason) {
        self.with(|state| state.kernel.kill(port.name(), reason));
    }

    /// Sets a key: `db_set`.
    pub fn set(&self, family: &str, key: &str, value: impl Into<Value>) {
        self.with(|state| state.kernel.set(family, key, value.into()));
    }

    /// Deletes a key: `db_del`.
    pub fn delete(&self, family: &str, key: &str) {
        self.with(|state| state.kernel.delete(family, key));
    }

    /// Monitors a family: `db_mon`.
    pub fn monitor_family(&self, family: &str) {
        self.with(|state| state.kernel.monitor_family(family));
    }

    /// Uses the state, does what comes of it, and then tells the program.
    fn with<R>(&self, action: impl FnOnce(&mut State) -> R) -> R {
        let mut state = self.shared.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.kernel.now = clock::now();
        let result = action(&mut state);
        let mut events = Vec::new();
        while let Some(out) = state.kernel.outs.pop_front() {
            self.perform(&mut state, out, &mut events);
        }
        drop(state);
        self.shared.changed.notify_one();
        events.into_iter().for_each(&self.shared.handler);
        result
    }

    fn perform(&self, state: &mut State, out: Out, events: &mut Vec<PerlEvent>) {
        let port = |name: &str| PortId::new(&self.shared.id, name);
        match out {
            Out::Dial(id, address) => {
                let end = state.line(id);
                self.shared.process.spawn(self.clone().dial(id, address, end));
            }
            Out::Write(id, bytes) => {
                if let Some(line) = state.lines.get(&id) {
                    drop(line.bytes.send(bytes)); // the connection may be over
                }
            }
            Out::Close(id) => {
                if let Some(line) = state.lines.remove(&id) {
                    line.closed.cancel();
                }
            }
            Out::Got(name, message) => events.extend(port(&name).map(|port| PerlEvent::Got(port, message))),
            Out::Died(name, reason) => events.extend(port(&name).map(|port| PerlEvent::Died(port, reason))),
            Out::Changed { family, added, changed, deleted } => {
                events.push(PerlEvent::Changed { family, added, changed, deleted });
            }
            Out::Joined(joined) => events.push(PerlEvent::Joined(joined)),
        }
    }

    async fn dial(self, id: ConnId, address: String, end: End) {
        let dialled = match address.parse::<Addr>() {
            Ok(address) => tokio::select! {
                biased;
                () = end.1.cancelled() => return,
                dialled = self.shared.transport.dial(&address) => dialled.ok(),
            },
            Err(_) => None,
        };
        let peer = dialled.as_ref().map(|pipe| pipe.peer_addr().to_string());
        self.with(|state| state.kernel.dialled(clock::now(), id, peer.as_deref()));
        if let Some(pipe) = dialled {
            self.serve(id, pipe, end).await;
        }
    }

    /// Carries a connection until it ends. What is to be written waits without a bound, as it does in Perl.
    async fn serve(self, id: ConnId, pipe: Pipe, (mut bytes, closed): End) {
        let (mut read, mut write) = tokio::io::split(pipe);
        let writing = async {
            while let Some(bytes) = bytes.recv().await {
                if write.write_all(&bytes).await.is_err() {
                    return;
                }
            }
        };
        let reading = async {
            let mut buffer = BytesMut::new();
            // The end of what the peer sends is taken for the end of the connection.
            while read.read_buf(&mut buffer).await.is_ok_and(|len| len > 0) {
                self.with(|state| state.kernel.bytes(clock::now(), id, &buffer));
                buffer.clear();
            }
        };
        tokio::select! {
            biased;
            () = closed.cancelled() => return,
            () = reading => {}
            () = writing => {}
        }
        self.with(|state| state.kernel.closed(clock::now(), id));
    }

    async fn keep_time(self) {
        loop {
            let due = self.with_quietly(|state| state.kernel.poll_timeout());
            tokio::select! {
                biased;
                () = self.shared.changed.notified() => continue,
                () = async {
                    match due {
                        Some(at) => clock::sleep_until(at).await,
                        None => std::future::pending().await,
                    }
                } => {}
            }
            self.with(|state| state.kernel.timeout(clock::now()));
        }
    }

    /// Looks, and nothing comes of it.
    fn with_quietly<R>(&self, look: impl FnOnce(&State) -> R) -> R {
        look(&self.shared.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl State {
    #[expect(clippy::disallowed_methods, reason = "Perl's queues have no bound, and a run is over soon")]
    fn line(&mut self, id: ConnId) -> End {
        let (bytes, other) = mpsc::unbounded_channel();
        let closed = CancellationToken::new();
        self.lines.insert(id, Line { bytes, closed: closed.clone() });
        (other, closed)
    }
}

impl fmt::Debug for PerlNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PerlNode").field("id", &self.shared.id).finish_non_exhaustive()
    }
}
