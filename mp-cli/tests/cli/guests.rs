//! The nodes that commands are have names of their own, and no part in what a node does that runs.

use crate::common::Home;

/// [CF-23]: a name that is set is that of the node which runs: a command that had it would find itself, and keep that one out.
#[test]
fn no_command_takes_the_name_of_a_node() {
    let home = Home::new();
    home.aemp("gensecret setnodeid w1 profile seed setnodeid seed setbinds 127.0.0.1:0").ok();
    let seed = home.run("seed");
    let address = &seed.address;
    home.aemp(&format!(
        "profile w1 setbinds 127.0.0.1:0 setnodeid w1 setadvertise w1.example:1 setseeds {address}"
    ))
    .ok();
    let ways =
        [format!("--seed {address}"), format!("--profile w1 --seed {address}"), "--profile w1".to_owned()];
    for way in &ways {
        let error = home.aemp(&format!("ping w1 -c 1 --timeout 60 {way}")).failed();
        assert!(error.contains("the network has no node w1"), "{way}: {error}");
    }
    // A command that stays keeps nobody out, and is not told of as that node.
    let watch = home.start("db watch colours --profile w1 --timeout 60");
    watch.says("(this is all; changes follow");
    let out = home.aemp(&format!("nodes --quick --timeout 60 --seed {address}")).ok();
    assert!(!out.contains("w1.example"), "{out}");
    home.aemp("profile w1 deladvertise").ok();
    let worker = home.run("w1");
    worker.process.complains("master=\"seed\"");
    for way in &ways {
        home.aemp(&format!("ping w1 -c 1 --timeout 60 {way}")).ok();
        home.aemp(&format!("nodes --timeout 60 {way}")).ok();
        home.aemp(&format!("cal w1 --timeout 60 {way} time")).ok();
    }
    drop(watch);
    // What the profile of commands sets itself, is for them.
    home.aemp(&format!("profile aemp setnodeid me setseeds {address}")).ok();
    home.aemp("cal seed --timeout 60 time").ok();
    seed.process.complains("peer=me");
    assert!(home.aemp("help setnodeid").ok().contains("nodes of another name, anon/…"));
}
