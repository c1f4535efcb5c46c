//! The configuration file of a network's nodes, shared with Perl's AnyEvent::MP and its `aemp`.
//!
//! It is relaxed JSON `[CF-02]`: `{"version":1, <global keys>, "profile":{NAME:{<keys>,"parent":NAME}}}`. Keys that
//! are not known here are kept `[CF-08]`. [`ConfigFile::load`] reads it, [`ConfigFile::resolve`] says what a node of a
//! profile needs to start, [`ConfigFile::edit`] changes it in one step.

#![warn(clippy::print_stdout, clippy::print_stderr)]

mod address;
mod error;
mod nearest;
mod node_config;
mod random;
mod relaxed;
mod resolve;
mod setting;
mod write;

use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};
use zeroize::{Zeroize as _, Zeroizing};

pub use address::{Address, AddressError, interfaces};
pub use error::ConfigError;
pub use nearest::nearest;
pub use node_config::{NodeConfig, SecretText, fill_node_id, host_name};
pub use random::{Random, SECRET_LENGTH, secret as random_secret};
pub use resolve::{Effective, Origin};
pub use setting::{SETTINGS, Service, Setting, SettingError, profile_name};
pub use write::Replaced;

use error::reason;
use relaxed::Strict;

/// The largest file that is read, in bytes. Certificates are the largest things in it, of some kilobytes each.
const LARGEST: u64 = 4 << 20;

/// The environment variable that names the file.
pub const RC_VARIABLE: &str = "PERL_ANYEVENT_MP_RC";

/// Where settings stand in the file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Scope {
    /// At the top, for all profiles.
    #[default]
    Global,
    /// In the profile of this name.
    Profile(String),
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Global => f.write_str("global"),
            Self::Profile(name) => write!(f, "profile {name}"),
        }
    }
}

impl Serialize for Scope {
    /// The profile's name, or null.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Global => serializer.serialize_none(),
            Self::Profile(name) => serializer.serialize_some(name),
        }
    }
}

/// The configuration as it stands in one file.
#[derive(Debug, Clone)]
pub struct ConfigFile {
    path: PathBuf,
    root: Root,
    comments: bool,
    /// There was a file, and nothing in it.
    blank: bool,
}

/// All keys. What is secret among them is wiped from memory when this is dropped, and no debug output shows it.
#[derive(Clone, PartialEq)]
struct Root(Map<String, Value>);

impl fmt::Debug for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.keys()).finish()
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        wipe(&mut self.0);
        let profiles = self.0.get_mut("profile").and_then(Value::as_object_mut);
        for profile in profiles.into_iter().flat_map(Map::values_mut).filter_map(Value::as_object_mut) {
            wipe(profile);
        }
    }
}

fn wipe(keys: &mut Map<String, Value>) {
    for (key, value) in keys {
        if Setting::of(key).is_some_and(Setting::hidden) {
            wipe_value(value);
        }
    }
}

/// Wipes a value that is a text, as all secrets are.
fn wipe_value(value: &mut Value) {
    if let Value::String(text) = value {
        text.zeroize();
    }
}

impl ConfigFile {
    /// The place of the file: `option`, else `$PERL_ANYEVENT_MP_RC`, else `~/.perl-anyevent-mp` `[CF-01]`.
    ///
    /// # Errors
    ///
    /// [`ConfigError::NoHome`] if nothing says where.
    pub fn locate(
        option: Option<&Path>,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Result<PathBuf, ConfigError> {
        let set = |name| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        option
            .map(Path::to_owned)
            .or_else(|| set(RC_VARIABLE))
            .or_else(|| set("HOME").map(|home| home.join(".perl-anyevent-mp")))
            .or_else(|| set("APPDATA").map(|data| data.join("perl-anyevent-mp")))
            .ok_or(ConfigError::NoHome)
    }

    /// Reads the file. One that is missing or blank is an empty configuration `[CF-12]`; a blank one is warned of, and one
    /// with a secret that others than its owner can read.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] names the file, and the line and column if its text is broken.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let config = Self::read(path)?;
        config.look_after();
        Ok(config)
    }

    /// The same of a file that somebody has named, and that is to be there `[CF-12]`: a name that was mistyped is no empty
    /// configuration.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Missing`] if there is no such file, else as [`load`](Self::load).
    pub fn load_named(path: &Path) -> Result<Self, ConfigError> {
        if matches!(std::fs::metadata(path), Err(error) if error.kind() == ErrorKind::NotFound) {
            return Err(ConfigError::Missing { path: path.to_owned() });
        }
        Self::load(path)
    }

    /// Without a place for the file, the configuration is empty, and what needs a file says that there is no place.
    #[must_use]
    pub fn homeless() -> Self {
        Self::empty(Path::new(""))
    }

    /// Where the file is, unless there is no place for it.
    pub(crate) fn place(&self) -> Result<PathBuf, ConfigError> {
        if self.path.as_os_str().is_empty() { Err(ConfigError::NoHome) } else { Ok(self.path.clone()) }
    }

    /// Warns of what is no error and hardly meant.
    fn look_after(&self) {
        let Ok(found) = std::fs::metadata(&self.path) else { return };
        let path = self.path.display();
        if self.blank && found.is_file() {
            tracing::warn!("{path} is empty: nothing is configured");
        }
        if write::is_open_to_others(&found) && self.has_secret() {
            tracing::warn!("{path} has a secret in it that others can read: write `chmod 600 {path}`");
        }
    }

    /// Whether there is a secret in it, or a certificate, which has its private key in it.
    #[must_use]
    pub fn has_secret(&self) -> bool {
        let mut scopes = self.profiles().map(|name| Scope::Profile(name.to_owned())).chain([Scope::Global]);
        scopes.any(|scope| {
            let mut keys = self.keys(&scope).into_iter().flat_map(Map::keys);
            keys.any(|key| Setting::of(key).is_some_and(Setting::hidden))
        })
    }

    fn read(path: &Path) -> Result<Self, ConfigError> {
        let read = |source: std::io::Error| match source.kind() {
            ErrorKind::IsADirectory => ConfigError::Directory { path: path.to_owned() },
            _ => ConfigError::Read { path: path.to_owned(), source },
        };
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self::empty(path)),
            Err(error) => return Err(read(error)),
        };
        // One allocation, so that growing leaves no copies of a secret behind; and wiped at the end.
        let length = file.metadata().map_or(0, |found| found.len()).min(LARGEST) + 1;
        let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(length).unwrap_or_default()));
        file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(read)?;
        if u64::try_from(bytes.len()).is_ok_and(|length| length > LARGEST) {
            return Err(ConfigError::TooLarge { path: path.to_owned() });
        }
        Self::parse(path, &bytes)
    }

    fn empty(path: &Path) -> Self {
        let root = Map::from_iter([("version".to_owned(), json!(1))]);
        Self { path: path.to_owned(), root: Root(root), comments: false, blank: false }
    }

    /// Reads the text of a file `[CF-02]`; `path` is where it is, for errors and for [`save`](Self::save).
    ///
    /// # Errors
    ///
    /// [`ConfigError`] with the line and column if the text is broken.
    pub fn parse(path: &Path, bytes: &[u8]) -> Result<Self, ConfigError> {
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
            let line = 1 + before.iter().filter(|&&byte| byte == b'\n').count();
            let start = before.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
            let row = String::from_utf8_lossy(before.get(start..).unwrap_or_default());
            let column = 1 + row.chars().count();
            ConfigError::Syntax { path: path.to_owned(), line, column, what: "this is not UTF-8".to_owned() }
        })?;
        if text.trim().is_empty() {
            return Ok(Self { blank: true, ..Self::empty(path) });
        }
        let strict = Strict::new(text);
        let root: Value = serde_json::from_slice(&strict.json).map_err(|error| {
            let (line, column) = strict.position(text, &error);
            ConfigError::Syntax { path: path.to_owned(), line, column, what: reason(&error) }
        })?;
        let shape = |what| ConfigError::Shape { path: path.to_owned(), what };
        let Value::Object(mut root) = root else {
            return Err(shape("the whole file must be one JSON object, { … }".to_owned()));
        };
        let version = root.entry("version").or_insert_with(|| json!(1));
        if !matches!(version.as_str().map_or_else(|| version.as_f64(), |text| text.parse().ok()), Some(1.0)) {
            return Err(shape(format!("`version` is {version}, and this program knows 1 alone")));
        }
        match root.get("profile") {
            None => {}
            Some(Value::Object(profiles)) => {
                if let Some((name, _)) = profiles.iter().find(|(_, profile)| !profile.is_object()) {
                    return Err(shape(format!("the profile {name:?} must be a JSON object, {{ … }}")));
                }
            }
            Some(_) => return Err(shape("`profile` must be a JSON object, { NAME: { … } }".to_owned())),
        }
        Ok(Self { path: path.to_owned(), root: Root(root), comments: strict.comments, blank: false })
    }

    /// Loads the file, lets `change` change it, and writes it if that went well and changed something: all of it or
    /// nothing `[CF-10]` `[CF-18]`. Others that change the file through this function at the same time wait. Gives what
    /// `change` gives, the configuration, and how the file was replaced, if it was.
    ///
    /// # Errors
    ///
    /// That of `change`, or [`ConfigError`] if the file cannot be read or written. The file is then as it was.
    pub fn edit<T, E: From<ConfigError>>(
        path: &Path,
        change: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<(T, Self, Option<Replaced>), E> {
        let target = write::target(path)?;
        let _lock = write::lock(&target);
        let mut config = Self::read(path)?;
        let before = config.root.clone();
        let value = change(&mut config)?;
        if config.root == before {
            return Ok((value, config, None));
        }
        let replaced = config.replace()?;
        config.blank = false;
        config.look_after();
        Ok((value, config, Some(replaced)))
    }

    /// Writes the file: canonical JSON, replaced in one step `[CF-09]`. A new one has mode 0600, and one that is replaced
    /// keeps its owner and mode `[CF-17]`.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Write`]; the file is then as it was.
    pub fn save(&self) -> Result<(), ConfigError> {
        self.replace().map(drop)
    }

    fn replace(&self) -> Result<Replaced, ConfigError> {
        let json = Zeroizing::new(self.to_json());
        let text =
            write::Text { bytes: json.as_bytes(), has_secret: self.has_secret(), keeps_old: self.comments };
        write::replace(&self.place()?, text)
    }

    /// The text that is written: keys in order, indented, one line's end at the end.
    pub fn to_json(&self) -> String {
        format!("{:#}\n", Value::Object(self.root.0.clone()))
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the file had comments, which writing it loses (the old file is kept with a `~` behind its name).
    pub fn had_comments(&self) -> bool {
        self.comments
    }

    /// The keys of `scope`, if it exists.
    pub fn keys(&self, scope: &Scope) -> Option<&Map<String, Value>> {
        match scope {
            Scope::Global => Some(&self.root.0),
            Scope::Profile(name) => self.root.0.get("profile")?.get(name)?.as_object(),
        }
    }

    /// The keys of `scope`, which is made if it does not exist.
    pub fn keys_mut(&mut self, scope: &Scope) -> &mut Map<String, Value> {
        match scope {
            Scope::Global => &mut self.root.0,
            Scope::Profile(name) => {
                let profiles = as_map(self.root.0.entry("profile").or_insert_with(|| json!({})));
                as_map(profiles.entry(name.as_str()).or_insert_with(|| json!({})))
            }
        }
    }

    /// The names of the profiles, in order.
    pub fn profiles(&self) -> impl Iterator<Item = &str> {
        self.root
            .0
            .get("profile")
            .and_then(Value::as_object)
            .into_iter()
            .flat_map(|map| map.keys().map(String::as_str))
    }

    /// Removes a profile; whether there was one.
    pub fn remove_profile(&mut self, name: &str) -> bool {
        self.root
            .0
            .get_mut("profile")
            .and_then(Value::as_object_mut)
            .is_some_and(|map| map.remove(name).is_some())
    }
}

/// The map of a value that loading has checked to be one.
fn as_map(value: &mut Value) -> &mut Map<String, Value> {
    if !value.is_object() {
        *value = json!({});
    }
    value.as_object_mut().expect("it was made a map just now")
}

#[cfg(test)]
mod tests;
