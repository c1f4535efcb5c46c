//! Reading requests, with the tolerance that Perl's blurred types call for.

use std::collections::BTreeMap;

use mp_proto::Value;

use super::{GlobalRequest, Part};
use crate::data::{Database, Entries, Key, entries, word, words};
use crate::sum::{Range, Sum};

/// Why a message is no request of the distributed database.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseError {
    /// The tag is none of [`GlobalRequest::TAGS`].
    #[error("no request of the global database")]
    UnknownTag,
    /// The sender's fault: an argument is not what it has to be.
    #[error("{tag}: argument {argument} is not {expected}")]
    Malformed {
        /// The tag.
        tag: &'static str,
        /// Which argument, from 1.
        argument: usize,
        /// What it should have been.
        expected: &'static str,
    },
}

impl GlobalRequest {
    /// Reads the request that a node's own port received. Surplus arguments are ignored, missing ones are null; names
    /// may be strings of either kind, numbers or booleans `[GL-03]`.
    ///
    /// # Errors
    ///
    /// [`ParseError`] says which argument was wrong, or that the tag is another's.
    pub fn parse(tag: &str, arguments: Vec<Value>) -> Result<Self, ParseError> {
        let tag = Self::TAGS.into_iter().find(|known| *known == tag).ok_or(ParseError::UnknownTag)?;
        let mut arguments = Arguments { tag, taken: 0, rest: arguments.into_iter() };
        let a = &mut arguments;
        Ok(match tag {
            "g_slave" => Self::Slave(a.optional_database()?),
            "g_global" => Self::Global,
            "g_set" => Self::Set(a.optional_database()?.unwrap_or_default()),
            "g_upd" => Self::Update { family: a.family()?, set: a.entries()?, delete: a.keys()? },
            "g_find" => Self::Find(a.name()?),
            "g_found" => Self::Found { node: a.name()?, addresses: words(&a.next()) },
            "g_db_family" => Self::Ask { part: Part::Family, family: a.family()?, id: a.next() },
            "g_db_keys" => Self::Ask { part: Part::Keys, family: a.family()?, id: a.next() },
            "g_db_values" => Self::Ask { part: Part::Values, family: a.family()?, id: a.next() },
            "g_reply" => Self::Reply { id: a.next(), value: a.next() },
            "g_mon1" => Self::Monitor(a.family()?),
            "g_mon0" => Self::Unmonitor(a.family()?),
            "g_chg1" => Self::Whole { family: a.family()?, entries: a.entries()? },
            "g_chg2" => Self::Change {
                family: a.family()?,
                set: a.entries()?.unwrap_or_default(),
                delete: a.keys()?.unwrap_or_default(),
            },
            "g_sum" => Self::Sum { sum: a.sum()?, is_global: a.next().is_true() },
            "g_have" => Self::Have { range: a.range()?, sums: a.sums()? },
            "g_differ" => Self::Differ { range: a.range()?, families: a.keys()?.unwrap_or_default() },
            "g_tell" => Self::Tell { family: a.family()?, from: a.name()? },
            "g_told" => Self::Told {
                family: a.family()?,
                range: a.range()?,
                entries: a.entries()?.unwrap_or_default(),
            },
            _ => Self::View { range: a.range()?, sums: a.sums()? },
        })
    }
}

struct Arguments {
    tag: &'static str,
    taken: usize,
    rest: std::vec::IntoIter<Value>,
}

impl Arguments {
    fn next(&mut self) -> Value {
        self.taken += 1;
        self.rest.next().unwrap_or_default()
    }

    fn wrong(&self, expected: &'static str) -> ParseError {
        ParseError::Malformed { tag: self.tag, argument: self.taken, expected }
    }

    fn name(&mut self) -> Result<Key, ParseError> {
        word(&self.next()).ok_or_else(|| self.wrong("a name"))
    }

    fn family(&mut self) -> Result<Key, ParseError> {
        match word(&self.next()) {
            Some(family) if !family.is_empty() => Ok(family),
            _ => Err(self.wrong("the name of a family")),
        }
    }

    /// A map; null is none. Perl writes an empty hash as a map, but others may take it for an empty list.
    fn entries(&mut self) -> Result<Option<Entries>, ParseError> {
        match self.next() {
            Value::Null => Ok(None),
            Value::Map(map) => Ok(Some(entries(map))),
            Value::List(items) if items.is_empty() => Ok(Some(Entries::new())),
            _ => Err(self.wrong("a map or null")),
        }
    }

    fn keys(&mut self) -> Result<Option<Vec<Key>>, ParseError> {
        match self.next() {
            Value::Null => Ok(None),
            list @ Value::List(_) => Ok(words(&list)),
            _ => Err(self.wrong("a list or null")),
        }
    }

    fn range(&mut self) -> Result<Range, ParseError> {
        let from = self.name()?;
        match self.next() {
            Value::Null => Ok(Range { from, to: None }),
            to => {
                word(&to).map(|to| Range { from, to: Some(to) }).ok_or_else(|| self.wrong("a name or null"))
            }
        }
    }

    fn sum(&mut self) -> Result<Sum, ParseError> {
        read_sum(&self.next()).ok_or_else(|| self.wrong("a sum"))
    }

    fn sums(&mut self) -> Result<BTreeMap<Key, Sum>, ParseError> {
        let sums = self.entries()?.unwrap_or_default().into_iter();
        let sums: Option<_> = sums.map(|(family, sum)| Some((family, read_sum(&sum)?))).collect();
        sums.ok_or_else(|| self.wrong("a map of sums"))
    }

    /// A map of maps; what Perl takes for false is none. A family that is no map is left out, as Perl does.
    fn optional_database(&mut self) -> Result<Option<Database>, ParseError> {
        let families = match self.next() {
            Value::Map(families) => families,
            other if !other.is_true() => return Ok(None),
            _ => return Err(self.wrong("a map of families")),
        };
        let database = families.into_iter().filter_map(|(family, content)| match content {
            Value::Map(map) if !family.is_empty() => Some((Key::from(family.as_str()), entries(map))),
            _ => None,
        });
        Ok(Some(database.collect()))
    }
}

fn read_sum(value: &Value) -> Option<Sum> {
    word(value)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use mp_proto::Map;

    use super::*;

    fn parse(json: &str) -> Result<GlobalRequest, ParseError> {
        let mut values: Vec<Value> = serde_json::from_str(json).expect("JSON");
        let tag = values.remove(0);
        GlobalRequest::parse(&tag.as_str().expect("a tag"), values)
    }

    fn message(json: &str) -> mp_proto::Message {
        serde_json::from_str(json).expect("JSON")
    }

    /// [GL-01], [GL-34]
    #[test]
    fn each_request_is_read_and_written_alike() {
        for json in [
            r#"["g_slave"]"#,
            r#"["g_slave",{"'l":{"alice":["127.0.0.1:1"]},"fam":{}}]"#,
            r#"["g_global"]"#,
            r#"["g_set",{"'g":{"a":null}}]"#,
            r#"["g_upd","fam",{"k":[1,"two"]}]"#,
            r#"["g_upd","fam",null,["k"]]"#,
            r#"["g_upd","fam",{},["k"]]"#,
            r#"["g_find","bob"]"#,
            r#"["g_found","bob",["127.0.0.1:1","[::1]:2"]]"#,
            r#"["g_found","ghost",null]"#,
            r#"["g_db_family","fam","b"]"#,
            r#"["g_db_keys","fam",7]"#,
            r#"["g_db_values","fam",null]"#,
            r#"["g_reply","b",{"k":1}]"#,
            r#"["g_mon1","fam"]"#,
            r#"["g_mon0","fam"]"#,
            r#"["g_chg1","fam",{"k":null}]"#,
            r#"["g_chg1","fam",null]"#,
            r#"["g_chg2","fam",{"k":{"x":1}},["q"]]"#,
            r#"["g_sum","000000000000000000000000000000ff",true]"#,
            r#"["g_have","",null,{"fam":"00000000000000000000000000000001"}]"#,
            r#"["g_differ","a","b",["fam"]]"#,
            r#"["g_tell","fam","k"]"#,
            r#"["g_told","fam","k","l",{"k":1}]"#,
            r#"["g_view","",null,{}]"#,
        ] {
            let request = parse(json).expect(json);
            assert_eq!(request.into_message(), message(json), "{json}");
        }
    }

    /// [GL-04]
    #[test]
    fn an_update_may_lack_either_part() {
        let update = |set: Option<&[&str]>, delete: Option<&[&str]>| GlobalRequest::Update {
            family: "f".into(),
            set: set.map(|keys| keys.iter().map(|&key| (key.into(), Value::Null)).collect()),
            delete: delete.map(|keys| keys.iter().map(|&key| key.into()).collect()),
        };
        for (json, expected) in [
            (r#"["g_upd","f",{"k":null}]"#, update(Some(&["k"]), None)),
            (r#"["g_upd","f",{"k":null},null]"#, update(Some(&["k"]), None)),
            (r#"["g_upd","f",null,["k"]]"#, update(None, Some(&["k"]))),
            (r#"["g_upd","f",[],["k"]]"#, update(Some(&[]), Some(&["k"]))),
            (r#"["g_upd","f"]"#, update(None, None)),
        ] {
            assert_eq!(parse(json), Ok(expected), "{json}");
        }
    }

    /// [GL-03]
    #[test]
    fn names_come_as_byte_strings_numbers_and_booleans() {
        let bytes = |text: &'static str| Value::Bytes(Bytes::from_static(text.as_bytes()));
        assert_eq!(GlobalRequest::parse("g_mon1", vec![bytes("fam")]), parse(r#"["g_mon1","fam"]"#));
        assert_eq!(parse(r#"["g_mon1",5]"#), parse(r#"["g_mon1","5"]"#));
        assert_eq!(parse(r#"["g_upd",true,null,[1,"2",null]]"#), parse(r#"["g_upd","1",null,["1","2"]]"#));
        let found = GlobalRequest::parse("g_found", vec![bytes("n"), Value::List(vec![bytes("h:1")])]);
        assert_eq!(found, parse(r#"["g_found","n",["h:1"]]"#));
        assert_eq!(parse(r#"["g_slave",""]"#), Ok(GlobalRequest::Slave(None)));
        assert_eq!(parse(r#"["g_slave",{"f":1,"g":{"k":1}}]"#), parse(r#"["g_slave",{"g":{"k":1}}]"#));
        assert_eq!(parse(r#"["g_global",1,2]"#), Ok(GlobalRequest::Global));
        assert_eq!(parse(r#"["g_chg2","f"]"#), parse(r#"["g_chg2","f",{},[]]"#));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let wrong = |tag, argument, expected| Err(ParseError::Malformed { tag, argument, expected });
        assert_eq!(parse(r#"["g_upd","f",[1]]"#), wrong("g_upd", 2, "a map or null"));
        assert_eq!(parse(r#"["g_upd","f",null,{}]"#), wrong("g_upd", 3, "a list or null"));
        assert_eq!(parse(r#"["g_mon1"]"#), wrong("g_mon1", 1, "the name of a family"));
        assert_eq!(parse(r#"["g_mon1",""]"#), wrong("g_mon1", 1, "the name of a family"));
        assert_eq!(parse(r#"["g_find",["x"]]"#), wrong("g_find", 1, "a name"));
        assert_eq!(parse(r#"["g_slave","db"]"#), wrong("g_slave", 1, "a map of families"));
        assert_eq!(parse(r#"["g_sum","x"]"#), wrong("g_sum", 1, "a sum"));
        assert_eq!(parse(r#"["g_have","",null,{"f":1.5}]"#), wrong("g_have", 3, "a map of sums"));
        assert_eq!(parse(r#"["g_tell","f"]"#), wrong("g_tell", 2, "a name"));
        assert_eq!(parse(r#"["g_told","f","",[]]"#), wrong("g_told", 3, "a name or null"));
        assert_eq!(parse(r#"["mon1","p"]"#), Err(ParseError::UnknownTag));
    }

    #[test]
    fn what_is_kept_does_not_hold_the_frame() {
        let frame = Bytes::from_static(b"value");
        let map: Map = [("k", Value::Bytes(frame.clone()))].into_iter().collect();
        let request = GlobalRequest::parse("g_chg1", vec![Value::from("f"), Value::Map(map)]);
        let Ok(GlobalRequest::Whole { entries: Some(entries), .. }) = request else { panic!("{request:?}") };
        let Some(Value::Bytes(kept)) = entries.get("k") else { panic!("{entries:?}") };
        assert_eq!(kept, &frame);
        assert_ne!(kept.as_ptr(), frame.as_ptr());
    }
}
