//! What waits to be sent to a peer.

use std::collections::VecDeque;

use bytes::BytesMut;
use mp_proto::Text;
use mp_proto::codec::storable::{ThawLimits, freeze, thaw};

use crate::frame::{FrameReader, write_frame};
use crate::limits::TikcLimits;
use crate::packet::{Packet, Parts, Post};
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
    /// The frames of which something is in `out`.
    ledger: VecDeque<Entry>,
    /// The post whose frame `out` begins in the middle of.
    cut: Option<Unsent>,
    role: &'static str,
    compress: bool,
    posts: usize,
    control: usize,
    max_frame: usize,
    /// The image that is being written.
    image: BytesMut,
    /// Nothing is sent any more.
    closed: bool,
}

/// A frame. What it says stands in it, and is read again if it is not sent.
#[derive(Debug, Clone, Copy)]
struct Entry {
    /// Bytes that are left of it.
    left: usize,
    what: What,
}

#[derive(Debug, Clone, Copy)]
enum What {
    /// No post.
    Control,
    /// A post from here, or one that came over a link.
    Post(Option<LinkId>),
}

impl Outbox {
    pub(super) fn new(limits: &TikcLimits, role: &'static str, compress: bool) -> Self {
        let posts = limits.queue_bytes;
        let control = posts.saturating_add(limits.max_frame).saturating_add(limits.control_bytes);
        Self {
            out: BytesMut::new(),
            ledger: VecDeque::new(),
            cut: None,
            role,
            compress,
            posts,
            control,
            max_frame: limits.max_frame,
            image: BytesMut::new(),
            closed: false,
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

    /// Queues a post from here whose image has been written; false if that cannot be, now or ever.
    pub(super) fn post_image(&mut self, image: &[u8]) -> bool {
        let fits = !self.closed && self.has_room() && image.len() <= self.max_frame;
        if fits {
            self.push(image, What::Post(None));
        }
        fits
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
        let mut image = std::mem::take(&mut self.image);
        image.clear();
        if post.write(&mut image).is_err() || image.len() > self.max_frame {
            return Err(SendError::Unwritable(Some(Box::new(post))));
        }
        self.push(&image, What::Post(from));
        if image.capacity() <= KEPT {
            self.image = image;
        }
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
        self.push(&image, What::Control);
        Ok(())
    }

    fn push(&mut self, image: &[u8], what: What) {
        let before = self.out.len();
        write_frame(image, self.compress, &mut self.out);
        self.ledger.push_back(Entry { left: self.out.len().saturating_sub(before), what });
    }

    /// Gives up all posts that are left, and takes no more that are written already.
    pub(super) fn take_unsent(&mut self) -> Vec<Unsent> {
        self.closed = true;
        let mut out = std::mem::take(&mut self.out);
        let (mut cut, mut unsent) = (self.cut.take(), Vec::new());
        for (at, Entry { left, what }) in std::mem::take(&mut self.ledger).into_iter().enumerate() {
            let frame = out.split_to(left.min(out.len()));
            match what {
                What::Post(_) if at == 0 && cut.is_some() => unsent.extend(cut.take()),
                What::Post(from) => unsent.extend(self.read(frame, from)),
                What::Control => {}
            }
        }
        unsent
    }

    /// Which post a whole frame of ours is.
    fn read(&self, mut frame: BytesMut, from: Option<LinkId>) -> Option<Unsent> {
        let image = FrameReader::new(self.max_frame).next(&mut frame).ok()??.bytes;
        let limits = ThawLimits::default();
        if let Some(Parts { alias, event, call, .. }) = Parts::read(&image, &limits) {
            return Some(Unsent { alias: alias.into(), event: event.into(), call, from });
        }
        match Packet::parse(thaw(&image, &limits).ok()?) {
            Ok(Packet::Post(Post { alias, event, call, .. })) => Some(Unsent { alias, event, call, from }),
            _ => None,
        }
    }

    /// Notes that the first `len` bytes are on their way.
    fn strike(&mut self, len: usize) {
        let mut done = 0_usize;
        while let Some(&Entry { left, what }) = self.ledger.front() {
            let end = done.saturating_add(left);
            if end <= len {
                (done, self.cut) = (end, None);
                self.ledger.pop_front();
                continue;
            }
            if len > done {
                // Of a frame that is cut into, the head is gone when it is asked for.
                if let (None, What::Post(from)) = (&self.cut, what) {
                    let frame = self.out.get(done..end).unwrap_or_default();
                    self.cut = self.read(frame.into(), from);
                }
                if let Some(front) = self.ledger.front_mut() {
                    front.left = end.saturating_sub(len);
                }
            }
            return;
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
        if piece == self.out.len() {
            self.cut = None;
            self.ledger.clear();
        } else {
            self.strike(piece);
        }
        if out.is_empty() && piece == self.out.len() {
            std::mem::swap(out, &mut self.out);
        } else {
            out.extend_from_slice(&self.out.split_to(piece));
        }
        piece
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::write_post;

    /// [TK-42]: what was not taken as a whole was not sent, and is named, however the frames were cut and packed.
    #[test]
    fn what_was_not_sent_is_named() {
        for compress in [false, true] {
            for most in [1, 50, 100, 1000, usize::MAX] {
                let mut outbox = Outbox::new(&TikcLimits::default(), "client", compress);
                let mut ends = Vec::new();
                for number in 0..6_u64 {
                    let from = number.is_multiple_of(2).then_some(LinkId(number));
                    let (alias, event) = (Text::from("\u{e9}"), Text::from(number.to_string()));
                    if number == 3 {
                        outbox.control(Packet::Alive).unwrap();
                    } else if from.is_none() {
                        let mut image = BytesMut::new();
                        write_post(&mut image, &alias, &event, &("x".repeat(40),)).unwrap();
                        assert!(outbox.post_image(&image));
                    } else {
                        let post =
                            Post { alias, event, args: vec![1.into()].into(), call: Some(number), hops: 1 };
                        outbox.post(post, from, true).unwrap();
                    }
                    ends.push(outbox.len());
                }
                let mut taken = 0;
                for _ in 0..3 {
                    taken += outbox.take(&mut BytesMut::new(), most);
                }
                let wanted: Vec<String> =
                    (0..6).filter(|at| *at != 3 && ends[*at] > taken).map(|at| at.to_string()).collect();
                let unsent = outbox.take_unsent();
                assert_eq!(unsent.iter().map(|post| post.event.to_string()).collect::<Vec<_>>(), wanted);
                for Unsent { alias, event, call, from } in unsent {
                    let number: u64 = event.parse().unwrap();
                    let relayed = number.is_multiple_of(2).then_some(number);
                    assert_eq!((&*alias, call, from), ("\u{e9}", relayed, relayed.map(LinkId)));
                }
                assert!(outbox.is_empty() && !outbox.post_image(b"x"), "nothing is sent after that");
            }
        }
    }
}
