//! What each command does.

mod bench;
pub(crate) mod configure;
mod db;
pub(crate) mod demo;
mod doctor;
mod echo;
mod generate;
mod guest;
mod json;
mod log;
mod logs;
mod loopback;
mod net;
mod node;
mod nodes;
mod ping;
mod ports;
mod remote;
mod run;
mod secret;
pub(crate) mod shell;
mod status;
pub(crate) mod stop;
mod talk;
mod tikc;
#[cfg(feature = "top")]
pub(crate) mod top;
mod trace;

use std::ffi::OsString;
use std::future::Future;
use std::process::ExitCode;

use crate::args::{Args, ArgsError, Command, Globals, Parsed, command_help, main_help};
use crate::error::CliError;
use crate::output::{Base, Output, start_log, start_run_log};
use mp_config::{ConfigError, ConfigFile};
use stop::Stop;

/// The program: parses `words`, the program's own name first, does what they say and tells how it went.
pub(crate) fn main(words: impl IntoIterator<Item = OsString>) -> ExitCode {
    let words: Vec<OsString> = words.into_iter().collect();
    // Until the options are known, an error is told in the form that was most likely asked for.
    let early = Globals { json: words.iter().any(|word| word == "--json"), ..Globals::default() };
    let (result, mut output) = match Args::read(words) {
        Err(error) => (Err(error.into()), Output::standard(&early)),
        Ok(Parsed::Text(text)) => {
            let mut output = Output::standard(&early);
            (output.text(&text), output)
        }
        Ok(Parsed::Args(args)) => {
            let family = matches!(args.command, Some(Command::Configure(_)));
            let json = args.globals.json || (family && early.json);
            let mut output = Output::standard(&Globals { json, ..args.globals.clone() });
            (dispatch(*args, &mut output), output)
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(CliError::OutputClosed) => CliError::OutputClosed.exit_code(),
        Err(error) => {
            output.error(&error);
            error.exit_code()
        }
    }
}

fn dispatch(args: Args, output: &mut Output) -> Result<(), CliError> {
    let globals = args.globals;
    let command = match args.command {
        None => return output.text(&main_help()),
        Some(Command::Help { command }) => {
            let names: Vec<_> = command.iter().map(String::as_str).collect();
            return output.text(&command_help(&names)?);
        }
        // Starts the log itself, as options may stand behind its words.
        Some(Command::Configure(words)) => return configure::run(&utf8(words)?, globals, output),
        Some(Command::Run(args)) => {
            let log = start_run_log(&args, &globals)?;
            return in_runtime(async |stop| run::run(&args, &|| load(&globals), &log, output, stop).await);
        }
        Some(command) => command,
    };
    let base = match command {
        // What goes wrong with these, they say themselves.
        Command::Net(_) | Command::Doctor(_) | Command::Shell { .. } | Command::Bench(_) => Base::Error,
        #[cfg(feature = "top")]
        Command::Top(_) => Base::Error,
        Command::Tikc(ref tikc) if tikc.is_brief() => Base::Error,
        _ => Base::Warn,
    };
    drop(start_log(base, &globals)?);
    match command {
        Command::Demo => block_on(demo::run(output)),
        Command::DemoNode { role, name } => block_on(demo::child(role, &name, &load(&globals)?)),
        #[cfg(feature = "top")]
        Command::Top(args) => {
            let config = load(&globals)?;
            in_runtime(async |stop| top::run(&args, &config, globals.color, output, stop).await)
        }
        Command::Net(net) => {
            let config = guest::resolve(net.node(), &load(&globals)?)?;
            in_runtime(async |stop| net::once(net, config, output, stop).await)
        }
        Command::Shell { node } => {
            let config = load(&globals)?;
            in_runtime(async |stop| shell::shell(&node, &config, &globals, output, stop).await)
        }
        Command::Bench(args) => block_on(bench::bench(args, &load(&globals)?, output)),
        Command::Completions { shell } => generate::completions(shell, output),
        Command::Man { directory } => generate::man(directory.as_deref(), output),
        // It looks at the file itself.
        Command::Doctor(doctor) => block_on(doctor::run(doctor, globals.config.as_deref(), output)),
        Command::Tikc(tikc) => {
            let config = load(&globals)?;
            in_runtime(async |stop| tikc::run(tikc, &config, output, stop).await)
        }
        Command::Run(_) | Command::Help { .. } | Command::Configure(_) => Ok(()),
    }
}

/// The configuration that the options and the environment lead to.
fn load(globals: &Globals) -> Result<ConfigFile, CliError> {
    if let Some(named) = &globals.config {
        return Ok(ConfigFile::load_named(named)?);
    }
    match ConfigFile::locate(globals.config.as_deref(), |name| std::env::var_os(name)) {
        Ok(path) => Ok(ConfigFile::load(&path)?),
        // The command line may say all there is to say; if not, what is missing is told by whoever needs it.
        Err(ConfigError::NoHome) => Ok(ConfigFile::homeless()),
        Err(error) => Err(error.into()),
    }
}

fn utf8(words: Vec<OsString>) -> Result<Vec<String>, ArgsError> {
    words.into_iter().map(|word| word.into_string().map_err(ArgsError::NotUtf8)).collect()
}

/// Runs `work` until it is done or the program is asked to stop, which drops it.
fn block_on(work: impl Future<Output = Result<(), CliError>>) -> Result<(), CliError> {
    in_runtime(async |stop| {
        tokio::select! {
            result = work => result,
            asked = stop.asked() => Err(CliError::Interrupted(asked)),
        }
    })
}

/// Runs `work`, which sees to it itself that it stops when it is asked to.
fn in_runtime(work: impl AsyncFnOnce(&mut Stop) -> Result<(), CliError>) -> Result<(), CliError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(CliError::Runtime)?;
    let result = runtime.block_on(async { work(&mut Stop::new()?).await });
    // Reading stdin or looking up a name, which cannot be broken off, would hold up the end.
    runtime.shutdown_background();
    result
}
