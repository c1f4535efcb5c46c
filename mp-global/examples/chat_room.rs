//! Shows a chat without a server: whoever runs it is in the room, and it goes on as long as one of its seeds lives.
//! Run: `chat_room NICK` in several shells, after `aemp gensecret` and `aemp profile eg_chat_room setseeds ADDRESS,…`;
//! `/quit` or the end of input ends it.

use std::collections::BTreeSet;
use std::collections::btree_map::{BTreeMap, Entry};
use std::io::{IsTerminal, stderr};

use anyhow::Context;
use mp_global::Global;
use mp_node::{Node, PortId};
use tokio::sync::mpsc;

#[derive(serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
enum Chat {
    /// Who, and what.
    Say(String, String),
    /// Whose port is gone, and the first word of the reason.
    Gone(PortId, Option<String>),
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let log = tracing_subscriber::fmt().with_max_level(tracing::Level::ERROR).with_writer(stderr);
    log.with_ansi(stderr().is_terminal()).init();
    let nick = std::env::args().nth(1).context("usage: chat_room NICK")?;
    let node = Node::builder("eg_chat_room").node_id(&format!("{nick}/")).start().await?;
    let global = Global::start(&node)?;

    let mut port = node.port();
    let room = global.group("eg_chat_room");
    let _here = room.register_with(&port, nick.as_str())?;
    let mut changes = room.family().monitor()?;
    let (mut people, mut registered) = (BTreeMap::<PortId, String>::new(), BTreeSet::<PortId>::new());
    // A thread of its own, as a read from a terminal cannot be broken off.
    let (typed, mut lines) = mpsc::channel(1);
    std::thread::spawn(move || std::io::stdin().lines().try_for_each(|line| typed.blocking_send(line)));
    loop {
        tokio::select! {
            Some(message) = port.recv_as() => match message {
                Chat::Say(from, text) => println!("{from}> {text}"),
                // Out of reach is not yet gone.
                Chat::Gone(person, Some(why)) if why == "transport_error" && registered.contains(&person) => {
                    node.monitor_send(&person, &port, ("gone", &person))?.detach();
                }
                Chat::Gone(person, _) => {
                    if let Some(nick) = people.remove(&person) {
                        println!("* {nick} has left");
                    }
                }
            },
            Some(change) = changes.next() => {
                for (key, value) in &change.added {
                    let (person, nick) = (key.parse::<PortId>()?, value.as_str().unwrap_or_default());
                    registered.insert(person.clone());
                    if let Entry::Vacant(place) = people.entry(person) {
                        println!("* {nick} is here");
                        node.monitor_send(place.key(), &port, ("gone", place.key()))?.detach();
                        place.insert(nick.into_owned());
                    }
                }
                for key in &change.deleted {
                    registered.remove(&key.parse::<PortId>()?);
                }
            }
            line = lines.recv() => match line.transpose()? {
                Some(line) if line != "/quit" => {
                    for person in people.keys() {
                        node.send(person, Chat::Say(nick.clone(), line.clone())).await?;
                    }
                }
                _ => break,
            },
        }
    }
    node.shutdown().await;
    Ok(())
}
