//! The columns of both tables, by the room that there is.

use ratatui::layout::Constraint;

use crate::cmd::top::Sort;
use crate::cmd::top::model::{Link, Rates, Row};
use crate::cmd::top::number::{age, maybe, time, whole};

/// From this width on all columns are shown.
const WIDE: u16 = 160;

/// A column of a table of `T`.
pub(super) struct Column<T> {
    pub(super) title: &'static str,
    pub(super) width: Constraint,
    pub(super) right: bool,
    pub(super) sort: Option<Sort>,
    pub(super) text: Box<dyn Fn(&T) -> String>,
}

fn left<T>(title: &'static str, width: Constraint, text: impl Fn(&T) -> String + 'static) -> Column<T> {
    Column { title, width, right: false, sort: None, text: Box::new(text) }
}

fn right<T>(title: &'static str, width: u16, text: impl Fn(&T) -> String + 'static) -> Column<T> {
    Column { title, width: Constraint::Length(width), right: true, sort: None, text: Box::new(text) }
}

fn by<T>(sort: Sort, column: Column<T>) -> Column<T> {
    Column { sort: Some(sort), ..column }
}

/// A column of a row's counter.
fn count(title: &'static str, width: u16, of: fn(&Row) -> u64) -> Column<Row> {
    right(title, width, move |row| whole(of(row)))
}

/// A column of a row's rate.
fn rate(title: &'static str, width: u16, of: fn(&Rates) -> f64) -> Column<Row> {
    right(title, width, move |row: &Row| maybe(row.rates.as_ref().map(of)))
}

/// The same for a connection.
fn link_rate(title: &'static str, width: u16, of: fn(&Rates) -> f64) -> Column<Link> {
    right(title, width, move |link: &Link| maybe(link.rates.as_ref().map(of)))
}

/// Those of the nodes, the names in what room is left.
pub(super) fn node_columns(width: u16) -> Vec<Column<Row>> {
    let mut columns = figures(width);
    // The mark of the chosen row stands before them.
    let room = room(width, 1, &columns);
    let name = left("NODE", Constraint::Fill(1), move |row: &Row| cut(&row.report.summary.node, room));
    columns.insert(0, by(Sort::Node, name));
    columns
}

/// What is left of the width beside these columns and `more`.
fn room<T>(width: u16, more: u16, columns: &[Column<T>]) -> usize {
    let taken = columns.iter().map(|column| match column.width {
        Constraint::Length(length) => length + 1,
        _ => 0,
    });
    usize::from(width.saturating_sub(taken.sum::<u16>() + more))
}

/// A name that may be too long for the room; then it says so.
fn cut(name: &str, room: usize) -> String {
    if name.chars().count() <= room {
        return name.to_owned();
    }
    name.chars().take(room.saturating_sub(1)).chain(['…']).collect()
}

fn figures(width: u16) -> Vec<Column<Row>> {
    let connections = by(Sort::Connections, count("CONN", 5, |row| row.report.summary.connected));
    let queue = by(Sort::Queue, count("QUEUE", 6, |row| row.report.summary.queued_messages));
    // A node that says nothing has no rates; that stands where it cannot be cut off.
    let messages_in = |row: &Row| {
        if row.silent { "silent".to_owned() } else { maybe(row.rates.map(|rates| rates.messages_in)) }
    };
    let messages_in = by(Sort::Messages, right("MSG IN/S", 9, messages_in));
    let messages_out = by(Sort::Messages, rate("OUT/S", 6, |rates| rates.messages_out));
    let trip = by(Sort::RoundTrip, right("RTT", 7, |row: &Row| time(row.round_trip)));
    let ports = by(Sort::Ports, count("PORTS", 6, |row| row.report.summary.ports));
    let mailboxes = by(Sort::Mailboxes, count("MBOX", 6, |row| row.report.summary.mailbox_messages));
    if width < WIDE {
        let bytes = by(Sort::Bytes, rate("BYTES/S", 8, Rates::bytes));
        return vec![connections, queue, messages_in, messages_out, bytes, trip, ports, mailboxes];
    }
    vec![
        left("ROLE", Constraint::Length(24), role),
        right("UP", 7, |row: &Row| age(row.report.summary.uptime)),
        connections,
        queue,
        count("QBYTES", 7, |row| row.report.summary.queued_bytes),
        messages_in,
        messages_out,
        by(Sort::Bytes, rate("BYTES IN/S", 11, |rates| rates.bytes_in)),
        by(Sort::Bytes, rate("OUT/S", 6, |rates| rates.bytes_out)),
        trip,
        ports,
        mailboxes,
        count("DEAD", 6, |row| row.report.summary.dead_letters),
        count("UNSENT", 6, |row| row.report.summary.unsent),
        count("FAILED", 6, |row| row.report.summary.handshake_failures.values().sum()),
        left("ADDRESS", Constraint::Length(22), |row: &Row| {
            row.report.summary.addresses.first().cloned().unwrap_or_default()
        }),
    ]
}

fn role(row: &Row) -> String {
    let summary = &row.report.summary;
    match &summary.master {
        _ if summary.version.is_empty() => "no answer yet".to_owned(),
        _ if summary.global => "global".to_owned(),
        Some(master) => format!("of {master}"),
        None => "no master".to_owned(),
    }
}

/// Those of a node's connections.
pub(super) fn link_columns(width: u16) -> Vec<Column<Link>> {
    let mut columns = link_figures(width);
    let room = room(width, 0, &columns);
    let peer =
        left("CONNECTED WITH", Constraint::Fill(1), move |link: &Link| cut(&link.connection.node, room));
    columns.insert(0, peer);
    columns
}

fn link_figures(width: u16) -> Vec<Column<Link>> {
    let queue = right("QUEUE", 6, |link: &Link| whole(link.connection.queued_messages));
    let messages_in = link_rate("MSG IN/S", 8, |rates| rates.messages_in);
    let messages_out = link_rate("OUT/S", 6, |rates| rates.messages_out);
    let trip = right("RTT", 7, |link: &Link| time(link.connection.round_trip));
    let age = right("AGE", 7, |link: &Link| age(link.connection.age));
    let tls = left("TLS", Constraint::Length(7), |link: &Link| {
        link.connection.tls.clone().unwrap_or_else(|| "none".to_owned())
    });
    if width < WIDE {
        let bytes = link_rate("BYTES/S", 8, Rates::bytes);
        return vec![age, queue, messages_in, messages_out, bytes, trip, tls];
    }
    vec![
        left("ADDRESS", Constraint::Length(26), |link: &Link| link.connection.address.clone()),
        left("BY", Constraint::Length(7), |link: &Link| {
            let by = if link.connection.dialled { "us" } else { "them" };
            if link.connection.relayed { "relay".to_owned() } else { by.to_owned() }
        }),
        left("FRAMING", Constraint::Length(10), |link: &Link| link.connection.send.clone()),
        left("PROOF", Constraint::Length(14), |link: &Link| link.connection.auth.clone().unwrap_or_default()),
        tls,
        age,
        queue,
        right("PARKED", 7, |link: &Link| whole(link.connection.parked_bytes)),
        messages_in,
        messages_out,
        link_rate("BYTES IN/S", 10, |rates| rates.bytes_in),
        link_rate("OUT/S", 6, |rates| rates.bytes_out),
        trip,
    ]
}
