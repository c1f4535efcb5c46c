//! The first line that nodes exchange.

mod line;

use std::time::Duration;

pub(crate) use line::LineReader;
pub use line::MAX_LINE;

use crate::handshake::{HandshakeConfig, HandshakeError, InstanceId, shown};
use crate::text::{latin1, to_latin1};
use crate::{AuthMethod, Framing, IdError, NodeId};

/// The longest address of the other side that we tell it, in bytes.
const MAX_PEER_ADDR: usize = 256;

/// The first line of a handshake: who the sender is, and what it takes `[HS-02]`.
///
/// `aemp;1;<node ID>;<auth methods>;<framings>[;<key>=<value>]…`, without any escaping. Both lists are what the sender
/// wants to *receive*, the preferred first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Greeting {
    version: String,
    node: NodeId,
    auths: Vec<String>,
    framings: Vec<String>,
    keys: Vec<String>,
}

/// What a greeting says about a node of our own kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnKind {
    /// Its life.
    pub instance: InstanceId,
    /// The longest silence that it bears; then it takes us for lost `[CN-05]`. `None` if it did not say.
    pub silence: Option<Duration>,
    /// Whether it takes large messages in pieces `[LN-01]`.
    pub pieces: bool,
    /// Whether it takes one message for many ports `[ND-31]`.
    pub many: bool,
}

impl Greeting {
    /// The greeting of a node of this kind. `peer_addr` is the other end's address as seen from here; it serves people
    /// who look for address translation, and nothing else.
    #[must_use]
    pub fn own(config: &HandshakeConfig, peer_addr: &str) -> Self {
        let harmless = |c: &char| c.is_ascii_graphic() && *c != ';';
        let peer_addr: String = peer_addr.chars().filter(harmless).take(MAX_PEER_ADDR).collect();
        Self {
            version: "1".into(),
            node: config.node.clone(),
            auths: config.usable_accepts().map(|method| method.name().into()).collect(),
            framings: config.usable_framings().map(|framing| framing.name().into()).collect(),
            keys: Self::own_keys(config, &peer_addr),
        }
    }

    fn own_keys(config: &HandshakeConfig, peer_addr: &str) -> Vec<String> {
        let mut keys = vec![
            concat!("provider=mp-", env!("CARGO_PKG_VERSION")).into(),
            format!("peeraddr={peer_addr}"),
            "mproto=1".into(),
            "gproto=1".into(),
            "mp=1".into(),
            format!("inst={}", config.instance),
            format!("silence={}", config.silence.as_millis()),
            "pieces=1".into(),
            "many=1".into(),
        ];
        if config.rotates() {
            keys.push("rotates=1".into());
        }
        if config.tls {
            let bind = if config.secret.is_some() { Bind::Hmac } else { Bind::Hash };
            keys.extend(["tls=1.0".into(), format!("bind={}", bind.name())]);
        }
        keys
    }

    /// Reads a line, without its end.
    ///
    /// # Errors
    ///
    /// [`HandshakeError::NotAemp`], [`Extension`](HandshakeError::Extension), [`Version`](HandshakeError::Version) or
    /// [`BadNodeId`](HandshakeError::BadNodeId), looked for in this order.
    pub fn parse(line: &[u8]) -> Result<Self, HandshakeError> {
        let text = latin1(line);
        let mut fields = text.split(';');
        let mut field = || fields.next().unwrap_or_default();
        check_protocol(field(), line)?;
        let version = field();
        if !is_one(version) {
            return Err(HandshakeError::Version { version: shown(version.as_bytes()) });
        }
        let name = field();
        let node =
            NodeId::new(name).map_err(|error| HandshakeError::BadNodeId(in_utf8(name).unwrap_or(error)))?;
        let [auths, framings] = [field(), field()].map(|list| list.split(',').map(str::to_owned).collect());
        Ok(Self { version: version.into(), node, auths, framings, keys: fields.map(str::to_owned).collect() })
    }

    /// The line, without its end.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "no greeting has other characters")]
    pub fn to_line(&self) -> Vec<u8> {
        let mut line = format!(
            "aemp;{};{};{};{}",
            self.version,
            self.node,
            self.auths.join(","),
            self.framings.join(",")
        );
        for key in &self.keys {
            line.push(';');
            line.push_str(key);
        }
        to_latin1(&line).expect("greetings are made of ASCII or were read as Latin-1")
    }

    /// The sender's name; only claimed.
    #[must_use]
    pub fn node(&self) -> &NodeId {
        &self.node
    }

    /// The authentication methods that we know of those that the sender takes, in its order of preference.
    pub fn auth_methods(&self) -> impl Iterator<Item = AuthMethod> {
        self.auths.iter().filter_map(|name| name.parse().ok())
    }

    /// The framings that we know of those that the sender takes, in its order of preference.
    pub fn framings(&self) -> impl Iterator<Item = Framing> {
        self.framings.iter().filter_map(|name| name.parse().ok())
    }

    /// The value of a key; the last one if it stands there twice.
    #[must_use]
    pub fn key(&self, name: &str) -> Option<&str> {
        let mut pairs = self.keys.iter().rev().filter_map(|pair| pair.split_once('='));
        pairs.find_map(|(key, value)| (key == name).then_some(value))
    }

    /// What the greeting says if the sender is a node of our own kind: one with `mp=1` `[HS-07]`. Keys that are missing
    /// otherwise are no matter `[HS-04]`.
    ///
    /// # Errors
    ///
    /// [`HandshakeError::BadInstance`] if it says so, but not which instance it is.
    pub fn own_kind(&self) -> Result<Option<OwnKind>, HandshakeError> {
        if self.key("mp") != Some("1") {
            return Ok(None);
        }
        let instance = self.key("inst").and_then(InstanceId::from_hex).ok_or(HandshakeError::BadInstance)?;
        let silence = self.key("silence").and_then(|text| text.parse().ok()).map(Duration::from_millis);
        let says = |key| self.key(key) == Some("1");
        Ok(Some(OwnKind { instance, silence, pieces: says("pieces"), many: says("many") }))
    }

    /// Whether the sender wants TLS of a kind that we know: its `tls` is a number from 1.0 up to, but not, 2.0 `[TLS-01]`.
    #[must_use]
    pub fn wants_tls(&self) -> bool {
        self.key("tls").and_then(perl_number).is_some_and(|version| (1.0..2.0).contains(&version))
    }

    /// Whether the sender takes two secrets `[HS-20]`.
    pub(crate) fn rotates(&self) -> bool {
        self.key("rotates") == Some("1")
    }

    /// How the sender can bind its proof to the TLS channel.
    pub(crate) fn bind(&self) -> Option<Bind> {
        [Bind::Hash, Bind::Hmac].into_iter().find(|bind| self.key("bind") == Some(bind.name()))
    }

    /// Both lists as the sender wrote them, for texts of errors.
    pub(crate) fn offers(&self) -> [String; 2] {
        [&self.auths, &self.framings].map(|list| shown(list.join(", ").as_bytes()))
    }
}

/// How a node of our own kind can bind its proof to the TLS channel `[TLS-07]`: two that have a secret do it with that,
/// otherwise without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Bind {
    Hash,
    Hmac,
}

impl Bind {
    fn name(self) -> &'static str {
        match self {
            Self::Hash => "hash",
            Self::Hmac => "hmac",
        }
    }
}

/// What is wrong with a node ID, as one sees it who has written it in UTF-8: no character is shown in pieces.
fn in_utf8(name: &str) -> Option<IdError> {
    let name = String::from_utf8(to_latin1(name)?).ok()?;
    NodeId::new(&name).err()
}

fn check_protocol(name: &str, line: &[u8]) -> Result<(), HandshakeError> {
    match name.strip_prefix("aemp") {
        Some("") => Ok(()),
        Some(extension) if extension.starts_with('-') => {
            Err(HandshakeError::Extension { name: shown(name.as_bytes()) })
        }
        _ => Err(HandshakeError::not_aemp(line)),
    }
}

/// Whether Perl takes `text` for the number one `[HS-04]`.
fn is_one(text: &str) -> bool {
    perl_number(text) == Some(1.0)
}

/// What number Perl takes `text` for: it reads as far as it looks like one.
fn perl_number(text: &str) -> Option<f64> {
    let text = text.trim_ascii_start();
    let digits = |from: usize| {
        let rest = text.get(from..).unwrap_or_default();
        from + rest.bytes().take_while(u8::is_ascii_digit).count()
    };
    let byte = |at: usize| text.as_bytes().get(at).copied().unwrap_or_default();
    let start = usize::from(matches!(byte(0), b'+' | b'-'));
    let mut end = digits(start);
    if byte(end) == b'.' {
        end = digits(end + 1);
    }
    if matches!(byte(end), b'e' | b'E') {
        let exponent = end + 1 + usize::from(matches!(byte(end + 1), b'+' | b'-'));
        if digits(exponent) > exponent {
            end = digits(exponent);
        }
    }
    text.get(..end).and_then(|number| number.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// [HS-04]
    #[test]
    fn the_version_is_compared_as_perl_compares_numbers() {
        for one in ["1", "01", "1.0", "1x", " 1", "1e0", "+1", "10e-1", "1.", "1e", "1e+", "0.1e1", "1.0.3"] {
            assert!(is_one(one), "{one:?}");
        }
        for other in ["", "0", "2", "x1", "-1", "1.5", "1e1", ".", "e", "0x1", "11", "\u{b9}", "1e99999"] {
            assert!(!is_one(other), "{other:?}");
        }
    }

    /// [HS-02] [HS-04]
    #[test]
    fn a_perl_greeting_is_read_and_written_back() {
        let line = b"aemp;1;perltls;tls_sha3_512,hmac_sha3_512,tls_anon,cleartext;cbor,json,storable;;peeraddr=[::1]:6\
            ;a;b=;=c;d=e=f;mproto=0;tls=1.0;mproto=1";
        let greeting = Greeting::parse(line).unwrap();
        assert_eq!(greeting.node().as_str(), "perltls");
        assert_eq!(greeting.auth_methods().nth(1), Some(AuthMethod::HmacSha3_512));
        let framings = [Framing::Cbor, Framing::Json, Framing::Storable];
        assert_eq!(greeting.framings().collect::<Vec<_>>(), framings);
        assert_eq!(greeting.key("mproto"), Some("1"), "the last one wins");
        assert_eq!(greeting.key("d"), Some("e=f"));
        assert_eq!(greeting.key("b"), Some(""));
        assert_eq!(greeting.key("a"), None);
        assert_eq!(greeting.own_kind(), Ok(None));
        assert_eq!(greeting.to_line(), line);
    }

    /// [HS-04]
    #[test]
    fn what_is_wrong_first_is_said() {
        use HandshakeError as E;
        let error = |line: &str| Greeting::parse(line.as_bytes()).unwrap_err();
        assert!(matches!(error("xemp;2;;"), E::NotAemp { .. }));
        assert!(matches!(error("AEMP;1;x;;"), E::NotAemp { .. }));
        assert!(matches!(error("aemp ;1;x;;"), E::NotAemp { .. }));
        assert!(matches!(error(""), E::NotAemp { .. }));
        assert_eq!(error("aemp-dataconn;1;x;;"), E::Extension { name: "aemp-dataconn".into() });
        assert_eq!(error("aemp;2;;;"), E::Version { version: "2".into() });
        assert_eq!(error("aemp"), E::Version { version: String::new() });
        assert_eq!(error("aemp;1"), E::BadNodeId(IdError::Empty));
        assert_eq!(error("aemp;1;a#b;;"), E::BadNodeId(IdError::Character('#')));
        assert_eq!(error("aemp;1;\u{fc};;"), E::BadNodeId(IdError::Character('ü')), "shown whole");
        assert_eq!(
            Greeting::parse(b"aemp;1;\xfc;;").unwrap_err(),
            E::BadNodeId(IdError::Character('ü')),
            "what is no UTF-8 is Latin-1"
        );
    }

    /// [TLS-01]
    #[test]
    fn the_integer_part_of_tls_counts() {
        let wants =
            |keys: &str| Greeting::parse(format!("aemp;1;x;;;{keys}").as_bytes()).unwrap().wants_tls();
        for tls in ["tls=1.0", "tls=1", "tls=1.7", "tls=01.9x", "tls=2.0;tls=1.0"] {
            assert!(wants(tls), "{tls}");
        }
        for none in [
            "",
            "tls",
            "tls=",
            "tls=0.9",
            "tls=2.0",
            "tls=10",
            "tls=x1",
            "TLS=1.0",
            "tls=1.0;tls=0",
            "tls=-1",
        ] {
            assert!(!wants(none), "{none}");
        }
    }

    /// [HS-07] [LN-01] [ND-31]
    #[test]
    fn a_node_of_our_kind_names_its_instance() {
        let kind = |keys: &str| Greeting::parse(format!("aemp;1;x;;;{keys}").as_bytes()).unwrap().own_kind();
        let inst = "inst=000000000000000000000000000000ff";
        let instance = InstanceId(255);
        let known = |silence, pieces| Ok(Some(OwnKind { instance, silence, pieces, many: pieces }));
        assert_eq!(kind(&format!("mp=1;{inst}")), known(None, false));
        let silence = Some(Duration::from_secs(10));
        assert_eq!(kind(&format!("mp=1;{inst};silence=10000;pieces=1;many=1")), known(silence, true));
        assert_eq!(kind(&format!("mp=1;{inst};pieces=2;many=0")), known(None, false));
        assert_eq!(kind("mp=1"), Err(HandshakeError::BadInstance));
        assert_eq!(kind("mp=1;inst=00FF"), Err(HandshakeError::BadInstance));
        assert_eq!(kind("mp=1;inst=000000000000000000000000000000FF"), Err(HandshakeError::BadInstance));
        assert_eq!(kind(&format!("mp=2;{inst}")), Ok(None), "another kind");
        assert_eq!(kind(inst), Ok(None));
    }
}
