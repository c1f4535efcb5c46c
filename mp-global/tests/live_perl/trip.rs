//! What a value looks like after a trip, in each framing: from Perl to us, from us to Perl, and from us through Perl back.

use mp_node::{Framing, Message, Value};
use serde_json::{Value as Json, json};

use super::nodes::{seed, soon};
use super::perl::Perl;

/// One line of the table: what is sent, what we have of it when Perl sends it, and what Perl has of it when we do. Where
/// it says nothing of a framing, the value arrives as what it is.
struct Line {
    sent: Json,
    to_us: Json,
    to_perl: Json,
}

fn line(sent: Json, to_us: Json, to_perl: Json) -> Line {
    Line { sent, to_us, to_perl }
}

fn int(text: &str) -> Json {
    json!({"t": "int", "v": text})
}

fn num(text: &str) -> Json {
    json!({"t": "num", "v": text})
}

/// A string of Perl's; `utf8` if Perl takes it for characters, not bytes.
fn string(text: &str, utf8: u8) -> Json {
    json!({"t": "str", "utf8": utf8, "v": text})
}

/// The table. Of what Perl sends, an integer beyond 32 bits comes over Storable as its text, a float as its text with 15
/// digits; JSON has these digits too, and knows characters only. Of what we send, nothing but Storable's lack of such
/// types changes anything `[ST-21]` `[ST-22]`, and that Perl's JSON takes -2^63 for a text.
fn table() -> Vec<Line> {
    let mut table = Vec::new();
    for number in ["9007199254740993", "9223372036854775807", "18446744073709551615"] {
        let text = json!({"storable": string(number, 0)});
        table.push(line(int(number), text.clone(), text));
    }
    let least = "-9223372036854775808";
    let text = string(least, 0);
    table.push(line(int(least), json!({"storable": text}), json!({"json": text, "storable": text})));
    let (whole, cut) = ("0.33333333333333331", "0.333333333333333");
    let to_us = json!({"json": num(cut), "storable": string(cut, 0)});
    table.push(line(num(whole), to_us, json!({"storable": string("0.3333333333333333", 0)})));
    let characters = json!({"json": string("caf\u{e9}", 1)});
    table.push(line(string("caf\u{e9}", 0), characters.clone(), characters));
    for text in ["sm\u{f6}rg \u{263a}", "latin\u{e9}"] {
        table.push(line(string(text, 1), json!({}), json!({})));
    }
    table.push(line(json!({"t": "undef"}), json!({}), json!({})));
    for (truth, text) in [(1, "1"), (0, "")] {
        let sent = json!({"t": "bool", "v": truth});
        table.push(line(sent, json!({}), json!({"storable": string(text, 0)})));
    }
    table.push(line(string("42", 0), json!({}), json!({})));
    table.push(line(int("42"), json!({}), json!({})));
    table
}

/// The value of a line as we have it: bytes are bytes, characters are characters.
fn ours(typed: &Json) -> Value {
    let text = typed["v"].as_str().unwrap_or_default();
    match typed["t"].as_str().expect("a type") {
        "undef" => Value::Null,
        "bool" => Value::Bool(typed["v"] == 1),
        "int" => {
            text.parse().map_or_else(|_| Value::from(text.parse::<u64>().expect("a number")), Value::Int)
        }
        "num" => Value::Float(text.parse().expect("a number")),
        _ if typed["utf8"] == 1 => Value::from(text),
        _ => Value::Bytes(text.chars().map(|c| u8::try_from(u32::from(c)).expect("a byte")).collect()),
    }
}

/// Whether both are the same in kind and content. Bytes that are ASCII are not told from text: Perl does not, either.
fn same(one: &Value, other: &Value) -> bool {
    let is_ascii = |value: &Value| value.as_str().is_some_and(|text| text.is_ascii());
    let is_kin =
        std::mem::discriminant(one) == std::mem::discriminant(other) || is_ascii(one) && is_ascii(other);
    is_kin && one == other
}

/// Whether Perl has this; of a text that is ASCII it does not matter how it is flagged.
fn told(got: &Json, wanted: &Json) -> bool {
    let is_ascii = wanted["v"].as_str().is_some_and(str::is_ascii);
    got["t"] == wanted["t"]
        && got["v"] == wanted["v"]
        && (wanted["t"] != "str" || is_ascii || got["utf8"] == wanted["utf8"])
}

/// [FR-13], [FR-16], [FR-17], [FR-21], [FR-24], [ST-21], [ST-22]: the table, line by line, in both directions; and what
/// comes back from Perl is what Perl had, sent by Perl.
pub(crate) async fn each_value_arrives_as_the_table_says(framing: Framing) {
    let (node, _global, address) = seed("rust", framing).await;
    let mut perl = Perl::start("pearl", framing, &[&address]).await;
    perl.up(node.id()).await;
    let (mut port, typed, mirror) = (node.port(), perl.port("typed").await, perl.port("mirror").await);
    for Line { sent, to_us, to_perl } in table() {
        let here = ours(to_us.get(framing.name()).unwrap_or(&sent));
        let there = to_perl.get(framing.name()).unwrap_or(&sent).clone();
        let command = json!({"cmd": "snd_typed", "to": port.id().as_str(), "types": [string("t", 0), sent]});
        perl.ask(command).await;
        let got = soon(port.recv()).await.expect("the port lives");
        assert!(same(&got.values()[1], &here), "{sent} came as {:?}, not as {here:?}", got.values()[1]);

        node.send(&typed, Message::from([ours(&sent)])).await.expect("sent");
        let got = perl.event_with("message", |told| told["port"] == typed.as_str()).await["types"][0].take();
        assert!(told(&got, &there), "{sent} arrived as {got}, not as {there}");

        node.send(&mirror, (port.id(), ours(&sent))).await.expect("sent");
        let back = soon(port.recv()).await.expect("the port lives");
        let expected = if there == sent { here } else { ours(&there) };
        assert_eq!(back.values()[0], expected, "{sent} came back otherwise");
    }
}
