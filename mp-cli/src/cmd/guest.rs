//! The node that commands become which talk to a network: it listens nowhere, has its errands, and goes.

mod ears;
mod seeds;
mod unknown;
mod waiting;

use std::future::Future;
use std::io::ErrorKind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use mp_config::{ConfigFile, NodeConfig, Origin, Scope, Setting};
use mp_global::Global;
use mp_global::wire::Part;
use mp_node::{CallError, DialError, Message, Monitor, Node, NodeBuilder, NodeId, PortId, Reason, Value};
use mp_proto::{HandshakeError, Stage};
use serde_json::Value as Json;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use self::ears::Ears;
use self::seeds::SeedWatch;
use self::waiting::Waiting;
use super::{loopback, secret};
use crate::args::{ArgsError, NodeArgs, addresses, is_short};
use crate::cmd::json::to_json;
use crate::error::CliError;
use crate::output::{Progress, plain};

/// The profile that is used if there is one, as Perl's program does.
const PROFILE: &str = "aemp";
/// The node's name if nobody chose one for it: such a node is a passer-by.
const NODE_ID: &str = "anon/";
/// How nodes are called that look at others, and are gone again.
const PASSERS_BY: [&str; 2] = [NODE_ID, "doctor/"];
/// Between the first attempts to reach one address; then double that each time, up to the other one.
const PAUSE: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(3));
/// So often a peer may close the connection while it is to prove itself: once may be chance; who does so again and again
/// does not like our proof, and does not say so.
const REFUSALS: u32 = 3;
/// How long the directory may take to say which nodes there are, when one was not found.
const AFTERTHOUGHT: Duration = Duration::from_secs(2);

/// A node on errands. Cheap to clone; all clones are the same node.
#[derive(Debug, Clone)]
pub(super) struct Guest {
    node: Node,
    seeds: Vec<String>,
    /// What is waited for must happen within this.
    limit: Duration,
    waiting: Waiting,
    ears: Ears,
    global: Arc<OnceLock<Global>>,
    progress: Progress,
    is_lasting: bool,
    is_patient: bool,
}

/// Whether a node has the name of one that looks at others, and is gone again.
pub(super) fn is_passer_by(name: &str) -> bool {
    PASSERS_BY.iter().any(|by| name.starts_with(by))
}

/// Takes out of a node's configuration what is meant for the node that runs by it, and not for one on errands.
pub(super) fn takes_no_place(config: &mut NodeConfig) {
    config.binds = Vec::new();
    config.advertise = Vec::new();
    config.services = Vec::new();
}

/// The node that these options and the file make. Its name is its own: that of a profile is for the node that runs by
/// it. Only what the profile of such nodes says itself, is meant for them `[CF-23]`.
pub(super) fn resolve(args: &NodeArgs, file: &ConfigFile) -> Result<NodeConfig, CliError> {
    if let Some(name) = &args.profile {
        mp_config::profile_name(name)
            .map_err(|error| ArgsError::Value { key: "--profile".to_owned(), error })?;
        file.require_profile(name)?;
    }
    let profile = args.profile.as_deref().unwrap_or(PROFILE);
    let mut settings = seeds(args)?;
    if !names_guests(profile, file)? {
        settings.push((Setting::of("nodeid").expect("it is in the table"), NODE_ID.into()));
    }
    let config = file.resolve(Some(profile), &settings, Some(NODE_ID), &mut getrandom::fill)?;
    config.require_secret(file)?;
    Ok(config)
}

/// Whether a profile is that of nodes on errands, and has a name for them.
fn names_guests(profile: &str, file: &ConfigFile) -> Result<bool, CliError> {
    let own = Origin::File(Scope::Profile(PROFILE.to_owned()));
    let all = file.effective(Some(profile), &[])?;
    Ok(profile == PROFILE && all.get("nodeid").is_some_and(|(_, origin)| *origin == own))
}

/// The setting that `--seed` is.
pub(super) fn seeds(args: &NodeArgs) -> Result<Vec<(&'static Setting, Json)>, CliError> {
    if args.seeds.is_empty() {
        return Ok(Vec::new());
    }
    let seeds = Setting::of("seeds").expect("it is in the table");
    let value = seeds.value(&args.seeds.join(","));
    let value = value.map_err(|error| ArgsError::Value { key: "--seed".to_owned(), error })?;
    Ok(vec![(seeds, value)])
}

impl Guest {
    /// Starts the node. All that it waits for must happen within `limit`.
    pub(super) async fn begin(
        mut config: NodeConfig,
        limit: Duration,
        progress: Progress,
    ) -> Result<Self, CliError> {
        takes_no_place(&mut config);
        let seeds = NodeConfig::expand(&config.seeds);
        let node = NodeBuilder::from_config(config).start().await?;
        let (waiting, ears) = (Waiting::default(), Ears::open(&node));
        let global = Arc::default();
        let (is_lasting, is_patient) = (false, false);
        Ok(Self { node, seeds, limit, waiting, ears, global, progress, is_lasting, is_patient })
    }

    /// The same node with another limit.
    pub(super) fn within(&self, limit: Duration) -> Self {
        Self { limit, ..self.clone() }
    }

    /// The same node, for one errand after the other.
    pub(super) fn lasting(self) -> Self {
        Self { is_lasting: true, ..self }
    }

    /// The same node, which waits for nodes that are not there yet, or does not.
    pub(super) fn patient(self, is_patient: bool) -> Self {
        Self { is_patient, ..self }
    }

    /// Whether it stays when an errand is done.
    pub(super) fn is_lasting(&self) -> bool {
        self.is_lasting
    }

    /// The node itself.
    pub(super) fn node(&self) -> &Node {
        &self.node
    }

    /// Where the network is found.
    pub(super) fn seeds(&self) -> &[String] {
        &self.seeds
    }

    /// How long anything may take.
    pub(super) fn limit(&self) -> Duration {
        self.limit
    }

    /// How long work is told of.
    pub(super) fn progress(&self) -> Progress {
        self.progress
    }

    /// Writes what waits, and goes.
    pub(super) async fn leave(&self) {
        self.node.shutdown().await;
    }

    /// Sends the message, and returns when the port's node has it.
    pub(super) async fn snd(&self, port: &PortId, message: &[Json]) -> Result<(), CliError> {
        self.in_time(async {
            let port = self.way_to(port).await?;
            self.node.send(&port, message).await?;
            // What the node answers later than this, it has seen later than this.
            self.ask_node(&port).await
        })
        .await
    }

    /// Sends the message with a reply port at its end, and returns the reply.
    pub(super) async fn cal(&self, port: &PortId, message: &[Json]) -> Result<Vec<Json>, CliError> {
        let request = Message::new(message).map_err(mp_node::SendError::from)?;
        let mut asked = None;
        let doubt = OnceLock::new();
        let answer = self.in_time(async {
            let port = self.way_to(port).await?;
            self.waiting.is_for(format!("{port} did not answer"), "give it more by --timeout");
            asked = Some(port.clone());
            tokio::select! {
                biased;
                answer = self.node.call(&port, request) => answer.map_err(|error| unanswered(&port, &error)),
                text = self.refusal(&port, message.first(), &doubt) => Err(CliError::Remote(text)),
            }
        });
        match (answer.await, asked) {
            (Ok(answer), _) => Ok(answer.values().iter().map(to_json).collect()),
            (Err(CliError::Remote(text)), Some(port)) => {
                let better = self.no_such_node(&port.node()).await.or(doubt.into_inner());
                Err(CliError::Remote(better.unwrap_or(text)))
            }
            (Err(error), _) => Err(error),
        }
    }

    /// Reaches the port's node, and monitors the port.
    pub(super) async fn mon(&self, port: &PortId) -> Result<Monitor, CliError> {
        let port = self.meet(port).await?;
        let monitor = self.node.monitor(&port);
        tracing::info!(%port, "monitored");
        Ok(monitor)
    }

    /// Connects to the port's node and has it answer; returns the port by the name that its node gives itself.
    pub(super) async fn meet(&self, port: &PortId) -> Result<PortId, CliError> {
        self.in_time(async {
            let port = self.way_to(port).await?;
            self.ask_node(&port).await?;
            Ok(port)
        })
        .await
    }

    /// Takes part in the directory, which it asks and does not serve.
    pub(super) async fn directory(&self) -> Result<&Global, CliError> {
        if self.seeds.is_empty() {
            return Err(CliError::NoNetwork);
        }
        self.in_time(async {
            let seed = self.reach(self.seeds.clone()).await?;
            self.join(&seed).await
        })
        .await
    }

    /// Asks the directory something.
    pub(super) async fn asked<T>(
        &self,
        what: &str,
        question: impl Future<Output = Result<T, mp_global::GlobalError>>,
    ) -> Result<T, CliError> {
        self.in_time(async {
            self.waiting.is_for(format!("no global node told us {what}"), "look at what the seeds log");
            Ok(question.await?)
        })
        .await
    }

    /// Whether this peer has said that it is a global node.
    pub(super) fn is_global(&self, node: &NodeId) -> bool {
        self.ears.is_global(node)
    }

    /// What a family holds at one global node; `None` if it does not say.
    pub(super) async fn ask(&self, of: &NodeId, part: Part, family: &str) -> Option<Value> {
        self.ears.ask(&self.node, of, part, family, self.limit).await
    }

    /// Tells when the last seed goes away, and when one is there again.
    pub(super) fn watch_seeds<'a>(&'a self, global: &'a Global) -> SeedWatch<'a> {
        SeedWatch::new(global, &self.seeds)
    }

    async fn join(&self, seed: &NodeId) -> Result<&Global, CliError> {
        self.waiting.is_for(format!("the seed {seed} did not let us in"), "look at what it logs");
        if self.global.get().is_none() {
            // Nobody else can be here: errands are done one after the other.
            let global = Global::builder(&self.node).global(false).start()?;
            // Not before there is somebody who understands it: a stray request would be complained of. What came until
            // then, before or while this was done, is handed on.
            for peer in self.ears.join() {
                global.heard_global(&peer);
            }
            drop(self.global.set(global));
        }
        let global = self.global.get().ok_or(CliError::NoNetwork)?;
        global.joined().await?;
        Ok(global)
    }

    async fn in_time<T>(&self, errand: impl Future<Output = Result<T, CliError>>) -> Result<T, CliError> {
        let limited = timeout(self.limit, errand);
        match self.progress.during(limited, || format!("so far, {}", self.waiting.so_far())).await {
            Ok(result) => result,
            Err(_) => Err(CliError::Remote(self.waiting.text(self.limit))),
        }
    }

    /// Connects to the port's node or to a seed; returns the port by the name that its node gives itself.
    async fn way_to(&self, port: &PortId) -> Result<PortId, CliError> {
        let target = port.node();
        if self.node.nodes().contains(&target) {
            return Ok(port.clone());
        }
        let addresses = addresses(target.as_str());
        if !addresses.is_empty() {
            let node = self.reach(addresses).await?;
            return PortId::new(&node, port.name()).map_err(|error| CliError::Remote(error.to_string()));
        }
        if self.seeds.is_empty() {
            return Err(CliError::NoSeed(target.to_string()));
        }
        let seed = self.reach(self.seeds.clone()).await?;
        if seed != target {
            // The seed knows the way; it is there already, so nothing else is dialled at the same time.
            self.join(&seed).await?;
        }
        Ok(port.clone())
    }

    /// Connects to whoever answers first at one of these addresses; each is tried until it says no for good. That nobody
    /// listens there is for good if there is no other, and nobody said how long to wait: of several, one may be the first that
    /// is there.
    async fn reach(&self, addresses: Vec<String>) -> Result<NodeId, CliError> {
        let what = format!("no node answered at {}", addresses.join(", "));
        self.waiting.is_for(what, "does one of this network run there?");
        let found = Arc::new(AtomicBool::new(false));
        let mut dials = JoinSet::new();
        let at_once = addresses.len() == 1 && !self.is_patient;
        for address in addresses {
            let dial = Dial { address, at_once, waiting: self.waiting.clone(), found: Arc::clone(&found) };
            dials.spawn(dial.run(self.node.clone()));
        }
        let mut refusal = String::new();
        while let Some(dial) = dials.join_next().await {
            match dial {
                Ok(Ok(node)) => {
                    // To break the others off would look like a failure to whom they have reached.
                    found.store(true, Ordering::Relaxed);
                    dials.detach_all();
                    return Ok(node);
                }
                Ok(Err(text)) => refusal = text,
                Err(error) => refusal = error.to_string(),
            }
        }
        Err(CliError::Remote(refusal))
    }

    /// Waits for the port's node to answer.
    async fn ask_node(&self, port: &PortId) -> Result<(), CliError> {
        self.waiting.is_for(format!("{} did not answer", port.node()), "give it more by --timeout");
        let Err(error) = self.node.call(port.node(), "time").await else { return Ok(()) };
        match self.no_such_node(&port.node()).await {
            Some(text) => Err(CliError::Remote(text)),
            None => Err(unanswered(port, &error)),
        }
    }

    /// Asks a node whether it knows a request, as it says nothing to one that it does not know `[NP-05]`. Returns, with
    /// words for it, if there is no answer to be hoped for; a Perl node may yet have a function of that name, which leaves
    /// but a `doubt`.
    async fn refusal(&self, port: &PortId, tag: Option<&Json>, doubt: &OnceLock<String>) -> String {
        if tag.is_none() && port.name().is_empty() {
            return plain(&format!("{port} answers requests alone; write one, as in `aemp cal {port} time`"));
        }
        if let Some(tag) = tag.and_then(Json::as_str).filter(|_| port.name().is_empty()) {
            let answer = self.node.call(port, ("can", tag.to_owned())).returning::<(String,)>().await;
            if answer.is_ok_and(|(known,)| known.is_empty()) {
                let text = plain(&format!("{port} does not know the request {tag:?}"));
                if self.node.is_own_kind(&port.node()) {
                    return text;
                }
                doubt.get_or_init(|| text);
            }
        }
        std::future::pending().await
    }
}

/// Dialling an address, until somebody answers there or elsewhere.
struct Dial {
    address: String,
    /// That nobody is there is not waited through.
    at_once: bool,
    waiting: Waiting,
    /// Somebody has answered.
    found: Arc<AtomicBool>,
}

impl Dial {
    /// The node that answers; the error says why that is no use.
    async fn run(self, node: Node) -> Result<NodeId, String> {
        let addr = self.address.parse().map_err(|error| format!("{}: {error}", self.address))?;
        let (mut pause, mut refusals, mut advised) = (PAUSE.0, 0, false);
        loop {
            let error = match node.dial(&addr).await {
                Ok(peer) => return Ok(peer),
                Err(error) => error,
            };
            refusals = if is_refusal(&error) { refusals + 1 } else { 0 };
            if error.is_permanent() || refusals >= REFUSALS || self.found.load(Ordering::Relaxed) {
                return Err(secret::told(&error));
            }
            self.waiting.because(&error);
            if nobody_there(&error) {
                if !std::mem::replace(&mut advised, true) {
                    self.advise().await;
                }
                if self.at_once {
                    return Err(self.waiting.in_vain());
                }
            }
            sleep(pause).await;
            pause = (pause * 2).min(PAUSE.1);
        }
    }

    /// What to do where nobody listens, if more is known than that.
    async fn advise(&self) {
        if let Some(hint) = loopback::elsewhere(&self.address).await {
            self.waiting.mend(hint);
        } else if is_short(&self.address) {
            let address = &self.address;
            self.waiting.mend(format!(
                "does one of this network run there? {address} is taken for an address, as HOST:PORT always is; a node's name \
                 stands without a port"
            ));
        }
    }
}

/// Whether nobody listens at the address, or no machine has its name: to wait does not help.
pub(super) fn nobody_there(error: &DialError) -> bool {
    let DialError::Unreachable { error, .. } = error else { return false };
    error.kind() == ErrorKind::ConnectionRefused || error.to_string().contains("Name or service not known")
}

/// Whether the peer has closed the connection when it had our proof, or could not get one that it wants.
fn is_refusal(error: &DialError) -> bool {
    let DialError::Handshake { error, .. } = error else { return false };
    matches!(**error, HandshakeError::Closed { stage: Stage::Auth })
}

/// Why there is no answer, as far as `error` knows.
fn unanswered(port: &PortId, error: &CallError) -> CliError {
    CliError::Remote(plain(&match error {
        CallError::Died(reason) => died(port, reason),
        other => format!("{port}: {other}"),
    }))
}

/// How a port died, in words.
pub(super) fn died(port: &PortId, reason: &Reason) -> String {
    let text = |index: usize| reason.values().get(index).and_then(Value::as_str).unwrap_or_default();
    match &*reason.word() {
        "" if reason.is_normal() => format!("{port} ended without an answer"),
        "transport_error" => format!("no connection to {}: {}", text(1), text(2)),
        "no_such_port" => format!("there is no port {port}"),
        _ => format!("{port} died: {reason}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_death_is_told_in_words() {
        let port: PortId = "n#p".parse().unwrap();
        let lost = Reason::transport_error(&port.node(), "no known address");
        assert_eq!(died(&port, &lost), "no connection to n: no known address");
        assert_eq!(died(&port, &Reason::no_such_port(&port)), "there is no port n#p");
        assert_eq!(died(&port, &Reason::normal()), "n#p ended without an answer");
        assert_eq!(died(&port, &Reason::die("oops\n")), "n#p died: die: oops\\n");
        assert_eq!(died(&port, &Reason::from_values(vec![])), "n#p ended without an answer");
    }
}
