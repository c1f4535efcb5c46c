//! What `docs/guarantees.md` names is there, and the safeguards that its last table switches off can be.

use std::process::Command;

use crate::{files, read, report, root};

const DOCUMENT: &str = "docs/guarantees.md";

/// Each guarantee names the checker and the tests that show it, and each of these is a file, or a function in one.
#[test]
fn each_guarantee_names_what_shows_it() {
    let text = read(DOCUMENT);
    let (_, sections) = text.split_once("\n## The guarantees\n").expect("there is this section");
    let (sections, _) = sections.split_once("\n## ").expect("others follow");
    let sources = files(".", ".rs");
    let mut faults = Vec::new();
    let mut number = 0;
    for section in sections.split("\n### ").skip(1) {
        number += 1;
        if !section.starts_with(&format!("G-{number} ")) {
            faults.push(format!(
                "where G-{number} is to stand: {}",
                section.lines().next().unwrap_or_default()
            ));
        }
        if !["*Checker:*", "*Checker and tests:*"].iter().any(|said| section.contains(said)) {
            faults.push(format!("G-{number} names no checker, nor says why it has none"));
        }
        let Some(at) = ["*Tests:*", "*Checker and tests:*"].iter().find_map(|said| section.find(said)) else {
            faults.push(format!("G-{number} names no tests"));
            continue;
        };
        let named = section[at..].split('`').skip(1).step_by(2);
        for name in named {
            let is_there = if name.ends_with(".rs") {
                root().join(name).exists()
            } else if name.contains('_') && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
            {
                let definition = format!("fn {name}(");
                let alias = format!(" as {name} ");
                sources.iter().map(read).any(|source| source.contains(&definition) || source.contains(&alias))
            } else {
                true
            };
            if !is_there {
                faults.push(format!("G-{number} names `{name}`, which does not exist"));
            }
        }
    }
    assert!(number >= 11, "{number} guarantees");
    report(&faults);
}

/// All files that the document names, wherever it does.
#[test]
fn the_files_that_are_named_exist() {
    let sources = files(".", ".rs");
    let mut faults = Vec::new();
    for document in [DOCUMENT, "SECURITY.md", "fuzz/README.md", "README.md"] {
        let text = read(document);
        for name in
            text.split('`').skip(1).step_by(2).filter(|name| name.ends_with(".rs") && !name.contains(' '))
        {
            let ending = format!("/{name}");
            if !sources.iter().any(|path| path == name || path.ends_with(&ending)) {
                faults.push(format!("{document} names {name}, which does not exist"));
            }
        }
    }
    report(&faults);
}

/// `mp-sim/mutations/check` tries them; here is shown that they can be tried: each patch applies to the code as it is, and
/// stands in the table.
#[test]
fn mutations_apply_and_are_in_the_table() {
    let git = |args: &[&str]| Command::new("git").args(args).current_dir(root()).output();
    if !git(&["rev-parse", "--is-inside-work-tree"]).is_ok_and(|output| output.status.success()) {
        return println!("skipped: this is no checkout of git");
    }
    let table = read(DOCUMENT);
    let (_, table) = table.split_once("\n## The checkers, checked\n").expect("there is this section");
    let mut faults = Vec::new();
    let patches = files("mp-sim/mutations", ".patch");
    assert!(patches.len() >= 12, "{patches:?}");
    for patch in patches {
        let applied = git(&["apply", "--check", &patch]).expect("git is there");
        if !applied.status.success() {
            faults.push(String::from_utf8_lossy(&applied.stderr).trim().to_owned());
        }
        let name = patch.trim_start_matches("mp-sim/mutations/").trim_end_matches(".patch").replace('-', " ");
        if !table.contains(&format!("\n| {name} |")) {
            faults.push(format!("{DOCUMENT} has no line for {name:?}"));
        }
    }
    report(&faults);
}
