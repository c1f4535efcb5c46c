//! Reading the configuration anew while the node runs.

use mp_config::{ConfigFile, NodeConfig, Setting};

use super::plan::Plan;
use super::services::Wanted;
use crate::args::Run;
use crate::cmd::node::Joined;
use crate::error::CliError;
use crate::output::{Log, plain};

/// What is needed for it.
pub(super) struct Reloader<'a> {
    pub(super) args: &'a Run,
    pub(super) load: &'a (dyn Fn() -> Result<ConfigFile, CliError> + Sync),
    pub(super) log: &'a Log,
    pub(super) joined: &'a Joined,
}

impl Reloader<'_> {
    /// Takes what can change: secrets, certificate and proofs for new connections, seeds, the level of the log. Names
    /// what else has changed, and why it has no effect `[CF-20]`. Gives what holds now; if that cannot be used, this is
    /// said and all is as before.
    pub(super) fn reload(&self, before: &Plan) -> Option<Plan> {
        match self.try_reload(before) {
            Ok(plan) => Some(plan),
            Err(error) => {
                tracing::error!("not reloaded, all is as before: {error}");
                None
            }
        }
    }

    fn try_reload(&self, before: &Plan) -> Result<Plan, CliError> {
        let file = (self.load)()?;
        let mut plan = Plan::of(&self.args.words, &file)?;
        let config = &plan.config;
        config.require_secret(&file)?;
        Wanted::of(config)?;
        let level = self.log.reload()?;
        self.joined.node.reload(config)?;
        self.joined.global.set_seeds(&NodeConfig::expand(&config.seeds))?;
        let changes = Changes::between(before, &plan);
        let old = &before.config;
        tracing::info!(
            secret = what(old.secret != config.secret || old.old_secret != config.old_secret),
            certificate = what(old.cert != config.cert),
            proofs = what(old.auth_offer != config.auth_offer || old.auth_accept != config.auth_accept),
            seeds = what(old.seeds != config.seeds),
            level,
            "reloaded"
        );
        changes.tell();
        // What waits for the next start is named each time until then.
        plan.nodeid.clone_from(&before.nodeid);
        let new = &mut plan.config;
        new.nodeid = old.nodeid.clone();
        new.binds.clone_from(&old.binds);
        new.advertise.clone_from(&old.advertise);
        new.services.clone_from(&old.services);
        new.framing_format.clone_from(&old.framing_format);
        (new.monitor_timeout, new.connect_interval) = (old.monitor_timeout, old.connect_interval);
        Ok(plan)
    }
}

fn what(changed: bool) -> &'static str {
    if changed { "changed" } else { "as before" }
}

/// What differs from before and has no effect now.
#[derive(Debug, Default, PartialEq, Eq)]
struct Changes {
    /// Looked at only when a node starts.
    later: Vec<String>,
    /// The command line has the say.
    overruled: Vec<String>,
    /// No node of ours looks at it.
    unused: Vec<String>,
}

/// What is looked at only when a node starts, and whether it differs.
fn at_start(before: &Plan, now: &Plan) -> [(&'static str, bool); 7] {
    let (one, other) = (&before.config, &now.config);
    [
        ("nodeid", before.nodeid != now.nodeid),
        ("binds", one.binds != other.binds),
        ("advertise", one.advertise != other.advertise),
        ("services", one.services != other.services),
        ("monitor_timeout", one.monitor_timeout != other.monitor_timeout),
        ("connect_interval", one.connect_interval != other.connect_interval),
        ("framing_format", one.framing_format != other.framing_format),
    ]
}

impl Changes {
    fn between(before: &Plan, now: &Plan) -> Self {
        let later = at_start(before, now).into_iter().filter(|(_, changed)| *changed);
        let mut changes = Self { later: later.map(|(key, _)| key.to_owned()).collect(), ..Self::default() };
        for key in before.file.differing(&now.file) {
            if now.is_given(&key) {
                changes.overruled.push(key);
            } else if Setting::of(&key).is_none_or(Setting::is_perls) {
                changes.unused.push(key);
            }
        }
        changes
    }

    fn tell(&self) {
        let list = |keys: &[String]| plain(&keys.join(", "));
        if !self.later.is_empty() {
            tracing::warn!(
                "changed in the configuration, but taken only at the next start: {}",
                list(&self.later)
            );
        }
        if !self.overruled.is_empty() {
            tracing::warn!(
                "changed in the configuration, but the command line has the say: {}",
                list(&self.overruled)
            );
        }
        if !self.unused.is_empty() {
            tracing::info!(
                "changed in the configuration, but nothing that this program looks at: {}",
                list(&self.unused)
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mp_config::SETTINGS;
    use std::path::Path;

    fn plan(words: &str, text: &str) -> Plan {
        let file = ConfigFile::parse(Path::new("rc"), text.as_bytes()).unwrap();
        let words: Vec<_> = words.split_whitespace().map(str::to_owned).collect();
        Plan::of(&words, &file).unwrap()
    }

    /// [CF-20]: of each setting that there is, its change has an effect or is named.
    #[test]
    fn nothing_that_changes_is_silent() {
        let before = r#"{"secret":"s","seeds":["a:1"],"profile":{"p":{}}}"#;
        let changes = |words: &str, text: &str| Changes::between(&plan(words, before), &plan(words, text));
        assert_eq!(changes("p", before), Changes::default(), "a random part is no change");
        let same = r#"{"secret":"s","seeds":["a:1"],"profile":{"p":{"nodeid":"p/","binds":["*"]}}}"#;
        assert_eq!(changes("p", same), Changes::default(), "nor is what held by default");
        let all = r#"{"secret":"t","old_secret":"s","seeds":["b:1"],"future":1,"profile":{"p":{
            "nodeid":"q/","binds":["a:1"],"advertise":["a:1"],"services":["mp::tikc"],"monitor_timeout":3,
            "connect_interval":3,"framing_format":["json"],"auth_offer":["hmac_sha3_512"],"auth_accept":["hmac_sha3_512"],
            "autocork":1,"nodelay":1,"secure":1}}}"#;
        let found = changes("p", all);
        assert_eq!(
            found.later,
            [
                "nodeid",
                "binds",
                "advertise",
                "services",
                "monitor_timeout",
                "connect_interval",
                "framing_format"
            ]
        );
        assert_eq!(found.unused, ["autocork", "future", "nodelay", "secure"]);
        let taken = ["secret", "old_secret", "cert", "seeds", "auth_offer", "auth_accept"];
        for setting in SETTINGS.iter().filter(|setting| !setting.profile_only()) {
            let named = found.later.iter().chain(&found.unused).any(|key| key == setting.key);
            assert!(named != taken.contains(&setting.key), "{}", setting.key);
        }
        let found = changes("p seeds c:1 nodeid fixed", all);
        assert_eq!(found.overruled, ["nodeid", "seeds"]);
        assert!(!found.later.contains(&"nodeid".to_owned()));
    }
}
