//! `aemp run`: what it says, when it stops, and what it makes of the file.

use std::process::Stdio;

use crate::common::{Home, Ran};
use crate::process::{Process, Stream, free_port};
use serde_json::Value;

#[test]
fn it_says_where_it_listens_and_what_runs_in_it() {
    let home = Home::new();
    home.aemp("gensecret profile seed setbinds localhost:0,127.0.0.1:0 setnodeid %n-seed").ok();
    let mut process = home.start("--json run seed");
    let report: Value = serde_json::from_str(&process.says("running")).unwrap();
    assert!(report["node"].as_str().unwrap().ends_with("-seed"), "{report}");
    assert_eq!(report["addresses"].as_array().map(Vec::len), Some(2), "{report}");
    assert_eq!(
        (&report["services"][0]["name"], &report["services"][0]["group"]),
        (&"mp::echo".into(), &"mp_echo".into())
    );
    process.signal("TERM");
    assert_eq!(process.ends(), Some(0));
}

#[test]
fn signals_end_it_in_good_order() {
    // SIGHUP has it read the configuration, see `operate`.
    for signal in ["INT", "TERM", "QUIT"] {
        let home = Home::new();
        home.aemp("gensecret").ok();
        let mut node = home.run("seed binds 127.0.0.1:0");
        node.process.signal(signal);
        assert_eq!(node.process.ends(), Some(0), "{signal}: {}", node.process.all());
        node.process.complains("stopping");
    }
}

/// As `nohup` wants it.
#[test]
fn it_outlives_its_terminal_if_it_should() {
    let home = Home::new();
    home.aemp("gensecret").ok();
    let mut shell = std::process::Command::new("/bin/sh");
    let script = "trap '' HUP; exec \"$0\" run seed binds 127.0.0.1:0";
    shell.args(["-c", script, env!("CARGO_BIN_EXE_aemp")]).env_clear().env("HOME", home.directory.path());
    let mut node = Process::start(&mut shell);
    let address = node.says("listens on").split_whitespace().nth(2).unwrap().to_owned();
    node.signal("HUP");
    home.aemp(&format!("cal {address} time --timeout 60")).ok();
    node.signal("TERM");
    assert_eq!(node.ends(), Some(0));
}

#[test]
fn a_profile_that_does_not_exist_is_told_in_a_line() {
    let home = Home::new();
    home.aemp("gensecret profile seed setbinds 127.0.0.1:0").ok();
    let node = home.run("sed binds 127.0.0.1:0");
    let line = node.process.complains("there is no profile \"sed\"");
    assert!(line.contains("INFO") && line.contains(&home.rc().display().to_string()), "{line}");
    let seed = home.run("seed binds 127.0.0.1:0");
    let told = seed.process.count_after(std::time::Duration::ZERO, Stream::Err, "there is no profile");
    assert_eq!(told, 0);
}

#[test]
fn a_seed_that_is_not_there_is_told_and_found_when_it_comes() {
    let home = Home::new();
    home.aemp("gensecret").ok();
    // Somebody else may take the free port before the seed does.
    let found = (0..5).any(|_| {
        let address = format!("127.0.0.1:{}", free_port());
        let worker = home.run(&format!("worker binds 127.0.0.1:0 seeds {address}"));
        let line = worker.process.complains("Connection refused");
        assert!(line.contains(&format!("cannot connect to {address}: Connection refused")), "{line}");
        let seed = home.start(&format!("run seed binds {address}"));
        if seed.find(Stream::Out, "node ").is_none() {
            return false;
        }
        worker.process.complains("connected peer=seed/");
        let refused =
            worker.process.count_after(std::time::Duration::ZERO, Stream::Err, "Connection refused");
        assert_eq!(refused, 1, "{}", worker.process.all());
        true
    });
    assert!(found);
}

/// A file that Perl's programs share. [CF-08]
#[test]
fn what_only_perl_knows_is_left_out_and_kept() {
    let home = Home::new();
    let text = r#"{
        "secret": "s", "secure": 1, "autocork": 1, "nodelay": 0,
        "profile": {"p": {
            "eval": "exit 1", "binds": ["127.0.0.1:0"],
            "services": ["AnyEvent::MP::Global::", "My::Mod::", ["My::func", 1], "mp::echo"],
        }},
    }"#;
    home.write(text);
    let mut node = home.run("p");
    let line = node.process.complains("Perl modules");
    assert!(line.contains("WARN") && line.ends_with(": My::Mod::, My::func"), "{line}");
    assert!(node.echo().starts_with("p/"));
    node.process.signal("TERM");
    assert_eq!(node.process.ends(), Some(0));
    assert_eq!(node.process.count_after(std::time::Duration::ZERO, Stream::Err, "WARN"), 1);
    assert_eq!(home.read(), text);
    home.aemp("profile p addservice x::y").ok();
    let file = home.json();
    assert_eq!((&file["secure"], &file["autocork"], &file["nodelay"]), (&1.into(), &1.into(), &0.into()));
    assert_eq!(file["profile"]["p"]["eval"], "exit 1");
}

#[test]
fn a_service_of_ours_that_is_none_is_named() {
    let home = Home::new();
    home.aemp("gensecret profile p setservices mp::ecco").ok();
    let error = home.aemp("run p").refused();
    assert!(error.contains("\"mp::ecco\"") && error.contains("mp::echo"), "{error}");
}

#[test]
fn a_port_in_use_is_named() {
    let home = Home::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    home.aemp(&format!("gensecret profile p setbinds 127.0.0.1:0,{address}")).ok();
    let file = home.read();
    let error = home.aemp("run p").refused();
    let text = format!("aemp: cannot listen on {address}: Address already in use; choose another address");
    assert!(error.starts_with(&text), "{error}");
    assert_eq!(home.read(), file);
}

/// The node runs for others, be it heard here or not.
#[test]
fn nobody_listening_does_not_end_it() {
    let home = Home::new();
    home.aemp("gensecret").ok();
    let address = format!("127.0.0.1:{}", free_port());
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = home.command(&["run", "seed", "binds", &address]);
    let mut child = command.stdout(writer.try_clone().unwrap()).stderr(writer).spawn().unwrap();
    let out = home.words(&["cal", &address, "time", "--timeout", "60"]);
    let script = format!("kill -TERM {}", child.id());
    std::process::Command::new("/bin/sh").args(["-c", &script]).status().unwrap();
    let code = child.wait().unwrap().code();
    assert_eq!((out.code, out.err.as_str(), code), (Some(0), "", Some(0)));
}

#[test]
fn closed_streams_are_no_trouble() {
    let home = Home::new();
    home.aemp("gensecret").ok();
    let aemp = env!("CARGO_BIN_EXE_aemp");
    for (script, code) in [
        ("exec \"$0\" showconfig <&- >&- 2>&-", 0),
        ("exec \"$0\" frobnicate <&- >&- 2>&-", 2),
        ("exec \"$0\" cal 127.0.0.1:1 x --timeout 0.1 <&- >&- 2>&-", 1),
    ] {
        let mut shell = std::process::Command::new("/bin/sh");
        shell.args(["-c", script, aemp]).env_clear().env("HOME", home.directory.path());
        assert_eq!(shell.stdin(Stdio::null()).status().unwrap().code(), Some(code), "{script}");
    }
}

#[test]
fn a_wrong_log_filter_is_named() {
    let home = Home::new();
    let mut wrong = home.command(&["showconfig"]);
    wrong.env("AEMP_LOG", "mp=loud=1");
    assert!(Ran::of(wrong).refused().contains("AEMP_LOG"));
    let mut quiet = home.command(&["demo"]);
    quiet.env("AEMP_LOG", "off");
    assert_eq!(Ran::of(quiet).code, Some(0));
}

/// With so many `-v` as one likes.
#[test]
fn more_is_logged_when_asked_for() {
    let home = Home::new();
    home.aemp("gensecret").ok();
    let mut process = Process::start(&mut home.command(&["run", "-vvvvv", "seed", "binds", "127.0.0.1:0"]));
    process.says("listens on");
    process.signal("INT");
    assert_eq!(process.ends(), Some(0));
    process.complains("aemp::cmd::run: stopping");
}

/// [LC-01], [LC-02]: a node with the service shows what others log, with their names; a wrong level is named.
#[test]
fn the_log_catcher_shows_what_others_log() {
    let home = Home::new();
    home.aemp(r#"gensecret profile watch setservices [["mp::log_catcher","info"]]"#).ok();
    let seed = home.run("seed binds 127.0.0.1:0");
    let address = &seed.address;
    let watch = home.start(&format!("run watch binds 127.0.0.1:0 seeds {address}"));
    watch.says("mp::log_catcher  logs what others log, info and graver");
    // Until the seed was asked, it tells nothing; so somebody comes and goes until it has been.
    let told = (0..20).any(|number| {
        let third = home.run(&format!("third{number} binds 127.0.0.1:0 seeds {address}"));
        third.process.complains("connected peer=seed/");
        watch.count_after(std::time::Duration::from_millis(500), Stream::Err, "node=seed/") > 0
    });
    assert!(told, "{}", watch.all());
    let line = watch.complains("node=seed/");
    assert!(line.contains("INFO") && line.contains("context=mp_node"), "{line}");

    home.aemp(r#"profile watch setservices [["mp::log_catcher","loud"]]"#).ok();
    let error = home.aemp("run watch").refused();
    assert!(error.contains("\"loud\"") && error.contains("trace"), "{error}");
}

/// A seed of many networks has itself among its seeds.
#[test]
fn a_node_may_be_its_own_seed() {
    let home = Home::new();
    home.aemp("gensecret").ok();
    let found = (0..5).any(|_| {
        let address = format!("127.0.0.1:{}", free_port());
        let seed = home.start(&format!("run seed binds {address} seeds {address}"));
        // Somebody else may take the free port before the seed does.
        if seed.find(Stream::Out, "node ").is_none() {
            return false;
        }
        home.aemp(&format!("cal {address} time --timeout 60")).ok();
        let warned = seed.count_after(std::time::Duration::from_millis(300), Stream::Err, "WARN");
        assert_eq!(warned, 0, "{}", seed.all());
        true
    });
    assert!(found);
}

/// [SV-03]: who runs errands and goes leaves no warning, and nothing that counts as a fault, at several seeds.
#[test]
fn guests_leave_no_failure_behind() {
    let home = Home::new();
    home.aemp("gensecret").ok();
    let seed = home.run("--metrics 0 seed binds 127.0.0.1:0");
    let other = home.run(&format!("--metrics 0 other binds 127.0.0.1:0 seeds {}", seed.address));
    other.process.complains("connected peer=seed/");
    let seeds = format!("--seed {} --seed {} --timeout 60", seed.address, other.address);
    for _ in 0..4 {
        home.aemp(&format!("nodes {seeds}")).ok();
        home.aemp(&format!("groups {seeds}")).ok();
        home.aemp(&format!("cal {} time --timeout 60", seed.address)).ok();
    }
    for node in [&seed, &other] {
        // Until what is still under way is over.
        let warned = node.process.count_after(std::time::Duration::from_secs(2), Stream::Err, "WARN");
        assert_eq!(warned, 0, "{}", node.process.all());
        let line = node.process.says("/metrics");
        let at = line.rsplit("http://").next().unwrap().trim_end_matches("/metrics").to_owned();
        let page = http(&at);
        let failures: Vec<_> = page
            .lines()
            .filter(|line| line.starts_with("mp_handshake_failures_total{") && !line.ends_with(" 0"))
            .filter(|line| !line.contains("\"left\"") && !line.contains("\"itself\""))
            .collect();
        assert!(failures.is_empty(), "{failures:?}");
    }
}

fn http(address: &str) -> String {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_metrics_port_in_use_is_named_with_the_option() {
    let home = Home::new();
    home.aemp("gensecret profile seed setbinds 127.0.0.1:0").ok();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    for address in [port.to_string(), format!("127.0.0.1:{port}")] {
        let error = home.aemp(&format!("run --metrics {address} seed")).refused();
        let text = format!("aemp: --metrics {address}: Address already in use; choose another port");
        assert!(error.starts_with(&text), "{error}");
        if cfg!(target_os = "linux") {
            assert!(error.contains(&format!("the process {} (", std::process::id())), "{error}");
        }
    }
}

/// [CF-20]
#[cfg(feature = "top")]
#[test]
fn sighup_passes_over_nothing_in_silence() {
    let home = Home::new();
    home.aemp("gensecret profile p setbinds 127.0.0.1:0 setnodeid one/").ok();
    let mut node = Process::start(&mut home.hearing_hup(&["run", "p", "monitor_timeout", "9"]));
    node.says("listens on");
    home.aemp("profile p setnodeid two/ setauth_offer hmac_sha3_512 setmonitor_timeout 5 setsecure 1").ok();
    for times in 1..=2 {
        node.signal("HUP");
        let line = node.nth(Stream::Err, "only at the next start", times).unwrap();
        assert!(line.contains("WARN") && line.ends_with(": nodeid"), "{line}");
    }
    let line = node.complains("proofs=\"changed\"");
    assert!(line.contains("secret=\"as before\""), "{line}");
    assert!(node.complains("the command line has the say").ends_with(": monitor_timeout"));
    assert!(node.complains("nothing that this program looks at").ends_with(": secure"));
    assert!(home.aemp("run --help").ok().contains("auth_accept; seeds; and the level"));
    node.signal("TERM");
    assert_eq!(node.ends(), Some(0));
}

/// What the network has instead is told.
#[test]
fn a_node_that_is_not_there_is_named_with_one_that_is() {
    let home = Home::new();
    home.aemp("gensecret").ok();
    let seed = home.run("seed binds 127.0.0.1:0");
    for command in ["cal seed time", "snd seed time", "ping sede/AAAAAAAAA1", "ports seed"] {
        let ran = home.aemp(&format!("{command} --seed {} --timeout 60", seed.address));
        assert_eq!(ran.code, Some(1), "{command}: {ran:?}");
        let text = format!("; did you mean {}?", seed.id);
        let said = format!("{}{}", ran.out, ran.err);
        assert!(said.contains("the network has no node ") && said.contains(&text), "{command}: {ran:?}");
    }
}

/// [CF-24]: `mp::echo` runs where nobody has set a list; one that is set and empty is none.
#[test]
fn an_empty_list_of_services_is_none() {
    let home = Home::new();
    home.aemp("gensecret setbinds 127.0.0.1:0 profile p").ok();
    home.run("p").echo();
    let out = home.words(&["profile", "p", "setservices", ""]).ok();
    assert!(out.contains("services = (empty list) (none runs; `delservices` brings mp::echo back)"), "{out}");
    assert!(home.aemp("doctor p").ok().contains("services  none"));
    let none = home.start("--json run p");
    let said: Value = serde_json::from_str(&none.says("services")).unwrap();
    let names: Vec<_> = said["services"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
    assert_eq!(names, ["mp::status"]);
    home.aemp("profile p delservices").ok();
    home.run("p").echo();
}
