//! What waits to be sent to a peer.

use std::collections::VecDeque;

use bytes::BytesMut;
use mp_proto::codec::storable::freeze;
use mp_proto::{Text, Value};

use crate::frame::write_frame;
use crate::limits::TikcLimits;
use crate::packet::{Packet, Post};
use crate::router::LinkId;

/// What is given to the transport at once; the rest still counts as waiting here.
const PIECE: usize = 256 * 1024;

/// Why a packet was not queued.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// There is no room for the post now; it is given back.
    #[error("the queue to the peer is full")]
    Full(Box<Post>),
    /// The packet is nested too deeply or too long for a frame; a peer would refuse it.
    #[error("the packet is too deep or too long to be written")]
    Unwritable,
    /// The peer takes nothing, and there is no room even for what cannot wait.
    #[error("the peer does not read")]
    NotReading,
}

/// A post that was queued and not sent, so that its sender can be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsent {
    /// Whom it was for.
    pub alias: Text,
    /// Which event it was.
    pub event: Text,
    /// The number of the call, if it was one.
    pub call: Option<u64>,
    /// The link that it had come over, or `None` if it is from here.
    pub from: Option<LinkId>,
}

/// Frames in the order in which they leave.
#[derive(Debug)]
pub(super) struct Outbox {
    out: BytesMut,
    /// Of each frame in `out` the length that is left, and what it is if it is a post.
    ledger: VecDeque<(usize, Option<Unsent>)>,
    role: &'static str,
    compress: bool,
    posts: usize,
    control: usize,
    max_frame: usize,
}

impl Outbox {
    pub(super) fn new(limits: &TikcLimits, role: &'static str, compress: bool) -> Self {
        let posts = limits.queue_bytes;
        let control = posts.saturating_add(limits.max_frame).saturating_add(limits.control_bytes);
        Self {
            out: BytesMut::new(),
            ledger: VecDeque::new(),
            role,
            compress,
            posts,
            control,
            max_frame: limits.max_frame,
        }
    }

    /// Compresses from now on; whether that is news.
    pub(super) fn compress(&mut self) -> bool {
        !std::mem::replace(&mut self.compress, true)
    }

    pub(super) fn has_room(&self) -> bool {
        self.out.len() < self.posts
    }

    pub(super) fn is_empty(&self) -> bool {
        self.out.is_empty()
    }

    pub(super) fn post(
        &mut self,
        post: Post,
        from: Option<LinkId>,
        needs_room: bool,
    ) -> Result<(), SendError> {
        if needs_room && !self.has_room() {
            return Err(SendError::Full(Box::new(post)));
        }
        let (alias, event, call) = (post.alias.clone(), post.event.clone(), post.call);
        self.write(&Packet::Post(post).into_value(self.role), Some(Unsent { alias, event, call, from }))
    }

    pub(super) fn control(&mut self, packet: Packet) -> Result<(), SendError> {
        if self.out.len() >= self.control {
            return Err(SendError::NotReading);
        }
        self.write(&packet.into_value(self.role), None)
    }

    fn write(&mut self, value: &Value, post: Option<Unsent>) -> Result<(), SendError> {
        let image = freeze(value).map_err(|_| SendError::Unwritable)?;
        if image.len() > self.max_frame {
            return Err(SendError::Unwritable);
        }
        let before = self.out.len();
        write_frame(&image, self.compress, &mut self.out);
        self.ledger.push_back((self.out.len().saturating_sub(before), post));
        Ok(())
    }

    pub(super) fn take_unsent(&mut self) -> Vec<Unsent> {
        self.out.clear();
        std::mem::take(&mut self.ledger).into_iter().filter_map(|(_, post)| post).collect()
    }

    /// Notes that the first `len` bytes are on their way.
    fn strike(&mut self, mut len: usize) {
        while let Some((frame, _)) = self.ledger.front_mut() {
            if *frame > len {
                *frame = frame.saturating_sub(len);
                return;
            }
            len = len.saturating_sub(*frame);
            self.ledger.pop_front();
        }
    }

    /// Moves what is next into `out`; whether there was anything.
    pub(super) fn take(&mut self, out: &mut BytesMut) -> bool {
        if self.out.is_empty() {
            return false;
        }
        let piece = self.out.len().min(PIECE);
        self.strike(piece);
        if out.is_empty() && piece == self.out.len() {
            std::mem::swap(out, &mut self.out);
        } else {
            out.extend_from_slice(&self.out.split_to(piece));
        }
        true
    }
}
