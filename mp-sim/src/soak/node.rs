//! One of the nodes: what the process does that the coordinator starts, stops and kills.

mod churn;
mod life;
mod traffic;
mod vigil;

use std::io::{self, BufRead};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use mp_global::Global;
use mp_node::{Node, NodeId, StartError};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tracing_subscriber::EnvFilter;

use self::life::Life;
use super::control::{ADDRESS_IN_USE, LONGEST_RETRY, Order, Phase, Settings, limits, name};
use super::figures::Figures;
use super::record::{Event, Recorder};
use super::time::RunClock;
use crate::Dice;
use crate::scenario::errands;

/// Senders of numbered messages.
const SENDERS: usize = 3;
/// Ports that receive.
const RECEIVERS: usize = 3;
/// Orders that wait.
const ORDERS: usize = 1000;
/// What the log is to tell, as a filter of `tracing_subscriber`; default `warn`.
const LOG: &str = "MP_SOAK_LOG";

/// Is a node of a soak until it is told to end, as the file says.
///
/// # Errors
///
/// The file cannot be read, the record not be written, or the node not be started.
pub fn node(settings: &Path) -> io::Result<ExitCode> {
    let settings: Settings = serde_json::from_slice(&std::fs::read(settings)?)?;
    let filter = std::env::var(LOG).unwrap_or_else(|_| "warn".into());
    let log = tracing_subscriber::fmt().with_env_filter(EnvFilter::new(filter)).with_ansi(false);
    // In a test there may be one already.
    drop(log.with_writer(io::stderr).try_init());
    let recorder = Recorder::create(&settings.record, RunClock::of(settings.wall))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(live(settings, recorder))
}

async fn live(settings: Settings, recorder: Recorder) -> io::Result<ExitCode> {
    let mut builder = Node::builder("soak").without_file().node_id(&name(settings.host)).limits(limits());
    builder = builder.secret(&settings.secret).bind(&settings.bind);
    if let Some(cert) = &settings.cert {
        builder = builder.cert(cert);
    }
    let node = match builder.start().await {
        Ok(node) => node,
        Err(StartError::Bind { error, .. }) => {
            tracing::warn!("{error}");
            return Ok(ExitCode::from(ADDRESS_IN_USE));
        }
        Err(error) => return Err(io::Error::other(error)),
    };
    let mut directory = Global::builder(&node).global(settings.global).longest_retry(LONGEST_RETRY);
    for seed in &settings.seeds {
        directory = directory.seed(seed);
    }
    let global = directory.start().map_err(io::Error::other)?;
    errands::offer(&node);
    let (end, mut orders) = (signal(SignalKind::terminate())?, orders()?);
    let life = Arc::new(Life::new(node, global, recorder, &settings));
    let mut dice = Dice::stream(settings.seed, &format!("process {}", settings.process));
    for index in 0..RECEIVERS {
        let pace = if index + 1 == RECEIVERS { 6 } else { 0 };
        life.run(traffic::receive(Arc::clone(&life), pace, Dice::new(dice.word())));
    }
    churn::look(&life);
    let address = life.node().addresses().first().map(ToString::to_string).unwrap_or_default();
    life.record(&Event::Up { address });
    obey(&life, &mut orders, end, dice).await;
    Ok(ExitCode::SUCCESS)
}

/// Does what it is told, until its input ends or it is to end.
async fn obey(life: &Arc<Life>, orders: &mut mpsc::Receiver<Order>, mut end: Signal, mut dice: Dice) {
    loop {
        let order = tokio::select! {
            biased;
            order = orders.recv() => order,
            _ = end.recv() => Some(Order::Leave { ports: Vec::new() }),
        };
        match order {
            None => return,
            Some(Order::Port { port, id }) => life.knows(port, id),
            Some(Order::Gone { port }) => life.forgets(port),
            Some(Order::Phase(phase)) => {
                #[cfg(test)]
                super::tests::sabotage(phase);
                life.enter(phase);
                if phase == Phase::Load {
                    load(life, &mut dice);
                }
            }
            Some(Order::Connect) => {
                for host in life.others() {
                    life.node().connect(&host);
                }
            }
            Some(Order::Figures) => {
                life.record(&Event::Figures(Figures::of(life.node(), life.global())));
            }
            Some(Order::Leave { ports }) => {
                traffic::farewell(life, &ports, &mut dice).await;
                life.record(&Event::Leaves);
                life.node().shutdown().await;
                return;
            }
        }
    }
}

/// Begins the load. Nothing of it is there before, so that what it leaves behind can be told.
fn load(life: &Arc<Life>, dice: &mut Dice) {
    for _ in 0..SENDERS {
        let sender = life.numbers().sender();
        life.run(traffic::send(Arc::clone(life), sender, Dice::new(dice.word())));
    }
    life.run(vigil::keep(Arc::clone(life), Dice::new(dice.word())));
    life.run(vigil::errands(Arc::clone(life), Dice::new(dice.word())));
    life.run(churn::change(Arc::clone(life), Dice::new(dice.word())));
}

/// What comes on standard input; a thread waits for it, as nothing else can.
fn orders() -> io::Result<mpsc::Receiver<Order>> {
    let (sender, orders) = mpsc::channel(ORDERS);
    let read = move || {
        for line in io::stdin().lock().lines() {
            let sent = match line.and_then(|line| Ok(serde_json::from_str(&line)?)) {
                Ok(order) => sender.blocking_send(order).is_ok(),
                Err(error) => {
                    tracing::error!("standard input: {error}");
                    false
                }
            };
            if !sent {
                return;
            }
        }
    };
    // It ends with the process, at the latest.
    std::thread::Builder::new().name("orders".into()).spawn(read).map(drop)?;
    Ok(orders)
}

/// The node of a host.
fn node_of(host: u32) -> NodeId {
    NodeId::new(&name(host)).expect("a letter and a number are a name")
}
