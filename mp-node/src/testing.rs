//! For the tests of programs: probes that expect messages, and networks of nodes in one process (feature `testing`).
//!
//! ```toml
//! [dev-dependencies]
//! mp-node = { version = "0.1", features = ["testing"] }
//! tokio = { version = "1", features = ["macros", "rt", "test-util"] }
//! ```
//!
//! # A port and what it sends
//!
//! A [`Probe`] is a port that stands for whoever talks to what is tested. It says what it expects; what comes instead is
//! in the failure's message, with what came before, and the line of the test.
//!
//! ```
//! use mp_node::testing::{Probe, TestNet};
//! use mp_node::{Port, PortId};
//!
//! // The program: whoever joins is greeted, and told about those who come later.
//! async fn lobby(mut port: Port) {
//!     let mut guests: Vec<PortId> = Vec::new();
//!     while let Some((tag, name, guest)) = port.recv_as::<(String, String, PortId)>().await {
//!         assert_eq!(tag, "join");
//!         for other in &guests {
//!             port.node().send(other, ("joined", &name)).await.expect("the node runs");
//!         }
//!         port.node().send(&guest, ("welcome", &name)).await.expect("the node runs");
//!         guests.push(guest);
//!     }
//! }
//!
//! #[tokio::main(flavor = "current_thread", start_paused = true)] // in a test: #[tokio::test(start_paused = true)]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let net = TestNet::new(2).await;
//!     let lobby = net.node(0).spawn(lobby);
//!
//!     let (mut ada, mut bob) = (Probe::new(net.node(1)), Probe::new(net.node(1)));
//!     ada.send(&lobby, ("join", "ada", ada.id())).await;
//!     ada.expect(("welcome", "ada")).await;
//!     bob.send(&lobby, ("join", "bob", bob.id())).await;
//!     bob.expect_tag::<(String,)>("welcome").await;
//!     ada.expect(("joined", "bob")).await;
//!     ada.expect_nothing().await;
//!     Ok(())
//! }
//! ```
//!
//! # Time
//!
//! On tokio's paused clock (`#[tokio::test(start_paused = true)]`) time stands still while anything is to be done, and leaps
//! to the next timer when nothing is. So a test that waits for an hour takes a millisecond, and `expect_nothing` is no
//! guess: nothing that is under way is overlooked. Nodes take their time from that clock, too. Real sockets do not: use
//! [`TestNet`], whose network is in memory.
//!
//! # Trouble
//!
//! ```
//! # use std::time::Duration;
//! # use mp_node::testing::{Probe, TestNet};
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() {
//! let net = TestNet::new(3).await;
//! net.delay(Duration::from_millis(20), Duration::from_millis(5));
//! let echo = net.node(2).spawn(async |mut port| {
//!     while let Some((text, reply)) = port.recv_request::<(String,), String>().await {
//!         port.node().send(reply, text.0).await.expect("the node runs");
//!     }
//! });
//! assert_eq!(net.node(0).call(&echo, ("hello",)).returning::<String>().await.unwrap(), "hello");
//!
//! let mut probe = Probe::new(net.node(0));
//! net.cut(0, 2);
//! let reason = probe.expect_death(&echo).await;    // it lives on, but is out of reach
//! assert_eq!(reason.word(), "transport_error");
//! net.heal();
//! assert_eq!(net.node(0).call(&echo, ("again",)).returning::<String>().await.unwrap(), "again");
//! # }
//! ```
//!
//! # When this is not enough
//!
//! Whole networks under load with faults that follow from a seed, and checkers for every guarantee: the crate mp-sim.

mod net;
mod probe;

pub use self::net::TestNet;
pub use self::probe::Probe;
