//! The configuration family, as an operator types it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use crate::common::{Home, Ran};
use serde_json::{Value, json};

/// The tutorial's commands, letter for letter. [CF-01] [CF-08] [CF-09]
#[test]
fn the_tutorial() {
    let home = Home::new();
    home.aemp("gensecret").ok();
    home.aemp("profile eg_simple_receiver setbinds localhost:12266").ok();
    let out = home.aemp("profile eg_simple_sender setseeds localhost:12266").ok();
    assert_eq!(
        out,
        format!(
            "profile eg_simple_sender: made\nprofile eg_simple_sender: seeds = localhost:12266\nsaved to {}\n",
            home.rc().display()
        )
    );
    let mut config = home.json();
    let secret = config["secret"].take();
    assert_eq!(secret.as_str().map(str::len), Some(64));
    assert_eq!(
        config,
        json!({"version": 1, "secret": null, "profile": {
            "eg_simple_receiver": {"binds": ["localhost:12266"]},
            "eg_simple_sender": {"seeds": ["localhost:12266"]},
        }})
    );
    assert_eq!(fs::metadata(home.rc()).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(home.directory.path()).unwrap().count(), 1);
}

#[test]
fn a_secret_is_shown_only_when_asked_for() {
    let home = Home::new();
    let made = home.aemp("gensecret").ok();
    let secret = home.json()["secret"].as_str().unwrap().to_owned();
    home.aemp("gensecret").replaced();
    assert_ne!(home.json()["secret"], json!(secret));
    let set = home.aemp("setsecret hush profile x secret hush2").replaced();
    let shown = home.aemp("showconfig x showprofile").ok_or_text();
    let profile = home.aemp("showprofile x").ok();
    for text in [&made, &set, &shown, &profile] {
        assert!(!text.contains("hush") && !text.contains(&secret), "{text}");
    }
    assert!(home.aemp("showconfig x --show-secrets").ok().contains("hush2"));
    assert!(home.aemp("--json showprofile x --show-secrets").ok().contains("hush2"));
}

impl Ran {
    fn ok_or_text(self) -> String {
        format!("{}{}", self.out, self.err)
    }
}

/// [CF-11]
#[test]
fn commands_are_chained_and_lists_grow_and_shrink() {
    let home = Home::new();
    home.aemp("gensecret profile xyzzy binds 4040,4041 nodeid anon/").ok();
    assert_eq!(home.json()["profile"]["xyzzy"], json!({"binds": ["4040", "4041"], "nodeid": "anon/"}));
    home.aemp("profile xyzzy addbind *:1,[::1]:2 addbind 4040 delbind 4041 delnodeid addseed a:1").ok();
    assert_eq!(
        home.json()["profile"]["xyzzy"],
        json!({"binds": ["4040", "*:1", "[::1]:2"], "seeds": ["a:1"]})
    );
    home.aemp(
        "profile s addservice mp::echo addservice mp::echo,x::y addservice mp::echo delservice mp::echo",
    )
    .ok();
    assert_eq!(
        home.json()["profile"]["s"],
        json!({"services": ["mp::echo", "x::y", "mp::echo"]}),
        "instances"
    );
    home.aemp("delprofile s").ok();
    let out = home.aemp("profile xyzzy delseed b:2 delseeds delbinds addservice x::y").ok();
    assert!(out.contains("profile xyzzy: seeds did not have b:2\n"), "{out}");
    assert_eq!(home.json()["profile"]["xyzzy"], json!({"services": ["x::y"]}));
    home.words(&["profile", "xyzzy", "setservices", r#"[["a",{"b":1}],"c"]"#, "setseeds", ""]).ok();
    assert_eq!(home.json()["profile"]["xyzzy"], json!({"services": [["a", {"b": 1}], "c"], "seeds": []}));
    home.aemp("delprofile xyzzy").ok();
    assert_eq!(home.json()["profile"], json!({}));
}

/// [CF-03] [CF-14]
#[test]
fn what_holds_for_a_profile_is_shown_with_where_it_comes_from() {
    let home = Home::new();
    home.aemp("setseeds a:1 setmonitor_timeout 20 profile base setbinds b:2 profile leaf setparent base")
        .ok();
    let out = home.aemp("--json showconfig leaf connect_interval 3").ok();
    let shown: Value = serde_json::from_str(&out).unwrap();
    let from = |key: &str| {
        let rows = shown["settings"].as_array().unwrap();
        let row = rows.iter().find(|row| row["key"] == key).unwrap();
        (row["value"].clone(), row["from"].as_str().unwrap().to_owned())
    };
    assert_eq!(from("seeds"), (json!(["a:1"]), "global".to_owned()));
    assert_eq!(from("binds"), (json!(["b:2"]), "profile base".to_owned()));
    assert_eq!(from("connect_interval"), (json!(3), "command line".to_owned()));
    assert_eq!(from("nodeid"), (Value::Null, "default".to_owned()));
    let text = home.aemp("showconfig leaf").ok();
    assert!(text.contains("  binds             b:2                          (profile base)\n"), "{text}");
}

/// A bind without a port is legal, and may have been meant as something else.
#[test]
fn what_an_address_was_taken_for_is_shown() {
    let home = Home::new();
    let out = home.aemp("setbinds nonsense,a:1").ok();
    assert!(out.contains("binds = nonsense,a:1 (taken as nonsense:*, any free port, another one at each start: for one that stays, write nonsense:4040)\n"), "{out}");
    assert!(!home.aemp("setbinds a:1,*:*,b:0,4040").ok().contains("taken"));
    // [CF-22]
    assert!(
        home.aemp("setnodeid vm:1")
            .ok()
            .contains("(where a node is named, `aemp` takes that for an address)")
    );
    home.aemp("setbinds a:1,b:2,a:1 setseeds [\"a:1\",\"a:1\"] setservices mp::echo,mp::echo").ok();
    let file = home.json();
    assert_eq!((&file["binds"], &file["seeds"]), (&json!(["a:1", "b:2"]), &json!(["a:1"])));
    assert_eq!(file["services"], json!(["mp::echo", "mp::echo"]), "each is one");
}

/// What holds without a value is shown as the value that it is.
#[test]
fn defaults_are_shown() {
    let text = Home::new().aemp("showconfig").ok();
    let words: Vec<Vec<_>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
    for (key, value) in [
        ("services", "mp::echo"),
        ("monitor_timeout", "10"),
        ("connect_interval", "2"),
        ("framing_format", "postcard,cbor,json,storable"),
    ] {
        assert!(words.iter().any(|line| line[..] == [key, value, "(default)"]), "{text}");
    }
}

/// A profile is made when something is set in it, and not when its name is a slip.
#[test]
fn what_shows_does_not_write() {
    let home = Home::new();
    home.write("{ \"profile\": {\"p\": {}} } # mine\n");
    let text = home.read();
    home.aemp("profile p showprofile p showconfig").ok();
    assert_eq!(home.read(), text);
    let out = home.aemp("profile q delseeds setbinds a:1 profile r").ok();
    assert!(out.contains("profile q: made") && out.contains("profile r: made"), "{out}");
}

/// [CF-08]
#[test]
fn a_file_written_by_hand_keeps_its_unknown_keys() {
    let home = Home::new();
    home.write("# mine\n{\"future\": {\"x\": [1.5, null,]}, \"cert\": \"PEM\",\n \"profile\": {\"p\": {\"y\": 1,},},}\n");
    let out = home.aemp("profile p setnodeid q").ok();
    assert!(out.contains("without its comments; they are kept in "), "{out}");
    assert_eq!(
        home.json(),
        json!({"version": 1, "future": {"x": [1.5, null]}, "cert": "PEM", "profile": {"p": {"y": 1, "nodeid": "q"}}})
    );
    assert!(
        fs::read_to_string(home.directory.path().join(".perl-anyevent-mp~")).unwrap().starts_with("# mine")
    );
}

/// Perl's own JSON modules stand for the original, which uses another one of the same author. [CF-08]
#[test]
fn perl_reads_what_we_write_and_we_read_what_perl_writes() {
    let home = Home::new();
    let perl = |script: &str| {
        let out = Command::new("perl").args(["-MJSON::PP", "-e", script]).arg(home.rc()).output().ok()?;
        out.status.success().then(|| String::from_utf8(out.stdout).unwrap())
    };
    if perl("1").is_none() {
        return;
    }
    home.words(&["setsecret", "é\"\\", "profile", "p", "setseeds", "a:1"]).ok();
    let read = "open $f, '<:raw', shift; local $/; $c = JSON::PP->new->utf8->relaxed->decode(<$f>);
        print ord($c->{secret}), ' ', length($c->{secret}), ' ', $c->{profile}{p}{seeds}[0], ' ', $c->{version}";
    assert_eq!(perl(read).unwrap(), "233 3 a:1 1");
    let write =
        "$p = shift; open $f, '>:raw', $p; print $f JSON::PP->new->pretty->utf8->encode({version => 1,
        secret => \"\\xe9\", monitor_timeout => '20', profile => {p => {binds => ['*:1']}}}), \"\\n\"";
    perl(write).unwrap();
    let out = home.aemp("showconfig p --show-secrets").ok();
    assert!(out.contains("secret            é "), "{out}");
    assert!(out.contains("monitor_timeout   20 "), "{out}");
}

#[test]
fn every_line_for_programs_is_json() {
    let home = Home::new();
    for line in [
        "gensecret profile p setseeds a:1 addseed b:2 delseed c:3 delseeds setparent p2 delparent --json",
        "--json profile p setmonitor_timeout 2.5 delprofile p",
        "profile q addbind b:1 showconfig q seeds a:1 --json",
    ] {
        for line in home.aemp(line).ok().lines() {
            let done: Value = serde_json::from_str(line).unwrap();
            assert!(done["event"].is_string(), "{line}");
        }
    }
}

/// [CF-01]
#[test]
fn the_option_and_the_variable_say_where_the_file_is() {
    let home = Home::new();
    let other = home.directory.path().join("other").display().to_string();
    home.words(&["gensecret", "--config", &other]).ok();
    let ran = home.command(&["showconfig"]).env("PERL_ANYEVENT_MP_RC", &other).output().unwrap();
    assert!(Ran::new(ran).ok().contains("(hidden"));
    assert!(!home.rc().exists());
}

/// [CF-10]
#[test]
fn many_at_the_same_time_lose_nothing() {
    let home = Home::new();
    let children: Vec<_> = (1..=8)
        .map(|n| {
            home.command(&["addseed".to_owned(), format!("h:{n}")]).stdout(Stdio::null()).spawn().unwrap()
        })
        .collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(home.json()["seeds"].as_array().map(Vec::len), Some(8));
}

#[test]
fn nobody_listening_is_no_error() {
    let home = Home::new();
    for line in ["showconfig", "help", "--version", "gensecret"] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let words: Vec<_> = line.split(' ').collect();
        let ran = Ran::new(home.command(&words).stdout(writer).output().unwrap());
        assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{line}");
    }
    assert!(home.json()["secret"].is_string());
}

#[test]
fn colour_is_for_terminals_and_those_who_ask() {
    let home = Home::new();
    assert!(!home.aemp("showconfig").ok().contains('\u{1b}'));
    assert!(home.aemp("showconfig --color always").ok().contains('\u{1b}'));
    assert!(!home.aemp("--color always showconfig --json").ok().contains('\u{1b}'));
}

#[test]
fn help_and_version_are_there_without_a_configuration() {
    let home = Home::new();
    home.write("{ broken");
    for (line, part) in [
        ("", "First steps:"),
        ("help", "aemp gensecret"),
        ("--help", "First steps:"),
        ("help setseeds", "aemp [profile NAME] setseeds HOST:PORT,…"),
        ("help seeds", "Where other nodes"),
        ("help profile", "Usage: aemp profile NAME COMMAND …\n"),
        ("help delprofile", "Usage: aemp delprofile NAME\n"),
        ("help showconfig", "Usage: aemp showconfig [NAME [KEY VALUE …]]\n"),
        ("help setparent", "Usage: aemp profile NAME setparent NAME\n"),
        ("setbinds --help", "Usage: aemp [profile NAME] setbinds"),
        ("profile x setbinds -h", "Usage: aemp [profile NAME] setbinds"),
        ("help run", "need not"),
        ("help cal", "reply port"),
        ("run --help", "KEY VALUE"),
        ("--version", "aemp "),
    ] {
        let out = home.aemp(line).ok();
        assert!(out.contains(part), "{line}: {out}");
    }
    for command in ["run", "cal", "demo"] {
        let help = home.aemp(&format!("help {command}")).ok();
        assert_eq!(home.aemp(&format!("{command} -h")).ok(), help);
        assert_eq!(home.aemp(&format!("{command} --help")).ok(), help);
    }
    assert_eq!(home.aemp("-h").ok(), home.aemp("--help").ok());
}

/// [CF-21]
#[test]
fn a_profile_that_was_named_is_shown() {
    let home = Home::new();
    home.aemp("gensecret setbinds g:1 profile x setbinds x:1 profile y setbinds y:1").ok();
    for (line, head, bind) in [
        ("showconfig", "what holds for all profiles", "g:1"),
        ("profile x showconfig", "what holds for profile x", "x:1"),
        ("profile x showconfig y", "what holds for profile y", "y:1"),
        ("profile x showconfig binds z:1", "what holds for profile x", "z:1"),
        ("profile x showconfig y binds z:1", "what holds for profile y", "z:1"),
        ("profile x showprofile", "profile x", "x:1"),
        ("profile x showprofile y", "profile y", "y:1"),
        ("profile x showprofile showconfig y", "what holds for profile y", "y:1"),
        ("profile x showprofile profile y showprofile", "profile y", "y:1"),
    ] {
        let out = home.aemp(line).ok();
        assert!(out.lines().any(|row| row == head) && out.contains(bind), "{line}: {out}");
    }
    let error = home.aemp("showprofile").refused();
    assert!(error.contains("`profile NAME showprofile`"), "{error}");
}

/// [CF-18]
#[test]
fn what_is_unchanged_is_not_written() {
    let home = Home::new();
    let out = home.aemp("delseeds").ok();
    assert!(out.ends_with(&format!("unchanged: {}\n", home.rc().display())) && !home.rc().exists(), "{out}");
    home.write("{ # mine\n \"seeds\": [\"a:1\"], \"profile\": {\"p\": {}} }\n");
    let text = home.read();
    for line in
        ["setseeds a:1", "addseed a:1", "delseed b:2", "delbinds", "profile p", "setbinds b:1 delbinds"]
    {
        let out = home.aemp(line).ok();
        assert!(out.contains("unchanged: ") && !out.contains("saved"), "{line}: {out}");
        assert_eq!(home.read(), text, "{line}");
    }
    let out = home.aemp("delseeds --json").ok();
    assert!(out.ends_with("\"comments_lost\":true}\n"), "{out}");
    assert!(home.aemp("delseeds --json").ok().contains("{\"event\":\"unchanged\",\"path\":"));
}

/// [CF-17]: what a mend of the operator's has set stays, and what cannot stay is said.
#[test]
fn owner_and_mode_stay() {
    use std::os::unix::fs::{MetadataExt, chown};
    const NOBODY: u32 = 65534;
    let home = Home::new();
    home.aemp("gensecret").ok();
    let mode = || fs::metadata(home.rc()).unwrap().permissions().mode() & 0o777;
    let set = |mode| fs::set_permissions(home.rc(), fs::Permissions::from_mode(mode)).unwrap();
    set(0o640);
    let ran = home.aemp("setseeds a:1");
    assert!(ran.code == Some(0) && mode() == 0o640 && !ran.out.contains("mode"), "{ran:?}");
    set(0o644);
    let ran = home.aemp("setseeds b:1");
    assert!(mode() == 0o640 && ran.out.contains("(its mode is 0640 now (was 0644))"), "{ran:?}");
    set(0o600);
    if chown(home.rc(), Some(NOBODY), Some(NOBODY)).is_ok() {
        home.aemp("setseeds c:1").ok();
        let found = fs::metadata(home.rc()).unwrap();
        assert_eq!((found.uid(), found.gid(), mode()), (NOBODY, NOBODY, 0o600));
    }
}

#[test]
fn a_service_that_is_none_is_noted() {
    let home = Home::new();
    let out = home.aemp("profile p setservices mp::ecco,My::Mod::").ok();
    let notes = "(there is no service mp::ecco in this program; did you mean mp::echo?; `aemp run` leaves My::Mod:: out: \
                 it is a Perl module)";
    assert!(out.contains(notes), "{out}");
    assert!(home.aemp("profile p addservice echo").ok().contains("did you mean mp::echo?"));
    let out = home.words(&["profile", "p", "setservices", r#"["mp::echo",["mp::log_catcher","info"]]"#]).ok();
    assert!(!out.contains('('), "{out}");
}

/// [CF-19]
#[test]
fn perls_switches_are_set_and_kept() {
    let home = Home::new();
    home.aemp("setsecure 1 nodelay 0 profile p autocork 1").ok();
    assert_eq!(
        home.json(),
        json!({"version": 1, "secure": 1, "nodelay": 0, "profile": {"p": {"autocork": 1}}})
    );
    home.aemp("delsecure delnodelay profile p delautocork").ok();
    assert_eq!(home.json(), json!({"version": 1, "profile": {"p": {}}}));
    assert!(home.aemp("setsecure yes").refused().contains("neither 0 nor 1"));
}

/// Whatever is typed, the line is done or refused in a line, and a refusal changes nothing.
#[test]
fn odd_words_are_no_trouble() {
    let home = Home::new();
    let long = "x".repeat(100_000);
    for words in [
        &["setnodeid", ""][..],
        &["setnodeid", "grün"],
        &["setnodeid", &long],
        &["setseeds", "a:1\nb:2"],
        &["setseeds", "\u{202e}:1"],
        &["setseeds", &long],
        &["addseed", ""],
        &["addbind", "[]"],
        &["setbinds", "[\"a:1\"],b:1"],
        &["setservices", "\u{1b}[31m"],
        &["setmonitor_timeout", ""],
        &["setmonitor_timeout", "NaN"],
        &["setmonitor_timeout", "1e999"],
        &["setcert", ""],
        &["setsecret", ""],
        &["profile", "--"],
        &["profile", "a b", "gensecret"],
        &["profile", &long, "gensecret"],
        &["gensecret", "--", "x"],
        &["--", "frobnicate"],
        &["", "x"],
        &["gensecret", ""],
        &["showconfig", "x", "binds"],
        &["showconfig", "x", "bind", "y"],
        &["delprofile", ""],
        &["setparent", "x"],
    ] {
        let error = home.words(words).refused();
        assert!(error.len() < 300_000 && !error.contains('\u{1b}'), "{words:?}: {error}");
        assert!(!home.rc().exists(), "{words:?}");
    }
    home.words(&["setsecret", "--json"]).ok();
    assert_eq!(home.json()["secret"], "--json");
    home.words(&["setsecret", "gensecret", "setnodeid", "-x"]).replaced();
    assert_eq!((&home.json()["secret"], &home.json()["nodeid"]), (&json!("gensecret"), &json!("-x")));
}
