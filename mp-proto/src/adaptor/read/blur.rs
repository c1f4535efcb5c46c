//! What a token can be taken for. Perl does not tell numbers, texts and byte strings apart, so neither do these.

use std::borrow::Cow;
use std::fmt;

use serde::de::Expected;

use crate::DecodeError;
use crate::text::{latin1, to_latin1};
use crate::token::Token;

/// The integer that the token is: an integer, a float without a fraction, or a text that is one of these.
pub(in crate::adaptor) fn integer(token: &Token<'_>) -> Option<i128> {
    match token {
        Token::Int(number) => Some((*number).into()),
        Token::UInt(number) => Some((*number).into()),
        Token::Float(number) => integral(*number),
        Token::Text(text) | Token::Key(text) => parse_integer(text),
        Token::Bytes(bytes) => parse_integer(std::str::from_utf8(bytes).ok()?),
        _ => None,
    }
}

/// Perl writes large integers as floats when they come from arithmetic, and floats as texts in some framings.
fn parse_integer(text: &str) -> Option<i128> {
    match text.parse() {
        Ok(number) => Some(number),
        Err(_) => integral(parse_float(text)?),
    }
}

fn integral(number: f64) -> Option<i128> {
    if number.fract() != 0.0 || number.abs() > 2f64.powi(64) {
        return None; // not-a-number and the infinities, too: their fraction is not a number
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "integral and at most 2^64 in magnitude, as checked above"
    )]
    Some(number as i128)
}

/// The number that the token is, as the nearest float.
#[inline]
#[expect(clippy::cast_precision_loss, reason = "the nearest float is what is asked for")]
pub(in crate::adaptor) fn float(token: &Token<'_>) -> Option<f64> {
    match token {
        Token::Float(number) => Some(*number),
        Token::Int(number) => Some(*number as f64),
        Token::UInt(number) => Some(*number as f64),
        Token::Text(text) | Token::Key(text) => parse_float(text),
        Token::Bytes(bytes) => parse_float(std::str::from_utf8(bytes).ok()?),
        _ => None,
    }
}

/// A decimal number, `NaN`, `Inf` or `Infinity`, in any case of letters and with or without a sign.
fn parse_float(text: &str) -> Option<f64> {
    text.parse().ok()
}

/// The truth value that the token is: also 0 and 1, and what Perl's own true and false look like. The key of a map is
/// spelt out.
pub(in crate::adaptor) fn truth(token: &Token<'_>) -> Option<bool> {
    match token {
        Token::Bool(value) => Some(*value),
        Token::Int(0) => Some(false),
        Token::Int(1) => Some(true),
        Token::Float(number) if *number == 0.0 => Some(false),
        Token::Float(number) if *number == 1.0 => Some(true),
        Token::Text(text) => perl_truth(text.as_bytes()),
        Token::Bytes(bytes) => perl_truth(bytes),
        Token::Key(key) => match &**key {
            "true" => Some(true),
            "false" => Some(false),
            key => perl_truth(key.as_bytes()),
        },
        _ => None,
    }
}

fn perl_truth(text: &[u8]) -> Option<bool> {
    match text {
        b"" | b"0" => Some(false),
        b"1" => Some(true),
        _ => None,
    }
}

/// The characters that the token is: of a text or byte string, or a number's decimal digits. Gives it back if it is
/// nothing of the kind.
pub(in crate::adaptor) fn characters(token: Token<'_>) -> Result<Cow<'_, str>, Token<'_>> {
    Ok(match token {
        Token::Text(text) | Token::Key(text) => text,
        Token::Bytes(bytes) => byte_characters(bytes),
        Token::Int(number) => Cow::Owned(number.to_string()),
        Token::UInt(number) => Cow::Owned(number.to_string()),
        Token::Float(number) => float_text(number),
        other => return Err(other),
    })
}

/// The same names for what is no number as in JSON frames.
fn float_text<'a>(number: f64) -> Cow<'a, str> {
    if number.is_nan() {
        "NaN".into()
    } else if number.is_infinite() {
        if number > 0.0 { "Inf" } else { "-Inf" }.into()
    } else {
        number.to_string().into()
    }
}

/// The octets that the token is: of a byte string, or of a text without a character above U+00FF. Gives it back if it
/// is nothing of the kind.
pub(in crate::adaptor) fn octets(token: Token<'_>) -> Result<Cow<'_, [u8]>, Token<'_>> {
    match token {
        Token::Bytes(bytes) => Ok(bytes),
        Token::Text(Cow::Borrowed(text)) if text.is_ascii() => Ok(text.as_bytes().into()),
        Token::Text(text) | Token::Key(text) => to_latin1(&text).map(Cow::Owned).ok_or(Token::Text(text)),
        other => Err(other),
    }
}

/// The characters that a byte string stands for.
pub(in crate::adaptor) fn byte_characters(bytes: Cow<'_, [u8]>) -> Cow<'_, str> {
    match bytes {
        Cow::Borrowed(bytes) => latin1(bytes),
        Cow::Owned(bytes) => Cow::Owned(latin1(&bytes).into_owned()),
    }
}

/// How much of a text stands in an error.
const SHOWN: usize = 40;

/// The error for a token that cannot be what a type expects.
#[cold]
pub(super) fn mismatch(found: &Token<'_>, expected: &dyn Expected) -> DecodeError {
    DecodeError::Mismatch(format!("expected {expected}, found {}", Found(found)))
}

/// The error for a token that is not [`octets`].
#[cold]
pub(super) fn not_octets(found: &Token<'_>, expected: &dyn Expected) -> DecodeError {
    let why = if matches!(found, Token::Text(_)) { ", which has a character above U+00FF" } else { "" };
    DecodeError::Mismatch(format!("expected {expected}, found {}{why}", Found(found)))
}

/// A token for the eyes of users.
pub(in crate::adaptor) struct Found<'t, 'a>(pub(in crate::adaptor) &'t Token<'a>);

impl fmt::Display for Found<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Token::Null => f.write_str("null"),
            Token::Bool(value) => value.fmt(f),
            Token::Int(number) => write!(f, "the number {number}"),
            Token::UInt(number) => write!(f, "the number {number}"),
            Token::Float(number) => write!(f, "the number {}", float_text(*number)),
            Token::Text(text) => write!(f, "the text {}", Excerpt(text)),
            Token::Bytes(bytes) => {
                let shown = bytes.get(..4 * SHOWN).unwrap_or(bytes);
                write!(f, "the byte string {}", Excerpt(&latin1(shown)))
            }
            Token::List(_) => f.write_str("a list"),
            Token::Map(_) => f.write_str("a map"),
            Token::Key(name) => write!(f, "the key {}", Excerpt(name)),
            Token::End => f.write_str("nothing"),
        }
    }
}

struct Excerpt<'t>(&'t str);

impl fmt::Display for Excerpt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.char_indices().nth(SHOWN).and_then(|(end, _)| self.0.get(..end)) {
            Some(start) => write!(f, "{start:?}…"),
            None => write!(f, "{:?}", self.0),
        }
    }
}
