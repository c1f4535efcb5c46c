//! What can be wrong with the command line.

use clap::CommandFactory;
use clap::error::{ContextKind, ContextValue, ErrorKind};

/// What is wrong with the words of the command line, and what to write instead.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ArgsError {
    #[error("there is no command {word:?}; {mend}")]
    UnknownCommand { word: String, mend: String },
    #[error("{what}; see `aemp help`")]
    Clap { what: String },
    #[error("a word is not UTF-8: {0:?}; write it in UTF-8")]
    NotUtf8(std::ffi::OsString),
    #[error("`{0}` lacks its value; write `aemp run [PROFILE] [KEY VALUE …]`")]
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
    /// There is no such command; `mend` says which one is near.
    pub(crate) fn unknown(word: &str) -> Self {
        let names = super::help::command_names();
        let mend = match mp_config::nearest(word, names.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`? See `aemp help`"),
            None => "see `aemp help`".to_owned(),
        };
        Self::UnknownCommand { word: word.to_owned(), mend }
    }

    /// The same for a line of the shell.
    pub(crate) fn unknown_in_shell(word: &str) -> Self {
        let shell = super::ShellLine::command();
        let names = shell.get_subcommands().map(clap::Command::get_name).chain(["help", "exit"]);
        let mend = match mp_config::nearest(word, names) {
            Some(near) => format!("did you mean `{near}`? See `help`"),
            None if super::help::command_names().contains(word) => {
                "the shell does not have it; leave it by `exit`".to_owned()
            }
            None => "see `help`".to_owned(),
        };
        Self::UnknownCommand { word: word.to_owned(), mend }
    }

    /// What clap found in a line of the shell.
    pub(crate) fn from_shell(error: &clap::Error) -> Self {
        unknown_word(error).map_or_else(|| Self::in_words(error), Self::unknown_in_shell)
    }

    /// What clap found, on one line.
    pub(crate) fn from_clap(error: &clap::Error) -> Self {
        unknown_word(error).map_or_else(|| Self::in_words(error), Self::unknown)
    }

    fn in_words(error: &clap::Error) -> Self {
        let text = error.render().to_string();
        let lines = text.lines().take_while(|line| !line.trim().is_empty()).map(str::trim);
        let what = lines.collect::<Vec<_>>().join(" ");
        let tip = text.lines().find_map(|line| line.trim().strip_prefix("tip: "));
        let what = what.strip_prefix("error: ").unwrap_or(&what);
        Self::Clap { what: [Some(what), tip].into_iter().flatten().collect::<Vec<_>>().join("; ") }
    }
}

/// The word, if that is what is wrong, which is no command.
fn unknown_word(error: &clap::Error) -> Option<&str> {
    match error.get(ContextKind::InvalidSubcommand) {
        Some(ContextValue::String(word)) if error.kind() == ErrorKind::InvalidSubcommand => Some(word),
        _ => None,
    }
}
