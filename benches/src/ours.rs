//! Our own nodes, used as a program would use them: messages are a type, all settings the default.

use std::hash::{BuildHasher, RandomState};

use anyhow::Context;
use mp_node::{Framing, Limits, Node, NodeId, Payload, PortId, PortRef, ReplyTo, TypedPort};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::tally::Tally;

/// What comes to those who count: payloads are shared with what was read, or bytes of their own.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Post<B = Payload> {
    /// One message of many.
    Data(u64, B),
    /// How many came?
    Report(ReplyTo<Tally>),
}

/// What two who talk say to each other.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Talk {
    /// From now on, answers go to that port; who answers is told.
    Hello(PortRef<Talk>, ReplyTo<PortRef<Talk>>),
    /// Comes back.
    Data(u64, Payload),
    /// A question by itself, with its own way back.
    Ask(u64, Payload, ReplyTo<(u64, Payload)>),
}

/// The same for one who sends a payload again and again.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outgoing<'a, B: ?Sized = Payload> {
    /// One message of many.
    Data(u64, &'a B),
}

/// What the nodes of a workload have in common. All else is as by default.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Terms {
    pub(crate) secret: String,
    /// The one framing that they speak, if it is not to be the default.
    pub framing: Option<String>,
    /// A certificate for TLS, from [`raw::tls::pem`](crate::raw::tls::pem).
    pub pem: Option<String>,
    /// The largest message, if it is not to be the default.
    pub max_message: Option<usize>,
    /// Where global nodes listen.
    pub seeds: Vec<String>,
}

impl Default for Terms {
    /// A new secret; all else by default.
    fn default() -> Self {
        let random = || RandomState::new().hash_one(0);
        let secret = format!("{:016x}{:016x}", random(), random());
        Self { secret, framing: None, pem: None, max_message: None, seeds: Vec::new() }
    }
}

impl Terms {
    /// With this framing alone.
    #[must_use]
    pub fn framing(self, framing: Option<Framing>) -> Self {
        Self { framing: framing.map(|framing| framing.name().into()), ..self }
    }

    /// Starts a node.
    ///
    /// # Errors
    ///
    /// It cannot listen; no framing has this name.
    ///
    /// # Cancellation
    ///
    /// Dropping the future stops the node.
    pub async fn start(&self, id: &str, listens: bool) -> anyhow::Result<Node> {
        let mut builder = Node::builder("bench").without_file().node_id(id).secret(&self.secret);
        if listens {
            builder = builder.bind("127.0.0.1:0");
        }
        if let Some(name) = &self.framing {
            builder = builder.framings(&[framing(name)?]);
        }
        if let Some(pem) = &self.pem {
            builder = builder.cert(pem);
        }
        if let Some(max_message) = self.max_message {
            let mut limits = Limits::default();
            limits.max_message = max_message;
            builder = builder.limits(limits);
        }
        let builder = self.seeds.iter().fold(builder, |builder, seed| builder.seed(seed));
        Ok(builder.start().await?)
    }
}

/// The framing of this name.
///
/// # Errors
///
/// There is none.
pub fn framing(name: &str) -> anyhow::Result<Framing> {
    Framing::available()
        .iter()
        .copied()
        .find(|framing| framing.name() == name)
        .with_context(|| format!("no framing is called {name}"))
}

/// Where the node listens.
///
/// # Errors
///
/// It does not listen.
pub fn address(node: &Node) -> anyhow::Result<String> {
    Ok(node.addresses().first().context("the node listens nowhere")?.to_string())
}

/// Holds something for as long as the process lives: a node ends with its last handle.
pub fn keep<T: Send + 'static>(what: T) {
    crate::task(async move {
        std::future::pending::<()>().await;
        drop(what);
    });
}

/// A process may hold so many receivers of one workload.
pub const RECEIVERS: [&str; 4] = ["sink-0", "sink-1", "sink-2", "sink-3"];

/// Offers all that is done on the other side, by names.
pub fn serve(node: &Node) {
    node.register_name("sink", node.spawn_typed(count::<Payload>));
    node.register_name("owner", node.spawn_typed(count::<ByteBuf>));
    node.register_name("values", node.spawn(count_values));
    node.register_name("echo", node.spawn_typed(echo));
    for name in RECEIVERS {
        node.register_name(name, node.spawn_typed(count::<Payload>));
    }
}

/// Counts what comes.
async fn count<B: AsRef<[u8]> + DeserializeOwned + Send + 'static>(mut port: TypedPort<Post<B>>) {
    let (node, mut tally) = (port.node(), Tally::default());
    while let Some(post) = port.recv().await {
        match post {
            Post::Data(_, payload) => tally.add(payload.as_ref()),
            Post::Report(reply) => node.send(reply, tally).await.expect("the node lives"),
        }
    }
}

/// The same for who has no type for what comes.
async fn count_values(mut port: mp_node::Port) {
    let (node, mut tally) = (port.node(), Tally::default());
    while let Some(message) = port.recv().await {
        match message.args() {
            [_, payload] => tally.add(&payload.as_bytes().expect("a payload is bytes")),
            _ => match message.decode::<Post>() {
                Ok(Post::Report(reply)) => node.send(reply, tally).await.expect("the node lives"),
                other => unreachable!("nobody sends {other:?}"),
            },
        }
    }
}

/// Gives whoever says hello a port of their own to talk to.
async fn echo(mut port: TypedPort<Talk>) {
    let node = port.node();
    while let Some(Talk::Hello(partner, reply)) = port.recv().await {
        let session = node.spawn_typed(async move |port| talk(port, partner).await);
        node.send(reply, session).await.expect("the node lives");
    }
}

async fn talk(mut port: TypedPort<Talk>, partner: PortRef<Talk>) {
    let node = port.node();
    while let Some(said) = port.recv().await {
        match said {
            Talk::Data(number, payload) => node.send(&partner, Talk::Data(number, payload)).await,
            Talk::Ask(number, payload, reply) => node.send(reply, (number, payload)).await,
            Talk::Hello(..) => break,
        }
        .expect("the node lives");
    }
}

/// A node that is connected with the other side's.
#[derive(Debug, Clone)]
pub struct Met {
    /// This side's.
    pub node: Node,
    names: Vec<(&'static str, PortId)>,
}

impl Met {
    /// Starts a node, connects it with the one that listens there, and looks up what that offers.
    ///
    /// # Errors
    ///
    /// The other side is not there, or does not offer that.
    ///
    /// # Cancellation
    ///
    /// Dropping the future stops the node.
    pub async fn at(address: &str, terms: &Terms, names: &[&'static str]) -> anyhow::Result<Self> {
        let node = terms.start("bench/", false).await?;
        Self::with(node, address, names).await
    }

    /// The same with a node that is there.
    ///
    /// # Errors
    ///
    /// The other side is not there, or does not offer that.
    ///
    /// # Cancellation
    ///
    /// Safe.
    pub async fn with(node: Node, address: &str, wanted: &[&'static str]) -> anyhow::Result<Self> {
        let peer = node.dial(&address.parse()?).await?;
        Self::peer(node, &peer, wanted).await
    }

    /// The same with the node of this name, which can be reached somehow.
    ///
    /// # Errors
    ///
    /// The other side is not there, or does not offer that.
    ///
    /// # Cancellation
    ///
    /// Safe.
    pub async fn peer(node: Node, peer: &NodeId, wanted: &[&'static str]) -> anyhow::Result<Self> {
        let mut names = Vec::new();
        for name in wanted {
            let port = node.lookup(peer, name).await?.context("the other side has no such port")?;
            names.push((*name, port));
        }
        Ok(Self { node, names })
    }

    /// The port that was looked up by this name.
    ///
    /// # Panics
    ///
    /// It was not.
    #[must_use]
    pub fn port<T>(&self, name: &str) -> PortRef<T> {
        let found = self.names.iter().find(|(known, _)| *known == name);
        PortRef::new(found.expect("a name that was looked up").1.clone())
    }

    /// A port of ours, and one of the other side that sends back what it gets.
    ///
    /// # Errors
    ///
    /// The other side is gone.
    ///
    /// # Cancellation
    ///
    /// Safe.
    pub async fn hello(&self) -> anyhow::Result<(TypedPort<Talk>, PortRef<Talk>)> {
        let port = self.node.typed_port();
        let echo = self.port("echo");
        let session = self.node.ask(&echo, |reply| Talk::Hello(port.to_ref(), reply)).await?;
        Ok((port, session))
    }
}
