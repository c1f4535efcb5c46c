//! What kernels say, as hashes and back.

use mp_proto::codec::storable::{ThawLimits, freeze, thaw};
use mp_proto::{Map, Value};
use mp_tikc::names::{MAX_NAME, NameError, check_alias, check_event};
use mp_tikc::packet::{Packet, PacketError, Post, Route};
use mp_tikc::{Failure, KernelId};
use proptest::prelude::{Strategy, any, prop, prop_oneof, proptest};

fn names() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec("[a-z0-9\u{e0}-\u{ff}\u{263a}]{1,8}", 0..5)
}

fn routes() -> impl Strategy<Value = Vec<Route>> {
    let kernels = prop::collection::vec(any::<[u8; 16]>().prop_map(KernelId::new), 0..4);
    let route = ("[a-z]{1,8}", kernels, any::<bool>());
    let route = route.prop_map(|(alias, via, foreign)| Route { via, foreign, ..Route::from(alias.as_str()) });
    prop::collection::vec(route, 0..5)
}

fn values() -> impl Strategy<Value = Vec<Value>> {
    let scalar = prop_oneof![
        any::<i32>().prop_map(Value::from),
        ".{0,10}".prop_map(Value::from),
        proptest::prelude::Just(Value::Null)
    ];
    prop::collection::vec(scalar, 0..5)
}

fn failures() -> impl Strategy<Value = Failure> {
    prop_oneof![
        proptest::prelude::Just(Failure::NoSuchAlias),
        proptest::prelude::Just(Failure::Full),
        proptest::prelude::Just(Failure::Circle),
        proptest::prelude::Just(Failure::NotCallable)
    ]
}

fn packets() -> impl Strategy<Value = Packet> {
    let post = ("[a-z]{1,8}", ".{0,8}", values(), any::<Option<u32>>(), any::<u8>());
    prop_oneof![
        routes().prop_map(|aliases| Packet::Setup { aliases, hello: None }),
        names().prop_map(|names| Packet::Remove { aliases: names.into_iter().map(Into::into).collect() }),
        names().prop_map(|names| Packet::Taken { aliases: names.into_iter().map(Into::into).collect() }),
        post.prop_map(|(alias, event, args, call, hops)| Packet::Post(Post {
            alias: alias.into(),
            event: event.into(),
            args: args.into(),
            call: call.map(u64::from),
            hops,
        })),
        (any::<u32>(), values())
            .prop_map(|(call, values)| Packet::Answer { call: call.into(), result: Ok(values) }),
        (any::<u32>(), failures())
            .prop_map(|(call, failure)| Packet::Answer { call: call.into(), result: Err(failure) }),
        ("[a-z]{1,8}", failures()).prop_map(|(alias, failure)| Packet::Undelivered {
            alias: alias.into(),
            event: "e".into(),
            failure
        }),
    ]
}

proptest! {
    /// What is written is read again, through an image, too.
    #[test]
    fn packets_survive_the_trip(packet in packets()) {
        let image = freeze(&packet.clone().into_value("client")).unwrap();
        let value = thaw(&image, &ThawLimits::default()).unwrap();
        assert_eq!(Packet::parse(value), Ok(packet));
    }

    /// [TK-20]: what POE::TIKC looks at is all there: `action` and what goes with it; the rest has names of its own.
    #[test]
    fn poe_finds_what_it_looks_for(packet in packets()) {
        let Value::Map(map) = packet.clone().into_value("client") else { panic!("a hash") };
        let action = map.get("action").unwrap().as_str().unwrap().into_owned();
        let known: &[&str] = match action.as_str() {
            "setup" => &["action", "type", "aliases", "via", "mp"],
            "remove" => &["action", "type", "aliases"],
            "post" => &["action", "alias", "event", "args", "call", "hops"],
            own => { assert!(own.starts_with("mp_")); return Ok(()); }
        };
        assert!(map.iter().all(|(key, _)| known.contains(&key.as_str())));
        // [TK-22]
        let lists = ["aliases", "args"].map(|key| map.get(key).is_some_and(|value| value.as_list().is_some()));
        assert!(lists.contains(&true));
    }
}

/// [TK-21]
#[test]
fn what_is_not_understood_is_named() {
    let hash = |entries: &[(&str, Value)]| Value::Map(entries.iter().cloned().collect::<Map>());
    assert_eq!(Packet::parse(Value::from(1)), Err(PacketError::NoHash));
    assert_eq!(Packet::parse(hash(&[])), Err(PacketError::NoAction));
    assert_eq!(Packet::parse(hash(&[("action", "x".into())])), Err(PacketError::UnknownAction));
    let post = hash(&[
        ("action", "post".into()),
        ("alias", "a".into()),
        ("event", "e".into()),
        ("args", "x".into()),
    ]);
    assert_eq!(Packet::parse(post), Err(PacketError::Bad("args")));
    let setup = hash(&[("action", "setup".into()), ("aliases", "x".into())]);
    assert_eq!(Packet::parse(setup), Err(PacketError::Bad("aliases")));
}

/// [TK-10], [TK-11], [TK-12]: at the bound, and one past it.
#[test]
fn names_have_bounds() {
    assert_eq!(check_alias(&"a".repeat(MAX_NAME)), Ok(()));
    assert_eq!(check_alias(&"a".repeat(MAX_NAME + 1)), Err(NameError::TooLong));
    assert_eq!(check_alias(""), Err(NameError::Empty));
    assert_eq!(check_alias("_tikc_manager"), Err(NameError::Internal));
    assert_eq!(check_alias("_other"), Ok(()));
    assert_eq!(check_event(""), Ok(()));
    assert_eq!(check_event(&"e".repeat(MAX_NAME)), Ok(()));
    assert_eq!(check_event(&"e".repeat(MAX_NAME + 1)), Err(NameError::TooLong));
    assert_eq!(check_event("_stop"), Err(NameError::PoeEvent));
}
