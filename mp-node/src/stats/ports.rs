//! What a node tells of its ports.

use std::sync::Arc;

use mp_proto::PortId;

use crate::Node;
use crate::mailbox::PortCell;

/// The most places in the table that one call looks at.
const STEP: usize = 65_536;

/// One port, as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PortInfo {
    /// The port.
    pub id: PortId,
    /// Messages that wait in its mailbox. Up to 64 more may be with its receiver.
    pub messages: usize,
    /// Bytes of these.
    pub bytes: usize,
    /// Whether it has handlers, rather than somebody who receives from it.
    pub has_handlers: bool,
    /// Who is to be told of its death: monitors here, and peers that have some.
    pub monitors: usize,
    /// Under which names the node knows it.
    pub names: Vec<String>,
}

/// Some of a node's ports, from [`Node::ports_info`].
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct PortsPage {
    /// The ports, in the order of the table; at most as many as were asked for, and perhaps none though more follow.
    pub ports: Vec<PortInfo>,
    /// Where to go on; `None` if nothing is left.
    pub next: Option<PortCursor>,
}

/// A place in a node's table of ports. Ports that come and go between two calls may be missed; none is told twice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct PortCursor(u32);

impl PortCursor {
    /// The place of that number. Any number is a place.
    #[must_use]
    pub fn new(number: u32) -> Self {
        Self(number)
    }

    /// Its number.
    #[must_use]
    pub fn number(self) -> u32 {
        self.0
    }
}

/// All mailboxes of a node together, from [`Node::mailboxes`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mailboxes {
    /// Ports that were looked at.
    pub ports: usize,
    /// Messages that wait in them.
    pub messages: usize,
    /// Bytes of these.
    pub bytes: usize,
    /// The port in whose mailbox most messages wait, and how many; none if all are empty.
    pub deepest: Option<(PortId, usize)>,
}

impl Node {
    /// Up to `limit` of the node's ports, from the place `from` on, which the call before gave; the default is the first
    /// one. Each mailbox is locked for a moment.
    #[must_use]
    pub fn ports_info(&self, from: PortCursor, limit: usize) -> PortsPage {
        let (cells, next) = self.cells(from, limit);
        PortsPage { ports: cells.iter().map(|cell| cell.info()).collect(), next }
    }

    /// Looks at the mailboxes of the first 65,536 places of the table of ports. Each is locked for a moment, so this is
    /// for once a second and not for each message.
    #[must_use]
    pub fn mailboxes(&self) -> Mailboxes {
        let (cells, _) = self.cells(PortCursor::default(), STEP);
        let mut all = Mailboxes { ports: cells.len(), ..Mailboxes::default() };
        for cell in &cells {
            let (messages, bytes) = cell.depth();
            all.messages += messages;
            all.bytes += bytes;
            if messages > all.deepest.as_ref().map_or(0, |(_, most)| *most) {
                all.deepest = Some((cell.id().clone(), messages));
            }
        }
        all
    }

    fn cells(&self, from: PortCursor, limit: usize) -> (Vec<Arc<PortCell>>, Option<PortCursor>) {
        let table = self.inner().ports.read();
        let (cells, next) = table.page(from.0, limit, STEP);
        (cells.into_iter().cloned().collect(), next.map(PortCursor))
    }
}
