//! How a difference that should not be there goes away.
//!
//! What a node owns it tells once, and then what changes. Should any of that not arrive, or not be believed, the others
//! would see something else for ever. So, between nodes of our own kind, whoever tells somebody what it owns (a global node
//! every other one, for itself and its slaves; a slave its master) says the sum over it, too: after the whole, and every
//! 30 s `[GL-34]`. A master likewise says the sums of what its slaves monitor `[GL-38]`.
//!
//! The sum comes behind all changes that it covers, in the same stream. So one that is different is no matter of what
//! is still under way, and who gets it asks for what it should have, step by step, with one question at a time
//! `[GL-36]`. Its state for each peer:
//!
//! | state | on | does | next |
//! |---|---|---|---|
//! | none | `g_sum`, the same | | none |
//! | none | `g_sum`, another | asks where the first families differ: `g_have` | Comparing |
//! | Comparing | `g_differ` with families | asks for the first one's first keys: `g_tell` | Fetching |
//! | Comparing | `g_differ` without, more behind | asks where these differ: `g_have` | Comparing |
//! | Comparing | `g_differ` without, the end | | none |
//! | Fetching | `g_told`, more behind | makes these keys what it says; asks for the next: `g_tell` | Fetching |
//! | Fetching | `g_told`, the family's end | the same; goes on with the next family, or the next range | Fetching, Comparing or none |
//! | any | `g_sum`, the same | | none |
//! | any | `g_sum`, another | nothing, the first time; if no answer comes until the next one, begins anew | as it is, or Comparing |
//! | any | an answer to something else | | as it is |
//! | any | the peer is down | | none |
//!
//! The one who is asked keeps no state. A question or answer is about at most [`FAMILIES`] families, or [`KEYS`] keys of
//! [`BYTES`]; if nothing is wrong, one message of some fifty bytes goes each way in 30 s.
//!
//! An answer is the word of the one who owns what it is about (a global node answers for its slaves, as ever), as of a
//! moment behind all changes that came before it. Nobody repeats what others have said, so what was withdrawn does not
//! come back `[GL-37]`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use mp_proto::{NodeId, Value};

use crate::data::{Entries, Key, weight};
use crate::sum::{Range, Sum, Sums};
use crate::wire::GlobalRequest;

/// Families that one question or answer names at the most.
pub(super) const FAMILIES: usize = 1_000;
/// Keys that one answer has at the most.
pub(super) const KEYS: usize = 1_000;
/// What the keys and values of one answer weigh at the most, if there is more than one.
pub(super) const BYTES: usize = 256 << 10;

// ---- who is asked

/// Answers `g_have`: which families are not what the asker has.
pub(super) fn differ(own: &Sums, asked: Range, theirs: &BTreeMap<Key, Sum>) -> GlobalRequest {
    let mut differing = BTreeSet::new();
    let missing = own.range(&asked).filter(|(family, sum)| theirs.get(*family) != Some(sum));
    differing.extend(missing.map(|(family, _)| Key::clone(family)).take(FAMILIES + 1));
    let gone = theirs.range::<str, _>(&asked).filter(|(family, _)| own.get(family).is_empty());
    differing.extend(gone.map(|(family, _)| Key::clone(family)).take(FAMILIES + 1));
    let mut families: Vec<Key> = differing.into_iter().take(FAMILIES + 1).collect();
    let to = if families.len() > FAMILIES { families.pop() } else { asked.to };
    GlobalRequest::Differ { range: Range { from: asked.from, to }, families }
}

/// Answers `g_tell`: the entries of a family, which begin where the asker wants it, or as many as go into an answer.
pub(super) fn tell<'a>(
    family: Key,
    from: Key,
    entries: impl Iterator<Item = (&'a Key, &'a Value)>,
) -> GlobalRequest {
    let (mut piece, mut bytes, mut to) = (Entries::new(), 0usize, None);
    for (key, value) in entries {
        bytes = bytes.saturating_add(weight(key, value));
        if piece.len() == KEYS || !piece.is_empty() && bytes > BYTES {
            to = Some(Key::clone(key));
            break;
        }
        piece.insert(Key::clone(key), value.clone());
    }
    GlobalRequest::Told { family, range: Range { from, to }, entries: piece }
}

/// Sums by family, in messages of a bounded size.
pub(super) fn views(sums: impl Iterator<Item = (Key, Sum)>) -> Vec<GlobalRequest> {
    let mut pieces = vec![(Key::from(""), BTreeMap::new())];
    for (family, sum) in sums {
        if pieces.last().is_none_or(|(_, piece)| piece.len() >= FAMILIES) {
            pieces.push((Key::clone(&family), BTreeMap::new()));
        }
        if let Some((_, piece)) = pieces.last_mut() {
            piece.insert(family, sum);
        }
    }
    let ends: Vec<_> = pieces.iter().skip(1).map(|(from, _)| Some(Key::clone(from))).chain([None]).collect();
    let view = |((from, sums), to)| GlobalRequest::View { range: Range { from, to }, sums };
    pieces.into_iter().zip(ends).map(view).collect()
}

// ---- who asks

/// The nodes that are asked.
#[derive(Debug, Default)]
pub(super) struct Walks(BTreeMap<NodeId, Walk>);

#[derive(Debug)]
struct Walk {
    stage: Stage,
    /// A sum has come since the last question.
    is_late: bool,
}

/// What was asked last.
#[derive(Debug)]
enum Stage {
    Comparing(Range),
    Fetching {
        family: Key,
        from: Key,
        /// Families that differ, too.
        rest: VecDeque<Key>,
        /// Where those begin that have not been compared.
        then: Option<Key>,
    },
}

/// What to ask next.
#[derive(Debug)]
pub(super) enum Next {
    /// Where the families from this one on differ.
    Compare(Key),
    /// What the family's keys are, from this one on.
    Fetch(Key, Key),
    /// Nothing: all has been mended, or the answer made no sense.
    Nothing,
}

impl Walks {
    /// The node is down, or what we have of it is right.
    pub(super) fn end(&mut self, node: &NodeId) {
        self.0.remove(node);
    }

    /// What we have of the node is wrong; whether to begin (anew).
    pub(super) fn is_due(&mut self, node: &NodeId) -> bool {
        self.0.get_mut(node).is_none_or(|walk| std::mem::replace(&mut walk.is_late, true))
    }

    /// This is what the node was asked.
    pub(super) fn comparing(&mut self, node: &NodeId, range: Range) {
        let walk = Walk { stage: Stage::Comparing(range), is_late: false };
        self.0.insert(node.clone(), walk);
    }

    /// The node says where its families are others. Of what it was not asked for it cannot know.
    pub(super) fn differ(&mut self, node: &NodeId, range: &Range, families: Vec<Key>) -> Option<Next> {
        let Stage::Comparing(asked) = &self.0.get(node)?.stage else { return None };
        if asked.from != range.from {
            return None;
        }
        let is_ahead = range.to.as_ref().is_none_or(|to| *to > asked.from);
        let is_asked = |family: &Key| *family >= range.from && range.to.as_ref().is_none_or(|to| family < to);
        if !is_ahead || families.len() > FAMILIES || !families.iter().all(is_asked) {
            self.0.remove(node);
            return Some(Next::Nothing);
        }
        Some(self.go_on(node, families.into(), range.to.clone()))
    }

    /// Whether the node was asked for these keys of this family.
    pub(super) fn expects(&self, node: &NodeId, family: &Key, range: &Range) -> bool {
        let Some(Stage::Fetching { family: asked, from, .. }) = self.0.get(node).map(|walk| &walk.stage)
        else {
            return false;
        };
        asked == family && *from == range.from && range.to.as_ref().is_none_or(|to| to > from)
    }

    /// The keys that the node was asked for have come.
    pub(super) fn told(&mut self, node: &NodeId, range: &Range) -> Next {
        let Some(Walk { stage: Stage::Fetching { family, from, rest, then }, is_late }) =
            self.0.get_mut(node)
        else {
            return Next::Nothing;
        };
        *is_late = false;
        if let Some(to) = &range.to {
            *from = Key::clone(to);
            return Next::Fetch(Key::clone(family), Key::clone(to));
        }
        let (rest, then) = (std::mem::take(rest), then.take());
        self.go_on(node, rest, then)
    }

    fn go_on(&mut self, node: &NodeId, mut rest: VecDeque<Key>, then: Option<Key>) -> Next {
        let Some(family) = rest.pop_front() else {
            self.0.remove(node);
            return then.map_or(Next::Nothing, Next::Compare);
        };
        let from = Key::from("");
        let next = Next::Fetch(Key::clone(&family), Key::clone(&from));
        let stage = Stage::Fetching { family, from, rest, then };
        self.0.insert(node.clone(), Walk { stage, is_late: false });
        next
    }
}
