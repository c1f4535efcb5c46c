//! STUB
/// stub
#[derive(Debug)]
pub struct NodeRequest;
