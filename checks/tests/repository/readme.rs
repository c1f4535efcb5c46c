//! Code in the documents is the file that it says it is, and links lead somewhere.

use crate::{files, read, report, root};

/// A block behind `<!-- file: PATH -->` is that file.
#[test]
fn an_example_in_a_document_is_the_file() {
    let mut shown = 0;
    for document in files(".", ".md") {
        for part in read(&document).split("\n<!-- file: ").skip(1) {
            let (path, rest) = part.split_once(" -->\n```").expect("a block follows the mark");
            let (_, rest) = rest.split_once('\n').expect("the block has lines");
            let (block, _) = rest.split_once("```").expect("the block ends");
            assert_eq!(block, read(path), "{document} shows another {path} than the file");
            shown += 1;
        }
    }
    assert!(shown > 0, "no document shows an example");
}

#[test]
fn links_lead_somewhere() {
    let mut faults = Vec::new();
    for document in files(".", ".md") {
        let text = read(&document);
        let directory = root().join(&document).parent().expect("a file has a directory").to_owned();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(link, _)| link) {
            let path = link.split('#').next().unwrap_or_default();
            if !path.is_empty() && !link.contains("://") && !directory.join(path).exists() {
                faults.push(format!("{document} links to {link}, which does not exist"));
            }
        }
    }
    report(&faults);
}
