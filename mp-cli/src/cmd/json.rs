//! Values of messages as JSON.

use mp_node::{Reason, Value};
use serde_json::Value as Json;

/// A value as the JSON that people read: a byte string is the text of its characters, as in Perl.
pub(super) fn to_json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(value) => Json::from(*value),
        Value::Int(number) => Json::from(*number),
        Value::UInt(number) => Json::from(*number),
        Value::Float(number) => {
            serde_json::Number::from_f64(*number).map_or_else(|| number.to_string().into(), Json::Number)
        }
        Value::List(items) => items.iter().map(to_json).collect(),
        Value::Map(map) => map.iter().map(|(key, value)| (key.to_string(), to_json(value))).collect(),
        text => text.as_str().map_or(Json::Null, |text| Json::from(&*text)),
    }
}

/// The values of a reason.
pub(super) fn reason_json(reason: &Reason) -> Vec<Json> {
    reason.values().iter().map(to_json).collect()
}

#[cfg(test)]
mod tests {
    use mp_node::Map;
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_shown_as_perl_would() {
        let map: Map = [("k", Value::Null)].into_iter().collect();
        let list = Value::List(vec![
            Value::from("é"),
            Value::Bytes(vec![0xe9].into()),
            Value::from(u64::MAX),
            Value::Float(f64::NAN),
            Value::Map(map),
        ]);
        assert_eq!(to_json(&list), json!(["é", "é", u64::MAX, "NaN", { "k": null }]));
    }
}
