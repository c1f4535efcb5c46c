//! Who a kernel is, and how one of our own kind says so.

use std::fmt;
use std::str::FromStr;

use mp_proto::auth::{Binding, Signed};
use mp_proto::{AuthMethod, Map, Nonce, Secret, Text, Value};

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
}

impl Hello {
    /// The hello of a kernel for one connection.
    #[must_use]
    pub fn new(kernel: KernelId, client: u32, nonce: &Nonce, secret: bool) -> Self {
        Self { kernel, client, nonce: nonce.as_str().into(), secret }
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
        sound.then(|| Self { kernel, client, nonce: Text::from(&*nonce), secret })
    }

    /// What the proof covers of it: the role keeps a proof from being sent back to who made it.
    fn line(&self, role: Role) -> Vec<u8> {
        let auth = if self.secret { AuthMethod::HmacSha3_512.name() } else { "" };
        let (role, kernel, client, nonce) = (role.name(), self.kernel, self.client, &self.nonce);
        format!("mp-tikc;{VERSION};{role};{kernel};{client};{auth};{nonce}\n").into_bytes()
    }

    /// What a kernel of this role and hello proves itself with to `peer` `[TK-52]`.
    #[must_use]
    pub fn token(&self, role: Role, peer: &Self, secret: &Secret) -> Text {
        let (ours, theirs) = (self.line(role), peer.line(role.other()));
        AuthMethod::HmacSha3_512.token(&signed(secret, &ours, &theirs)).unwrap_or_default().into()
    }

    /// Whether `token` is what `peer`, the other end of this role and hello, has to prove itself with `[TK-52]`.
    #[must_use]
    pub fn verify(&self, role: Role, peer: &Self, secret: &Secret, token: &str) -> bool {
        let (theirs, ours) = (peer.line(role.other()), self.line(role));
        AuthMethod::HmacSha3_512.verify(&signed(secret, &theirs, &ours), token.as_bytes())
    }
}

fn signed<'a>(secret: &'a Secret, own: &'a [u8], other: &'a [u8]) -> Signed<'a> {
    Signed { secret: Some(secret), own, other, binding: Binding::None }
}
