//! Where a node's randomness comes from.

/// Random bytes: from the operating system, or from a seed in simulations.
#[derive(Debug)]
pub(crate) enum Rng {
    System,
    /// The state of a splitmix64 generator: fine for simulations, useless against an attacker.
    Seeded(u64),
}

impl Rng {
    pub(crate) fn fill(&mut self, bytes: &mut [u8]) -> Result<(), getrandom::Error> {
        match self {
            Self::System => getrandom::fill(bytes),
            Self::Seeded(state) => {
                for chunk in bytes.chunks_mut(8) {
                    let word = splitmix(state).to_le_bytes();
                    chunk.copy_from_slice(&word[..chunk.len()]);
                }
                Ok(())
            }
        }
    }

    /// `len` characters of base 62, the last one an upper-case letter or a digit, as Perl makes them `[ID-04]`.
    pub(crate) fn name(&mut self, len: usize) -> Result<String, getrandom::Error> {
        const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        let mut name = String::with_capacity(len);
        while name.len() < len {
            let mut byte = [0_u8];
            self.fill(&mut byte)?;
            let choices = if name.len() + 1 == len { 36 } else { 62 };
            // Bytes past the last whole multiple would make some digits likelier than others.
            if usize::from(byte[0]) < 256 / choices * choices {
                name.push(char::from(DIGITS[usize::from(byte[0]) % choices]));
            }
        }
        Ok(name)
    }
}

fn splitmix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut word = *state;
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// [ID-04]
    #[test]
    fn a_name_has_ten_digits_and_no_lower_case_letter_at_its_end() {
        let mut rng = Rng::Seeded(1);
        for _ in 0..1000 {
            let name = rng.name(10).expect("a seed suffices");
            assert!(name.len() == 10 && name.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{name}");
            assert!(!name.ends_with(|last: char| last.is_ascii_lowercase()), "{name}");
        }
    }
}
