//! The jobs.

mod codec;
mod local;
mod loopback;

use std::future::Future;

use mp_node::{Framing, Node};
use serde::{Deserialize, Serialize};
use serde_bytes::{ByteBuf, Bytes};
use tokio::runtime::Runtime;

/// A job that can be done any number of times.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// Its name, such as `encode/json`.
    pub name: &'static str,
    /// How often it is done at the least, for a figure that can be trusted.
    pub times: u64,
    /// Does it so many times. Each time is a message, a port, or a question.
    pub run: fn(u64),
}

/// All of them, in the order in which they are reported.
pub const ALL: &[Case] = &[
    case("encode/json", 5_000, |times| codec::encode(Framing::Json, times)),
    case("encode/cbor", 5_000, |times| codec::encode(Framing::Cbor, times)),
    case("encode/postcard", 5_000, |times| codec::encode(Framing::Postcard, times)),
    case("encode/storable", 5_000, |times| codec::encode(Framing::Storable, times)),
    case("decode/json", 5_000, |times| codec::decode(Framing::Json, times)),
    case("decode/cbor", 5_000, |times| codec::decode(Framing::Cbor, times)),
    case("decode/postcard", 5_000, |times| codec::decode(Framing::Postcard, times)),
    case("decode/storable", 5_000, |times| codec::decode(Framing::Storable, times)),
    case("local/untyped", 6_400, local::untyped),
    case("local/typed", 6_400, local::typed),
    case("local/handler", 6_400, local::handler),
    case("local/ping-pong", 5_000, local::ping_pong),
    case("local/ask", 2_000, local::ask),
    case("local/spawn-stop", 2_000, local::spawn_stop),
    case("loopback/json", 6_400, |times| loopback::send(Framing::Json, times)),
    case("loopback/postcard", 6_400, |times| loopback::send(Framing::Postcard, times)),
];

const fn case(name: &'static str, times: u64, run: fn(u64)) -> Case {
    Case { name, times, run }
}

/// Bytes of each payload.
const PAYLOAD: usize = 64;
/// Messages that are sent before the receiver has its turn.
const BURST: u64 = 64;

/// A typed message with a tag, a counter and a payload.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Traffic {
    Data(u64, ByteBuf),
}

/// The same for who sends one payload again and again.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum Outgoing<'a> {
    Data(u64, &'a Bytes),
}

fn payload() -> Vec<u8> {
    (b'a'..=b'z').cycle().take(PAYLOAD).collect()
}

/// Runs a job.
fn run<F: Future>(job: impl FnOnce() -> F) -> F::Output {
    runtime().block_on(async { job().await })
}

/// A runtime of one thread, whose clock stands still while there is something to do: so each run is like any other.
fn runtime() -> Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_time().start_paused(true).build().expect("the system has what a runtime needs")
}

/// A node by itself.
async fn node() -> Node {
    mp_node::testing::TestNet::new(1).await.node(0).clone()
}

/// So many bursts of messages, one after the other: how many there are in each.
fn bursts(times: u64) -> impl Iterator<Item = u64> {
    (0..times.div_ceil(BURST)).map(move |burst| BURST.min(times - burst * BURST))
}

/// Makes some idle ports inside of the given function's argument, which a counter may watch.
pub type Idle = fn(usize, &mut dyn FnMut(&mut dyn FnMut()));

/// Kinds of idle ports, by their names.
pub const IDLE: &[(&str, Idle)] = &[("task", local::idle_tasks), ("handler", local::idle_handlers)];
