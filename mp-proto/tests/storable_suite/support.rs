//! Images and values as the recordings have them.

use bytes::Bytes;
use mp_proto::Value;
use mp_proto::codec::storable::{StorableError, ThawLimits, thaw};
use serde_json::Value as Recorded;

/// Bytes of hex digits in pairs; `<xx*n>` stands for `xx` n times.
pub(crate) fn unhex(text: &str) -> Vec<u8> {
    let plain = |text: &str| -> Vec<u8> {
        let digits: Vec<_> = text.chars().map(|digit| digit.to_digit(16).expect("a hex digit")).collect();
        digits.chunks(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).unwrap()).collect()
    };
    let mut bytes = Vec::new();
    for piece in text.split_inclusive('>') {
        let (before, run) = piece.split_once('<').unwrap_or((piece, ""));
        bytes.extend(plain(before));
        if let Some((unit, times)) = run.trim_end_matches('>').split_once('*') {
            bytes.extend(plain(unit).repeat(times.parse().unwrap()));
        }
    }
    bytes
}

/// Bytes of a list of parts, each with how often it comes.
pub(crate) fn parts(value: &Recorded) -> Vec<u8> {
    let part = |part: &Recorded| {
        unhex(part[0].as_str().unwrap()).repeat(usize::try_from(part[1].as_u64().unwrap()).unwrap())
    };
    value.as_array().unwrap().iter().flat_map(part).collect()
}

/// The value that a recording says: `$bytes` and `$num` as in the vectors, `$cycle` and `len` for long strings.
pub(crate) fn value(recorded: &Recorded) -> Value {
    if let Some(hex) = recorded["$bytes"].as_str() {
        return Value::from(Bytes::from(unhex(hex)));
    }
    if let Some(number) = recorded["$num"].as_str() {
        return Value::from(number.parse::<f64>().unwrap());
    }
    if let (Some(cycle), Some(len)) = (recorded["$cycle"].as_str(), recorded["len"].as_u64()) {
        return Value::from(cycle.chars().cycle().take(usize::try_from(len).unwrap()).collect::<String>());
    }
    match recorded {
        Recorded::Null => Value::Null,
        Recorded::Bool(value) => Value::from(*value),
        Recorded::Number(number) if number.is_i64() => Value::from(number.as_i64().unwrap()),
        Recorded::Number(number) if number.is_u64() => Value::from(number.as_u64().unwrap()),
        Recorded::Number(number) => Value::from(number.as_f64().unwrap()),
        Recorded::String(text) => Value::from(text.as_str()),
        Recorded::Array(items) => Value::List(items.iter().map(value).collect()),
        Recorded::Object(map) => {
            Value::Map(map.iter().map(|(key, item)| (key.as_str(), value(item))).collect())
        }
    }
}

pub(crate) fn thawed(image: &[u8]) -> Result<Value, StorableError> {
    thaw(image, &ThawLimits::default())
}

/// What Perl's kinds of values leave of one of ours.
pub(crate) fn as_storable(value: &Value) -> Value {
    let text = |text: &str| Value::from(Bytes::copy_from_slice(text.as_bytes()));
    match value {
        Value::Bool(true) => text("1"),
        Value::Bool(false) => text(""),
        Value::Int(number) if i32::try_from(*number).is_err() => text(&number.to_string()),
        Value::UInt(number) => text(&number.to_string()),
        Value::Float(number) if number.is_nan() => text("NaN"),
        Value::Float(number) if number.is_infinite() => text(if *number > 0.0 { "Inf" } else { "-Inf" }),
        Value::Float(number) => match integral(*number) {
            Some(number) => Value::from(number),
            None => text(shortest(*number).strip_suffix(".0").unwrap_or(&shortest(*number))),
        },
        Value::Text(ascii) if ascii.is_ascii() => text(ascii),
        Value::List(items) => Value::List(items.iter().map(as_storable).collect()),
        Value::Map(map) => {
            Value::Map(map.iter().map(|(key, item)| (key.clone(), as_storable(item))).collect())
        }
        other => other.clone(),
    }
}

fn integral(number: f64) -> Option<i32> {
    let whole = number.fract() == 0.0 && number.abs() < 2f64.powi(33);
    let integer = whole.then(|| format!("{number:.0}").parse().ok()).flatten()?;
    (number != 0.0 || number.is_sign_positive()).then_some(integer)
}

/// The digits are serde_json's, which are the shortest, too.
fn shortest(number: f64) -> String {
    serde_json::to_string(&number).unwrap()
}
