//! A manual page: what `clap` knows of a command, and what holds for all of them.

use std::io;

use clap::{Arg, ArgAction, Command};

use crate::cmd::configure::commands;

/// What ends a command, and the code that it ends with.
const EXIT: [(&str, &str); 5] = [
    ("0", "It is done."),
    ("1", "Another node said no, or did not answer in time; of `aemp doctor`, a check failed."),
    ("2", "Wrong use, or wrong configuration: the line on stderr names the thing and the mend."),
    ("130", "Ctrl-C (SIGINT). `aemp run` ends in good order by it, with 0."),
    ("143", "SIGTERM. `aemp run` ends in good order by it, with 0."),
];

/// The variables that are looked at.
const ENVIRONMENT: [(&str, &str); 7] = [
    ("PERL_ANYEVENT_MP_RC", "The configuration file; goes before the one in HOME, and --config before both."),
    ("HOME", "Where the configuration file is otherwise."),
    (
        "AEMP_LOG",
        "What is logged on stderr: a level (off, error, warn, info, debug, trace), or a filter such as `warn,mp_node=debug`. It \
         goes before -v.",
    ),
    ("NO_COLOR", "If it is not empty, nothing is coloured, unless by --color."),
    ("TERM", "If it is `dumb`, nothing is coloured, unless by --color."),
    ("NOTIFY_SOCKET", "Where `aemp run` tells the service manager that it is ready, as sd_notify(3) does."),
    ("WATCHDOG_USEC", "How often `aemp run` tells it that it lives, with WATCHDOG_PID."),
];

/// The files that are read and written.
const FILES: [(&str, &str); 2] = [
    (
        "~/.perl-anyevent-mp",
        "The configuration: relaxed JSON, shared with Perl's AnyEvent::MP. There may be a secret in it: it is made with mode \
         0600.",
    ),
    ("~/.perl-anyevent-mp~", "The file as it was, if it was written anew without the comments that it had."),
];

/// The page of a command; `name` is that of the page, such as `aemp-db-get`.
pub(super) fn of(command: &Command, name: &str) -> io::Result<String> {
    let mut text = Vec::new();
    let man = clap_mangen::Man::new(command.clone().name(name.to_owned())).manual("aemp");
    man.render_title(&mut text)?;
    man.render_name_section(&mut text)?;
    let mut page = Page(String::new());
    page.section("SYNOPSIS");
    page.synopsis(command, &name.replace('-', " "));
    text.extend_from_slice(page.0.as_bytes());
    man.render_description_section(&mut text)?;
    if command.get_arguments().any(|argument| !argument.is_hide_set()) {
        man.render_options_section(&mut text)?;
    }
    if command.get_subcommands().any(|part| !part.is_hide_set()) {
        man.render_subcommands_section(&mut text)?;
    }
    let mut page = Page(String::new());
    for (title, rows) in [("EXIT STATUS", &EXIT[..]), ("ENVIRONMENT", &ENVIRONMENT), ("FILES", &FILES)] {
        page.section(title);
        rows.iter().for_each(|(what, about)| page.item(what, about));
    }
    page.section("SEE ALSO");
    page.line(if name == "aemp" { "aemp-run(1), aemp-doctor(1), aemp-help(1)" } else { "aemp(1)" });
    text.extend_from_slice(page.0.as_bytes());
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// Text for `man`.
struct Page(String);

impl Page {
    fn section(&mut self, title: &str) {
        self.0 += &format!(".SH \"{title}\"\n");
    }

    fn item(&mut self, what: &str, about: &str) {
        self.0 += &format!(".TP\n\\fB{}\\fR\n{}\n", escape(what), escape(about));
    }

    fn line(&mut self, text: &str) {
        self.0 += &format!("{}\n", escape(text));
    }

    /// How it is called, with the values of its options.
    fn synopsis(&mut self, command: &Command, call: &str) {
        let own = call.strip_prefix("aemp ").unwrap_or_default();
        if let Some(family) = commands().iter().find(|one| one.names().any(|name| name == own)) {
            return self.line(&format!("{} [OPTIONS]", family.full_usage()));
        }
        let shown = || command.get_arguments().filter(|argument| !argument.is_hide_set());
        let options = shown().filter(|argument| !argument.is_positional()).map(option);
        let positionals = shown().filter(|argument| argument.is_positional()).map(positional);
        let mut words: Vec<String> = options.chain(positionals).collect();
        if command.has_subcommands() {
            words.push("\\fICOMMAND\\fR ...".to_owned());
        }
        self.0 += &format!("\\fB{}\\fR {}\n", escape(call), words.join("\n"));
        if call == "aemp" {
            self.0 += ".br\n";
            self.line("aemp [profile NAME] [set]KEY VALUE [COMMAND ...]");
        }
    }
}

fn option(argument: &Arg) -> String {
    let long = argument.get_long().map(|long| format!("\\fB{}\\fR", escape(&format!("--{long}"))));
    let short = argument.get_short().map(|short| format!("\\fB\\-{short}\\fR"));
    let name = short.into_iter().chain(long).collect::<Vec<_>>().join("|");
    let value = value(argument).map(|value| format!(" {value}")).unwrap_or_default();
    let again =
        if matches!(argument.get_action(), ArgAction::Append | ArgAction::Count) { "..." } else { "" };
    format!("[{name}{value}]{again}")
}

fn positional(argument: &Arg) -> String {
    let value = value(argument).unwrap_or_default();
    let several = argument.get_num_args().is_some_and(|number| number.max_values() > 1)
        || matches!(argument.get_action(), ArgAction::Append);
    let again = if several { "..." } else { "" };
    if argument.is_required_set() { format!("{value}{again}") } else { format!("[{value}]{again}") }
}

/// The form of a value, unless it takes none.
fn value(argument: &Arg) -> Option<String> {
    if !matches!(argument.get_action(), ArgAction::Set | ArgAction::Append) {
        return None;
    }
    let names = argument.get_value_names().unwrap_or_default();
    let name = names.first().map_or_else(|| argument.get_id().as_str().to_uppercase(), ToString::to_string);
    Some(format!("\\fI{}\\fR", escape(&name)))
}

/// Text that `man` shows as it is.
fn escape(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    if text.starts_with(['.', '\'']) { format!("\\&{text}") } else { text }
}
