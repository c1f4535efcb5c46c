//! Random names and secrets in the digits of base 62.

/// A source of random bytes that fills the whole slice.
pub type Random<'a> = &'a mut dyn FnMut(&mut [u8]) -> Result<(), getrandom::Error>;

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Characters of a new secret: 381 bits, and still below the block of HMAC-SHA3-512.
pub const SECRET_LENGTH: usize = 64;

/// A new secret of [`SECRET_LENGTH`] characters.
///
/// # Errors
///
/// That of the source of randomness.
pub fn secret(random: Random<'_>) -> Result<String, getrandom::Error> {
    base62(SECRET_LENGTH, random)
}

/// What makes a node ID unique: ten digits of which the last is never a lower-case letter `[CF-04]`.
///
/// # Errors
///
/// That of the source of randomness.
pub(crate) fn unique(random: Random<'_>) -> Result<String, getrandom::Error> {
    let mut name = base62(10, random)?;
    let last = name.pop().map(|c| c.to_ascii_uppercase());
    name.extend(last);
    Ok(name)
}

fn base62(length: usize, random: Random<'_>) -> Result<String, getrandom::Error> {
    let mut text = String::with_capacity(length);
    let mut bytes = [0_u8; 64];
    while text.len() < length {
        random(&mut bytes)?;
        // Six bits are 0 to 63; the two that are no digit are thrown away, so that each digit is as likely.
        let digits = bytes.iter().filter_map(|byte| DIGITS.get(usize::from(byte >> 2)));
        text.extend(digits.take(length - text.len()).map(|&digit| char::from(digit)));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(bytes: &mut [u8]) -> Result<(), getrandom::Error> {
        bytes.iter_mut().zip((0..=255_u8).rev().cycle()).for_each(|(byte, number)| *byte = number);
        Ok(())
    }

    /// [CF-04]
    #[test]
    fn the_unique_part_has_ten_digits_and_no_small_one_last() {
        let name = unique(&mut count).unwrap();
        assert_eq!(name.len(), 10);
        assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert!(!name.ends_with(|c: char| c.is_ascii_lowercase()));
        assert_eq!(name, "zzzzyyyyxX");
    }

    #[test]
    fn secrets_are_long_and_differ() {
        let one = secret(&mut getrandom::fill).unwrap();
        assert_eq!(one.len(), SECRET_LENGTH);
        assert!(one.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert_ne!(one, secret(&mut getrandom::fill).unwrap());
    }
}
