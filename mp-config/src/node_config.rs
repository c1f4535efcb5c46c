//! What a node needs to start.

use std::fmt;
use std::time::Duration;

use mp_proto::{AuthMethod, NodeId};
use serde_json::Value;
use zeroize::Zeroizing;

use super::random::{self, Random};
use super::resolve::{Effective, Origin};
use super::setting::{self, Service, SettingError};
use super::{Address, ConfigError, ConfigFile, Scope, Setting};

/// Everything about a node that the configuration decides.
#[derive(Debug, Clone)]
pub struct NodeConfig {
    /// The profile it was made from.
    pub profile: String,
    /// The node's name, with its variables filled in.
    pub nodeid: NodeId,
    /// What it shares with the other nodes.
    pub secret: Option<SecretText>,
    /// What they shared before, while it is being replaced; it counts only beside a secret.
    pub old_secret: Option<SecretText>,
    /// Its certificate, the certificate's key, and the CAs that it trusts, as one PEM text.
    pub cert: Option<SecretText>,
    /// Where other nodes are found.
    pub seeds: Vec<Address>,
    /// Where it listens; nowhere if empty.
    pub binds: Vec<Address>,
    /// Where others are told to reach it, in place of where it listens; empty if it is the same.
    pub advertise: Vec<Address>,
    /// What runs in it.
    pub services: Vec<Service>,
    /// How long a silent peer counts as alive; `None` leaves it to the node.
    pub monitor_timeout: Option<Duration>,
    /// How long a connection may take to be made; `None` leaves it to the node.
    pub connect_interval: Option<Duration>,
    /// The framings to use, best first; `None` leaves it to the node.
    pub framing_format: Option<Vec<String>>,
    /// How it may prove itself; `None` leaves it to the node.
    pub auth_offer: Option<Vec<AuthMethod>>,
    /// What proofs it takes, best first; `None` leaves it to the node.
    pub auth_accept: Option<Vec<AuthMethod>>,
}

/// A secret, or a text with a private key in it. It is wiped from memory when dropped, and no debug output shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretText(Zeroizing<String>);

impl SecretText {
    /// Takes a secret as it is; whether it can be one, the node says.
    #[must_use]
    pub fn new(secret: &str) -> Self {
        Self(Zeroizing::new(secret.to_owned()))
    }

    /// The text itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for SecretText {
    fn from(secret: String) -> Self {
        Self(Zeroizing::new(secret))
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(…)")
    }
}

impl NodeConfig {
    /// That there is a secret or a certificate, without which no connection can be made.
    ///
    /// # Errors
    ///
    /// [`ConfigError::NoSecret`] if there is neither; [`ConfigError::NoHome`] if there is no place for one either.
    pub fn require_secret(&self, file: &ConfigFile) -> Result<(), ConfigError> {
        if self.secret.is_some() || self.cert.is_some() {
            return Ok(());
        }
        Err(ConfigError::NoSecret { path: file.place()? })
    }

    /// What a node needs to start that has no configuration: no secret, no seeds, and it listens nowhere.
    #[must_use]
    pub fn bare(profile: &str, nodeid: NodeId) -> Self {
        Self {
            profile: profile.to_owned(),
            nodeid,
            secret: None,
            old_secret: None,
            cert: None,
            seeds: Vec::new(),
            binds: Vec::new(),
            advertise: Vec::new(),
            services: Vec::new(),
            monitor_timeout: None,
            connect_interval: None,
            framing_format: None,
            auth_offer: None,
            auth_accept: None,
        }
    }

    /// Addresses as texts to bind or dial, `*` and the host name filled in `[CF-07]`.
    pub fn expand(addresses: &[Address]) -> Vec<String> {
        let interfaces =
            if addresses.iter().any(Address::is_every) { super::interfaces() } else { Vec::new() };
        let host = host_name();
        let mut texts = Vec::new();
        for text in addresses.iter().flat_map(|address| address.expand(&host, &interfaces)) {
            if !texts.contains(&text) {
                texts.push(text);
            }
        }
        texts
    }
}

/// This machine's name, as `uname -n` says it.
pub fn host_name() -> String {
    gethostname::gethostname().to_string_lossy().into_owned()
}

impl ConfigFile {
    /// What a node of `profile` (by default the host name) needs to start, with the settings of the command line on
    /// top `[CF-03]`. `fallback` is the node ID where nobody chose one; by default it is the profile's name and `/`
    /// `[CF-04]`.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] says what is wrong with the configuration.
    pub fn resolve(
        &self,
        profile: Option<&str>,
        command_line: &[(&'static Setting, Value)],
        fallback: Option<&str>,
        random: Random<'_>,
    ) -> Result<NodeConfig, ConfigError> {
        let host = host_name();
        let profile = profile.unwrap_or(&host);
        let effective = self.effective(Some(profile), command_line)?;
        let reader = Reader { file: self, effective: &effective };
        let default = fallback.map_or_else(|| format!("{profile}/"), str::to_owned);
        let template = reader.read("nodeid", setting::node_id_template)?.unwrap_or(default);
        let nodeid = fill_node_id(&template, random)?;
        let addresses = |value: &Value, item: fn(&Value) -> Result<Vec<Address>, SettingError>| {
            setting::list(value, item).map(|lists| lists.concat())
        };
        Ok(NodeConfig {
            profile: profile.to_owned(),
            nodeid,
            secret: reader.read("secret", setting::secret)?.map(SecretText::from),
            old_secret: reader.read("old_secret", setting::secret)?.map(SecretText::from),
            cert: reader.read("cert", setting::cert)?.map(SecretText::from),
            seeds: reader.read("seeds", |value| addresses(value, setting::seed))?.unwrap_or_default(),
            // [CF-15]
            binds: match reader.read("binds", |value| addresses(value, setting::binds))? {
                Some(binds) => binds,
                None => "*".parse().into_iter().collect(),
            },
            advertise: reader
                .read("advertise", |value| addresses(value, setting::advertised))?
                .unwrap_or_default(),
            services: reader
                .read("services", |value| setting::list(value, setting::service))?
                .unwrap_or_default(),
            monitor_timeout: reader.read("monitor_timeout", setting::seconds)?,
            connect_interval: reader.read("connect_interval", setting::seconds)?,
            framing_format: reader.read("framing_format", |value| setting::list(value, setting::framing))?,
            auth_offer: reader.read("auth_offer", |value| setting::list(value, setting::auth))?,
            auth_accept: reader.read("auth_accept", |value| setting::list(value, setting::auth))?,
        })
    }
}

struct Reader<'a> {
    file: &'a ConfigFile,
    effective: &'a Effective,
}

impl Reader<'_> {
    fn read<T>(
        &self,
        key: &str,
        read: impl FnOnce(&Value) -> Result<T, SettingError>,
    ) -> Result<Option<T>, ConfigError> {
        let Some((value, origin)) = self.effective.get(key) else { return Ok(None) };
        read(value).map(Some).map_err(|error| ConfigError::Setting {
            path: self.file.path().to_owned(),
            scope: if let Origin::File(scope) = origin { scope.clone() } else { Scope::Global },
            key: key.to_owned(),
            error,
        })
    }
}

/// The node ID that a template means, with the host's own name and fresh randomness `[CF-04]`.
///
/// # Errors
///
/// [`ConfigError`] if what comes out is no node ID.
pub fn fill_node_id(template: &str, random: Random<'_>) -> Result<NodeId, ConfigError> {
    let host = host_name();
    let name = node_id(template, &host, random)?;
    NodeId::new(&name).map_err(|error| ConfigError::NodeId { name, error })
}

/// Fills in `%n` by the host name, and `%u` and what follows a `/` at the end by the same random part `[CF-04]`.
fn node_id(template: &str, host: &str, random: Random<'_>) -> Result<String, ConfigError> {
    let unique = random::unique(random)?;
    let mut name = template.replace("%n", host).replace("%u", &unique);
    if name.ends_with('/') {
        name.push_str(&unique);
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// [CF-04]
    #[test]
    fn the_variables_of_a_node_id_are_filled_in() {
        let mut ones = |bytes: &mut [u8]| {
            bytes.fill(0b0000_0100);
            Ok(())
        };
        for (template, name) in [
            ("anon/", "anon/1111111111"),
            ("a%ub%u", "a1111111111b1111111111"),
            ("%n/x", "me/x"),
            ("%n/%n/", "me/me/1111111111"),
            ("%u/", "1111111111/1111111111"),
            ("seed", "seed"),
        ] {
            assert_eq!(node_id(template, "me", &mut ones).unwrap(), name);
        }
    }

    #[test]
    fn no_debug_output_shows_the_secret() {
        assert_eq!(format!("{:?}", SecretText::new("hush")), "SecretText(…)");
    }
}
