//! Supervisors: ports that start other ports, and start them again when they die.

mod handle;
pub(crate) mod plan;
mod run;

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use mp_proto::{Message, PortId, Reason};
use serde::Serialize;

pub(crate) use self::handle::Slot;
pub use self::handle::{ChildHandle, Supervision};
use self::run::Started;
use crate::error::SendError;
use crate::spawn::Outcome;
use crate::{Node, Port};

/// What to start, and what to do when it dies: a plan, which [`start`](Supervisor::start) carries out. After Erlang's
/// supervisors.
///
/// Children are started in the order in which they were added, and stopped in the reverse one. When one dies that is to
/// live on (its [`Restart`]), it is started again, and others with it (the [`Strategy`]). When that happens more often
/// than the [`intensity`](Supervisor::intensity) allows, starting again does not help: the supervisor stops all its
/// children and dies with the reason `("too_many_restarts", text)`, and whoever supervises it decides.
///
/// ```
/// use mp_node::{Child, Node, Port, Supervisor};
///
/// async fn greeter(mut port: Port) -> Result<(), mp_node::Reason> {
///     while let Some((name, reply)) = port.recv_request::<(String,), String>().await {
///         let (name,) = name;
///         if name.is_empty() {
///             return Err(mp_node::Reason::die("nobody to greet"));
///         }
///         port.node().send(reply, format!("hello, {name}")).await.expect("the node runs");
///     }
///     Ok(())
/// }
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// # let node = Node::builder("doc").without_file().start().await?;
/// let supervision = Supervisor::one_for_one().child(Child::worker("greeter", greeter)).start(&node)?;
///
/// let greeter = supervision.child("greeter").expect("it was just named");
/// let first = greeter.ready().await.expect("it was started");
/// assert!(node.call(&first, ("",)).await.is_err(), "it died of that");
///
/// // The handle leads to the new one.
/// let second = greeter.ready().await.expect("it was started again");
/// assert_ne!(first, second);
/// assert_eq!(node.call(&second, ("ada",)).returning::<String>().await?, "hello, ada");
/// supervision.shutdown().await;
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).expect("it works");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "nothing is supervised before `start`"]
pub struct Supervisor {
    strategy: Strategy,
    most: usize,
    period: Duration,
    children: Vec<Child>,
}

/// Who is started again when one child dies that is to live on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strategy {
    /// That child: the others do not depend on it.
    OneForOne,
    /// All children: each depends on all.
    OneForAll,
    /// That child and those behind it: each depends on those before it.
    RestForOne,
}

/// Which deaths of a child are to be mended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Restart {
    /// All: the child is never to be missing. The default.
    #[default]
    Permanent,
    /// Those that are no normal end: the child does a job, and is done when it says so. One that is done stays so.
    Transient,
    /// None: nor is it started again when it was stopped for the sake of others.
    Temporary,
}

/// One child of a [`Supervisor`]: a name, a function that makes a port, and how it is to be treated.
#[derive(Clone)]
#[must_use = "a child is given to `Supervisor::child`"]
pub struct Child {
    name: String,
    start: Start,
    restart: Restart,
    patience: Option<Duration>,
    stop: Option<Message>,
    registered: Option<String>,
}

/// Starts a child, or says why that is not possible.
type StartFunction = dyn Fn(&Node) -> Result<Started, Reason> + Send + Sync;

#[derive(Clone)]
enum Start {
    Function(Arc<StartFunction>),
    Supervisor(Supervisor),
}

/// How long a child may take to stop, unless it is told otherwise.
const PATIENCE: Duration = Duration::from_secs(5);

/// A supervisor was not started.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SupervisorError {
    /// There is no room for its port, or the node has been shut down.
    #[error(transparent)]
    Port(#[from] SendError),
    /// Two children have the same name.
    #[error("two children are named {0:?}: names of one supervisor's children must differ")]
    SameName(String),
}

impl Supervisor {
    /// A supervisor without children yet, that starts at most 3 of them again within 5 seconds.
    pub fn new(strategy: Strategy) -> Self {
        Self { strategy, most: 3, period: Duration::from_secs(5), children: Vec::new() }
    }

    /// [`Strategy::OneForOne`].
    pub fn one_for_one() -> Self {
        Self::new(Strategy::OneForOne)
    }

    /// [`Strategy::OneForAll`].
    pub fn one_for_all() -> Self {
        Self::new(Strategy::OneForAll)
    }

    /// [`Strategy::RestForOne`].
    pub fn rest_for_one() -> Self {
        Self::new(Strategy::RestForOne)
    }

    /// How many deaths within `period` are mended: with one more, the supervisor gives up. A death counts once, however
    /// many are started again for it. 0 mends none.
    pub fn intensity(mut self, most: usize, period: Duration) -> Self {
        (self.most, self.period) = (most, period);
        self
    }

    /// Adds a child behind those that are there.
    pub fn child(mut self, child: Child) -> Self {
        self.children.push(child);
        self
    }

    /// Starts the supervisor, in a port and a task of the node, and its children: they are there when this returns.
    ///
    /// A child that cannot be started counts as one that died at once.
    ///
    /// # Errors
    ///
    /// [`SupervisorError`].
    pub fn start(self, node: &Node) -> Result<Supervision, SupervisorError> {
        let slots = self.slots()?;
        run::start(self, node, slots, false)
    }

    /// Where the handles of all children look, those of supervisors below this one, too.
    fn slots(&self) -> Result<Slots, SupervisorError> {
        let mut slots = BTreeMap::new();
        for child in &self.children {
            let below = match &child.start {
                Start::Function(_) => Slots::default(),
                Start::Supervisor(supervisor) => supervisor.slots()?,
            };
            if slots.insert(child.name.clone(), Arc::new(Slot::new(below))).is_some() {
                return Err(SupervisorError::SameName(child.name.clone()));
            }
        }
        Ok(Arc::new(slots))
    }
}

/// The children of a supervisor by their names.
type Slots = Arc<BTreeMap<String, Arc<Slot>>>;

impl Child {
    /// A child that runs a function in a port of its own, as [`Node::spawn`] does. When it is stopped, its future is
    /// dropped where it waits, and the next one is stopped when that is done.
    pub fn worker<F, T>(name: &str, function: F) -> Self
    where
        F: Fn(Port) -> T + Send + Sync + 'static,
        T: Future<Output: Outcome> + Send + 'static,
    {
        let function = Arc::new(function);
        Self::with(name, Start::Function(Arc::new(move |node| run::spawn(node, &function))))
    }

    /// A child that any function makes: what it gives is the port to look after, in this node or another one. It must be
    /// quick; a panic in it is a child that died at once.
    ///
    /// ```
    /// # use mp_node::{Child, Node, NodeId};
    /// # let other: NodeId = "other".parse()?;
    /// Child::new("far", move |node: &Node| node.spawn_on(&other, "worker", ()).expect("a name can be written"));
    /// # Ok::<(), mp_node::IdError>(())
    /// ```
    pub fn new(name: &str, function: impl Fn(&Node) -> PortId + Send + Sync + 'static) -> Self {
        let start = move |node: &Node| Ok(Started { port: function(node), ended: None });
        Self::with(name, Start::Function(Arc::new(start)))
    }

    /// A child that is a supervisor itself. To stop it is to stop its children, one after another; unless it is told
    /// otherwise, that may take as long as they all may take.
    pub fn supervisor(name: &str, supervisor: Supervisor) -> Self {
        Self::with(name, Start::Supervisor(supervisor))
    }

    fn with(name: &str, start: Start) -> Self {
        let restart = Restart::default();
        Self { name: name.to_owned(), start, restart, patience: None, stop: None, registered: None }
    }

    /// Which of its deaths are mended: [`Restart::Permanent`] by default.
    pub fn restart(mut self, restart: Restart) -> Self {
        self.restart = restart;
        self
    }

    /// [`Restart::Transient`].
    pub fn transient(self) -> Self {
        self.restart(Restart::Transient)
    }

    /// [`Restart::Temporary`].
    pub fn temporary(self) -> Self {
        self.restart(Restart::Temporary)
    }

    /// How long it may take to stop, 5 seconds by default; then it is killed if it lives, and not waited for.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = Some(patience);
        self
    }

    /// Stops the child by a message, so that it can finish what it does; it is expected to end by itself then. Without it
    /// a child is killed with a normal end.
    ///
    /// # Panics
    ///
    /// If the message cannot be written.
    pub fn stop_by<M: Serialize>(mut self, message: M) -> Self {
        self.stop = Some(Message::new(&message).expect("a stop message can be written"));
        self
    }

    /// Registers the port as `name` at the node each time it is started, so that others find it by
    /// [`Node::lookup`].
    pub fn registered(mut self, name: &str) -> Self {
        self.registered = Some(name.to_owned());
        self
    }

    fn patience_or_default(&self) -> Duration {
        self.patience.unwrap_or_else(|| match &self.start {
            Start::Function(_) => PATIENCE,
            Start::Supervisor(supervisor) => {
                let below = supervisor.children.iter().map(Self::patience_or_default);
                below.fold(PATIENCE, Duration::saturating_add)
            }
        })
    }
}

impl fmt::Debug for Child {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Child");
        out.field("name", &self.name).field("restart", &self.restart);
        out.field("patience", &self.patience_or_default());
        if let Start::Supervisor(supervisor) = &self.start {
            out.field("supervisor", supervisor);
        }
        out.finish_non_exhaustive()
    }
}
