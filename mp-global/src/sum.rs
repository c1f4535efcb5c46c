//! Sums over what a node holds: equal where the content is, by all that can be told, and of sixteen bytes whatever its
//! size.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::{Bound, RangeBounds};
use std::str::FromStr;

use mp_proto::Value;

use crate::data::{Entries, Key};

/// A sum over entries. It does not depend on their order, and an entry can be taken out again, so it is kept up to date at
/// the cost of what changes `[GL-35]`.
///
/// It is no proof against somebody who wants two contents to have the same sum: whoever does can only make his own entries
/// unclear.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sum(u128);

impl Sum {
    /// Of one entry of a family.
    #[must_use]
    pub fn of(family: &str, key: &str, value: &Value) -> Self {
        let mut hash = Hash::new();
        hash.text(family);
        hash.text(key);
        hash.value(value);
        Self(hash.end())
    }

    /// Of all entries of a family.
    #[must_use]
    pub fn of_all(family: &str, entries: &Entries) -> Self {
        entries.iter().map(|(key, value)| Self::of(family, key, value)).fold(Self::default(), Self::with)
    }

    /// With these entries, too.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self(self.0.wrapping_add(other.0))
    }

    /// Without these entries, which are among those that were summed up.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0.wrapping_sub(other.0))
    }

    /// Whether it is that of no entries.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// As it goes over the wire: 32 hexadecimal digits.
impl fmt::Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl FromStr for Sum {
    type Err = std::num::ParseIntError;

    fn from_str(digits: &str) -> Result<Self, Self::Err> {
        u128::from_str_radix(digits, 16).map(Self)
    }
}

/// Sums by family, and over all. Families without entries are not in it.
#[derive(Debug, Default)]
pub(crate) struct Sums {
    families: BTreeMap<Key, Sum>,
    total: Sum,
}

impl Sums {
    pub(crate) fn total(&self) -> Sum {
        self.total
    }

    pub(crate) fn get(&self, family: &str) -> Sum {
        self.families.get(family).copied().unwrap_or_default()
    }

    /// A key has another value than before.
    pub(crate) fn change(&mut self, family: &Key, key: &str, old: Option<&Value>, new: Option<&Value>) {
        let sum = |value: Option<&Value>| value.map_or(Sum::default(), |value| Sum::of(family, key, value));
        let (old, new) = (sum(old), sum(new));
        self.total = self.total.without(old).with(new);
        let entry = self.families.entry(Key::clone(family)).or_default();
        *entry = entry.without(old).with(new);
        if entry.is_empty() {
            self.families.remove(family);
        }
    }

    /// The families of a range, in order.
    pub(crate) fn range(&self, range: &Range) -> impl Iterator<Item = (&Key, Sum)> {
        self.families.range::<str, _>(range).map(|(family, sum)| (family, *sum))
    }
}

/// The names from one on and up to another one, which is not among them, or all that follow `[GL-36]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    /// The first name that may be in it. All are behind the empty one.
    pub from: Key,
    /// The first name behind it.
    pub to: Option<Key>,
}

impl RangeBounds<str> for &Range {
    fn start_bound(&self) -> Bound<&str> {
        Bound::Included(&self.from)
    }

    fn end_bound(&self) -> Bound<&str> {
        match &self.to {
            // a map panics at a range that ends before it begins
            Some(to) if to < &self.from => Bound::Excluded(&self.from),
            Some(to) => Bound::Excluded(to),
            None => Bound::Unbounded,
        }
    }
}

/// FNV-1a of 128 bits, and what mixes its halves at the end.
struct Hash(u128);

impl Hash {
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;

    fn new() -> Self {
        Self(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d)
    }

    fn bytes(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u128::from(byte)).wrapping_mul(Self::PRIME);
        }
    }

    fn number(&mut self, number: u64) {
        self.bytes(&number.to_le_bytes());
    }

    fn length(&mut self, length: usize) {
        self.number(u64::try_from(length).unwrap_or(u64::MAX));
    }

    /// A text: its length in characters, and these in UTF-8.
    fn text(&mut self, text: &str) {
        self.length(text.chars().count());
        self.bytes(text.as_bytes());
    }

    /// A kind, then the content. Values that are equal have the same, so does a float that is an integer.
    fn value(&mut self, value: &Value) {
        match value {
            Value::Null => self.bytes(b"n"),
            Value::Bool(truth) => self.bytes(if *truth { b"t" } else { b"f" }),
            Value::Int(number) => self.integer(i128::from(*number)),
            Value::UInt(number) => self.integer(i128::from(*number)),
            Value::Float(number) => self.float(*number),
            Value::Text(text) => {
                self.bytes(b"s");
                self.text(text);
            }
            Value::Bytes(bytes) => {
                self.bytes(b"s");
                self.text(&bytes.iter().map(|&byte| char::from(byte)).collect::<String>());
            }
            Value::List(items) => {
                self.bytes(b"l");
                self.length(items.len());
                items.iter().for_each(|item| self.value(item));
            }
            Value::Map(map) => {
                self.bytes(b"m");
                let entries = map.iter().map(|(key, value)| Sum::of("", key, value));
                self.bytes(&entries.fold(Sum::default(), Sum::with).0.to_le_bytes());
            }
        }
    }

    fn integer(&mut self, number: i128) {
        self.bytes(b"i");
        self.bytes(&number.to_le_bytes());
    }

    fn float(&mut self, number: f64) {
        if number.fract() == 0.0 && number.abs() < 2f64.powi(65) {
            #[expect(clippy::cast_possible_truncation, reason = "integral and below 2^65 in magnitude")]
            return self.integer(number as i128);
        }
        if number.is_finite() {
            self.bytes(b"d");
            return self.number(number.to_bits());
        }
        // as JSON has them
        let text = if number.is_nan() {
            "NaN"
        } else if number > 0.0 {
            "Inf"
        } else {
            "-Inf"
        };
        self.bytes(b"s");
        self.text(text);
    }

    fn end(self) -> u128 {
        let half = |shift: u32| {
            let mut half = u64::try_from(self.0 >> shift & u128::from(u64::MAX)).unwrap_or_default();
            half ^= half >> 33;
            half = half.wrapping_mul(0xff51_afd7_ed55_8ccd);
            half ^= half >> 33;
            half = half.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
            half ^ half >> 33
        };
        let (high, low) = (half(64), half(0));
        u128::from(high.wrapping_add(low)) << 64 | u128::from(low ^ high.rotate_left(23))
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use mp_proto::Text;
    use proptest::prelude::*;

    use super::*;

    fn of(value: impl Into<Value>) -> Sum {
        Sum::of("f", "k", &value.into())
    }

    fn map(entries: &[(&'static str, i64)]) -> Value {
        Value::Map(entries.iter().map(|&(key, value)| (Text::from(key), Value::from(value))).collect())
    }

    /// [GL-35]
    #[test]
    fn equal_values_have_equal_sums_and_others_have_not() {
        assert_eq!(of(Value::Bytes(Bytes::from_static(b"caf\xe9"))), of("café"));
        assert_eq!(of(2.0), of(2));
        assert_eq!(of(f64::NAN), of("NaN"));
        assert_eq!(of(map(&[("a", 1), ("b", 2)])), of(map(&[("b", 2), ("a", 1)])));
        let different = [
            Value::Null,
            Value::from(false),
            Value::from(true),
            Value::from(0),
            Value::from(1),
            Value::from(1.5),
            Value::from(""),
            Value::from("1"),
            Value::List(vec![]),
            Value::List(vec![Value::from("1")]),
            map(&[]),
            map(&[("a", 1)]),
            map(&[("a", 2)]),
        ];
        for (index, value) in different.iter().enumerate() {
            for other in &different[..index] {
                assert_ne!(of(value.clone()), of(other.clone()), "{value:?} {other:?}");
            }
        }
        let value = Value::from(1);
        assert_ne!(Sum::of("ab", "c", &value), Sum::of("a", "bc", &value));
    }

    /// [GL-35]: what is written here is what a peer in another language must come to.
    #[test]
    fn a_sum_is_this_on_every_machine() {
        let sum =
            Sum::of("family", "key", &Value::List(vec![Value::from(-1), Value::from("☺"), Value::Null]));
        assert_eq!(sum.to_string(), SAMPLE);
        assert_eq!(SAMPLE.parse(), Ok(sum));
    }

    const SAMPLE: &str = "bd7c3f949db164d26addcc9cc01f61b3";

    proptest! {
        /// [GL-35]: a sum follows from what is there, not from how it came to be.
        #[test]
        fn sums_follow_the_content(
            edits in proptest::collection::vec((0..3usize, 0..4usize, proptest::option::of(0..3i64)), 0..60),
        ) {
            let mut sums = Sums::default();
            let mut content: BTreeMap<Key, Entries> = BTreeMap::new();
            for (family, key, value) in edits {
                let (family, key) = (Key::from(format!("f{family}")), Key::from(format!("k{key}")));
                let entries = content.entry(family.clone()).or_default();
                let new = value.map(Value::from);
                let old = match &new {
                    Some(value) => entries.insert(key.clone(), value.clone()),
                    None => entries.remove(&key),
                };
                sums.change(&family, &key, old.as_ref(), new.as_ref());
            }
            content.retain(|_, entries| !entries.is_empty());
            let expected: Vec<_> =
                content.iter().map(|(family, entries)| (family.clone(), Sum::of_all(family, entries))).collect();
            let got: Vec<_> = sums.range(&Range { from: "".into(), to: None }).map(|(family, sum)| (family.clone(), sum)).collect();
            prop_assert_eq!(&got, &expected);
            let total = expected.iter().fold(Sum::default(), |sum, (_, of)| sum.with(*of));
            prop_assert_eq!(sums.total(), total);
        }
    }
}
