//! Whole networks of nodes, simulated: real `mp-node` and `mp-global` code on a network in memory, in virtual time, on
//! one thread, with faults that follow from a seed. The same seed gives the same run, byte for byte, in any process.
//!
//! It is for two kinds of people. Those who work on these crates run `mp-sim run --seeds 2000`, which puts networks of 3
//! to 50 nodes under load and faults and checks every guarantee that `docs/guarantees.md` numbers. Those who build an
//! application on them test it here, on networks that are cut, healed, slowed down, and whose processes die:
//!
//! ```
//! use std::time::Duration;
//! use mp_sim::{Death, Process, World};
//!
//! // The application: each process runs this.
//! async fn greeter(process: Process) {
//!     let (node, global) = process.join(&["seed"]).await;
//!     let mut port = node.port();
//!     let _member = global.group("greeters").register(&port).expect("there is room");
//!     while let Some((text, reply)) = port.recv_as::<(String, mp_node::PortId)>().await {
//!         // It fails only if this node is no more.
//!         let _sent = node.send(&reply, (format!("{text}, world"),)).await;
//!     }
//! }
//!
//! // Its test, in a network that follows from each of twenty seeds.
//! mp_sim::check(0..20, |world: World| async move {
//!     world.net().everywhere().delay(Duration::from_millis(5), Duration::from_millis(20));
//!     world.host("seed", |process: Process| async move {
//!         let _here = process.join(&[]).await;
//!         std::future::pending().await
//!     });
//!     for host in ["one", "two"] {
//!         world.host(host, greeter);
//!     }
//!     world.host("client", |process: Process| async move {
//!         let (node, global) = process.join(&["seed"]).await;
//!         loop {
//!             for greeter in global.group("greeters").members().await.unwrap_or_default() {
//!                 let call = node.call(&greeter, ("hello",)).timeout(Duration::from_secs(3));
//!                 if let Ok((text,)) = call.returning::<(String,)>().await {
//!                     assert_eq!(text, "hello, world");
//!                     process.world().note(format_args!("{greeter} has answered"));
//!                     return;
//!                 }
//!             }
//!             process.world().sleep(Duration::from_millis(200)).await;
//!         }
//!     });
//!     // The one or the other dies at some time; the client must get its answer all the same.
//!     let mut dice = world.dice("death");
//!     world.sleep(dice.millis(1000)).await;
//!     world.kill(dice.pick(&["one", "two"]).expect("two"), Death::Silent);
//!     while world.is_up("client") {
//!         world.sleep(Duration::from_millis(100)).await;
//!     }
//! });
//! ```
//!
//! A seed that fails is named, with what happened in it, and `MP_SIM_SEED=17` runs it alone. `examples/counter.rs` is a
//! larger application: three servers that keep a counter together.
//!
//! # What is simulated, and what is not
//!
//! Everything above the bytes of a connection is the real thing: handshakes, framings, keep-alives, mailboxes,
//! monitors, the directory. What is not: TCP and TLS (a connection keeps order, has a bounded buffer in each
//! direction, and breaks or hangs as it is told), several threads (a process's futures run one at a time, in an order
//! that follows from the seed), and clocks that differ from host to host.
//!
//! # What keeps a run repeatable
//!
//! Chance comes from [`World::dice`] and [`Process::dice`], time from [`World::now`] or `tokio::time`. A program that uses
//! another source of chance (a hash map's order is one), real I/O, threads, or `tokio::select!` without `biased` gives
//! runs that cannot be repeated; [`check()`] says so when a failure does not come again.
//!
//! # The parts
//!
//! * [`Sim`] runs a scenario for a seed, [`check()`] for many; [`World`] and [`Process`] are what a scenario uses;
//! * [`Fault`] and [`FaultPlan`]: what goes wrong;
//! * [`perl`]: a model of a Perl node, for networks of both kinds;
//! * [`mod@check`]: checkers for order, holes, monitors and the directory, for scenarios of your own;
//! * [`scenario`], [`collide`] and [`form`]: what the program `mp-sim` runs; and `soak`, of real processes, with its feature
//!   `cli`.

#![warn(clippy::print_stdout, clippy::print_stderr)]

pub mod check;
pub mod collide;
mod dice;
mod fault;
pub mod form;
pub mod perl;
pub mod scenario;
mod sim;
#[cfg(all(unix, feature = "cli"))]
pub mod soak;
mod world;

pub use dice::Dice;
pub use fault::{Fault, FaultPlan};
pub use mp_node::memory::{Death, MemoryNet};
pub use sim::{Failure, Outcome, Sim, check};
pub use world::{PORT, Process, World};
