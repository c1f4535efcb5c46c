//! Who a kernel is, and how one of our own kind says so.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use mp_proto::auth::{Binding, Signed};
use mp_proto::{AuthMethod, Map, Nonce, Secret, Text, TlsBinding, Value};

/// The most kernels that an announcement passes `[TK-34]`, and a post `[TK-35]`.
pub const MAX_WAY: usize = 16;
/// The version of what our own kind adds.
const VERSION: i64 = 1;

/// Tells kernels of our own kind apart: 16 random bytes, new with each kernel. Shown as 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KernelId([u8; 16]);

impl KernelId {
    /// The ID of these bytes, which should be random.
    #[must_use]
    pub fn new(random: [u8; 16]) -> Self {
        Self(random)
    }
}

impl fmt::Display for KernelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KernelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text is no kernel's ID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a kernel's ID is 32 hexadecimal digits in lower case")]
pub struct KernelIdError;

impl FromStr for KernelId {
    type Err = KernelIdError;

    fn from_str(text: &str) -> Result<Self, KernelIdError> {
        let lower = |byte: &u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte);
        if text.len() != 32 || !text.bytes().all(|byte| lower(&byte)) {
            return Err(KernelIdError);
        }
        let number = u128::from_str_radix(text, 16).map_err(|_| KernelIdError)?;
        Ok(Self(number.to_be_bytes()))
    }
}

/// Which end of a connection a kernel is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// It listened.
    Server,
    /// It dialled.
    Client,
}

impl Role {
    /// As a setup's `type` has it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Client => "client",
        }
    }

    /// The other end's.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Server => Self::Client,
            Self::Client => Self::Server,
        }
    }
}

/// What the first setup of one of our own kernels has under the key `mp` `[TK-50]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hello {
    /// Whose it is.
    pub kernel: KernelId,
    /// Which of its clients dialled; 0 for a server. When it dials again, this connection takes the old one's place
    /// `[TK-36]`.
    pub client: u32,
    /// A fresh one.
    pub nonce: Text,
    /// Whether the sender has a secret, and so will prove that it has and wants the same.
    pub secret: bool,
    /// Whether the sender has a certificate: if both have, TLS follows the hellos `[TK-55]`.
    pub tls: bool,
    /// How many milliseconds of silence the sender takes for the peer's end, if it has a bound for that `[TK-57]`.
    pub silence: Option<u32>,
}

impl Hello {
    /// The hello of a kernel for one connection.
    #[must_use]
    pub fn new(kernel: KernelId, client: u32, nonce: &Nonce, secret: bool, tls: bool) -> Self {
        Self { kernel, client, nonce: nonce.as_str().into(), secret, tls, silence: None }
    }

    /// The same with a bound of silence; zero is none `[TK-57]`.
    #[must_use]
    pub fn with_silence(self, silence: Duration) -> Self {
        let millis = u32::try_from(silence.as_millis()).unwrap_or(u32::MAX);
        Self { silence: Some(millis).filter(|millis| *millis > 0), ..self }
    }

    /// How long the peer of this hello may be silent, if both have a bound.
    pub(crate) fn silence_with(&self, peer: &Self) -> Option<Duration> {
        Some(Duration::from_millis(self.silence?.min(peer.silence?).into()))
    }

    pub(crate) fn into_value(self) -> Value {
        let mut map = Map::new();
        map.insert("v", VERSION);
        map.insert("kernel", self.kernel.to_string());
        map.insert("client", self.client);
        map.insert("nonce", self.nonce);
        if self.secret {
            map.insert("auth", AuthMethod::HmacSha3_512.name());
        }
        if self.tls {
            map.insert("tls", "1.0");
        }
        if let Some(silence) = self.silence {
            map.insert("silence", silence);
        }
        Value::Map(map)
    }

    /// Reads one; `None` if it is none of ours.
    pub(crate) fn read(value: &Value) -> Option<Self> {
        let map = value.as_map()?;
        map.get("v")?.as_i64().filter(|version| *version == VERSION)?;
        let kernel = map.get("kernel")?.as_str()?.parse().ok()?;
        let client = u32::try_from(map.get("client")?.as_i64()?).ok()?;
        let nonce = map.get("nonce")?.as_str()?;
        let sound = nonce.len() == 88 && nonce.is_ascii();
        let auth = map.get("auth").and_then(Value::as_str);
        let secret = auth.is_some_and(|auth| auth == AuthMethod::HmacSha3_512.name());
        let tls = map.get("tls").and_then(Value::as_str).is_some_and(|tls| tls == "1.0");
        let silence =
            map.get("silence").and_then(Value::as_i64).and_then(|millis| u32::try_from(millis).ok());
        let silence = silence.filter(|millis| *millis > 0);
        sound.then(|| Self { kernel, client, nonce: Text::from(&*nonce), secret, tls, silence })
    }

    /// What the proof covers of it: the role keeps a proof from being sent back to who made it.
    fn line(&self, role: Role) -> Vec<u8> {
        let auth = if self.secret { AuthMethod::HmacSha3_512.name() } else { "" };
        let (role, kernel, client, nonce) = (role.name(), self.kernel, self.client, &self.nonce);
        let tls = if self.tls { ";tls=1.0" } else { "" };
        let silence = self.silence.map_or_else(String::new, |millis| format!(";silence={millis}"));
        format!("mp-tikc;{VERSION};{role};{kernel};{client};{auth};{nonce}{tls}{silence}\n").into_bytes()
    }

    /// What a kernel of this role and hello proves itself with to `peer`: the secret if both have one, and within TLS
    /// that the channel is the one of these hellos `[TK-52]` `[TK-56]`.
    #[must_use]
    pub fn token(&self, role: Role, peer: &Self, proof: Proof<'_>) -> Text {
        let (ours, theirs) = (self.line(role), peer.line(role.other()));
        let (method, signed) = proof.signed(self.secret && peer.secret, &ours, &theirs);
        method.token(&signed).unwrap_or_default().into()
    }

    /// Whether `token` is what `peer`, the other end of this role and hello, has to prove itself with `[TK-52]`
    /// `[TK-56]`.
    #[must_use]
    pub fn verify(&self, role: Role, peer: &Self, proof: Proof<'_>, token: &str) -> bool {
        let (theirs, ours) = (peer.line(role.other()), self.line(role));
        let (method, signed) = proof.signed(self.secret && peer.secret, &theirs, &ours);
        method.verify(&signed, token.as_bytes())
    }
}

/// What proofs are made with.
#[derive(Debug, Clone, Copy)]
pub struct Proof<'a> {
    /// The secret, if we have one.
    pub secret: Option<&'a Secret>,
    /// The TLS channel, if there is one.
    pub channel: Option<&'a TlsBinding>,
}

impl<'a> Proof<'a> {
    fn signed(self, both: bool, own: &'a [u8], other: &'a [u8]) -> (AuthMethod, Signed<'a>) {
        let secret = self.secret.filter(|_| both);
        let (method, binding) = match (self.channel, secret) {
            (None, _) => (AuthMethod::HmacSha3_512, Binding::None),
            (Some(channel), Some(_)) => (AuthMethod::TlsSha3_512, Binding::Keyed(channel)),
            (Some(channel), None) => (AuthMethod::TlsSha3_512, Binding::Hashed(channel)),
        };
        (method, Signed { secret, own, other, binding })
    }
}
