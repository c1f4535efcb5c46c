//! Values of messages as JSON.

use mp_node::{Message, Reason, SendError, Value};
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

/// What JSON is as a value of a message.
pub(super) fn from_json(json: &Json) -> Result<Value, SendError> {
    let message = Message::new(&[json]).map_err(SendError::from)?;
    Ok(message.into_values().pop().unwrap_or(Value::Null))
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
    fn json_goes_there_and_back() {
        for json in [json!(null), json!(-5), json!([1, {"a": "é"}]), json!(true), json!(0.5)] {
            assert_eq!(to_json(&from_json(&json).unwrap()), json);
        }
    }

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
