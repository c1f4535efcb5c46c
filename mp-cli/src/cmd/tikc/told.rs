//! What `aemp tikc` prints.

use mp_tikc::{Event, KernelEvent, Peer};
use serde::Serialize;
use serde_json::Value;

use super::json;
use crate::output::{Paint, Report, plain};

/// A line of it.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(super) enum Told {
    Listening { address: String },
    Up { address: String, proven: bool },
    Down { address: String, error: String },
    Post { alias: String, name: String, args: Vec<Value> },
    Posted { alias: String, name: String },
    Undelivered { alias: String, name: String, error: String },
    Taken { alias: String, address: String },
    Aliases { aliases: Vec<String> },
    Came { alias: String },
    Went { alias: String },
}

impl Told {
    pub(super) fn event(event: &Event) -> Self {
        let (alias, name) = (event.alias().to_owned(), event.name().to_owned());
        Self::Post { alias, name, args: json(event.args()) }
    }

    /// What is told of the kernel itself; not that an alias comes or goes, which is for those who watch.
    pub(super) fn of(event: KernelEvent) -> Option<Self> {
        Some(match event {
            KernelEvent::Up { address, peer } => {
                let proven = matches!(peer, Peer::Own { proven: true, .. });
                Self::Up { address: address.to_string(), proven }
            }
            KernelEvent::Down { address, error } => {
                Self::Down { address: address.to_string(), error: error.to_string() }
            }
            KernelEvent::Undelivered { alias, event, failure } => Self::Undelivered {
                alias: alias.to_string(),
                name: event.to_string(),
                error: failure.to_string(),
            },
            KernelEvent::Taken { alias, address } => {
                Self::Taken { alias: alias.to_string(), address: address.to_string() }
            }
            _ => return None,
        })
    }
}

impl Report for Told {
    fn text(&self, paint: Paint) -> String {
        match self {
            Self::Listening { address } => format!("listening on {}; Ctrl-C stops it", paint.name(address)),
            Self::Up { address, proven: true } => {
                format!("{} {address}, which has proved itself", paint.good("up:"))
            }
            Self::Up { address, .. } => format!("{} {address}", paint.good("up:")),
            Self::Down { address, error } => format!("{} {address}: {}", paint.bad("down:"), plain(error)),
            Self::Post { alias, name, args } => {
                let args: Vec<String> = args.iter().map(Value::to_string).collect();
                plain(&format!("{alias}.{name}({})", args.join(",")))
            }
            Self::Posted { alias, name } => format!("{} {name} to {alias}", paint.good("posted:")),
            Self::Undelivered { alias, name, error } => {
                plain(&format!("{alias}.{name} was not delivered: {error}"))
            }
            Self::Taken { alias, address } => {
                plain(&format!("the alias {alias} is announced by {address}, too, and was taken before"))
            }
            Self::Aliases { aliases } if aliases.is_empty() => "no aliases".to_owned(),
            Self::Aliases { aliases } => plain(&aliases.join(" ")),
            Self::Came { alias } => format!("{} {}", paint.good("came:"), plain(alias)),
            Self::Went { alias } => format!("{} {}", paint.bad("went:"), plain(alias)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_post_is_one_line_that_cannot_steer_the_terminal() {
        let post =
            Told::Post { alias: "a\u{1b}".into(), name: "e\n".into(), args: vec![json!(1), json!("x")] };
        assert_eq!(post.text(Paint::new(false)), "a\\u{1b}.e\\n(1,\"x\")");
        assert_eq!(
            serde_json::to_value(&post).unwrap(),
            json!({"event": "post", "alias": "a\u{1b}", "name": "e\n", "args": [1, "x"]})
        );
    }
}
