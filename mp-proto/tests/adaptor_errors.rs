//! What users read when a message is not what they expect, and how deep a message may be.

#![expect(clippy::panic, reason = "helpers of tests")]

use std::collections::BTreeMap;
use std::fmt::Debug;

use bytes::Bytes;
use mp_proto::adaptor::{MAX_TYPE_DEPTH, ValueReader, ValueWriter, from_message, to_message};
use mp_proto::token::{MAX_DEPTH, Token, TokenReader, TokenWriter};
use mp_proto::{DecodeError, Map, Message, PortId, Value};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

#[derive(Deserialize, Debug)]
#[serde(rename_all = "snake_case")]
#[expect(dead_code, reason = "never read: it is about errors")]
enum Chat {
    Join(String, u32),
    Say(String),
    Move { x: u8 },
    Quit,
}

#[track_caller]
fn error<T: DeserializeOwned + Debug>(values: &[Value], text: &str) {
    match from_message::<T>(&Message::from(values.to_vec())) {
        Err(DecodeError::Mismatch(found)) => assert_eq!(found, text),
        other => panic!("{other:?}"),
    }
}

fn map(entries: &[(&str, Value)]) -> Value {
    Value::Map(entries.iter().map(|(key, value)| (*key, value.clone())).collect::<Map>())
}

#[test]
fn errors_say_what_was_expected_and_what_was_found() {
    error::<u8>(&["x".into()], "expected u8, found the text \"x\"");
    error::<u8>(&[300.into()], "expected u8, found the number 300");
    error::<u8>(&[], "expected u8, found nothing");
    error::<String>(&[Value::Null], "expected a string, found null");
    error::<bool>(&[2.into()], "expected a boolean, found the number 2");
    error::<f64>(&[true.into()], "expected f64, found true");
    error::<u64>(&[f64::NAN.into()], "expected u64, found the number NaN");
    error::<u8>(
        &[Value::Bytes(Bytes::from_static(b"\xe9\n"))],
        "expected u8, found the byte string \"é\\n\"",
    );
    error::<BTreeMap<u8, u8>>(&[1.into()], "expected a map, found the number 1");
    error::<BTreeMap<u8, u8>>(&[map(&[("x", 1.into())])], "expected u8, found the key \"x\"");
    error::<char>(&["ab".into()], "invalid value: string \"ab\", expected a character");
    error::<PortId>(&["".into()], "\"\": a node ID cannot be empty");
}

#[test]
fn errors_say_in_which_element() {
    error::<(u8, u8)>(&[1.into(), "x".into()], "element 2: expected u8, found the text \"x\"");
    error::<Vec<Vec<u8>>>(
        &[Value::List(vec![]), "x".into()],
        "element 2: expected a sequence, found the text \"x\"",
    );
    error::<(u8, u8)>(&[1.into()], "invalid length 1, expected a tuple of size 2");
    error::<Chat>(&["join".into(), "x".into(), "y".into()], "element 3: expected u32, found the text \"y\"");
    error::<Chat>(&["say".into()], "element 2: expected a string, found nothing");
    error::<Chat>(
        &["join".into(), "x".into()],
        "invalid length 1, expected tuple variant Chat::Join with 2 elements",
    );
    error::<Chat>(&["move".into(), map(&[("y", 1.into())])], "missing field `x`");
    error::<Chat>(&["move".into(), "x".into()], "element 2: expected u8, found the text \"x\"");
    error::<(u8, Chat)>(&[1.into(), 2.into()], {
        "element 2: unknown variant `2`, expected one of `join`, `say`, `move`, `quit`"
    });
}

#[test]
fn errors_say_what_is_wrong_with_a_tag() {
    let variants = "expected one of `join`, `say`, `move`, `quit`";
    error::<Chat>(&["dance".into()], &format!("unknown variant `dance`, {variants}"));
    error::<Chat>(&[], "expected enum Chat, found nothing");
    error::<Chat>(&[Value::List(vec!["quit".into()])], "expected enum Chat, found a list");
    error::<Chat>(&[map(&[("join", "x".into())])], "expected enum Chat, found a map");
    error::<(Chat,)>(&[map(&[("join", "x".into())])], "element 1: expected enum Chat, found a map");
    error::<(Chat,)>(&[Value::List(vec![])], "element 1: expected enum Chat, found nothing");
}

#[test]
fn errors_show_the_beginning_of_a_long_text() {
    let long = "ä".repeat(1_000_000);
    let shown = "ä".repeat(40);
    error::<u8>(&[long.as_str().into()], &format!("expected u8, found the text \"{shown}\"…"));
    let long = Value::Bytes(vec![b'a'; 1_000_000].into());
    let shown = "a".repeat(40);
    error::<u8>(&[long], &format!("expected u8, found the byte string \"{shown}\"…"));
    error::<u8>(&["a".repeat(40).into()], &format!("expected u8, found the text \"{shown}\""));
}

#[test]
fn errors_of_serde_do_not_repeat_megabytes() {
    let long = "ä".repeat(1_000_000);
    for values in [vec![Value::from(long.as_str())], vec![1.into(), Value::from(long.as_str())]] {
        let message = Message::from(values);
        let results = [from_message::<Chat>(&message).err(), from_message::<(u8, char)>(&message).err()];
        for error in results.into_iter().flatten() {
            assert!(error.to_string().len() < 1100, "{error}");
        }
    }
}

/// A list of lists, so many levels.
#[derive(Serialize, Deserialize, Debug, PartialEq)]
struct Tree(Vec<Tree>);

fn tree(levels: usize) -> Tree {
    (1..levels).fold(Tree(vec![]), |inner, _| Tree(vec![inner]))
}

fn lists(levels: usize) -> Value {
    (1..levels).fold(Value::List(vec![]), |inner, _| Value::List(vec![inner]))
}

/// [MSG-12]
#[test]
fn a_rust_type_is_read_to_128_levels_and_no_deeper() {
    let fits = tree(MAX_TYPE_DEPTH);
    let message = to_message(&fits).unwrap();
    assert_eq!(from_message::<Tree>(&message), Ok(fits));
    assert!(from_message::<Vec<Value>>(&message).is_ok());
    assert!(from_message::<Value>(&message).is_ok());

    let deep = to_message(&tree(MAX_TYPE_DEPTH + 1)).unwrap();
    let text = "nested deeper than the 128 levels that are read as a Rust type";
    for result in [from_message::<Tree>(&deep).err(), from_message::<Vec<Value>>(&deep).err()] {
        let Some(DecodeError::Mismatch(found)) = result else { panic!("{result:?}") };
        assert!(found.ends_with(text), "{found}");
    }
    // What is not looked at may be as deep as any message.
    let deepest = Message::from([lists(MAX_DEPTH - 1), 1.into()]);
    assert_eq!(from_message::<(serde::de::IgnoredAny, u8)>(&deepest), Ok((serde::de::IgnoredAny, 1)));
}

/// [MSG-12]
#[test]
fn every_shape_counts_its_levels_when_it_is_read() {
    #[derive(Serialize, Deserialize, Debug)]
    enum Link {
        End,
        Next(Box<Link>),
        Named { next: Option<Box<Link>> },
    }
    let next = |levels: usize| (1..levels).fold(Link::End, |link, _| Link::Next(Box::new(link)));
    let read = |link: &Link| from_message::<Link>(&to_message(link).unwrap()).is_ok();
    assert!(read(&next(MAX_TYPE_DEPTH + 1)));
    assert!(!read(&next(MAX_TYPE_DEPTH + 2)));
    let named = |links: usize| {
        (0..links).fold(Link::Named { next: None }, |link, _| Link::Named { next: Some(Box::new(link)) })
    };
    assert!(read(&named(MAX_TYPE_DEPTH / 2 - 1)));
    assert!(!read(&named(MAX_TYPE_DEPTH / 2)));
}

/// [MSG-12]
#[test]
fn a_value_is_read_token_by_token_to_512_levels() {
    fn walk(mut reader: ValueReader<'_>) -> Result<usize, DecodeError> {
        let (mut depth, mut tokens) = (0, 0);
        loop {
            tokens += 1;
            match reader.next()? {
                Token::List(_) | Token::Map(_) => depth += 1,
                Token::End => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                assert!(reader.next().is_err());
                return Ok(tokens);
            }
        }
    }
    assert_eq!(walk(ValueReader::new(&lists(MAX_DEPTH))), Ok(2 * MAX_DEPTH));
    assert_eq!(walk(ValueReader::new(&lists(MAX_DEPTH + 1))), Err(DecodeError::TooDeep));
    assert_eq!(walk(ValueReader::new(&Value::Null)), Ok(1));
    let value = map(&[("a", lists(1)), ("b", 1.into())]);
    assert_eq!(walk(ValueReader::new(&value)), Ok(7));
    let message = Message::from([Value::Null]);
    let mut within = ValueReader::within(&message);
    assert_eq!((within.next(), within.next()), (Ok(Token::Null), Ok(Token::End)));
    assert!(within.next().is_err());
}

#[test]
fn a_value_writer_forgives() {
    let mut writer = ValueWriter::default();
    assert_eq!(ValueWriter::default().finish(), None);
    writer.end_list();
    writer.key("ignored");
    writer.map(usize::MAX);
    writer.key("a");
    writer.list(7);
    writer.bytes(b"x");
    writer.float(0.5);
    writer.end_list();
    writer.key("b");
    writer.uint(u64::MAX);
    writer.end_map();
    assert_eq!(writer.finish().unwrap().to_string(), r#"{"a":["x",0.5],"b":18446744073709551615}"#);
    let mut open = ValueWriter::default();
    open.list(1);
    assert_eq!(open.finish(), None);
}
