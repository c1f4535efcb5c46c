//! STUB
/// stub
#[derive(Debug)]
pub struct Connection;
/// stub
#[derive(Debug)]
pub struct ConnectionError;
