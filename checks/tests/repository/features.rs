//! What `.ci/run features` builds is enough.

use crate::{files, read, report};

/// The most features in one condition.
const MOST: usize = 2;

/// No condition names more than two features, so that what does not build with some of them does not build with two of
/// them, or none. Of three kinds there may be more: what is there if *any* of them is on is so with one or none as with
/// more, what is there unless *all* of them are is gone only where all are, and a test of what all of them give runs where
/// all are; clippy and the tests see those.
#[test]
fn conditions_name_few_features() {
    let mut faults = Vec::new();
    let mut conditions = 0;
    for path in files(".", ".rs").into_iter().filter(|path| path.contains("/src/")) {
        for condition in conditions_of(&read(&path)) {
            conditions += 1;
            let may_name_more = ["any(", "not(any(", "not(all(", "all(test,"];
            if condition.matches("feature = ").count() > MOST
                && !may_name_more.iter().any(|start| condition.starts_with(start))
            {
                faults.push(format!("{path}: cfg({condition}) names more than {MOST} features"));
            }
        }
    }
    assert!(conditions > 40, "they are found: {conditions}");
    report(&faults);
}

/// What stands in the parentheses of each `cfg(…)` that names a feature.
fn conditions_of(source: &str) -> impl Iterator<Item = &str> {
    source.split("cfg(").skip(1).filter_map(|rest| {
        let mut depth = 1_usize;
        let end = rest.find(|letter| {
            match letter {
                '(' => depth += 1,
                ')' => depth -= 1,
                _ => {}
            }
            depth == 0
        });
        rest.get(..end?).filter(|condition| condition.contains("feature = "))
    })
}
