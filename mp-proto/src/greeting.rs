//! STUB
/// stub
#[derive(Debug)]
pub struct Greeting;
