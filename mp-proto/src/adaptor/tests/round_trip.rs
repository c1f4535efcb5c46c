//! Laws: what is written is read again, the same in every framing, and as the `Value` says (law 9).

use std::collections::BTreeMap;

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;

use super::*;

#[derive(Serialize, Deserialize, Debug, PartialEq, Clone)]
#[serde(rename_all = "snake_case")]
enum Shape {
    Unit,
    NoFields(),
    NoNames {},
    OfInteger(i64),
    OfText(String),
    OfPoint(Point),
    OfTuple((u8, String)),
    OfList(Vec<u16>),
    OfOption(Option<char>),
    OfUnit(()),
    Boxed(Box<Shape>),
    Two(String, f64),
    Named { flag: bool, maybe: Option<u64>, shape: Box<Shape> },
    Many(Vec<Shape>),
    Texts(BTreeMap<String, Shape>),
    Numbers(BTreeMap<i32, char>),
    Truths(BTreeMap<bool, u8>),
    Colours(BTreeMap<Colour, f32>),
    Array([i8; 3]),
    Wide(i128, u128),
}

#[derive(Serialize, Deserialize, Debug, PartialEq, Eq, PartialOrd, Ord, Clone, Copy)]
enum Colour {
    Red,
    Green,
}

#[derive(Serialize, Deserialize, Debug, PartialEq, Clone)]
struct Point {
    x: i32,
    y: Option<Colour>,
}

#[derive(Serialize, Deserialize, Debug, PartialEq, Clone)]
struct Wrapped<T>(T);

#[derive(Serialize, Deserialize, Debug, PartialEq, Clone)]
struct Pair<T>(T, u8);

#[derive(Serialize, Deserialize, Debug, PartialEq, Clone)]
struct Nothing;

#[derive(Serialize, Deserialize, Debug, PartialEq, Clone)]
struct Flat {
    id: u8,
    #[serde(flatten)]
    point: Point,
    #[serde(flatten)]
    rest: BTreeMap<String, i64>,
}

fn point() -> impl Strategy<Value = Point> {
    let colour = prop_oneof![Just(Colour::Red), Just(Colour::Green)];
    (any::<i32>(), option::of(colour)).prop_map(|(x, y)| Point { x, y })
}

fn leaf() -> impl Strategy<Value = Shape> {
    let float = any::<f64>().prop_filter("equal to itself", |number| !number.is_nan());
    let single = any::<f32>().prop_filter("equal to itself", |number| !number.is_nan());
    prop_oneof![
        Just(Shape::Unit),
        Just(Shape::NoFields()),
        Just(Shape::NoNames {}),
        Just(Shape::OfUnit(())),
        any::<i64>().prop_map(Shape::OfInteger),
        any::<String>().prop_map(Shape::OfText),
        point().prop_map(Shape::OfPoint),
        any::<(u8, String)>().prop_map(Shape::OfTuple),
        vec(any::<u16>(), 0..4).prop_map(Shape::OfList),
        any::<Option<char>>().prop_map(Shape::OfOption),
        (any::<String>(), float).prop_map(|(text, number)| Shape::Two(text, number)),
        btree_map(any::<i32>(), any::<char>(), 0..4).prop_map(Shape::Numbers),
        btree_map(any::<bool>(), any::<u8>(), 0..3).prop_map(Shape::Truths),
        btree_map(Just(Colour::Green), single, 0..2).prop_map(Shape::Colours),
        any::<[i8; 3]>().prop_map(Shape::Array),
        any::<(i64, u64)>().prop_map(|(a, b)| Shape::Wide(a.into(), b.into())),
    ]
}

fn shape() -> impl Strategy<Value = Shape> {
    leaf().prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            inner.clone().prop_map(|shape| Shape::Boxed(shape.into())),
            (any::<bool>(), any::<Option<u64>>(), inner.clone())
                .prop_map(|(flag, maybe, shape)| Shape::Named { flag, maybe, shape: shape.into() }),
            vec(inner.clone(), 0..4).prop_map(Shape::Many),
            btree_map(any::<String>(), inner, 0..4).prop_map(Shape::Texts),
        ]
    })
}

/// Any `T` is read again from its message and from its frame, and both are the same message.
fn check<T>(content: &T) -> Result<(), TestCaseError>
where
    T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug,
{
    let message = to_message(content).unwrap();
    prop_assert_eq!(&from_message::<T>(&message).unwrap(), content);
    let tokens = frame(content).unwrap();
    prop_assert_eq!(&frame(&message).unwrap(), &tokens);
    for style in STYLES {
        prop_assert_eq!(&read_frame::<T>(Player::new(&tokens, style)).unwrap(), content, "{:?}", style);
        prop_assert_eq!(&read_message(Player::new(&tokens, style)).unwrap(), &message, "{:?}", style);
    }
    Ok(())
}

/// As the message itself, and in every place that a value can have.
fn check_everywhere<T>(content: T) -> Result<(), TestCaseError>
where
    T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug + Clone,
{
    check(&(Some(content.clone()), 1))?;
    check_bare(content)
}

/// The same but for options, where `Some(())` cannot be told from `None`.
fn check_bare<T>(content: T) -> Result<(), TestCaseError>
where
    T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug + Clone,
{
    check(&content)?;
    check(&Wrapped(content.clone()))?;
    check(&Pair(content.clone(), 1))?;
    check(&(1, content.clone(), "x".to_owned()))?;
    check(&[content.clone(), content.clone()])?;
    check(&vec![content.clone(); 3])?;
    check(&BTreeMap::from([("k".to_owned(), content)]))
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        any::<Vec<u8>>().prop_map(|bytes| Value::Bytes(bytes.into())),
    ];
    leaf.prop_recursive(5, 32, 5, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Value::from),
            vec((any::<String>(), inner), 0..5).prop_map(|entries| Value::Map(entries.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// [MSG-01] [MSG-02] [MSG-03] [MSG-04]
    #[test]
    fn an_enum_is_read_as_it_was_written(shape in shape()) {
        check_everywhere(shape)?;
    }

    #[test]
    fn a_struct_is_read_as_it_was_written(point in point(), rest in btree_map("[a-w]{1,3}", any::<i64>(), 0..3)) {
        let mut rest = rest;
        rest.remove("id");
        check_everywhere(point.clone())?;
        check_everywhere(Flat { id: 1, point, rest })?;
    }

    #[test]
    fn plain_types_are_read_as_they_were_written(
        integer in any::<i64>(), text in any::<String>(), flag in any::<bool>(), letter in any::<char>(),
        numbers in vec(any::<u64>(), 0..100), map in btree_map(any::<u64>(), any::<String>(), 0..4)
    ) {
        check_everywhere(integer)?;
        check_everywhere(text)?;
        check_everywhere(flag)?;
        check_everywhere(letter)?;
        check_everywhere(numbers)?;
        check_everywhere(map)?;
        check_bare(())?;
        check_bare(Nothing)?;
    }

    /// [MSG-01]
    #[test]
    fn a_message_is_read_as_it_was_written(values in vec(value(), 0..6)) {
        check(&Message::from(values.clone()))?;
        check(&values)?;
        check(&("tag".to_owned(), values))?;
    }

    /// Whatever comes, reading it as whatever type gives a value or an error.
    #[test]
    fn reading_never_panics(values in vec(value(), 0..4)) {
        let tokens = frame(&Message::from(values)).unwrap();
        for style in STYLES {
            drop(read_frame::<Shape>(Player::new(&tokens, style)));
            drop(read_frame::<Vec<Shape>>(Player::new(&tokens, style)));
            drop(read_frame::<Option<Pair<Point>>>(Player::new(&tokens, style)));
            drop(read_frame::<Flat>(Player::new(&tokens, style)));
            drop(read_frame::<(Value, BTreeMap<i8, bool>)>(Player::new(&tokens, style)));
            drop(read_frame::<Wrapped<u128>>(Player::new(&tokens, style)));
        }
    }
}
