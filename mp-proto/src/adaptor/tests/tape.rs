//! A framing for tests: the tokens themselves. Strict where it writes, and varied where it reads.

use std::borrow::Cow;

use crate::DecodeError;
use crate::text::to_latin1;
use crate::token::{MAX_DEPTH, Token, TokenReader, TokenWriter};

/// Records what is written; panics if the calls are not well-formed.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Tape {
    pub(super) tokens: Vec<Token<'static>>,
    open: Vec<Open>,
}

#[derive(Debug, PartialEq)]
enum Open {
    List { left: usize },
    Map { left: usize, keyed: bool },
}

impl Tape {
    /// What was written, which must be one whole item.
    pub(super) fn whole(self) -> Vec<Token<'static>> {
        assert!(self.open.is_empty(), "lists or maps have not ended: {:?}", self.tokens);
        self.tokens
    }

    fn value(&mut self, token: Token<'static>) {
        match self.open.last_mut() {
            Some(Open::List { left }) => *left = left.checked_sub(1).expect("more elements than announced"),
            Some(Open::Map { keyed, .. }) => assert!(std::mem::take(keyed), "a value without a key"),
            None => assert!(self.tokens.is_empty(), "a second item"),
        }
        self.tokens.push(token);
    }

    fn begin(&mut self, token: Token<'static>, open: Open) {
        self.value(token);
        self.open.push(open);
        assert!(self.open.len() <= MAX_DEPTH, "too deep");
    }

    fn end(&mut self, open: Open) {
        assert_eq!(self.open.pop(), Some(open), "the end is not due");
        self.tokens.push(Token::End);
    }
}

impl TokenWriter for Tape {
    fn null(&mut self) {
        self.value(Token::Null);
    }

    fn bool(&mut self, value: bool) {
        self.value(Token::Bool(value));
    }

    fn int(&mut self, number: i64) {
        self.value(Token::Int(number));
    }

    fn uint(&mut self, number: u64) {
        self.value(i64::try_from(number).map_or(Token::UInt(number), Token::Int));
    }

    fn float(&mut self, number: f64) {
        self.value(Token::Float(number));
    }

    fn text(&mut self, text: &str) {
        self.value(Token::Text(Cow::Owned(text.into())));
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.value(Token::Bytes(Cow::Owned(bytes.into())));
    }

    fn list(&mut self, len: usize) {
        self.begin(Token::List(len), Open::List { left: len });
    }

    fn end_list(&mut self) {
        self.end(Open::List { left: 0 });
    }

    fn map(&mut self, len: usize) {
        self.begin(Token::Map(len), Open::Map { left: len, keyed: false });
    }

    fn key(&mut self, key: &str) {
        match self.open.last_mut() {
            Some(Open::Map { left, keyed: keyed @ false }) => {
                *left = left.checked_sub(1).expect("more entries than announced");
                *keyed = true;
            }
            _ => panic!("a key where none is due"),
        }
        self.tokens.push(Token::Key(Cow::Owned(key.into())));
    }

    fn end_map(&mut self) {
        self.end(Open::Map { left: 0, keyed: false });
    }
}

/// How a tape is played.
#[derive(Debug, Clone, Copy)]
pub(super) enum Style {
    /// As a framing that announces lengths and borrows texts from its input.
    Binary,
    /// As one that does neither.
    Text,
    /// As a binary framing written by Perl: byte strings for all that can be one.
    Perl,
    /// As one that announces nonsense, as an attacker may.
    Liar,
}

pub(super) const STYLES: [Style; 4] = [Style::Binary, Style::Text, Style::Perl, Style::Liar];

/// Plays a tape.
pub(super) struct Player<'a> {
    tokens: std::slice::Iter<'a, Token<'static>>,
    style: Style,
}

impl<'a> Player<'a> {
    pub(super) fn new(tokens: &'a [Token<'static>], style: Style) -> Self {
        Self { tokens: tokens.iter(), style }
    }

    fn len(&self, len: usize) -> usize {
        match self.style {
            Style::Binary | Style::Perl => len,
            Style::Text => 0,
            Style::Liar => usize::MAX,
        }
    }
}

impl<'a> TokenReader<'a> for Player<'a> {
    fn next(&mut self) -> Result<Token<'a>, DecodeError> {
        let token = self.tokens.next().ok_or(DecodeError::TooLong { max: 0 })?;
        Ok(match (token, self.style) {
            (Token::Text(text), Style::Perl) => match to_latin1(text) {
                Some(bytes) => Token::Bytes(Cow::Owned(bytes)),
                None => Token::Text(Cow::Borrowed(text)),
            },
            (Token::Text(text), Style::Text) => Token::Text(Cow::Owned(text.clone().into_owned())),
            (Token::Text(text), _) => Token::Text(Cow::Borrowed(text)),
            (Token::Bytes(bytes), _) => Token::Bytes(Cow::Borrowed(bytes)),
            (Token::Key(key), _) => Token::Key(Cow::Borrowed(key)),
            (Token::List(len), _) => Token::List(self.len(*len)),
            (Token::Map(len), _) => Token::Map(self.len(*len)),
            (other, _) => other.clone(),
        })
    }
}
