//! A network in memory, kernels in it, and peers that say what a test wants.

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use mp_proto::codec::storable::{ThawLimits, freeze, thaw};
use mp_tikc::frame::{FrameReader, write_frame};
use mp_tikc::{Addr, Client, Event, Kernel, Map, Server, Session, TikcLimits, Value};
use mp_transport::{MemoryNet, Pipe, Transport};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Where servers listen.
pub(crate) fn at(host: &str) -> Addr {
    Addr::new(host, 2021).unwrap()
}

pub(crate) fn kernel(net: &MemoryNet, host: &str) -> Kernel {
    kernel_with(net, host, TikcLimits::default())
}

pub(crate) fn kernel_with(net: &MemoryNet, host: &str, limits: TikcLimits) -> Kernel {
    Kernel::builder().transport(Arc::new(net.host(host))).limits(limits).start().unwrap()
}

/// A kernel that listens, and takes plain connections.
pub(crate) async fn hub(net: &MemoryNet, host: &str) -> (Kernel, Server) {
    let kernel = kernel(net, host);
    let server = kernel.serve().address(at(host)).allow_plain().start().await.unwrap();
    (kernel, server)
}

/// A kernel that is connected to the host `to`.
pub(crate) async fn joined(net: &MemoryNet, host: &str, to: &str) -> (Kernel, Client) {
    let kernel = kernel(net, host);
    let client = kernel.connect(at(to)).allow_plain().start().unwrap();
    assert!(client.connected().await);
    (kernel, client)
}

/// Long enough for everything that is under way to arrive.
pub(crate) async fn settle() {
    tokio::time::sleep(Duration::from_millis(50)).await;
}

pub(crate) fn aliases(kernel: &Kernel) -> Vec<String> {
    kernel.aliases().into_keys().collect()
}

/// An event's name and arguments.
pub(crate) async fn next(session: &mut Session) -> (String, Vec<Value>) {
    let event = tokio::time::timeout(Duration::from_secs(5), session.recv()).await;
    let event: Event = event.expect("an event comes").expect("the kernel runs");
    (event.name().to_owned(), event.into_args())
}

/// A peer that says what the test wants, as if it were a kernel of POE::TIKC.
pub(crate) struct Puppet {
    pipe: Pipe,
    input: BytesMut,
    frames: FrameReader,
}

impl Puppet {
    pub(crate) async fn dial(net: &MemoryNet, host: &str, to: &str) -> Self {
        Self::new(net.host(host).dial(&at(to)).await.unwrap())
    }

    /// The next one that dials `host`, where a test plays the server.
    pub(crate) async fn accept(listener: &mut Box<dyn mp_transport::Listener>) -> Self {
        Self::new(listener.accept().await.unwrap())
    }

    fn new(pipe: Pipe) -> Self {
        Self { pipe, input: BytesMut::new(), frames: FrameReader::new(64 << 20) }
    }

    /// Sends bytes as they are. The other side may have closed.
    pub(crate) async fn raw(&mut self, bytes: &[u8]) {
        drop(self.pipe.write_all(bytes).await);
    }

    pub(crate) async fn say(&mut self, value: &Value) {
        self.raw(&frame(value)).await;
    }

    pub(crate) async fn setup(&mut self, aliases: &[&str]) {
        self.say(&list("setup", aliases)).await;
    }

    pub(crate) async fn post(&mut self, alias: &str, event: &str, args: &[Value]) {
        let post: Map = [
            ("action", Value::from("post")),
            ("alias", alias.into()),
            ("event", event.into()),
            ("args", args.to_vec().into()),
        ]
        .into_iter()
        .collect();
        self.say(&Value::Map(post)).await;
    }

    /// The next frame; `None` if the other side closed, or nothing comes within a virtual second.
    pub(crate) async fn hear(&mut self) -> Option<Value> {
        Some(self.hear_image().await?.0)
    }

    /// The same, and whether it came compressed.
    pub(crate) async fn hear_image(&mut self) -> Option<(Value, bool)> {
        loop {
            if let Some(image) = self.frames.next(&mut self.input).unwrap() {
                let value = thaw(&image.bytes, &ThawLimits::default()).unwrap();
                return Some((value, image.compressed));
            }
            let read = self.pipe.read_buf(&mut self.input);
            match tokio::time::timeout(Duration::from_secs(1), read).await {
                Ok(Ok(len)) if len > 0 => {}
                _ => return None,
            }
        }
    }

    /// All frames that come until it is quiet, as `action: names` or `post alias.event(args)`.
    pub(crate) async fn heard(&mut self) -> Vec<String> {
        let mut heard = Vec::new();
        while let Some(value) = self.hear().await {
            heard.push(told(&value));
        }
        heard
    }

    /// Whether the other side has closed the connection, now or within a virtual second.
    pub(crate) async fn is_closed(&mut self) -> bool {
        loop {
            let read = self.pipe.read_buf(&mut self.input);
            match tokio::time::timeout(Duration::from_secs(1), read).await {
                Ok(Ok(0) | Err(_)) => return true,
                Ok(Ok(_)) => {}
                Err(_) => return false,
            }
        }
    }
}

pub(crate) fn frame(value: &Value) -> BytesMut {
    let mut out = BytesMut::new();
    write_frame(&freeze(value).unwrap(), false, &mut out);
    out
}

pub(crate) fn list(action: &str, aliases: &[&str]) -> Value {
    let aliases: Vec<Value> = aliases.iter().map(|alias| Value::from(*alias)).collect();
    let map: Map = [("action", Value::from(action)), ("aliases", aliases.into())].into_iter().collect();
    Value::Map(map)
}

/// A frame in short.
pub(crate) fn told(value: &Value) -> String {
    let map = value.as_map().expect("a hash");
    let text = |key: &str| map.get(key).and_then(Value::as_str).unwrap_or_default().into_owned();
    let action = text("action");
    if action == "post" {
        let args = map.get("args").cloned().unwrap_or_default();
        return format!("post {}.{}{args}", text("alias"), text("event"));
    }
    let mut names: Vec<String> = map
        .get("aliases")
        .and_then(Value::as_list)
        .unwrap_or_default()
        .iter()
        .filter_map(|name| name.as_str().map(std::borrow::Cow::into_owned))
        .collect();
    names.sort();
    format!("{action} {}", names.join(" "))
}
