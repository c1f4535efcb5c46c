//! `aemp snd`, `cal` and `mon` to nodes that `aemp run` runs.

use crate::common::{Home, Node, Ran};
use crate::process::{Process, free_port};
use serde_json::{Value, json};

/// A seed, and a worker that knows it. Who connects has time to, however slow the machine is.
fn network() -> (Home, Node, Node) {
    let home = Home::new();
    home.aemp("gensecret setconnect_interval 60 profile quick setconnect_interval 1").ok();
    home.aemp("profile seed setbinds 127.0.0.1:0").ok();
    let seed = home.run("seed");
    let line = format!("profile worker setbinds 127.0.0.1:0 setseeds {}", seed.address);
    home.aemp(&line).ok();
    let worker = home.run("worker");
    worker.process.complains(&format!("master=\"{}\"", seed.id));
    (home, seed, worker)
}

/// What the program answers, in whatever time it takes.
#[track_caller]
fn ask(home: &Home, line: &str) -> String {
    home.aemp(&format!("{line} --timeout 60")).ok()
}

#[test]
fn a_third_process_talks_to_two() {
    let (home, seed, worker) = network();
    let to_seed = &seed.address;

    // The port that `aemp run` printed, by the node's name and by its address.
    assert_eq!(ask(&home, &format!("cal {} hello 42 --seed {to_seed}", worker.echo())), "\"hello\",42\n");
    let echo_name = seed.echo().split_once('#').unwrap().1.to_owned();
    let out = ask(&home, &format!(r#"cal {to_seed}#{echo_name} [1,{{"a":null}}] --json"#));
    let reply: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(reply, json!({"event": "reply", "reply": [[1, {"a": null}]]}));

    // The nodes' own ports. An address needs no seed, and stands a seed that is the same node. The seeds may stand in a
    // profile.
    for line in [
        format!("cal {to_seed} time"),
        format!("cal {to_seed} time --seed {to_seed}"),
        format!("cal {} time --seed {to_seed}", seed.id),
        format!("cal {} time --seed {to_seed}", worker.id),
        format!("cal {} time", worker.address),
        format!("cal {} time --profile worker", worker.id),
    ] {
        assert!(ask(&home, &line).trim().parse::<f64>().unwrap() > 1e9, "{line}");
    }
    // And this is the one that holds where none is named.
    home.aemp(&format!("profile aemp setseeds {to_seed}")).ok();
    let worker = &worker.id;
    assert_eq!(ask(&home, &format!("cal {worker} lookup chatter")), "null\n");
    for (tag, known) in [("time", "\"1\"\n"), ("g_find", "\"1\"\n"), ("mp::nothing", "\"\"\n")] {
        assert_eq!(ask(&home, &format!("cal {worker} can {tag}")), known, "{tag}");
    }
    assert_eq!(ask(&home, &format!("snd {worker} devnull 1 2")), format!("sent: {worker} has it\n"));
    // That there is no such port is not the node's matter; a monitor would tell.
    let told = format!(
        "sent: the node {worker} has it; whether there is such a port there, `aemp mon {worker}#no` tells\n"
    );
    assert_eq!(ask(&home, &format!("snd {worker}#no hello")), told);
}

/// In the form of the wire, as any other node does it.
#[test]
fn other_nodes_spawn_an_echo() {
    let (home, seed, worker) = network();
    let spawn = format!("snd {} AnyEvent::MP::_spawn", worker.id);
    ask(&home, &format!("{spawn} anothername mp::echo --seed {}", seed.address));
    let out = ask(&home, &format!("cal {}#anothername hi --seed {}", worker.id, seed.address));
    assert_eq!(out, "\"hi\"\n");
    // Nothing but what is registered can be spawned.
    ask(&home, &format!("{spawn} third CORE::exit --seed {}", seed.address));
    let out = ask(&home, &format!("mon {}#third", worker.address));
    assert!(out.contains("CORE::exit"), "{out}");
    ask(&home, &format!("cal {} time", worker.address));
}

#[test]
fn a_monitor_tells_why() {
    let (home, seed, mut worker) = network();
    let mon = |line: &str| {
        let process = home.start(&format!("mon -v --timeout 60 {line}"));
        process.complains("monitored");
        process
    };
    let by_name = mon(&format!("{} --seed {} --json", worker.echo(), seed.address));
    let by_address = mon(&worker.address);
    let of_seed = mon(&seed.address);

    worker.process.kill();
    let told: Value = serde_json::from_str(&by_name.says("dead")).unwrap();
    assert_eq!((&told["event"], &told["port"]), (&json!("dead"), &json!(worker.echo())));
    assert_eq!((&told["reason"][0], &told["reason"][1]), (&json!("transport_error"), &json!(worker.id)));
    let line = by_address.says("is dead");
    assert!(
        line.starts_with(&format!("{} is dead: transport_error: {} ", worker.address, worker.id)),
        "{line}"
    );
    let ends = |mut process: Process| process.ends();
    assert_eq!((ends(by_name), ends(by_address)), (Some(0), Some(0)));
    of_seed.signal("INT");
    assert_eq!(ends(of_seed), Some(130));

    let out = ask(&home, &format!("mon {}#nothing", seed.address));
    assert!(out.contains("is dead: no_such_port: "), "{out}");
}

/// Exit code 1, and one line that says who did not do what.
#[test]
fn nobody_there() {
    let (home, seed, worker) = network();
    let address = &seed.address;
    let nowhere = format!("127.0.0.1:{}", free_port());
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = silent.local_addr().unwrap();
    for (line, part) in [
        (
            format!("cal nobody x --profile quick --timeout 60 --seed {address}"),
            "the network has no node nobody; there are ",
        ),
        (
            format!("snd nobody x --profile quick --timeout 60 --seed {address}"),
            "the network has no node nobody; there are ",
        ),
        (
            format!("mon nobody --profile quick --timeout 60 --seed {address}"),
            "the network has no node nobody; there are ",
        ),
        (format!("cal nobody x --timeout 3 --seed {address}"), "the network has no node nobody; "),
        (format!("cal {}#no x --timeout 60 --seed {address}", worker.id), "there is no port worker/"),
        (format!("cal {address} time2 --timeout 600"), "does not know the request \"time2\""),
        (format!("cal {address} --timeout 600"), "answers requests alone; write one, as in `aemp cal"),
        (format!("cal {address} devnull --timeout 3"), "did not answer within 3s; give it more"),
        (format!("cal {nowhere} time --timeout 0.5"), "Connection refused); does one of this network run"),
        (format!("snd {nowhere} x --timeout 0.5"), &nowhere),
        (format!("mon {nowhere} --timeout 0.5"), &nowhere),
        (format!("snd x y --timeout 0.5 --seed {nowhere}"), &nowhere),
        (format!("snd {silent} y --timeout 0.5"), "no node answered at 127.0.0.1:"),
        ("snd aemp-test.invalid:1 y --timeout 0.5".to_owned(), "aemp-test.invalid:1"),
    ] {
        let error = home.aemp(&line).failed();
        assert!(error.contains(part), "{line}: {error}");
    }
    let error = home.aemp(&format!("cal {nowhere} time --timeout 0.5 --json")).failed();
    assert!(serde_json::from_str::<Value>(&error).unwrap()["error"].is_string(), "{error}");
}

#[test]
fn no_port() {
    let home = Home::new();
    home.aemp("gensecret").ok();
    for (word, part) in [
        ("a;b", "use printable ASCII"),
        ("#x", "cannot be empty"),
        ("", "cannot be empty"),
        ("a b", "use printable ASCII"),
        ("a#b c", "use printable ASCII"),
        ("grün", "use printable ASCII"),
        ("127.0.0.1:99999", "the port number 99999 is above 65535"),
        ("127.0.0.1:x", "write the node's address instead, as HOST:PORT"),
        ("name", "--seed"),
    ] {
        for command in ["snd", "cal", "mon"] {
            let error = home.words(&[command, word]).refused();
            assert!(error.contains(part), "{command} {word}: {error}");
        }
    }
}

/// A word that is no JSON is a text, unless it begins like JSON: then it was meant to be. None makes the program fall over.
#[test]
fn bad_json_is_text() {
    let (home, seed, _worker) = network();
    let echo = format!("{}#{}", seed.address, seed.echo().split_once('#').unwrap().1);
    let deep = "[".repeat(10_000);
    for word in ["nul", "1e999", "-", "\u{7f}\u{1b}[31m", " [1,"] {
        let out = home.words(&["--json", "cal", "--timeout", "60", &echo, "--", word]).ok();
        assert_eq!(serde_json::from_str::<Value>(&out).unwrap()["reply"], json!([word]), "{word:.20}");
    }
    for word in ["[1,", "{\"a\":}", "\"", "[1,\u{1b}", &deep] {
        for command in [&["cal", "--timeout", "60", &echo][..], &["snd", &echo], &["db", "set", "f", "k"]] {
            let error = home.words(&[command, &["--", word]].concat()).refused();
            let says = error.contains("it begins like JSON and is none") && error.contains("write it as '\"");
            assert!(says && !error.contains('\u{1b}'), "{error:.200}");
        }
    }
    let out = home.words(&["cal", "--timeout", "60", &echo, "a\u{1b}b"]).ok();
    assert!(!out.contains('\u{1b}'), "{out:?}");
}

#[test]
fn nobody_reads_the_reply() {
    let (home, seed, _worker) = network();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = home.command(&["cal", "--timeout", "60", &seed.address, "time"]);
    let ran = Ran::new(command.stdout(writer).output().unwrap());
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
}
