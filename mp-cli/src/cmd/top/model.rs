//! What is shown, and what keys do to it. Without a terminal, a network or a clock.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use mp_global::status::Connection;
use ratatui::crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::Sort;
use super::gather::{Report, Sample};
use super::number::float;

/// What a key asks for beyond the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    GoOn,
    Quit,
}

/// All that is shown.
#[derive(Debug)]
pub(super) struct Model {
    pub(super) every: Duration,
    pub(super) sort: Sort,
    /// Against the order that the column has by itself.
    pub(super) inverted: bool,
    pub(super) paused: bool,
    pub(super) help: bool,
    /// The connections of the chosen node are shown in place of the nodes, where there is no room for both.
    pub(super) details: bool,
    pub(super) color: bool,
    /// In the order in which they are shown.
    pub(super) rows: Vec<Row>,
    /// Nodes that do not tell how they do.
    pub(super) untold: BTreeSet<String>,
    /// The name of the chosen node.
    chosen: Option<String>,
    /// Where the network is looked for.
    pub(super) seeds: Vec<String>,
    /// Why there is nothing new.
    pub(super) error: Option<String>,
    /// How often something has come.
    pub(super) samples: u64,
    before: BTreeMap<String, (Instant, Report)>,
}

/// What is shown of a node.
#[derive(Debug, Clone, Default)]
pub(super) struct Row {
    pub(super) report: Report,
    /// It has not answered; this is what it said last.
    pub(super) silent: bool,
    pub(super) rates: Option<Rates>,
    /// The longest of its connections, in seconds.
    pub(super) round_trip: Option<f64>,
    pub(super) links: Vec<Link>,
}

/// Per second.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Rates {
    pub(super) messages_in: f64,
    pub(super) messages_out: f64,
    pub(super) bytes_in: f64,
    pub(super) bytes_out: f64,
}

/// A connection of a node.
#[derive(Debug, Clone)]
pub(super) struct Link {
    pub(super) connection: Connection,
    pub(super) rates: Option<Rates>,
}

/// All nodes together.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Totals {
    pub(super) nodes: usize,
    pub(super) silent: usize,
    /// Ends of connections, as each node counts its own.
    pub(super) connections: u64,
    pub(super) ports: u64,
    pub(super) queued_messages: u64,
    pub(super) queued_bytes: u64,
    pub(super) mailbox_messages: u64,
    /// What went out, so that nothing counts twice.
    pub(super) messages: f64,
    pub(super) bytes: f64,
}

impl Rates {
    pub(super) fn messages(&self) -> f64 {
        self.messages_in + self.messages_out
    }

    pub(super) fn bytes(&self) -> f64 {
        self.bytes_in + self.bytes_out
    }

    /// Of counters `[messages_in, messages_out, bytes_in, bytes_out]`; `None` if they began anew in between.
    fn between(old: [u64; 4], new: [u64; 4], seconds: f64) -> Option<Self> {
        let rate = |index: usize| Some(float(new[index].checked_sub(old[index])?) / seconds);
        let [messages_in, messages_out, bytes_in, bytes_out] = [rate(0)?, rate(1)?, rate(2)?, rate(3)?];
        (seconds > 0.0).then_some(Self { messages_in, messages_out, bytes_in, bytes_out })
    }
}

impl Model {
    pub(super) fn new(sort: Sort, every: Duration) -> Self {
        Self {
            every,
            sort,
            inverted: false,
            paused: false,
            help: false,
            details: false,
            color: false,
            rows: Vec::new(),
            untold: BTreeSet::new(),
            chosen: None,
            seeds: Vec::new(),
            error: None,
            samples: 0,
            before: BTreeMap::new(),
        }
    }

    /// Takes what has been gathered. A node that has not answered is shown as it was.
    pub(super) fn take(&mut self, sample: Sample) {
        self.error = sample.error;
        if self.error.is_some() {
            self.rows.iter_mut().for_each(|row| (row.silent, row.rates) = (true, None));
            return;
        }
        self.samples += 1;
        let mut rows = Vec::new();
        let mut before = BTreeMap::new();
        for (name, report) in sample.nodes {
            let old = self.before.remove(&name);
            let silent = report.is_none();
            let Some(report) = report.or_else(|| old.as_ref().map(|(_, report)| report.clone())) else {
                let mut row = Row { silent, ..Row::default() };
                row.report.summary.node = name;
                rows.push(row);
                continue;
            };
            let since = old.as_ref().filter(|_| !silent);
            let since = since.map(|(at, old)| (old, sample.at.saturating_duration_since(*at).as_secs_f64()));
            rows.push(Row { silent, ..row(report.clone(), since) });
            before
                .insert(name, if silent { old.unwrap_or((sample.at, report)) } else { (sample.at, report) });
        }
        (self.rows, self.before, self.untold) = (rows, before, sample.untold);
        self.arrange();
    }

    /// The row that is chosen; the first one, if none is.
    pub(super) fn place(&self) -> usize {
        let chosen = |row: &Row| self.chosen.as_deref() == Some(&row.report.summary.node);
        self.rows.iter().position(chosen).unwrap_or_default()
    }

    /// The node that is chosen.
    pub(super) fn chosen(&self) -> Option<&Row> {
        self.rows.get(self.place())
    }

    pub(super) fn totals(&self) -> Totals {
        let mut totals = Totals { nodes: self.rows.len(), ..Totals::default() };
        for row in &self.rows {
            let summary = &row.report.summary;
            totals.silent += usize::from(row.silent);
            totals.connections = totals.connections.saturating_add(summary.connected);
            totals.ports = totals.ports.saturating_add(summary.ports);
            totals.queued_messages = totals.queued_messages.saturating_add(summary.queued_messages);
            totals.queued_bytes = totals.queued_bytes.saturating_add(summary.queued_bytes);
            totals.mailbox_messages = totals.mailbox_messages.saturating_add(summary.mailbox_messages);
            let rates = row.rates.unwrap_or_default();
            totals.messages += rates.messages_out;
            totals.bytes += rates.bytes_out;
        }
        totals
    }

    /// Does what a key asks for.
    pub(super) fn on_event(&mut self, event: Option<&Event>) -> Wish {
        match event {
            // The terminal is gone.
            None => Wish::Quit,
            Some(Event::Key(key)) if key.kind != KeyEventKind::Release => self.on_key(*key),
            Some(_) => Wish::GoOn,
        }
    }

    fn on_key(&mut self, key: KeyEvent) -> Wish {
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            return if matches!(key.code, KeyCode::Char('c' | 'd')) { Wish::Quit } else { Wish::GoOn };
        }
        match key.code {
            KeyCode::Char('q') => return Wish::Quit,
            KeyCode::Esc if self.help || self.details => (self.help, self.details) = (false, false),
            KeyCode::Esc => return Wish::Quit,
            _ if self.help => self.help = false,
            KeyCode::Char('?' | 'h') => self.help = true,
            KeyCode::Char(' ') => self.paused = !self.paused,
            KeyCode::Enter => self.details = !self.details,
            KeyCode::Char('i') => {
                self.inverted = !self.inverted;
                self.arrange();
            }
            KeyCode::Char('+') => self.every = (self.every * 2).min(Duration::from_secs(3_600)),
            KeyCode::Char('-') => self.every = (self.every / 2).max(Duration::from_millis(250)),
            KeyCode::Up | KeyCode::Char('k') => self.choose(-1),
            KeyCode::Down | KeyCode::Char('j') => self.choose(1),
            KeyCode::PageUp => self.choose(-10),
            KeyCode::PageDown => self.choose(10),
            KeyCode::Home => self.choose(isize::MIN),
            KeyCode::End => self.choose(isize::MAX),
            KeyCode::Char(letter) => self.sort_by(letter),
            _ => {}
        }
        Wish::GoOn
    }

    fn sort_by(&mut self, letter: char) {
        if let Some((_, sort, _)) = SORT_KEYS.iter().find(|(key, ..)| *key == letter) {
            self.inverted = false;
            self.sort = *sort;
            self.arrange();
        }
    }

    fn choose(&mut self, by: isize) {
        let place = self.place().saturating_add_signed(by).min(self.rows.len().saturating_sub(1));
        self.chosen = self.rows.get(place).map(|row| row.report.summary.node.clone());
    }

    fn arrange(&mut self) {
        let (sort, inverted) = (self.sort, self.inverted);
        self.rows.sort_by(|one, other| {
            let by_name = one.report.summary.node.cmp(&other.report.summary.node);
            let order = match sort {
                Sort::Node => by_name,
                // The largest first.
                _ => weight(other, sort).partial_cmp(&weight(one, sort)).unwrap_or(Ordering::Equal),
            };
            let order = if inverted { order.reverse() } else { order };
            order.then(by_name)
        });
    }
}

/// Keys, what they sort by, and what the help calls that.
pub(super) const SORT_KEYS: [(char, Sort, &str); 8] = [
    ('n', Sort::Node, "name"),
    ('c', Sort::Connections, "connections"),
    ('u', Sort::Queue, "queue"),
    ('m', Sort::Messages, "messages"),
    ('b', Sort::Bytes, "bytes"),
    ('r', Sort::RoundTrip, "round trip"),
    ('p', Sort::Ports, "ports"),
    ('x', Sort::Mailboxes, "mailboxes"),
];

fn weight(row: &Row, sort: Sort) -> f64 {
    let (summary, rates) = (&row.report.summary, row.rates.unwrap_or_default());
    match sort {
        Sort::Node => 0.0,
        Sort::Connections => float(summary.connected),
        Sort::Queue => float(summary.queued_messages),
        Sort::Messages => rates.messages(),
        Sort::Bytes => rates.bytes(),
        Sort::RoundTrip => row.round_trip.unwrap_or(-1.0),
        Sort::Ports => float(summary.ports),
        Sort::Mailboxes => float(summary.mailbox_messages),
    }
}

/// What a report comes to, with that before it and the seconds between both.
fn row(report: Report, before: Option<(&Report, f64)>) -> Row {
    let of = |report: &Report| {
        let summary = &report.summary;
        [summary.messages_in, summary.messages_out, summary.bytes_in, summary.bytes_out]
    };
    let of_link = |link: &Connection| [link.messages_in, link.messages_out, link.bytes_in, link.bytes_out];
    let rates = before.and_then(|(old, seconds)| Rates::between(of(old), of(&report), seconds));
    let links = report.connections.iter().map(|link| {
        let rates = before.and_then(|(old, seconds)| {
            let was = old.connections.iter().find(|was| was.node == link.node && was.age <= link.age)?;
            Rates::between(of_link(was), of_link(link), seconds)
        });
        Link { connection: link.clone(), rates }
    });
    let links = links.collect();
    let trips = report.connections.iter().filter_map(|link| link.round_trip);
    let round_trip = trips.max_by(f64::total_cmp);
    Row { report, silent: false, rates, round_trip, links }
}
