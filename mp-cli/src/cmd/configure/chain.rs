//! From words to steps.

use serde_json::Value;

use super::certificate;
use super::command::{Command, Verb, commands};
use crate::args::{ArgsError, TrailingOptions, command_names};
use mp_config::{SETTINGS, Scope, Setting, SettingError, profile_name};

/// What is wrong with a line of the configuration family.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigureError {
    #[error(transparent)]
    Unknown(ArgsError),
    #[error(
        "there is no command {word:?} behind the value of `{command}`; a list is one word with commas: `{command} {list}`"
    )]
    Stray { word: String, command: String, list: String },
    #[error("`{command}` lacks its {argument}; write `{command} {argument}`, or try `aemp help {command}`")]
    Missing { command: String, argument: &'static str },
    #[error("`{word}` cannot stand behind {before:?}; call it on its own")]
    NotHere { word: String, before: String },
    #[error("`{command}`: {error}")]
    Value { command: String, error: SettingError },
    #[error("`{command}`: {error}")]
    Cert { command: String, error: String },
    #[error("cannot make a certificate: {0}")]
    CertMaking(String),
    #[error("`{command}` is for one profile; write `aemp profile NAME {command} …`")]
    ProfileOnly { command: String },
    #[error("`{key}` ({scope}): {error}; or set it anew by `set{key}`")]
    Old { key: &'static str, scope: Scope, error: SettingError },
    #[error("that would make the profile {name:?} its own ancestor ({}); choose another parent for it", circle.join(" → "))]
    Circle { name: String, circle: Vec<String> },
    #[error("the profile {name:?} is the parent of {child:?}; first `aemp profile {child} delparent`")]
    IsParent { name: String, child: String },
    #[error("the option {0:?} lacks its value; try `aemp help`")]
    OptionValue(String),
    #[error("there is no setting {word:?} to show the effect of; {mend}")]
    ShowKey { word: String, mend: String },
    #[error("`showprofile` lacks its NAME; write `showprofile NAME`, or `profile NAME showprofile`")]
    ShowNothing,
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    Profile(String),
    Set(Key, Value),
    Clear(Key),
    Add(Key, Vec<Value>),
    Remove(Key, Vec<Value>),
    GenerateSecret,
    GenerateCert,
    DeleteProfile(String),
    /// Without a name, that whose turn it is.
    ShowProfile(Option<String>),
    ShowConfig(Option<String>, Vec<(Key, Value)>),
}

impl Step {
    /// Whether a profile has something afterwards that it may not have had before.
    pub(super) fn sets(&self) -> bool {
        match self {
            Self::Set(..) | Self::Add(..) | Self::GenerateSecret | Self::GenerateCert => true,
            Self::Profile(_) | Self::Clear(_) | Self::Remove(..) | Self::DeleteProfile(_) => false,
            Self::ShowProfile(_) | Self::ShowConfig(..) => false,
        }
    }
}

/// A setting, equal to another one if its key is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key(pub(super) &'static Setting);

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.0.key == other.0.key
    }
}

/// A whole line.
#[derive(Debug)]
pub(super) struct Chain {
    pub(super) steps: Vec<Step>,
    /// The last command.
    pub(super) last: Option<&'static str>,
    /// The words that are options of the program.
    pub(super) options: Vec<String>,
}

impl Chain {
    /// Whether the file is to be written.
    pub(super) fn changes(&self) -> bool {
        let shows = |step: &Step| matches!(step, Step::ShowProfile(_) | Step::ShowConfig(..));
        self.steps.iter().enumerate().any(|(index, step)| match step {
            // Named alone, it is made.
            Step::Profile(_) => !self.steps.get(index + 1).is_some_and(shows),
            step => !shows(step),
        })
    }
}

/// The command in front of `--help` or `-h`, if one of them stands there.
pub(super) fn help_wanted(words: &[String]) -> Option<&str> {
    let is_help = |index: usize| {
        let is_secret = |before: usize| matches!(words[before].as_str(), "secret" | "setsecret");
        matches!(words[index].as_str(), "--help" | "-h") && !index.checked_sub(1).is_some_and(is_secret)
    };
    let asked = (0..words.len()).find(|&index| is_help(index))?;
    let mut before = words.get(..asked).unwrap_or_default().iter().rev().map(String::as_str);
    before.find(|word| commands().iter().any(|command| command.names().any(|name| name == *word)))
}

/// Parses a whole line and checks every value in it, before anything is done.
pub(super) fn parse(words: &[String]) -> Result<Chain, ConfigureError> {
    let mut parser = Parser { words, options: Vec::new(), before: None, profile: None };
    let mut steps = Vec::new();
    while let Some(word) = parser.next() {
        if word.starts_with('-') {
            parser.option(word)?;
            continue;
        }
        let command = parser.command(word)?;
        steps.push(parser.step(command)?);
        parser.before = Some(command);
    }
    Ok(Chain { steps, last: parser.before.map(Command::name), options: parser.options })
}

struct Parser<'a> {
    words: &'a [String],
    options: Vec<String>,
    before: Option<&'static Command>,
    /// Whose turn it is.
    profile: Option<String>,
}

impl<'a> Parser<'a> {
    fn next(&mut self) -> Option<&'a str> {
        let (word, rest) = self.words.split_first()?;
        self.words = rest;
        Some(word)
    }

    fn option(&mut self, word: &str) -> Result<(), ConfigureError> {
        self.options.push(word.to_owned());
        if matches!(word, "--color" | "--config") {
            let value = self.next().ok_or_else(|| ConfigureError::OptionValue(word.to_owned()))?;
            self.options.push(value.to_owned());
        }
        Ok(())
    }

    fn command(&self, word: &str) -> Result<&'static Command, ConfigureError> {
        if let Some(command) = commands().iter().find(|command| command.names().any(|name| name == word)) {
            return Ok(command);
        }
        let Some(before) = self.before else { return Err(ConfigureError::Unknown(ArgsError::unknown(word))) };
        if command_names().contains(word) {
            return Err(ConfigureError::NotHere { word: word.to_owned(), before: before.name().to_owned() });
        }
        // Someone wrote a list with blanks.
        match before.verb {
            Verb::Set(setting)
                if setting.item.is_some() && setting.items(word).is_ok() && word.contains(':') =>
            {
                let command = before.name().to_owned();
                Err(ConfigureError::Stray { word: word.to_owned(), command, list: format!("…,{word}") })
            }
            _ => Err(ConfigureError::Unknown(ArgsError::unknown(word))),
        }
    }

    fn argument(&mut self, command: &Command) -> Result<&'a str, ConfigureError> {
        // A secret can be anything; of other values none looks like an option, so there the value was forgotten.
        let any =
            matches!(command.verb, Verb::Set(setting) if ["secret", "old_secret"].contains(&setting.key));
        self.next().filter(|word| any || !word.starts_with("--")).ok_or_else(|| ConfigureError::Missing {
            command: command.name().to_owned(),
            argument: command.argument(),
        })
    }

    fn name(&mut self, command: &Command) -> Result<String, ConfigureError> {
        let name = self.argument(command)?;
        profile_name(name).map_err(value_error(command))?;
        Ok(name.to_owned())
    }

    fn step(&mut self, command: &'static Command) -> Result<Step, ConfigureError> {
        if let Verb::Set(setting) | Verb::Clear(setting) = command.verb
            && setting.profile_only()
            && self.profile.is_none()
        {
            return Err(ConfigureError::ProfileOnly { command: command.name().to_owned() });
        }
        Ok(match command.verb {
            Verb::Set(setting) => {
                let value = setting.value(self.argument(command)?).map_err(value_error(command))?;
                if setting.key == "cert" {
                    certificate::check(&value).map_err(|error| ConfigureError::Cert {
                        command: command.name().to_owned(),
                        error,
                    })?;
                }
                Step::Set(Key(setting), value)
            }
            Verb::Clear(setting) => Step::Clear(Key(setting)),
            Verb::Add(setting) => {
                Step::Add(Key(setting), setting.items(self.argument(command)?).map_err(value_error(command))?)
            }
            Verb::Remove(setting) => Step::Remove(
                Key(setting),
                setting.items(self.argument(command)?).map_err(value_error(command))?,
            ),
            Verb::GenerateSecret => Step::GenerateSecret,
            Verb::GenerateCert => Step::GenerateCert,
            Verb::Profile => {
                let name = self.name(command)?;
                self.profile = Some(name.clone());
                Step::Profile(name)
            }
            Verb::DeleteProfile => Step::DeleteProfile(self.name(command)?),
            Verb::ShowProfile => self.show_profile(command)?,
            Verb::ShowConfig => self.show_config(command)?,
        })
    }

    /// Takes the name of a profile; behind `profile NAME` there need not be one `[CF-21]`.
    fn show_profile(&mut self, command: &Command) -> Result<Step, ConfigureError> {
        let is_command = |word: &String| {
            word.starts_with('-') || commands().iter().any(|one| one.names().any(|name| name == word))
        };
        if self.words.first().is_some_and(|word| self.profile.is_none() || !is_command(word)) {
            return Ok(Step::ShowProfile(Some(self.name(command)?)));
        }
        match self.profile {
            Some(_) => Ok(Step::ShowProfile(None)),
            None => Err(ConfigureError::ShowNothing),
        }
    }

    /// Takes the rest of the line: the name of a profile, and settings and their values. Behind `profile NAME`, an even
    /// number of words, the first of which is a setting, is for that profile `[CF-21]`.
    fn show_config(&mut self, command: &Command) -> Result<Step, ConfigureError> {
        let mut words = Vec::new();
        while let Some(word) = self.next() {
            let keys = usize::from(!self.is_for_own(&words));
            let is_value = !words.is_empty() && (words.len() + keys) % 2 == 1;
            if word.starts_with("--") || word.starts_with('-') && !is_value {
                self.option(word)?;
            } else {
                words.push(word);
            }
        }
        let mut name = None;
        let mut rest = words.as_slice();
        if !(self.is_for_own(&words) && words.len() % 2 == 0)
            && let Some((first, behind)) = words.split_first()
        {
            profile_name(first).map_err(value_error(command))?;
            name = Some((*first).to_owned());
            rest = behind;
        }
        let mut settings = Vec::new();
        for pair in rest.chunks(2) {
            let word = pair[0];
            let setting = Setting::of(word).filter(|setting| !setting.profile_only());
            let setting = setting.ok_or_else(|| no_setting(word))?;
            let value = pair.get(1).ok_or_else(|| ConfigureError::Missing {
                command: setting.key.to_owned(),
                argument: setting.argument,
            })?;
            settings.push((Key(setting), setting.value(value).map_err(value_error(command))?));
        }
        Ok(Step::ShowConfig(name, settings))
    }

    /// Whether the words behind `showconfig` may be for the profile whose turn it is.
    fn is_for_own(&self, words: &[&str]) -> bool {
        self.profile.is_some() && words.first().is_none_or(|word| Setting::of(word).is_some())
    }
}

fn no_setting(word: &str) -> ConfigureError {
    let keys = || SETTINGS.iter().filter(|setting| !setting.profile_only()).map(|setting| setting.key);
    let mend = match mp_config::nearest(word, keys()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "write `showconfig [NAME [KEY VALUE …]]`, or try `aemp help showconfig`".to_owned(),
    };
    ConfigureError::ShowKey { word: word.to_owned(), mend }
}

fn value_error(command: &Command) -> impl FnOnce(SettingError) -> ConfigureError {
    let command = command.name().to_owned();
    move |error| ConfigureError::Value { command, error }
}

impl TrailingOptions {
    /// Reads the options that stood between the words.
    pub(super) fn read(options: &[String], command: Option<&str>) -> Result<Self, ArgsError> {
        <Self as clap::Parser>::try_parse_from(options)
            .map_err(|error| ArgsError::from_clap(&error, command.into_iter()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(line: &str) -> Result<Chain, ConfigureError> {
        parse(&line.split(' ').map(str::to_owned).collect::<Vec<_>>())
    }

    fn key(name: &str) -> Key {
        Key(Setting::of(name).unwrap())
    }

    /// [CF-11]
    #[test]
    fn commands_are_chained_as_in_the_original() {
        let chain = read("gensecret profile xyzzy binds 4040,4041 nodeid anon/ --json").unwrap();
        assert_eq!(
            chain.steps,
            [
                Step::GenerateSecret,
                Step::Profile("xyzzy".to_owned()),
                Step::Set(key("binds"), json!(["4040", "4041"])),
                Step::Set(key("nodeid"), json!("anon/")),
            ]
        );
        assert_eq!(chain.options, ["--json"]);
        assert!(chain.changes());
        let chain = read("showconfig x seeds a:1 --config f showprofile").unwrap_err().to_string();
        assert!(chain.contains("showprofile"), "{chain}");
        assert!(!read("showprofile x showconfig").unwrap().changes());
        assert!(!read("profile x showprofile x").unwrap().changes());
        assert!(read("profile x").unwrap().changes());
    }

    #[test]
    fn services_with_arguments_are_json() {
        let chain = read("setservices a::,b::c addservice [\"d\",1] setservices [[\"e\",2],\"f\"]").unwrap();
        assert_eq!(
            chain.steps,
            [
                Step::Set(key("services"), json!(["a::", "b::c"])),
                Step::Add(key("services"), vec![json!(["d", 1])]),
                Step::Set(key("services"), json!([["e", 2], "f"])),
            ]
        );
    }

    #[test]
    fn wrong_lines_say_what_to_write() {
        for (line, text) in [
            ("setseeds", "write `setseeds HOST:PORT,…`"),
            ("profile", "write `profile NAME`"),
            ("gensceret", "did you mean `gensecret`"),
            ("setcert", "write `setcert FILE`"),
            ("setauth_accept md6", "there is no proof \"md6\""),
            ("setseeds a:1 b:2", "`setseeds …,b:2`"),
            ("gensecret demo", "`demo` cannot stand behind \"gensecret\""),
            ("gensecret doctor", "`doctor` cannot stand behind \"gensecret\""),
            ("setparent x", "aemp profile NAME setparent"),
            ("setbinds localhost:http", "\"localhost:http\": the port must be a number"),
            ("setmonitor_timeout soon", "\"soon\" is no number of seconds"),
            ("setframing_format xml", "there is no framing \"xml\""),
            ("profile a;b nodeid x", "no name for a profile"),
            ("setnodeid a#b", "no node ID"),
            ("gensecret --color", "lacks its value"),
            ("setsecret €", "character number 1"),
            ("showconfig x seeds --json", "`seeds` lacks"),
        ] {
            let error = read(line).unwrap_err().to_string();
            assert!(error.contains(text), "{line}: {error}");
        }
    }
}
