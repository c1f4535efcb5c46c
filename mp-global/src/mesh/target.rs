//! One thing to be connected to.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use mp_proto::NodeId;

use super::backoff::{Random, wait};

/// Where a target is in its life.
///
/// ```text
///  Waiting ──due: dial──► reached, or the other end dialled us ──► Connected
///     ▲                     │                                          │
///     └───────failed────────┘◄──────────────────lost───────────────────┘
/// ```
#[derive(Debug, Clone, Copy)]
enum Phase {
    /// To be dialled then.
    Waiting(Instant),
    /// Connected since then.
    Connected(Instant),
}

/// An address, or several of one node, and how it stands with them.
#[derive(Debug)]
pub(super) struct Target {
    phase: Phase,
    /// Whether the owner is dialling.
    is_dialling: bool,
    /// Dialled in turn.
    pub(super) addresses: Vec<String>,
    /// Who is there, if we know.
    pub(super) node: Option<NodeId>,
    /// When it is given up, if it is to be.
    pub(super) forget_at: Option<Instant>,
    first_retry: Duration,
    /// Dials in a row that did not lead to a connection that lasted.
    failures: u32,
}

impl Target {
    pub(super) fn new(now: Instant, first_retry: Duration, addresses: Vec<String>) -> Self {
        Self {
            phase: Phase::Waiting(now),
            is_dialling: false,
            addresses,
            node: None,
            forget_at: None,
            first_retry,
            failures: 0,
        }
    }

    /// When something is to be done.
    pub(super) fn timeout(&self) -> Option<Instant> {
        let dial_at = match self.phase {
            Phase::Waiting(at) if !self.is_dialling && !self.addresses.is_empty() => Some(at),
            _ => None,
        };
        dial_at.into_iter().chain(self.forget_at).min()
    }

    /// The address to dial, if it is time.
    pub(super) fn dial(&mut self, now: Instant) -> Option<String> {
        match self.phase {
            Phase::Waiting(at) if at <= now && !self.is_dialling => {}
            _ => return None,
        }
        let turn = usize::try_from(self.failures).unwrap_or(0).checked_rem(self.addresses.len())?;
        self.is_dialling = true;
        self.addresses.get(turn).cloned()
    }

    /// The owner has dialled; whether it was to.
    pub(super) fn dialled(&mut self) -> bool {
        std::mem::take(&mut self.is_dialling)
    }

    /// A dial found this node.
    pub(super) fn reached(
        &mut self,
        now: Instant,
        node: NodeId,
        up: &BTreeSet<NodeId>,
        longest: Duration,
        random: &mut Random,
    ) {
        let is_up = up.contains(&node);
        self.node = Some(node);
        if is_up {
            self.connected(now);
        } else {
            // gone again before we heard of it; or about to be up, which will be told
            self.failed(now, longest, random);
        }
    }

    pub(super) fn connected(&mut self, now: Instant) {
        if !self.is_connected() {
            self.phase = Phase::Connected(now);
        }
    }

    /// A connection that has not lasted longer than the wait before it counts as a failed dial `[GL-26]`.
    pub(super) fn lost(&mut self, now: Instant, longest: Duration, random: &mut Random) {
        let Phase::Connected(since) = self.phase else { return };
        let due = wait(self.failures.saturating_add(1), self.first_retry, longest, random);
        if now.saturating_duration_since(since) >= due {
            self.failures = 0;
            self.phase = Phase::Waiting(now);
        } else {
            self.failed(now, longest, random);
        }
    }

    pub(super) fn failed(&mut self, now: Instant, longest: Duration, random: &mut Random) {
        self.failures = self.failures.saturating_add(1);
        self.phase = Phase::Waiting(now + wait(self.failures, self.first_retry, longest, random));
    }

    pub(super) fn is_connected(&self) -> bool {
        matches!(self.phase, Phase::Connected(_))
    }

    /// Nothing is gained by trying often `[GL-28]`.
    pub(super) fn refused(&mut self, now: Instant, longest: Duration, random: &mut Random) {
        self.failures = self.failures.saturating_add(1);
        self.phase = Phase::Waiting(now + wait(u32::MAX, self.first_retry, longest, random));
    }
}
