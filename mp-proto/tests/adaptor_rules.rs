//! What a type becomes as a message, and that it is read again: the tables of the module's documentation.

#![expect(clippy::needless_pass_by_value, clippy::panic, clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeMap;
use std::fmt::Debug;

use mp_proto::adaptor::{from_message, to_message};
use mp_proto::{EncodeError, Map, Message, PortId, Text, Value};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

macro_rules! list {
    ($($value:expr),* $(,)?) => { Value::List(vec![$(Value::from($value)),*]) };
}

macro_rules! map {
    ($($key:expr => $value:expr),* $(,)?) => { Value::Map([$(($key, Value::from($value))),*].into_iter().collect::<Map>()) };
}

/// `content` is this message, and the other way round.
#[track_caller]
fn both_ways<T: Serialize + DeserializeOwned + PartialEq + Debug>(content: T, message: Value) {
    let Value::List(values) = message else { panic!("a message is a list") };
    let message = Message::from(values);
    assert_eq!(to_message(&content).unwrap(), message);
    assert_eq!(from_message::<T>(&message).unwrap(), content);
}

/// `content` is this value within a message, and the other way round.
#[track_caller]
fn within<T: Serialize + DeserializeOwned + PartialEq + Debug + Clone>(content: T, value: Value) {
    both_ways((content.clone(), 1), list![value.clone(), 1]);
    both_ways(vec![content.clone()], list![value.clone()]);
    both_ways(BTreeMap::from([("k".to_owned(), content)]), list![map!["k" => value]]);
}

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
#[serde(rename_all = "snake_case")]
enum Shape {
    Unit,
    NewType(String),
    NoFields(),
    Tuple(String, u8),
    Struct {
        a: u8,
        b: Option<u8>,
    },
    List(Vec<u8>),
    Pair((u8, u8)),
    Maybe(Option<u8>),
    Nothing(()),
    #[serde(rename = "shut up")]
    Renamed,
}

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
struct Point {
    x: u8,
    y: u8,
}

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
struct Newtype<T>(T);

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
struct Tuple(u8, String);

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
struct Unit;

/// [MSG-01]
#[test]
fn the_elements_of_a_tuple_or_sequence_are_the_message() {
    both_ways(("ping".to_owned(), 42), list!["ping", 42]);
    both_ways(vec![1, 2, 3], list![1, 2, 3]);
    both_ways([true, false], list![true, false]);
    both_ways(Tuple(1, "x".into()), list![1, "x"]);
    both_ways(Vec::<u8>::new(), list![]);
    both_ways(Message::from([1.into(), list![2]]), list![1, list![2]]);
    both_ways(Newtype((1, 2)), list![1, 2]);
}

/// [MSG-02]
#[test]
fn an_enum_is_its_tag_and_its_fields() {
    both_ways(Shape::Unit, list!["unit"]);
    both_ways(Shape::NewType("x".into()), list!["new_type", "x"]);
    both_ways(Shape::NoFields(), list!["no_fields"]);
    both_ways(Shape::Tuple("x".into(), 1), list!["tuple", "x", 1]);
    both_ways(Shape::Struct { a: 1, b: None }, list!["struct", map!["a" => 1, "b" => Value::Null]]);
    both_ways(Shape::List(vec![1, 2]), list!["list", list![1, 2]]);
    both_ways(Shape::Pair((1, 2)), list!["pair", list![1, 2]]);
    both_ways(Shape::Maybe(None), list!["maybe", Value::Null]);
    both_ways(Shape::Maybe(Some(1)), list!["maybe", 1]);
    both_ways(Shape::Nothing(()), list!["nothing", Value::Null]);
    both_ways(Shape::Renamed, list!["shut up"]);
    both_ways(Newtype(Shape::Unit), list!["unit"]);
    both_ways(Some(Shape::Tuple("x".into(), 1)), list!["tuple", "x", 1]);
}

/// [MSG-03]
#[test]
fn an_enum_within_a_message_is_a_list_or_the_tag_alone() {
    within(Shape::Unit, "unit".into());
    within(Shape::NewType("x".into()), list!["new_type", "x"]);
    within(Shape::NoFields(), list!["no_fields"]);
    within(Shape::Tuple("x".into(), 1), list!["tuple", "x", 1]);
    within(Shape::Struct { a: 1, b: Some(2) }, list!["struct", map!["a" => 1, "b" => 2]]);
    within(Shape::List(vec![1, 2]), list!["list", list![1, 2]]);
    within(Some(Shape::Unit), "unit".into());
    // The other forms that are read:
    let read = |value: Value| from_message::<(Shape,)>(&Message::from([value])).unwrap().0;
    assert_eq!(read(list!["unit"]), Shape::Unit);
    assert_eq!(read("no_fields".into()), Shape::NoFields());
}

/// [MSG-04]
#[test]
fn anything_else_is_a_message_of_one_element_or_none() {
    both_ways(Point { x: 1, y: 2 }, list![map!["x" => 1, "y" => 2]]);
    both_ways(BTreeMap::from([("a".to_owned(), 1)]), list![map!["a" => 1]]);
    both_ways("x".to_owned(), list!["x"]);
    both_ways(5_u16, list![5]);
    both_ways(1.5, list![1.5]);
    both_ways(true, list![true]);
    both_ways('x', list!["x"]);
    both_ways(None::<Point>, list![Value::Null]);
    both_ways(Some(5), list![5]);
    both_ways(Newtype(Newtype(5)), list![5]);
    both_ways((), list![]);
    both_ways(Unit, list![]);
    both_ways("n#p".parse::<PortId>().unwrap(), list!["n#p"]);
    assert_eq!(to_message(&Value::from(5)), Ok(Message::from([5.into()])));
    assert_eq!(to_message(&list![5, 6]), Ok(Message::from([5.into(), 6.into()])));
}

#[test]
fn a_value_within_a_message_keeps_its_form() {
    within((1, "x".to_owned()), list![1, "x"]);
    within([1_i8; 2], list![1, 1]);
    within(Tuple(1, "x".into()), list![1, "x"]);
    within(Point { x: 1, y: 2 }, map!["x" => 1, "y" => 2]);
    within(Newtype(Point { x: 1, y: 2 }), map!["x" => 1, "y" => 2]);
    within((), Value::Null);
    within(Unit, Value::Null);
    within(None::<u8>, Value::Null);
    within('ß', "ß".into());
    within(0.1_f32, f64::from(0.1_f32).into());
    within(i128::from(i64::MIN), i64::MIN.into());
    within(u128::from(u64::MAX), u64::MAX.into());
    within(Text::from("x"), "x".into());
    within(list![1, list![], Value::Null, Value::Bytes(bytes::Bytes::from_static(b"\xff"))], {
        list![1, list![], Value::Null, "ÿ"]
    });
}

#[test]
fn an_integer_of_more_than_64_bits_is_refused() {
    let too_large = i128::from(u64::MAX) + 1;
    assert_eq!(to_message(&too_large), Err(EncodeError::Integer("18446744073709551616".into())));
    assert_eq!(to_message(&(u128::MAX,)), Err(EncodeError::Integer(u128::MAX.to_string())));
    let too_small = i128::from(i64::MIN) - 1;
    assert_eq!(to_message(&[too_small]), Err(EncodeError::Integer("-9223372036854775809".into())));
}

/// [MSG-05]
#[test]
fn the_keys_of_a_map_are_text() {
    #[derive(Serialize, Deserialize, PartialEq, Eq, PartialOrd, Ord, Debug, Clone)]
    enum Key {
        Unit,
        Newtype(u8),
        Tuple(u8, u8),
        Struct { a: u8 },
    }
    fn keys<K: Serialize + DeserializeOwned + Ord + Debug + Clone>(key: K, text: &str) {
        both_ways(BTreeMap::from([(key.clone(), 1)]), list![map![text => 1]]);
        within(BTreeMap::from([(key, 1)]), map![text => 1]);
    }
    keys("x".to_owned(), "x");
    keys(String::new(), "");
    keys(-5_i8, "-5");
    keys(u64::MAX, "18446744073709551615");
    keys(i128::MIN, "-170141183460469231731687303715884105728");
    keys(true, "true");
    keys(false, "false");
    keys('ß', "ß");
    keys(Key::Unit, "Unit");
    keys(Some(1), "1");
    keys("n#p".parse::<PortId>().unwrap(), "n#p");
    fn refused<K: Serialize + Ord>(key: K) {
        assert_eq!(to_message(&BTreeMap::from([(key, 1)])), Err(EncodeError::Key));
    }
    refused(());
    refused(None::<u8>);
    refused((1, 2));
    refused(vec![1]);
    refused(BTreeMap::from([(1, 1)]));
    refused(Key::Newtype(1));
    refused(Key::Tuple(1, 2));
    refused(Key::Struct { a: 1 });
}

/// [MSG-07]
#[test]
fn surplus_elements_of_a_message_are_ignored_and_within_one_they_are_an_error() {
    fn read<T: DeserializeOwned + Debug>(values: Value) -> Result<T, String> {
        let Value::List(values) = values else { panic!("a message is a list") };
        from_message(&Message::from(values)).map_err(|error| error.to_string())
    }
    assert_eq!(read(list!["x", "n#reply"]), Ok("x".to_owned()));
    assert_eq!(read(list![1, "x", "n#reply"]), Ok(Tuple(1, "x".into())));
    assert_eq!(read(list!["unit", "n#reply", 1]), Ok(Shape::Unit));
    assert_eq!(read(list!["tuple", "x", 1, "n#reply"]), Ok(Shape::Tuple("x".into(), 1)));
    assert_eq!(read(list!["struct", map!["a" => 1], "n#reply"]), Ok(Shape::Struct { a: 1, b: None }));
    assert_eq!(read(list![map!["x" => 1, "y" => 2], "n#reply"]), Ok(Point { x: 1, y: 2 }));
    assert_eq!(read(list!["n#reply"]), Ok(()));
    assert_eq!(read(list!["n#reply"]), Ok(Unit));
    assert_eq!(read(list![1, 2, 3]), Ok([1, 2]));

    let text = "not the message that was expected: element 1: expected a list of";
    assert_eq!(
        read::<((u8, u8),)>(list![list![1, 2, 3]]),
        Err(format!("{text} 2 elements, found the number 3 behind"))
    );
    assert_eq!(
        read::<([u8; 1],)>(list![list![1, 2]]),
        Err(format!("{text} 1 element, found the number 2 behind"))
    );
    assert_eq!(
        read::<(Shape,)>(list![list!["unit", Map::new()]]),
        Err(format!("{text} 1 element, found a map behind"))
    );
    assert_eq!(
        read::<(Shape,)>(list![list!["tuple", "x", 1, "y"]]),
        Err(format!("{text} 3 elements, found the text \"y\" behind"))
    );
    assert_eq!(
        read::<(Point,)>(list![list![1, 2, 3]]),
        Err(format!("{text} 2 elements, found the number 3 behind"))
    );
}

/// [MSG-08]
#[test]
fn a_struct_is_read_from_a_map_or_from_its_fields_in_order() {
    let read = |values: Value| from_message::<Point>(&Message::from(values.as_list().unwrap().to_vec()));
    let point = Point { x: 1, y: 2 };
    assert_eq!(
        read(list![map!["y" => 2, "more" => list![list![], map!["x" => 3]], "x" => 1]]),
        Ok(point.clone())
    );
    assert_eq!(read(list![1, 2]), Ok(point.clone()));
    assert_eq!(read(list![1, 2, "n#reply"]), Ok(point.clone()));
    let read = |value: Value| from_message::<(Point,)>(&Message::from([value])).map(|(point,)| point);
    assert_eq!(read(map!["x" => 1, "y" => 2]), Ok(point.clone()));
    assert_eq!(read(list![1, 2]), Ok(point));
    assert!(read(list![1]).is_err());

    let read = |values: Value| from_message::<Shape>(&Message::from(values.as_list().unwrap().to_vec()));
    let shape = Shape::Struct { a: 1, b: Some(2) };
    assert_eq!(read(list!["struct", 1, 2, "n#reply"]), Ok(shape.clone()));
    let read = |value: Value| from_message::<(Shape,)>(&Message::from([value])).map(|(shape,)| shape);
    assert_eq!(read(list!["struct", 1, 2]), Ok(shape));
}

/// [MSG-09]
#[test]
fn fields_that_are_missing_are_null_or_none() {
    #[derive(Deserialize, PartialEq, Debug)]
    enum Lenient {
        Option(Option<u8>),
        Unit(()),
        Value(Value),
        Struct {
            #[serde(default)]
            a: u8,
            b: Option<u8>,
        },
    }
    fn read(tag: &str) -> [Lenient; 3] {
        let values = [Value::from(tag)];
        [
            from_message(&Message::from(values.clone())).unwrap(),
            from_message::<(Lenient,)>(&Message::from(values.clone())).unwrap().0,
            from_message::<(Lenient,)>(&Message::from([Value::List(values.into())])).unwrap().0,
        ]
    }
    for lenient in read("Option") {
        assert_eq!(lenient, Lenient::Option(None));
    }
    for lenient in read("Unit") {
        assert_eq!(lenient, Lenient::Unit(()));
    }
    for lenient in read("Value") {
        assert_eq!(lenient, Lenient::Value(Value::Null));
    }
    for lenient in read("Struct") {
        assert_eq!(lenient, Lenient::Struct { a: 0, b: None });
    }
}

#[test]
fn an_option_is_none_for_null_and_for_nothing() {
    let read = |values: Value| {
        from_message::<Option<(Option<u8>, u8)>>(&Message::from(values.as_list().unwrap().to_vec()))
    };
    assert_eq!(read(list![]), Ok(None));
    assert_eq!(read(list![Value::Null]), Ok(None));
    assert_eq!(read(list![Value::Null, 1]), Ok(Some((None, 1))));
    assert_eq!(read(list![1, 2]), Ok(Some((Some(1), 2))));
    assert_eq!(read(list![Value::Null, 1, list![2], "n#reply"]), Ok(Some((None, 1))));
    both_ways(Some(vec![None, Some(1)]), list![Value::Null, 1]);
}

/// [MSG-14]
#[test]
fn elements_that_a_message_lacks_are_null_where_the_type_takes_that() {
    #[derive(serde::Deserialize, PartialEq, Debug)]
    #[serde(rename_all = "snake_case")]
    enum Ask {
        Test(u32, Option<String>),
        Named(u32, #[serde(default)] u32),
    }
    let message = |values: &[Value]| Message::from(values.to_vec());
    let one = message(&[7.into()]);
    assert_eq!(one.decode::<(u32, Option<String>)>(), Ok((7, None)));
    assert_eq!(one.decode::<(u32, Option<String>, Option<u8>)>(), Ok((7, None, None)));
    assert!(one.decode::<(u32, u32)>().is_err(), "nothing is no number");
    assert_eq!(one.decode::<Vec<Option<u32>>>(), Ok(vec![Some(7)]), "a sequence ends where it ends");
    assert_eq!(message(&["test".into(), 7.into()]).decode::<Ask>(), Ok(Ask::Test(7, None)));
    assert_eq!(message(&["named".into(), 7.into()]).decode::<Ask>(), Ok(Ask::Named(7, 0)));
    let nested = message(&[Value::List(vec![7.into()]), 1.into()]);
    assert!(nested.decode::<((u32, Option<u32>), u32)>().is_err(), "within a message every element counts");
}
