//! Types whose `Serialize` is written by hand, and not always well.

use serde::ser::{
    Error, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use super::*;

/// How a sequence or map tells its length.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Announced {
    Exactly(usize),
    Unknown,
}

impl Announced {
    fn len(self) -> Option<usize> {
        match self {
            Self::Exactly(len) => Some(len),
            Self::Unknown => None,
        }
    }
}

struct List(Announced, Vec<Value>);

impl Serialize for List {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(self.0.len())?;
        for value in &self.1 {
            seq.serialize_element(value)?;
        }
        seq.end()
    }
}

struct Entries(Announced, Vec<(&'static str, Value)>);

impl Serialize for Entries {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(self.0.len())?;
        for (key, value) in &self.1 {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

#[test]
fn a_sequence_or_map_of_unknown_length_is_written_like_one_of_a_known_length() {
    let reply: PortId = "node#reply".parse().unwrap();
    let same = |one: &dyn Fn(&mut Tape), other: &dyn Fn(&mut Tape)| {
        let tapes = [one, other].map(|write| {
            let mut tape = Tape::default();
            write(&mut tape);
            tape.whole()
        });
        assert_eq!(tapes[0], tapes[1]);
    };
    let items = || vec![Value::from(1), nested(3), Value::from("x")];
    let entries = || vec![("a", Value::from(1)), ("b", nested(3))];
    for reply in [None, Some(&reply)] {
        let list = |announced| {
            move |tape: &mut Tape| write_frame(tape, "p", &List(announced, items()), reply).unwrap()
        };
        same(&list(Announced::Unknown), &list(Announced::Exactly(3)));
        let map = |announced| {
            move |tape: &mut Tape| write_frame(tape, "p", &Entries(announced, entries()), reply).unwrap()
        };
        same(&map(Announced::Unknown), &map(Announced::Exactly(2)));
        let within = |list, map| {
            move |tape: &mut Tape| {
                let message = (List(list, items()), vec![Entries(map, entries())]);
                write_frame(tape, "p", &message, reply).unwrap();
            }
        };
        same(
            &within(Announced::Unknown, Announced::Unknown),
            &within(Announced::Exactly(3), Announced::Exactly(2)),
        );
    }
    assert_eq!(to_message(&List(Announced::Unknown, items())), Ok(Message::from(items())));
    let map: Map = entries().into_iter().collect();
    assert_eq!(to_message(&Entries(Announced::Unknown, entries())), Ok(Message::from([Value::Map(map)])));
}

/// Unknown lengths within unknown lengths, as deep as may be: gathered once, not once per level.
#[test]
fn gathering_nests() {
    struct Deep(usize);
    impl Serialize for Deep {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut seq = serializer.serialize_seq(None)?;
            if self.0 > 1 {
                seq.serialize_element(&Self(self.0 - 1))?;
            }
            seq.end()
        }
    }
    let tokens = frame(&Deep(MAX_DEPTH)).unwrap();
    assert_eq!(tokens.len(), 2 * MAX_DEPTH + 1);
    assert_eq!(frame(&Deep(MAX_DEPTH + 1)), Err(EncodeError::TooDeep));
    assert_eq!(to_message(&Deep(MAX_DEPTH + 1)), Err(EncodeError::TooDeep));
}

/// Announces `announced` elements through each method that can, and writes `written`.
struct Liar {
    method: usize,
    announced: usize,
    written: usize,
}

const METHODS: usize = 7;

impl Serialize for Liar {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        macro_rules! lie {
            ($compound:expr, $method:ident($($argument:expr),*)) => {{
                let mut compound = $compound?;
                for _ in 0..self.written {
                    compound.$method($($argument,)* &0)?;
                }
                compound.end()
            }};
        }
        let len = self.announced;
        match self.method {
            0 => lie!(serializer.serialize_seq(Some(len)), serialize_element()),
            1 => lie!(serializer.serialize_tuple(len), serialize_element()),
            2 => lie!(serializer.serialize_tuple_struct("T", len), serialize_field()),
            3 => lie!(serializer.serialize_tuple_variant("T", 0, "v", len), serialize_field()),
            4 => lie!(serializer.serialize_map(Some(len)), serialize_entry("k")),
            5 => lie!(serializer.serialize_struct("T", len), serialize_field("k")),
            METHODS.. => unreachable!(),
            _ => lie!(serializer.serialize_struct_variant("T", 0, "v", len), serialize_field("k")),
        }
    }
}

/// [MSG-13]
#[test]
fn a_type_that_writes_another_number_of_elements_than_it_announced_is_refused() {
    let text = "the type's Serialize wrote another number of elements than it had announced";
    for method in 0..METHODS {
        for (announced, written) in [(0, 1), (1, 0), (2, 3), (3, 2), (usize::MAX, 1), (2, 2), (0, 0)] {
            let liar = || Liar { method, announced, written };
            if announced == written {
                assert!(frame(&liar()).is_ok() && frame(&(liar(),)).is_ok());
                continue;
            }
            let error = EncodeError::Custom(text.into());
            // The tape panics at an element too many, so it is seen before it is written.
            let mut tape = Tape::default();
            assert_eq!(write_frame(&mut tape, "p", &liar(), None), Err(error.clone()));
            let mut tape = Tape::default();
            assert_eq!(write_frame(&mut tape, "p", &vec![liar()], None), Err(error.clone()));
            assert_eq!(to_message(&liar()), Err(error.clone()));
            assert_eq!(to_message(&(liar(), 1)), Err(error));
        }
    }
}

/// Something that cannot be written.
struct Broken;

impl Serialize for Broken {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(Some(2))?;
        seq.serialize_element(&1)?;
        Err(S::Error::custom("broken"))
    }
}

/// Goes on as if nothing had happened when an element cannot be written.
struct Optimist {
    len: Announced,
    map: bool,
}

impl Serialize for Optimist {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.map {
            let mut map = serializer.serialize_map(self.len.len())?;
            assert!(map.serialize_entry("k", &Broken).is_err());
            return map.end();
        }
        let mut seq = serializer.serialize_seq(self.len.len())?;
        assert!(seq.serialize_element(&Broken).is_err());
        assert!(seq.serialize_element(&2).is_err());
        seq.end()
    }
}

/// [MSG-13]
#[test]
fn an_error_cannot_be_swept_under_the_carpet() {
    let text = "the type's Serialize wrote a key without a value, or went on after an error";
    for len in [Announced::Exactly(1), Announced::Unknown] {
        for map in [false, true] {
            let error = EncodeError::Custom(text.into());
            let write =
                |message: &dyn Fn(&mut Tape) -> Result<(), EncodeError>| message(&mut Tape::default());
            assert_eq!(
                write(&|tape| write_frame(tape, "p", &Optimist { len, map }, None)),
                Err(error.clone())
            );
            assert_eq!(
                write(&|tape| write_frame(tape, "p", &(Optimist { len, map },), None)),
                Err(error.clone())
            );
            assert_eq!(to_message(&Optimist { len, map }), Err(error.clone()));
            assert_eq!(to_message(&[Optimist { len, map }]), Err(error));
        }
    }
    assert_eq!(
        write_frame(&mut Tape::default(), "p", &Broken, None),
        Err(EncodeError::Custom("broken".into()))
    );
}

/// [MSG-13]
#[test]
fn a_key_and_its_value_come_in_turn() {
    struct Keys(&'static str, Announced);
    impl Serialize for Keys {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut map = serializer.serialize_map(self.1.len())?;
            for step in self.0.chars() {
                match step {
                    'k' => map.serialize_key("k")?,
                    _ => map.serialize_value(&1)?,
                }
            }
            map.end()
        }
    }
    for len in [Announced::Exactly(1), Announced::Unknown] {
        assert!(frame(&Keys("kv", len)).is_ok());
        for steps in ["k", "v", "kk", "kvv", "kkv", "vk"] {
            let mut tape = Tape::default();
            let error = write_frame(&mut tape, "p", &Keys(steps, len), None).unwrap_err();
            assert!(error.to_string().starts_with("the type's Serialize wrote"), "{steps}: {error}");
            assert!(to_message(&Keys(steps, len)).is_err());
        }
    }
}
