//! Records that are tampered with: each fault in them is found, and what is none is not.

use std::io::Write;

use mp_node::Reason;

use super::super::merge::{COORDINATOR, record_of};
use super::super::record::Aim;
use super::super::record::tests::Dir;
use super::*;

/// A line of a record: at which ms, of which process, what.
type Line = (u64, u32, Event);

/// A sender of the process 1, a port of the process 2, and monitors of 1.
const SENDER: u32 = 10_000;
const PORT: u32 = 20_000;
const MONITOR: u64 = 10_000_000;
const WATCH: u64 = 10_000_001;

/// What is so in all runs here: two processes on two hosts, and a port; the sender minds it.
fn begin() -> Vec<Line> {
    let id = "n1#port".parse().expect("a port ID");
    vec![
        (0, COORDINATOR, Event::Starts { process: 1, host: 0 }),
        (1, COORDINATOR, Event::Starts { process: 2, host: 1 }),
        (10, 2, Event::Port { port: PORT, id }),
        (20, 1, Event::Minds { sender: SENDER, port: PORT, monitor: MONITOR, replaces: false }),
    ]
}

fn sends(at: u64, number: u32) -> Line {
    (at, 1, Event::Sends { sender: SENDER, port: PORT, number })
}

fn got(at: u64, number: u32) -> Line {
    (at, 2, Event::Got { sender: SENDER, port: PORT, number })
}

fn told(at: u64) -> Line {
    (at, 1, Event::Told { monitor: MONITOR })
}

fn kills(at: u64, process: u32) -> [Line; 2] {
    [(at, COORDINATOR, Event::Kills { process }), (at + 5, COORDINATOR, Event::Ended { process })]
}

/// Judges a run that begins like all, and ends well after what happens in it.
fn judged(name: &str, lines: impl IntoIterator<Item = Line>) -> Judged {
    let dir = Dir::new(name);
    let mut lines: Vec<Line> = begin().into_iter().chain(lines).collect();
    lines.push((90_000, COORDINATOR, Event::Rests));
    lines.sort_by_key(|(at, ..)| *at);
    for (at, process, event) in lines {
        let path = record_of(&dir.0, process);
        let mut file =
            std::fs::OpenOptions::new().append(true).create(true).open(path).expect("there is room");
        let line = serde_json::to_string(&(at * 1000, event)).expect("it can be written");
        writeln!(file, "{line}").expect("there is room");
    }
    judge(&dir.0).expect("readable")
}

/// What is said first of a run that breaks a guarantee.
fn violation(name: &str, lines: impl IntoIterator<Item = Line>) -> String {
    let judged = judged(name, lines);
    judged.violations.first().unwrap_or_else(|| panic!("{name}: {judged:?}")).clone()
}

fn is_well(name: &str, lines: impl IntoIterator<Item = Line>) -> Judged {
    let judged = judged(name, lines);
    assert!(judged.violations.is_empty(), "{judged:?}");
    judged
}

#[test]
fn what_arrives_is_counted() {
    let judged = is_well("well", [sends(30, 0), sends(31, 1), got(40, 0), got(41, 1)]);
    assert_eq!((judged.sent, judged.received, judged.holes), (2, 2, 0));
}

#[test]
fn a_duplicate_is_found() {
    let what = violation("duplicate", [sends(30, 0), got(40, 0), got(50, 0)]);
    assert!(what.starts_with("G-1, G-2: port 20000 got 0"), "{what}");
}

#[test]
fn a_hole_is_found_unless_it_was_told() {
    let lines = [sends(30, 0), sends(31, 1), got(5000, 1)];
    let what = violation("hole", lines.clone());
    assert!(what.starts_with("G-3: port 20000 got 1"), "{what}");
    let judged = is_well("hole told", lines.clone().into_iter().chain([told(4000)]));
    assert_eq!((judged.holes, judged.unknown), (1, 0));
    is_well("hole told just then", lines.clone().into_iter().chain([told(5900)]));
    let what = violation("hole told late", lines.into_iter().chain([told(6100)]));
    assert!(what.starts_with("G-3"), "{what}");
}

#[test]
fn a_message_that_never_comes_is_found() {
    let what = violation("never", [sends(30, 0)]);
    assert!(what.starts_with("G-3: 0 of 10000 to port 20000 never came"), "{what}");
    is_well("never, told", [sends(30, 0), told(3000)]);
}

/// The monitor may have told; but not long before.
#[test]
fn the_last_moments_of_a_killed_process_are_not_known() {
    let lines = |kill: u64| [sends(30, 0), sends(31, 1), got(5000, 1)].into_iter().chain(kills(kill, 1));
    let judged = is_well("killed", lines(5900));
    assert_eq!((judged.holes, judged.unknown), (1, 1));
    is_well("killed before", lines(4000));
    let what = violation("killed after", lines(6100));
    assert!(what.starts_with("G-3"), "{what}");
    let what = violation("killed, twice", lines(4000).chain([got(5001, 1)]));
    assert!(what.starts_with("G-1"), "{what}");
}

/// What was recorded by a process that had been stopped may have happened before that.
#[test]
fn a_stopped_process_records_late() {
    let lines = || [sends(30, 0), sends(31, 1), got(5000, 1), told(9500)];
    let stop = |from: u64, to: u64| {
        let span = [from * 1000, to * 1000];
        (to, COORDINATOR, Event::Stopped { process: 1, perhaps: span, surely: span })
    };
    is_well("stopped", lines().into_iter().chain([stop(4900, 9400)]));
    let what = violation("stopped later", lines().into_iter().chain([stop(7000, 9400)]));
    assert!(what.starts_with("G-3"), "{what}");
}

#[test]
fn a_monitor_that_does_not_fire_is_found() {
    let watch = (100, 1, Event::Monitors { watch: WATCH, target: Aim::Port(PORT) });
    let killed: Vec<Line> = [watch.clone()].into_iter().chain(kills(9000, 2)).collect();
    let fires = |at, reason| (at, 1, Event::Fired { watch: WATCH, reason });
    let lost = || Reason::new("transport_error", "lost");
    let what = violation("silent", killed.clone());
    assert!(what.contains("it has not fired"), "{what}");
    let what = violation("late", killed.clone().into_iter().chain([fires(16_000, lost())]));
    assert!(what.contains("G-10"), "{what}");
    let judged = is_well("in time", killed.clone().into_iter().chain([fires(12_000, lost())]));
    assert_eq!((judged.monitors, judged.fired), (1, 1));
    let what = violation("lie", killed.clone().into_iter().chain([fires(12_000, Reason::die("x"))]));
    assert!(what.contains("a reason that is not true"), "{what}");
    let meant = (8999, 1, Event::WillKill { port: PORT, reason: Reason::die("x") });
    let full = || Reason::mailbox_overflow(&"n1#port".parse().expect("a port ID"));
    is_well("full", killed.clone().into_iter().chain([fires(9010, full())]));
    let leaves = [(9000, 2, Event::Leaves), (9001, 2, Event::Died { port: PORT, reason: full() })];
    let left = [killed[0].clone()].into_iter().chain(leaves.clone()).chain([fires(9010, full())]);
    is_well("full when it was shut down", left);
    let lie = [killed[0].clone()].into_iter().chain(leaves).chain([fires(9010, Reason::die("x"))]);
    assert!(violation("not so", lie).contains("a reason that is not true"));
    is_well("meant", killed.clone().into_iter().chain([meant, fires(12_000, Reason::die("x"))]));
    let both = killed.into_iter().chain([fires(12_000, lost()), fires(12_001, lost())]);
    assert!(violation("twice", both).contains("has fired twice"));
}

#[test]
fn a_stopped_process_that_is_not_found_is_found() {
    let watch = (100, 1, Event::Monitors { watch: WATCH, target: Aim::Port(PORT) });
    let span = [9_000_000, 18_000_000];
    let stop = (18_000, COORDINATOR, Event::Stopped { process: 2, perhaps: span, surely: span });
    is_well("frozen, and shut down", [watch.clone(), stop.clone(), (10_000, 1, Event::Leaves)]);
    let what = violation("frozen", [watch.clone(), stop.clone()]);
    assert!(what.starts_with("G-10: monitor 0 of port 20000"), "{what}");
    let reason = Reason::new("transport_error", "no sign of life");
    is_well("frozen, found", [watch, stop, (11_500, 1, Event::Fired { watch: WATCH, reason })]);
}

#[test]
fn what_is_not_over_is_found() {
    let asks = (100, 1, Event::Asks { errand: 7, what: "n1".into() });
    let what = violation("errand", [asks.clone()]);
    assert!(what.starts_with("G-4: 1 waits for ever"), "{what}");
    let judged = is_well("answered", [asks.clone(), (200, 1, Event::Answered { errand: 7 })]);
    assert_eq!(judged.errands, 1);
    is_well("dead", [asks].into_iter().chain(kills(4000, 1)));
    let what = violation("broken", [(100, 2, Event::Broken { what: "G-5: it is so".into() })]);
    assert_eq!(what, "2: G-5: it is so");
}

#[test]
fn a_last_word_must_arrive() {
    let word = (90_010, 1, Event::Farewell { sender: SENDER + 1 });
    let minds = Event::Minds { sender: SENDER + 1, port: PORT, monitor: MONITOR + 5, replaces: false };
    let sends = Event::Sends { sender: SENDER + 1, port: PORT, number: 0 };
    let lines = [word, (90_011, 1, minds), (90_012, 1, sends), (90_013, 1, Event::Leaves)];
    let what = violation("unheard", lines.clone());
    assert!(what.starts_with("G-9: of 1 messages that 10001 sent"), "{what}");
    let got = Event::Got { sender: SENDER + 1, port: PORT, number: 0 };
    let judged = is_well("heard", lines.into_iter().chain([(90_020, 2, got)]));
    assert_eq!(judged.last_words, 1);
}

#[test]
fn a_record_that_is_not_whole_is_found() {
    let what = violation("torn", [sends(30, 0), sends(32, 2), got(40, 0), got(41, 1)]);
    assert!(what.contains("is not whole"), "{what}");
    let dir = Dir::new("no end");
    drop(std::fs::File::create(record_of(&dir.0, COORDINATOR)).expect("there is room"));
    assert_eq!(judge(&dir.0).expect("readable").violations, ["the run did not come to its end"]);
}
