//! STUB
use super::{Codec, DecodeError, Framing, Scanner, Span};
use crate::token::{Token, TokenReader, TokenWriter};
use bytes::BytesMut;
/// stub
#[derive(Debug)]
pub struct Json;
/// stub
#[derive(Debug, Default)]
pub struct Stub;
impl Scanner for Stub {
    fn scan(&mut self, _: &[u8], _: usize) -> Result<Option<Span>, DecodeError> { todo!() }
}
impl<'a> TokenReader<'a> for Stub {
    fn next(&mut self) -> Result<Token<'a>, DecodeError> { todo!() }
}
impl TokenWriter for Stub {
    fn null(&mut self) {} fn bool(&mut self, _: bool) {} fn int(&mut self, _: i64) {} fn uint(&mut self, _: u64) {}
    fn float(&mut self, _: f64) {} fn text(&mut self, _: &str) {} fn bytes(&mut self, _: &[u8]) {}
    fn list(&mut self, _: usize) {} fn end_list(&mut self) {} fn map(&mut self, _: usize) {} fn key(&mut self, _: &str) {} fn end_map(&mut self) {}
}
impl Codec for Json {
    const FRAMING: Framing = Framing::Json;
    type Reader<'a> = Stub;
    type Writer<'a> = Stub;
    type Scanner = Stub;
    fn reader(_: &[u8]) -> Stub { Stub }
    fn writer(_: &mut BytesMut) -> Stub { Stub }
}
