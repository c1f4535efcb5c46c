//! STUB
/// stub
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuthMethod {
    /// Proof of the shared secret.
    HmacSha3_512,
}
/// stub
#[derive(Clone, Debug)]
pub struct Secret(Vec<u8>);
/// stub
#[derive(Debug, Clone)]
pub struct Nonce(String);
