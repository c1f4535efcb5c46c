//! What the processes of the demonstration tell the director, and what he tells them: lines of JSON.

use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::args::Globals;
use crate::error::CliError;
use crate::output::{Output, Paint, Report, plain};

/// What one process did or saw.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(super) enum DemoEvent {
    /// It takes connections at these addresses.
    Listening { addresses: Vec<String> },
    /// It offers a port in a group.
    Registered { group: String, port: String },
    /// It found a port of a group.
    Found { group: String, port: String },
    /// It sent a message.
    Sent { port: String, message: Vec<Value> },
    /// It got a message.
    Received { message: Vec<Value> },
    /// The chat server has a new client.
    Joined { nick: String, port: String },
    /// A chat client said something.
    Said { text: String },
    /// The chat server passed it on.
    Relayed { from: String, text: String, to: Vec<String> },
    /// A chat client heard something.
    Heard { from: String, text: String },
    /// The chat server's monitor of a client fired.
    MonitorFired { nick: String, reason: Vec<Value> },
    /// The chat server dropped a client; these are left.
    Dropped { nick: String, left: Vec<String> },
    /// It is done, in good order.
    Stopped,
}

/// What a process is to do next.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "order", rename_all = "snake_case")]
pub(super) enum Order {
    /// Say something in the chat.
    Say { text: String },
    /// Stop in good order.
    Stop,
}

impl DemoEvent {
    /// The event in words, for people.
    pub(super) fn words(&self) -> String {
        let json = |values: &[Value]| Value::from(values).to_string();
        let text = match self {
            Self::Listening { addresses } => format!("listens on {}", addresses.join(", ")),
            Self::Registered { group, port } => format!("offers the port {port} in the group {group}"),
            Self::Found { group, port } => format!("finds the port {port} in the group {group}"),
            Self::Sent { port, message } => format!("sends {} to {port}", json(message)),
            Self::Received { message } => format!("received {}", json(message)),
            Self::Joined { nick, port } => format!("{nick} joins the chat with the port {port}"),
            Self::Said { text } => format!("says {text:?}"),
            Self::Relayed { from, text, to } => {
                format!("passes {from}'s {text:?} on to {}", to.join(" and "))
            }
            Self::Heard { from, text } => format!("hears {from} say {text:?}"),
            Self::MonitorFired { nick, reason } if reason.is_empty() => {
                format!("sees by its monitor that {nick} ended normally")
            }
            Self::MonitorFired { nick, reason } => {
                format!("sees by its monitor that {nick} is gone: {}", json(reason))
            }
            Self::Dropped { nick, left } if left.is_empty() => {
                format!("drops {nick}; nobody is left in the chat")
            }
            Self::Dropped { nick, left } => format!("drops {nick}; left in the chat: {}", left.join(", ")),
            Self::Stopped => "stopped".to_owned(),
        };
        plain(&text)
    }
}

impl Report for DemoEvent {
    fn text(&self, _paint: Paint) -> String {
        self.words()
    }
}

/// Where a process of the demonstration tells what happens. Cheap to clone.
#[derive(Clone)]
pub(super) struct EventSink(Arc<Mutex<Output>>);

impl EventSink {
    /// Lines of JSON on stdout.
    pub(super) fn stdout() -> Self {
        let globals = Globals { json: true, ..Globals::default() };
        Self(Arc::new(Mutex::new(Output::standard(&globals))))
    }

    /// Tells the director.
    ///
    /// # Errors
    ///
    /// As [`Output::report`].
    pub(super) fn tell(&self, event: &DemoEvent) -> Result<(), CliError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).report(event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn events_and_orders_are_lines_of_json() {
        let event = DemoEvent::Received { message: vec![json!("test"), json!(123)] };
        let line = serde_json::to_string(&event).unwrap();
        assert_eq!(line, r#"{"event":"received","message":["test",123]}"#);
        assert_eq!(serde_json::from_str::<DemoEvent>(&line).unwrap(), event);
        assert_eq!(serde_json::to_string(&Order::Stop).unwrap(), r#"{"order":"stop"}"#);
    }
}
