//! The requests of the distributed database, as they travel between node ports.

mod parse;

use mp_proto::{Message, Value};

use crate::data::{Database, Entries, Key, database_value, entries_value, word_list};

pub use parse::ParseError;

/// One request of the distributed database `[GL-01]`: a message to a node's own port whose tag begins with `g_`.
#[derive(Debug, Clone, PartialEq)]
pub enum GlobalRequest {
    /// `g_slave`: be a global node; with a database, be my master, too, and this is what I hold.
    Slave(Option<Database>),
    /// `g_global`: I am a global node.
    Global,
    /// `g_set`: all that my slaves and I hold.
    Set(Database),
    /// `g_upd`: keys were set or deleted. Slaves send one part, global nodes always both `[GL-04]`.
    Update {
        /// The family that changed.
        family: Key,
        /// The keys that have a new value.
        set: Option<Entries>,
        /// The keys that are no more.
        delete: Option<Vec<Key>>,
    },
    /// `g_find`: where does this node listen?
    Find(Key),
    /// `g_found`: there; or nobody knows.
    Found {
        /// The node that was asked for.
        node: Key,
        /// Its listeners.
        addresses: Option<Vec<Key>>,
    },
    /// `g_db_family`, `g_db_keys`, `g_db_values`: what does this family hold?
    Ask {
        /// Which part of it.
        part: Part,
        /// The family.
        family: Key,
        /// Given back with the answer; whatever the asker chose.
        id: Value,
    },
    /// `g_reply`: the answer.
    Reply {
        /// The asker's.
        id: Value,
        /// A map or a list, as it was asked for.
        value: Value,
    },
    /// `g_mon1`: tell me what this family holds, and each change from now on.
    Monitor(Key),
    /// `g_mon0`: no longer.
    Unmonitor(Key),
    /// `g_chg1`: what a monitored family holds; none if there is no such family.
    Whole {
        /// The family.
        family: Key,
        /// All of it.
        entries: Option<Entries>,
    },
    /// `g_chg2`: what changed in a monitored family.
    Change {
        /// The family.
        family: Key,
        /// The keys that have this value now.
        set: Entries,
        /// The keys that are no more.
        delete: Vec<Key>,
    },
}

/// Which part of a family is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// Keys and values.
    Family,
    /// The keys alone.
    Keys,
    /// The values alone.
    Values,
}

impl GlobalRequest {
    /// The tags of all requests.
    pub const TAGS: [&'static str; 14] = [
        "g_slave",
        "g_global",
        "g_set",
        "g_upd",
        "g_find",
        "g_found",
        "g_db_family",
        "g_db_keys",
        "g_db_values",
        "g_reply",
        "g_mon1",
        "g_mon0",
        "g_chg1",
        "g_chg2",
    ];

    /// The tag that stands before the arguments.
    #[must_use]
    pub fn tag(&self) -> &'static str {
        match self {
            Self::Slave(_) => "g_slave",
            Self::Global => "g_global",
            Self::Set(_) => "g_set",
            Self::Update { .. } => "g_upd",
            Self::Find(_) => "g_find",
            Self::Found { .. } => "g_found",
            Self::Ask { part: Part::Family, .. } => "g_db_family",
            Self::Ask { part: Part::Keys, .. } => "g_db_keys",
            Self::Ask { part: Part::Values, .. } => "g_db_values",
            Self::Reply { .. } => "g_reply",
            Self::Monitor(_) => "g_mon1",
            Self::Unmonitor(_) => "g_mon0",
            Self::Whole { .. } => "g_chg1",
            Self::Change { .. } => "g_chg2",
        }
    }

    /// The message to the other node's own port: the tag, then the arguments.
    #[must_use]
    pub fn into_message(self) -> Message {
        let tag = self.tag();
        let name = |name: &Key| Value::from(&**name);
        let arguments = match self {
            Self::Slave(None) | Self::Global => vec![],
            Self::Slave(Some(database)) | Self::Set(database) => vec![database_value(&database)],
            Self::Update { family, set, delete } => {
                let set = set.as_ref().map_or(Value::Null, entries_value);
                let delete = delete.as_ref().map(word_list);
                [name(&family), set].into_iter().chain(delete).collect()
            }
            Self::Find(node) => vec![name(&node)],
            Self::Found { node, addresses } => {
                vec![name(&node), addresses.as_ref().map_or(Value::Null, word_list)]
            }
            Self::Ask { family, id, .. } => vec![name(&family), id],
            Self::Reply { id, value } => vec![id, value],
            Self::Monitor(family) | Self::Unmonitor(family) => vec![name(&family)],
            Self::Whole { family, entries } => {
                vec![name(&family), entries.as_ref().map_or(Value::Null, entries_value)]
            }
            Self::Change { family, set, delete } => {
                vec![name(&family), entries_value(&set), word_list(&delete)]
            }
        };
        Message::from([Value::from(tag)]).with(arguments)
    }
}
