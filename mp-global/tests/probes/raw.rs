//! A peer that is nothing but a socket.

use std::time::Duration;

use mp_global::Global;
use mp_node::{Message, Node, NodeBuilder};
use mp_proto::auth::{Binding, Signed};
use mp_proto::{AuthMethod, Secret};
use serde_json::{Value as Json, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use super::plain::plain_message;

pub(crate) const SECRET: &str = "s3kr1t";

/// A node of ours, and what its port `p` gets, once a peer has spawned it.
pub(crate) struct Edge {
    pub(crate) node: Node,
    pub(crate) global: Global,
    pub(crate) got: mpsc::Receiver<Message>,
}

impl Edge {
    pub(crate) async fn start(global: bool) -> Self {
        Self::start_with(global, |builder| builder.secret(SECRET)).await
    }

    /// The same with other settings; without any it has no secret.
    pub(crate) async fn start_with(global: bool, settings: impl FnOnce(NodeBuilder) -> NodeBuilder) -> Self {
        let builder = settings(Node::builder("test").without_file().node_id("edge"));
        let node = builder.bind("127.0.0.1:0").start().await.expect("starts");
        let global = Global::builder(&node).global(global).start().expect("starts");
        let (sender, got) = mpsc::channel(10_000);
        node.register_function("probe", move |mut port, _| {
            let sender = sender.clone();
            async move {
                while let Some(message) = port.recv().await {
                    sender.send(message).await.expect("the test reads");
                }
            }
        });
        Self { node, global, got }
    }

    pub(crate) fn address(&self) -> String {
        self.node.addresses()[0].to_string()
    }

    /// The next message to the port `p`, as JSON.
    pub(crate) async fn next(&mut self) -> Json {
        let message = soon(self.got.recv()).await.expect("the node lives");
        plain_message(&message)
    }
}

pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), future).await.expect("it should have happened by now")
}

/// A connection of a peer; what the node writes to it is JSON.
pub(crate) struct Raw {
    stream: TcpStream,
    input: Vec<u8>,
    pub(crate) name: String,
    framing: &'static str,
}

pub(crate) fn greeting(name: &str) -> String {
    format!("aemp;1;{name};hmac_sha3_512;json;provider=probe")
}

pub(crate) const NONCE: &str = "bm9uY2U=";

/// The proof of who sends these lines, without line ends.
pub(crate) fn token(own: &str, other: &str, secret: &str) -> String {
    let secret = Secret::from_text(secret).expect("a secret");
    let (own, other) = (own.as_bytes(), other.as_bytes());
    let signed = Signed { secret: Some(&secret), own, other, binding: Binding::None };
    AuthMethod::HmacSha3_512.token(&signed).expect("a proof")
}

impl Raw {
    pub(crate) async fn connect(edge: &Edge) -> Self {
        let stream = TcpStream::connect(edge.address()).await.expect("it listens");
        Self { stream, input: Vec::new(), name: String::new(), framing: "json" }
    }

    /// A whole handshake; from then on the peer writes `framing`.
    pub(crate) async fn join(edge: &Edge, name: &str, framing: &'static str) -> Self {
        let mut raw = Self::connect(edge).await;
        raw.name = name.into();
        raw.framing = framing;
        let own = format!("{}\n{NONCE}\n", greeting(name));
        raw.say(&own).await;
        let other = raw.their_lines().await;
        let proof = format!("hmac_sha3_512;{};{framing}\n", token(&own, &other, SECRET));
        raw.say(proof).await;
        assert!(raw.line().await.is_some_and(|line| line.starts_with("hmac_sha3_512;")), "our own proof");
        raw
    }

    /// The node's two lines, each with its end.
    pub(crate) async fn their_lines(&mut self) -> String {
        let (one, two) = (self.line().await.expect("a greeting"), self.line().await.expect("a nonce"));
        format!("{one}\n{two}\n")
    }

    pub(crate) async fn say(&mut self, bytes: impl AsRef<[u8]>) {
        // The node may have closed already, which reading tells.
        drop(self.stream.write_all(bytes.as_ref()).await);
    }

    pub(crate) async fn half_close(&mut self) {
        self.stream.shutdown().await.expect("it stands");
    }

    /// So many bytes, or as many as come before the end.
    #[cfg(feature = "tls")]
    pub(crate) async fn bytes(&mut self, count: usize) -> Vec<u8> {
        while self.input.len() < count && self.more().await {}
        self.input.drain(..count.min(self.input.len())).collect()
    }

    async fn more(&mut self) -> bool {
        soon(self.stream.read_buf(&mut self.input)).await.is_ok_and(|count| count > 0)
    }

    pub(crate) async fn line(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.input.iter().position(|&byte| byte == b'\n') {
                let line: Vec<u8> = self.input.drain(..=end).collect();
                return Some(String::from_utf8_lossy(&line[..end]).into_owned());
            }
            if !self.more().await {
                return None;
            }
        }
    }

    /// The next message of the node; none if it has closed.
    pub(crate) async fn frame(&mut self) -> Option<Json> {
        loop {
            let mut stream = serde_json::Deserializer::from_slice(&self.input).into_iter::<Json>();
            if let Some(Ok(frame)) = stream.next() {
                let used = stream.byte_offset();
                self.input.drain(..used);
                return Some(frame);
            }
            if !self.more().await {
                return None;
            }
        }
    }

    /// Waits until the node has closed; what it has sent before.
    pub(crate) async fn closed(&mut self) -> Vec<Json> {
        let mut frames = Vec::new();
        while let Some(frame) = self.frame().await {
            frames.push(frame);
        }
        frames
    }

    /// Sends a message of words in the peer's framing.
    pub(crate) async fn words(&mut self, words: &[&str]) {
        let frame = words_in(self.framing, words);
        self.say(frame).await;
    }

    /// Whether the node is still there and answers; if so, what it has sent before.
    pub(crate) async fn alive(&mut self) -> Option<Vec<Json>> {
        let reply = format!("{}#r", self.name);
        self.words(&["", "snd", &reply, "alive"]).await;
        let mut frames = Vec::new();
        loop {
            match self.frame().await? {
                frame if frame == json!(["r", "alive"]) => return Some(frames),
                frame => frames.push(frame),
            }
        }
    }

    /// Sends messages, and gives what the node answers.
    pub(crate) async fn answers(&mut self, messages: &str) -> Vec<Json> {
        self.say(messages).await;
        self.alive().await.unwrap_or_else(|| panic!("closed because of {messages}"))
    }

    /// Has the port `p` made.
    pub(crate) async fn spawn(&mut self) {
        self.words(&["", "AnyEvent::MP::_spawn", "p", "probe"]).await;
        assert!(self.alive().await.is_some(), "closed");
    }
}

/// A message of short words in a framing.
pub(crate) fn words_in(framing: &str, words: &[&str]) -> Vec<u8> {
    let short = |length: usize| u8::try_from(length).expect("short");
    match framing {
        "cbor" => {
            let item = |word: &&str| [&[0x78, short(word.len())], word.as_bytes()].concat();
            std::iter::once(vec![0x80 + short(words.len())]).chain(words.iter().map(item)).flatten().collect()
        }
        "storable" => {
            let item = |word: &&str| [&[0x0a, short(word.len())], word.as_bytes()].concat();
            let head = vec![5, 11, 2, 0, 0, 0, short(words.len())];
            let image: Vec<u8> = std::iter::once(head).chain(words.iter().map(item)).flatten().collect();
            [vec![short(image.len())], image].concat()
        }
        _ => serde_json::to_vec(words).expect("JSON"),
    }
}
