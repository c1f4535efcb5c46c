//! The words of `aemp run`.

use serde_json::Value;

use crate::args::ArgsError;
use mp_config::{SETTINGS, Setting};

/// Settings of the command line, in order.
pub(super) type Settings = Vec<(&'static Setting, Value)>;

/// The profile, which is the first of an odd number of words, or behind the word `profile`; and the settings.
pub(super) fn pairs(words: &[String]) -> Result<(Option<String>, Settings), ArgsError> {
    let (mut profile, rest) = match words.split_first() {
        Some((first, rest)) if rest.len() % 2 == 0 => (Some(first.clone()), rest),
        _ => (None, words),
    };
    if let Some(key) = without_value(words) {
        return Err(ArgsError::RunPairs(key.to_owned()));
    }
    let mut settings = Vec::new();
    for pair in rest.chunks(2) {
        let [key, word] = pair else { return Err(ArgsError::RunPairs(pair.concat())) };
        if key == "profile" {
            profile = Some(word.clone());
            continue;
        }
        let setting = Setting::of(key).filter(|setting| !setting.profile_only());
        let setting = setting.ok_or_else(|| unknown_key(key))?;
        let value = setting.value(word).map_err(|error| ArgsError::Value { key: key.clone(), error })?;
        settings.push((setting, value));
    }
    if let Some(name) = &profile {
        mp_config::profile_name(name)
            .map_err(|error| ArgsError::Value { key: "profile".to_owned(), error })?;
    }
    Ok((profile, settings))
}

/// The last word, if it is a setting whose value is missing. A word alone is a profile.
fn without_value(words: &[String]) -> Option<&str> {
    let is_key =
        |word: &String| word == "profile" || Setting::of(word).is_some_and(|setting| !setting.profile_only());
    let last = words.last().filter(|last| words.len() > 1 && is_key(last))?;
    let has_profile = !words.first().is_some_and(is_key) || words.get(1).is_some_and(is_key);
    let settings = words.len() - usize::from(has_profile);
    (settings % 2 == 1).then_some(last)
}

fn unknown_key(word: &str) -> ArgsError {
    let keys = || SETTINGS.iter().filter(|setting| !setting.profile_only()).map(|setting| setting.key);
    let mend = match mp_config::nearest(word, keys()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there are {}", keys().collect::<Vec<_>>().join(", ")),
    };
    ArgsError::RunKey { word: word.to_owned(), mend }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<(Option<String>, Vec<&'static str>), ArgsError> {
        let words: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
        pairs(&words)
            .map(|(name, settings)| (name, settings.iter().map(|(setting, _)| setting.key).collect()))
    }

    #[test]
    fn an_odd_word_is_the_profile() {
        let named = |name: &str| Some(name.to_owned());
        assert_eq!(read("").unwrap(), (None, vec![]));
        assert_eq!(read("seed").unwrap(), (named("seed"), vec![]));
        assert_eq!(read("profile seed").unwrap(), (named("seed"), vec![]));
        assert_eq!(read("x seeds a:1 binds b:2").unwrap(), (named("x"), vec!["seeds", "binds"]));
        assert_eq!(
            read("profile seeds localhost:4040 binds 127.0.0.1:0").unwrap(),
            (named("profile"), vec!["seeds", "binds"])
        );
        assert_eq!(read("seeds a:1").unwrap(), (None, vec!["seeds"]));
    }

    #[test]
    fn a_wrong_word_is_named() {
        for (line, text) in [
            ("x bind b:2", "did you mean `binds`"),
            ("x frobnicate 1", "there are nodeid"),
            ("x seeds a", "needs a port"),
            ("x parent y", "no setting \"parent\""),
            ("a#b", "no name for a profile"),
            ("x binds", "`binds` lacks its value"),
            ("x seeds a:1 binds", "`binds` lacks its value"),
            ("seeds a:1 binds", "`binds` lacks its value"),
        ] {
            let error = read(line).unwrap_err().to_string();
            assert!(error.contains(text), "{line}: {error}");
        }
    }
}
