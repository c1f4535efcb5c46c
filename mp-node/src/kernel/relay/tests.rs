use proptest::prelude::*;

use super::*;

fn node(name: &str) -> NodeId {
    NodeId::new(name).expect("a name")
}

fn open(id: u64, to: &str) -> Request {
    Request::Open { id, to: to.into(), window: WINDOW, hops: HOPS }
}

fn data(id: u64, len: usize) -> Request {
    Request::Data { id, bytes: Bytes::from(vec![7; len]) }
}

fn relay(me: &str) -> Relay<&'static str> {
    Relay::new(node(me), 3, usize::MAX)
}

/// Between `a` and `c`, with both connected.
fn crossing() -> Relay<&'static str> {
    let mut relay = relay("b");
    let acts = relay.request(&node("a"), open(2, "c"), |_| true);
    assert_eq!(
        acts,
        [Act::Send(node("c"), Request::Open { id: 2, to: "c".into(), window: WINDOW, hops: 1 })]
    );
    relay
}

/// [RL-01]
#[test]
fn a_pipe_crosses_the_relay_under_two_numbers() {
    let mut relay = crossing();
    let (a, c) = (node("a"), node("c"));
    let more = |id| Request::More { id, bytes: WINDOW };
    assert_eq!(relay.request(&c, more(2), |_| true), [Act::Send(a.clone(), more(2))]);
    assert_eq!(relay.request(&a, data(2, 9), |_| true), [Act::Send(c.clone(), data(2, 9))]);
    assert_eq!(relay.request(&c, data(2, 5), |_| true), [Act::Send(a.clone(), data(2, 5))]);
    let end = Request::End { id: 2 };
    assert_eq!(relay.request(&a, end.clone(), |_| true), [Act::Send(c.clone(), end)]);
    let close = Request::Close { id: 2, text: String::new() };
    assert_eq!(relay.request(&c, close.clone(), |_| true), [Act::Send(a, close)]);
    assert!(relay.request(&c, data(2, 5), |_| true).is_empty(), "what was under way is dropped");
    assert!(relay.ends.is_empty());
}

/// [RL-02]
#[test]
fn the_smaller_name_has_the_even_numbers() {
    let mut small = relay("a");
    let (_, act) = small.open(&node("b"), &node("c"), |_| "pipe");
    assert!(matches!(act, Act::Send(to, Request::Open { id: 2, .. }) if to == node("b")));
    let mut large = relay("b");
    let (_, act) = large.open(&node("a"), &node("c"), |_| "pipe");
    assert!(matches!(act, Act::Send(to, Request::Open { id: 3, .. }) if to == node("a")));
    for wrong in [3, 1] {
        let acts = large.request(&node("a"), open(wrong, "c"), |_| true);
        assert!(matches!(&acts[..], [Act::Send(_, Request::Close { id, .. })] if *id == wrong), "{acts:?}");
    }
}

/// [RL-03]
#[test]
fn who_sends_more_than_is_allowed_loses_the_pipe() {
    let mut relay = crossing();
    let (a, c) = (node("a"), node("c"));
    let closed = |acts: Vec<Act<&str>>| {
        let close = |act: &Act<_>| matches!(act, Act::Send(_, Request::Close { id: 2, .. }));
        assert!(acts.len() == 2 && acts.iter().all(close), "both are told: {acts:?}");
    };
    closed(relay.request(&a, data(2, 1), |_| true)); // nothing was allowed yet
    assert!(relay.ends.is_empty());

    let mut relay = crossing();
    let window = usize::try_from(WINDOW).expect("small");
    assert_eq!(relay.request(&c, data(2, window), |_| true).len(), 1);
    closed(relay.request(&c, data(2, 1), |_| true));
}

/// [RL-03]: the relay passes on no more allowance than a window.
#[test]
fn nobody_can_allow_more_than_a_window() {
    let mut relay = crossing();
    let (a, c) = (node("a"), node("c"));
    let acts = relay.request(&c, Request::More { id: 2, bytes: u64::MAX }, |_| true);
    assert_eq!(acts, [Act::Send(a, Request::More { id: 2, bytes: WINDOW })]);
}

/// [RL-05]
#[test]
fn a_lost_connection_ends_the_pipes_on_it() {
    let mut relay = crossing();
    let acts = relay.down(&node("a"));
    assert!(
        matches!(&acts[..], [Act::Send(to, Request::Close { id: 2, text })] if *to == node("c") && text.contains("with a was lost")),
        "{acts:?}"
    );
    assert!(relay.ends.is_empty());

    let (pipe, _) = relay.open(&node("a"), &node("c"), |_| "mine");
    let acts = relay.down(&node("a"));
    assert!(matches!(&acts[..], [Act::Closed(closed, _)] if *closed == pipe), "{acts:?}");
}

/// [RL-04]
#[test]
fn the_way_on_is_looked_for_once() {
    let mut relay = relay("b");
    let acts = relay.request(&node("a"), open(2, "c"), |_| false);
    let key = (node("a"), 2);
    assert_eq!(acts, [Act::Find { key: key.clone(), to: node("c"), window: WINDOW, hops: 0 }]);
    let acts = relay.forward(&key, &node("c"), &node("g"), WINDOW, 0);
    assert_eq!(
        acts,
        [Act::Send(node("g"), Request::Open { id: 2, to: "c".into(), window: WINDOW, hops: 0 })]
    );

    let last = Request::Open { id: 4, to: "d".into(), window: 1, hops: 0 };
    let acts = relay.request(&node("a"), last, |_| false);
    assert!(
        matches!(&acts[..], [Act::Send(_, Request::Close { id: 4, text })] if text == "b is not connected with d")
    );
}

#[test]
fn what_makes_no_sense_is_refused() {
    let mut relay = relay("b");
    for (id, to) in [(2, "a"), (3, "c"), (2, "not a name")] {
        let acts = relay.request(&node("a"), open(id, to), |_| true);
        assert!(matches!(&acts[..], [Act::Send(_, Request::Close { .. })]), "{acts:?}");
    }
    for id in [2, 4, 6] {
        assert!(matches!(relay.request(&node("a"), open(id, "b"), |_| true)[..], [Act::Offered { .. }]));
    }
    let acts = relay.request(&node("a"), open(8, "b"), |_| true);
    assert!(
        matches!(&acts[..], [Act::Send(_, Request::Close { text, .. })] if text == "too many relayed connections")
    );
    assert!(relay.request(&node("a"), Request::End { id: 77 }, |_| true).is_empty());
}

fn any_request() -> impl Strategy<Value = Request> {
    let to = prop::sample::select(vec!["a", "b", "c", "d"]);
    prop_oneof![
        (0..9_u64, to, any::<u64>(), 0..3_u64).prop_map(|(id, to, window, hops)| Request::Open {
            id,
            to: to.into(),
            window,
            hops
        }),
        (0..9_u64, any::<u64>()).prop_map(|(id, bytes)| Request::More { id, bytes }),
        (0..9_u64, 0..400_000_usize).prop_map(|(id, len)| data(id, len)),
        (0..9_u64).prop_map(|id| Request::End { id }),
        (0..9_u64).prop_map(|id| Request::Close { id, text: "x".into() }),
    ]
}

proptest! {
    /// [RL-03]: whatever peers say, the table stays within its bounds, and each crossing has two ends.
    #[test]
    fn hostile_peers_change_nothing_for_the_bounds(
        steps in prop::collection::vec((prop::sample::select(vec!["a", "c", "d"]), any_request(), 0..4_u8), 0..200),
    ) {
        let mut relay = relay("b");
        for (from, request, then) in steps {
            let mut next = relay.request(&node(from), request, |to| to.as_str() != "d");
            while let Some(act) = next.pop() {
                match act {
                    Act::Offered { key, .. } if then % 2 == 0 => drop(relay.accept(&key, "pipe")),
                    Act::Offered { key, .. } => drop(relay.close(&key, "no")),
                    Act::Find { key, to, window, hops } => {
                        next.extend(relay.forward(&key, &to, &node("c"), window, hops));
                    }
                    _ => {}
                }
            }
            if then == 3 {
                relay.down(&node(from));
            }
            for (key, end) in &relay.ends {
                prop_assert!(end.allowed <= WINDOW);
                if let Kind::Crossing(other) = &end.kind {
                    let back = relay.ends.get(other).map(|end| &end.kind);
                    prop_assert!(matches!(back, Some(Kind::Crossing(here)) if here == key));
                }
            }
            for peer in ["a", "c", "d"] {
                let ends = relay.ends.keys().filter(|key| key.0.as_str() == peer).count();
                prop_assert!(ends <= 3 + 1, "{peer} has {ends}");
            }
        }
    }
}

/// A way that leads back to who asks would be a pipe from a connection to itself, whose end is told to nobody who is there.
/// [RL-04]
#[test]
fn a_pipe_does_not_lead_back() {
    let mut relay = relay("b");
    let (a, x) = (node("a"), node("x"));
    let acts = relay.request(&a, open(2, "x"), |_| false);
    assert!(matches!(&acts[..], [Act::Find { .. }]), "{acts:?}");
    let acts = relay.forward(&(a.clone(), 2), &x, &a, WINDOW, 0);
    assert!(matches!(&acts[..], [Act::Send(to, Request::Close { id: 2, .. })] if *to == a), "{acts:?}");
    assert!(relay.ends.is_empty() && relay.down(&a).is_empty());
}
