//! Who claims which value for a key, and whose counts.

use mp_proto::{NodeId, Value};

use super::Kind;
use crate::data::is_internal;

/// One owner's value of a key.
#[derive(Debug, Clone)]
pub(super) struct Claim {
    pub(super) owner: NodeId,
    pub(super) kind: Kind,
    pub(super) value: Value,
}

/// Puts an owner's claim first: among our slaves, who wrote last is heard.
pub(super) fn put(claims: &mut Vec<Claim>, owner: &NodeId, kind: Kind, value: Value) {
    claims.retain(|claim| claim.owner != *owner);
    claims.insert(0, Claim { owner: owner.clone(), kind, value });
}

/// An owner's value.
pub(super) fn of<'a>(owner: &NodeId, claims: &'a [Claim]) -> Option<&'a Value> {
    claims.iter().find(|claim| claim.owner == *owner).map(|claim| &claim.value)
}

/// Makes an owner's claim one of another kind.
pub(super) fn rekind(claims: &mut [Claim], owner: &NodeId, kind: Kind) {
    for claim in claims.iter_mut().filter(|claim| claim.owner == *owner) {
        claim.kind = kind;
    }
}

/// What we say of a key to other global nodes: the latest word of our slaves and ourselves `[GL-15]`.
pub(super) fn own<'a>(me: &'a NodeId, family: &str, key: &str, claims: &'a [Claim]) -> Option<&'a Value> {
    winner(me, family, key, claims, Kind::is_ours)
}

/// What we say of a key to our slaves and ourselves: each global node's word counts as one, and that of the smallest
/// node ID is taken, so that all global nodes say the same `[GL-15]`.
pub(super) fn view<'a>(me: &'a NodeId, family: &str, key: &str, claims: &'a [Claim]) -> Option<&'a Value> {
    winner(me, family, key, claims, |_| true)
}

fn winner<'a>(
    me: &'a NodeId,
    family: &str,
    key: &str,
    claims: &'a [Claim],
    counts: impl Fn(Kind) -> bool,
) -> Option<&'a Value> {
    let rank = |(age, claim): (usize, &'a Claim)| {
        // what a node says of itself is better than what others remember of it
        let is_hearsay = is_internal(family) && claim.owner.as_str() != key;
        let speaker = if claim.kind == Kind::Global { &claim.owner } else { me };
        (claim.kind == Kind::Guest, is_hearsay, speaker, age)
    };
    let counting = claims.iter().enumerate().filter(|(_, claim)| counts(claim.kind));
    counting.min_by(|&a, &b| rank(a).cmp(&rank(b))).map(|(_, claim)| &claim.value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str) -> NodeId {
        NodeId::new(name).expect("a name")
    }

    fn view_of(family: &str, claims: &[(&str, Kind, i64)]) -> Option<i64> {
        let mut list = Vec::new();
        for &(owner, kind, value) in claims {
            put(&mut list, &node(owner), kind, Value::from(value));
        }
        let me = node("m");
        view(&me, family, "z", &list).and_then(Value::as_i64)
    }

    /// [GL-15]
    #[test]
    fn the_last_word_of_our_slaves_against_the_smallest_global() {
        use Kind::{Global, Guest, Own, Slave};
        assert_eq!(view_of("f", &[("m", Own, 1), ("s", Slave, 2)]), Some(2));
        assert_eq!(view_of("f", &[("s", Slave, 2), ("m", Own, 1)]), Some(1));
        assert_eq!(view_of("f", &[("a", Global, 3), ("s", Slave, 2), ("n", Global, 4)]), Some(3));
        assert_eq!(view_of("f", &[("s", Slave, 2), ("n", Global, 4)]), Some(2));
        assert_eq!(view_of("f", &[("n", Global, 4), ("a", Guest, 5)]), Some(4));
        assert_eq!(view_of("f", &[("a", Guest, 5), ("b", Guest, 6)]), Some(6));
        assert_eq!(view_of("f", &[]), None);
    }

    /// [GL-17]
    #[test]
    fn what_a_node_says_of_itself_is_better_than_hearsay() {
        use Kind::{Global, Own, Slave};
        assert_eq!(view_of("'l", &[("z", Global, 1), ("a", Global, 2), ("m", Own, 3)]), Some(1));
        assert_eq!(view_of("'l", &[("z", Slave, 1), ("m", Own, 3)]), Some(1));
        assert_eq!(view_of("f", &[("z", Global, 1), ("a", Global, 2)]), Some(2));
    }
}
