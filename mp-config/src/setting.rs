//! The settings: their keys, what they take, and what they mean.

use std::fs::File;
use std::io::Read as _;
use std::time::Duration;

use mp_proto::{AuthMethod, IdError, NodeId};
use serde_json::Value;

use super::address::{Address, AddressError};

/// The largest PEM file that is read, in bytes. A certificate with its key has some 3 KB.
const LARGEST_CERT: u64 = 1 << 20;

/// One key of the configuration, for all profiles or in one.
#[derive(Debug)]
pub struct Setting {
    /// The key in the file, and the command that sets it.
    pub key: &'static str,
    /// For lists: the word in the commands that add and remove one item.
    pub item: Option<&'static str>,
    kind: Kind,
    /// The argument's form, for help.
    pub argument: &'static str,
    /// What it is, for help.
    pub about: &'static str,
    /// What holds without it, for people.
    pub default: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    NodeId,
    Secret,
    Seeds,
    Binds,
    Advertise,
    Services,
    Parent,
    Seconds,
    Framings,
    Cert,
    Auths,
    Switch,
}

/// All settings that this program knows, in the order in which help names them.
pub const SETTINGS: [Setting; 17] = [
    Setting {
        key: "nodeid",
        item: None,
        kind: Kind::NodeId,
        argument: "NODEID",
        about: "the node's name; %n is the host name, %u or a / at the end a random part",
        default: "the profile's name and a /",
    },
    Setting {
        key: "secret",
        item: None,
        kind: Kind::Secret,
        argument: "SECRET",
        about: "what all nodes of a network must share",
        default: "none",
    },
    Setting {
        key: "old_secret",
        item: None,
        kind: Kind::Secret,
        argument: "SECRET",
        about: "the secret that is being replaced: nodes that still have it are met, too",
        default: "none",
    },
    Setting {
        key: "cert",
        item: None,
        kind: Kind::Cert,
        argument: "FILE",
        about: "the PEM file with the certificate, its key and the CAs to trust, for TLS",
        default: "none",
    },
    Setting {
        key: "seeds",
        item: Some("seed"),
        kind: Kind::Seeds,
        argument: "HOST:PORT,…",
        about: "where other nodes of the network are found",
        default: "none",
    },
    Setting {
        key: "binds",
        item: Some("bind"),
        kind: Kind::Binds,
        argument: "HOST:PORT,…",
        about: "where the node listens; the host * is every address but loopback, the port * any free one",
        default: "*",
    },
    Setting {
        key: "advertise",
        item: None,
        kind: Kind::Advertise,
        argument: "HOST:PORT,…",
        about: "where others are told to reach the node, if not where it listens",
        default: "the binds",
    },
    Setting {
        key: "services",
        item: Some("service"),
        kind: Kind::Services,
        argument: "NAME,…",
        about: "what `aemp run` starts in the node",
        default: "mp::echo",
    },
    Setting {
        key: "parent",
        item: None,
        kind: Kind::Parent,
        argument: "NAME",
        about: "the profile that fills in what this one leaves open",
        default: "the global settings",
    },
    Setting {
        key: "monitor_timeout",
        item: None,
        kind: Kind::Seconds,
        argument: "SECONDS",
        about: "how long a silent peer counts as alive",
        default: "10",
    },
    Setting {
        key: "connect_interval",
        item: None,
        kind: Kind::Seconds,
        argument: "SECONDS",
        about: "how long a connection may take to be made",
        default: "2",
    },
    Setting {
        key: "framing_format",
        item: None,
        kind: Kind::Framings,
        argument: "NAME,…",
        about: "the framings to use, best first: postcard, cbor, json, storable",
        default: "postcard,cbor,json,storable",
    },
    Setting {
        key: "auth_offer",
        item: None,
        kind: Kind::Auths,
        argument: "NAME,…",
        about: "the proofs to give: tls_sha3_512, hmac_sha3_512, tls_anon, cleartext",
        default: "tls_sha3_512,hmac_sha3_512",
    },
    Setting {
        key: "auth_accept",
        item: None,
        kind: Kind::Auths,
        argument: "NAME,…",
        about: "the proofs to take from others, best first; the names are the same",
        default: "tls_sha3_512,hmac_sha3_512",
    },
    Setting {
        key: "autocork",
        item: None,
        kind: Kind::Switch,
        argument: "0|1",
        about: "for Perl's nodes alone: whether they gather what they write",
        default: "Perl's own",
    },
    Setting {
        key: "nodelay",
        item: None,
        kind: Kind::Switch,
        argument: "0|1",
        about: "for Perl's nodes alone: whether they send small packets at once",
        default: "Perl's own",
    },
    Setting {
        key: "secure",
        item: None,
        kind: Kind::Switch,
        argument: "0|1",
        about: "for Perl's nodes alone: 1 forbids others to run code there; ours never do",
        default: "Perl's own",
    },
];

/// Why a setting cannot have a value. The message ends with the mend.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingError {
    /// Something else stands where a text belongs.
    #[error("{found} where a text belongs; put it in double quotes")]
    NotText {
        /// What stands there.
        found: &'static str,
    },
    /// Something else stands where a list belongs.
    #[error("{found} where a list belongs; write [\"…\", \"…\"]")]
    NotList {
        /// What stands there.
        found: &'static str,
    },
    /// An address is none.
    #[error("{text:?}: {}", mend(text, *.error))]
    Address {
        /// The text.
        text: String,
        /// What is wrong with it.
        error: AddressError,
    },
    /// A node ID is none.
    #[error("{text:?} is no node ID: {error}")]
    NodeId {
        /// The text.
        text: String,
        /// What is wrong with it.
        error: IdError,
    },
    /// A profile cannot have this name.
    #[error("{text:?} is no name for a profile: {error}")]
    ProfileName {
        /// The text.
        text: String,
        /// What is wrong with it.
        error: IdError,
    },
    /// A profile cannot be without a name.
    #[error("a profile's name cannot be empty; write it behind `profile`, as in `aemp profile seed …`")]
    NoProfileName,
    /// The secret is empty.
    #[error("the secret cannot be empty; make one by `aemp gensecret`")]
    EmptySecret,
    /// The secret has a character that a Perl node cannot use.
    #[error("character number {0} of the secret is none that Perl can use; use characters up to U+00FF")]
    SecretCharacter(usize),
    /// A time is none, or out of bounds.
    #[error("{0} is no number of seconds; write one above 0 and up to 86400")]
    Seconds(String),
    /// There is no such framing.
    #[error("there is no framing {0:?}; there are postcard, cbor, json and storable")]
    Framing(String),
    /// There is no such proof.
    #[error("there is no proof {0:?}; there are tls_sha3_512, hmac_sha3_512, tls_anon and cleartext")]
    Auth(String),
    /// A certificate is none. What was found instead is not told: it may be a key.
    #[error("it is no PEM text with a certificate and its private key; make one by `aemp gencert`")]
    NoPem,
    /// The file of a certificate cannot be read.
    #[error("cannot read {path}: {error}; give the name of a PEM file")]
    CertFile {
        /// The file.
        path: String,
        /// What the system says.
        error: String,
    },
    /// A switch is neither on nor off.
    #[error("{0:?} is neither 0 nor 1; write one of them")]
    Switch(String),
    /// A word is half JSON and half a list with commas, or JSON of another kind.
    #[error("{0} is neither a list with commas nor a whole JSON list; write either a,b or [\"a\",\"b\"]")]
    Mixed(String),
    /// A service is none.
    #[error("{0} is no service; write \"name\" or [\"name\", arguments …]")]
    Service(String),
}

/// A service that `aemp run` starts: its name and what it is given.
#[derive(Debug, Clone, PartialEq)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// What it is given.
    pub arguments: Vec<Value>,
}

impl Setting {
    /// The setting of this key.
    pub fn of(key: &str) -> Option<&'static Self> {
        SETTINGS.iter().find(|setting| setting.key == key)
    }

    /// Whether it makes sense in a profile alone.
    pub fn profile_only(&self) -> bool {
        self.kind == Kind::Parent
    }

    /// Whether its value is shown only when asked for.
    pub fn hidden(&self) -> bool {
        matches!(self.kind, Kind::Secret | Kind::Cert)
    }

    /// Whether its list may have the same item several times, each of which counts `[CF-11]`.
    pub fn has_instances(&self) -> bool {
        self.kind == Kind::Services
    }

    /// Whether it is for Perl's nodes alone: ours keep it in the file, and do not look at it.
    pub fn is_perls(&self) -> bool {
        self.kind == Kind::Switch
    }

    /// The value that a word of the command line means: a list is one word with commas, or one JSON list, and not both
    /// `[CF-11]`; of a certificate it is the name of a file, which is read `[TLS-16]`.
    ///
    /// # Errors
    ///
    /// [`SettingError`] says why the word is no value for this.
    pub fn value(&self, word: &str) -> Result<Value, SettingError> {
        let value = match self.kind {
            Kind::Seeds | Kind::Binds | Kind::Advertise | Kind::Services | Kind::Framings | Kind::Auths => {
                Value::Array(self.words(word)?)
            }
            Kind::Seconds => word.parse::<u64>().map_or_else(|_| Value::from(word), Value::from),
            Kind::NodeId | Kind::Secret | Kind::Parent => Value::from(word),
            Kind::Cert => Value::from(read_cert(word)?),
            Kind::Switch => match word {
                "0" => Value::from(0),
                "1" => Value::from(1),
                _ => return Err(SettingError::Switch(word.to_owned())),
            },
        };
        self.check(&value)?;
        Ok(self.without_repetition(value))
    }

    /// A list in which nothing stands twice, unless it may.
    fn without_repetition(&self, value: Value) -> Value {
        let Value::Array(items) = value else { return value };
        if self.has_instances() {
            return Value::Array(items);
        }
        let mut once = Vec::with_capacity(items.len());
        for item in items {
            if !once.contains(&item) {
                once.push(item);
            }
        }
        Value::Array(once)
    }

    /// The items that a word of the command line means: one or more of a list `[CF-11]`. A JSON list that begins with a
    /// text is one service with its arguments; one that begins with a list is several.
    ///
    /// # Errors
    ///
    /// [`SettingError`] says why the word is no item for this.
    pub fn items(&self, word: &str) -> Result<Vec<Value>, SettingError> {
        let is_one =
            |items: &[Value]| self.kind == Kind::Services && !items.first().is_some_and(Value::is_array);
        let mut items = match json_list(word) {
            Some(items) if is_one(&items) => vec![Value::Array(items)],
            _ => self.words(word)?,
        };
        if items.is_empty() {
            items.push(Value::from(""));
        }
        items.iter().try_for_each(|item| self.check_item(item))?;
        Ok(items)
    }

    /// The parts of a word that is a list.
    fn words(&self, word: &str) -> Result<Vec<Value>, SettingError> {
        if word.trim().is_empty() {
            return Ok(Vec::new());
        }
        if let Some(items) = json_list(word) {
            return Ok(items);
        }
        // Of addresses, some begin with a bracket.
        let may_begin = matches!(self.kind, Kind::Seeds | Kind::Binds | Kind::Advertise);
        if word.contains(['"', '{', '}']) || (!may_begin && word.contains(['[', ']'])) {
            return Err(SettingError::Mixed(word.to_owned()));
        }
        Ok(word.split(',').map(|part| Value::from(part.trim())).collect())
    }

    /// Whether `value`, from the file or the command line, is one for this.
    ///
    /// # Errors
    ///
    /// [`SettingError`] says why not.
    pub fn check(&self, value: &Value) -> Result<(), SettingError> {
        match self.kind {
            Kind::NodeId => node_id_template(value).map(drop),
            Kind::Secret => secret(value).map(drop),
            Kind::Cert => cert(value).map(drop),
            Kind::Parent => profile_name(&text(value)?),
            Kind::Seconds => seconds(value).map(drop),
            // What Perl makes of it is Perl's affair.
            Kind::Switch => Ok(()),
            _ => list(value, |item| self.check_item(item)).map(drop),
        }
    }

    fn check_item(&self, item: &Value) -> Result<(), SettingError> {
        match self.kind {
            Kind::Seeds => seed(item).map(drop),
            Kind::Advertise => advertised(item).map(drop),
            Kind::Services => service(item).map(drop),
            Kind::Framings => framing(item).map(drop),
            Kind::Auths => auth(item).map(drop),
            // One text in the file may hold several addresses.
            _ => binds(item).map(drop),
        }
    }
}

/// Whether a profile can have this name: it must serve as a node ID.
///
/// # Errors
///
/// [`SettingError::ProfileName`] or [`SettingError::NoProfileName`] if not.
pub fn profile_name(name: &str) -> Result<(), SettingError> {
    NodeId::new(name).map(drop).map_err(|error| match error {
        IdError::Empty => SettingError::NoProfileName,
        error => SettingError::ProfileName { text: name.to_owned(), error },
    })
}

fn json_list(word: &str) -> Option<Vec<Value>> {
    serde_json::from_str(word).ok()
}

/// A text; a number counts, as Perl does not tell them apart `[CF-13]`.
pub(crate) fn text(value: &Value) -> Result<String, SettingError> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        other => Err(SettingError::NotText { found: kind(other) }),
    }
}

/// A list, each item read by `item`.
pub(crate) fn list<T>(
    value: &Value,
    item: impl Fn(&Value) -> Result<T, SettingError>,
) -> Result<Vec<T>, SettingError> {
    match value {
        Value::Array(items) => items.iter().map(item).collect(),
        other => Err(SettingError::NotList { found: kind(other) }),
    }
}

/// The addresses of one text, which may be a list with commas.
pub(crate) fn binds(value: &Value) -> Result<Vec<Address>, SettingError> {
    addresses(value, Ok)
}

fn addresses(
    value: &Value,
    check: impl Fn(Address) -> Result<Address, AddressError>,
) -> Result<Vec<Address>, SettingError> {
    let text = text(value)?;
    let read = |part: &str| part.parse().and_then(&check).map_err(|error| address_error(part, error));
    text.split(',').map(read).collect()
}

/// As [`binds`], and each can be dialled.
pub(crate) fn seed(value: &Value) -> Result<Vec<Address>, SettingError> {
    addresses(value, Address::into_seed)
}

/// As [`binds`], and each can be told to others `[CF-16]`.
pub(crate) fn advertised(value: &Value) -> Result<Vec<Address>, SettingError> {
    let addresses = binds(value)?.into_iter();
    addresses
        .map(|one| one.clone().into_advertised().map_err(|error| address_error(&one.to_string(), error)))
        .collect()
}

/// What is wrong with an address; with brackets put in, if they are what is missing.
fn mend(text: &str, error: AddressError) -> String {
    match (error, text.rsplit_once(':')) {
        (AddressError::Ambiguous, Some((ip, port))) => {
            format!("an IPv6 address needs brackets; write [{ip}]:{port}, or [{text}] for any free port")
        }
        _ => error.to_string(),
    }
}

fn address_error(text: &str, error: AddressError) -> SettingError {
    SettingError::Address { text: text.to_owned(), error }
}

/// The secret. It must be a text: of a number Perl makes another key than we would `[CF-05]`.
pub(crate) fn secret(value: &Value) -> Result<String, SettingError> {
    let Value::String(text) = value else {
        return Err(SettingError::NotText { found: kind(value) });
    };
    match text.chars().position(|c| c > '\u{ff}') {
        _ if text.is_empty() => Err(SettingError::EmptySecret),
        Some(index) => Err(SettingError::SecretCharacter(index + 1)),
        None => Ok(text.clone()),
    }
}

/// The node ID before its variables are filled in.
pub(crate) fn node_id_template(value: &Value) -> Result<String, SettingError> {
    let template = text(value)?;
    let sample = template.replace("%n", "n").replace("%u", "u");
    NodeId::new(&sample).map_err(|error| SettingError::NodeId { text: template.clone(), error })?;
    Ok(template)
}

/// A time in seconds; a decimal text counts, as Perl does not tell them apart `[CF-13]`.
pub(crate) fn seconds(value: &Value) -> Result<Duration, SettingError> {
    const LONGEST: f64 = 86_400.0;
    let number = value.as_f64().or_else(|| value.as_str()?.parse().ok());
    number
        .filter(|&seconds| seconds > 0.0 && seconds <= LONGEST)
        .map(Duration::from_secs_f64)
        .ok_or_else(|| SettingError::Seconds(value.to_string()))
}

/// The name of a framing.
pub(crate) fn framing(value: &Value) -> Result<String, SettingError> {
    let name = text(value)?;
    let known = matches!(name.as_str(), "postcard" | "cbor" | "json" | "storable");
    if known { Ok(name) } else { Err(SettingError::Framing(name)) }
}

/// The name of a proof.
pub(crate) fn auth(value: &Value) -> Result<AuthMethod, SettingError> {
    let name = text(value)?;
    name.parse().map_err(|_| SettingError::Auth(name))
}

/// A PEM text, as far as one can tell without reading what is in it.
pub(crate) fn cert(value: &Value) -> Result<String, SettingError> {
    let Value::String(text) = value else {
        return Err(SettingError::NotText { found: kind(value) });
    };
    let parts = ["-----BEGIN CERTIFICATE-----", "PRIVATE KEY-----"];
    let whole = parts.iter().all(|part| text.contains(part));
    if whole { Ok(text.clone()) } else { Err(SettingError::NoPem) }
}

/// The text of a PEM file.
fn read_cert(path: &str) -> Result<String, SettingError> {
    let failed =
        |error: std::io::Error| SettingError::CertFile { path: path.to_owned(), error: error.to_string() };
    let mut text = String::new();
    let mut file = File::open(path).map_err(failed)?.take(LARGEST_CERT + 1);
    file.read_to_string(&mut text).map_err(failed)?;
    if u64::try_from(text.len()).is_ok_and(|len| len > LARGEST_CERT) {
        return Err(failed(std::io::Error::other("it has more than 1 MiB")));
    }
    Ok(text)
}

/// A service: a name, or a list of a name and arguments.
pub(crate) fn service(value: &Value) -> Result<Service, SettingError> {
    let (name, arguments) = match value {
        Value::String(name) => (name.clone(), Vec::new()),
        Value::Array(parts) => match parts.split_first() {
            Some((Value::String(name), arguments)) => (name.clone(), arguments.to_vec()),
            _ => return Err(SettingError::Service(value.to_string())),
        },
        other => return Err(SettingError::Service(other.to_string())),
    };
    if name.is_empty() || name.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(SettingError::Service(value.to_string()));
    }
    Ok(Service { name, arguments })
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
