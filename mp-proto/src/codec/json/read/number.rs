//! Numbers.

use super::super::malformed;
use super::JsonReader;
use crate::DecodeError;
use crate::token::Token;

/// How many bytes of digits begin `bytes`.
#[inline]
fn digits(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|byte| byte.is_ascii_digit()).count()
}

impl<'a> JsonReader<'a> {
    /// Takes a number: an integer if it has neither fraction nor exponent and fits 64 bits, else a float `[FR-13]`.
    #[inline]
    pub(super) fn number(&mut self) -> Result<Token<'a>, DecodeError> {
        let start = self.at;
        let negative = self.peek() == Some(b'-');
        if negative {
            self.advance(1);
        }
        let whole = self.rest();
        self.take_digits()?;
        let len = whole.len().saturating_sub(self.rest().len());
        if len > 1 && whole.first() == Some(&b'0') {
            return Err(malformed(start, "a number with a leading zero"));
        }
        if !matches!(self.peek(), Some(b'.' | b'e' | b'E'))
            && let Some(integer) = integer(negative, whole.get(..len).unwrap_or_default())
        {
            return Ok(integer);
        }
        self.float(start)
    }

    /// Takes the fraction and the exponent, if there are any, of the number that began at `start`.
    fn float(&mut self, start: usize) -> Result<Token<'a>, DecodeError> {
        if self.peek() == Some(b'.') {
            self.advance(1);
            self.take_digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.advance(1);
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.advance(1);
            }
            self.take_digits()?;
        }
        match self.input.get(start..self.at).and_then(|text| text.parse::<f64>().ok()) {
            Some(number) if number.is_finite() => Ok(Token::Float(number)),
            _ => Err(malformed(start, "a number beyond the range of a 64-bit float")),
        }
    }

    /// Takes at least one digit.
    #[inline]
    fn take_digits(&mut self) -> Result<(), DecodeError> {
        match digits(self.rest()) {
            0 if self.rest().is_empty() => Err(self.end()),
            0 => Err(malformed(self.at, "a digit must come here")),
            count => {
                self.advance(count);
                Ok(())
            }
        }
    }
}

/// The integer of these digits, if it fits 64 bits. `-0` is 0.
#[inline]
fn integer<'a>(negative: bool, digits: &[u8]) -> Option<Token<'a>> {
    let mut number = 0_u64;
    for digit in digits {
        number = number.checked_mul(10)?.checked_add(u64::from(digit & 15))?;
    }
    if negative {
        return 0_i64.checked_sub_unsigned(number).map(Token::Int);
    }
    Some(i64::try_from(number).map_or(Token::UInt(number), Token::Int))
}
