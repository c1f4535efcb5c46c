//! A simple list as tokens.

use std::borrow::Cow;

use smallvec::SmallVec;

use super::{Item, Key, Simple};
use crate::DecodeError;
use crate::codec::storable::StorableError;
use crate::text::latin1;
use crate::token::{Token, TokenReader};

/// More than any list has that was found to be simple, or written by us.
const DEEPEST: usize = 256;

/// Reads a list that was found to be simple, token by token.
#[derive(Debug)]
pub(in super::super) struct SimpleReader<'a> {
    simple: Simple<'a>,
    levels: SmallVec<[Level; 4]>,
    begun: bool,
}

/// An array or hash that has begun.
#[derive(Debug, Clone, Copy)]
struct Level {
    /// For a hash, whether there are flags before its keys.
    hash: Option<bool>,
    /// Elements or entries to come.
    left: u32,
    /// In a hash, whether the key has been given and its value comes next.
    keyed: bool,
}

impl<'a> SimpleReader<'a> {
    /// A reader of the list whose opcode `list` begins with.
    #[inline]
    pub(in super::super) fn new(list: &'a [u8]) -> Self {
        Self { simple: Simple::at(list), levels: SmallVec::new(), begun: false }
    }

    #[inline]
    fn token(&mut self) -> Option<Token<'a>> {
        let Some(level) = self.levels.last_mut() else {
            if std::mem::replace(&mut self.begun, true) {
                return None;
            }
            let root = self.simple.container()?;
            return self.value(root);
        };
        match level.hash {
            Some(flagged) if !level.keyed && level.left > 0 => {
                level.left = level.left.saturating_sub(1);
                level.keyed = true;
                self.key(flagged)
            }
            Some(_) if level.keyed => {
                level.keyed = false;
                let item = self.simple.item()?;
                self.value(item)
            }
            None if level.left > 0 => {
                level.left = level.left.saturating_sub(1);
                let item = self.simple.item()?;
                self.value(item)
            }
            _ => {
                self.levels.pop();
                self.complete(Token::End)
            }
        }
    }

    /// The key of the entry that comes next, which stands behind its value.
    #[inline]
    fn key(&mut self, flagged: bool) -> Option<Token<'a>> {
        let mut ahead = self.simple;
        let item = ahead.item()?;
        ahead.pass(item, DEEPEST)?;
        Some(Token::Key(match ahead.key(flagged)? {
            Key::Bytes(bytes) => latin1(bytes),
            Key::Text(text) => Cow::Borrowed(text),
        }))
    }

    #[inline]
    fn value(&mut self, item: Item<'a>) -> Option<Token<'a>> {
        let (count, hash) = match item {
            Item::Null => return self.complete(Token::Null),
            Item::Int(number) => return self.complete(Token::Int(number)),
            Item::Bytes(bytes) => return self.complete(Token::Bytes(Cow::Borrowed(bytes))),
            Item::Text(text) => return self.complete(Token::Text(Cow::Borrowed(text))),
            Item::Array(count) => (count, None),
            Item::Hash { flagged, count } => (count, Some(flagged)),
        };
        self.levels.push(Level { hash, left: count, keyed: false });
        let hint = usize::try_from(count).ok()?;
        Some(if hash.is_some() { Token::Map(hint) } else { Token::List(hint) })
    }

    /// A value is complete; in a hash its key, which has been given, is passed over.
    #[inline]
    fn complete(&mut self, token: Token<'a>) -> Option<Token<'a>> {
        if let Some(Level { hash: Some(flagged), .. }) = self.levels.last() {
            self.simple.key(*flagged)?;
        }
        Some(token)
    }
}

impl<'a> TokenReader<'a> for SimpleReader<'a> {
    #[inline]
    fn next(&mut self) -> Result<Token<'a>, DecodeError> {
        // What was found to be simple ends nowhere else than it should.
        self.token().ok_or_else(|| StorableError::Truncated.into())
    }
}
