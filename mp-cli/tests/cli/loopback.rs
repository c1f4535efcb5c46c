//! `localhost`, which is where people look first, and what `*` in `binds` leaves out. [CF-07]

use crate::common::{Home, Node};
use crate::process::free_port;

/// A node that listens at every address of this machine but loopback, and its port; none if there is no such address.
fn hidden() -> Option<(Home, Node, u16)> {
    if mp_config::interfaces().iter().any(std::net::IpAddr::is_loopback) {
        println!("skipped: this machine has no address but loopback");
        return None;
    }
    let (home, port) = (Home::new(), free_port());
    home.aemp("gensecret").ok();
    home.aemp(&format!("profile seed setbinds *:{port}")).ok();
    let seed = home.run("seed");
    Some((home, seed, port))
}

/// [CF-07]: who looks there for a node that is elsewhere on the machine is told where, by all that look.
#[test]
fn who_looks_at_loopback_in_vain_is_told_where() {
    let Some((home, seed, port)) = hidden() else { return };
    let line = seed.process.says("listens on");
    assert!(line.contains(&format!("(not at localhost: *:{port} leaves out loopback)")), "{line}");
    let at = seed.address.trim_end_matches(',');
    let hint = format!("; write {at}, where somebody listens: `*` in `binds` is every address");
    for line in [
        format!("ping localhost:{port}"),
        format!("cal 127.0.0.1:{port} time"),
        format!("nodes --seed localhost:{port}"),
        format!("top --once --seed localhost:{port}"),
        // One of several may yet come, so that these are waited for.
        format!("nodes --seed localhost:{port} --seed localhost:1 --timeout 0.5"),
    ] {
        if cfg!(not(feature = "top")) && line.starts_with("top") {
            continue;
        }
        let error = home.aemp(&line).failed();
        assert!(error.contains("Connection refused") && error.contains(&hint), "{line}: {error}");
    }
    home.aemp(&format!("ping {at} -c 1 --timeout 60")).ok();

    home.aemp(&format!("profile worker setbinds 127.0.0.1:0 setseeds localhost:{port}")).ok();
    let ran = home.aemp("doctor worker --timeout 60");
    let line = ran.out.lines().find(|line| line.starts_with("FAIL  seed")).unwrap_or_default();
    assert!(line.contains(&format!("correct it by `aemp setseeds`: write {at}")), "{ran:?}");
    let worker = home.run("worker");
    let line = worker.process.complains("nobody listens at the seed");
    assert!(line.contains("WARN") && line.contains(&format!("localhost:{port}{hint}")), "{line}");
}

/// `doctor` says so before anything runs.
#[test]
fn binds_that_leave_out_loopback_are_told_by_doctor() {
    let Some((home, seed, port)) = hidden() else { return };
    let out = home.aemp("doctor seed --timeout 60").ok();
    assert!(
        out.contains(&format!("bind      *:{port} is every address of this machine but loopback")),
        "{out}"
    );
    drop(seed);
    home.aemp(&format!("profile seed setseeds localhost:{port}")).ok();
    let out = home.aemp("doctor seed --timeout 60").ok();
    let line = out.lines().find(|line| line.starts_with("warn  seed")).unwrap_or_default();
    assert!(line.contains("this node will not listen there") && line.contains("by `aemp setseeds`"), "{out}");
    home.aemp(&format!("profile seed addbind localhost:{port}")).ok();
    assert!(!home.aemp("doctor seed --timeout 60").out.contains("but loopback"));
}

/// What the help says to do first can be done, as it stands but for the port.
#[test]
fn the_first_steps_of_the_help_work() {
    let home = Home::new();
    let help = home.aemp("help").ok();
    let steps = help.split("First steps:\n").nth(1).unwrap();
    let port = free_port().to_string();
    let mut node = None;
    let mut typed = 0;
    for line in steps.lines().map_while(|line| line.strip_prefix("  aemp ")) {
        let line = line.split("  ").next().unwrap().replace("4040", &port);
        typed += 1;
        match line.split_once(' ') {
            None if line == "demo" => {}
            Some(("run", profile)) => node = Some(home.run(profile)),
            Some(("ping", rest)) => drop(home.aemp(&format!("ping {rest} -i 0.01 --timeout 60")).ok()),
            _ => drop(home.aemp(&line).ok()),
        }
    }
    assert!(typed == 6 && node.is_some(), "{help}");
}
