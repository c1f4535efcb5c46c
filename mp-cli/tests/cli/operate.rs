//! What an operator relies on: the log, SIGHUP, the service manager, metrics, `aemp top`.

#![cfg(feature = "top")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use serde_json::Value;

use crate::common::{Home, Ran};
use crate::process::{PATIENCE, Process, Stream};

/// Asks over HTTP; the head, and what is behind it.
fn http(address: &str, question: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(question.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

/// Where the metrics of a node are, from what it says.
fn metrics_address(process: &Process) -> String {
    let line = process.says("/metrics");
    line.rsplit("http://").next().unwrap().trim_end_matches("/metrics").to_owned()
}

#[test]
fn metrics_are_those_of_the_document() {
    let home = Home::new();
    home.aemp("gensecret").ok();
    let seed = home.run("--metrics 0 seed binds 127.0.0.1:0");
    let address = metrics_address(&seed.process);
    assert!(address.starts_with("127.0.0.1:"), "{address}");
    let other = home.run(&format!("other binds 127.0.0.1:0 seeds {}", seed.address));
    other.process.complains("connected peer=seed/");
    seed.process.complains("connected peer=other/");
    // What is said on the new connection may still be under way.
    let pages = (0..100).map(|_| {
        let (head, page) = http(&address, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
        assert!(head.starts_with("HTTP/1.1 200") && head.contains("text/plain; version=0.0.4"), "{head}");
        seed.process.count_after(Duration::from_millis(100), Stream::Err, "");
        page
    });
    let received = format!("mp_messages_received_total{{node=\"{}\"}} ", seed.id);
    let has_received = |page: &String| page.contains(&received) && !page.contains(&format!("{received}0\n"));
    let page = pages.into_iter().find(has_received).expect("something came");
    let types = page.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let mut exported: Vec<String> = types.map(str::to_owned).collect();
    // It is measured within a few seconds, and not there before.
    if !page.contains("mp_connection_round_trip_seconds") {
        exported.push("mp_connection_round_trip_seconds gauge".to_owned());
    }
    exported.sort();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/metrics.md");
    let document = std::fs::read_to_string(path).unwrap();
    let rows = document.lines().filter(|line| line.starts_with("| `mp_"));
    let mut documented: Vec<String> = rows
        .map(|row| {
            let cells: Vec<_> = row.split('|').map(str::trim).collect();
            format!("{} {}", cells[1].trim_matches('`'), cells[2])
        })
        .collect();
    documented.sort();
    assert_eq!(exported, documented, "docs/metrics.md against what is exported");
    // Its queries, and those of docs/operations.md, ask for nothing else.
    let operations = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/operations.md");
    let asked = document + &std::fs::read_to_string(operations).unwrap();
    let words = asked.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    let names =
        words.filter(|word| word.starts_with("mp_") && !["mp_node", "mp_global", "mp_echo"].contains(word));
    for name in names {
        assert!(documented.iter().any(|metric| metric.split(' ').next() == Some(name)), "{name}");
    }
    let value = |start: &str| -> f64 {
        let line =
            page.lines().find(|line| line.starts_with(start)).unwrap_or_else(|| panic!("{start}: {page}"));
        line.rsplit(' ').next().unwrap().parse().unwrap()
    };
    let node = format!("{{node=\"{}\"", seed.id);
    assert!(value(&format!("mp_connections{node}")) >= 1.0);
    assert!(value(&format!("mp_messages_received_total{node}")) >= 1.0);
    assert!(
        page.contains(&format!("mp_connection_bytes_sent_total{node},peer=\"{}\"}}", other.id)),
        "{page}"
    );
    for (question, status) in [
        ("GET / HTTP/1.1\r\n\r\n", "404"),
        ("HEAD /metrics HTTP/1.0\r\n\r\n", "200"),
        ("POST /metrics HTTP/1.1\r\n\r\n", "405"),
        ("hello\r\n\r\n", "400"),
    ] {
        let (head, _) = http(&address, question);
        assert!(head.split(' ').nth(1) == Some(status), "{question:?}: {head}");
    }
    let (head, _) = http(&address, &format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(9_000)));
    assert!(head.contains(" 431 "), "{head}");
}

/// Who holds connections open without a word keeps nobody else away.
#[test]
fn a_slow_questioner_does_not_block_metrics() {
    let home = Home::new();
    home.aemp("gensecret").ok();
    let seed = home.run("--metrics 127.0.0.1:0 seed binds 127.0.0.1:0");
    let address = metrics_address(&seed.process);
    let slow: Vec<_> = (0..60)
        .map(|_| {
            let mut stream = TcpStream::connect(&address).unwrap();
            stream.write_all(b"GET /metr").unwrap();
            stream
        })
        .collect();
    let (head, _) = http(&address, "GET /metrics HTTP/1.1\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    drop(slow);
    home.aemp("profile seed setbinds 127.0.0.1:0").ok();
    let error = home.aemp("run --metrics nowhere seed").refused();
    assert!(error.contains("--metrics nowhere: "), "{error}");
}

#[test]
fn the_log_is_text_or_json_at_a_level() {
    let home = Home::new();
    home.aemp("gensecret").ok();
    let json = home.run("--log-format json --log-level debug seed binds 127.0.0.1:0");
    json.process.signal("TERM");
    let line = json.process.complains("stopping");
    let line: Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&line["level"], &line["fields"]["message"]), (&"INFO".into(), &"stopping".into()));
    let mut command = home.command(&["run", "--log-level", "error", "seed", "binds", "127.0.0.1:0"]);
    command.env("AEMP_LOG", "trace");
    let mut quiet = Process::start(&mut command);
    quiet.says("listens on");
    quiet.signal("TERM");
    assert_eq!(quiet.ends(), Some(0));
    assert_eq!(
        quiet.count_after(Duration::ZERO, Stream::Err, "stopping"),
        0,
        "the option goes before AEMP_LOG"
    );
    let error = home.aemp("run --log-level a=b=c seed binds 127.0.0.1:0").refused();
    assert!(error.contains("--log-level is no filter"), "{error}");
    for wrong in ["debugg", "warning", "info,mp_nod"] {
        let error = home.aemp(&format!("run --log-level {wrong} seed binds 127.0.0.1:0")).refused();
        assert!(error.contains("there is no level") && error.contains("warn, info, debug"), "{error}");
    }
}

/// [SV-06] [SV-07]: a secret is changed, a seed added and the log made to say more, without a restart.
#[test]
fn sighup_reloads_what_can_change() {
    let home = Home::new();
    let level = home.directory.path().join("level");
    std::fs::write(&level, "info\n").unwrap();
    home.aemp("setsecret 0ld profile seed setbinds 127.0.0.1:0").ok();
    let third = home.run("seed");
    let mut seed =
        Process::start(&mut home.hearing_hup(&["run", "--log-level-file", level.to_str().unwrap(), "seed"]));
    let address = seed.says("listens on").split_whitespace().nth(2).unwrap().to_owned();
    let visitor = Home::new();
    visitor.aemp("setsecret n3w").ok();
    let refused = visitor.aemp(&format!("cal {address} time --timeout 3"));
    assert_eq!(refused.code, Some(1), "{}", refused.err);

    home.aemp("setsecret n3w setold_secret 0ld").ok();
    home.aemp(&format!("profile seed setseeds {} setbinds 127.0.0.1:0,[::1]:0", third.address)).ok();
    std::fs::write(&level, "debug").unwrap();
    seed.signal("HUP");
    let line = seed.complains(" reloaded");
    assert!(line.contains("secret=\"changed\"") && line.contains("seeds=\"changed\""), "{line}");
    assert!(line.contains("certificate=\"as before\"") && line.contains("debug"), "{line}");
    assert!(seed.complains("only at the next start").ends_with(": binds"));
    seed.complains(&format!("connected peer={}", third.id));
    visitor.aemp(&format!("cal {address} time --timeout 60")).ok();

    home.write("{ broken");
    seed.signal("HUP");
    let line = seed.complains("not reloaded");
    assert!(line.contains("ERROR") && line.contains("as before"), "{line}");
    visitor.aemp(&format!("cal {address} time --timeout 60")).ok();
    seed.signal("TERM");
    assert_eq!(seed.ends(), Some(0));
}

/// While a node drains, SIGHUP is nothing to it; a second signal that stops ends it at once, and the exit code says so.
#[test]
fn a_second_signal_ends_what_drains() {
    let home = Home::new();
    home.aemp("gensecret").ok();
    let mut command = home.hearing_hup(&["run", "--drain", "60", "seed", "binds", "127.0.0.1:0"]);
    let mut seed = Process::start(&mut command);
    let address = seed.says("listens on").split_whitespace().nth(2).unwrap().to_owned();
    let status = seed.says("mp::status").split_whitespace().nth(1).unwrap().to_owned();
    // Half of its time it has one message under way, then many.
    let peer = home.start(&format!("bench {address} --size 1000000 --time 16"));
    // A peer that does not read, with something on its way to it.
    let waits = (0..200).any(|_| {
        peer.signal("STOP");
        let out = home.aemp(&format!("--json cal {status} summary --seed {address} --timeout 60")).ok();
        let told: Value = serde_json::from_str(&out).unwrap();
        let waits = told["reply"][1]["queued_bytes"].as_u64().unwrap() > 0;
        if !waits {
            peer.signal("CONT");
        }
        waits
    });
    assert!(waits);
    seed.signal("TERM");
    seed.complains("stopping");
    seed.signal("HUP");
    assert_eq!(seed.count_after(Duration::from_millis(300), Stream::Err, "stopped"), 0);
    seed.signal("TERM");
    seed.complains("stopped at once");
    assert_eq!(seed.ends(), Some(143));
}

/// What systemd is told, with a socket of ours in its place.
#[test]
fn the_service_manager_is_told() {
    let home = Home::new();
    home.aemp("gensecret").ok();
    let path = home.directory.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let hears = || {
        let mut bytes = [0; 4096];
        let length = socket.recv(&mut bytes).unwrap();
        String::from_utf8(bytes[..length].to_vec()).unwrap()
    };
    let mut command = home.hearing_hup(&["run", "seed", "binds", "127.0.0.1:0"]);
    command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "400000");
    let mut node = Process::start(&mut command);
    let text = hears();
    assert!(text.starts_with("READY=1\nSTATUS=node seed/") && text.contains("127.0.0.1:"), "{text}");
    for _ in 0..3 {
        let text = hears();
        assert!(text.starts_with("WATCHDOG=1\nSTATUS=node seed/"), "{text}");
    }
    node.signal("HUP");
    let until = |word: &str| {
        let found = (0..200).map(|_| hears()).find(|text| text.starts_with(word));
        assert!(found.is_some(), "{word}");
    };
    until("RELOADING=1");
    until("READY=1");
    node.signal("TERM");
    until("STOPPING=1");
    assert_eq!(node.ends(), Some(0));
}

/// [SV-04] Real processes, looked at by another one.
#[test]
fn top_shows_the_network_once() {
    let home = Home::new();
    home.aemp("gensecret").ok();
    let seed = home.run("seed binds 127.0.0.1:0");
    let address = &seed.address;
    let worker = home.run(&format!("worker binds 127.0.0.1:0 seeds {address}"));
    let hidden = home.run(&format!("--no-status hidden binds 127.0.0.1:0 seeds {address}"));
    for node in [&worker, &hidden] {
        node.process.complains("connected peer=seed/");
    }
    let look = || {
        let out = home.aemp(&format!("top --once --json --seed {address} --timeout 60")).ok();
        serde_json::from_str::<Value>(&out).unwrap()
    };
    // The directory takes a moment to get to know the worker, and the one who looked before a moment to be gone. Who looks
    // is not among what is seen.
    let guests = |report: &Value| report.to_string().contains("anon/");
    let whole = |report: &Value| report["nodes"].as_array().unwrap().len() == 2 && !guests(report);
    let report = (0..20).map(|_| look()).find(whole).expect("both nodes that tell, and nobody else");
    let named = |id: &str| {
        report["nodes"].as_array().unwrap().iter().find(|node| node["node"] == id).unwrap().clone()
    };
    let (at_seed, at_worker) = (named(&seed.id), named(&worker.id));
    assert_eq!((&at_seed["global"], &at_worker["global"]), (&true.into(), &false.into()));
    assert_eq!(at_worker["master"], seed.id);
    assert!(at_seed["connected"].as_u64().unwrap() >= 2 && at_seed["messages_in"].as_u64().unwrap() > 0);
    assert!(at_seed["bytes_in_per_second"].is_number(), "{at_seed}");
    let links = at_seed["connections"].as_array().unwrap();
    let link = links.iter().find(|link| link["node"] == *worker.id).expect("its connection");
    assert_eq!((&link["auth"], &link["own_kind"]), (&"hmac_sha3_512".into(), &true.into()));
    let text = home.aemp(&format!("top --once --seed {address} --timeout 60 --sort connections")).ok();
    assert!(text.starts_with("NODE") && text.contains(&seed.id) && text.contains(&worker.id), "{text}");
}

/// Nodes that do not tell how they do are there all the same.
#[test]
fn top_names_those_that_do_not_tell() {
    let home = Home::new();
    home.aemp("gensecret").ok();
    let seed = home.run("--no-status seed binds 127.0.0.1:0");
    let other = home.run(&format!("--no-status other binds 127.0.0.1:0 seeds {}", seed.address));
    other.process.complains("master=\"seed/");
    let look =
        |options: &str| home.aemp(&format!("top --once --seed {} --timeout 60 {options}", seed.address)).ok();
    let report = (0..20)
        .map(|_| serde_json::from_str::<Value>(&look("--json")).unwrap())
        .find(|report| report["silent"] == serde_json::json!([other.id, seed.id]))
        .expect("both are there");
    assert_eq!(report["nodes"], serde_json::json!([]));
    let text = look("");
    assert!(text.contains(&format!("{}  does not tell how it does\n", other.id)), "{text}");
    assert!(text.contains("no node tells how it does: those of `aemp run` do"), "{text}");
}

#[test]
fn top_says_what_it_lacks() {
    let home = Home::new();
    home.aemp("gensecret").ok();
    let no_terminal = home.aemp("top --seed 127.0.0.1:1");
    assert!(no_terminal.refused().contains("aemp top --once"));
    let nobody: Ran = home.aemp("top --once --seed 127.0.0.1:1 --timeout 0.5");
    assert!(nobody.code == Some(1) && nobody.err.contains("no seed has let us in"), "{}", nobody.err);
    assert!(nobody.err.contains("127.0.0.1:1: Connection refused"), "{}", nobody.err);
    let error = home.aemp("top --once").refused();
    assert!(error.contains("--seed"), "{error}");
}

/// In a real terminal: it is left as it was, by a key and by a signal.
#[test]
fn top_leaves_the_terminal_as_it_was() {
    let home = Home::new();
    home.aemp("gensecret").ok();
    let seed = home.run("seed binds 127.0.0.1:0");
    for end in ["key", "INT", "TERM"] {
        let mut command = std::process::Command::new("script");
        // `exec`, so that the signal goes to the program.
        let line = format!(
            "stty rows 24 cols 80; echo pid $$; exec {} top --seed {}",
            env!("CARGO_BIN_EXE_aemp"),
            seed.address
        );
        command.args(["-qefc", &line, "/dev/null"]).env_clear().env("HOME", home.directory.path());
        command.env("PATH", "/usr/bin:/bin").env("TERM", "xterm").env("SHELL", "/bin/sh");
        let mut child =
            command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped()).spawn().unwrap();
        let (mut keyboard, mut screen) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut shown = String::new();
        let mut read = |until: &dyn Fn(&str) -> bool| {
            let mut bytes = [0; 4096];
            while !until(&shown) {
                let length = screen.read(&mut bytes).unwrap();
                if length == 0 {
                    break;
                }
                shown += &String::from_utf8_lossy(&bytes[..length]);
            }
            shown.clone()
        };
        let text = read(&|text| text.contains("\u{1b}[?1049h") && text.contains(&seed.id));
        assert!(text.contains("NODE") && text.contains("msg/s"), "{text:?}");
        let pid = text.split("pid ").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
        if end == "key" {
            keyboard.write_all(b"q").unwrap();
        } else {
            let kill = format!("kill -{end} {pid}");
            assert!(std::process::Command::new("/bin/sh").args(["-c", &kill]).status().unwrap().success());
        }
        let text = read(&|_| false);
        assert!(text.contains("\u{1b}[?1049l"), "{end}: {text:?}");
        let code = child.wait().unwrap().code();
        let expected = match end {
            "key" => 0,
            "INT" => 130,
            _ => 143,
        };
        assert_eq!(code, Some(expected), "{end}: {text:?}");
    }
}
