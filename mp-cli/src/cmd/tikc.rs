//! `aemp tikc`: a kernel of POE::TIKC on the command line.

pub(super) mod service;
mod told;

use std::time::Duration;

use mp_config::{ConfigFile, NodeConfig};
use mp_tikc::{Client, Event, Kernel, KernelEvent, Secret, Server, Session};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use self::told::Told;
use super::stop::Stop;
use crate::args::{Tikc, TikcLink, TikcSessions};
use crate::error::CliError;
use crate::output::Output;

/// Events of several sessions that wait to be printed.
const WAITING: usize = 1000;

pub(super) async fn run(
    tikc: Tikc,
    file: &ConfigFile,
    output: &mut Output,
    stop: &mut Stop,
) -> Result<(), CliError> {
    let kernel = kernel(file)?;
    let work = work(tikc, &kernel, output);
    let result = tokio::select! {
        result = work => result,
        _ = stop.asked() => Ok(()),
    };
    // What is queued is still written.
    tokio::select! {
        () = kernel.shutdown() => {}
        _ = stop.asked() => {}
    }
    result
}

async fn work(tikc: Tikc, kernel: &Kernel, output: &mut Output) -> Result<(), CliError> {
    match tikc {
        Tikc::Server { listen, sessions, plain } => {
            let builder = kernel.serve().address(listen);
            let builder = if plain { builder.allow_plain() } else { builder };
            let events = events_of(kernel, &sessions)?;
            let server: Server = builder.start().await?;
            output.report(&Told::Listening { address: server.address().to_string() })?;
            print(kernel, &sessions, events, output).await
        }
        Tikc::Client { link, sessions } => {
            // Before it connects, so that nothing is missed.
            let events = events_of(kernel, &sessions)?;
            let _client = connect(kernel, &link)?;
            print(kernel, &sessions, events, output).await
        }
        Tikc::Post { link, timeout, alias, event, args } => {
            let client = connect(kernel, &link)?;
            reach(&client, timeout).await?;
            let known = tokio::time::timeout(timeout, kernel.wait_for(&alias)).await;
            if !known.unwrap_or(false) {
                return Err(CliError::Remote(format!(
                    "nobody holds the alias {alias:?} at {}",
                    link.connect
                )));
            }
            let posted = kernel.post(&alias, &event, args).await;
            posted.map_err(|error| CliError::Remote(error.to_string()))?;
            output.report(&Told::Posted { alias, name: event })
        }
        Tikc::Aliases { link, timeout } => {
            let client = connect(kernel, &link)?;
            reach(&client, timeout).await?;
            output.report(&Told::Aliases { aliases: kernel.aliases().into_keys().collect() })
        }
        Tikc::Watch { link } => {
            let events = kernel.events();
            let _client = connect(kernel, &link)?;
            watch(events, output).await
        }
    }
}

/// A kernel with the secret of the configuration, if there is one.
fn kernel(file: &ConfigFile) -> Result<Kernel, CliError> {
    let config = file.resolve(Some("aemp"), &[], Some("anon/"), &mut getrandom::fill)?;
    kernel_with(&config)
}

/// A kernel with the secret and the certificate of a configuration, as far as there are.
pub(super) fn kernel_with(config: &NodeConfig) -> Result<Kernel, CliError> {
    let secret = config.secret.as_ref().map(|secret| Secret::from_text(secret.expose()));
    let builder = Kernel::builder();
    let builder = match secret {
        Some(secret) => builder.secret(secret.expect("the file's reader takes no other")),
        None => builder,
    };
    #[cfg(feature = "tls")]
    let builder = match &config.cert {
        Some(pem) => builder.cert(pem.expose()).map_err(mp_tikc::StartError::Certificate)?,
        None => builder,
    };
    Ok(builder.start().map_err(mp_tikc::StartError::Random)?)
}

fn connect(kernel: &Kernel, link: &TikcLink) -> Result<Client, CliError> {
    let builder = kernel.connect(link.connect.clone());
    Ok(if link.plain { builder.allow_plain() } else { builder }.start()?)
}

async fn reach(client: &Client, timeout: Duration) -> Result<(), CliError> {
    match tokio::time::timeout(timeout, client.connected()).await {
        Ok(true) => Ok(()),
        _ => Err(CliError::Remote(format!("no kernel answered at {}", client.server()))),
    }
}

/// The events of all sessions that are wanted, in one stream.
fn events_of(kernel: &Kernel, wanted: &TikcSessions) -> Result<Events, CliError> {
    let (tell, events) = mpsc::channel(WAITING);
    let mut tasks = JoinSet::new();
    for alias in &wanted.aliases {
        tasks.spawn(pass_on(kernel.session(alias)?, tell.clone()));
    }
    Ok(Events { events, of_kernel: kernel.events(), _tasks: tasks })
}

/// Events of sessions, with the tasks that fetch them, and of the kernel.
struct Events {
    events: mpsc::Receiver<Event>,
    of_kernel: mp_tikc::KernelEvents,
    _tasks: JoinSet<()>,
}

async fn pass_on(mut session: Session, tell: mpsc::Sender<Event>) {
    while let Some(event) = session.recv().await {
        if tell.send(event).await.is_err() {
            return;
        }
    }
}

/// Prints what comes, and echoes if that is wanted.
async fn print(
    kernel: &Kernel,
    wanted: &TikcSessions,
    mut events: Events,
    output: &mut Output,
) -> Result<(), CliError> {
    loop {
        tokio::select! {
            Some(event) = events.events.recv() => {
                output.report(&Told::event(&event))?;
                if wanted.echo {
                    echo(kernel, event).await;
                }
            }
            Some(event) = events.of_kernel.next() => {
                if let Some(told) = Told::of(event) {
                    output.report(&told)?;
                }
            }
            else => return Ok(()),
        }
    }
}

/// Posts what `echo(alias, event, args…)` asks for; answers a call with its arguments.
async fn echo(kernel: &Kernel, mut event: Event) {
    if event.name() != "echo" {
        return;
    }
    if event.wants_answer() {
        let args = event.args().to_vec();
        drop(event.answer(args));
        return;
    }
    if let [alias, name, args @ ..] = event.args()
        && let (Some(alias), Some(name)) = (alias.as_str(), name.as_str())
        && let Err(error) = kernel.post(&alias, &name, args.to_vec()).await
    {
        tracing::warn!("an echo is dropped: {error}");
    }
}

async fn watch(mut events: mp_tikc::KernelEvents, output: &mut Output) -> Result<(), CliError> {
    while let Some(event) = events.next().await {
        let told = match event {
            KernelEvent::Came { alias } => Told::Came { alias: alias.to_string() },
            KernelEvent::Went { alias } => Told::Went { alias: alias.to_string() },
            other => match Told::of(other) {
                Some(told) => told,
                None => continue,
            },
        };
        output.report(&told)?;
    }
    Ok(())
}

/// Values as JSON.
fn json(values: &[mp_tikc::Value]) -> Vec<Value> {
    values.iter().map(super::json::to_json).collect()
}
