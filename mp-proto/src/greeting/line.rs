//! Lines, before messages begin.

use bytes::{Bytes, BytesMut};

/// The longest line of a handshake, in bytes, its LF counted `[HS-01]`. Perl takes all lines up to here.
pub const MAX_LINE: usize = 4096;

/// A line has more than [`MAX_LINE`] bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct LineTooLong;

/// Cuts lines from a stream of bytes, looking at each byte once.
#[derive(Debug, Default)]
pub(crate) struct LineReader {
    /// Bytes of the unfinished line that have been looked at.
    seen: usize,
}

impl LineReader {
    /// The next whole line, removed from `input` with its end: one LF and at most one CR before it, which are not part
    /// of the result. `None` if it is not there yet.
    pub(crate) fn next(&mut self, input: &mut BytesMut) -> Result<Option<Bytes>, LineTooLong> {
        let end = input.len().min(MAX_LINE);
        let unseen = input.get(self.seen..end).unwrap_or_default();
        let Some(offset) = unseen.iter().position(|&byte| byte == b'\n') else {
            self.seen = end;
            return if end == MAX_LINE { Err(LineTooLong) } else { Ok(None) };
        };
        let mut line = input.split_to(self.seen + offset + 1);
        self.seen = 0;
        line.truncate(line.len() - 1);
        if line.last() == Some(&b'\r') {
            line.truncate(line.len() - 1);
        }
        Ok(Some(line.freeze()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &[u8]) -> Vec<Bytes> {
        let (mut reader, mut input, mut lines) = (LineReader::default(), BytesMut::new(), Vec::new());
        for byte in text {
            input.extend_from_slice(&[*byte]);
            lines.extend(reader.next(&mut input).unwrap());
        }
        lines
    }

    /// [HS-01]
    #[test]
    fn one_cr_before_the_lf_is_removed() {
        assert_eq!(lines(b"a\nb\r\nc\r\r\n\n\r\nr\rs\nrest"), [&b"a"[..], b"b", b"c\r", b"", b"", b"r\rs"]);
    }

    /// [HS-01]
    #[test]
    fn a_line_has_at_most_4096_bytes() {
        let longest = [vec![b'x'; MAX_LINE - 1], b"\n".to_vec()].concat();
        let mut input = BytesMut::from(&longest[..]);
        assert_eq!(
            LineReader::default().next(&mut input).unwrap().map(|line| line.len()),
            Some(MAX_LINE - 1)
        );
        assert_eq!(lines(&longest).len(), 1);
        let mut input = BytesMut::from(&[b"x", &longest[..]].concat()[..]);
        assert_eq!(LineReader::default().next(&mut input), Err(LineTooLong));
    }
}
