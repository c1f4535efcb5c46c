//! What two kernels say to one another: hashes with an `action`.
//!
//! | action | keys | who reads it |
//! |---|---|---|
//! | `setup` | `aliases`; `type`, which nobody reads; ours add `mp` (the first one, see [`Hello`]) and `via` | all |
//! | `remove` | `aliases` | all |
//! | `post` | `alias`, `event`, `args`; ours add `call` and `hops` | all |
//! | `mp_proof` | `token` | our own kind |
//! | `mp_answer` | `call`, and `values` or `failed` | our own kind |
//! | `mp_undelivered` | `alias`, `event`, `failed` | our own kind |
//! | `mp_alive` | none | our own kind |
//! | `mp_taken` | `aliases` that somebody else holds already | our own kind |
//!
//! A kernel of POE::TIKC ignores keys and actions that it does not know, so ours can add them `[TK-20]`.

mod parse;
mod post;

use mp_proto::{Map, Text, Value};

use crate::args::Args;
use crate::identity::{Hello, KernelId};

pub use parse::PacketError;
pub(crate) use post::{Parts, write_post};

/// One message between kernels.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Packet {
    /// These aliases can be reached through me from now on.
    Setup {
        /// The aliases, with the way to them where our own kind tells it.
        aliases: Vec<Route>,
        /// In the first setup of a connection: that the sender is of our own kind.
        hello: Option<Hello>,
    },
    /// These aliases cannot be reached through me any more.
    Remove {
        /// The aliases.
        aliases: Vec<Text>,
    },
    /// An event for the session of an alias.
    Post(Post),
    /// The proof of the shared secret `[TK-52]`.
    Proof {
        /// What [`mp_proto::AuthMethod::token`] gives.
        token: Text,
    },
    /// The answer to a post with a `call` `[TK-43]`.
    Answer {
        /// The number that the post had.
        call: u64,
        /// What the session answered.
        result: Result<Vec<Value>, Failure>,
    },
    /// A post did not reach its session `[TK-42]`.
    Undelivered {
        /// Whom it was for.
        alias: Text,
        /// Which event it was.
        event: Text,
        /// Why.
        failure: Failure,
    },
    /// Nothing but that the sender is there `[TK-57]`.
    Alive,
    /// Of the aliases that were announced, these have another holder already, who keeps them `[TK-31]`.
    Taken {
        /// The aliases.
        aliases: Vec<Text>,
    },
}

/// An alias that is announced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The alias.
    pub alias: Text,
    /// Kernels of our own kind between the announcer and the session, the nearest first. It keeps announcements from
    /// running in circles `[TK-34]`.
    pub via: Vec<KernelId>,
    /// Whether a kernel of POE::TIKC stands on the way, behind which nobody knows how it goes on.
    pub foreign: bool,
}

impl From<&str> for Route {
    fn from(alias: &str) -> Self {
        Self { alias: alias.into(), via: Vec::new(), foreign: false }
    }
}

/// An event for the session of an alias.
#[derive(Debug, Clone, PartialEq)]
pub struct Post {
    /// Whose session it is for.
    pub alias: Text,
    /// What happened.
    pub event: Text,
    /// What goes with it.
    pub args: Args,
    /// The poster wants an answer under this number; a kernel of POE::TIKC does not see that.
    pub call: Option<u64>,
    /// How many kernels of our kind have passed it on.
    pub hops: u8,
}

/// Why a post did not reach its session, or a call has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// Nobody holds the alias.
    #[error("nobody holds the alias")]
    NoSuchAlias,
    /// The alias or event is one that cannot be reached from the network `[TK-10]` `[TK-12]`.
    #[error("the alias or event cannot be reached from the network")]
    Forbidden,
    /// The session's mailbox, or the queue on the way, stayed full `[TK-41]`.
    #[error("a mailbox or queue on the way stayed full")]
    Full,
    /// The connection on the way was lost, or not made in time.
    #[error("the connection was lost, or not made in time")]
    Disconnected,
    /// The way went in a circle, or over too many kernels `[TK-35]`.
    #[error("the way there goes in a circle")]
    Circle,
    /// A kernel of POE::TIKC holds the alias, and such answer no calls `[TK-43]`.
    #[error("a kernel of POE::TIKC holds the alias; it answers no calls")]
    NotCallable,
    /// The session ended, or let the question go, without an answer.
    #[error("the session gave no answer")]
    NoAnswer,
    /// The arguments cannot be written as a Storable image: too deep or too long.
    #[error("the arguments cannot be written")]
    Unwritable,
}

impl Failure {
    const ALL: [(Self, &'static str); 8] = [
        (Self::NoSuchAlias, "no_such_alias"),
        (Self::Forbidden, "forbidden"),
        (Self::Full, "full"),
        (Self::Disconnected, "disconnected"),
        (Self::Circle, "circle"),
        (Self::NotCallable, "not_callable"),
        (Self::NoAnswer, "no_answer"),
        (Self::Unwritable, "unwritable"),
    ];

    /// The word for it on the wire.
    #[must_use]
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(failure, _)| *failure == self).map_or("disconnected", |(_, word)| word)
    }

    /// The failure of that word; of one that is not known, [`Failure::Disconnected`].
    fn of(word: &str) -> Self {
        Self::ALL.iter().find(|(_, known)| *known == word).map_or(Self::Disconnected, |(failure, _)| *failure)
    }
}

impl Packet {
    /// The hash that says it. `role` is the receiver's role as a setup names it: `client` to a client.
    #[must_use]
    pub fn into_value(self, role: &'static str) -> Value {
        let mut map = Map::new();
        match self {
            Self::Setup { aliases, hello } => {
                map.insert("action", "setup");
                map.insert("type", role);
                if aliases.iter().any(|route| route.foreign || !route.via.is_empty()) {
                    map.insert("via", ways(&aliases));
                }
                map.insert("aliases", names(aliases.into_iter().map(|route| route.alias)));
                if let Some(hello) = hello {
                    map.insert("mp", hello.into_value());
                }
            }
            Self::Remove { aliases } => {
                map.insert("action", "remove");
                map.insert("type", "server");
                map.insert("aliases", names(aliases));
            }
            Self::Post(post) => return post.into_value(),
            Self::Proof { token } => {
                map.insert("action", "mp_proof");
                map.insert("token", token);
            }
            Self::Answer { call, result } => {
                map.insert("action", "mp_answer");
                map.insert("call", call);
                match result {
                    Ok(values) => map.insert("values", values),
                    Err(failure) => map.insert("failed", failure.word()),
                };
            }
            Self::Undelivered { alias, event, failure } => {
                map.insert("action", "mp_undelivered");
                map.insert("alias", alias);
                map.insert("event", event);
                map.insert("failed", failure.word());
            }
            Self::Alive => drop(map.insert("action", "mp_alive")),
            Self::Taken { aliases } => {
                map.insert("action", "mp_taken");
                map.insert("aliases", names(aliases));
            }
        }
        Value::Map(map)
    }
}

impl Post {
    fn into_value(self) -> Value {
        let mut map = Map::new();
        map.insert("action", "post");
        map.insert("alias", self.alias);
        map.insert("event", self.event);
        map.insert("args", self.args.into_values());
        if let Some(call) = self.call {
            map.insert("call", call);
        }
        if self.hops > 0 {
            map.insert("hops", self.hops);
        }
        Value::Map(map)
    }
}

fn names(names: impl IntoIterator<Item = Text>) -> Vec<Value> {
    names.into_iter().map(Value::from).collect()
}

/// For each alias the kernels on the way, with a null at the end where it goes on through a kernel of POE::TIKC.
fn ways(routes: &[Route]) -> Vec<Value> {
    let way = |route: &Route| {
        let mut way: Vec<Value> = route.via.iter().map(|kernel| Value::from(kernel.to_string())).collect();
        if route.foreign {
            way.push(Value::Null);
        }
        Value::List(way)
    };
    routes.iter().map(way).collect()
}
