//! Runs of string bytes that stand for themselves.

/// How many bytes at the start of `bytes` are neither a quote, nor a backslash, nor a control character. Such a run is
/// the same inside a JSON string and outside of it, whichever way one goes.
#[inline]
pub(super) fn plain_len(bytes: &[u8]) -> usize {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut len = 0_usize;
    for word in words {
        let hit = special_bytes(u64::from_le_bytes(*word));
        if hit != 0 {
            return len.wrapping_add(hit.trailing_zeros() as usize / 8);
        }
        len = len.wrapping_add(8);
    }
    let tail = rest.iter().position(|&byte| byte < 0x20 || matches!(byte, b'"' | b'\\'));
    len.wrapping_add(tail.unwrap_or(rest.len()))
}

/// The lowest bit set belongs to the first byte of `word` (the least significant first) that is special; none is set
/// if there is none. Bits above may be wrong, because a subtraction borrows from the bytes above a hit.
#[inline]
fn special_bytes(word: u64) -> u64 {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);
    let less = |word: u64, bound: u8| word.wrapping_sub(ONES.wrapping_mul(bound.into())) & !word;
    let is = |byte: u8| less(word ^ ONES.wrapping_mul(byte.into()), 1);
    (less(word, 0x20) | is(b'"') | is(b'\\')) & HIGH
}

#[cfg(test)]
mod tests {
    use super::plain_len;
    use proptest::prelude::{any, prop, prop_assert_eq, proptest};

    /// All bytes, at all places of a word, with all neighbours that could borrow.
    #[test]
    fn finds_each_special_byte_alone_at_each_place() {
        for byte in 0..=u8::MAX {
            for place in 0..20 {
                for filler in [b' ', b'!', b'#', b'[', b']', 0x7f, 0x80, 0xa2, 0xdc, 0xff] {
                    let mut bytes = [filler; 20];
                    bytes[place] = byte;
                    let special = byte < 0x20 || byte == b'"' || byte == b'\\';
                    assert_eq!(plain_len(&bytes), if special { place } else { 20 });
                }
            }
        }
    }

    proptest! {
        #[test]
        fn is_the_plain_search(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let slow = bytes.iter().position(|&byte| byte < 0x20 || byte == b'"' || byte == b'\\');
            prop_assert_eq!(plain_len(&bytes), slow.unwrap_or(bytes.len()));
        }
    }
}
