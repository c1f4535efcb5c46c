//! The code map has every module, and what it names is there.

use crate::{files, read, report, root};

/// Each crate has a section of its own, `### CRATE`, which names its modules in backquotes.
#[test]
fn the_code_map_is_complete() {
    let architecture = read("ARCHITECTURE.md");
    let mut faults = Vec::new();
    for manifest in files(".", "Cargo.toml").iter().filter(|path| path.contains('/')) {
        let name = manifest.trim_end_matches("/Cargo.toml");
        let heading = format!("\n### {name}");
        let Some((_, section)) = architecture.split_once(&heading) else {
            faults.push(format!("ARCHITECTURE.md has no section `### {name}`"));
            continue;
        };
        let section = section.split("\n##").next().unwrap_or_default();
        for module in modules(name) {
            if !section.contains(&format!("`{module}")) && !section.contains(&format!("/{module}")) {
                faults.push(format!("the code map of {name} lacks `{module}`"));
            }
        }
    }
    report(&faults);
}

/// The modules right below a crate's root.
fn modules(name: &str) -> Vec<String> {
    let source = format!("{name}/src/");
    let inner = files(name, ".rs").into_iter().filter_map(|path| {
        let stem = path.strip_prefix(&source)?.strip_suffix(".rs")?;
        (!stem.contains('/') && !["lib", "main", "tests"].contains(&stem)).then(|| stem.to_owned())
    });
    inner.collect()
}

/// Paths in backquotes exist, from the root: in all documents of the project but those that tell of the past.
#[test]
fn what_is_named_is_there() {
    let mut faults = Vec::new();
    for document in ["ARCHITECTURE.md", "README.md", "PROTOCOL.md"] {
        let text = read(document);
        let quoted = text.split('`').skip(1).step_by(2);
        for path in quoted.filter(|text| text.contains('/') && !text.contains([' ', '{', '*', '…', ':', '<']))
        {
            let code = [".rs", ".md", ".toml", ".json"].iter().any(|ending| path.ends_with(ending));
            if code && !root().join(path).exists() {
                faults.push(format!("{document} names {path}, which does not exist"));
            }
        }
    }
    report(&faults);
}
