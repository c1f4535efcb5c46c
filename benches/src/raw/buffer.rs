//! The buffers of a raw connection, without the socket.

use super::BUFFER;

const PREFIX: usize = 4;

/// What is to be written.
#[derive(Debug)]
pub(super) struct Outgoing {
    bytes: Vec<u8>,
    prefix: [u8; PREFIX],
}

impl Default for Outgoing {
    fn default() -> Self {
        Self { bytes: Vec::with_capacity(BUFFER), prefix: [0; PREFIX] }
    }
}

impl Outgoing {
    /// Copies the frame into the buffer, if it fits.
    pub(super) fn put(&mut self, frame: &[u8]) -> bool {
        let fits = self.bytes.len() + PREFIX + frame.len() <= BUFFER;
        if fits {
            self.bytes.extend_from_slice(&prefix(frame));
            self.bytes.extend_from_slice(frame);
        }
        fits
    }

    /// What stands before a frame that goes out without the buffer.
    pub(super) fn prefix(&mut self, frame: &[u8]) -> &[u8] {
        self.prefix = prefix(frame);
        &self.prefix
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
    }
}

fn prefix(frame: &[u8]) -> [u8; PREFIX] {
    u32::try_from(frame.len()).expect("a benchmark's frame has less than 4 GiB").to_le_bytes()
}

/// What has been read. It grows to the largest frame.
#[derive(Debug)]
pub(super) struct Incoming {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

impl Default for Incoming {
    fn default() -> Self {
        Self { bytes: vec![0; BUFFER], start: 0, end: 0 }
    }
}

impl Incoming {
    /// Bytes of the frame that begins at `start`, its prefix included, as soon as the prefix is there.
    fn frame(&self) -> Option<usize> {
        let len = self.bytes[self.start..self.end].first_chunk::<PREFIX>()?;
        Some(PREFIX + u32::from_le_bytes(*len) as usize)
    }

    pub(super) fn has_frame(&self) -> bool {
        self.frame().is_some_and(|len| self.end - self.start >= len)
    }

    /// The next whole frame.
    pub(super) fn next(&mut self) -> Option<&[u8]> {
        let len = self.frame().filter(|len| self.end - self.start >= *len)?;
        let begin = self.start + PREFIX;
        self.start += len;
        Some(&self.bytes[begin..self.start])
    }

    /// Where to read to: room for the rest of the frame that has begun, at least.
    pub(super) fn space(&mut self) -> &mut [u8] {
        let len = self.frame().unwrap_or(PREFIX);
        if self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.bytes.len() < len {
            self.bytes.resize(len, 0);
        }
        &mut self.bytes[self.end..]
    }

    pub(super) fn filled(&mut self, read: usize) {
        self.end += read;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_out_as_they_went_in_however_they_are_cut() {
        let frames: Vec<Vec<u8>> = [0, 1, 64, 5_000, BUFFER - PREFIX].map(|len| vec![7; len]).into();
        let large = vec![9; 2 * BUFFER];
        let mut wire = Vec::new();
        for frame in &frames {
            let mut out = Outgoing::default();
            assert!(out.put(frame));
            wire.extend_from_slice(out.bytes());
        }
        let mut out = Outgoing::default();
        assert!(!out.put(&large), "one past the buffer");
        wire.extend_from_slice(out.prefix(&large));
        wire.extend_from_slice(&large);
        for piece in [1, 3, 4_096, wire.len()] {
            let (mut incoming, mut got) = (Incoming::default(), Vec::new());
            let mut rest = &wire[..];
            while !rest.is_empty() {
                let space = incoming.space();
                let read = piece.min(rest.len()).min(space.len());
                assert!(read > 0, "there is room");
                space[..read].copy_from_slice(&rest[..read]);
                rest = &rest[read..];
                incoming.filled(read);
                while let Some(frame) = incoming.next() {
                    got.push(frame.to_vec());
                }
            }
            assert_eq!(got.len(), frames.len() + 1);
            assert_eq!(got.last(), Some(&large));
            assert_eq!(got[..frames.len()], frames);
        }
    }
}
