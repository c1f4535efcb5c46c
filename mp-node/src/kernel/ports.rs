//! The table of a node's ports: names to entries, without hashing where the name is ours.

use std::collections::BTreeMap;

/// Where a port stands in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SlotKey {
    slot: u32,
    generation: u32,
}

/// All ports of a node. Names that the node makes carry the slot and its generation, so that they are found without a
/// search and are never used again (law 6); names chosen by a peer for a port that it spawned stand in a map.
#[derive(Debug)]
pub(crate) struct PortTable<P> {
    prefix: String,
    slots: Vec<Slot<P>>,
    free: Vec<u32>,
    spawned: BTreeMap<String, SlotKey>,
    /// The names of those, by their slots: few ports have one, so the slots themselves have no room for it.
    chosen: BTreeMap<u32, String>,
    bound: usize,
}

#[derive(Debug)]
struct Slot<P> {
    generation: u32,
    /// A peer has chosen the port's name.
    is_chosen: bool,
    entry: Option<P>,
}

impl SlotKey {
    /// What stands behind the prefix in the name that a table gives to a port in this place.
    pub(crate) fn digits(self, place: &mut Digits) -> &str {
        write_base62(u64::from(self.generation) << 32 | u64::from(self.slot), place)
    }
}

impl<P> PortTable<P> {
    /// A table whose own names begin with `prefix`, which must be unique to this life of the node.
    pub(crate) fn new(prefix: String, bound: usize) -> Self {
        let (spawned, chosen) = (BTreeMap::new(), BTreeMap::new());
        Self { prefix, slots: Vec::new(), free: Vec::new(), spawned, chosen, bound }
    }

    /// How many ports there are.
    pub(crate) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Takes a port in; `make` gets its key, which makes its name when that is wanted. `None` if the table is full.
    pub(crate) fn insert(&mut self, make: impl FnOnce(SlotKey) -> P) -> Option<(SlotKey, &P)> {
        let key = self.take_slot()?;
        let entry = make(key);
        Some((key, self.fill(key, false, entry)))
    }

    /// Takes a port in under a name that a peer chose. `None` if the table is full, or the name is in use or one of
    /// those that this table makes.
    pub(crate) fn insert_named(
        &mut self,
        name: &str,
        make: impl FnOnce(SlotKey) -> P,
    ) -> Option<(SlotKey, &P)> {
        if name.is_empty() || self.parse(name).is_some() || self.spawned.contains_key(name) {
            return None;
        }
        let key = self.take_slot()?;
        self.spawned.insert(name.to_owned(), key);
        self.chosen.insert(key.slot, name.to_owned());
        let entry = make(key);
        Some((key, self.fill(key, true, entry)))
    }

    /// The port of that name.
    pub(crate) fn get(&self, name: &str) -> Option<&P> {
        let (key, is_chosen) = match self.parse(name) {
            Some(key) => (key, false),
            None => (*self.spawned.get(name)?, true),
        };
        let slot = self.slots.get(key.slot as usize)?;
        // A port that a peer has named has no name of ours besides.
        if slot.generation == key.generation && slot.is_chosen == is_chosen {
            slot.entry.as_ref()
        } else {
            None
        }
    }

    /// Takes a port out. Its name is never found again.
    pub(crate) fn remove(&mut self, key: SlotKey) -> Option<P> {
        let slot = self.slots.get_mut(key.slot as usize).filter(|slot| slot.generation == key.generation)?;
        let entry = slot.entry.take()?;
        if std::mem::take(&mut slot.is_chosen)
            && let Some(name) = self.chosen.remove(&key.slot)
        {
            self.spawned.remove(&name);
        }
        // A slot whose generations are used up is left empty for ever rather than used again.
        if let Some(next) = slot.generation.checked_add(1) {
            slot.generation = next;
            self.free.push(key.slot);
        }
        Some(entry)
    }

    /// All ports, in the order of their slots.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &P> {
        self.slots.iter().filter_map(|slot| slot.entry.as_ref())
    }

    /// Up to `limit` ports from the slot `from` on, of which at most `step` slots are looked at, and the slot to go on
    /// from.
    pub(crate) fn page(&self, from: u32, limit: usize, step: usize) -> (Vec<&P>, Option<u32>) {
        let mut found = Vec::new();
        let first = from as usize;
        let mut at = first;
        while at < self.slots.len() && found.len() < limit && at - first < step {
            found.extend(self.slots[at].entry.as_ref());
            at += 1;
        }
        let next = u32::try_from(at).ok().filter(|_| at < self.slots.len());
        (found, next)
    }

    fn take_slot(&mut self) -> Option<SlotKey> {
        if let Some(slot) = self.free.pop() {
            return Some(SlotKey { slot, generation: self.slots.get(slot as usize)?.generation });
        }
        let slot = u32::try_from(self.slots.len()).ok().filter(|_| self.slots.len() < self.bound)?;
        self.slots.push(Slot { generation: 0, is_chosen: false, entry: None });
        Some(SlotKey { slot, generation: 0 })
    }

    fn fill(&mut self, key: SlotKey, is_chosen: bool, entry: P) -> &P {
        let slot = &mut self.slots[key.slot as usize];
        slot.is_chosen = is_chosen;
        slot.entry.insert(entry)
    }

    fn parse(&self, name: &str) -> Option<SlotKey> {
        let number = parse_base62(name.strip_prefix(self.prefix.as_str())?)?;
        let slot = u32::try_from(number & u64::from(u32::MAX)).ok()?;
        Some(SlotKey { slot, generation: u32::try_from(number >> 32).ok()? })
    }
}

/// The most digits that a number has in base 62.
const DIGITS_OF_U64: usize = 11;
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Where digits are written.
pub(crate) type Digits = [u8; DIGITS_OF_U64];

/// Appends `number` in base 62.
pub(crate) fn base62(number: u64, out: &mut String) {
    out.push_str(write_base62(number, &mut Digits::default()));
}

fn write_base62(mut number: u64, digits: &mut Digits) -> &str {
    let mut at = digits.len();
    for place in digits.iter_mut().rev() {
        at -= 1;
        *place = DIGITS[usize::try_from(number % 62).unwrap_or_default()];
        number /= 62;
        if number == 0 {
            break;
        }
    }
    std::str::from_utf8(&digits[at..]).expect("digits are ASCII")
}

/// Reads a number as `base62` writes it: without leading zeros, so that a port has one name only.
fn parse_base62(text: &str) -> Option<u64> {
    if text.is_empty() || (text.len() > 1 && text.starts_with('0')) {
        return None;
    }
    text.bytes().try_fold(0_u64, |number, byte| {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'A'..=b'Z' => byte - b'A' + 10,
            b'a'..=b'z' => byte - b'a' + 36,
            _ => return None,
        };
        number.checked_mul(62)?.checked_add(u64::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(key: SlotKey) -> String {
        format!("R{}", key.digits(&mut Digits::default()))
    }

    fn add(table: &mut PortTable<String>) -> (SlotKey, String) {
        let (key, name) = table.insert(name).expect("room");
        (key, name.clone())
    }

    /// [ID-05]
    #[test]
    fn a_name_is_never_used_again() {
        let mut table = PortTable::new("R".into(), 10);
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..100 {
            let (key, name) = add(&mut table);
            assert_eq!(table.get(&name), Some(&name));
            assert!(seen.insert(name.clone()), "{name} came twice");
            assert_eq!(table.remove(key), Some(name.clone()));
            assert_eq!(table.get(&name), None);
            assert_eq!(table.remove(key), None, "a key works once");
        }
        assert_eq!(table.len(), 0);
    }

    #[test]
    fn the_table_has_a_bound() {
        let mut table = PortTable::new("R".into(), 2);
        let (first, _) = add(&mut table);
        add(&mut table);
        assert!(table.insert(name).is_none(), "a third port in a table of two");
        table.remove(first);
        assert!(table.insert(name).is_some());
    }

    #[test]
    fn pages_follow_one_another_to_the_end() {
        let mut table = PortTable::new("R".into(), 10);
        let keys: Vec<SlotKey> = (0..7).map(|_| add(&mut table).0).collect();
        table.remove(keys[2]);
        let read = |(found, next): (Vec<&String>, Option<u32>)| {
            (found.into_iter().map(String::as_str).collect::<Vec<_>>().join(" "), next)
        };
        assert_eq!(read(table.page(0, 3, 100)), ("R0 R1 R3".into(), Some(4)));
        assert_eq!(read(table.page(4, 3, 100)), ("R4 R5 R6".into(), None));
        assert_eq!(read(table.page(4, 2, 100)), ("R4 R5".into(), Some(6)));
        assert_eq!(read(table.page(2, 3, 1)), (String::new(), Some(3)), "one slot was looked at");
        assert_eq!(read(table.page(7, 3, 100)), (String::new(), None));
        assert_eq!(read(table.page(u32::MAX, 3, 100)), (String::new(), None));
        assert_eq!(read(table.page(0, 0, 100)), (String::new(), Some(0)));
    }

    #[test]
    fn a_peers_name_is_taken_once_and_cannot_shadow_ours() {
        let mut table = PortTable::new("R".into(), 10);
        let (_, own) = add(&mut table);
        assert!(table.insert_named(&own, |_| "evil".into()).is_none());
        assert!(table.insert_named("R5", |_| "evil".into()).is_none(), "a name that we may make one day");
        assert!(table.insert_named("", |_| "node port".into()).is_none());
        let (key, _) = table.insert_named("peer1", |_| "spawned".into()).expect("room");
        assert!(table.insert_named("peer1", |_| "again".into()).is_none());
        assert_eq!(table.get("peer1"), Some(&"spawned".to_owned()));
        table.remove(key);
        assert_eq!(table.get("peer1"), None);
    }

    #[test]
    fn only_the_exact_name_is_found() {
        let mut table = PortTable::new("R".into(), 10);
        let (_, name) = add(&mut table);
        assert_eq!(name, "R0");
        for other in ["", "R", "R00", "R1", "r0", "R-", "Rzzzzzzzzzzzzzzzz"] {
            assert_eq!(table.get(other), None, "{other:?}");
        }
    }

    #[test]
    fn base62_is_read_back() {
        for number in [0, 1, 61, 62, 63, u64::from(u32::MAX), 1 << 32, u64::MAX] {
            let mut text = String::new();
            base62(number, &mut text);
            assert_eq!(parse_base62(&text), Some(number));
        }
        assert_eq!(parse_base62("zzzzzzzzzzzz"), None, "more than 64 bits");
    }
}
