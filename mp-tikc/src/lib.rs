//! POE::TIKC kernels in Rust: aliases, proxies and Storable frames.
//!
//! POE::TIKC joins the kernels of several Perl processes: each session that has an alias in one can be posted to from all
//! others. This crate is such a kernel. Real ones connect to it, and it to them, in both roles.
//!
//! ```
//! use mp_tikc::Kernel;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // A server, whose session adds up what is posted to it. The default address is that of POE::TIKC, 127.0.0.1:2021.
//! let adder = Kernel::new()?;
//! let mut counter = adder.session("counter")?;
//! let server = adder.serve().address("127.0.0.1:0".parse()?).start().await?;
//!
//! // A client, as another program would be; one in Perl says $kernel->post(counter => add => 5).
//! let kernel = Kernel::new()?;
//! let client = kernel.connect(server.address().clone()).start()?;
//! assert!(client.connected().await);
//! kernel.post("counter", "add", (5,)).await?;
//! kernel.post("counter", "add", (37,)).await?;
//!
//! let mut sum = 0;
//! for _ in 0..2 {
//!     let event = counter.recv().await.expect("the kernel runs");
//!     let (number,): (i64,) = event.decode()?;
//!     sum += number;
//! }
//! assert_eq!(sum, 42);
//!
//! // A kernel of our own kind can also be asked.
//! let answering = async {
//!     let mut question = counter.recv().await.expect("the kernel runs");
//!     question.answer((sum,))
//! };
//! let call = kernel.call("counter", "read", ()).decode::<(i64,)>();
//! let (answer, answered) = tokio::join!(call, answering);
//! answered?;
//! assert_eq!(answer?, (42,));
//! kernel.shutdown().await;
//! # Ok(()) }
//! ```
//!
//! * [`Kernel`]: sessions, posts, calls; [`Session`] with [`Event`]s; [`Server`] and [`Client`] join kernels.
//! * Without I/O, and of use by themselves: [`frame`], what is on the wire; [`packet`], what it says; [`exchange`], the
//!   conversation of two kernels; [`router`], the table of aliases, from which follows what each peer is told.
//!
//! Rules carry ids such as `[TK-30]`; they stand in `PROTOCOL.md`. How a Perl shop comes by it stands in `docs/tikc.md`.
//!
//! # Features
//!
//! `tcp` (default) makes TCP the transport of a kernel that is given none; `memory` is the transport of simulations;
//! `tls` lets kernels of our own kind protect their connections by certificates; `bridge` joins a kernel with a node of
//! AEMP, and alone needs the crates `mp-node` and `mp-global`.
//!
//! # Bounds
//!
//! Everything has one, which [`TikcLimits`] lists with its default. What finds no room waits, is told to its sender, or ends
//! the connection that brought it, as is said there.
//!
//! # Errors
//!
//! [`PostError`], [`CallError`], [`AliasError`] and [`StartError`] are what the caller is told; [`LinkError`] is why a
//! connection ended, as [`KernelEvent::Down`] tells it; [`Failure`] is why a post was lost on the way.

#![warn(clippy::print_stdout, clippy::print_stderr)]

mod args;
mod call;
mod client;
mod error;
mod kernel;
mod server;
mod session;
mod tls;

#[cfg(feature = "bridge")]
pub mod bridge;
pub mod exchange;
pub mod frame;
pub mod identity;
pub mod limits;
pub mod names;
pub mod packet;
pub mod router;

pub use args::Args;
#[cfg(feature = "bridge")]
pub use bridge::{Bridge, BridgeBuilder};
pub use call::Call;
pub use client::{Client, ClientBuilder};
pub use error::{CallError, LinkError, PostError, StartError};
pub use exchange::Peer;
pub use identity::{KernelId, Role};
pub use kernel::{Kernel, KernelBuilder, KernelEvent, KernelEvents};
pub use limits::TikcLimits;
pub use mp_proto::{Map, Message, Secret, Value};
pub use mp_transport::Addr;
pub use packet::Failure;
pub use router::AliasError;
pub use server::{DEFAULT_ADDRESS, Server, ServerBuilder};
pub use session::{Event, Handlers, Reply, Session};
