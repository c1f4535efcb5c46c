//! JSON, case by case.

use bytes::Bytes;
use mp_proto::codec::json::Json;
use mp_proto::codec::{Codec, Scanner};
use mp_proto::token::{Token, TokenReader};
use mp_proto::{DecodeError, Framing, Value};

use crate::tokens::{exact, item, read};

fn written(value: impl Into<Value>) -> String {
    String::from_utf8(item::<Json>(&value.into())).unwrap()
}

fn read_text(json: &str) -> Result<String, DecodeError> {
    read::<Json>(json.as_bytes()).map(|value| exact(&value))
}

/// `[FR-15]`
#[test]
fn strings_are_escaped_as_perl_does() {
    assert_eq!(written("\n\t\r\u{8}\u{c}\"\\"), r#""\n\t\r\b\f\"\\""#);
    assert_eq!(written("\0\u{1}\u{b}\u{1f}"), r#""\u0000\u0001\u000b\u001f""#);
    assert_eq!(written("/\u{7f}\u{80}\u{2028}☺😀"), "\"/\u{7f}\u{80}\u{2028}☺😀\"");
}

/// `[FR-17]`
#[test]
fn byte_strings_are_the_characters_of_their_numbers() {
    assert_eq!(
        written(Bytes::from_static(b"a\x7f\x80\xff\"\n\x00")),
        "\"a\u{7f}\u{80}\u{ff}\\\"\\n\\u0000\""
    );
}

/// `[FR-16]`
#[test]
fn a_float_shows_that_it_is_one() {
    for (number, text) in [
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (1.0, "1.0"),
        (0.1, "0.1"),
        (-1.25, "-1.25"),
        (f64::MAX, "1.7976931348623157e+308"),
    ] {
        assert_eq!(written(number), text);
    }
    for number in [1e15, 1e16, 1e17, 1e100, 1e-7, 5e-324] {
        assert!(written(number).contains(['.', 'e']), "{}", written(number));
    }
    assert_eq!(written(f64::NAN), r#""NaN""#);
    assert_eq!(written(f64::INFINITY), r#""Inf""#);
    assert_eq!(written(f64::NEG_INFINITY), r#""-Inf""#);
}

#[test]
fn there_is_no_white_space() {
    let map: mp_proto::Map = [
        ("a", Value::List(vec![Value::from(1), Value::Null])),
        ("b", Value::Map([("c", true)].into_iter().collect())),
    ]
    .into_iter()
    .collect();
    assert_eq!(
        written(vec![Value::from("p"), Value::from(map), Value::from(-5), Value::from(u64::MAX)]),
        r#"["p",{"a":[1,null],"b":{"c":true}},-5,18446744073709551615]"#
    );
    assert_eq!(
        written(vec![Value::List(vec![]), Value::Map(mp_proto::Map::new()), Value::List(vec![])]),
        "[[],{},[]]"
    );
}

/// `[FR-13]`
#[test]
fn numbers() {
    for (json, expected) in [
        ("0", "0"),
        ("-0", "0"),
        ("-0.0", "-0.0"),
        ("1.0", "1.0"),
        ("1e2", "100.0"),
        ("1E+2", "100.0"),
        ("12e-1", "1.2"),
        ("9223372036854775807", "9223372036854775807"),
        ("-9223372036854775808", "-9223372036854775808"),
        ("-9223372036854775809", "-9.223372036854776e18"),
        ("18446744073709551615", "18446744073709551615"),
        ("18446744073709551616", "1.8446744073709552e19"),
        ("1e-400", "0.0"),
    ] {
        assert_eq!(read_text(json).as_deref(), Ok(expected), "{json}");
    }
    for json in [
        "01", "-01", "+1", ".5", "1.", "1.e5", "1e", "1e+", "-", "--1", "0x10", "1_000", "1e400", "-1e400",
        "inf", "-inf", "nan", "NaN", "Infinity",
    ] {
        assert!(read_text(json).is_err(), "{json}");
    }
    let digits = "9".repeat(400);
    assert!(read_text(&digits).is_err(), "an integer that is infinite as a float");
    assert_eq!(read_text(&digits[..300]).as_deref(), Ok("1e300"));
}

/// `[FR-14]`
#[test]
fn strings() {
    for (json, expected) in [
        (r#""""#, ""),
        (r#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{c}\n\r\t"),
        (r#""a\u0041\u00e9\u263A\uD83D\uDE00z""#, "aAé☺😀z"),
        ("\"\u{7f}\u{80}\u{2028}☺😀\"", "\u{7f}\u{80}\u{2028}☺😀"),
        (r#""\u0000""#, "\0"),
    ] {
        assert_eq!(read::<Json>(json.as_bytes()).unwrap(), Value::from(expected), "{json}");
    }
    for json in [
        r#""\ud83d""#,
        r#""\ud83dx""#,
        r#""\ud83d\n""#,
        r#""\ud83d\u0041""#,
        r#""\ud83d\ud83d""#,
        r#""\ude00""#,
        r#""\ude00\ud83d""#,
        r#""\x41""#,
        r#""\u12""#,
        r#""\u12g4""#,
        r#""\u+123""#,
        "\"\t\"",
        "\"\n\"",
        "\"\0\"",
        "'a'",
        r#""\""#,
        "\"",
    ] {
        assert!(read_text(json).is_err(), "{json}");
    }
    for bytes in [
        &b"\"\xff\""[..],
        b"\"\xc3\"",
        b"\"\xe2\x98\"",
        b"\"\xed\xa0\x80\"",
        b"\"\xc0\x80\"",
        b"\"\\n\xff\"",
        b"\"\xf4\x90\x80\x80\"",
    ] {
        assert!(read::<Json>(bytes).is_err(), "{bytes:x?}");
    }
}

#[test]
fn what_is_no_json() {
    for json in [
        "",
        " ",
        "[1,]",
        "[,1]",
        "[1 2]",
        "[1,,2]",
        "[",
        "]",
        "[1",
        "[}",
        "{]",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{,}",
        "{1:2}",
        "{\"a\" 1}",
        "{\"a\":1 \"b\":2}",
        "[1]]",
        "[1]x",
        "[1][2]",
        "nul",
        "nullx",
        "tru",
        "True",
        "// c\n[]",
        "[1]//",
        "\u{feff}[]",
        "[\u{c}]",
    ] {
        assert!(read_text(json).is_err(), "{json}");
    }
}

#[test]
fn white_space_is_allowed_between_all_tokens() {
    let value = read_text(" [ 1 , { \"a\" :\t[ ] ,\r\n\"b\" : null } , [ ] ] \n").unwrap();
    assert_eq!(value, r#"[1, {"a": [], "b": null}, []]"#);
}

#[test]
fn a_string_without_escapes_is_not_copied() {
    let mut reader = Json::reader("\"ä\"".as_bytes());
    assert!(matches!(reader.next(), Ok(Token::Text(std::borrow::Cow::Borrowed("ä")))));
}

#[test]
fn errors_say_where() {
    let at = |json: &str| match read_text(json) {
        Err(DecodeError::Malformed { framing: Framing::Json, offset, .. }) => offset,
        other => panic!("{json}: {other:?}"),
    };
    assert_eq!(at("[1,  x]"), 5);
    assert_eq!(at("[1}"), 2);
    assert_eq!(at("[\"ab\\q\"]"), 4);
    assert_eq!(at("[\"ab\\ud800\"]"), 4);
    assert_eq!(at("[nul]"), 1);
    assert_eq!(at("[1] x"), 4);
    assert_eq!(read_text("[\"ab"), Err(DecodeError::Truncated { framing: Framing::Json }));
}

/// `[FR-11]`: the scanner refuses what cannot become an array.
#[test]
fn the_scanner_refuses() {
    for json in ["x", "{}", "\"a\"", "1", "]", " }", "[}", "[{]", "[[1}", "[{\"]\"]", "[\"\n"] {
        assert!(<Json as Codec>::Scanner::default().scan(json.as_bytes(), 100).is_err(), "{json}");
    }
    for json in ["", "  ", "[", "[{", "[\"]", "[\"\\\"]", "[\"\\\\\\\"]", "[{}"] {
        assert_eq!(<Json as Codec>::Scanner::default().scan(json.as_bytes(), 100), Ok(None), "{json}");
    }
    assert!(<Json as Codec>::Scanner::default().scan(br#"["\\"]"#, 100).unwrap().is_some());
}
