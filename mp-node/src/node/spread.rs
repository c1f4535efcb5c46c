//! One message to many ports.

use std::sync::Arc;

use mp_proto::{Framing, PortId};
use serde::Serialize;

use super::local::{keep_draft, take_draft};
use super::{Inner, Node};
use crate::address::Recipient;
use crate::error::SendError;
use crate::kernel::letter::Circular;
use crate::kernel::route::ForMany;
use crate::mailbox::Push;
use crate::runtime::peer::Peer;

/// In a list with no more changes of nodes than this it is looked for ports of one node that stand apart by comparing each
/// with each; longer ones are sorted.
const FEW: usize = 16;

impl Node {
    /// Sends a message to each of many ports anywhere, as [`send`](Node::send) would one after the other, and for less: the
    /// message is written once, and goes only once to each node of our own kind, however many ports there are to have it; there
    /// all of them share it. A port that stands in the list twice gets it twice.
    ///
    /// ```
    /// # use mp_node::{Node, SendError};
    /// # async fn tell(node: &Node) -> Result<(), SendError> {
    /// let (one, other) = (node.port(), node.port());
    /// node.send_all([one.id(), other.id()], ("news", 42)).await
    /// # }
    /// ```
    ///
    /// Between this node and each port the order is that of all messages, whether they were sent to one or to many. In which
    /// order the ports get it is open. Waits for room as `send` does, for one node after the other. What the message's `Serialize` may do
    /// stands at [`send`](Node::send), too.
    ///
    /// # Errors
    ///
    /// [`SendError`], as for `send`: those for which it can be sent get it all the same. That a port is dead or its node unreachable is
    /// no error: monitors tell.
    ///
    /// # Cancellation
    ///
    /// If the future is dropped before it is ready, some of the ports have been sent the message and the others have not.
    #[doc(alias("multicast", "broadcast", "publish", "send_many"))]
    pub async fn send_all<P, M>(
        &self,
        to: impl IntoIterator<Item = P> + Send,
        message: M,
    ) -> Result<(), SendError>
    where
        P: Recipient<M> + AsRef<PortId> + Send + Sync,
        M: Serialize + Send,
    {
        self.inner.send_all(to.into_iter().collect(), message).await
    }
}

impl Inner {
    async fn send_all<M, P>(self: &Arc<Self>, mut ports: Vec<P>, message: M) -> Result<(), SendError>
    where
        M: Serialize + Send,
        P: AsRef<PortId> + Send + Sync,
    {
        let mut letter = Circular::new(message, take_draft());
        let nodes = Nodes::of(&ports);
        if nodes.is_none() {
            ports.sort_by(|one, other| one.as_ref().node_str().cmp(other.as_ref().node_str()));
        }
        let (mut result, mut rest, mut leader) = (Ok(()), &ports[..], None);
        for index in 0.. {
            let Some(first) = rest.first() else { break };
            let count = match &nodes {
                Some(nodes) => nodes.ports(index),
                None => rest.iter().take_while(|port| of_one_node(first, *port)).count(),
            };
            let (ports, others) = rest.split_at(count.clamp(1, rest.len()));
            rest = others;
            let sent = if first.as_ref().node_str() == self.id.as_str() {
                self.send_all_here(ports, &mut letter).await
            } else {
                self.send_all_there(ports, &mut letter, &mut leader).await
            };
            result = result.and(sent);
        }
        keep_draft(letter.into_memory());
        result
    }

    /// The ports are of this node: their mailboxes share the message.
    async fn send_all_here<M, P>(
        self: &Arc<Self>,
        ports: &[P],
        letter: &mut Circular<M>,
    ) -> Result<(), SendError>
    where
        M: Serialize + Send,
        P: AsRef<PortId> + Sync,
    {
        for port in ports.iter().map(AsRef::as_ref) {
            if self.is_closed() {
                return Err(SendError::ShutDown);
            }
            let cell = if port.is_node_port() { None } else { self.find(port.name()) };
            let copies = letter.copies(Framing::Postcard, &self.limits)?;
            match (cell, copies) {
                (Some(cell), Some(copies)) => {
                    if let Push::Full(frame) = self.push(&cell, copies.frame(), None) {
                        self.push_frame_patiently(&cell, frame).await;
                    }
                }
                _ => self.send_letter(port, letter).await?,
            }
        }
        Ok(())
    }

    /// The ports are of one other node. `leader` is as in [`send_for_many`](Self::send_for_many).
    async fn send_all_there<M, P>(
        self: &Arc<Self>,
        mut ports: &[P],
        letter: &mut Circular<M>,
        leader: &mut Option<Arc<Peer>>,
    ) -> Result<(), SendError>
    where
        M: Serialize + Send,
        P: AsRef<PortId> + Sync,
    {
        let mut patient = true;
        while let [first, others @ ..] = ports {
            let first = first.as_ref();
            if first.is_node_port() {
                self.send_letter(first, letter).await?;
                ports = others;
                continue;
            }
            let (sent, peer) = self.send_for_many(ports, letter, patient, leader)?;
            match (sent, peer) {
                (ForMany::Taken { count, .. }, _) => {
                    ports = ports.get(count..).unwrap_or_default();
                    patient = true;
                }
                (ForMany::Ripe, Some(peer)) => {
                    self.ripen(&peer).await;
                    patient = false;
                }
                (ForMany::Full(room), Some(peer)) => peer.wait_for_room(room, &self.limits).await,
                _ => {
                    self.send_letter(first, letter).await?;
                    ports = others;
                }
            }
        }
        Ok(())
    }
}

/// Where the ports of each of a few nodes stand, if they stand together.
struct Nodes {
    /// How many ports each node has; none behind the last one.
    ports: [usize; FEW],
}

impl Nodes {
    /// Finds that out as far as it is easily seen.
    fn of<P: AsRef<PortId>>(ports: &[P]) -> Option<Self> {
        let mut nodes = Self { ports: [0; FEW] };
        let mut firsts: [Option<&P>; FEW] = [None; FEW];
        let mut free = 0..FEW;
        let mut last: Option<(&P, usize)> = None;
        for port in ports {
            let place = match last {
                Some((known, place)) if of_one_node(known, port) => place,
                _ => {
                    if firsts.iter().map_while(|first| *first).any(|first| of_one_node(first, port)) {
                        return None;
                    }
                    let place = free.next()?;
                    *firsts.get_mut(place)? = Some(port);
                    place
                }
            };
            *nodes.ports.get_mut(place)? += 1;
            last = Some((port, place));
        }
        Some(nodes)
    }

    /// How many ports the node at this place has.
    fn ports(&self, index: usize) -> usize {
        self.ports.get(index).copied().unwrap_or(usize::MAX)
    }
}

fn of_one_node<P: AsRef<PortId>>(one: &P, other: &P) -> bool {
    one.as_ref().node_str() == other.as_ref().node_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_of_one_node_are_found_where_they_stand_together() {
        let ports = |ids: &[&str]| ids.iter().map(|id| id.parse().expect("valid")).collect::<Vec<PortId>>();
        let by_node =
            |ids: &[&str]| Nodes::of(&ports(ids).iter().collect::<Vec<_>>()).map(|nodes| nodes.ports);
        assert_eq!(by_node(&[]), Some([0; FEW]));
        let found = by_node(&["b#1", "b#2", "a#1", "c"]).expect("they stand together");
        assert_eq!(found[..4], [2, 1, 1, 0]);
        assert_eq!(by_node(&["b#1", "a#1", "b#2"]), None);
        let many: Vec<String> = (0..=FEW).map(|node| format!("{node}#p")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert!(by_node(&many[1..]).is_some());
        assert_eq!(by_node(&many), None, "that is for who sorts");
    }
}
