//! `aemp ping`, `nodes`, `groups`, `db` and `log`: a network is looked at.

use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::common::{Home, Node};
use crate::process::{Process, Stream, free_port};

/// A seed and a worker that knows it, and a home whose `aemp` profile knows it, too.
pub(crate) fn network() -> (Home, Node, Node) {
    let home = Home::new();
    home.aemp("gensecret setconnect_interval 60 profile seed setbinds 127.0.0.1:0").ok();
    let seed = home.run("seed");
    let address = &seed.address;
    home.aemp(&format!(
        "profile worker setbinds 127.0.0.1:0 setseeds {address} profile aemp setseeds {address}"
    ))
    .ok();
    let worker = home.run("worker");
    worker.process.complains(&format!("master=\"{}\"", seed.id));
    (home, seed, worker)
}

#[track_caller]
fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_node_is_pinged() {
    let (home, seed, worker) = network();
    let out = home.aemp(&format!("ping {} -c 3 -i 0.01 --timeout 60", seed.address)).ok();
    let said: Vec<&str> = out.lines().collect();
    assert_eq!(said.len(), 5, "{out}");
    assert!(said[0].starts_with(&format!("{}: 1  ", seed.id)) && said[0].ends_with(" ms"), "{out}");
    assert_eq!(said[3], format!("{}: 3 sent, 3 answered, 0 % lost", seed.address));
    assert!(said[4].starts_with("round trip: min ") && said[4].contains("p99"), "{out}");

    let out = home.aemp(&format!("--json ping {} --count 2 --interval 0.01 --timeout 60", worker.id)).ok();
    let said = lines(&out);
    assert_eq!((said.len(), &said[0]["event"], &said[1]["number"]), (3, &json!("pong"), &json!(2)));
    let end = &said[2];
    assert_eq!(
        (&end["event"], &end["sent"], &end["received"], &end["loss"]),
        (&json!("ping"), &json!(2), &json!(2), &json!(0.0))
    );
    assert!(end["round_trip_min"].as_f64().unwrap() <= end["round_trip_p99"].as_f64().unwrap(), "{end}");

    // A port of the node: as long as that lives.
    home.aemp(&format!("ping {} -n 2 -i 0.01 --timeout 60", worker.echo())).ok();
    let ran = home.aemp(&format!("ping {}#no -n 5 -i 30 --timeout 60", worker.id));
    assert!(ran.code == Some(1) && ran.err.contains("there is no port worker/"), "{ran:?}");
}

#[test]
fn a_ping_ends_well() {
    let (home, seed, mut worker) = network();
    // Ctrl-C: the summary is there all the same.
    let mut endless = home.start(&format!("ping {} --count 0 -i 0.05 --timeout 60", seed.address));
    endless.says(": 3  ");
    endless.signal("INT");
    assert_eq!(endless.ends(), Some(130));
    endless.says("sent,");
    // A node that goes is told as lost, and those that were answered are counted.
    let mut ping = home.start(&format!("ping {} -n 3 -i 0.2 --timeout 1", worker.address));
    ping.says(": 1  ");
    worker.process.kill();
    ping.says("lost (");
    ping.says("3 sent, ");
    assert_eq!(ping.ends(), Some(0));
    // What a node is called mostly has a random end, which nobody types.
    home.aemp("profile quick setconnect_interval 1").ok();
    let quick = format!("--profile quick --seed {} --timeout 60", seed.address);
    let error = home.aemp(&format!("ping seed -c 1 {quick}")).failed();
    assert!(
        error.ends_with(&format!("the network has no node seed; did you mean {}?\n", seed.id)),
        "{error}"
    );
    let error = home.aemp(&format!("ports nobody-at-all {quick}")).failed();
    assert!(error.contains("(`aemp nodes` lists them)"), "{error}");
    let nowhere = format!("127.0.0.1:{}", free_port());
    let error = home.aemp(&format!("ping {nowhere} --timeout 0.5")).failed();
    assert!(error.contains(&nowhere) && error.contains("Connection refused"), "{error}");
    for (line, part) in [
        ("ping", "<NODE|PORT>"),
        ("ping x -n 0.5", "write a whole number"),
        ("ping x -i 0", "above 0"),
        ("nodes x", "'x'"),
    ] {
        let error = home.aemp(line).refused();
        assert!(error.contains(part) && error.contains("try `aemp help"), "{line}: {error}");
    }
}

#[test]
fn the_nodes_are_listed() {
    let (home, seed, worker) = network();
    let out = home.aemp("nodes --timeout 60").ok();
    let heads = out.lines().next().unwrap();
    assert!(heads.starts_with("NODE") && heads.contains("ROLE") && heads.ends_with("LISTENS ON"), "{out}");
    let row = |node: &Node| out.lines().find(|line| line.starts_with(&node.id)).unwrap().to_owned();
    assert!(row(&seed).contains("global  rust") && row(&seed).ends_with(&seed.address), "{out}");
    assert!(row(&worker).contains("slave   rust") && row(&worker).contains(" ms  "), "{out}");
    assert!(heads.contains("UP") && heads.contains("PEERS") && heads.contains("PORTS"), "{out}");
    let column = heads.find("LISTENS").unwrap();
    assert!(out.lines().skip(1).all(|line| line[column..].starts_with("127.")), "not aligned: {out}");

    let said = lines(&home.aemp("nodes --quick --json --timeout 60").ok());
    let of = |id: &str| said.iter().find(|node| node["node"] == id).unwrap();
    assert_eq!(
        (&of(&seed.id)["role"], &of(&worker.id)["addresses"]),
        (&json!("global"), &json!([worker.address]))
    );
    assert!(of(&seed.id).get("round_trip").is_none());
    let error = Home::new();
    error.aemp("gensecret").ok();
    let error = error.aemp("nodes").refused();
    assert!(error.contains("nothing leads to the network") && error.contains("--seed HOST:PORT"), "{error}");
}

#[test]
fn groups_and_families_are_looked_at() {
    let (home, seed, worker) = network();
    let out = home.aemp("groups mp_echo --timeout 60").ok();
    assert!(out.starts_with("PORT") && out.contains(&seed.echo()) && out.contains(&worker.echo()), "{out}");
    let said = lines(&home.aemp("groups mp_echo --json --timeout 60").ok());
    assert!(
        said.iter().any(|member| member["port"] == worker.echo() && member["node"] == worker.id),
        "{said:?}"
    );
    for (line, what) in [
        ("groups nobody", "there is no group \"nobody\"; `aemp groups`"),
        ("db get nobody", "there is no family \"nobody\"; `aemp db families`"),
        ("db get nobody key", "there is no family \"nobody\""),
        ("db keys nobody", "there is no family \"nobody\""),
        ("db get mp_echo key", "the family \"mp_echo\" has no key \"key\"; `aemp db keys mp_echo`"),
    ] {
        let error = home.aemp(&format!("{line} --timeout 60")).failed();
        assert!(error.contains(what), "{line}: {error}");
    }

    let watch = home.start("db watch colours --timeout 60");
    watch.says("(this is all; changes follow");
    let mut set = Process::start(&mut home.command(&[
        "db",
        "set",
        "colours",
        "sky",
        r#"["blue", 1]"#,
        "--timeout",
        "60",
    ]));
    set.says("as long as this program runs");
    assert_eq!(home.aemp("db get colours sky --timeout 60").ok(), "[\"blue\",1]\n");
    let said = lines(&home.aemp("db get colours --json --timeout 60").ok());
    assert_eq!(said, [json!({"event": "entry", "family": "colours", "key": "sky", "value": ["blue", 1]})]);
    assert_eq!(home.aemp("db keys colours --timeout 60").ok(), "KEY\nsky\n");
    assert_eq!(watch.says("sky"), "+ sky [\"blue\",1]");
    let error = home.aemp("db del colours sky --timeout 60").failed();
    assert!(error.contains("another node has set \"sky\""), "{error}");
    // A key goes with its node.
    set.signal("INT");
    assert_eq!(set.ends(), Some(130));
    assert_eq!(watch.says("- sky"), "- sky");
    let error = home.aemp("db get colours sky --timeout 60").failed();
    assert!(error.contains("there is no family \"colours\"; `aemp db families`"), "{error}");
    let error = home.aemp("db set 'l x 1 --timeout 60");
    assert_eq!((error.code, error.out.as_str()), (Some(2), ""), "{error:?}");
}

/// [LC-01]: lines of all nodes, those that are asked for.
#[test]
fn the_log_of_all_nodes_is_shown() {
    let (home, seed, _worker) = network();
    let log = home.start("log --timeout 60");
    let json = home.start("log --json --level info --node seed/ --text connected --timeout 60");
    // Until the seed was asked, it tells nothing; so somebody comes and goes until it has been.
    let told = (0..40).any(|number| {
        home.aemp(&format!("cal {} time --timeout 60", seed.address)).ok();
        let wait = Duration::from_millis(if number < 30 { 200 } else { 1000 });
        log.count_after(wait, Stream::Out, &seed.id) > 0 && json.count_after(wait, Stream::Out, "line") > 0
    });
    assert!(told, "{} {}", log.all(), json.all());
    let line = log.says(&seed.id);
    assert!(line.contains("info ") && line.contains("Z ") && line.contains(": "), "{line}");
    let line: Value = serde_json::from_str(&json.says("line")).unwrap();
    assert_eq!((&line["node"], &line["level"]), (&json!(seed.id), &json!("info")));
    assert!(line["text"].as_str().unwrap().contains("connected"), "{line}");
    let error = home.aemp("log --level loud").refused();
    assert!(error.contains("'loud'") && error.contains("trace"), "{error}");
}

/// Two of them do not bother one another, and none bothers a node that does not pass its lines on; where nobody does, that
/// is told. [LC-01]
#[test]
fn a_log_without_lines_says_why() {
    let home = Home::new();
    home.aemp("gensecret").ok();
    let secret = home.json()["secret"].as_str().unwrap().to_owned();
    // A program without any service beside the directory, as those of the tutorial are.
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (program, _global) = runtime.block_on(async {
        let builder = mp_node::Node::builder("test").without_file().node_id("program").secret(&secret);
        let node = builder.bind("127.0.0.1:0").start().await.unwrap();
        let global = mp_global::Global::builder(&node).global(true).start().unwrap();
        (node, global)
    });
    let address = program.addresses()[0].to_string();
    let logs = [(); 2].map(|()| home.start(&format!("log -v --seed {address} --timeout 60")));
    for log in &logs {
        let line = log.complains("log on");
        assert!(
            line.starts_with("aemp: none of the other nodes (") && line.contains("those of `aemp run` do"),
            "{line}"
        );
    }
    for log in &logs {
        assert_eq!(log.count_after(Duration::from_millis(500), Stream::Err, "forbidden"), 0, "{}", log.all());
    }
    assert_eq!(program.stats().unknown_requests, 0);
}

/// When the only seed goes away, that is told without any option, and that it is back.
#[test]
fn a_log_without_a_seed_says_so() {
    let home = Home::new();
    let port = free_port();
    home.aemp(&format!("gensecret profile seed setbinds 127.0.0.1:{port}")).ok();
    let mut seed = home.run("seed");
    let log = home.start(&format!("log --seed {} --timeout 60", seed.address));
    let json = home.start(&format!("log --json --seed {} --timeout 60", seed.address));
    // Who has a line from it is let in.
    let told = (0..40).any(|_| {
        home.aemp(&format!("cal {} time --timeout 60", seed.address)).ok();
        let wait = Duration::from_millis(200);
        log.count_after(wait, Stream::Out, &seed.id) > 0 && json.count_after(wait, Stream::Out, &seed.id) > 0
    });
    assert!(told, "{} {}", log.all(), json.all());
    seed.process.kill();
    let line = log.complains("no seed is connected any more");
    assert!(
        line.starts_with("aemp: ") && line.ends_with(&format!("trying {} again", seed.address)),
        "{line}"
    );
    let line: Value = serde_json::from_str(&json.complains("no seed is connected any more")).unwrap();
    assert_eq!(line["event"], json!("note"));
    let seed = home.run("seed");
    let line = log.complains("a seed is connected again");
    assert!(line.ends_with(&seed.id), "{line}");
}

/// A node of `aemp run` tells its ports, and its connections; the directory its families.
#[test]
fn a_node_tells_what_it_has() {
    let (home, seed, worker) = network();
    let out = home.aemp(&format!("ports {} --timeout 60", worker.id)).ok();
    assert!(out.starts_with("PORT") && out.lines().any(|line| line.starts_with(&worker.echo())), "{out}");
    assert!(out.contains("mp::status"), "{out}");
    let said = lines(&home.aemp(&format!("ports {} --json --timeout 60", worker.address)).ok());
    let echo = said.iter().find(|port| port["port"] == worker.echo()).unwrap();
    assert_eq!(
        (&echo["event"], &echo["messages"], &echo["handlers"]),
        (&json!("port"), &json!(0), &json!(false))
    );

    let out = home.aemp("trace --timeout 60").ok();
    let row = |node: &Node| out.lines().find(|line| line.starts_with(&node.id)).unwrap().to_owned();
    assert!(row(&seed).contains("rust") && row(&seed).contains(&worker.id), "{out}");
    assert!(row(&worker).contains(&seed.id) && !out.contains("anon/"), "{out}");
    // An address needs no seed, not for the neighbours either.
    home.aemp("profile aemp delseeds").ok();
    let said = lines(&home.aemp(&format!("trace {} --json --timeout 60", worker.address)).ok());
    let of = |id: &str| said.iter().find(|node| node["node"] == id).unwrap();
    assert_eq!(of(&seed.id)["connections"][0]["node"], json!(worker.id), "{said:?}");
    assert_eq!(of(&worker.id)["connections"][0]["send"], json!("postcard"), "{said:?}");

    let seeds = format!("--seed {} --timeout 60", seed.address);
    let out = home.aemp(&format!("db families {seeds}")).ok();
    assert!(out.lines().any(|line| line.starts_with("mp_echo") && line.ends_with(" 2")), "{out}");
    assert!(!out.contains("'l"), "{out}");
    let said = lines(&home.aemp(&format!("groups --json {seeds}")).ok());
    assert!(said.contains(&json!({"event": "group", "group": "mp_echo", "members": 2})), "{said:?}");
}

/// A command that is in the network meanwhile has nothing to tell, and nobody is at fault for that.
#[test]
fn who_only_looks_on_need_not_tell() {
    let (home, seed, _worker) = network();
    let watch = home.start("db watch colours --timeout 60");
    watch.says("(this is all; changes follow");
    let out = home.aemp("trace --timeout 60").ok();
    let row = out.lines().find(|line| line.starts_with("anon/")).unwrap();
    assert!(row.contains("rust  ? "), "{out}");
    let id = row.split_whitespace().next().unwrap();
    // But for one that is asked for itself.
    let ran = home.aemp(&format!("trace {id} --timeout 60"));
    assert!(ran.code == Some(1) && ran.err.contains("nodes did not tell"), "{ran:?}");
    assert!(out.lines().any(|line| line.starts_with(&seed.id) && line.contains(id)), "{out}");
}

/// The program of these tests that is a Perl node, if Perl can run it.
pub(crate) fn perl(settings: &Value) -> Option<Process> {
    const PEER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../mp-global/tests/perl/peer.pl");
    let checked = Command::new("perl").args(["-c", PEER]).output();
    if !checked.is_ok_and(|checked| checked.status.success()) {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "see .ci/packages");
        println!("skipped: perl cannot run the program of these tests");
        return None;
    }
    Some(Process::start(Command::new("perl").args([PEER, &settings.to_string()])))
}

#[test]
fn a_perl_node_is_pinged_and_evaluates() {
    let (home, seed, _worker) = network();
    let secret = home.json()["secret"].clone();
    let settings =
        json!({"node": "pearl", "secret": secret, "seeds": [seed.address], "listen": ["127.0.0.1:0"]});
    let Some(perl) = perl(&settings) else { return };
    perl.says("\"ev\":\"master\"");
    home.aemp("ping pearl -n 2 -i 0.01 --timeout 60").ok();
    let out = home.aemp("nodes --timeout 60").ok();
    assert!(out.lines().any(|line| line.starts_with("pearl ") && line.contains("perl  ")), "{out}");
    assert_eq!(home.words(&["eval", "--timeout", "60", "pearl", "(1 + 2,", "'x')"]).ok(), "3,\"x\"\n");
    let error = home.words(&["eval", "--timeout", "60", "pearl", "die \"oops\\n\""]).failed();
    assert_eq!(error, "aemp: oops\n");
    let error = home.aemp("ports pearl --timeout 60").failed();
    assert!(error.contains("pearl does not tell: it is a Perl node"), "{error}");
    let ran = home.aemp("trace --timeout 60");
    assert!(ran.code == Some(1) && ran.err.contains("1 of 3 nodes did not tell"), "{ran:?}");
    assert!(ran.out.lines().any(|line| line.starts_with("pearl ") && line.contains("perl  ? ")), "{ran:?}");
    let error = home.aemp("restart pearl --timeout 60").failed();
    assert!(error.contains("AnyEvent/Watchdog"), "{error}");
}

/// As the original does it: a Perl node is asked for the nodes that it is connected with, these are asked in turn, and
/// whoever asks is not among them; and it is told to restart itself, and gone when the command ends. The program of these
/// tests is no AnyEvent::MP: it is given the two functions that are called in that.
#[test]
fn a_perl_node_is_traced_and_restarted() {
    let (home, seed, worker) = network();
    let secret = home.json()["secret"].clone();
    let settings =
        json!({"node": "pearl", "secret": secret, "seeds": [seed.address], "listen": ["127.0.0.1:0"]});
    let Some(mut perl) = perl(&settings) else { return };
    perl.says("\"ev\":\"master\"");
    for code in [
        "sub AnyEvent::MP::Kernel::up_nodes { Aemp::Node::up_nodes() } 1",
        "$INC{'AnyEvent/Watchdog/Util.pm'} = 1; sub AnyEvent::Watchdog::Util::restart { exit 0 } 1",
    ] {
        assert_eq!(home.words(&["eval", "--timeout", "60", "pearl", code]).ok(), "1\n");
    }
    for line in ["trace pearl --timeout 60".to_owned(), format!("trace {} --timeout 60", worker.address)] {
        let out = home.aemp(&line).ok();
        let row = |id: &str| out.lines().find(|row| row.starts_with(&format!("{id} "))).unwrap().to_owned();
        assert!(row("pearl").contains("perl") && row("pearl").contains(&seed.id), "{out}");
        assert!(row(&seed.id).contains("pearl") && row(&seed.id).contains(&worker.id), "{out}");
        assert!(out.lines().count() == 4 && !out.contains("anon/"), "{out}");
    }
    let said = lines(&home.aemp("trace pearl --json --timeout 60").ok());
    let pearl = said.iter().find(|row| row["node"] == "pearl").unwrap();
    assert_eq!((&pearl["event"], &pearl["kind"]), (&json!("node"), &json!("perl")));
    let out = home.aemp("restart pearl --timeout 60").ok();
    assert_eq!(out, "restarting: pearl has gone to start anew\n");
    assert_eq!(perl.ends(), Some(0));
}

/// Ours refuse, and the refusal says why.
#[test]
fn a_rust_node_runs_no_code() {
    let (home, seed, _worker) = network();
    for line in [format!("eval {} 1", seed.address), format!("restart {}", seed.address)] {
        let error =
            home.aemp(&format!("{line} --timeout 60").replace(" 1 --timeout 60", " --timeout 60 1")).failed();
        assert!(error.contains(&seed.id) && error.contains("refuses: it is a Rust node"), "{error}");
        assert!(error.contains("none of them ever runs code that it is sent"), "{error}");
    }
    let error = home.aemp("eval x#y 1").refused();
    assert!(error.contains("write the node alone"), "{error}");
}
