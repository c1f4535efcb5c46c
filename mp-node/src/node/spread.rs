//! One message to many ports.

use std::sync::Arc;

use mp_proto::{Framing, PortId};
use serde::Serialize;

use super::{Inner, Node};
use crate::address::Recipient;
use crate::error::SendError;
use crate::kernel::letter::Circular;
use crate::kernel::route::ForMany;
use crate::mailbox::Push;

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
        let to: Vec<P> = to.into_iter().collect();
        self.inner.send_all(to.iter().map(AsRef::as_ref).collect(), message).await
    }
}

impl Inner {
    async fn send_all<M: Serialize + Send>(
        self: &Arc<Self>,
        mut ports: Vec<&PortId>,
        message: M,
    ) -> Result<(), SendError> {
        let mut letter = Circular::new(message);
        let mut result = Ok(());
        if !is_by_node(&ports) {
            ports.sort_by(|one, other| one.node_str().cmp(other.node_str()));
        }
        for ports in ports.chunk_by(of_one_node) {
            let here = ports.first().is_some_and(|port| port.node_str() == self.id.as_str());
            let sent = if here {
                self.send_all_here(ports, &mut letter).await
            } else {
                self.send_all_there(ports, &mut letter).await
            };
            result = result.and(sent);
        }
        result
    }

    /// The ports are of this node: their mailboxes share the message.
    async fn send_all_here<M: Serialize + Send>(
        self: &Arc<Self>,
        ports: &[&PortId],
        letter: &mut Circular<M>,
    ) -> Result<(), SendError> {
        for port in ports {
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

    /// The ports are of one other node.
    async fn send_all_there<M: Serialize + Send>(
        self: &Arc<Self>,
        mut ports: &[&PortId],
        letter: &mut Circular<M>,
    ) -> Result<(), SendError> {
        let mut patient = true;
        while let [first, others @ ..] = ports {
            if first.is_node_port() {
                self.send_letter(first, letter).await?;
                ports = others;
                continue;
            }
            let (sent, peer) = self.send_for_many(ports, letter, patient)?;
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

fn of_one_node(one: &&PortId, other: &&PortId) -> bool {
    one.node_str() == other.node_str()
}

/// Whether the ports of each node stand together, as far as that is easily seen.
fn is_by_node(ports: &[&PortId]) -> bool {
    let mut seen: Vec<&str> = Vec::new();
    for ports in ports.chunk_by(of_one_node) {
        let node = ports.first().map_or("", |port| port.node_str());
        if seen.len() >= FEW || seen.contains(&node) {
            return false;
        }
        seen.push(node);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_of_one_node_are_found_where_they_stand_together() {
        let ports = |ids: &[&str]| ids.iter().map(|id| id.parse().expect("valid")).collect::<Vec<PortId>>();
        let by_node = |ids: &[&str]| is_by_node(&ports(ids).iter().collect::<Vec<_>>());
        assert!(by_node(&[]));
        assert!(by_node(&["b#1", "b#2", "a#1", "c"]));
        assert!(!by_node(&["b#1", "a#1", "b#2"]));
        let many: Vec<String> = (0..=FEW).map(|node| format!("{node}#p")).collect();
        assert!(!by_node(&many.iter().map(String::as_str).collect::<Vec<_>>()), "that is for who sorts");
    }
}
