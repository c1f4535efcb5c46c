//! `aemp completions`, `aemp man` and `aemp bench`.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::common::Home;
use crate::inspect::network;

/// Each shell takes its own, where it is here to be asked.
#[test]
fn completions_have_all_commands() {
    let home = Home::new();
    for shell in ["bash", "zsh", "fish"] {
        let text = home.aemp(&format!("completions {shell}")).ok();
        for command in ["doctor", "gensecret", "setbinds", "showconfig", "tikc", "watch"] {
            assert!(text.contains(command), "{shell}: {command}");
        }
        assert!(!text.contains("demo-node"), "{shell}");
        let file = home.directory.path().join(shell);
        fs::write(&file, text).unwrap();
        if let Ok(checked) = Command::new(shell).arg("-n").arg(&file).output() {
            assert!(checked.status.success(), "{shell}: {checked:?}");
        }
    }
    assert!(home.aemp("completions csh").refused().contains("'csh'"));
}

/// What bash suggests behind these words, the last of which is being typed.
fn suggested(home: &Home, words: &[&str]) -> Option<Vec<String>> {
    let file = home.directory.path().join("completions");
    fs::write(&file, home.aemp("completions bash").ok()).unwrap();
    let script = r#"source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
        _aemp_line "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}" 2>/dev/null
        printf '%s\n' "${COMPREPLY[@]}""#;
    let mut bash = Command::new("bash");
    bash.args(["--norc", "-c", script, "bash"]).arg(&file).arg(env!("CARGO_BIN_EXE_aemp")).args(words);
    let ran = bash.env("HOME", home.directory.path()).output().ok()?;
    let text = String::from_utf8(ran.stdout).unwrap();
    Some(text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect())
}

/// As bash makes words of them: a colon is one of its own.
#[test]
fn bash_completes_whole_lines_of_commands() {
    let home = Home::new();
    home.aemp("gensecret profile seed setbinds 127.0.0.1:0 profile worker setseeds a:1").ok();
    for (words, some, none) in [
        (&["gens"][..], &["gensecret"][..], &["doctor"][..]),
        (&["doc"], &["doctor"], &[]),
        (&["gensecret", ""], &["profile", "setbinds", "showconfig"], &["doctor", "seed"]),
        (&["gensecret", "set"], &["setbinds", "setnodeid"], &["gensecret"]),
        (&["gensecret", "profile", ""], &["seed", "worker"], &["gensecret"]),
        (&["profile", "seed", "setb"], &["setbinds"], &["setseeds"]),
        (&["profile", "seed", "setbinds", ""], &[], &["setbinds", "seed"]),
        (&["setbinds", "a", ":", "1", ""], &["gensecret", "profile"], &["seed"]),
        (&["setbinds", "a", ":", ""], &[], &["gensecret"]),
        (&["setbinds", ":", "1", "sho"], &["showconfig", "showprofile"], &["gensecret"]),
        (&["binds", "4040", "nodeid", "x/", "dels"], &["delsecret", "delseed", "delseeds"], &["delbinds"]),
        (&["addservice", ""], &[], &["seed", "gensecret"]),
        (&["setsecure", ""], &["0", "1"], &["gensecret"]),
        (&["--json", "gensecret", "del"], &["delprofile"], &["gensecret"]),
        (&["showconfig", ""], &["seed", "worker", "binds"], &["gensecret"]),
        (&["run", "w"], &["worker"], &["seed"]),
        (&["gensecret", "--js"], &["--json"], &["gensecret"]),
        (&["db", ""], &["get", "watch"], &["gensecret"]),
        (&["cal", "--tim"], &["--timeout"], &["gensecret"]),
    ] {
        let Some(all) = suggested(&home, words) else { return };
        let has = |word: &&str| all.iter().any(|one| one == word);
        assert!(some.iter().all(has) && !none.iter().any(has), "{words:?}: {all:?}");
    }
}

/// How it is called, how it ends, and what it looks at; and `man` finds no fault.
#[test]
fn manual_pages_are_whole() {
    let home = Home::new();
    let directory = home.directory.path().join("man");
    home.words(&["man", &directory.display().to_string()]).ok();
    let read = |name: &str| fs::read_to_string(directory.join(format!("{name}.1"))).unwrap();
    for entry in fs::read_dir(&directory).unwrap() {
        let path = entry.unwrap().path();
        let page = fs::read_to_string(&path).unwrap();
        for title in [
            "NAME",
            "SYNOPSIS",
            "DESCRIPTION",
            "\"EXIT STATUS\"",
            "\"ENVIRONMENT\"",
            "\"FILES\"",
            "\"SEE ALSO\"",
        ] {
            let title = title.trim_matches('"');
            let has = page
                .lines()
                .any(|line| line.strip_prefix(".SH ").is_some_and(|is| is.trim_matches('"') == title));
            assert!(has, "{}: {title}", path.display());
        }
        assert!(page.contains("AEMP_LOG") && page.contains("perl\\-anyevent\\-mp"), "{}", path.display());
        if let Ok(ran) = Command::new("groff").args(["-man", "-Tutf8", "-Kutf8", "-ww"]).arg(&path).output() {
            let fault = String::from_utf8_lossy(&ran.stderr).into_owned();
            assert!(ran.status.success() && fault.is_empty(), "{}: {fault}", path.display());
        }
    }
    for (name, part) in [
        ("aemp", "[\\fB\\-\\-color\\fR \\fIWHEN\\fR]"),
        ("aemp", "\\fICOMMAND\\fR ..."),
        ("aemp-cal", "[\\fB\\-\\-seed\\fR \\fIHOST:PORT\\fR]..."),
        ("aemp-cal", "\\fIPORT\\fR\n[\\fIJSON\\fR]..."),
        ("aemp-db-get", "\\fBaemp db get\\fR"),
        ("aemp-setbinds", "aemp [profile NAME] setbinds HOST:PORT,…"),
        ("aemp-run", "SIGHUP"),
    ] {
        let page = read(name);
        assert!(page.contains(part), "{name}: {part}: {page}");
    }
}

#[test]
fn every_command_has_a_manual_page() {
    let home = Home::new();
    let page = home.aemp("man").ok();
    assert!(page.starts_with(".ie") || page.contains(".TH aemp 1"), "{page}");
    assert!(page.contains(".SH \"EXIT STATUS\"") && page.contains("doctor"), "{page}");
    let directory = home.directory.path().join("man/man1");
    let out = home.words(&["man", &directory.display().to_string()]).ok();
    assert!(out.contains("pages in "), "{out}");
    for name in ["aemp", "aemp-doctor", "aemp-db-set", "aemp-setbinds", "aemp-gensecret", "aemp-tikc-post"] {
        let page = fs::read_to_string(directory.join(format!("{name}.1"))).unwrap();
        assert!(page.contains(".SH NAME"), "{name}: {page}");
    }
    assert!(!directory.join("aemp-demo-node.1").exists());
    let error = home.aemp("man /dev/null/x").refused();
    assert!(error.contains("cannot write /dev/null/x"), "{error}");
}

#[test]
fn a_network_is_measured() {
    let (home, _seed, worker) = network();
    let out = home.aemp("bench --time 0.2 --timeout 60").ok();
    assert!(out.starts_with("with bench/") && out.contains("µs mean") && out.contains("messages/s"), "{out}");
    let out = home.aemp(&format!("bench {} --time 0.2 --size 1000 --json --timeout 60", worker.id)).ok();
    let figures: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (&figures["event"], &figures["node"], &figures["size"]),
        (&"bench".into(), &worker.id.clone().into(), &1000.into())
    );
    assert!(
        figures["messages_per_second"].as_f64().unwrap() > 0.0
            && figures["round_trips"].as_u64().unwrap() > 0,
        "{out}"
    );
    // One without an echo.
    home.aemp("profile bare setservices AnyEvent::MP::Global::").ok();
    let bare = home.run("bare binds 127.0.0.1:0");
    let error = home.aemp(&format!("bench {} --time 0.2 --timeout 60", bare.address)).failed();
    assert!(error.contains("has no mp::echo to measure against"), "{error}");
    assert!(home.aemp("bench --size 1000001").refused().contains("up to 1000000"));
}
