//! How it looks.

mod columns;
#[cfg(test)]
mod tests;

use ratatui::Frame;
use ratatui::layout::{Constraint, Flex, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{
    Block, Cell, Clear, HighlightSpacing, Paragraph, Row as TableRow, Table, TableState, Wrap,
};

use self::columns::{Column, link_columns, node_columns};
use super::Sort;
use super::model::{Link, Model, Row, SORT_KEYS};
use super::number::{age, short, whole};
use crate::output::plain;

/// From this height on there is room for nodes and connections.
const TALL: u16 = 40;

/// Draws all of it.
pub(super) fn draw(frame: &mut Frame<'_>, model: &Model) {
    let [head, body, foot] =
        Layout::vertical([Constraint::Length(2), Constraint::Min(1), Constraint::Length(1)])
            .areas(frame.area());
    frame.render_widget(Paragraph::new(heading(model, head.width)), head);
    frame.render_widget(Paragraph::new(keys(foot.width)).style(dim()), foot);
    if model.rows.is_empty() {
        frame.render_widget(Paragraph::new(nobody(model)).wrap(Wrap { trim: true }), body);
    } else if body.height >= TALL {
        // A third for the connections of the chosen node.
        let [nodes, links] = Layout::vertical([Constraint::Fill(2), Constraint::Fill(1)]).areas(body);
        draw_nodes(frame, model, nodes);
        draw_links(frame, model, links);
    } else if model.details {
        draw_links(frame, model, body);
    } else {
        draw_nodes(frame, model, body);
    }
    if model.help {
        draw_help(frame);
    }
}

fn dim() -> Style {
    Style::new().add_modifier(Modifier::DIM)
}

fn bold() -> Style {
    Style::new().add_modifier(Modifier::BOLD)
}

/// A style with a colour, if colours are wanted.
fn tinted(model: &Model, style: Style, color: Color) -> Style {
    if model.color { style.fg(color) } else { style }
}

fn heading(model: &Model, width: u16) -> Vec<Line<'static>> {
    let totals = model.totals();
    let state = match (&model.error, model.paused, model.samples) {
        (Some(_), false, _) => Span::styled("NO SEED", tinted(model, bold(), Color::Red)),
        (_, true, _) => Span::styled("PAUSED", tinted(model, bold(), Color::Yellow)),
        (None, false, 0) => Span::raw("asking..."),
        (None, false, _) => Span::styled(format!("every {:?}", model.every), dim()),
    };
    let some = |number: usize, what: &str| (number > 0).then(|| format!("{number} {what}"));
    let others = [some(totals.silent, "silent"), some(model.untold.len(), "more do not tell")];
    let others = others.into_iter().flatten().collect::<Vec<_>>().join(", ");
    let silent = if others.is_empty() { String::new() } else { format!(" ({others})") };
    let ends = whole(totals.connections);
    let nodes = if totals.nodes == 1 { "node" } else { "nodes" };
    let left = format!("aemp top  {} {nodes}{silent}  {ends} ends of connections", totals.nodes);
    let gap = usize::from(width).saturating_sub(left.chars().count() + state.width());
    let first = Line::from(vec![Span::styled(left, bold()), Span::raw(" ".repeat(gap.max(2))), state]);
    if let Some(error) = model.error.as_ref().filter(|_| !model.rows.is_empty()) {
        // The reason first, as the line may be too short for all of it.
        let text = format!("{}; trying again", plain(error));
        return vec![first, Line::styled(text, tinted(model, bold(), Color::Red))];
    }
    let second = format!(
        "{} msg/s  {}B/s  queued {} ({}B)  mailboxes {}  ports {}",
        short(totals.messages),
        short(totals.bytes),
        whole(totals.queued_messages),
        whole(totals.queued_bytes),
        whole(totals.mailbox_messages),
        whole(totals.ports),
    );
    vec![first, Line::from(second)]
}

/// What stands in place of the nodes when there are none.
fn nobody(model: &Model) -> Vec<Line<'static>> {
    let seeds = plain(&model.seeds.join(", "));
    let lines = match &model.error {
        Some(error) => vec![
            format!("No seed lets us in: {}.", plain(error)),
            String::new(),
            format!(
                "Tried again and again: {seeds}. Does a node of this network run there, and has it the same secret? \
                 `aemp doctor` tells more."
            ),
        ],
        None if model.samples == 0 => vec![format!("Looking for the network at {seeds} ...")],
        None => {
            let names: Vec<_> = model.untold.iter().map(|name| plain(name)).collect();
            let there =
                if names.is_empty() { String::new() } else { format!(" There are {}.", names.join(", ")) };
            let how = "those of `aemp run` do, unless started with --no-status.";
            vec![format!("No node tells how it does: {how}{there}")]
        }
    };
    lines.into_iter().map(Line::from).collect()
}

fn keys(width: u16) -> Line<'static> {
    let sorts: String = SORT_KEYS.iter().map(|(key, ..)| *key).collect();
    let long = format!(
        "sort by {sorts}   i other way round   space pause   up/down choose   enter connections   +/- slower, faster   \
         ? help   q quit"
    );
    let fits = long.len() <= usize::from(width);
    let short = format!("{sorts} sort  i invert  space pause  enter connections  ? help  q quit");
    Line::from(if fits { long } else { short })
}

fn draw_nodes(frame: &mut Frame<'_>, model: &Model, area: Rect) {
    let columns = node_columns(area.width);
    let rows = model.rows.iter().map(|row| {
        let style = if row.silent { tinted(model, dim(), Color::Red) } else { Style::new() };
        TableRow::new(columns.iter().map(|column| cell(column, row))).style(style)
    });
    let mark = |column: &Column<Row>| {
        let is_sorted = column.sort.is_some_and(|sort| sort == model.sort);
        let arrow = if model.inverted == (model.sort == Sort::Node) { "v" } else { "^" };
        let title = if is_sorted { format!("{}{arrow}", column.title) } else { column.title.to_owned() };
        aligned(column.right, title)
    };
    let header = TableRow::new(columns.iter().map(mark)).style(bold().add_modifier(Modifier::REVERSED));
    let table = Table::new(rows, columns.iter().map(|column| column.width)).header(header).column_spacing(1);
    let table = table.row_highlight_style(tinted(model, bold(), Color::Cyan));
    let table = table.highlight_symbol(">").highlight_spacing(HighlightSpacing::Always);
    let place = Some(model.place()).filter(|_| !model.rows.is_empty());
    frame.render_stateful_widget(table, area, &mut TableState::new().with_selected(place));
}

fn draw_links(frame: &mut Frame<'_>, model: &Model, area: Rect) {
    let Some(row) = model.chosen() else { return };
    let summary = &row.report.summary;
    let text = format!(
        "{}  up {}  {} connections  {} keys  dead letters {}  no such port {}  unsent {}  version {}",
        plain(&summary.node),
        age(summary.uptime),
        summary.connected,
        summary.keys,
        summary.dead_letters,
        summary.no_such_port,
        summary.unsent,
        plain(&summary.version),
    );
    let failures = summary.handshake_failures.iter();
    let failures: Vec<_> = failures.map(|(why, times)| format!("{} {times}", plain(why))).collect();
    let second = if failures.is_empty() {
        summary.deepest_port.as_ref().map_or_else(String::new, |port| {
            format!("fullest mailbox: {} with {}", plain(port), summary.deepest_messages)
        })
    } else {
        format!("failed handshakes: {}", failures.join(", "))
    };
    let [head, body] = Layout::vertical([Constraint::Length(2), Constraint::Min(1)]).areas(area);
    let lines = vec![Line::from(text).style(tinted(model, bold(), Color::Cyan)), Line::from(second)];
    frame.render_widget(Paragraph::new(lines), head);
    let columns = link_columns(area.width);
    let mut links: Vec<&Link> = row.links.iter().collect();
    let messages = |link: &Link| link.rates.map_or(-1.0, |rates| rates.messages());
    links.sort_by(|one, other| messages(other).total_cmp(&messages(one)));
    let rows = links.iter().map(|link| TableRow::new(columns.iter().map(|column| cell(column, *link))));
    let titles = columns.iter().map(|column| aligned(column.right, column.title.to_owned()));
    let header = TableRow::new(titles).style(bold().add_modifier(Modifier::REVERSED));
    let table = Table::new(rows, columns.iter().map(|column| column.width)).header(header).column_spacing(1);
    frame.render_widget(table, body);
}

fn cell<T>(column: &Column<T>, of: &T) -> Cell<'static> {
    // What other nodes say must not steer the terminal.
    aligned(column.right, plain(&(column.text)(of)))
}

fn aligned(right: bool, text: String) -> Cell<'static> {
    let line = Line::from(text);
    Cell::from(if right { line.right_aligned() } else { line })
}

fn draw_help(frame: &mut Frame<'_>) {
    let mut lines = vec![Line::styled("sort by", bold())];
    let sorts = SORT_KEYS.iter().map(|(key, _, name)| format!("  {key}  {name}"));
    lines.extend(sorts.map(Line::from));
    lines.push(Line::from("  i  the other way round"));
    lines.push(Line::default());
    for (key, what) in [
        ("up, down", "choose a node"),
        ("enter", "its connections"),
        ("space", "pause"),
        ("+ -", "ask less often, more often"),
        ("q, Ctrl-C", "quit"),
    ] {
        lines.push(Line::from(format!("  {key:<10} {what}")));
    }
    let (width, height) = (44, u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_add(2));
    let [row] = Layout::vertical([Constraint::Length(height)]).flex(Flex::Center).areas(frame.area());
    let [area] = Layout::horizontal([Constraint::Length(width)]).flex(Flex::Center).areas(row);
    frame.render_widget(Clear, area);
    frame.render_widget(Paragraph::new(lines).block(Block::bordered().title(" help ")), area);
}
