//! The requests of the distributed database, as they travel between node ports.

mod parse;

use std::collections::BTreeMap;

use mp_proto::{Message, Value};

use crate::data::{Database, Entries, Key, database_value, entries_value, word_list};
use crate::sum::{Range, Sum};

pub use parse::ParseError;

/// One request of the distributed database `[GL-01]`: a message to a node's own port whose tag begins with `g_`. The last
/// six are between nodes of our own kind only `[GL-34]`.
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
    /// `g_sum`: the sum over all that I own towards you `[GL-34]`.
    Sum {
        /// It.
        sum: Sum,
        /// Whether I am a global node, and so it is over what my slaves own, too.
        is_global: bool,
    },
    /// `g_have`: these are the sums of what I have of you; where are they wrong? `[GL-36]`
    Have {
        /// The families that are compared.
        range: Range,
        /// Those of which I have something.
        sums: BTreeMap<Key, Sum>,
    },
    /// `g_differ`: in these `[GL-36]`.
    Differ {
        /// The families that were compared: all that were asked for, or the first of them.
        range: Range,
        /// Those whose sums are others.
        families: Vec<Key>,
    },
    /// `g_tell`: what do you own in this family? `[GL-36]`
    Tell {
        /// The family.
        family: Key,
        /// Beginning with the first key that is not before this.
        from: Key,
    },
    /// `g_told`: this, and nothing else `[GL-37]`.
    Told {
        /// The family.
        family: Key,
        /// Of which keys this is the whole truth.
        range: Range,
        /// The keys.
        entries: Entries,
    },
    /// `g_view`: these are the sums of families that you monitor with me `[GL-38]`.
    View {
        /// Of which families this names all that are monitored.
        range: Range,
        /// The sums.
        sums: BTreeMap<Key, Sum>,
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
    pub const TAGS: [&'static str; 20] = [
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
        "g_sum",
        "g_have",
        "g_differ",
        "g_tell",
        "g_told",
        "g_view",
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
            Self::Sum { .. } => "g_sum",
            Self::Have { .. } => "g_have",
            Self::Differ { .. } => "g_differ",
            Self::Tell { .. } => "g_tell",
            Self::Told { .. } => "g_told",
            Self::View { .. } => "g_view",
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
            Self::Sum { sum, is_global } => vec![Value::from(sum.to_string()), Value::from(is_global)],
            Self::Have { range, sums } | Self::View { range, sums } => {
                let sums = sums.iter().map(|(family, sum)| (&**family, Value::from(sum.to_string())));
                range_values(&range).into_iter().chain([Value::Map(sums.collect())]).collect()
            }
            Self::Differ { range, families } => {
                range_values(&range).into_iter().chain([word_list(&families)]).collect()
            }
            Self::Tell { family, from } => vec![name(&family), name(&from)],
            Self::Told { family, range, entries } => {
                let what = [name(&family)].into_iter().chain(range_values(&range));
                what.chain([entries_value(&entries)]).collect()
            }
        };
        Message::from([Value::from(tag)]).with(arguments)
    }
}

fn range_values(range: &Range) -> [Value; 2] {
    [Value::from(&*range.from), range.to.as_deref().map_or(Value::Null, Value::from)]
}
