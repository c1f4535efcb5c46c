//! What the posts that have come are kept in.

use bytes::{Bytes, BytesMut};

use crate::names::check_event;
use crate::packet::{Parts, Post};

/// Bytes that posts share, and thus the most that is kept for one of them beside its own.
const CHUNK: usize = 4096;
/// Longer ones have a buffer of their own.
const SMALL: usize = CHUNK / 8;

/// Copies posts out of what was read, which they must not keep. Small ones for the same alias that stand together share
/// a buffer: they go into the same mailbox, and out of it one after the other.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    buffer: BytesMut,
    alias: String,
}

impl Chunk {
    pub(super) fn keep(&mut self, parts: Parts<'_>, image: &[u8]) -> Post {
        let own = self.copy(&parts, image);
        parts.keep(image, &own)
    }

    fn copy(&mut self, parts: &Parts<'_>, image: &[u8]) -> Bytes {
        if self.alias != parts.alias {
            // Who names another alias each time shares nothing.
            self.alias.clear();
            self.alias.push_str(parts.alias.get(..SMALL).unwrap_or(&parts.alias));
            self.buffer = BytesMut::new();
            return Bytes::copy_from_slice(image);
        }
        // What will not be delivered is not to be kept by what is.
        if image.len() > SMALL || check_event(&parts.event).is_err() {
            return Bytes::copy_from_slice(image);
        }
        if self.buffer.capacity() < image.len() {
            self.buffer = BytesMut::with_capacity(CHUNK);
        }
        self.buffer.extend_from_slice(image);
        self.buffer.split().freeze()
    }
}

#[cfg(test)]
mod tests {
    use mp_proto::codec::storable::ThawLimits;

    use super::*;
    use crate::packet::write_post;

    fn image(alias: &str, event: &str) -> BytesMut {
        let mut image = BytesMut::new();
        write_post(&mut image, alias, event, &(1, "x")).unwrap();
        image
    }

    /// [TK-45]: nothing is kept of what has been passed on in between, and no more than a little of one's neighbours.
    #[test]
    fn posts_for_one_alias_share_a_buffer() {
        let mut chunk = Chunk::default();
        let mut keep = |alias: &str, event: &str| {
            let image = image(alias, event);
            let parts = Parts::read(&image, &ThawLimits::default()).unwrap();
            let own = chunk.copy(&parts, &image);
            assert_eq!(own, image);
            let post = parts.keep(&image, &own);
            assert_eq!((&*post.alias, &*post.event), (alias, event));
            assert_eq!(post.args.decode::<(i64, String)>().unwrap(), (1, "x".into()));
            own
        };
        let near = |a: &Bytes, b: &Bytes| a.as_ptr_range().end == b.as_ptr();
        let first = keep("a", "e");
        let (second, third) = (keep("a", "e"), keep("a", "e"));
        assert!(!near(&first, &second) && near(&second, &third));
        assert!(!near(&third, &keep("a", "_forbidden")));
        let others: Vec<Bytes> = (0..10).flat_map(|_| [keep("b", "e"), keep("c", "e")]).collect();
        assert!(others.windows(2).all(|pair| !near(&pair[0], &pair[1])));
    }
}
