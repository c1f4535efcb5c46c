//! The values that two Perl nodes were recorded to exchange, `tests/perl/values.json`: what was sent, and what the
//! receiver had of it where that differs, by framing.

use mp_node::{Framing, Map, Text, Value};
use serde_json::Value as Json;

/// One value of the table, in Perl's view.
#[derive(Debug)]
pub(crate) struct Row(Json);

pub(crate) fn table() -> Vec<Row> {
    let rows: Vec<Json> = serde_json::from_str(include_str!("../perl/values.json")).expect("JSON");
    rows.into_iter().map(Row).collect()
}

impl Row {
    /// What Perl is told to send.
    pub(crate) fn sent(&self) -> &Json {
        &self.0["sent"]
    }

    /// What we send in its place.
    pub(crate) fn ours(&self) -> Value {
        value(self.sent())
    }

    /// What we are to receive when Perl sends it. Perl itself cannot read all integers of JSON; we can.
    pub(crate) fn received(&self, framing: Framing) -> Value {
        let sent = self.sent();
        if framing == Framing::Json && sent["t"] == "int" {
            return value(sent);
        }
        value(self.0.get(framing.name()).unwrap_or(sent))
    }
}

fn value(typed: &Json) -> Value {
    if let Some(items) = typed.as_array() {
        return Value::List(items.iter().map(value).collect());
    }
    let inner = &typed["v"];
    let text = inner.as_str().unwrap_or_default();
    match typed["t"].as_str().expect("a type") {
        "undef" => Value::Null,
        "bool" | "perlbool" => Value::Bool(inner == 1),
        "int" => {
            text.parse::<i64>().map_or_else(|_| text.parse::<u64>().expect("an integer").into(), Value::Int)
        }
        "num" => Value::Float(text.parse().expect("a number")),
        "str" if typed.get("made").is_some() => Value::from(made(typed["len"].as_u64().expect("a length"))),
        "str" => text.into(),
        "hash" => {
            let entries = inner.as_object().expect("a hash").iter();
            Value::Map(entries.map(|(key, item)| (Text::from(key.as_str()), value(item))).collect::<Map>())
        }
        other => panic!("an unknown type {other}"),
    }
}

/// A long string that both sides make by themselves: the printable characters over and over.
fn made(length: u64) -> String {
    (0..length).map(|index| char::from(32 + u8::try_from(index % 95).expect("small"))).collect()
}

/// The sum that the Perl program tells of a long string.
pub(crate) fn checksum(text: &str) -> u32 {
    text.chars().fold(0, |sum, character| sum.wrapping_add(u32::from(character)))
}

/// A truth value of ours as Perl tells it: Storable has none, so it comes as Perl's own comparisons do `[ST-22]`.
pub(crate) fn truth(framing: Framing, truth: bool) -> Json {
    match framing.name() {
        "storable" => if truth { "1" } else { "" }.into(),
        _ => truth.into(),
    }
}

/// Whether what Perl says that it has received is what we sent, as far as the framing can carry it.
pub(crate) fn arrived(framing: Framing, sent: &Value, got: &Json) -> bool {
    let (kind, inner) = (got["t"].as_str().unwrap_or("list"), &got["v"]);
    let text = || inner.as_str().unwrap_or_default();
    match sent {
        Value::Null => kind == "undef",
        Value::Bool(is_true) => match truth(framing, *is_true) {
            Json::Bool(is_true) => kind == "bool" && (inner == 1) == is_true,
            text => kind == "str" && *inner == text,
        },
        Value::Int(number) => ["int", "num", "str"].contains(&kind) && text() == number.to_string(),
        Value::UInt(number) => ["int", "num", "str"].contains(&kind) && text() == number.to_string(),
        Value::Float(number) => {
            let close = |other: f64| (other - number).abs() <= number.abs() * 1e-14;
            ["int", "num", "str"].contains(&kind) && text().parse().is_ok_and(close)
        }
        Value::List(items) => {
            let got = got.as_array().map(Vec::as_slice).unwrap_or_default();
            items.len() == got.len() && items.iter().zip(got).all(|(item, got)| arrived(framing, item, got))
        }
        Value::Map(map) => {
            let same =
                |key: &str, item: &Value| inner.get(key).is_some_and(|got| arrived(framing, item, got));
            let size = inner.as_object().map(serde_json::Map::len);
            kind == "hash"
                && size == Some(map.len())
                && map.iter().all(|(key, item)| same(key.as_str(), item))
        }
        string => {
            let string = string.as_str().expect("a string");
            let length = string.chars().count();
            let same = got.get("sum").map_or(inner == &*string, |sum| *sum == checksum(&string));
            kind == "str" && got["len"] == length && same
        }
    }
}
