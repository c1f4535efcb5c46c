//! The command line.

mod address;
mod error;
mod help;
mod net;
mod run;
mod tikc;
#[cfg(feature = "top")]
mod top;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use mp_proto::PortId;
use serde_json::Value;

pub(crate) use address::{addresses, is_short};
pub(crate) use error::ArgsError;
pub(crate) use help::{Parsed, command_help, command_names, main_help, program, shell_help};
pub(crate) use net::{Bench, Db, Doctor, Log, Net, NodeArgs, Ping, ShellLine, Talk};
pub(crate) use run::{LogFormat, Run};
pub(crate) use tikc::{Tikc, TikcLink, TikcSessions};
#[cfg(feature = "top")]
pub(crate) use top::Top;

/// The whole command line.
#[derive(Debug, Parser)]
#[command(name = "aemp", version, about = "Sets up, runs and talks to the nodes of an AnyEvent::MP network")]
#[command(disable_help_subcommand = true)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) globals: Globals,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// What goes with every command.
#[derive(Debug, Clone, Default, ClapArgs)]
pub(crate) struct Globals {
    /// Print lines of JSON, for programs
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Colour the output
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: ColorChoice,
    /// The configuration file [default: $PERL_ANYEVENT_MP_RC or ~/.perl-anyevent-mp]
    #[arg(long, global = true, value_name = "PATH")]
    pub(crate) config: Option<PathBuf>,
    /// Log more on stderr: -v, -vv, -vvv
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
}

/// When the output is coloured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorChoice {
    /// On a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// The commands but those of the configuration family, which can be chained and are parsed by [`crate::cmd`].
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show it all on this machine: processes find each other and talk, and one of them dies
    Demo,
    /// Run a node with its services until it is stopped
    ///
    /// With an odd number of words the first one is the profile (by default the host's name); the others are settings
    /// and their values, as in `aemp run worker seeds 10.0.0.1:4040 binds '*:4040'`. They go before those of the file.
    ///
    /// A profile that is named alone must exist. With settings behind it, it need not: then these and the global ones are
    /// all that hold, as a line of the log says. Ctrl-C, SIGTERM and SIGQUIT stop the node.
    ///
    /// SIGHUP has it read the configuration anew; on a terminal it stops the node. At once it takes, for new connections,
    /// secret, old_secret, cert, auth_offer and auth_accept; seeds; and the level in --log-level-file. The log names what
    /// else has changed: nodeid, binds, advertise, services, monitor_timeout, connect_interval and framing_format are
    /// taken at the next start, and what is given on the command line goes before the file. A configuration that cannot be
    /// used changes nothing.
    Run(Run),
    /// Watch the nodes of the network, full-screen: connections, queues, rates, round trips, ports
    ///
    /// Shows the nodes that answer questions about themselves, as those of `aemp run` do. Give a seed of the network by
    /// --seed or the profile.
    #[cfg(feature = "top")]
    Top(Top),
    #[command(flatten)]
    Net(Net),
    /// Look at this machine's part in the network: what is wrong, and what to do
    ///
    /// The configuration, its file, the secret and the certificate by their fingerprints, whether the node can listen,
    /// whether each seed is reached and is of this network, clocks, and whether all global nodes say the same. One line
    /// for each. Exits with 1 if anything failed, with 2 if no node could run with this configuration. No secret is shown: two
    /// nodes share one if the fingerprints are the same.
    Doctor(Doctor),
    /// Type commands to one node that stays connected
    ///
    /// Those that talk to a network, from `snd` to `restart`, in the form that they have outside; `help` lists them. Ctrl-C
    /// ends a command, Ctrl-D the shell. Without a terminal it takes its lines from the standard input, and the first one that
    /// goes wrong is the last.
    Shell {
        #[command(flatten)]
        node: NodeArgs,
    },
    /// Measure how fast messages go there and back, between this process and another one
    Bench(Bench),
    /// Be a kernel of POE::TIKC, or talk to one
    #[command(subcommand, disable_help_subcommand = true)]
    Tikc(Tikc),
    /// Print what a shell needs to complete the words of `aemp`
    ///
    /// As in `aemp completions bash > ~/.local/share/bash-completion/completions/aemp`.
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page, or write those of all commands into a directory
    Man {
        /// The directory, which is made if it is not there
        directory: Option<PathBuf>,
    },
    /// Explain the program or one command
    Help {
        /// The command, and the one within it if it has some
        command: Vec<String>,
    },
    /// A process of the demonstration
    #[command(hide = true)]
    DemoNode {
        /// What it plays
        role: crate::cmd::demo::Role,
        /// What it is called
        #[arg(long)]
        name: String,
    },
    /// The configuration family.
    #[command(external_subcommand)]
    Configure(Vec<OsString>),
}

fn port(text: &str) -> Result<PortId, String> {
    // As a name it would do, but nobody has meant one.
    let node = text.split('#').next().unwrap_or_default();
    if let Some(number) = node.split(',').find_map(address::large_port) {
        return Err(format!("the port number {number} is above 65535, the largest that there is"));
    }
    text.parse().map_err(|error: mp_proto::IdError| error.to_string())
}

fn seconds(text: &str) -> Result<Duration, String> {
    const LONGEST: f64 = 86_400.0;
    let number = text.parse::<f64>().ok().filter(|&number| number > 0.0 && number <= LONGEST);
    number.map(Duration::from_secs_f64).ok_or_else(|| "write a number above 0 and up to 86400".to_owned())
}

/// A word of a message: JSON if it parses as such, else a text. A word that begins like a list, map or text in JSON and is
/// none is a slip, most likely one of the shell's quoting, and no text unless it is written as one.
fn json_word(word: &str) -> Result<Value, String> {
    match serde_json::from_str(word) {
        Ok(value) => Ok(value),
        Err(error) if word.starts_with(['[', '{', '"']) => {
            let text = Value::from(word);
            Err(format!("it begins like JSON and is none ({error}); if it is a text, write it as '{text}'"))
        }
        Err(_) => Ok(Value::from(word)),
    }
}

/// Options that stand behind a command of the configuration family.
#[derive(Debug, Parser)]
#[command(no_binary_name = true, disable_help_flag = true)]
pub(crate) struct TrailingOptions {
    #[command(flatten)]
    pub(crate) globals: Globals,
    /// Show secrets as they are.
    #[arg(long)]
    pub(crate) show_secrets: bool,
}

impl Globals {
    /// These, and `later` on top.
    pub(crate) fn merge(self, later: Self) -> Self {
        Self {
            json: self.json || later.json,
            color: if later.color == ColorChoice::Auto { self.color } else { later.color },
            config: later.config.or(self.config),
            verbose: self.verbose.saturating_add(later.verbose),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;
    use serde_json::json;

    #[test]
    fn clap_finds_no_fault() {
        Args::command().debug_assert();
        TrailingOptions::command().debug_assert();
    }

    #[test]
    fn a_word_is_json_if_it_parses_as_such() {
        for (word, value) in [
            ("test", json!("test")),
            ("123", json!(123)),
            ("-5", json!(-5)),
            ("1.5", json!(1.5)),
            ("null", json!(null)),
            ("[1,{\"a\":2}]", json!([1, {"a": 2}])),
            ("\"123\"", json!("123")),
            (" [1,", json!(" [1,")),
            ("nul", json!("nul")),
            ("\"[1,\"", json!("[1,")),
            ("", json!("")),
            ("a b", json!("a b")),
        ] {
            assert_eq!(json_word(word), Ok(value));
        }
        for (word, mend) in [("[1,", "'\"[1,\"'"), ("{\"a\":}", "'\"{\\\"a\\\":}\"'"), ("\"", "'\"\\\"\"'")] {
            let error = json_word(word).unwrap_err();
            assert!(error.contains("begins like JSON") && error.ends_with(mend), "{error}");
        }
    }

    #[test]
    fn options_stand_where_one_writes_them() {
        let parse = |line: &str| Args::try_parse_from(line.split(' ')).unwrap();
        let args = parse("aemp snd seed#x test -5 --timeout 0.5 --json");
        assert!(args.globals.json);
        let Some(Command::Net(Net::Snd(talk))) = args.command else { panic!("not snd") };
        assert_eq!(
            (talk.node.timeout, talk.message),
            (Some(Duration::from_millis(500)), vec![json!("test"), json!(-5)])
        );
        let args = parse("aemp --json gensecret profile x setbinds *:1");
        let Some(Command::Configure(words)) = args.command else { panic!("not the configuration family") };
        assert_eq!(words.len(), 5);
        let Some(Command::Run(run)) =
            parse("aemp run profile seeds localhost:4040 binds 127.0.0.1:0").command
        else {
            panic!("not run")
        };
        assert_eq!(run.words.len(), 5);
    }
}
