//! What can be wrong with the command line.

use clap::error::ErrorKind;

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
    #[error("AEMP_LOG is no filter: {0}; write a level such as debug, or as in `warn,mp_node=debug`")]
    LogFilter(tracing_subscriber::filter::ParseError),
    #[error("{path}: {error}; write a level such as debug into it, or as in `warn,mp_node=debug`", path = path.display())]
    LogLevelFile { path: std::path::PathBuf, error: String },
    #[error("{key}: {error}")]
    Value { key: String, error: mp_config::SettingError },
}

impl ArgsError {
    /// There is no such command; `mend` says which one is near.
    pub(crate) fn unknown(word: &str) -> Self {
        let mend = match mp_config::nearest(word, super::help::command_names()) {
            _ if NOT_YET.contains(&word) => {
                "Perl's aemp has it, this one does not yet; use Perl's for it".to_owned()
            }
            Some(near) => format!("did you mean `{near}`? See `aemp help`"),
            None => "see `aemp help`".to_owned(),
        };
        Self::UnknownCommand { word: word.to_owned(), mend }
    }

    /// What clap found, on one line.
    pub(crate) fn from_clap(error: &clap::Error) -> Self {
        if error.kind() == ErrorKind::InvalidSubcommand
            && let Some(clap::error::ContextValue::String(word)) =
                error.get(clap::error::ContextKind::InvalidSubcommand)
        {
            return Self::unknown(word);
        }
        let text = error.render().to_string();
        let lines = text.lines().take_while(|line| !line.trim().is_empty()).map(str::trim);
        let what = lines.collect::<Vec<_>>().join(" ");
        let tip = text.lines().find_map(|line| line.trim().strip_prefix("tip: "));
        let what = what.strip_prefix("error: ").unwrap_or(&what);
        Self::Clap { what: [Some(what), tip].into_iter().flatten().collect::<Vec<_>>().join("; ") }
    }
}

/// Commands of Perl's program that are not in this one.
const NOT_YET: [&str; 4] = ["eval", "shell", "trace", "restart"];
