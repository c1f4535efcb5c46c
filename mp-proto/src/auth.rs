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
    /// The HMAC-SHA3-512 of the greetings, keyed with the shared secret.
    HmacSha3_512,
    /// The SHA3-512 of the greetings, within TLS, where a certificate takes the place of the secret. Bound to a TLS
    /// channel by two nodes that have a secret as well, it is the HMAC of the above `[TLS-07]`.
    TlsSha3_512,
    /// Nothing at all, within TLS. The greetings, which were sent before TLS, are then not protected by anything: who is
    /// on the wire can change the peer's name.
    TlsAnon,
    /// The secret itself, for all on the wire to see unless it is within TLS.
    Cleartext,
}

/// What a token is computed over.
#[derive(Debug, Clone, Copy)]
pub struct Signed<'a> {
    /// The shared secret, if there is one.
    pub secret: Option<&'a Secret>,
    /// Both lines of the greeting of the side that proves itself, each with one LF at its end.
    pub own: &'a [u8],
    /// Those of the side to which it does.
    pub other: &'a [u8],
    /// The TLS channel.
    pub binding: Binding<'a>,
}

/// How a token is tied to the TLS channel through which it is sent `[TLS-07]`.
#[derive(Debug, Clone, Copy)]
pub enum Binding<'a> {
    /// It is not: there is none, or a node of another kind is at its other end.
    None,
    /// The channel's value is part of what is hashed.
    Hashed(&'a TlsBinding),
    /// And the hash is keyed with the secret, although TLS could do without.
    Keyed(&'a TlsBinding),
}

/// A value that both ends of one TLS channel know, and that no other channel has: 32 bytes of its exporter (RFC 5705
/// and 8446) under the label [`TlsBinding::LABEL`] with an empty context. It is wiped from memory when dropped, and shown
/// nowhere.
#[derive(Clone)]
pub struct TlsBinding([u8; Self::LEN]);

impl TlsBinding {
    /// The exporter's label `[TLS-07]`.
    pub const LABEL: &'static [u8] = b"EXPORTER-mp-aemp-channel-binding";
    /// How many bytes it has.
    pub const LEN: usize = 32;

    /// The binding that the exporter gave.
    #[must_use]
    pub fn new(exported: [u8; Self::LEN]) -> Self {
        Self(exported)
    }
}

impl Drop for TlsBinding {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for TlsBinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TlsBinding(..)")
    }
}

impl<'a> Binding<'a> {
    fn bytes(self) -> &'a [u8] {
        match self {
            Self::None => &[],
            Self::Hashed(binding) | Self::Keyed(binding) => &binding.0,
        }
    }
}

impl AuthMethod {
    const ALL: [Self; 4] = [Self::TlsSha3_512, Self::HmacSha3_512, Self::TlsAnon, Self::Cleartext];

    /// Those that are used and taken if a configuration does not say otherwise, the preferred one first `[TLS-02]`.
    pub const DEFAULT: [Self; 2] = [Self::TlsSha3_512, Self::HmacSha3_512];

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

    /// Whether it proves anything within TLS only.
    #[must_use]
    pub fn needs_tls(self) -> bool {
        matches!(self, Self::TlsSha3_512 | Self::TlsAnon)
    }

    /// Whether it proves knowledge of the secret, so that there must be one.
    #[must_use]
    pub fn needs_secret(self) -> bool {
        matches!(self, Self::HmacSha3_512 | Self::Cleartext)
    }

    /// What the prover shows `[HS-11]`. `None` without a secret where one is needed.
    #[must_use]
    pub fn token(self, signed: &Signed<'_>) -> Option<String> {
        match (self, signed.binding) {
            (Self::HmacSha3_512, _) | (Self::TlsSha3_512, Binding::Keyed(_)) => {
                signed.secret.map(|secret| signed.hmac(secret))
            }
            (Self::TlsSha3_512, _) => Some(signed.hash()),
            (Self::TlsAnon, _) => Some(String::new()),
            (Self::Cleartext, _) => signed.secret.map(|secret| hex(&secret.0)),
        }
    }

    /// Whether `token` is what [`token`](Self::token) gives, in a time that does not depend on how much of it is right
    /// `[HS-12]`. Upper-case digits are refused.
    #[must_use]
    pub fn verify(self, signed: &Signed<'_>, token: &[u8]) -> bool {
        self.token(signed).is_some_and(|right| bool::from(right.as_bytes().ct_eq(token)))
    }
}

impl Signed<'_> {
    /// Whether a token of this method is made with the secret.
    pub(crate) fn is_keyed(&self, method: AuthMethod) -> bool {
        method.needs_secret()
            || method == AuthMethod::TlsSha3_512 && matches!(self.binding, Binding::Keyed(_))
    }

    fn hmac(&self, secret: &Secret) -> String {
        let text = self.hmac_on_the_stack(secret);
        wipe_stack();
        text
    }

    #[inline(never)]
    fn hmac_on_the_stack(&self, secret: &Secret) -> String {
        let mut mac =
            SimpleHmac::<Sha3_512>::new_from_slice(&secret.0).expect("an HMAC takes keys of every length");
        mac.update(self.own);
        mac.update(self.other);
        mac.update(self.binding.bytes());
        hex(&mac.finalize().into_bytes())
    }

    fn hash(&self) -> String {
        let hash = Sha3_512::new().chain_update(self.own).chain_update(self.other);
        hex(&hash.chain_update(self.binding.bytes()).finalize())
    }
}

/// Overwrites what the last calls have left on the stack: there the HMAC has had its key, in the clear, and moved it.
#[inline(never)]
fn wipe_stack() {
    let mut left = [1_u8; 8192];
    left.zeroize();
    std::hint::black_box(&left);
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

    fn signed(secret: Option<&Secret>) -> Signed<'_> {
        Signed { secret, own: b"own", other: b"other", binding: Binding::None }
    }

    /// [HS-12]
    #[test]
    fn a_token_is_taken_only_as_it_is() {
        let secret = Secret::from_text("s3kr1t").unwrap();
        let (method, signed) = (AuthMethod::HmacSha3_512, signed(Some(&secret)));
        let token = method.token(&signed).unwrap();
        let verify = |token: &str| method.verify(&signed, token.as_bytes());
        assert!(verify(&token));
        assert!(!verify(&token.to_uppercase()));
        assert!(!verify(&token[..127]));
        assert!(!verify(&format!("{token}0")));
        assert!(!verify(""));
        let turned = Signed { own: b"other", other: b"own", ..signed };
        assert!(!method.verify(&turned, token.as_bytes()), "the order counts");
    }

    /// [TLS-03]
    #[test]
    fn what_needs_a_secret_proves_nothing_without_one() {
        let secret = Secret::from_text("s3kr1t").unwrap();
        let token = |method: AuthMethod, secret| method.token(&signed(secret));
        assert_eq!(token(AuthMethod::Cleartext, Some(&secret)).as_deref(), Some("73336b723174"));
        assert_eq!(token(AuthMethod::TlsAnon, None).as_deref(), Some(""));
        for method in AuthMethod::ALL {
            assert_eq!(token(method, None).is_none(), method.needs_secret());
            assert_eq!(method.verify(&signed(None), b""), method == AuthMethod::TlsAnon);
        }
        assert!(!AuthMethod::Cleartext.verify(&signed(Some(&secret)), b"73336B723174"));
        assert!(!AuthMethod::TlsAnon.verify(&signed(None), b"x"));
    }

    /// [TLS-07]
    #[test]
    fn a_bound_token_serves_its_channel_only() {
        let secret = Secret::from_text("s3kr1t").unwrap();
        let other_secret = Secret::from_text("other").unwrap();
        let [one, two] = [1, 2].map(|byte| TlsBinding::new([byte; TlsBinding::LEN]));
        let mut tokens = Vec::new();
        for method in AuthMethod::DEFAULT {
            for binding in [Binding::None, Binding::Hashed(&one), Binding::Hashed(&two), Binding::Keyed(&one)]
            {
                for secret in [&secret, &other_secret] {
                    tokens.push(method.token(&Signed { binding, ..signed(Some(secret)) }).unwrap());
                }
            }
        }
        tokens.sort_unstable();
        tokens.dedup();
        // hmac: two secrets, with no channel and two channels; tls: hashed without the secret, keyed as hmac.
        assert_eq!(tokens.len(), 6 + 3);
        assert_eq!(format!("{:?}", Binding::Keyed(&one)), "Keyed(TlsBinding(..))");
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
