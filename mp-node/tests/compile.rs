//! What a programmer reads who has made a mistake: `tests/compile/*.stderr`. After a change of ours, or of the compiler's
//! words, `TRYBUILD=overwrite cargo test -p mp-node --test compile` writes them anew: read what it wrote.

#[test]
fn mistakes_are_explained() {
    trybuild::TestCases::new().compile_fail("tests/compile/*.rs");
}
