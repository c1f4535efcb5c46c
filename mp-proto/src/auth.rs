//! Proof of the shared secret.

use std::fmt;
use std::fmt::Write as _;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{KeyInit as _, Mac as _, SimpleHmac};
use sha3::{Digest as _, Sha3_512};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroize as _;

/// How a node proves that it may talk to us. Greetings list these by name, the preferred one first `[HS-05]`.
///
/// A token is computed over both greetings, the prover's own two lines first, then the other side's `[HS-11]`. So what
/// either side was told differs from what the other said only if the proof fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum AuthMethod {
    /// The HMAC-SHA3-512 of the greetings, keyed with the shared secret. The only one that this version uses.
    HmacSha3_512,
    /// The SHA3-512 of the greetings, within TLS, where a certificate takes the place of the secret.
    TlsSha3_512,
    /// Nothing at all, within TLS.
    TlsAnon,
    /// The secret itself. It is neither sent nor taken.
    Cleartext,
}

impl AuthMethod {
    const ALL: [Self; 4] = [Self::TlsSha3_512, Self::HmacSha3_512, Self::TlsAnon, Self::Cleartext];

    /// The name in greetings.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::HmacSha3_512 => "hmac_sha3_512",
            Self::TlsSha3_512 => "tls_sha3_512",
            Self::TlsAnon => "tls_anon",
            Self::Cleartext => "cleartext",
        }
    }

    /// What the side that sent the greeting `own` proves itself with to the side that sent `other` `[HS-11]`. Either is
    /// both lines of a greeting, each with one LF at its end. `None` if the method proves nothing.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "an HMAC takes keys of every length")]
    pub fn token(self, secret: &Secret, own: &[u8], other: &[u8]) -> Option<String> {
        match self {
            Self::HmacSha3_512 => {
                let mut mac = SimpleHmac::<Sha3_512>::new_from_slice(&secret.0)
                    .expect("an HMAC takes keys of every length");
                mac.update(own);
                mac.update(other);
                Some(hex(&mac.finalize().into_bytes()))
            }
            Self::TlsSha3_512 => Some(hex(&Sha3_512::new().chain_update(own).chain_update(other).finalize())),
            Self::TlsAnon | Self::Cleartext => None,
        }
    }

    /// Whether `token` is what [`token`](Self::token) gives, in a time that does not depend on how much of it is right
    /// `[HS-12]`. Upper-case digits are refused.
    #[must_use]
    pub fn verify(self, secret: &Secret, own: &[u8], other: &[u8], token: &[u8]) -> bool {
        self.token(secret, own, other).is_some_and(|right| bool::from(right.as_bytes().ct_eq(token)))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string succeeds");
        text
    })
}

impl fmt::Display for AuthMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for AuthMethod {
    type Err = UnknownAuthMethod;

    fn from_str(name: &str) -> Result<Self, UnknownAuthMethod> {
        Self::ALL
            .into_iter()
            .find(|method| method.name() == name)
            .ok_or_else(|| UnknownAuthMethod(name.into()))
    }
}

/// A name that is no authentication method of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown authentication method {0:?}")]
pub struct UnknownAuthMethod(pub String);

/// The shared secret of a network, never empty. It is wiped from memory when dropped, and shown nowhere.
#[derive(Clone)]
pub struct Secret(Vec<u8>);

/// Why a text is not a secret. Says nothing about what the secret is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// It is empty, which Perl takes for having none.
    #[error("the secret is empty")]
    Empty,
    /// It has a character above U+00FF, which stands for no byte.
    #[error("character number {0} of the secret is above U+00FF: use ASCII characters")]
    Character(usize),
}

impl Secret {
    /// The secret that a configuration's text stands for: each character is the byte of its number, as in Perl
    /// `[HS-10]`. So `é` is the one byte E9, and not the two of UTF-8.
    ///
    /// # Errors
    ///
    /// [`SecretError`] if the text is empty, or has a character above U+00FF.
    pub fn from_text(text: &str) -> Result<Self, SecretError> {
        // All room is taken at once: growing would leave copies behind.
        let mut secret = Self(Vec::with_capacity(text.len()));
        for (index, c) in text.chars().enumerate() {
            secret.0.push(u8::try_from(u32::from(c)).map_err(|_| SecretError::Character(index + 1))?);
        }
        secret.checked()
    }

    /// The secret that `bytes` are.
    ///
    /// # Errors
    ///
    /// [`SecretError::Empty`].
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, SecretError> {
        Self(bytes).checked()
    }

    fn checked(self) -> Result<Self, SecretError> {
        if self.0.is_empty() { Err(SecretError::Empty) } else { Ok(self) }
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// A number used once: the second line of a greeting, which makes each handshake another one `[HS-03]`. It is public.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nonce(String);

impl Nonce {
    /// How many random bytes make a nonce.
    pub const LEN: usize = 66;

    /// The nonce of these bytes, which must come from the operating system's generator and serve one handshake only.
    #[must_use]
    pub fn new(random: [u8; Self::LEN]) -> Self {
        Self(STANDARD.encode(random))
    }

    /// As it stands in the greeting: 88 characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// [HS-10]
    #[test]
    fn a_secret_is_the_latin_1_bytes_of_its_text() {
        assert_eq!(Secret::from_text("caf\u{e9}").unwrap().0, b"caf\xe9");
        assert_eq!(Secret::from_text("caf\u{e9}\u{101}").unwrap_err(), SecretError::Character(5));
        assert_eq!(Secret::from_text("").unwrap_err(), SecretError::Empty);
        assert_eq!(Secret::from_bytes(Vec::new()).unwrap_err(), SecretError::Empty);
    }

    #[test]
    fn neither_debug_nor_errors_show_a_secret() {
        let secret = Secret::from_text("s3kr1t").unwrap();
        assert_eq!(format!("{secret:?}"), "Secret(..)");
        assert!(!Secret::from_text("s3kr1t\u{2603}").unwrap_err().to_string().contains('\u{2603}'));
    }

    /// [HS-12]
    #[test]
    fn a_token_is_taken_only_as_it_is() {
        let secret = Secret::from_text("s3kr1t").unwrap();
        let method = AuthMethod::HmacSha3_512;
        let token = method.token(&secret, b"own", b"other").unwrap();
        let verify = |token: &str| method.verify(&secret, b"own", b"other", token.as_bytes());
        assert!(verify(&token));
        assert!(!verify(&token.to_uppercase()));
        assert!(!verify(&token[..127]));
        assert!(!verify(&format!("{token}0")));
        assert!(!verify(""));
        assert!(!method.verify(&secret, b"other", b"own", token.as_bytes()), "the order counts");
        assert!(
            !AuthMethod::Cleartext.verify(&secret, b"", b"", b"73336b723174"),
            "cleartext is never taken"
        );
        assert!(!AuthMethod::TlsAnon.verify(&secret, b"", b"", b""));
    }

    /// [HS-03]
    #[test]
    fn a_nonce_is_88_characters() {
        assert_eq!(Nonce::new([0xff; Nonce::LEN]).as_str().len(), 88);
        assert_eq!(Nonce::new([0; Nonce::LEN]).as_str(), "A".repeat(88));
    }

    /// [HS-05]
    #[test]
    fn each_method_is_found_by_its_name() {
        for method in AuthMethod::ALL {
            assert_eq!(method.name().parse(), Ok(method));
        }
        assert_eq!("HMAC_sha3_512".parse::<AuthMethod>(), Err(UnknownAuthMethod("HMAC_sha3_512".into())));
    }
}
