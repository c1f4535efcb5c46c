//! What can be wrong with the configuration.

use std::io;
use std::path::PathBuf;

use mp_proto::IdError;

use super::{Scope, SettingError};

/// What is wrong with the configuration, where, and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// There is no place for the file.
    #[error(
        "HOME is not set, so there is no place for the configuration; set PERL_ANYEVENT_MP_RC or give --config PATH"
    )]
    NoHome,
    /// The file cannot be read.
    #[error("cannot read {}: {source}; look at its owner and mode, or name another file by --config", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file that was named is not there.
    #[error("there is no file {}; correct the path, or make it by `aemp gensecret --config {}`", path.display(), path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// There is a directory in the file's place.
    #[error("cannot read {}: it is a directory; name a file by --config", path.display())]
    Directory {
        /// The place.
        path: PathBuf,
    },
    /// The file is too large to be a configuration.
    #[error("{} has more than 4 MiB; is it the right file? Name another one by --config", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// The text is not relaxed JSON.
    #[error("{}:{line}:{column}: {what}; correct the file there, or move it away and set it up anew", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
        /// What is wrong.
        what: String,
    },
    /// The text is JSON, but no configuration.
    #[error("{}: {what}; correct the file, or move it away and set it up anew", path.display())]
    Shape {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// A setting has a value that it cannot have.
    #[error("{}: `{key}` ({scope}): {error}", path.display())]
    Setting {
        /// The file.
        path: PathBuf,
        /// Where it stands.
        scope: Scope,
        /// The setting.
        key: String,
        /// What is wrong with it.
        error: SettingError,
    },
    /// A profile does not exist.
    #[error("there is no profile {name:?} in {}; {mend}", path.display())]
    NoProfile {
        /// The profile.
        name: String,
        /// The file.
        path: PathBuf,
        /// What to do.
        mend: String,
    },
    /// A profile's parent does not exist.
    #[error(
        "the profile {profile:?} has the parent {parent:?}, which does not exist; make it by `aemp profile {parent} …`, or `aemp profile {profile} delparent`"
    )]
    NoParent {
        /// The profile.
        profile: String,
        /// Its parent.
        parent: String,
    },
    /// A profile is its own ancestor.
    #[error("the profile {first:?} is its own ancestor ({}); break the circle by `aemp profile {first} delparent`", circle.join(" → "))]
    Circle {
        /// One of the profiles.
        first: String,
        /// All of them, in order.
        circle: Vec<String>,
    },
    /// A node ID is none, with its variables filled in; the host's name may be to blame.
    #[error("{name:?} is no node ID ({error}); choose another one by `aemp setnodeid NAME`")]
    NodeId {
        /// The text.
        name: String,
        /// What is wrong with it.
        error: IdError,
    },
    /// The file cannot be written.
    #[error("cannot write {}: {source}; look at the owner, mode and free space of its directory", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// What is at the file's place is no file.
    #[error("cannot write {}: it is not a regular file; name another one by --config", path.display())]
    NotRegular {
        /// The file.
        path: PathBuf,
    },
    /// The system gives no random numbers.
    #[error("the system gives no random numbers: {0}; try again later")]
    Random(#[from] getrandom::Error),
    /// Neither a secret nor a certificate is configured.
    #[error("no secret is configured in {}; make one by `aemp gensecret` and copy the file to the other machines", path.display())]
    NoSecret {
        /// The file.
        path: PathBuf,
    },
}

/// What serde_json has to say, without the position, which may be another one in the text as it was written.
pub(crate) fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or_default().to_owned()
}
