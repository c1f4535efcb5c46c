//! `docs/operations.md`, typed: all its commands in order, and what it says of the log.

#![cfg(all(feature = "top", feature = "tls"))]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::{HEARS_HUP, Ran};
use crate::process::free_port;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

fn page() -> String {
    fs::read_to_string(root().join("docs/operations.md")).unwrap()
}

/// The lines of all blocks marked `sh`, without what a list indents them by.
fn commands(page: &str) -> Vec<&str> {
    let (mut commands, mut inside) = (Vec::new(), false);
    for line in page.lines().map(str::trim) {
        match line {
            "```sh" => inside = true,
            "```" => inside = false,
            _ if inside => commands.push(line),
            _ => {}
        }
    }
    commands
}

/// Ends the node that the page has started, whatever becomes of the test.
struct Sandbox(tempfile::TempDir);

impl Drop for Sandbox {
    fn drop(&mut self) {
        let script = format!("kill -KILL $(cat {}/pid) 2>/dev/null", self.0.path().display());
        drop(Command::new("/bin/sh").args(["-c", &script]).status());
    }
}

/// Does it as whoever we are.
const AS_USER: &str = r#"[ "$1 $2 $3" = "-u aemp --" ] && shift 3 && exec "$@""#;

/// Puts scripts in place of programs that need a machine of their own.
fn stand_ins(bin: &Path) {
    fs::create_dir(bin).unwrap();
    for (name, script) in [
        ("useradd", "exit 0"),
        ("chown", "exit 0"),
        ("journalctl", "exec cat \"$WORK/log\""),
        ("runuser", AS_USER),
    ] {
        fs::write(bin.join(name), format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(bin.join(name), fs::Permissions::from_mode(0o755)).unwrap();
    }
    let systemctl = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/operations/systemctl");
    symlink(systemctl, bin.join("systemctl")).unwrap();
    symlink(env!("CARGO_BIN_EXE_aemp"), bin.join("aemp")).unwrap();
}

#[test]
fn its_commands_work_in_order() {
    let page = page();
    let commands = commands(&page);
    assert!(commands.len() > 25, "{commands:?}");
    let sandbox = Sandbox(tempfile::tempdir().unwrap());
    let work = sandbox.0.path();
    let bin = work.join("bin");
    stand_ins(&bin);
    fs::create_dir_all(work.join("etc/systemd/system")).unwrap();
    let (port, metrics) = (free_port().to_string(), free_port().to_string());
    let script = commands.join("\n");
    let script = script.replace("10.0.0.1:4040", &format!("127.0.0.1:{port}"));
    let script = script.replace(" /etc/", &format!(" {}/etc/", work.display()));
    let script = script
        .replace("=/etc/", &format!("={}/etc/", work.display()))
        .replace(":9464", &format!(":{metrics}"));
    let mut shell = Command::new("/usr/bin/env");
    shell.args([HEARS_HUP, "bash", "-euo", "pipefail", "-c", &script]).current_dir(root()).env_clear();
    shell.env("PATH", format!("{}:/usr/bin:/bin", bin.display())).env("HOME", work).env("WORK", work);
    shell.env("AEMP", env!("CARGO_BIN_EXE_aemp")).env("PORT", &port).env("METRICS", &metrics);
    shell.env("OLD", "the-old-one").env("NEW", "the-new-one");
    let ran = Ran::of(shell);
    let log = fs::read_to_string(work.join("log")).unwrap_or_default();
    assert_eq!(ran.code, Some(0), "{}\n{}\n{log}", ran.out, ran.err);
    for part in ["aemp: active", "NODE", "\"silent\":[]", "mp_connections{", "\"reloaded\""] {
        assert!(ran.out.contains(part), "{part}: {}", ran.out);
    }
    let config = work.join("etc/aemp/config");
    assert_eq!(fs::metadata(&config).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!fs::read_to_string(config).unwrap().contains("the-old-one"));
    // Each line of the log is an object, and the node has stopped in good order.
    assert!(log.lines().all(|line| line.starts_with('{') || !line.contains("INFO")), "{log}");
    assert!(log.contains("\"stopping\""), "{log}");
}

/// Who looks for the old names in `cargo doc` finds the new ones.
#[test]
fn the_old_names_are_found_by_rustdoc() {
    let mut sources = String::new();
    for part in ["mp-node/src", "mp-global/src"] {
        gather(&root().join(part), &mut sources);
    }
    let aliases: String = sources.lines().filter(|line| line.trim().starts_with("#[doc(alias")).collect();
    for name in [
        // AnyEvent::MP's and its directory's.
        "configure",
        "NODE",
        "node_of",
        "rcv",
        "snd",
        "mon",
        "mon_guard",
        "kil",
        "psub",
        "peval",
        "spawn",
        "after",
        "cal",
        "grp_reg",
        "grp_get",
        "grp_mon",
        "db_set",
        "db_del",
        "db_reg",
        "db_get",
        "db_family",
        "db_keys",
        "db_values",
        "db_mon",
        "mon_nodes",
        "up_nodes", // Coro::MP's.
        "get",
        "get_cond", // Erlang's.
        "cast",
        "gen_server:call",
        "trap_exit",
        "exit",
        "register",
        "whereis",
        "receive",
        "self",
        "start_timer",
        "send_interval",
        "monitor_nodes",
        "spawn_link",
        "pg:join",
        "pg:get_members",
    ] {
        assert!(aliases.contains(&format!("\"{name}\"")), "nothing has the alias {name}");
    }
    // These are called so still.
    for name in ["port", "spawn", "link", "monitor", "send_after", "group"] {
        assert!(sources.contains(&format!("pub fn {name}")), "{name}");
    }
}

/// What the page says is logged is logged somewhere in the program.
#[test]
fn the_warnings_that_it_explains_exist() {
    let page = page();
    let begin = page.find("## The log").unwrap();
    let section = &page[begin..page[begin..].find("\n## Limits").unwrap() + begin];
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let mut sources = String::new();
    for part in ["mp-node/src", "mp-global/src", "mp-cli/src", "mp-proto/src"] {
        gather(&root().join(part), &mut sources);
    }
    let mut count = 0;
    for text in rows {
        count += 1;
        assert!(sources.contains(text.trim_start_matches("the peer still")), "nothing says {text:?}");
    }
    assert!(count > 12, "{section}");
}

fn gather(directory: &Path, text: &mut String) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            gather(&path, text);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text.push_str(&fs::read_to_string(path).unwrap());
        }
    }
}

/// What the unit starts, this program understands.
#[test]
fn the_unit_has_what_it_should() {
    let unit = fs::read_to_string(root().join("contrib/aemp.service")).unwrap();
    for line in ["Type=notify", "NoNewPrivileges=yes", "ProtectSystem=strict", "UMask=0077", "User=aemp"] {
        assert!(unit.lines().any(|found| found == line), "{line}");
    }
}
