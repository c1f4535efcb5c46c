//! Passes on what the program logs.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use mp_node::{Monitor, Node, Service};
use mp_proto::{NodeId, PortId, Value};
use mp_transport::clock;
use tokio::sync::broadcast;
use tracing::field::{Field, Visit};
use tracing::subscriber::NoSubscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use super::{CONNECT, LogLevel, LogLine, TARGET};

/// Lines that wait to be passed on; more are dropped, and their number is told.
const WAITING: usize = 1_024;
/// Bytes of a text at the most.
const TEXT: usize = 4_096;
/// Ports that are told at the most.
const CATCHERS: usize = 64;

/// Takes what the program logs by `tracing`, and passes it on to those who catch it `[LC-02]`. It is a layer for the
/// program's subscriber, and costs next to nothing while nobody asks:
///
/// ```no_run
/// # async fn example(node: mp_node::Node) {
/// use mp_global::log_catcher::{LogLevel, LogTap};
/// use tracing_subscriber::layer::SubscriberExt;
/// use tracing_subscriber::util::SubscriberInitExt;
///
/// let tap = LogTap::new(LogLevel::INFO);
/// tracing_subscriber::registry().with(tap.clone()).init();
/// tap.answer(&node); // once the node's other services are there
/// # }
/// ```
#[derive(Clone)]
pub struct LogTap {
    shared: Arc<Shared>,
}

struct Shared {
    most: LogLevel,
    /// The least grave level that anybody wants; 0 if nobody wants any.
    wanted: AtomicU8,
    catchers: Mutex<BTreeMap<(NodeId, PortId), Catcher>>,
    lines: broadcast::Sender<Arc<LogLine>>,
}

struct Catcher {
    level: LogLevel,
    /// Removes it when the port is dead.
    monitor: Option<Monitor>,
}

impl LogTap {
    /// A tap that passes on nothing that is less grave than `most`, whatever is asked for.
    #[must_use]
    pub fn new(most: LogLevel) -> Self {
        let (wanted, catchers) = (AtomicU8::new(0), Mutex::new(BTreeMap::new()));
        Self { shared: Arc::new(Shared { most, wanted, catchers, lines: broadcast::channel(WAITING).0 }) }
    }

    /// Makes the node answer those who ask for log lines. A peer gets them at its own ports only.
    pub fn answer(&self, node: &Node) {
        let (asked, weak) = (Arc::clone(&self.shared), node.downgrade());
        node.install(Service {
            tags: &[CONNECT],
            up: Box::new(|_| {}),
            down: Box::new(|_, _| {}),
            request: Box::new(move |from, tag, args| {
                if tag != CONNECT {
                    return Some(args);
                }
                if let Some(node) = weak.upgrade() {
                    asked.connect(&node, from, &args);
                }
                None
            }),
        });
        let (shared, weak, mut lines) =
            (Arc::clone(&self.shared), node.downgrade(), self.shared.lines.subscribe());
        node.spawn_task(async move {
            loop {
                let line = match lines.recv().await {
                    Ok(line) => line,
                    Err(broadcast::error::RecvError::Lagged(lost)) => Arc::new(LogLine {
                        time: clock::wall(),
                        context: TARGET.to_owned(),
                        level: LogLevel::WARN,
                        text: format!("{lost} log lines were lost here"),
                    }),
                    Err(broadcast::error::RecvError::Closed) => return,
                };
                let Some(node) = weak.upgrade() else { return };
                shared.pass_on(&node, &line);
            }
        });
    }
}

impl Shared {
    /// Somebody asks for lines: the version, a port, a level.
    fn connect(self: &Arc<Self>, node: &Node, from: &NodeId, args: &[Value]) {
        let [version, port, level, ..] = args else { return };
        let is_known = crate::data::word(version).is_some_and(|version| &*version == "0");
        let (port, level) = (port.as_port(), LogLevel::read(level));
        let (true, Some(port), Some(level)) = (is_known, port, level) else {
            return tracing::debug!(target: TARGET, %from, "asks for log lines in a way that is not known");
        };
        let key = (node.id().clone(), port.clone());
        // What is logged here must not find the lock held.
        if port.node() != *from || self.len() >= CATCHERS && !self.has(&key) {
            return tracing::debug!(target: TARGET, %from, %port, "gets no log lines");
        }
        let level = level.min(self.most);
        drop(self.change(|catchers| catchers.insert(key.clone(), Catcher { level, monitor: None })));
        let (shared, gone) = (Arc::downgrade(self), key.clone());
        let monitor = node.monitor_with(&port, move |_| {
            if let Some(shared) = shared.upgrade() {
                drop(shared.change(|catchers| catchers.remove(&gone)));
            }
        });
        let mut monitor = Some(monitor);
        // If the port is dead already, it is not there any more.
        drop(self.change(|catchers| {
            let catcher = catchers.get_mut(&key)?;
            catcher.monitor = monitor.take();
            None
        }));
    }

    fn len(&self) -> usize {
        self.catchers.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn has(&self, key: &(NodeId, PortId)) -> bool {
        self.catchers.lock().unwrap_or_else(PoisonError::into_inner).contains_key(key)
    }

    /// Changes who catches; what was there is given back, as it must not be dropped under the lock.
    fn change(
        &self,
        edit: impl FnOnce(&mut BTreeMap<(NodeId, PortId), Catcher>) -> Option<Catcher>,
    ) -> Option<Catcher> {
        let mut catchers = self.catchers.lock().unwrap_or_else(PoisonError::into_inner);
        let old = edit(&mut catchers);
        let wanted = catchers.values().map(|catcher| catcher.level.number()).max();
        self.wanted.store(wanted.unwrap_or(0), Ordering::Relaxed);
        old
    }

    fn pass_on(&self, node: &Node, line: &LogLine) {
        let catchers = self.catchers.lock().unwrap_or_else(PoisonError::into_inner);
        let wanting =
            catchers.iter().filter(|((of, _), catcher)| of == node.id() && catcher.level >= line.level);
        let ports: Vec<PortId> = wanting.map(|((_, port), _)| port.clone()).collect();
        drop(catchers);
        let message = line.to_message();
        // What sending says of itself is no line to be sent, and so on for ever.
        tracing::subscriber::with_default(NoSubscriber::new(), || {
            for port in ports {
                // A line for which there is no room, or no connection any more, is lost; the monitor removes the port.
                if node.id() == &port.node() || node.nodes().contains(&port.node()) {
                    drop(node.try_send(&port, &message));
                }
            }
        });
    }
}

impl<S: tracing::Subscriber> Layer<S> for LogTap {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        let (shared, meta) = (&self.shared, event.metadata());
        let level = LogLevel::from(*meta.level());
        if level.number() > shared.wanted.load(Ordering::Relaxed) || meta.target() == TARGET {
            return;
        }
        let mut words = Words::default();
        event.record(&mut words);
        let line = LogLine {
            time: clock::wall(),
            context: meta.target().to_owned(),
            level,
            text: words.message + &words.fields,
        };
        // Nobody may be there to take it.
        drop(shared.lines.send(Arc::new(line)));
    }
}

/// A line's text: the message, then the fields.
#[derive(Default)]
struct Words {
    message: String,
    fields: String,
}

impl Visit for Words {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        use fmt::Write as _;
        let is_message = field.name() == "message";
        let mut to = Bounded(if is_message { &mut self.message } else { &mut self.fields });
        let written = if is_message { write!(to, "{value:?}") } else { write!(to, " {field}={value:?}") };
        if written.is_err() {
            to.0.push('…');
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }
}

/// Text up to a bound.
struct Bounded<'a>(&'a mut String);

impl fmt::Write for Bounded<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            if self.0.len() + character.len_utf8() > TEXT / 2 {
                return Err(fmt::Error);
            }
            self.0.push(character);
        }
        Ok(())
    }
}

impl fmt::Debug for LogTap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogTap").field("most", &self.shared.most).finish_non_exhaustive()
    }
}
