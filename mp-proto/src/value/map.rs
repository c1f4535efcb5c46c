//! The map of the data model.

use std::fmt;

use super::Value;
use crate::Text;

/// Names to values, in the order in which they were first written. A name stands once; the last value given wins.
///
/// Equality does not look at the order.
#[derive(Clone, Default)]
pub struct Map {
    entries: Vec<(Text, Value)>,
}

impl Map {
    /// An empty map.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many names there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no name.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The value of `name`. Looks at the entries one after another.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.entries.iter().find(|(key, _)| key.as_str() == name).map(|(_, value)| value)
    }

    /// Sets `name` to `value`; gives back what it was. Looks at the entries one after another: to build a large map,
    /// collect it.
    pub fn insert(&mut self, name: impl Into<Text>, value: impl Into<Value>) -> Option<Value> {
        let (name, value) = (name.into(), value.into());
        match self.entries.iter_mut().find(|(key, _)| *key == name) {
            Some((_, old)) => Some(std::mem::replace(old, value)),
            None => {
                self.entries.push((name, value));
                None
            }
        }
    }

    /// Names and values in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Text, &Value)> {
        self.entries.iter().map(|(key, value)| (key, value))
    }

    /// Names and values as a slice, for readers that keep their place.
    pub(crate) fn entries(&self) -> &[(Text, Value)] {
        &self.entries
    }

    /// Takes entries as they were read; of a repeated name the last value is kept, in time `n log n`.
    pub(crate) fn from_entries(mut entries: Vec<(Text, Value)>) -> Self {
        // So few are compared faster than they are sorted.
        let few = entries.len() <= 8;
        if few && entries.iter().enumerate().all(|(at, (key, _))| entries[..at].iter().all(|(k, _)| k != key))
        {
            return Self { entries };
        }
        let mut order: Vec<usize> = (0..entries.len()).collect();
        order.sort_by(|&a, &b| entries[a].0.cmp(&entries[b].0).then(a.cmp(&b)));
        if order.windows(2).any(|pair| entries[pair[0]].0 == entries[pair[1]].0) {
            let mut first = 0;
            let mut doomed = vec![false; entries.len()];
            for index in 1..order.len() {
                if entries[order[first]].0 == entries[order[index]].0 {
                    let value = std::mem::take(&mut entries[order[index]].1);
                    entries[order[first]].1 = value;
                    doomed[order[index]] = true;
                } else {
                    first = index;
                }
            }
            let mut doomed = doomed.into_iter();
            entries.retain(|_| !doomed.next().unwrap_or(false));
        }
        Self { entries }
    }

    fn sorted(&self) -> Vec<&(Text, Value)> {
        let mut entries: Vec<_> = self.entries.iter().collect();
        entries.sort_by(|a, b| a.0.cmp(&b.0));
        entries
    }
}

impl PartialEq for Map {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.sorted() == other.sorted()
    }
}

impl fmt::Debug for Map {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<K: Into<Text>, V: Into<Value>> FromIterator<(K, V)> for Map {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        Self::from_entries(entries.into_iter().map(|(key, value)| (key.into(), value.into())).collect())
    }
}

impl IntoIterator for Map {
    type Item = (Text, Value);
    type IntoIter = std::vec::IntoIter<(Text, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.into_iter()
    }
}
