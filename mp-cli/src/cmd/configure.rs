//! The configuration family: `gensecret`, `profile`, `setbinds` and so on, as many on one line as one likes.

mod apply;
mod certificate;
mod chain;
mod command;
mod report;

pub(crate) use chain::ConfigureError;
pub(crate) use command::{Command, commands};

use crate::args::{Globals, TrailingOptions, command_help};
use crate::error::CliError;
use crate::output::{Base, Output, start_log};
use mp_config::ConfigFile;

use apply::apply;
use report::Done;

/// Does all that the words say and writes the file once, or does nothing `[CF-10]`.
pub(super) fn run(words: &[String], globals: Globals, output: &mut Output) -> Result<(), CliError> {
    if let Some(command) = chain::help_wanted(words) {
        return output.text(&command_help(&[command])?);
    }
    let chain = chain::parse(words)?;
    let options = TrailingOptions::read(&chain.options, chain.last)?;
    let globals = globals.merge(options.globals);
    *output = Output::standard(&globals);
    start_log(Base::Warn, &globals)?;
    let path = ConfigFile::locate(globals.config.as_deref(), |name| std::env::var_os(name))?;
    let change =
        |config: &mut ConfigFile| apply(&chain.steps, config, options.show_secrets, &mut getrandom::fill);
    let done = if chain.changes() {
        let (mut done, config, replaced) = ConfigFile::edit(&path, change)?;
        let path = config.path().to_owned();
        done.push(match replaced {
            Some(replaced) => Done::saved(path, config.had_comments(), replaced),
            None => Done::Unchanged { path },
        });
        done
    } else {
        let load = if globals.config.is_some() { ConfigFile::load_named } else { ConfigFile::load };
        change(&mut load(&path)?)?
    };
    done.iter().try_for_each(|report| output.report(report))?;
    done.iter().filter_map(Done::note).for_each(|note| output.note(&note));
    Ok(())
}
