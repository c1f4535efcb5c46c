//! Each rule of `PROTOCOL.md` has one id, and a test that shows it; what the code cites exists.
//!
//! A rule is defined by a line that begins with `- **[XX-nn]**`, and cited by its id in brackets in a comment. A test
//! shows a rule if its comment cites it: in a directory `tests`, a file `tests.rs`, or behind `#[cfg(test)]`.

use std::collections::{BTreeMap, BTreeSet};

use crate::{files, read, report};

/// What opens a definition, before the id.
const OPENING: &str = "- **";

#[test]
fn every_rule_has_one_id_and_a_test_that_shows_it() {
    let protocol = read("PROTOCOL.md");
    let mut faults = Vec::new();
    let mut defined = BTreeSet::new();
    for line in protocol.lines() {
        let rule =
            line.strip_prefix(OPENING).and_then(|rest| ids(rest).next().filter(|_| rest.starts_with('[')));
        if let Some(id) = rule
            && !defined.insert(id)
        {
            faults.push(format!("PROTOCOL.md defines [{id}] twice"));
        }
    }
    assert!(!defined.is_empty(), "PROTOCOL.md defines no rule");

    let mut cited = Citations::default();
    for path in files(".", ".rs") {
        cited.take(&path, &read(&path));
    }
    for document in files(".", ".md") {
        for id in ids(&read(&document)) {
            cited.places.entry(id.to_owned()).or_insert_with(|| document.clone());
        }
    }
    for (id, place) in &cited.places {
        if !defined.contains(id.as_str()) {
            faults.push(format!("{place} cites [{id}], which PROTOCOL.md does not define"));
        }
    }
    for id in defined {
        if !cited.by_tests.contains(id) {
            faults.push(format!("no test shows [{id}]"));
        }
    }
    report(&faults);
}

/// Which ids stand where.
#[derive(Default)]
struct Citations {
    /// Any place that cites the id.
    places: BTreeMap<String, String>,
    by_tests: BTreeSet<String>,
}

impl Citations {
    fn take(&mut self, path: &str, text: &str) {
        let mut in_tests = path.ends_with("/tests.rs") || path.split('/').any(|part| part == "tests");
        let mut test_item = false;
        for (number, line) in (1..).zip(text.lines()) {
            // Such a module is the last item of its file (a lint sees to that).
            in_tests |= test_item && line.starts_with("mod ") && line.ends_with('{');
            test_item = line == "#[cfg(test)]";
            let Some((_, comment)) = line.split_once("//") else { continue };
            for id in ids(comment) {
                self.places.entry(id.to_owned()).or_insert_with(|| format!("{path}:{number}"));
                if in_tests {
                    self.by_tests.insert(id.to_owned());
                }
            }
        }
    }
}

/// The ids in brackets, without these: two to four capitals, a dash, two digits.
fn ids(text: &str) -> impl Iterator<Item = &str> {
    text.split('[').skip(1).filter_map(|rest| {
        let (id, _) = rest.split_once(']')?;
        let (prefix, number) = id.split_once('-')?;
        let capitals = prefix.bytes().all(|byte| byte.is_ascii_uppercase());
        let digits = number.len() == 2 && number.bytes().all(|byte| byte.is_ascii_digit());
        (capitals && digits && (2..=4).contains(&prefix.len())).then_some(id)
    })
}

#[test]
fn ids_are_found_in_brackets_only() {
    let text = "`[HS-07]` [MSG-10][A-12] [HS-7] [hs-07] HS-07 [ABCDE-01] [ID-01";
    assert_eq!(ids(text).collect::<Vec<_>>(), ["HS-07", "MSG-10"]);
}
