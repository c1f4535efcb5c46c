//! `aemp doctor`: it finds what was planted, and names the mend.

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;

use serde_json::Value;

use crate::common::{Home, Ran};
#[cfg(all(feature = "top", target_os = "linux"))]
use crate::process::Process;
use crate::process::free_port;

/// Runs it and gives the line about the fault, which says `what` and, at its end, what to do.
#[track_caller]
fn finds(home: &Home, line: &str, check: &str, what: &str, mend: &str) -> String {
    finds_and_ends(1, home, line, [check, what, mend])
}

/// The same where no node can run with the configuration.
#[track_caller]
fn refuses(home: &Home, line: &str, check: &str, what: &str, mend: &str) -> String {
    finds_and_ends(2, home, line, [check, what, mend])
}

#[track_caller]
fn finds_and_ends(code: i32, home: &Home, line: &str, [check, what, mend]: [&str; 3]) -> String {
    let ran = home.aemp(&format!("doctor {line}"));
    assert_eq!(ran.code, Some(code), "{ran:?}");
    assert!(ran.err.starts_with("aemp: ") && ran.err.contains("failed; what to do"), "{ran:?}");
    found(&ran, "FAIL", check, what, mend)
}

#[track_caller]
fn found(ran: &Ran, status: &str, check: &str, what: &str, mend: &str) -> String {
    let begins = format!("{status}  {check:8}  ");
    let line = ran.out.lines().find(|line| line.starts_with(&begins) && line.contains(what));
    let line = line.unwrap_or_else(|| panic!("no {status} {check} with {what:?}: {ran:#?}"));
    assert!(line.contains(mend), "{line}");
    line.to_owned()
}

/// A home whose profile `seed` runs, and one with the same secret whose profile `worker` has it as its seed.
fn two() -> (Home, crate::common::Node, Home) {
    let (home, other) = (Home::new(), Home::new());
    home.aemp("setsecret s3cret-of-the-network profile seed setbinds 127.0.0.1:0").ok();
    let seed = home.run("seed");
    let line = format!(
        "setsecret s3cret-of-the-network profile worker setbinds 127.0.0.1:0 setseeds {}",
        seed.address
    );
    other.aemp(&line).ok();
    (home, seed, other)
}

#[test]
fn all_is_well() {
    let (_home, seed, other) = two();
    let out = other.aemp("doctor worker --timeout 60").ok();
    assert!(
        out.lines().all(|line| line.starts_with("ok") || line.ends_with("0 to look at, 0 failed")),
        "{out}"
    );
    for part in [
        "secret    fingerprint ",
        "mode      0600",
        "bind      127.0.0.1:0: a free port",
        &format!("seed      {} is {}, of this network", seed.address, seed.id),
        &format!("clock     {} is within", seed.id),
        "globals   1 of them, and all say the same",
    ] {
        assert!(out.contains(part), "{part}: {out}");
    }
    assert!(!out.contains("s3cret-of-the-network"), "{out}");
    // Times are told as by `ping`.
    assert!(out.lines().any(|line| line.contains(", reached in ") && line.ends_with(" ms")), "{out}");
    let out = other.aemp("doctor worker --timeout 60 --json").ok();
    let lines: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.iter().any(|line| line["check"] == "seed" && line["status"] == "ok"), "{out}");
    let end = lines.last().unwrap();
    assert_eq!((&end["event"], &end["failed"], &end["warnings"]), (&"doctor".into(), &0.into(), &0.into()));
}

/// Two who have the same secret see it by its fingerprint.
#[test]
fn fingerprints_are_compared() {
    let (_home, _seed, other) = two();
    let third = Home::new();
    third.aemp("setsecret s3cret-of-the-network").ok();
    let fingerprint = |out: String| {
        let line = out.lines().find(|line| line.contains("fingerprint")).unwrap().to_owned();
        line.split_whitespace().nth(3).unwrap().trim_end_matches(':').to_owned()
    };
    let one = fingerprint(other.aemp("doctor worker --timeout 60").out);
    assert_eq!(fingerprint(third.aemp("doctor").out), one);
    third.aemp("setsecret other").replaced();
    found(&third.aemp("doctor"), "warn", "secret", "so short", "aemp gensecret");
    assert_ne!(fingerprint(third.aemp("doctor").out), one);
}

#[test]
fn a_wrong_secret() {
    let (_home, seed, other) = two();
    other.aemp("setsecret wrong").replaced();
    finds(&other, "worker", "seed", &seed.address, "must show the same fingerprint of its secret, ");
    finds(&other, "worker", "seed", "secret", "set it here by `aemp setsecret`");
}

#[cfg(feature = "tls")]
#[test]
fn another_certificate() {
    let (home, other) = (Home::new(), Home::new());
    home.aemp("gencert profile seed setbinds 127.0.0.1:0").ok();
    let seed = home.run("seed");
    other.aemp(&format!("gencert profile worker setbinds 127.0.0.1:0 setseeds {}", seed.address)).ok();
    finds(&other, "worker", "seed", "certificate", "give both nodes one certificate by `aemp setcert`");
}

#[cfg(feature = "tls")]
#[test]
fn a_clock_that_the_certificate_does_not_fit() {
    for (pem, what, mend) in [
        (
            include_str!("../../../mp-transport/tests/pem/not-yet.pem"),
            "is not valid before",
            "clock, or make another by `aemp gencert`",
        ),
        (
            include_str!("../../../mp-transport/tests/pem/expired.pem"),
            "expired on",
            "set this machine's clock",
        ),
    ] {
        let home = Home::new();
        let file = home.directory.path().join("my.pem").display().to_string();
        fs::write(&file, pem).unwrap();
        home.words(&["setcert", &file]).ok();
        finds(&home, "", "cert", what, mend);
    }
}

/// Root can read everything, so root looks with the eyes of nobody.
#[test]
fn an_unreadable_file() {
    const NOBODY: u32 = 65534;
    let home = Home::new();
    home.aemp("gensecret").ok();
    let mode =
        |path: &std::path::Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    mode(&home.rc(), 0);
    let mut command = home.command(&["doctor"]);
    let mut binary = None;
    if fs::File::open(home.rc()).is_ok() {
        mode(home.directory.path(), 0o755);
        // The program may lie where nobody gets to.
        let copy = home.directory.path().join("aemp");
        fs::copy(env!("CARGO_BIN_EXE_aemp"), &copy).unwrap();
        mode(&copy, 0o755);
        command = std::process::Command::new(&copy);
        command.arg("doctor").env_clear().env("HOME", home.directory.path()).uid(NOBODY);
        binary = Some(copy);
    }
    let ran = Ran::of(command);
    drop(binary);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    found(&ran, "FAIL", "file", "Permission denied", "look at its owner and mode");
}

#[test]
fn a_file_that_others_can_read() {
    let home = Home::new();
    home.aemp("gensecret").ok();
    fs::set_permissions(home.rc(), fs::Permissions::from_mode(0o644)).unwrap();
    let mend = format!("; write `chmod 600 {}`", home.rc().display());
    finds(&home, "", "mode", "the mode 0644", &mend);
}

#[test]
fn a_port_in_use() {
    let home = Home::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    home.aemp(&format!("gensecret profile p setbinds {address}")).ok();
    let line = finds(
        &home,
        "p --timeout 0.5",
        "bind",
        &format!("{address} is in use"),
        "choose another address by `aemp setbinds`",
    );
    if cfg!(target_os = "linux") {
        assert!(line.contains(&format!("by the process {} (", std::process::id())), "{line}");
    }
}

/// That the node itself runs is nothing to worry about; that another one is there is.
#[test]
fn a_port_in_use_by_a_node() {
    let (home, seed, _other) = two();
    home.aemp(&format!("profile seed setbinds {}", seed.address)).ok();
    let ran = home.aemp("doctor seed --timeout 60");
    assert_eq!(ran.code, Some(0), "{ran:?}");
    found(&ran, "ok  ", "bind", "is in use", "of this network runs");
    home.aemp(&format!("profile other setbinds {}", seed.address)).ok();
    finds(&home, "other --timeout 60", "bind", "by another node of this network: seed/", "or stop that node");
}

/// A node of our own that hangs, or is of another network, holds the port: who, and what to do about that.
#[test]
fn a_port_in_use_by_a_node_that_does_not_answer() {
    let (home, seed, other) = two();
    home.aemp(&format!("profile seed setbinds {}", seed.address)).ok();
    let id = seed.process.id();
    if cfg!(target_os = "linux") {
        other.aemp(&format!("setsecret other profile p setbinds {}", seed.address)).replaced();
        let line = finds(
            &other,
            "p",
            "bind",
            &format!("by the process {id} (aemp)"),
            "a node that does not have our secret; if the secret was changed since it was started, ",
        );
        assert!(
            line.contains(&format!("end it by `kill {id}`")) && line.contains("`aemp doctor NAME`"),
            "{line}"
        );
        seed.process.signal("STOP");
        let stopped = format!("by the process {id} (aemp, stopped)");
        let line = finds(&home, "seed --timeout 0.5", "bind", &stopped, "a node that was frozen");
        assert!(line.contains(&format!("`kill -CONT {id}`")), "{line}");
        seed.process.signal("CONT");
    }
}

/// A node that runs with the secret from before a change is its own seed and holds its own address: it is to read it again.
#[cfg(all(feature = "top", target_os = "linux"))]
#[test]
fn a_secret_that_was_changed_under_a_node() {
    let home = Home::new();
    let address = format!("127.0.0.1:{}", free_port());
    home.aemp(&format!("gensecret profile seed setbinds {address} setseeds {address}")).ok();
    let seed = Process::start(&mut home.hearing_hup(&["run", "seed"]));
    seed.says("listens on");
    let said = home.aemp("gensecret").replaced();
    assert!(said.contains("`kill -HUP` (`systemctl reload`)"), "{said}");
    let hup = format!("`kill -HUP {}` (or `systemctl reload`) has it read the file again", seed.id());
    for check in ["bind", "seed"] {
        finds(&home, "seed --timeout 60", check, "if the secret was changed since", &hup);
    }
    for line in [format!("ping {address}"), format!("cal {address} time"), format!("nodes --seed {address}")]
    {
        let error = home.aemp(&format!("{line} --timeout 60")).failed();
        assert!(error.contains("`kill -HUP` of its process"), "{error}");
    }
    seed.signal("HUP");
    seed.complains("reloaded");
    home.aemp("doctor seed --timeout 60").ok();
}

#[test]
fn a_seed_that_is_down() {
    let home = Home::new();
    let address = format!("127.0.0.1:{}", free_port());
    home.aemp(&format!("gensecret profile p setbinds 127.0.0.1:0 setseeds {address}")).ok();
    finds(
        &home,
        "p",
        "seed",
        &format!("{address}: nobody listens there"),
        "start the node there by `aemp run`",
    );
}

#[test]
fn a_seed_that_is_another_service() {
    let home = Home::new();
    let speaks = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let (speaks_at, silent_at) = (speaks.local_addr().unwrap(), silent.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in speaks.incoming() {
            drop(stream.unwrap().write_all(b"SSH-2.0-OpenSSH_9.9\r\n"));
        }
    });
    home.aemp(&format!("gensecret profile p setbinds 127.0.0.1:0 setseeds {speaks_at},{silent_at}")).ok();
    let line = "p --timeout 1";
    finds(
        &home,
        line,
        "seed",
        "no AEMP node is there, but an SSH server",
        "correct the address by `aemp setseeds`",
    );
    finds(&home, line, "seed", "says nothing within 1s", "correct the port by `aemp setseeds`");
}

#[test]
fn a_circle_of_profiles() {
    let home = Home::new();
    home.write(r#"{"secret":"s","profile":{"a":{"parent":"b"},"b":{"parent":"a"},"c":{"parent":"a"}}}"#);
    let line = refuses(
        &home,
        "a",
        "profiles",
        "is its own ancestor (a → b → a)",
        "break the circle by `aemp profile a delparent`",
    );
    let out = home.aemp("doctor a").out;
    assert_eq!(out.lines().filter(|line| line.starts_with("FAIL  profiles")).count(), 1, "{line}: {out}");
}

#[test]
fn framings_that_do_not_match() {
    let (home, _seed, other) = two();
    home.aemp("profile j setbinds 127.0.0.1:0 setframing_format json").ok();
    let node = home.run("j");
    other.aemp(&format!("profile worker setframing_format cbor setseeds {}", node.address)).ok();
    finds(&other, "worker", "seed", "only the framings \"json\"", "`aemp setframing_format`");
}

#[test]
fn what_is_wrong_before_anything_runs() {
    let home = Home::new();
    let ran = home.aemp("doctor");
    assert_eq!(ran.code, Some(2));
    found(&ran, "warn", "file", "there is no ", "make a secret by `aemp gensecret`");
    found(&ran, "FAIL", "secret", "neither a secret nor a certificate", "make one by `aemp gensecret`");
    home.write("{ broken");
    refuses(&home, "", "file", "1:3", "correct the file there");
    home.write(r#"{"secret":"s","profile":{"p":{"binds":"x"}}}"#);
    finds(&home, "", "profiles", "`binds` (profile p)", "write [");
    refuses(&home, "q", "node", "there is no profile \"q\"", "there are p");
    refuses(&home, "p", "node", "`binds` (profile p)", "write [");
    // That there is no profile of this host's name is nothing to look at.
    home.write(r#"{"secret":"s3cret-of-the-network","binds":["127.0.0.1:0"],"profile":{"p":{}}}"#);
    let out = home.aemp("doctor").ok();
    assert!(
        out.contains("`aemp doctor p` looks at a profile") && out.contains("0 to look at, 0 failed"),
        "{out}"
    );
    home.write(r#"{"secret":"s","profile":{"p":{"binds":["192.0.2.1:4040"]}}}"#);
    refuses(&home, "p", "bind", "192.0.2.1:4040", "`aemp setbinds`");
    home.aemp("run p").refused();
    // What is to run in the node keeps it from starting, too.
    home.write(r#"{"secret":"s","profile":{"p":{"binds":["127.0.0.1:0"],"services":["mp::ecco"]}}}"#);
    refuses(&home, "p", "services", "\"mp::ecco\"", "`setservices`");
    home.aemp("run p").refused();
    home.aemp("setsecret s3cret-of-the-network profile p setservices mp::echo,My::Mod::").replaced();
    let out = home.aemp("doctor p").ok();
    assert!(
        out.contains("ok    services  mp::echo; left out, as these are Perl modules: My::Mod::"),
        "{out}"
    );
}
