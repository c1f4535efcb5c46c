//! The configuration file: is it there, can it be read, does it hold together, who can read it?

use std::path::Path;

use mp_config::{ConfigError, ConfigFile, NodeConfig, Setting, host_name};
use serde_json::Value;

use super::finding::Finding;
use crate::cmd::run::services;

/// Settings of the command line.
pub(super) type Settings = Vec<(&'static Setting, Value)>;

/// The file, if it can be used at all, and what was found about it.
pub(super) fn read(option: Option<&Path>) -> (Option<ConfigFile>, Vec<Finding>) {
    let path = match ConfigFile::locate(option, |name| std::env::var_os(name)) {
        Ok(path) => path,
        Err(error) => return (None, vec![Finding::of_error("file", "", &error)]),
    };
    let shown = path.display();
    let load = if option.is_some() { ConfigFile::load_named } else { ConfigFile::load };
    let file = match load(&path) {
        Ok(file) => file,
        Err(error) => return (None, vec![Finding::of_error("file", "", &error)]),
    };
    let Ok(found) = std::fs::metadata(&path) else {
        let mend = "make a secret by `aemp gensecret`, or copy the file of another machine of the network";
        return (Some(file), vec![Finding::warn("file", format!("there is no {shown}"), mend)]);
    };
    let mut findings = vec![Finding::ok("file", format!("{shown} can be read"))];
    findings.push(mode(&file, &found));
    (Some(file), findings)
}

/// What is secret is for the owner's eyes alone.
fn mode(file: &ConfigFile, found: &std::fs::Metadata) -> Finding {
    let path = file.path().display();
    let Some(mode) = permissions(found) else {
        return Finding::ok("mode", "this system has no modes to look at");
    };
    if file.has_secret() && mode & 0o077 != 0 {
        let text =
            format!("{path} has a secret in it and the mode {mode:04o}: others than its owner can get at it");
        return Finding::fail("mode", text, format!("write `chmod 600 {path}`"));
    }
    Finding::ok("mode", format!("{mode:04o}"))
}

#[cfg(unix)]
fn permissions(found: &std::fs::Metadata) -> Option<u32> {
    Some(std::os::unix::fs::PermissionsExt::mode(&found.permissions()) & 0o7777)
}

#[cfg(not(unix))]
fn permissions(_: &std::fs::Metadata) -> Option<u32> {
    None
}

/// Whether all profiles hold together.
pub(super) fn profiles(file: &ConfigFile) -> Vec<Finding> {
    let wrong = |name: &str| -> Result<(), ConfigError> {
        file.ancestry(name)?;
        file.resolve(Some(name), &[], None, &mut getrandom::fill).map(drop)
    };
    let mut told = Vec::new();
    let mut findings = Vec::new();
    for name in file.profiles() {
        let Err(error) = wrong(name) else { continue };
        // All that lead into a circle find the same one, and a global setting is wrong for all.
        let finding = Finding::of_error("profiles", "", &error);
        let key = match &error {
            ConfigError::Circle { circle, .. } => {
                let mut members = circle.clone();
                members.sort();
                members.dedup();
                members.join(" ")
            }
            _ => error.to_string(),
        };
        if !told.contains(&key) {
            told.push(key);
            findings.push(finding);
        }
    }
    if findings.is_empty() {
        let names: Vec<_> = file.profiles().collect();
        let text = if names.is_empty() { "there are none".to_owned() } else { names.join(", ") };
        findings.push(Finding::ok("profiles", text));
    }
    findings
}

/// The node that `aemp run` would start with this profile.
pub(super) fn node(
    file: &ConfigFile,
    profile: Option<&str>,
    settings: &Settings,
) -> Result<(NodeConfig, Finding), Finding> {
    if let Some(Err(error)) = profile.map(|name| file.require_profile(name)) {
        return Err(Finding::of_error("node", "", &error));
    }
    let wrong = |error: ConfigError| Finding::of_error("node", "", &error);
    let mut config = file.resolve(profile, settings, None, &mut getrandom::fill).map_err(wrong)?;
    let all = file.effective(Some(&config.profile), settings).map_err(wrong)?;
    services::fill_in(&mut config, &all);
    let host = host_name();
    let id = &config.nodeid;
    let finding = match profile {
        Some(name) => Finding::ok("node", format!("of the profile {name} it would be called {id}")),
        None if file.require_profile(&host).is_ok() => {
            Finding::ok("node", format!("of the profile {host}, this host's, it would be called {id}"))
        }
        None if file.profiles().next().is_none() => {
            Finding::ok("node", format!("of no profile, it would be called {id}"))
        }
        None => Finding::ok(
            "node",
            format!(
                "of no profile, as there is none for this host ({host}), it would be called {id}; `aemp doctor {}` looks at a \
                 profile",
                file.profiles().next().unwrap_or_default()
            ),
        ),
    };
    Ok((config, finding))
}
