//! What each process of the demonstration does, as any program would do it with the node library.
//!
//! The events that each part must tell, in this order (see `script`):
//!
//! - seed: `Listening`, `Registered` (group `eg_chat_server`); for each client `Joined`; for each line said `Relayed`;
//!   when a client dies `MonitorFired`, `Dropped`; on [`Order::Stop`] `Stopped`.
//! - receiver: `Registered` (group `eg_receivers`), `Received`; on [`Order::Stop`] `Stopped`.
//! - sender: `Found`, `Sent`; on [`Order::Stop`] `Stopped`.
//! - chat client: `Found` (group `eg_chat_server`); on [`Order::Say`] `Said`; for each line relayed `Heard`; on
//!   [`Order::Stop`] `Stopped`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use mp_config::NodeConfig;
use mp_global::Group;
use mp_node::{Node, Port, PortId, Reason};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::Role;
use super::event::{DemoEvent, EventSink, Order};
use crate::cmd::json::{reason_json, to_json};
use crate::cmd::node::{Joined, start};
use crate::error::CliError;

const RECEIVERS: &str = "eg_receivers";
const CHAT: &str = "eg_chat_server";

/// What travels in the chat.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Chat {
    /// To the server: a client and its name.
    Join(PortId, String),
    /// Both ways: who says what.
    Privmsg(String, String),
}

/// Plays `role` under the name `name` until ordered to stop.
pub(super) async fn play(
    role: Role,
    name: &str,
    config: &NodeConfig,
    events: EventSink,
    mut orders: mpsc::Receiver<Order>,
) -> Result<(), CliError> {
    let joined = start(config).await?;
    match role {
        Role::Seed => chat_server(&joined, &events, &mut orders).await?,
        Role::Receiver => receiver(&joined, &events, &mut orders).await?,
        Role::Sender => sender(&joined, &events, &mut orders).await?,
        Role::ChatClient => chat_client(&joined, name, &events, &mut orders).await?,
    }
    joined.node.shutdown().await;
    events.tell(&DemoEvent::Stopped)
}

/// The seed process: its node is where the others find the network, and it holds the chat.
async fn chat_server(
    joined: &Joined,
    events: &EventSink,
    orders: &mut mpsc::Receiver<Order>,
) -> Result<(), CliError> {
    let Joined { node, global } = joined;
    let addresses = node.addresses().iter().map(ToString::to_string).collect();
    events.tell(&DemoEvent::Listening { addresses })?;
    let (mut port, mut deaths) = (node.port(), node.port());
    let _member = global.group(CHAT).register(&port)?;
    events.tell(&DemoEvent::Registered { group: CHAT.to_owned(), port: port.id().to_string() })?;
    let mut clients: BTreeMap<String, PortId> = BTreeMap::new();
    loop {
        tokio::select! {
            message = port.recv_as::<Chat>() => match message {
                Some(Chat::Join(client, nick)) => {
                    node.monitor_send(&client, &deaths, nick.clone())?.detach();
                    events.tell(&DemoEvent::Joined { nick: nick.clone(), port: client.to_string() })?;
                    clients.insert(nick, client);
                }
                Some(Chat::Privmsg(from, text)) => {
                    for client in clients.values() {
                        node.send(client, Chat::Privmsg(from.clone(), text.clone())).await?;
                    }
                    events.tell(&DemoEvent::Relayed { from, text, to: clients.keys().cloned().collect() })?;
                }
                None => return Ok(()),
            },
            Some(death) = deaths.recv() => {
                let mut values = death.into_values().into_iter();
                let nick = values.next().and_then(|nick| nick.as_str().map(Cow::into_owned)).unwrap_or_default();
                let reason = reason_json(&Reason::from_values(values.collect()));
                clients.remove(&nick);
                events.tell(&DemoEvent::MonitorFired { nick: nick.clone(), reason })?;
                events.tell(&DemoEvent::Dropped { nick, left: clients.keys().cloned().collect() })?;
            }
            Some(Order::Stop) = orders.recv() => return Ok(()),
        }
    }
}

async fn receiver(
    joined: &Joined,
    events: &EventSink,
    orders: &mut mpsc::Receiver<Order>,
) -> Result<(), CliError> {
    let mut port = joined.node.port();
    let _member = joined.global.group(RECEIVERS).register(&port)?;
    joined.global.joined().await?;
    events.tell(&DemoEvent::Registered { group: RECEIVERS.to_owned(), port: port.id().to_string() })?;
    loop {
        tokio::select! {
            Some(message) = port.recv() => {
                let message = message.values().iter().map(to_json).collect();
                events.tell(&DemoEvent::Received { message })?;
            }
            Some(Order::Stop) = orders.recv() => return Ok(()),
        }
    }
}

async fn sender(
    joined: &Joined,
    events: &EventSink,
    orders: &mut mpsc::Receiver<Order>,
) -> Result<(), CliError> {
    let port = find(&joined.global.group(RECEIVERS), events).await?;
    joined.node.send(&port, ("test", 123)).await?;
    events.tell(&DemoEvent::Sent { port: port.to_string(), message: vec!["test".into(), 123.into()] })?;
    wait_for_stop(orders).await;
    Ok(())
}

async fn chat_client(
    joined: &Joined,
    name: &str,
    events: &EventSink,
    orders: &mut mpsc::Receiver<Order>,
) -> Result<(), CliError> {
    let server = find(&joined.global.group(CHAT), events).await?;
    let mut port = joined.node.port();
    joined.node.send(&server, Chat::Join(port.id().clone(), name.to_owned())).await?;
    loop {
        tokio::select! {
            Some(message) = heard(&mut port) => events.tell(&message)?,
            order = orders.recv() => match order {
                Some(Order::Say { text }) => say(&joined.node, &server, name, text, events).await?,
                Some(Order::Stop) | None => return Ok(()),
            },
        }
    }
}

async fn heard(port: &mut Port) -> Option<DemoEvent> {
    match port.recv_as().await? {
        Chat::Privmsg(from, text) => Some(DemoEvent::Heard { from, text }),
        Chat::Join(..) => None,
    }
}

async fn say(
    node: &Node,
    server: &PortId,
    name: &str,
    text: String,
    events: &EventSink,
) -> Result<(), CliError> {
    // Told first: what the server does with it may be seen before `send` returns.
    events.tell(&DemoEvent::Said { text: text.clone() })?;
    Ok(node.send(server, Chat::Privmsg(name.to_owned(), text)).await?)
}

/// Waits until a group has a member.
async fn find(group: &Group, events: &EventSink) -> Result<PortId, CliError> {
    let mut changes = group.monitor()?;
    while let Some(change) = changes.next().await {
        if let Some(port) = change.added.into_iter().next() {
            events.tell(&DemoEvent::Found { group: group.name().to_owned(), port: port.to_string() })?;
            return Ok(port);
        }
    }
    Err(mp_global::GlobalError::ShutDown.into())
}

async fn wait_for_stop(orders: &mut mpsc::Receiver<Order>) {
    while !matches!(orders.recv().await, Some(Order::Stop) | None) {}
}
