//! What can be wrong with the command line.

use clap::CommandFactory;
use clap::error::{ContextKind, ContextValue, ErrorKind};

/// What is wrong with the words of the command line, and what to write instead.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ArgsError {
    #[error("there is no command {word:?}; {mend}")]
    UnknownCommand { word: String, mend: String },
    #[error("there is no command {word:?} in `{of}`; {mend}")]
    UnknownPart { word: String, of: String, mend: String },
    #[error("`{of}` lacks its command: one of {parts}; try `{help}`")]
    NoPart { of: String, parts: String, help: String },
    #[error("{what}; try `{help}`")]
    Clap { what: String, help: String },
    #[error("a word is not UTF-8: {0:?}; write it in UTF-8")]
    NotUtf8(std::ffi::OsString),
    #[error("`{0}` lacks its value; write `aemp run [PROFILE] [KEY VALUE …]`, or try `aemp help run`")]
    RunPairs(String),
    #[error("`run` has no setting {word:?}; {mend}")]
    RunKey { word: String, mend: String },
    #[error(
        "{of} is no filter: {error}; write off, error, warn, info, debug or trace, or as in `warn,mp_node=debug`"
    )]
    LogFilter { of: &'static str, error: String },
    #[error("{error}")]
    Quote { error: crate::cmd::shell::QuoteError },
    #[error(
        "the shell is connected already; leave --profile and --seed away here, and give them to `aemp shell`"
    )]
    Connected,
    #[error("{path}: {error}; write a level such as debug into it, or as in `warn,mp_node=debug`", path = path.display())]
    LogLevelFile { path: std::path::PathBuf, error: String },
    #[error("{key}: {error}")]
    Value { key: String, error: mp_config::SettingError },
}

impl ArgsError {
    /// There is no such command; the mend says which one is near.
    pub(crate) fn unknown(word: &str) -> Self {
        let names = super::help::command_names();
        let mend = match near(word, names.iter().map(String::as_str), "aemp help") {
            Some(near) => near,
            None if word == "version" => "`aemp --version` tells it".to_owned(),
            None => "try `aemp help`".to_owned(),
        };
        Self::UnknownCommand { word: word.to_owned(), mend }
    }

    /// The same for a line of the shell.
    pub(crate) fn unknown_in_shell(word: &str) -> Self {
        let shell = super::ShellLine::command();
        let names = shell.get_subcommands().map(clap::Command::get_name).chain(["help", "exit"]);
        let mend = match near(word, names, "help") {
            Some(near) => near,
            None if super::help::command_names().contains(word) => {
                "the shell does not have it; leave it by `exit`".to_owned()
            }
            None => "try `help`".to_owned(),
        };
        Self::UnknownCommand { word: word.to_owned(), mend }
    }

    /// What clap found in a line of the shell.
    pub(crate) fn from_shell(error: &clap::Error, words: &[String]) -> Self {
        let words = words.iter().map(String::as_str);
        let place = Place::of(&super::ShellLine::command(), words, "help");
        match unknown_word(error) {
            Some(word) if place.path.is_empty() => Self::unknown_in_shell(word),
            _ => place.error(error),
        }
    }

    /// What clap found, on one line. Of the words, the program's name is not among them.
    pub(crate) fn from_clap<'a>(error: &clap::Error, words: impl Iterator<Item = &'a str>) -> Self {
        let place = Place::of(&super::help::program(), words, "aemp help");
        match unknown_word(error) {
            Some(word) if place.path.is_empty() => Self::unknown(word),
            _ => place.error(error),
        }
    }
}

/// The command that words are for.
struct Place {
    /// Its name, behind that of the command that it is part of; empty if it is the program itself.
    path: Vec<String>,
    /// The commands within it.
    parts: Vec<String>,
    /// The options that it has itself, and those that these have.
    options: (Vec<String>, Vec<String>),
    /// What explains it.
    help: String,
}

impl Place {
    fn of<'a>(program: &clap::Command, words: impl Iterator<Item = &'a str>, help: &str) -> Self {
        let mut path = Vec::new();
        let mut command = program;
        for word in words {
            if let Some(part) = command.find_subcommand(word) {
                command = part;
                path.push(word.to_owned());
            }
        }
        let parts: Vec<_> = command.get_subcommands().filter(|part| !part.is_hide_set()).collect();
        let options =
            (options_of(command).collect(), parts.iter().flat_map(|part| options_of(part)).collect());
        let help = [&[help.to_owned()], path.as_slice()].concat().join(" ");
        Self { parts: parts.iter().map(|part| part.get_name().to_owned()).collect(), options, path, help }
    }

    /// What to say of an option that is one, in another place: those of a command stand behind all of its name.
    fn misplaced(&self, error: &clap::Error) -> Option<String> {
        let Some(ContextValue::String(option)) = error.get(ContextKind::InvalidArg) else { return None };
        let option = option.split('=').next().filter(|_| error.kind() == ErrorKind::UnknownArgument)?;
        let has = |options: &[String]| options.iter().any(|known| known == option);
        let program = if self.help.starts_with("aemp ") { "aemp " } else { "" };
        let of = format!("{program}{}", self.path.join(" "));
        if has(&self.options.0) {
            Some(format!("`{option}` stands behind the command, as in `{of} {option} …`"))
        } else if has(&self.options.1) && !self.path.is_empty() {
            let parts = self.parts.join(", ");
            Some(format!("`{option}` stands behind the command within `{of}`, which is one of {parts}"))
        } else {
            None
        }
    }

    fn error(self, error: &clap::Error) -> ArgsError {
        let misplaced = self.misplaced(error);
        let Self { path, parts, help, .. } = self;
        let of = path.join(" ");
        if let Some(word) = unknown_word(error) {
            let mend = near(word, parts.iter().map(String::as_str), &help)
                .unwrap_or_else(|| format!("there are {}; try `{help}`", parts.join(", ")));
            return ArgsError::UnknownPart { word: word.to_owned(), of, mend };
        }
        if matches!(
            error.kind(),
            ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand
        ) {
            return ArgsError::NoPart { of, parts: parts.join(", "), help };
        }
        if let Some(what) = misplaced {
            return ArgsError::Clap { what, help };
        }
        let text = error.render().to_string();
        let lines = text.lines().take_while(|line| !line.trim().is_empty()).map(str::trim);
        let what = lines.collect::<Vec<_>>().join(" ");
        let tip = text.lines().find_map(|line| line.trim().strip_prefix("tip: "));
        let what = what.strip_prefix("error: ").unwrap_or(&what);
        let what = [Some(what), tip].into_iter().flatten().collect::<Vec<_>>().join("; ");
        ArgsError::Clap { what, help }
    }
}

/// The long forms of a command's options.
fn options_of(command: &clap::Command) -> impl Iterator<Item = String> {
    command.get_arguments().filter_map(|argument| Some(format!("--{}", argument.get_long()?)))
}

/// Which of the names was most likely meant, if any.
fn near<'a>(word: &str, names: impl IntoIterator<Item = &'a str>, help: &str) -> Option<String> {
    let near = mp_config::nearest(word, names)?;
    Some(format!("did you mean `{near}`? Try `{help} {near}`"))
}

/// The word, if that is what is wrong, which is no command.
fn unknown_word(error: &clap::Error) -> Option<&str> {
    match error.get(ContextKind::InvalidSubcommand) {
        Some(ContextValue::String(word)) if error.kind() == ErrorKind::InvalidSubcommand => Some(word),
        _ => None,
    }
}
