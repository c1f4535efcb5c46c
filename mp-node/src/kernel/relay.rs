//! Connections that a node in the middle carries, for nodes that cannot reach one another.
//!
//! A node without listeners can be reached only over the connections that it has made itself. So a node that wants to
//! talk to it opens a *pipe* through a node that both are connected with: a stream of bytes, cut into requests between
//! node ports `[RL-01]`. Over it the two nodes shake hands and talk as over any other connection, so the relay can
//! neither pretend to be one of them nor, with TLS, read what they say; and order, law 4 and the monitors' promises hold
//! as they do everywhere, for the end of the pipe is the end of that connection.
//!
//! ```text
//!   opener                    relay                       other end
//!     │ r_open 1 "b" 262144 1   │                             │
//!     ├────────────────────────▶│ r_open 2 "b" 262144 1       │      Opening or Crossing
//!     │                         ├────────────────────────────▶│      Ours
//!     │ r_more 1 262144         │◀── r_more 2 262144 ─────────┤      the pipe is open
//!     │◀────────────────────────┤                             │
//!     ├── r_data 1 … ──────────▶├── r_data 2 … ──────────────▶│      each byte uses up allowance
//!     │◀── r_more 1 n ──────────┤◀── r_more 2 n ──────────────┤      which reading gives back
//!     ├── r_end 1 ─────────────▶├── r_end 2 ─────────────────▶│      one direction is over
//!     │◀── r_close 1 text ──────┤◀── r_close 2 text ──────────┤      all of it is; nothing is said in reply
//! ```
//!
//! On each connection, the node with the bytewise smaller name numbers the pipes that it opens 2, 4, 6…, the other one
//! 1, 3, 5…, and no number is used again `[RL-02]`. Nobody sends more than the other side allows, so the relay holds at
//! most a window of each direction `[RL-03]`; the window of a pipe is the smallest of the nodes on its way. Here is no I/O: what follows of a request is given back as [`Act`]s.

pub(crate) mod request;

use std::collections::BTreeMap;

use bytes::Bytes;
use mp_proto::NodeId;

use self::request::Request;

/// The most bytes of one direction of a pipe that may be under way.
pub(crate) const WINDOW: u64 = 256 * 1024;
/// Relays behind the first one.
pub(crate) const HOPS: u64 = 1;

/// A pipe's end at a connection: the peer, and the pipe's number there.
pub(crate) type Key = (NodeId, u64);

/// What is to be done. `T` is what the owner keeps for a pipe that ends here.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Act<T> {
    /// Send this to the node port of a peer.
    Send(NodeId, Request),
    /// Somebody opens a pipe to us: [`accept`](Relay::accept) it or [`close`](Relay::close) it.
    Offered { key: Key, window: u64 },
    /// Find out through whom `to` is reached, then [`forward`](Relay::forward).
    Find { key: Key, to: NodeId, window: u64, hops: u64 },
    /// The pipe's other side takes so many bytes more.
    Allowed(T, u64),
    /// Bytes have come.
    Data(T, Bytes),
    /// No more bytes will come.
    Ended(T),
    /// The pipe is no more.
    Closed(T, String),
}

/// The pipes that end here, and those that cross this node.
#[derive(Debug)]
pub(crate) struct Relay<T> {
    me: NodeId,
    /// Pipes that one peer may have here.
    most: usize,
    /// Bytes of one direction of a pipe that this node lets be under way.
    window: u64,
    /// Counts the pipes that we have opened.
    opened: u64,
    ends: BTreeMap<Key, End<T>>,
}

#[derive(Debug)]
struct End<T> {
    kind: Kind<T>,
    /// Bytes that the peer may still send.
    allowed: u64,
}

#[derive(Debug)]
enum Kind<T> {
    /// The way on is being looked for.
    Opening,
    Ours(T),
    /// The pipe goes on at this other end.
    Crossing(Key),
}

impl<T: Clone> Relay<T> {
    /// At most `most` pipes for each peer, each with at most `window` bytes under way in either direction.
    pub(crate) fn new(me: NodeId, most: usize, window: usize) -> Self {
        let window = u64::try_from(window).unwrap_or(WINDOW).clamp(1, WINDOW);
        Self { me, most, window, opened: 0, ends: BTreeMap::new() }
    }

    /// Opens a pipe through `relay`; `make` gives what is kept for it.
    pub(crate) fn open(&mut self, relay: &NodeId, to: &NodeId, make: impl FnOnce(Key) -> T) -> (T, Act<T>) {
        let key = self.next_key(relay);
        let pipe = make(key.clone());
        self.ends.insert(key.clone(), End { kind: Kind::Ours(pipe.clone()), allowed: self.window });
        let open = Request::Open { id: key.1, to: to.as_str().into(), window: self.window, hops: HOPS };
        (pipe, Act::Send(key.0, open))
    }

    /// Takes up a pipe that was offered.
    pub(crate) fn accept(&mut self, key: &Key, pipe: T) -> Option<Act<T>> {
        let end = self.ends.get_mut(key).filter(|end| matches!(end.kind, Kind::Opening))?;
        *end = End { kind: Kind::Ours(pipe), allowed: self.window };
        Some(Act::Send(key.0.clone(), Request::More { id: key.1, bytes: self.window }))
    }

    /// Takes a pipe further, to a peer that is connected.
    pub(crate) fn forward(
        &mut self,
        key: &Key,
        to: &NodeId,
        next: &NodeId,
        window: u64,
        hops: u64,
    ) -> Vec<Act<T>> {
        if !self.ends.get(key).is_some_and(|end| matches!(end.kind, Kind::Opening)) {
            return Vec::new();
        }
        if *next == key.0 {
            return self.close(key, "the way to that node leads back to the asker");
        }
        if self.is_full(next) {
            return self.close(key, "the relay carries too many connections for that node");
        }
        let onward = self.next_key(next);
        self.ends.insert(key.clone(), End { kind: Kind::Crossing(onward.clone()), allowed: 0 });
        self.ends.insert(onward.clone(), End { kind: Kind::Crossing(key.clone()), allowed: window });
        vec![Act::Send(onward.0, Request::Open { id: onward.1, to: to.as_str().into(), window, hops })]
    }

    /// A peer's request. `is_peer` tells whether a node is connected with us and of our kind.
    pub(crate) fn request(
        &mut self,
        from: &NodeId,
        request: Request,
        is_peer: impl Fn(&NodeId) -> bool,
    ) -> Vec<Act<T>> {
        match request {
            Request::Open { id, to, window, hops } => {
                self.on_open((from.clone(), id), &to, window.min(self.window), hops.min(HOPS), is_peer)
            }
            Request::More { id, bytes } => self.on_more(&(from.clone(), id), bytes),
            Request::Data { id, bytes } => self.on_data(&(from.clone(), id), bytes),
            Request::End { id } => match self.ends.get(&(from.clone(), id)).map(|end| &end.kind) {
                Some(Kind::Ours(pipe)) => vec![Act::Ended(pipe.clone())],
                Some(Kind::Crossing((to, id))) => vec![Act::Send(to.clone(), Request::End { id: *id })],
                Some(Kind::Opening) | None => Vec::new(),
            },
            Request::Close { id, text } => self.remove(&(from.clone(), id), text),
        }
    }

    fn on_open(
        &mut self,
        key: Key,
        to: &str,
        window: u64,
        hops: u64,
        is_peer: impl Fn(&NodeId) -> bool,
    ) -> Vec<Act<T>> {
        let close =
            |text: &str| vec![Act::Send(key.0.clone(), Request::Close { id: key.1, text: text.into() })];
        if self.ends.contains_key(&key) || key.1.is_multiple_of(2) != (key.0 < self.me) {
            return close("this number is not free for a pipe");
        }
        let Ok(to) = NodeId::new(to) else { return close("this is not a node's name") };
        if self.is_full(&key.0) {
            return close("too many relayed connections");
        }
        if to == key.0 {
            return close("this is the asker itself");
        }
        self.ends.insert(key.clone(), End { kind: Kind::Opening, allowed: 0 });
        if to == self.me {
            vec![Act::Offered { key, window }]
        } else if is_peer(&to) {
            self.forward(&key, &to, &to, window, hops)
        } else if hops > 0 {
            vec![Act::Find { key, to, window, hops: hops - 1 }]
        } else {
            self.close(&key, &format!("{} is not connected with {to}", self.me))
        }
    }

    fn on_more(&mut self, key: &Key, bytes: u64) -> Vec<Act<T>> {
        let onward = match self.ends.get(key).map(|end| &end.kind) {
            Some(Kind::Ours(pipe)) => return vec![Act::Allowed(pipe.clone(), bytes.min(WINDOW))],
            Some(Kind::Crossing(onward)) => onward.clone(),
            Some(Kind::Opening) | None => return Vec::new(),
        };
        let Some(end) = self.ends.get_mut(&onward) else { return Vec::new() };
        let granted = bytes.min(self.window - end.allowed);
        end.allowed += granted;
        vec![Act::Send(onward.0, Request::More { id: onward.1, bytes: granted })]
    }

    fn on_data(&mut self, key: &Key, bytes: Bytes) -> Vec<Act<T>> {
        // A number that is not known: the pipe was closed here while this was on its way.
        let Some(end) = self.ends.get_mut(key) else { return Vec::new() };
        let len = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let Some(left) = end.allowed.checked_sub(len) else {
            return self.close(key, "more was sent than was allowed");
        };
        end.allowed = left;
        match &end.kind {
            Kind::Ours(pipe) => vec![Act::Data(pipe.clone(), bytes)],
            Kind::Crossing((to, id)) => vec![Act::Send(to.clone(), Request::Data { id: *id, bytes })],
            Kind::Opening => Vec::new(),
        }
    }

    /// So many bytes of a pipe that ends here have been read.
    pub(crate) fn taken(&mut self, key: &Key, bytes: u64) -> Option<Act<T>> {
        let end = self.ends.get_mut(key)?;
        let bytes = bytes.min(self.window - end.allowed);
        end.allowed += bytes;
        Some(Act::Send(key.0.clone(), Request::More { id: key.1, bytes }))
    }

    /// Ends a pipe here; both sides are told why.
    pub(crate) fn close(&mut self, key: &Key, text: &str) -> Vec<Act<T>> {
        if !self.ends.contains_key(key) {
            return Vec::new();
        }
        let mut acts = self.remove(key, text.into());
        acts.push(Act::Send(key.0.clone(), Request::Close { id: key.1, text: text.into() }));
        acts
    }

    /// The connection to a peer is over, and with it all pipes on it.
    pub(crate) fn down(&mut self, peer: &NodeId) -> Vec<Act<T>> {
        let from = (peer.clone(), 0)..=(peer.clone(), u64::MAX);
        let keys: Vec<Key> = self.ends.range(from).map(|(key, _)| key.clone()).collect();
        let text = format!("the connection with {peer} was lost");
        keys.iter().flat_map(|key| self.remove(key, text.clone())).collect()
    }

    /// Forgets an end, and tells what is behind it.
    fn remove(&mut self, key: &Key, text: String) -> Vec<Act<T>> {
        match self.ends.remove(key).map(|end| end.kind) {
            Some(Kind::Ours(pipe)) => vec![Act::Closed(pipe, text)],
            Some(Kind::Crossing(onward)) => {
                self.ends.remove(&onward);
                vec![Act::Send(onward.0, Request::Close { id: onward.1, text })]
            }
            Some(Kind::Opening) | None => Vec::new(),
        }
    }

    /// Whether pipes that end here run over the connection with a peer.
    pub(crate) fn has_own(&self, peer: &NodeId) -> bool {
        let mut ends = self.ends.range((peer.clone(), 0)..=(peer.clone(), u64::MAX));
        ends.any(|(_, end)| matches!(end.kind, Kind::Ours(_)))
    }

    fn is_full(&self, peer: &NodeId) -> bool {
        self.ends.range((peer.clone(), 0)..=(peer.clone(), u64::MAX)).count() >= self.most
    }

    fn next_key(&mut self, peer: &NodeId) -> Key {
        self.opened += 1;
        (peer.clone(), self.opened * 2 + u64::from(self.me > *peer))
    }
}

#[cfg(test)]
mod tests;
