//! Memory of large messages that is used again.

use bytes::{Bytes, BytesMut};

/// What is kept at the most, in bytes and in pieces of memory.
const KEPT: (usize, usize) = (4 << 20, 32);

/// Memory that was lent to large messages, for the next ones when these are gone `[LN-12]`.
///
/// New memory is dear: the system gives it page by page, when each is touched first, after it has filled it with zeros; and
/// it is in no cache. Who sends large messages one after the other, or receives them, needs but a few pieces of memory for
/// all of them.
///
/// This keeps a second handle of what it has lent, and looks whether it has become the only one. So nobody has to give
/// anything back, and a message that is kept for long costs nothing but its place here. At most 4 MiB are lent and known of
/// at a time, in at most 32 pieces; what is larger, or comes when all others are in use, is no concern of this. What was
/// not used for some time [goes](Self::tidy).
#[derive(Debug, Default)]
pub struct Spares {
    lent: Vec<Lent>,
    bytes: usize,
}

#[derive(Debug)]
struct Lent {
    memory: Bytes,
    /// What it takes up: more than what its present user sees of it, perhaps.
    size: usize,
    /// It has been here when it was tidied the last time.
    old: bool,
}

impl Spares {
    /// Remembers memory that takes up `size` bytes, and that somebody may still be using; says whether it did.
    pub fn lend(&mut self, memory: &Bytes, size: usize) -> bool {
        if size > KEPT.0 || !self.make_room(size) {
            return false;
        }
        self.bytes = self.bytes.saturating_add(size);
        self.lent.push(Lent { memory: memory.clone(), size, old: false });
        true
    }

    /// Whether there is room; what nobody uses gives way.
    fn make_room(&mut self, size: usize) -> bool {
        while self.bytes.saturating_add(size) > KEPT.0 || self.lent.len() >= KEPT.1 {
            let Some(free) = self.lent.iter().position(|lent| lent.memory.is_unique()) else { return false };
            drop(self.remove(free));
        }
        true
    }

    /// Memory that nobody uses any more, without content: that which was lent last, as it may still be in the caches.
    pub fn take(&mut self) -> Option<BytesMut> {
        let free = self.lent.iter().rposition(|lent| lent.memory.is_unique())?;
        let mut memory = self.remove(free).memory.try_into_mut().ok()?;
        memory.clear();
        Some(memory)
    }

    fn remove(&mut self, place: usize) -> Lent {
        let lent = self.lent.remove(place);
        self.bytes = self.bytes.saturating_sub(lent.size);
        lent
    }

    /// Forgets what has not been used since this was called the last time. To be called every few seconds, so that who
    /// is idle holds nothing.
    pub fn tidy(&mut self) {
        self.lent.retain(|lent| !lent.old);
        self.lent.iter_mut().for_each(|lent| lent.old = true);
        self.bytes = self.lent.iter().map(|lent| lent.size).sum();
    }

    /// How many bytes are known of, in use or not.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    fn memory(len: usize) -> Bytes {
        BytesMut::zeroed(len).freeze()
    }

    /// `[LN-12]`
    #[test]
    fn memory_comes_back_when_its_last_user_has_gone() {
        let mut spares = Spares::default();
        let message = memory(1000);
        let (place, part) = (message.as_ptr(), message.slice(900..));
        assert!(spares.lend(&message, 1000));
        drop(message);
        assert!(spares.take().is_none(), "a part of it is in use");
        drop(part);
        let again = spares.take().expect("it is free");
        assert_eq!((again.as_ptr(), again.len(), again.capacity()), (place, 0, 1000));
        assert_eq!(spares.bytes(), 0);
        assert!(spares.take().is_none(), "nobody else has it");
    }

    /// `[LN-12]`
    #[test]
    fn what_is_kept_is_bounded_and_what_is_free_gives_way() {
        let mut spares = Spares::default();
        assert!(!spares.lend(&memory(4 * MIB + 1), 4 * MIB + 1));
        let (first, second) = (memory(MIB), memory(3 * MIB));
        assert!(spares.lend(&first, MIB) && spares.lend(&second, 3 * MIB));
        assert!(!spares.lend(&memory(1), 1), "all is in use");
        drop(first);
        assert!(spares.lend(&memory(1), 1));
        assert_eq!(spares.bytes(), 3 * MIB + 1);
        for _ in 0..100 {
            spares.lend(&memory(1), 1);
        }
        assert!(spares.lent.len() <= KEPT.1);
    }

    /// `[LN-12]`
    #[test]
    fn what_is_not_used_goes() {
        let mut spares = Spares::default();
        spares.lend(&memory(10), 10);
        spares.tidy();
        let used = spares.take().expect("it is free").freeze();
        spares.lend(&used, 10);
        spares.tidy();
        assert_eq!(spares.bytes(), 10, "it was used");
        spares.tidy();
        assert_eq!(spares.bytes(), 0);
    }
}
