//! Connections, ports and monitors of a Perl node. It takes bytes and the time, and says what is to be done.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use mp_proto::{Framing, Message, NodeId, NodeRequest, Nonce, PortId, Reason, Secret, Value};

use super::directory::Directory;
use super::wire::{Identity, Read, Refused, Wire};
use crate::Dice;

/// `monitor_timeout`: without a byte for so long, a handshake is given up. Also the longest time between two dials.
pub(super) const MONITOR_TIMEOUT: Duration = Duration::from_secs(30);
/// `connect_interval`: within so long a node is connected to, or what waits for it is dropped.
const CONNECT_INTERVAL: Duration = Duration::from_secs(2);

/// What a node is configured with.
#[derive(Debug, Clone)]
pub(super) struct Config {
    pub(super) node: NodeId,
    pub(super) secret: Secret,
    /// Where it listens, as `host:port`.
    pub(super) address: String,
    pub(super) framing: Framing,
    pub(super) seeds: Vec<String>,
    /// Whether the global service is loaded.
    pub(super) global: bool,
}

/// A connection, or an attempt to make one.
pub(super) type ConnId = u64;

/// What the owner is to do.
#[derive(Debug)]
pub(super) enum Out {
    /// Dial the address, and tell [`Kernel::dialled`].
    Dial(ConnId, String),
    Write(ConnId, BytesMut),
    /// Drop the connection, or the attempt, with all that is not written.
    Close(ConnId),
    /// A port has got a message.
    Got(String, Message),
    /// A port was killed.
    Died(String, Reason),
    /// A family that is monitored has changed.
    Changed {
        family: String,
        added: Vec<(String, Value)>,
        changed: Vec<(String, Value)>,
        deleted: Vec<String>,
    },
    /// Whether it is part of the network's directory from now on: it has a master, or is a global node.
    Joined(bool),
}

/// Why a connection is there.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Accepted,
    Seed(usize),
    Node(String),
}

#[derive(Debug)]
struct Conn {
    /// None while it is being dialled.
    wire: Option<Wire>,
    purpose: Purpose,
    /// As the first line says.
    peer: Option<String>,
    is_up: bool,
    heard: Instant,
}

/// What is known of another node.
#[derive(Debug, Default)]
pub(super) struct Peer {
    conn: Option<ConnId>,
    queue: Vec<(String, Message)>,
    /// When the attempt to connect is given up, while there is one.
    deadline: Option<Instant>,
    /// Its ports that we monitor.
    watched: BTreeMap<String, usize>,
}

/// A Perl node.
#[derive(Debug)]
pub(super) struct Kernel {
    pub(super) identity: Identity,
    pub(super) address: String,
    pub(super) now: Instant,
    pub(super) dice: Dice,
    pub(super) outs: VecDeque<Out>,
    pub(super) directory: Directory,
    conns: BTreeMap<ConnId, Conn>,
    last_conn: ConnId,
    peers: BTreeMap<String, Peer>,
    /// Our ports, each with the nodes that monitor it, once for each time they said so.
    ports: BTreeMap<String, Vec<String>>,
    last_port: u64,
    /// What all names of ports begin with: no process has that of another.
    prefix: String,
}

impl Kernel {
    pub(super) fn new(now: Instant, config: Config, mut dice: Dice) -> Self {
        let prefix = format!("{:010x}P", dice.word() >> 24);
        let directory = Directory::new(now, config.seeds);
        let identity = Identity { node: config.node, secret: config.secret, framing: config.framing };
        let mut kernel = Self {
            identity,
            address: config.address,
            now,
            dice,
            outs: VecDeque::new(),
            directory,
            conns: BTreeMap::new(),
            last_conn: 0,
            peers: BTreeMap::new(),
            ports: BTreeMap::new(),
            last_port: 0,
            prefix,
        };
        kernel.publish_address();
        if config.global {
            kernel.become_global();
        }
        kernel
    }

    pub(super) fn id(&self) -> &str {
        self.identity.node.as_str()
    }

    // ---- the program's ----

    /// A new port; gives its name.
    pub(super) fn port(&mut self) -> String {
        self.last_port += 1;
        let name = format!("{}{}", self.prefix, self.last_port);
        self.ports.insert(name.clone(), Vec::new());
        name
    }

    pub(super) fn send(&mut self, to: &PortId, message: Message) {
        self.send_to(to.node_str(), to.name(), message);
    }

    /// Monitors a port, for nobody: what is of interest is that its node bears it.
    pub(super) fn monitor(&mut self, port: &PortId) {
        if port.node_str() == self.id() {
            return;
        }
        let watched = &mut self.peers.entry(port.node_str().to_owned()).or_default().watched;
        let count = watched.entry(port.name().to_owned()).or_default();
        *count += 1;
        if *count == 1 && !port.is_node_port() {
            let request = NodeRequest::Monitor { port: port.name().into() };
            self.send_to(port.node_str(), "", request.into_message());
        }
    }

    pub(super) fn kill(&mut self, name: &str, reason: Reason) {
        let Some(watchers) = self.ports.remove(name) else { return };
        for watcher in watchers {
            let died = NodeRequest::Died { port: name.into(), reason: reason.clone() };
            self.send_to(&watcher, "", died.into_message());
        }
        self.outs.push_back(Out::Died(name.to_owned(), reason));
    }

    // ---- messages ----

    pub(super) fn send_to(&mut self, node: &str, port: &str, message: Message) {
        if node == self.id() {
            let own = node.to_owned();
            return self.receive(&own, port, message);
        }
        let peer = self.peers.entry(node.to_owned()).or_default();
        match peer.conn.and_then(|conn| Some((conn, self.conns.get(&conn)?.wire.as_ref()?))) {
            Some((conn, wire)) => self.outs.push_back(Out::Write(conn, wire.write(port, message))),
            None => {
                peer.queue.push((port.to_owned(), message));
                self.connect(node);
            }
        }
    }

    /// A request to another node's port.
    pub(super) fn request(&mut self, node: &str, tag: &str, args: impl IntoIterator<Item = Value>) {
        self.send_to(node, "", Message::from([Value::from(tag)]).with(args));
    }

    fn receive(&mut self, from: &str, port: &str, message: Message) {
        if !port.is_empty() {
            if self.ports.contains_key(port) {
                self.outs.push_back(Out::Got(port.to_owned(), message));
            }
            return;
        }
        match NodeRequest::parse(message) {
            Ok(NodeRequest::Monitor { port }) => match self.ports.get_mut(port.as_str()) {
                Some(watchers) => watchers.push(from.to_owned()),
                None => {
                    let Ok(id) = PortId::new(&self.identity.node, &port) else { return };
                    let died = NodeRequest::Died { port, reason: Reason::no_such_port(&id) };
                    self.send_to(from, "", died.into_message());
                }
            },
            Ok(NodeRequest::Unmonitor { port }) => {
                let watchers = self.ports.get_mut(port.as_str());
                if let Some(watchers) = watchers
                    && let Some(last) = watchers.iter().rposition(|watcher| watcher == from)
                {
                    watchers.remove(last);
                }
            }
            Ok(NodeRequest::Died { port, .. }) => {
                if let Some(peer) = self.peers.get_mut(from) {
                    peer.watched.remove(port.as_str());
                }
            }
            Ok(NodeRequest::Kill { port, reason }) => self.kill(&port, reason),
            Ok(NodeRequest::Send { to, message }) => self.send(&to, message),
            Ok(NodeRequest::Other { tag, args }) => self.directory_request(from, &tag, args),
            // What else there is, a call of an unknown function among it, is no more than logged.
            _ => {}
        }
    }

    // ---- connecting to nodes ----

    pub(super) fn is_up(&self, node: &str) -> bool {
        self.peers.get(node).is_some_and(|peer| peer.conn.is_some())
    }

    pub(super) fn nodes_up(&self) -> Vec<String> {
        self.peers.iter().filter(|(_, peer)| peer.conn.is_some()).map(|(node, _)| node.clone()).collect()
    }

    pub(super) fn connect(&mut self, node: &str) {
        let deadline = self.now + CONNECT_INTERVAL;
        let peer = self.peers.entry(node.to_owned()).or_default();
        if peer.conn.is_none() && peer.deadline.is_none() {
            peer.deadline = Some(deadline);
            self.find(node);
        }
    }

    /// It is known where a node listens.
    pub(super) fn found(&mut self, node: &str, addresses: &[String]) {
        if self.peers.get(node).is_none_or(|peer| peer.deadline.is_none()) {
            return;
        }
        match addresses.first() {
            // The next one would be tried when the time is over already.
            Some(address) => self.dial(address.clone(), Purpose::Node(node.to_owned())),
            None => self.give_up(node),
        }
    }

    /// What waits for a node is dropped, and monitors fire.
    fn give_up(&mut self, node: &str) {
        let Some(peer) = self.peers.get_mut(node) else { return };
        peer.deadline = None;
        peer.queue.clear();
        peer.watched.clear();
        self.drop_dials(node);
    }

    fn drop_dials(&mut self, node: &str) {
        let is_dial = |conn: &Conn| !conn.is_up && conn.purpose == Purpose::Node(node.to_owned());
        let dials: Vec<ConnId> =
            self.conns.iter().filter(|(_, conn)| is_dial(conn)).map(|(id, _)| *id).collect();
        for id in dials {
            self.conns.remove(&id);
            self.outs.push_back(Out::Close(id));
        }
    }

    pub(super) fn dial(&mut self, address: String, purpose: Purpose) {
        let id = self.new_conn(purpose);
        self.outs.push_back(Out::Dial(id, address));
    }

    fn new_conn(&mut self, purpose: Purpose) -> ConnId {
        self.last_conn += 1;
        let conn = Conn { wire: None, purpose, peer: None, is_up: false, heard: self.now };
        self.conns.insert(self.last_conn, conn);
        self.last_conn
    }

    // ---- connections ----

    /// Somebody has dialled us; gives the connection's number.
    pub(super) fn accepted(&mut self, now: Instant, peer_addr: &str) -> ConnId {
        self.now = now;
        let id = self.new_conn(Purpose::Accepted);
        self.begin(id, peer_addr);
        id
    }

    /// A dial has come to its end; with an address if there is a pipe now.
    pub(super) fn dialled(&mut self, now: Instant, id: ConnId, peer_addr: Option<&str>) {
        self.now = now;
        match peer_addr {
            Some(peer_addr) => self.begin(id, peer_addr),
            None => self.close(id),
        }
    }

    fn begin(&mut self, id: ConnId, peer_addr: &str) {
        let mut nonce = [0; Nonce::LEN];
        for byte in &mut nonce {
            *byte = u8::try_from(self.dice.below(256)).unwrap_or_default();
        }
        let Some(conn) = self.conns.get_mut(&id) else { return };
        let (wire, lines) = Wire::new(&self.identity, peer_addr, nonce);
        conn.wire = Some(wire);
        conn.heard = self.now;
        self.outs.push_back(Out::Write(id, BytesMut::from(&lines[..])));
    }

    /// Bytes have come.
    pub(super) fn bytes(&mut self, now: Instant, id: ConnId, bytes: &[u8]) {
        self.now = now;
        if let Some(conn) = self.conns.get_mut(&id) {
            conn.heard = now;
            if let Some(wire) = &mut conn.wire {
                wire.feed(bytes);
            }
        }
        // Whatever is read may close the connection.
        while let Some(conn) = self.conns.get_mut(&id)
            && let Some(wire) = &mut conn.wire
        {
            match wire.read(&self.identity) {
                Ok(None) => return,
                Ok(Some(Read::Greeted(node))) => self.greeted(id, node.as_str()),
                Ok(Some(Read::Prove(line))) => self.outs.push_back(Out::Write(id, BytesMut::from(&line[..]))),
                Ok(Some(Read::Proven)) => self.established(id),
                Ok(Some(Read::Message(port, message))) => {
                    let from = conn.peer.clone().unwrap_or_default();
                    self.receive(&from, &port, message);
                }
                Err(Refused) => return self.close(id),
            }
        }
    }

    /// The pipe has ended, or broken.
    pub(super) fn closed(&mut self, now: Instant, id: ConnId) {
        self.now = now;
        self.close(id);
    }

    fn greeted(&mut self, id: ConnId, node: &str) {
        let Some(conn) = self.conns.get_mut(&id) else { return };
        conn.peer = Some(node.to_owned());
        let seed = if let Purpose::Seed(seed) = conn.purpose { Some(seed) } else { None };
        if node == self.id() {
            if let Some(seed) = seed {
                self.seed_is_ourselves(seed);
            }
            return self.close(id);
        }
        if let Some(seed) = seed {
            self.seed_is(seed, node);
        }
        if self.is_up(node) {
            self.close(id);
        }
    }

    fn established(&mut self, id: ConnId) {
        let Some(node) = self.conns.get(&id).and_then(|conn| conn.peer.clone()) else { return };
        let peer = self.peers.entry(node.clone()).or_default();
        if let Some(old) = peer.conn {
            // The last one wins; and then, by an accident, nobody holds it any more.
            self.node_down(&node);
            for id in [old, id] {
                self.conns.remove(&id);
                self.outs.push_back(Out::Close(id));
            }
            return self.seeds_changed(&node, true);
        }
        peer.conn = Some(id);
        peer.deadline = None;
        let queue = std::mem::take(&mut peer.queue);
        if let Some(conn) = self.conns.get_mut(&id) {
            conn.is_up = true;
        }
        self.drop_dials(&node);
        self.node_up(&node);
        for (port, message) in queue {
            self.send_to(&node, &port, message);
        }
    }

    fn close(&mut self, id: ConnId) {
        let Some(conn) = self.conns.remove(&id) else { return };
        self.outs.push_back(Out::Close(id));
        match (conn.is_up, conn.peer, conn.purpose) {
            (true, Some(node), _) => {
                self.node_down(&node);
                self.seeds_changed(&node, false);
            }
            (_, _, Purpose::Seed(seed)) => self.seed_failed(seed),
            _ => {}
        }
    }

    /// A connection is lost, and with it what is on its way, and what its other end has monitored here.
    fn node_down(&mut self, node: &str) {
        if let Some(peer) = self.peers.get_mut(node) {
            (peer.conn, peer.deadline) = (None, None);
            peer.queue.clear();
            peer.watched.clear();
        }
        for watchers in self.ports.values_mut() {
            watchers.retain(|watcher| watcher != node);
        }
        self.directory_down(node);
    }

    // ---- time ----

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let handshakes =
            self.conns.values().filter(|conn| !conn.is_up).map(|conn| conn.heard + MONITOR_TIMEOUT);
        let attempts = self.peers.values().filter_map(|peer| peer.deadline);
        handshakes.chain(attempts).chain(self.directory.timeout()).min()
    }

    pub(super) fn timeout(&mut self, now: Instant) {
        self.now = now;
        let silent = |conn: &Conn| !conn.is_up && conn.heard + MONITOR_TIMEOUT <= now;
        let silent: Vec<ConnId> =
            self.conns.iter().filter(|(_, conn)| silent(conn)).map(|(id, _)| *id).collect();
        silent.into_iter().for_each(|id| self.close(id));
        let late = |peer: &Peer| peer.deadline.is_some_and(|at| at <= now);
        let late: Vec<String> =
            self.peers.iter().filter(|(_, peer)| late(peer)).map(|(node, _)| node.clone()).collect();
        late.iter().for_each(|node| self.give_up(node));
        self.dial_what_is_due();
    }
}
