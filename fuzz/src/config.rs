//! The configuration file.

use std::path::Path;

use mp_config::{ConfigError, ConfigFile, Scope, Setting};

/// What a secret is in the file that is looked at; it is to be in no error.
const MARKER: &str = "hush-secret";

/// Any text: it is read, or an error says where it is wrong, and shows no secret. What is read is written and read again
/// as the same, and each profile is resolved, or an error says why not.
pub fn config_file(data: &[u8]) {
    let path = Path::new("rc");
    let config = match ConfigFile::parse(path, data) {
        Ok(config) => config,
        Err(error) => return harmless(&error, data),
    };
    let written = config.to_json();
    let again = ConfigFile::parse(path, written.as_bytes()).expect("what we write can be read");
    assert_eq!(again.to_json(), written);
    assert!(!is_secret_alone(data) || !format!("{config:?}").contains(MARKER));
    let profiles: Vec<String> = config.profiles().map(str::to_owned).chain(["none".to_owned()]).collect();
    for profile in profiles {
        if let Err(error) = config.ancestry(&profile) {
            harmless(&error, data);
        }
        let mut ones = |bytes: &mut [u8]| {
            bytes.fill(1);
            Ok(())
        };
        match config.resolve(Some(&profile), &[], None, &mut ones) {
            Ok(resolved) => assert!(!is_secret_alone(data) || !format!("{resolved:?}").contains(MARKER)),
            Err(error) => harmless(&error, data),
        }
        let keys = config.keys(&Scope::Profile(profile));
        for key in keys.into_iter().flat_map(|keys| keys.keys()) {
            assert!(Setting::of(key).is_none_or(|setting| !setting.hidden() || !config_shows(&config, key)));
        }
    }
}

/// Whether debug output of a file shows more of a key than its name.
fn config_shows(config: &ConfigFile, key: &str) -> bool {
    format!("{config:?}").contains(&format!("{key:?}:"))
}

/// An error points into the text, and does not show what is secret in it.
fn harmless(error: &ConfigError, data: &[u8]) {
    let text = format!("{error} {error:?}");
    if let ConfigError::Syntax { line, column, .. } = error {
        let lines = 1 + data.iter().filter(|&&byte| byte == b'\n').count();
        assert!((1..=lines).contains(line) && (1..=data.len() + 1).contains(column), "{text}");
    }
    assert!(!is_secret_alone(data) || !text.contains(MARKER), "{text}");
}

/// Whether the marker is the value of `secret`, and stands nowhere else: elsewhere it is none, but a node ID, say.
fn is_secret_alone(data: &[u8]) -> bool {
    let file = String::from_utf8_lossy(data);
    file.contains(&format!("{{\"secret\":\"{MARKER}\"")) && file.matches(MARKER).count() == 1
}
