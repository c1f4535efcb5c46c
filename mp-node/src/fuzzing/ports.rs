//! The table of ports.

use std::collections::{BTreeMap, BTreeSet};

use arbitrary::{Result, Unstructured};

use crate::kernel::ports::{PortTable, SlotKey};

const OPERATIONS: usize = 300;
const BOUND: usize = 12;
/// Names that a peer may choose, among them such as the table makes itself.
const CHOSEN: [&str; 8] = ["", "a", "b", "R", "R0", "R1", "Rzz", "R00"];

/// Any order of making, naming, removing and looking up: the table holds what the model holds, no more than its bound, a
/// name that it made is never made again, and a name that a peer chooses never hides one of those.
pub fn kernel_ports(data: &[u8]) {
    operate(&mut Unstructured::new(data)).expect("what is left of an input that is used up is zero");
}

fn operate(u: &mut Unstructured<'_>) -> Result<()> {
    let mut table = PortTable::new("R".into(), BOUND);
    let mut model: BTreeMap<String, SlotKey> = BTreeMap::new();
    let mut made = BTreeSet::new();
    for _ in 0..OPERATIONS {
        if u.is_empty() {
            break;
        }
        match u.int_in_range(0..=3)? {
            0 => {
                let new = table
                    .insert(|key| format!("R{}", key.digits(&mut Default::default())))
                    .map(|(key, name)| (key, name.clone()));
                assert_eq!(new.is_some(), model.len() < BOUND);
                if let Some((key, name)) = new {
                    assert!(made.insert(name.clone()), "{name} is made again");
                    assert!(model.insert(name, key).is_none(), "a name is in use twice");
                }
            }
            1 => {
                let name = *u.choose(&CHOSEN)?;
                let free = model.len() < BOUND && !model.contains_key(name);
                if let Some((key, _)) = table.insert_named(name, |_| name.to_owned()) {
                    assert!(free && !name.is_empty());
                    model.insert(name.to_owned(), key);
                } else {
                    let ours = name.starts_with('R') && name.len() > 1 && name != "R00";
                    assert!(!free || name.is_empty() || ours, "{name:?} is refused");
                }
            }
            2 if !model.is_empty() => {
                let index = u.choose_index(model.len())?;
                let (name, key) =
                    model.iter().nth(index).map(|(name, key)| (name.clone(), *key)).expect("it is");
                assert_eq!(table.remove(key), Some(name.clone()));
                assert_eq!(table.remove(key), None, "a key works once");
                model.remove(&name);
            }
            _ => {}
        }
        assert_eq!(table.len(), model.len());
        assert_eq!(table.iter().count(), model.len());
        for name in made.iter().map(String::as_str).chain(CHOSEN) {
            assert_eq!(
                table.get(name).map(String::as_str),
                model.get_key_value(name).map(|(name, _)| &**name)
            );
        }
    }
    Ok(())
}
