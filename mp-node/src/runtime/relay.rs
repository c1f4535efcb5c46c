//! Relayed connections, as the node makes, takes and carries them. The rules are in [`kernel::relay`].
//!
//! [`kernel::relay`]: crate::kernel::relay

mod pipe;

use std::io;
use std::sync::Arc;

use mp_proto::{NodeId, Value};
use mp_transport::{Addr, Pipe};

use self::pipe::Relayed;
pub(crate) use self::pipe::Tube;
use crate::kernel::outbox::Lane;
use crate::kernel::relay::request::Request;
use crate::kernel::relay::{Act, Key};
use crate::node::Inner;
use crate::runtime::meet::Carrier;
use crate::service::Way;

impl Inner {
    /// Opens a pipe to `to` through `relay`, and waits until it is taken up.
    pub(crate) async fn dial_through(self: &Arc<Self>, relay: &NodeId, to: &NodeId) -> io::Result<Pipe> {
        if !self.is_kin(relay) {
            let text = format!("{relay}, which could relay, is not connected, or does not relay");
            return Err(io::Error::new(io::ErrorKind::HostUnreachable, text));
        }
        let pipe = {
            let mut table = self.relay.lock();
            let (tube, act) = table.open(relay, to, |key| Arc::new(Tube::opening(key)));
            // Made before anything can fail, so that the pipe is closed if something does.
            let pipe = Relayed::new(tube, self);
            self.act_on(act);
            pipe
        };
        pipe.tube().opened().await?;
        Ok(stream(pipe))
    }

    /// A peer's request about a pipe. `false` if it is none.
    pub(crate) fn on_relay_request(
        self: &Arc<Self>,
        from: &NodeId,
        tag: &str,
        args: &mut Vec<Value>,
    ) -> bool {
        if !Request::TAGS.contains(&tag) || !self.is_kin(from) {
            return false;
        }
        match Request::parse(tag, std::mem::take(args)) {
            Some(request) => {
                let mut table = self.relay.lock();
                let acts = table.request(from, request, |node| self.is_kin(node));
                acts.into_iter().for_each(|act| self.act_on(act));
            }
            None => tracing::debug!(%from, tag, "a request about a relayed connection was dropped"),
        }
        true
    }

    /// The connection to a peer is over: the pipes on it are, too.
    pub(crate) fn relay_down(self: &Arc<Self>, peer: &NodeId) {
        let mut table = self.relay.lock();
        let acts = table.down(peer);
        acts.into_iter().for_each(|act| self.act_on(act));
    }

    /// Whether connections of ours run through a peer.
    pub(crate) fn has_pipes_through(&self, peer: &NodeId) -> bool {
        self.relay.lock().has_own(peer)
    }

    fn relayed_bytes_taken(self: &Arc<Self>, key: &Key, bytes: u64) {
        let mut table = self.relay.lock();
        if let Some(act) = table.taken(key, bytes) {
            self.act_on(act);
        }
    }

    fn close_relayed(self: &Arc<Self>, key: &Key) {
        let mut table = self.relay.lock();
        let acts = table.close(key, "");
        acts.into_iter().for_each(|act| self.act_on(act));
    }

    /// Does what the table asks for. Called with the table's lock held, so that what one event causes goes out before
    /// what the next one does.
    fn act_on(self: &Arc<Self>, act: Act<Arc<Tube>>) {
        match act {
            Act::Send(to, request) => {
                if !self.carry(&to, request) {
                    tracing::debug!(%to, "a request about a relayed connection was not sent: the connection is over");
                }
            }
            Act::Offered { key, window } => self.take_offered(key, window),
            Act::Find { key, to, window, hops } => self.find_way(key, to, window, hops),
            Act::Allowed(tube, bytes) => tube.allowed(bytes),
            Act::Data(tube, bytes) => tube.arrived(bytes),
            Act::Ended(tube) => tube.ended(),
            Act::Closed(tube, text) => tube.closed(text),
        }
    }

    /// Lets a node in that comes through a relay.
    fn take_offered(self: &Arc<Self>, key: Key, window: u64) {
        let node = Arc::clone(self);
        self.spawn_task(async move {
            let pipe = {
                let tube = Arc::new(Tube::offered(key.clone(), window));
                let pipe = Relayed::new(Arc::clone(&tube), &node);
                let mut table = node.relay.lock();
                let Some(act) = table.accept(&key, tube) else {
                    drop(table);
                    return;
                };
                node.act_on(act);
                pipe
            };
            if !node.is_draining() {
                node.receive(stream(pipe), Carrier::Relays);
            }
        });
    }

    /// Takes a pipe on to another relay, if that is known to be the way.
    fn find_way(self: &Arc<Self>, key: Key, to: NodeId, window: u64, hops: u64) {
        let node = Arc::clone(self);
        self.spawn_task(async move {
            let ways = node.ways_to(&to).await;
            let next = ways.into_iter().find_map(|way| match way {
                Way::Through(next) if next != key.0 && node.is_kin(&next) => Some(next),
                _ => None,
            });
            let mut table = node.relay.lock();
            let acts = match next {
                Some(next) => table.forward(&key, &to, &next, window, hops),
                None => table.close(&key, &format!("{} is not connected with {to}", node.id)),
            };
            acts.into_iter().for_each(|act| node.act_on(act));
        });
    }

    /// Sends a request of a pipe, which is taken whatever waits: windows bound how much that is.
    fn carry(self: &Arc<Self>, to: &NodeId, request: Request) -> bool {
        self.request_in(to, &request.into_message(), Lane::Carried).unwrap_or_else(|error| {
            tracing::warn!(%to, %error, "a request about a relayed connection cannot be sent");
            false
        })
    }

    /// Whether a node is connected, and of our own kind.
    fn is_kin(&self, node: &NodeId) -> bool {
        let is_kin = |session: &mp_proto::Session| session.instance.is_some();
        self.known_peer(node.as_str()).is_some_and(|peer| peer.lock().route.session().is_some_and(is_kin))
    }
}

fn stream(pipe: Relayed) -> Pipe {
    let at = relay_addr(&pipe.tube().key.0);
    Pipe::new(pipe, at.clone(), at)
}

/// What stands in a log and in errors for the address of a node that is reached through `relay`.
pub(crate) fn relay_addr(relay: &NodeId) -> Addr {
    let readable = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-') { c } else { '_' };
    let name: String = relay.as_str().chars().take(200).map(readable).collect();
    Addr::new(&format!("relay.{name}"), 0).expect("made of what a host name may have")
}
