//! Recorded screens: 50 nodes behind them. To record them anew after a change that is meant, run with `AEMP_RECORD=1`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use mp_global::status::{Connection, Summary};
use mp_transport::clock;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};

use super::*;
use crate::cmd::top::gather::{Report, Sample};
use crate::cmd::top::model::Wish;
use crate::cmd::top::number::float;

fn node(number: u64) -> String {
    if number == 33 {
        return "storage-worker33/x9Q4kLmN0pQ".to_owned();
    }
    format!("worker{number:02}/{}", ["Ab3", "x9Q", "kk0"][usize::try_from(number % 3).unwrap()])
}

/// A node after `seconds`, each busier than the one before.
fn report(number: u64, seconds: u64) -> Report {
    let mut summary = Summary::default();
    summary.node = node(number);
    summary.version = "0.1.0".to_owned();
    summary.uptime = float(1_000 * number + seconds);
    summary.addresses = vec![format!("10.0.0.{number}:4040")];
    summary.connected = 3 + number % 5;
    summary.messages_in = number * number * 20 * seconds;
    summary.messages_out = number * number * 10 * seconds;
    summary.bytes_in = summary.messages_in * 120;
    summary.bytes_out = summary.messages_out * 80;
    summary.queued_messages = if number.is_multiple_of(7) { number } else { 0 };
    summary.queued_bytes = summary.queued_messages * 100;
    summary.ports = 10 + number * number;
    summary.mailbox_messages = number % 4;
    summary.dead_letters = number / 10;
    summary.global = number < 3;
    summary.master = (number >= 3).then(|| node(number % 3));
    summary.keys = 12;
    if number == 11 {
        summary.handshake_failures = [("secret".to_owned(), 3), ("timed_out".to_owned(), 1)].into();
    }
    let connections = (0..summary.connected).map(|peer| {
        let mut link = Connection::default();
        link.node = node((number + peer * 9 + 1) % 50);
        link.address = format!("10.0.0.{}:4040", (number + peer * 9 + 1) % 50);
        (link.send, link.receive) = ("postcard".to_owned(), "postcard".to_owned());
        link.auth = Some("hmac_sha3_512".to_owned());
        link.tls = peer.is_multiple_of(2).then(|| "TLS 1.3".to_owned());
        link.age = summary.uptime / 2.0;
        link.messages_in = summary.messages_in / (peer + 1);
        link.messages_out = summary.messages_out / (peer + 1);
        link.bytes_in = link.messages_in * 100;
        link.bytes_out = link.messages_out * 100;
        link.dialled = peer.is_multiple_of(3);
        link.round_trip = (peer != 1).then(|| 0.000_3 * float(number * (peer + 1)));
        link
    });
    let connections = connections.collect();
    Report { summary, connections }
}

fn network() -> Model {
    let begin = clock::now();
    let mut model = Model::new(Sort::Node, Duration::from_secs(2));
    for seconds in [100, 102] {
        let nodes = (0..50).map(|number| {
            let silent = number == 33 && seconds == 102;
            (node(number), (!silent).then(|| report(number, seconds)))
        });
        let nodes: BTreeMap<_, _> = nodes.chain([("mute/1".to_owned(), None)]).collect();
        model.take(Sample {
            at: begin + Duration::from_secs(seconds),
            nodes,
            untold: BTreeSet::new(),
            error: None,
        });
    }
    model
}

fn screen(model: &Model, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, model)).unwrap();
    let buffer = terminal.backend().buffer();
    let line = |y| {
        let cells: String = (0..width).map(|x| buffer[(x, y)].symbol()).collect();
        cells.trim_end().to_owned() + "\n"
    };
    (0..height).map(line).collect()
}

fn press(model: &mut Model, keys: &[KeyCode]) -> Wish {
    let press = |code: &KeyCode| Event::Key(KeyEvent::new(*code, KeyModifiers::NONE));
    keys.iter().map(|key| model.on_event(Some(&press(key)))).last().unwrap_or(Wish::GoOn)
}

#[track_caller]
fn is_recorded(name: &str, screen: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cmd/top/view/screens").join(name);
    if std::env::var_os("AEMP_RECORD").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, screen).unwrap();
    }
    let recorded = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(screen == recorded, "{name} is not as recorded, but\n{screen}");
}

#[test]
fn both_sizes_look_as_recorded() {
    let mut model = network();
    is_recorded("80x24.txt", &screen(&model, 80, 24));
    press(&mut model, &[KeyCode::Down; 12]);
    is_recorded("200x60.txt", &screen(&model, 200, 60));
    press(&mut model, &[KeyCode::Char('m'), KeyCode::Home, KeyCode::Enter]);
    is_recorded("80x24-connections.txt", &screen(&model, 80, 24));
    press(&mut model, &[KeyCode::Esc, KeyCode::Char('?')]);
    is_recorded("80x24-help.txt", &screen(&model, 80, 24));
    press(&mut model, &[KeyCode::Char('x'), KeyCode::Char(' '), KeyCode::PageDown]);
    is_recorded("200x60-paused.txt", &screen(&model, 200, 60));
}

/// A dead seed is told of at once, and for as long as it takes; what was seen before stays.
#[test]
fn what_is_wrong_with_the_seeds_is_shown() {
    let mut model = Model::new(Sort::Node, Duration::from_secs(2));
    model.seeds = vec!["10.0.0.1:4040".to_owned(), "10.0.0.2:4040".to_owned()];
    assert!(screen(&model, 80, 24).contains("Looking for the network at 10.0.0.1:4040, 10.0.0.2:4040"));
    let error = "cannot connect to 10.0.0.1:4040: Connection refused; nothing came from 10.0.0.2:4040";
    let lost =
        |at| Sample { at, nodes: BTreeMap::new(), untold: BTreeSet::new(), error: Some(error.to_owned()) };
    model.take(lost(clock::now()));
    is_recorded("80x24-no-seed.txt", &screen(&model, 80, 24));
    let mut model = network();
    model.take(lost(clock::now()));
    is_recorded("80x24-seed-lost.txt", &screen(&model, 80, 24));
    model.take(Sample {
        at: clock::now(),
        nodes: [(node(1), Some(report(1, 1)))].into(),
        untold: BTreeSet::new(),
        error: None,
    });
    assert_eq!((model.rows.len(), model.rows[0].silent, model.error.as_deref()), (1, false, None));
}

#[test]
fn nothing_overflows_whatever_the_size() {
    let mut model = network();
    for details in [false, true] {
        model.details = details;
        for (width, height) in [(1, 1), (10, 3), (40, 10), (79, 23), (159, 39), (160, 41), (500, 200)] {
            screen(&model, width, height);
        }
    }
    let empty = Model::new(Sort::Node, Duration::from_secs(2));
    assert!(screen(&empty, 80, 24).contains("asking..."));
}

#[test]
fn keys_sort_choose_and_quit() {
    let mut model = network();
    let first = |model: &Model| model.rows[0].report.summary.node.clone();
    assert_eq!(first(&model), "mute/1");
    for (key, expected) in
        [('m', node(49)), ('p', node(49)), ('u', node(49)), ('r', node(49)), ('n', "mute/1".into())]
    {
        press(&mut model, &[KeyCode::Char(key)]);
        assert_eq!(first(&model), expected, "{key}");
    }
    press(&mut model, &[KeyCode::Char('i')]);
    assert_eq!(first(&model), node(49));
    // Who is chosen stays so, wherever it goes.
    press(&mut model, &[KeyCode::Down, KeyCode::Down]);
    let chosen = model.chosen().unwrap().report.summary.node.clone();
    assert_eq!(chosen, node(47));
    press(&mut model, &[KeyCode::Char('i')]);
    assert_eq!(model.chosen().unwrap().report.summary.node, chosen);
    press(&mut model, &[KeyCode::End]);
    assert_eq!(model.place(), 50);
    press(&mut model, &[KeyCode::Char(' ')]);
    assert!(model.paused);
    assert_eq!(press(&mut model, &[KeyCode::Char('q')]), Wish::Quit);
    let control_c = Event::Key(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL));
    assert_eq!(model.on_event(Some(&control_c)), Wish::Quit);
    assert_eq!(model.on_event(None), Wish::Quit, "the terminal is gone");
}

#[test]
fn rates_are_those_between_two_looks() {
    let model = network();
    let row = model.rows.iter().find(|row| row.report.summary.node == node(10)).unwrap();
    let rates = row.rates.unwrap();
    assert!(
        (rates.messages_in - 2_000.0).abs() < 1e-6 && (rates.bytes_out - 80_000.0).abs() < 1e-6,
        "{rates:?}"
    );
    let silent: Vec<_> = model.rows.iter().filter(|row| row.silent).collect();
    assert_eq!(silent.len(), 2);
    assert!(silent.iter().all(|row| row.rates.is_none()));
    assert_eq!(silent[1].report.summary.ports, 10 + 33 * 33, "what it said last");
    assert_eq!(model.totals().silent, 2);
}

/// A node that was started anew counts from zero.
#[test]
fn a_restart_is_no_rate() {
    let mut model = network();
    let nodes = [(node(5), Some(report(5, 1)))].into();
    model.take(Sample {
        at: clock::now() + Duration::from_secs(110),
        nodes,
        untold: BTreeSet::new(),
        error: None,
    });
    assert_eq!(model.rows.len(), 1);
    assert_eq!(model.rows[0].rates, None);
    model.take(Sample {
        at: clock::now(),
        nodes: BTreeMap::new(),
        untold: BTreeSet::new(),
        error: Some("no seed".to_owned()),
    });
    assert!(model.rows[0].silent && screen(&model, 80, 24).contains("no seed"));
}

/// What other nodes say cannot steer the terminal.
#[test]
fn names_are_shown_harmlessly() {
    let mut model = network();
    model.rows[0].report.summary.node = "evil\u{1b}[2Jnode\n".to_owned();
    let shown = screen(&model, 200, 60);
    assert!(!shown.contains('\u{1b}') && shown.contains("evil\\u{1b}[2Jnode\\n"), "{shown}");
}
