//! What waits to be sent to a peer.

use std::collections::VecDeque;

use bytes::BytesMut;
use mp_proto::Text;
use mp_proto::codec::storable::{StorableWriter, freeze};

use crate::frame::write_frame;
use crate::limits::TikcLimits;
use crate::packet::{Packet, Post};
use crate::router::LinkId;

/// What is given to the transport at once; the rest still counts as waiting here.
const PIECE: usize = 256 * 1024;

/// A buffer for images that grew beyond this is given back.
const KEPT: usize = 64 * 1024;

/// Why a packet was not queued.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// There is no room for the post now; it is given back.
    #[error("the queue to the peer is full")]
    Full(Box<Post>),
    /// The packet is nested too deeply or too long for a frame; a peer would refuse it. A post is given back.
    #[error("the packet is too deep or too long to be written")]
    Unwritable(Option<Box<Post>>),
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
    /// The image that is being written.
    image: BytesMut,
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
            image: BytesMut::new(),
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
        self.image.clear();
        let written = post.write(StorableWriter::new(&mut self.image));
        if written.is_err() || self.image.len() > self.max_frame {
            self.image = BytesMut::new();
            return Err(SendError::Unwritable(Some(Box::new(post))));
        }
        let before = self.out.len();
        write_frame(&self.image, self.compress, &mut self.out);
        if self.image.len() > KEPT {
            self.image = BytesMut::new();
        }
        let Post { alias, event, call, .. } = post;
        let unsent = Unsent { alias, event, call, from };
        self.ledger.push_back((self.out.len().saturating_sub(before), Some(unsent)));
        Ok(())
    }

    pub(super) fn control(&mut self, packet: Packet) -> Result<(), SendError> {
        if self.out.len() >= self.control {
            return Err(SendError::NotReading);
        }
        let image = freeze(&packet.into_value(self.role)).map_err(|_| SendError::Unwritable(None))?;
        if image.len() > self.max_frame {
            return Err(SendError::Unwritable(None));
        }
        let before = self.out.len();
        write_frame(&image, self.compress, &mut self.out);
        self.ledger.push_back((self.out.len().saturating_sub(before), None));
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

    pub(super) fn len(&self) -> usize {
        self.out.len()
    }

    /// Moves what is next into `out`, `most` bytes at the most; how many.
    pub(super) fn take(&mut self, out: &mut BytesMut, most: usize) -> usize {
        let piece = self.out.len().min(PIECE).min(most);
        if piece == 0 {
            return 0;
        }
        self.strike(piece);
        if out.is_empty() && piece == self.out.len() {
            std::mem::swap(out, &mut self.out);
        } else {
            out.extend_from_slice(&self.out.split_to(piece));
        }
        piece
    }
}
