//! Files stay small enough to be read at once.

use crate::{files, read, report};

const MOST: usize = 600;
const MEDIAN: usize = 200;

#[test]
fn files_are_small() {
    let lines = |path: &String| read(path).lines().count();
    let mut sizes: Vec<_> = files(".", ".rs").iter().map(|path| (lines(path), path.clone())).collect();
    sizes.sort();
    let large = sizes.iter().filter(|(lines, _)| *lines > MOST);
    let faults: Vec<_> =
        large.map(|(lines, path)| format!("{path} has {lines} lines, more than {MOST}")).collect();
    report(&faults);
    let (median, _) = sizes[sizes.len() / 2];
    assert!(median < MEDIAN, "the median file has {median} lines");
}
