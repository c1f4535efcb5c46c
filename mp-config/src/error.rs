//! What can be wrong with the configuration.

use std::io;
use std::path::PathBuf;

use mp_proto::IdError;

use super::{Scope, SettingError};

/// What is wrong with the configuration, where, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error(
        "HOME is not set, so there is no place for the configuration; set PERL_ANYEVENT_MP_RC or give --config PATH"
    )]
    NoHome,
    #[error("cannot read {}: {source}; look at its owner and mode, or name another file by --config", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{} has more than 4 MiB; is it the right file? Name another one by --config", path.display())]
    TooLarge { path: PathBuf },
    #[error("{}:{line}:{column}: {what}; correct the file there, or move it away and set it up anew", path.display())]
    Syntax { path: PathBuf, line: usize, column: usize, what: String },
    #[error("{}: {what}; correct the file, or move it away and set it up anew", path.display())]
    Shape { path: PathBuf, what: String },
    #[error("{}: `{key}` ({scope}): {error}", path.display())]
    Setting { path: PathBuf, scope: Scope, key: String, error: SettingError },
    #[error("there is no profile {name:?} in {}; {mend}", path.display())]
    NoProfile { name: String, path: PathBuf, mend: String },
    #[error(
        "the profile {profile:?} has the parent {parent:?}, which does not exist; make it by `aemp profile {parent} …`, or `aemp profile {profile} delparent`"
    )]
    NoParent { profile: String, parent: String },
    #[error("the profile {first:?} is its own ancestor ({}); break the circle by `aemp profile {first} delparent`", circle.join(" → "))]
    Circle { first: String, circle: Vec<String> },
    #[error("the host name {host:?} makes no node ID ({error}); choose one by `aemp setnodeid NAME`")]
    HostName { host: String, error: IdError },
    #[error("cannot write {}: {source}; look at the owner, mode and free space of its directory", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("cannot write {}: it is not a regular file; name another one by --config", path.display())]
    NotRegular { path: PathBuf },
    #[error("the system gives no random numbers: {0}; try again later")]
    Random(#[from] getrandom::Error),
    #[error("no secret is configured in {}; make one by `aemp gensecret` and copy the file to the other machines", path.display())]
    NoSecret { path: PathBuf },
}

/// What serde_json has to say, without the position, which may be another one in the text as it was written.
pub(crate) fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or_default().to_owned()
}
