//! `aemp demo`, with real processes.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::common::{Home, Ran};
use crate::process::{Process, Stream};
use serde_json::Value;

/// What happens, in order: who, and what.
const STORY: &[(&str, &str)] = &[
    ("", "step 1"),
    ("seed", "listening"),
    ("seed", "registered"),
    ("", "step 2"),
    ("receiver", "registered"),
    ("sender", "found"),
    ("sender", "sent"),
    ("receiver", "received"),
    ("", "step 3"),
    ("ada", "found"),
    ("seed", "joined"),
    ("bob", "found"),
    ("seed", "joined"),
    ("ada", "said"),
    ("seed", "relayed"),
    ("ada", "heard"),
    ("bob", "heard"),
    ("bob", "said"),
    ("seed", "relayed"),
    ("ada", "heard"),
    ("bob", "heard"),
    ("", "step 4"),
    ("bob", "killed"),
    ("seed", "monitor_fired"),
    ("seed", "dropped"),
    ("ada", "said"),
    ("seed", "relayed"),
    ("ada", "heard"),
    ("", "step 5"),
    ("ada", "stopped"),
    ("seed", "monitor_fired"),
    ("seed", "dropped"),
    ("sender", "stopped"),
    ("receiver", "stopped"),
    ("seed", "stopped"),
    ("", "done"),
];

/// The program in a home whose temporary directory is known to nobody else.
fn demo(home: &Home, words: &[&str]) -> Command {
    let mut command = home.command(words);
    command.env("TMPDIR", home.directory.path());
    command
}

/// No file in the home, which is the place for temporary ones as well; no process that knows of it.
#[track_caller]
fn nothing_is_left(home: &Home) {
    let left: Vec<_> = fs::read_dir(home.directory.path()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
    // A process that was killed may take a moment to go, if nobody waited for it.
    let gone = (0..1000).any(|_| processes(home).is_empty());
    assert!(gone, "{:?}", processes(home));
}

/// The processes whose temporary directory is this home.
fn processes(home: &Home) -> Vec<String> {
    let place = format!("TMPDIR={}", home.directory.path().display());
    let all = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let numbers = all.filter_map(|entry| entry.file_name().into_string().ok());
    let ours = |number: &String| {
        let environment = fs::read(Path::new("/proc").join(number).join("environ")).unwrap_or_default();
        environment.split(|&byte| byte == 0).any(|variable| variable == place.as_bytes())
    };
    numbers.filter(ours).collect()
}

#[test]
fn the_whole_story_in_order() {
    let home = Home::new();
    let out = Ran::of(demo(&home, &["demo", "--json"])).ok();
    let events: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told: Vec<_> = events
        .iter()
        .map(|event| {
            let what = match event["event"].as_str() {
                Some("step") => format!("step {}", event["step"]),
                other => other.unwrap().to_owned(),
            };
            (event["actor"].as_str().unwrap_or_default(), what)
        })
        .collect();
    let story: Vec<_> = STORY.iter().map(|(who, what)| (*who, (*what).to_owned())).collect();
    assert_eq!(told, story);
    let fired = events.iter().filter(|event| event["event"] == "monitor_fired");
    let reasons: Vec<_> = fired.map(|event| event["reason"].as_array().unwrap().clone()).collect();
    assert_eq!(reasons[0][0], "transport_error");
    assert!(reasons[1].is_empty());
    nothing_is_left(&home);
}

#[test]
fn text_without_colour_when_nobody_looks() {
    let home = Home::new();
    let out = Ran::of(demo(&home, &["demo"])).ok();
    assert!(!out.contains('\u{1b}'), "{out:?}");
    assert!(out.contains("\n   receiver  received [\"test\",123]\n"), "{out}");
    assert!(out.ends_with("nothing is left behind.\n"), "{out}");
    assert!(Ran::of(demo(&home, &["demo", "--color", "always"])).ok().contains('\u{1b}'));
    nothing_is_left(&home);
}

#[test]
fn no_environment_disturbs_it() {
    let home = Home::new();
    for (name, value) in [
        ("PERL_ANYEVENT_MP_RC", "/no/such/file"),
        ("PERL_ANYEVENT_MP_RC", "/"),
        ("PERL_ANYEVENT_MP_RC", "/dev/null"),
        ("HOME", "/no/such/home"),
        ("PATH", "/no/such/path"),
    ] {
        let mut command = demo(&home, &["demo"]);
        command.env(name, value);
        Ran::of(command).ok();
    }
    let mut command = demo(&home, &["demo"]);
    command.env_remove("HOME");
    Ran::of(command).ok();
    nothing_is_left(&home);
}

#[test]
fn what_is_missing_is_named() {
    let home = Home::new();
    let nowhere = home.directory.path().join("none");
    let mut command = demo(&home, &["demo"]);
    command.env("TMPDIR", nowhere);
    let error = Ran::of(command).failed();
    assert!(error.contains("temporary directory") && error.contains("TMPDIR"), "{error}");

    // The limit is enough for the director, and for some of the others.
    let told = (18..40).step_by(3).map(|files| {
        let mut shell = Command::new("/bin/sh");
        let script = format!("ulimit -n {files}; exec \"$0\" demo");
        shell.args(["-c", &script, env!("CARGO_BIN_EXE_aemp")]).env_clear();
        shell.env("HOME", home.directory.path()).env("TMPDIR", home.directory.path());
        Ran::of(shell)
    });
    let failed: Vec<_> = told.filter(|ran| ran.code != Some(0)).collect();
    assert!(!failed.is_empty());
    for ran in &failed {
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(ran.err.starts_with("aemp: ") && !ran.err.contains("panicked"), "{ran:?}");
        assert!(!ran.out.contains("Done"), "{ran:?}");
    }
    nothing_is_left(&home);
}

/// A process that is stopped in the middle: the demonstration says what did not happen, and ends that one, too.
#[test]
fn a_process_that_hangs_is_named_and_ended() {
    let home = Home::new();
    let caught = (0..20).any(|_| {
        let Some(mut process) = frozen(&home) else { return false };
        // Not one that has not become a process of its own yet: the director could not go on without it.
        let children = processes(&home).into_iter().filter(|number| {
            let line = fs::read_to_string(Path::new("/proc").join(number).join("cmdline"));
            line.is_ok_and(|line| line.contains("demo-node"))
        });
        let children: Vec<_> = children.collect();
        if children.is_empty() {
            process.signal("CONT");
            process.ends();
            return false;
        }
        let script = format!("kill -STOP {}", children.join(" "));
        Command::new("/bin/sh").args(["-c", &script]).status().unwrap();
        process.signal("CONT");
        match process.ends() {
            Some(0) => return false,
            code => assert_eq!(code, Some(1), "{}", process.all()),
        }
        let line = process.complains("the demo stopped: ");
        assert!(line.contains(" was to tell that ") && line.contains("did not happen within 8s"), "{line}");
        true
    });
    assert!(caught);
    nothing_is_left(&home);
}

#[test]
fn signals_end_it_and_leave_nothing() {
    let home = Home::new();
    for signal in crate::process::stopping_signals() {
        let expected = match signal {
            "HUP" => 129,
            "INT" => 130,
            "QUIT" => 131,
            _ => 143,
        };
        let caught = (0..20).any(|_| {
            let Some(mut process) = frozen(&home) else { return false };
            process.signal(signal);
            process.signal("CONT");
            match process.ends() {
                Some(0) => return false,
                code => assert_eq!(code, Some(expected), "{}", process.all()),
            }
            process.complains("interrupted");
            true
        });
        assert!(caught, "{signal}");
        nothing_is_left(&home);
    }
}

/// Killed, it cannot end the others; they end by themselves.
#[test]
fn the_processes_do_not_outlive_their_director() {
    let home = Home::new();
    let caught = (0..20).any(|_| frozen(&home).map(|mut process| process.kill()).is_some());
    assert!(caught);
    for left in fs::read_dir(home.directory.path()).unwrap() {
        fs::remove_dir_all(left.unwrap().path()).unwrap();
    }
    nothing_is_left(&home);
}

/// A demonstration that is stopped in the middle, unless it was too fast for us.
fn frozen(home: &Home) -> Option<Process> {
    let process = Process::start(&mut demo(home, &["demo"]));
    process.says("1. ");
    process.signal("STOP");
    let state = fs::read_to_string(format!("/proc/{}/stat", process.id())).unwrap();
    let at_work = !state.rsplit(')').next().unwrap().trim_start().starts_with('Z');
    let begun = process.count_after(std::time::Duration::ZERO, Stream::Out, "Done") == 0;
    (at_work && begun).then_some(process)
}
