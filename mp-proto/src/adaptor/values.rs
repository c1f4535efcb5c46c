//! Values as tokens, both ways, without recursion.

use std::borrow::Cow;

use bytes::Bytes;

use crate::token::{MAX_DEPTH, Token, TokenReader, TokenWriter};
use crate::value::OWNED;
use crate::{DecodeError, Map, Message, Text, Value, payload};

/// How many elements are allocated ahead at the most: an announced number alone is not worth more.
const CAUTIOUS: usize = 64;

/// Gathers what is written to it as a [`Value`]. Announced numbers are hints only: what is written counts.
///
/// ```
/// use mp_proto::Value;
/// use mp_proto::adaptor::ValueWriter;
/// use mp_proto::token::TokenWriter;
///
/// let mut writer = ValueWriter::default();
/// writer.list(2);
/// writer.text("ping");
/// writer.int(42);
/// writer.end_list();
/// assert_eq!(writer.finish(), Some(Value::List(vec!["ping".into(), 42.into()])));
/// ```
#[derive(Debug, Default)]
pub struct ValueWriter {
    /// The innermost list or map that has not ended. Apart from the others, so that a flat message needs no stack.
    open: Option<Open>,
    outer: Vec<Open>,
    whole: Option<Value>,
}

#[derive(Debug)]
enum Open {
    List(Vec<Value>),
    Map { entries: Vec<(Text, Value)>, key: Text },
}

impl ValueWriter {
    /// The item that was written; `None` if there was none, or it has not ended.
    #[must_use]
    pub fn finish(self) -> Option<Value> {
        if self.open.is_some() { None } else { self.whole }
    }

    fn begin(&mut self, open: Open) {
        self.outer.extend(self.open.replace(open));
    }

    fn end(&mut self) {
        let value = match self.open.take() {
            Some(Open::List(items)) => Value::List(items),
            Some(Open::Map { entries, .. }) => Value::Map(Map::from_entries(entries)),
            None => return,
        };
        self.open = self.outer.pop();
        self.add(value);
    }

    #[inline]
    fn add(&mut self, value: Value) {
        match &mut self.open {
            Some(Open::List(items)) => items.push(value),
            Some(Open::Map { entries, key }) => entries.push((std::mem::take(key), value)),
            None => self.whole = Some(value),
        }
    }

    fn token(&mut self, token: Token<'_>) {
        match token {
            Token::Null => self.null(),
            Token::Bool(value) => self.bool(value),
            Token::Int(number) => self.int(number),
            Token::UInt(number) => self.uint(number),
            Token::Float(number) => self.float(number),
            Token::Text(text) => self.add(Value::Text(text.into())),
            Token::Bytes(Cow::Owned(bytes)) => self.add(Value::Bytes(bytes.into())),
            Token::Bytes(Cow::Borrowed(bytes)) => self.add(Value::Bytes(payload::shared(bytes, OWNED))),
            Token::List(len) => self.list(len),
            Token::Map(len) => self.map(len),
            Token::Key(name) => self.set_key(name.into()),
            Token::End => self.end(),
        }
    }

    fn set_key(&mut self, name: Text) {
        if let Some(Open::Map { key, .. }) = &mut self.open {
            *key = name;
        }
    }
}

impl TokenWriter for ValueWriter {
    fn null(&mut self) {
        self.add(Value::Null);
    }

    fn bool(&mut self, value: bool) {
        self.add(Value::Bool(value));
    }

    fn int(&mut self, number: i64) {
        self.add(Value::Int(number));
    }

    fn uint(&mut self, number: u64) {
        self.add(Value::from(number));
    }

    fn float(&mut self, number: f64) {
        self.add(Value::Float(number));
    }

    fn text(&mut self, text: &str) {
        self.add(Value::from(text));
    }

    fn bytes(&mut self, bytes: &[u8]) {
        let lent = if bytes.len() < payload::KEPT { None } else { payload::lent(bytes) };
        self.add(Value::Bytes(lent.unwrap_or_else(|| Bytes::copy_from_slice(bytes))));
    }

    fn list(&mut self, len: usize) {
        self.begin(Open::List(Vec::with_capacity(len.min(CAUTIOUS))));
    }

    fn end_list(&mut self) {
        self.end();
    }

    fn map(&mut self, len: usize) {
        self.begin(Open::Map { entries: Vec::with_capacity(len.min(CAUTIOUS)), key: Text::default() });
    }

    fn key(&mut self, key: &str) {
        self.set_key(key.into());
    }

    fn end_map(&mut self) {
        self.end();
    }
}

/// The elements that are left of a list which has begun: `first` and what comes behind it, until the list's end.
/// `hint` is how many were announced.
pub(super) fn build<'a>(
    reader: &mut impl TokenReader<'a>,
    hint: usize,
    first: impl IntoIterator<Item = Token<'a>>,
) -> Result<Vec<Value>, DecodeError> {
    let mut values = ValueWriter::default();
    values.list(hint);
    for token in first {
        values.token(token);
    }
    while values.open.is_some() {
        values.token(reader.next()?);
    }
    match values.whole {
        Some(Value::List(items)) => Ok(items),
        _ => Ok(Vec::new()),
    }
}

/// Writes a value. Recursive: only for values that are known to nest at most [`MAX_DEPTH`] levels.
pub(super) fn write_value<W: TokenWriter>(w: &mut W, value: &Value) {
    match value {
        Value::Null => w.null(),
        Value::Bool(value) => w.bool(*value),
        Value::Int(number) => w.int(*number),
        Value::UInt(number) => w.uint(*number),
        Value::Float(number) => w.float(*number),
        Value::Text(text) => w.text(text),
        Value::Bytes(bytes) => payload::lend_long(bytes, || w.bytes(bytes)),
        Value::List(items) => {
            w.list(items.len());
            for item in items {
                write_value(w, item);
            }
            w.end_list();
        }
        Value::Map(map) => {
            w.map(map.len());
            for (key, item) in map.iter() {
                w.key(key);
                write_value(w, item);
            }
            w.end_map();
        }
    }
}

/// Reads a [`Value`] or [`Message`] token by token.
#[derive(Debug)]
pub struct ValueReader<'a> {
    /// Where it stands in the innermost list or map; the others wait in `outer`, so that a flat message needs no stack.
    at: Cursor<'a>,
    outer: Vec<Cursor<'a>>,
}

#[derive(Debug, Clone)]
enum Cursor<'a> {
    /// The item itself comes next.
    Start(&'a Value),
    Items(std::slice::Iter<'a, Value>),
    Entries(std::slice::Iter<'a, (Text, Value)>),
    /// A key has been read: its value comes next, then these.
    Entry(&'a Value, std::slice::Iter<'a, (Text, Value)>),
    Done,
}

impl<'a> ValueReader<'a> {
    /// Reads `value`, which is one item.
    #[must_use]
    pub fn new(value: &'a Value) -> Self {
        Self { at: Cursor::Start(value), outer: Vec::new() }
    }

    /// Stands within the list that `message` is: its first element comes next, an end behind the last one.
    #[must_use]
    pub fn within(message: &'a Message) -> Self {
        Self::elements(message.values())
    }

    pub(super) fn elements(items: &'a [Value]) -> Self {
        Self { at: Cursor::Items(items.iter()), outer: Vec::new() }
    }

    fn enter(&mut self, inner: Cursor<'a>) -> Result<(), DecodeError> {
        let outer = std::mem::replace(&mut self.at, inner);
        // The innermost is not in `outer`, hence one level less.
        if !matches!(outer, Cursor::Done) {
            if self.outer.len() + 1 >= MAX_DEPTH {
                return Err(DecodeError::TooDeep);
            }
            self.outer.push(outer);
        }
        Ok(())
    }

    fn value(&mut self, value: &'a Value) -> Result<Token<'a>, DecodeError> {
        Ok(match value {
            Value::Null => Token::Null,
            Value::Bool(value) => Token::Bool(*value),
            Value::Int(number) => Token::Int(*number),
            Value::UInt(number) => Token::UInt(*number),
            Value::Float(number) => Token::Float(*number),
            Value::Text(text) => Token::Text(Cow::Borrowed(text)),
            Value::Bytes(bytes) => Token::Bytes(Cow::Borrowed(bytes)),
            Value::List(items) => {
                self.enter(Cursor::Items(items.iter()))?;
                Token::List(items.len())
            }
            Value::Map(map) => {
                self.enter(Cursor::Entries(map.entries().iter()))?;
                Token::Map(map.len())
            }
        })
    }

    fn leave(&mut self) -> Token<'a> {
        self.at = self.outer.pop().unwrap_or(Cursor::Done);
        Token::End
    }
}

impl<'a> TokenReader<'a> for ValueReader<'a> {
    fn next(&mut self) -> Result<Token<'a>, DecodeError> {
        match &mut self.at {
            Cursor::Items(items) => match items.next() {
                Some(item) => self.value(item),
                None => Ok(self.leave()),
            },
            Cursor::Entries(entries) => match entries.next() {
                Some((key, value)) => {
                    self.at = Cursor::Entry(value, entries.clone());
                    Ok(Token::Key(Cow::Borrowed(key)))
                }
                None => Ok(self.leave()),
            },
            Cursor::Entry(value, entries) => {
                let value = *value;
                self.at = Cursor::Entries(entries.clone());
                self.value(value)
            }
            Cursor::Start(value) => {
                let value = *value;
                self.at = Cursor::Done;
                self.value(value)
            }
            Cursor::Done => Err(DecodeError::Mismatch("the value has ended".into())),
        }
    }
}
