//! Wrong use and wrong configuration: exit code 2, and one line that names the thing and the mend.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::common::{Home, Ran};

const CONFIG: &str =
    "{ # mine\n  \"secret\": \"s\", \"profile\": {\"seed\": {}, \"child\": {\"parent\": \"seed\"}} }\n";

/// No line that is refused changes the file. [CF-10]
#[test]
fn wrong_words() {
    let home = Home::new();
    home.write(CONFIG);
    for (line, thing, mend) in [
        ("gensceret", "\"gensceret\"", "did you mean `gensecret`?"),
        ("frobnicate", "\"frobnicate\"", "try `aemp help`"),
        ("help frobnicate", "\"frobnicate\"", "try `aemp help`"),
        ("--frobnicate", "'--frobnicate'", "try `aemp help`"),
        ("gensecret --frobnicate", "'--frobnicate'", "try `aemp help gensecret`"),
        ("gensecret setseeds", "`setseeds` lacks", "write `setseeds HOST:PORT,…`"),
        ("gensecret profile", "`profile` lacks", "write `profile NAME`"),
        ("gensecret setbinds localhost:99999", "\"localhost:99999\"", "above 65535"),
        ("gensecret setseeds localhost", "\"localhost\"", "a seed needs a port"),
        ("gensecret setbinds ::1:4040", "\"::1:4040\"", "write [::1]:4040"),
        ("profile sed delbinds", "\"sed\"", "did you mean \"seed\"?"),
        ("profile sed delbind a:1", "\"sed\"", "did you mean \"seed\"?"),
        ("profile sed showprofile sed", "\"sed\"", "did you mean \"seed\"?"),
        ("profile sed showconfig", "\"sed\"", "did you mean \"seed\"?"),
        ("profile new setbinds a:1 b:2", "\"b:2\"", "`setbinds …,b:2`"),
        ("profile new setbinds a:1 sedbinds b:2", "\"sedbinds\"", "did you mean `setbinds`?"),
        ("profile new setnodeid a;b", "';'", "use printable ASCII"),
        ("setmonitor_timeout -1", "\"-1\"", "above 0"),
        ("setparent seed", "`setparent`", "aemp profile NAME setparent"),
        ("profile new setparent sed", "\"sed\"", "aemp profile sed"),
        ("profile seed setparent child", "its own ancestor (seed → child → seed)", "choose another parent"),
        ("gensecret delprofile sed", "\"sed\"", "did you mean \"seed\"?"),
        ("gensecret delprofile seed", "\"child\"", "aemp profile child delparent"),
        ("showprofile sed", "\"sed\"", "did you mean \"seed\"?"),
        ("showconfig sed", "\"sed\"", "did you mean \"seed\"?"),
        ("gensecret run seed", "`run`", "on its own"),
        ("run sed", "\"sed\"", "did you mean \"seed\"?"),
        ("run seed bind a:1", "\"bind\"", "did you mean `binds`?"),
        ("run seed binds a:b:c", "\"a:b:c\"", "brackets"),
        ("snd", "<PORT>", "try `aemp help snd`"),
        ("db", "`db` lacks its command", "one of get, families, keys, set, del, watch; try `aemp help db`"),
        ("tikc", "`tikc` lacks its command", "try `aemp help tikc`"),
        ("db gte", "\"gte\" in `db`", "did you mean `get`? Try `aemp help db get`"),
        ("db frobnicate", "\"frobnicate\" in `db`", "try `aemp help db`"),
        ("db get", "<FAMILY>", "try `aemp help db get`"),
        ("ping x --frobnicate", "'--frobnicate'", "try `aemp help ping`"),
        ("gensecret setservices mp::ecco --frobnicate", "'--frobnicate'", "try `aemp help setservices`"),
        ("showconfig seed bind a:1", "\"bind\"", "did you mean `binds`?"),
        ("setseeds [\"a:1\"],b:2", "[\"a:1\"],b:2", "either a,b or [\"a\",\"b\"]"),
        ("run seed services mp::ecco", "\"mp::ecco\"", "did you mean mp::echo?"),
        ("cal x --timeout soon", "'soon'", "above 0"),
        ("mon a;b", "'a;b'", "use printable ASCII"),
        ("mon x --profile sed", "\"sed\"", "did you mean \"seed\"?"),
        ("mon x --seed h", "--seed: \"h\"", "a seed needs a port"),
        ("cal x --timeout -1", "'-1'", "write a number above 0"),
        ("run x binds", "`binds` lacks", "aemp run [PROFILE] [KEY VALUE …]"),
        ("snd 127.0.0.1:99999#x", "99999", "above 65535"),
        ("showconfig --color sometimes", "'sometimes'", "always"),
    ] {
        let error = home.aemp(line).refused();
        assert!(
            error.starts_with("aemp: ") && error.contains(thing) && error.contains(mend),
            "{line}: {error}"
        );
        assert_eq!(home.read(), CONFIG, "{line}");
    }
    assert_eq!(fs::read_dir(home.directory.path()).unwrap().count(), 1);
}

/// An option in another command's place is one all the same.
#[test]
fn what_is_an_option_elsewhere_is_told() {
    let home = Home::new();
    for (line, mend) in [
        ("version", "there is no command \"version\"; `aemp --version` tells it"),
        (
            "db --seed a:1 get f",
            "`--seed` stands behind the command, as in `aemp db get --seed …`; try `aemp help db get`",
        ),
        (
            "db --seed a:1",
            "`--seed` stands behind the command within `aemp db`, which is one of get, families",
        ),
        (
            "--seed=a:1 ping x",
            "`--seed` stands behind the command, as in `aemp ping --seed …`; try `aemp help ping`",
        ),
        ("tikc --connect a:1 aliases", "as in `aemp tikc aliases --connect …`"),
    ] {
        let error = home.aemp(line).refused();
        assert!(error.contains(mend), "{line}: {error}");
    }
}

/// [CF-05] [CF-12]
#[test]
fn wrong_files() {
    let home = Home::new();
    let path = home.rc().display().to_string();
    for (text, thing, mend) in [
        ("{\n \"secret\": oops }", ":2:12: expected value", "correct the file there"),
        ("{\"secret\": 12345}", "`secret` (global): a number", "put it in double quotes"),
        ("{\"seeds\": \"a:1\"}", "`seeds` (global)", "write [\"…\", \"…\"]"),
        ("{\"profile\": {\"x\": []}}", "the profile \"x\"", "correct the file"),
        ("{\"version\": 2}", "`version` is 2", "correct the file"),
    ] {
        home.write(text);
        for line in ["run", "snd x y", "showconfig"] {
            let error = home.aemp(line).refused();
            assert!(
                error.contains(&path) && error.contains(thing) && error.contains(mend),
                "{line}: {error}"
            );
        }
        assert_eq!(home.read(), text);
    }
    // What is wrong with one value can be mended by the program itself.
    home.write("{\"secret\": 12345}");
    home.aemp("gensecret").ok();
    home.aemp("showconfig").ok();
}

/// [CF-12]
#[test]
fn wrong_places() {
    let home = Home::new();
    let directory = home.directory.path().display().to_string();
    for command in
        ["run", "run x", "snd x y", "cal x", "mon x", "showconfig", "gensecret", "profile x setbinds 1"]
    {
        for place in [&directory, "/", "/dev/null/x", "/dev/full/"] {
            let error = home.aemp(&format!("{command} --config {place}")).refused();
            assert!(error.contains("cannot ") && error.contains("; "), "{command}: {error}");
            assert!(error.contains(place.trim_end_matches('/')), "{command}: {error}");
        }
    }
    for words in [["profile", "", "delbinds"].as_slice(), &["run", ""], &["mon", "x", "--profile", ""]] {
        let error = home.words(words).refused();
        assert!(error.contains("a profile's name cannot be empty"), "{words:?}: {error}");
    }
    let error = home.aemp(&format!("showconfig --config {directory}")).refused();
    assert!(error.contains("it is a directory"), "{error}");
    for line in [
        "showconfig",
        "showconfig x",
        "run",
        "run x binds 127.0.0.1:0 secret s",
        "nodes",
        "cal x",
        "tikc server",
    ] {
        let error = home.aemp(&format!("{line} --config /no/such/place")).refused();
        let mend =
            "there is no file /no/such/place; correct the path, or make it by `aemp gensecret --config";
        assert!(error.contains(mend), "{line}: {error}");
    }
    let ran = home.aemp("doctor --config /no/such/place");
    assert!(ran.code == Some(2) && ran.out.contains("there is no file /no/such/place"), "{ran:?}");
    let error = home.aemp("gensecret --config /no/such/place").refused();
    assert!(error.contains("cannot write /no/such/place: "), "{error}");
    assert_eq!(fs::read_dir(home.directory.path()).unwrap().count(), 0);

    let mut homeless = home.command(&["gensecret"]);
    homeless.env_remove("HOME");
    let error = Ran::of(homeless).refused();
    assert!(error.contains("PERL_ANYEVENT_MP_RC"), "{error}");
}

/// What is no error, and hardly meant.
#[test]
fn strange_files_are_warned_of() {
    let home = Home::new();
    home.write("");
    let ran = home.aemp("showconfig");
    assert!(ran.code == Some(0) && ran.err.contains("WARN") && ran.err.contains(" is empty"), "{ran:?}");
    home.aemp("gensecret profile p setbinds 127.0.0.1:0").ok();
    home.aemp("showconfig").ok();
    fs::set_permissions(home.rc(), fs::Permissions::from_mode(0o640)).unwrap();
    let ran = home.aemp("showconfig");
    let mend = format!("write `chmod 600 {}`", home.rc().display());
    assert!(ran.code == Some(0) && ran.err.contains("WARN") && ran.err.contains(&mend), "{ran:?}");
    home.run("p").process.complains(&mend);
}

/// Without a place for the file, the command line may say it all.
#[test]
fn a_node_needs_no_home() {
    let home = Home::new();
    let homeless = |words: &[&str]| {
        let mut command = home.command(words);
        command.env_remove("HOME");
        command
    };
    let mut node =
        crate::process::Process::start(&mut homeless(&["run", "x", "binds", "127.0.0.1:0", "secret", "s"]));
    node.says("listens on");
    node.signal("TERM");
    assert_eq!(node.ends(), Some(0));
    for words in [["run"].as_slice(), &["run", "x"], &["run", "binds", "127.0.0.1:0"], &["mon", "x"]] {
        assert!(Ran::of(homeless(words)).refused().contains("PERL_ANYEVENT_MP_RC"), "{words:?}");
    }
}

/// Root can read everything, so there is nothing to see for root. [CF-12]
#[test]
fn an_unreadable_file_is_named_and_left_alone() {
    let home = Home::new();
    home.write(CONFIG);
    let mode = |mode| fs::set_permissions(home.rc(), fs::Permissions::from_mode(mode)).unwrap();
    mode(0);
    if fs::File::open(home.rc()).is_err() {
        for line in ["run seed", "snd x y", "showconfig", "gensecret"] {
            let error = home.aemp(line).refused();
            assert!(error.contains("cannot read ") && error.contains("Permission denied"), "{line}: {error}");
        }
    }
    mode(0o600);
    assert_eq!(home.read(), CONFIG);
}

#[test]
fn errors_for_programs_are_json() {
    let home = Home::new();
    for line in
        ["--json gensceret", "gensecret setseeds --json", "run nobody --json", "snd --json", "db --json"]
    {
        let error = home.aemp(line).refused();
        let error: serde_json::Value = serde_json::from_str(&error).unwrap();
        assert!(error["error"].is_string(), "{line}");
    }
}
