//! Frames: what a type becomes as tokens, and back. What needs no frame is tested in `tests/adaptor_*.rs`.

mod round_trip;
mod serializers;
mod tape;

use serde::Deserialize;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::*;
use crate::Map;
use crate::token::MAX_DEPTH;
use tape::{Player, STYLES, Style, Tape};

/// The frame that `message` is.
fn frame<M: Serialize + ?Sized>(message: &M) -> Result<Vec<Token<'static>>, EncodeError> {
    framed("p", message, None)
}

fn read_frame<T: DeserializeOwned>(mut player: Player<'_>) -> Result<T, DecodeError> {
    let entered = enter(&mut player)?;
    super::read_frame(&mut player, entered)
}

fn read_message(mut player: Player<'_>) -> Result<Message, DecodeError> {
    let entered = enter(&mut player)?;
    super::read_message(&mut player, entered)
}

fn framed<M: Serialize + ?Sized>(
    port: &str,
    message: &M,
    reply: Option<&PortId>,
) -> Result<Vec<Token<'static>>, EncodeError> {
    let mut tape = Tape::default();
    write_frame(&mut tape, port, message, reply)?;
    Ok(tape.whole())
}

fn decode<T: DeserializeOwned>(tokens: &[Token<'static>]) -> Result<T, DecodeError> {
    read_frame(Player::new(tokens, Style::Binary))
}

fn text(text: &'static str) -> Token<'static> {
    Token::Text(Cow::Borrowed(text))
}

#[derive(Serialize, Deserialize, Debug, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Chat {
    Join(String, u32),
    Quit,
    Set { a: bool },
}

/// [MSG-06]
#[test]
fn a_frame_is_one_list_of_port_message_and_reply_port() {
    let reply: PortId = "node#reply".parse().unwrap();
    let key = |name| Token::Key(Cow::Borrowed(name));
    assert_eq!(
        framed("room", &Chat::Join("ada".into(), 7), Some(&reply)).unwrap(),
        [
            Token::List(5),
            text("room"),
            text("join"),
            text("ada"),
            Token::Int(7),
            text("node#reply"),
            Token::End
        ]
    );
    assert_eq!(framed("", &(), None).unwrap(), [Token::List(1), text(""), Token::End]);
    assert_eq!(
        framed("", &Chat::Quit, Some(&reply)).unwrap(),
        [Token::List(3), text(""), text("quit"), text("node#reply"), Token::End]
    );
    assert_eq!(
        framed("p", &Chat::Set { a: true }, Some(&reply)).unwrap(),
        [
            Token::List(4),
            text("p"),
            text("set"),
            Token::Map(1),
            key("a"),
            Token::Bool(true),
            Token::End,
            text("node#reply"),
            Token::End
        ]
    );
    assert_eq!(framed("p", &None::<u8>, None).unwrap(), [Token::List(2), text("p"), Token::Null, Token::End]);
    assert_eq!(
        framed("p", "x", Some(&reply)).unwrap(),
        [Token::List(3), text("p"), text("x"), text("node#reply"), Token::End]
    );
}

/// [MSG-06] [MSG-07]
#[test]
fn the_reply_port_is_read_as_the_last_element_or_ignored() {
    let reply: PortId = "node#reply".parse().unwrap();
    for style in STYLES {
        let tokens = framed("room", &("time", 5), Some(&reply)).unwrap();
        let read = read_frame::<(String, u8, PortId)>(Player::new(&tokens, style)).unwrap();
        assert_eq!(read, ("time".into(), 5, reply.clone()));
        assert_eq!(read_frame::<(String, u8)>(Player::new(&tokens, style)).unwrap().1, 5);

        let tokens = framed("room", &Chat::Set { a: true }, Some(&reply)).unwrap();
        assert_eq!(read_frame::<Chat>(Player::new(&tokens, style)), Ok(Chat::Set { a: true }));
        let tokens = framed("room", &(), Some(&reply)).unwrap();
        assert_eq!(read_frame::<()>(Player::new(&tokens, style)), Ok(()));
        let tokens = framed("room", &Chat::Quit, Some(&reply)).unwrap();
        let message = read_message(Player::new(&tokens, style)).unwrap();
        assert_eq!(message, Message::from(["quit".into(), "node#reply".into()]));
    }
}

#[test]
fn what_is_no_frame_is_refused() {
    let cases: [(&[Token<'static>], &str); 5] = [
        (&[text("x")], "expected a message, which is a list, found the text \"x\""),
        (&[Token::Map(0), Token::End], "expected a message, which is a list, found a map"),
        (&[Token::List(1), Token::Bool(true)], "expected a port name before the message, found true"),
        (&[Token::List(1), Token::Map(0)], "expected a port name before the message, found a map"),
        (&[Token::List(1), Token::List(0)], "expected a port name before the message, found a list"),
    ];
    for (tokens, error) in cases {
        let error = DecodeError::Mismatch(error.into());
        assert_eq!(read_message(Player::new(tokens, Style::Binary)), Err(error.clone()));
        assert_eq!(decode::<Vec<u8>>(tokens), Err(error));
    }
}

/// An empty list, or one of a null, is a message to the node port: it has no elements.
#[test]
fn a_frame_may_be_empty_or_have_only_a_port_name() {
    for tokens in [vec![Token::List(0), Token::End], vec![Token::List(1), Token::Null, Token::End]] {
        for style in STYLES {
            assert_eq!(read_message(Player::new(&tokens, style)), Ok(Message::default()));
            assert_eq!(read_frame::<Vec<u8>>(Player::new(&tokens, style)), Ok(vec![]));
            assert_eq!(read_frame::<Option<u8>>(Player::new(&tokens, style)), Ok(None));
            assert_eq!(read_frame::<Value>(Player::new(&tokens, style)), Ok(Value::List(vec![])));
        }
    }
}

#[test]
fn a_port_name_is_a_string_or_a_number_or_null() {
    let name = |token| port_name(token).map(Cow::into_owned);
    assert_eq!(name(text("p")), Some("p".into()));
    assert_eq!(name(Token::Bytes(Cow::Borrowed(b"caf\xe9"))), Some("café".into()));
    assert_eq!(name(Token::Bytes(Cow::Owned(b"p".to_vec()))), Some("p".into()));
    assert_eq!(name(Token::Int(-7)), Some("-7".into()));
    assert_eq!(name(Token::UInt(u64::MAX)), Some("18446744073709551615".into()));
    assert_eq!(name(Token::Float(1.5)), Some("1.5".into()));
    assert_eq!(name(Token::Null), Some(String::new()));
    for token in [Token::Bool(true), Token::List(0), Token::Map(0), Token::End] {
        assert_eq!(name(token), None);
    }
}

/// What the reader reports is not dressed up as anything else, wherever it happens.
#[test]
fn errors_of_the_framing_pass_through() {
    let whole = frame(&("a", Some(1), vec![vec![1]], Value::Map([("k", 1)].into_iter().collect()))).unwrap();
    for end in 0..whole.len() {
        for style in STYLES {
            let player = || Player::new(&whole[..end], style);
            let broken = DecodeError::TooLong { max: 0 };
            assert_eq!(read_message(player()), Err(broken.clone()), "{end}");
            type Four = (String, Option<u8>, Vec<Vec<u8>>, Value);
            // The end of the message itself is not looked for.
            if end < whole.len() - 1 {
                assert_eq!(read_frame::<Four>(player()), Err(broken.clone()), "{end}");
            }
            assert_eq!(read_frame::<Vec<Value>>(player()), Err(broken.clone()), "{end}");
            assert_eq!(read_frame::<Option<Vec<Value>>>(player()), Err(broken), "{end}");
        }
    }
}

/// A value of so many levels of lists.
fn nested(levels: usize) -> Value {
    (0..levels).fold(Value::Null, |inner, level| match level % 2 {
        0 => Value::List(vec![inner]),
        _ => Value::Map([("k", inner)].into_iter().collect()),
    })
}

/// [MSG-12]
#[test]
fn a_message_nests_512_levels_and_no_more() {
    let fits = Message::from([nested(MAX_DEPTH - 1)]);
    let tokens = frame(&fits).unwrap();
    assert_eq!(to_message(&fits), Ok(fits.clone()));
    for style in STYLES {
        assert_eq!(read_message(Player::new(&tokens, style)), Ok(fits.clone()));
    }
    let deep = Message::from([nested(MAX_DEPTH)]);
    assert_eq!(frame(&deep), Err(EncodeError::TooDeep));
    assert_eq!(to_message(&deep), Err(EncodeError::TooDeep));
}

/// [MSG-12]
#[test]
fn every_shape_counts_its_levels_when_it_is_written() {
    /// What `shape` makes of a value of `room` levels can just be written, and with one level more no longer.
    fn check<T: Serialize>(room: usize, shape: impl Fn(Value) -> T) {
        assert!(frame(&shape(nested(room))).is_ok());
        assert!(to_message(&shape(nested(room))).is_ok());
        assert_eq!(frame(&shape(nested(room + 1))), Err(EncodeError::TooDeep));
        assert_eq!(to_message(&shape(nested(room + 1))), Err(EncodeError::TooDeep));
    }
    #[derive(Serialize)]
    enum Shape {
        Newtype(Value),
        Tuple(Value, u8),
        Struct { a: Value },
    }
    #[derive(Serialize)]
    struct Flat {
        #[serde(flatten)]
        map: Map,
    }
    let map = |value: Value| -> Map { [("k", value)].into_iter().collect() };
    check(MAX_DEPTH - 1, |value| (value,));
    check(MAX_DEPTH - 1, Shape::Newtype);
    check(MAX_DEPTH - 1, |value| Shape::Tuple(value, 1));
    check(MAX_DEPTH - 2, |a| Shape::Struct { a });
    check(MAX_DEPTH - 2, map);
    check(MAX_DEPTH - 2, |value| Flat { map: map(value) });
    check(MAX_DEPTH - 2, |value| (Shape::Newtype(value),));
    check(MAX_DEPTH - 2, |value| (Shape::Tuple(value, 1),));
    check(MAX_DEPTH - 3, |a| (Shape::Struct { a },));
    check(MAX_DEPTH - 2, |value| (Flat { map: map(value) },));
}
