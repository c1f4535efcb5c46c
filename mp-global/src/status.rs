//! How nodes do, for whoever asks: `mp::status`.
//!
//! A node that [serves](serve) its status has a port in the group [`NAME`], known to the node itself under that name, too
//! ([`Node::lookup`]). It answers questions of any node of the network, a Perl or Python program's as well, and changes
//! nothing `[SV-04]`:
//!
//! | question | answer |
//! |---|---|
//! | `["summary", REPLY]` | `["ok", {…}]`, see [`Summary`] |
//! | `["connections", LIMIT, AFTER, REPLY]` | `["ok", {"connections": […], "next": NODE or null}]`, see [`Connections`] |
//! | `["ports", LIMIT, FROM, REPLY]` | `["ok", {"ports": […], "next": number or null}]`, see [`Ports`] |
//! | `["families", LIMIT, AFTER, REPLY]` | `["ok", {"families": […], "next": NAME or null}]`, see [`Families`] |
//! | any other | `["error", text]` |
//!
//! `LIMIT` is at most 1,000 and may be null; `AFTER` and `FROM` are the `next` of the answer before, or null. The port
//! ID `REPLY`, which `cal` puts there by itself, stands last. To offer it takes one line:
//!
//! ```no_run
//! # fn example(node: mp_node::Node, global: mp_global::Global) -> Result<(), mp_global::GlobalError> {
//! mp_global::status::serve(&node, &global)?;
//! # Ok(()) }
//! ```
//!
//! and to ask another one:
//!
//! ```no_run
//! # async fn example(node: mp_node::Node, global: mp_global::Global) -> Result<(), Box<dyn std::error::Error>> {
//! use mp_global::status::{NAME, StatusClient};
//!
//! let client = StatusClient::new(&node);
//! for port in global.group(NAME).members().await? {
//!     let summary = client.summary(&port).await?;
//!     println!("{}: {} connections", summary.node, summary.connected);
//! }
//! # Ok(()) }
//! ```

mod answer;
mod client;

use mp_node::{Message, Node, Port};
use mp_proto::{PortId, Value};

pub use self::answer::{Connection, Connections, Families, FamilySize, PortState, Ports, Summary};
pub use self::client::{StatusClient, StatusError};
use crate::global::{Global, GlobalError};

/// The group in which the ports stand, and the name of the one port at its node.
pub const NAME: &str = "mp::status";
/// How many connections or ports are in one answer, if the question does not say.
pub const USUAL: usize = 100;
/// How many there are at the most.
pub const MOST: usize = 1_000;

/// Answers questions about this node for as long as it lives. Gives the port.
///
/// # Errors
///
/// [`GlobalError::ShutDown`]; [`GlobalError::Registry`] if this node owns as much as the limits allow.
///
/// # Panics
///
/// If the node has no room for another port, as [`Node::port`].
pub fn serve(node: &Node, global: &Global) -> Result<PortId, GlobalError> {
    let directory = global.clone();
    let port = node.spawn(move |port| answer_all(port, directory));
    if !node.register_name(NAME, &port) {
        tracing::warn!("the name {NAME} is taken: the status is found by the group only");
    }
    global.group(NAME).register(&port)?.detach();
    Ok(port)
}

async fn answer_all(mut port: Port, global: Global) {
    let node = port.node();
    while let Some(question) = port.recv().await {
        let mut values = question.into_values();
        let Some(reply) = values.pop().and_then(|last| last.as_port()).filter(|to| !to.is_node_port()) else {
            tracing::debug!("a question about the status has no port ID at its end");
            continue;
        };
        // Not to wait for one who does not read keeps it from standing in the way of the others.
        if let Err(error) = node.try_send(&reply, answer(&node, &global, &values)) {
            tracing::debug!(%reply, %error, "an answer about the status was dropped");
        }
    }
}

fn answer(node: &Node, global: &Global, question: &[Value]) -> Message {
    let tag = question.first().and_then(Value::as_str).unwrap_or_default();
    let limit = question
        .get(1)
        .and_then(Value::as_i64)
        .map_or(USUAL, |limit| usize::try_from(limit).unwrap_or_default().clamp(1, MOST));
    let from = question.get(2).filter(|from| !from.is_null());
    let answered = match &*tag {
        "summary" => Message::new(&("ok", Summary::of(node, global))),
        "connections" => {
            let after = from.and_then(Value::as_str);
            Message::new(&("ok", Connections::of(node, limit, after.as_deref())))
        }
        "ports" => {
            let from = from.and_then(Value::as_i64).and_then(|from| u32::try_from(from).ok());
            Message::new(&("ok", Ports::of(node, limit, from.unwrap_or_default())))
        }
        "families" => {
            let after = from.and_then(Value::as_str);
            Message::new(&("ok", Families::of(global, limit, after.as_deref())))
        }
        _ => Ok(Message::from(["error".into(), "ask for summary, connections, ports or families".into()])),
    };
    answered.unwrap_or_else(|error| Message::from(["error".into(), error.to_string().into()]))
}
