//! Messages of three sizes.

use serde::{Deserialize, Serialize};

/// The port that all messages are for: a name as nodes make them.
pub const PORT: &str = "Yq5YB21lLb4";

/// Traffic between ports: a tag, a counter and a payload.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Traffic {
    /// One message of many.
    Data(u64, serde_bytes::ByteBuf),
}

/// The same for one who sends the payload again and again.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outgoing<'a> {
    /// One message of many.
    Data(u64, &'a serde_bytes::Bytes),
}

impl Traffic {
    /// A payload of `len` bytes, the same characters in every framing.
    #[must_use]
    pub fn payload(len: usize) -> Vec<u8> {
        (b'a'..=b'z').cycle().take(len).collect()
    }
}

/// The smallest useful message: `["ping", 42]`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ping {
    /// The message.
    Ping(u64),
}

/// A message of some 500 bytes with a little of everything.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Order {
    /// An identifier.
    pub id: u64,
    /// A text.
    pub customer: String,
    /// A port's name, as a text.
    pub reply_to: String,
    /// A truth value.
    pub paid: bool,
    /// A float.
    pub total: f64,
    /// Null or a text.
    pub note: Option<String>,
    /// Short texts.
    pub labels: Vec<String>,
    /// A list of structs.
    pub lines: Vec<Line>,
}

/// A part of an [`Order`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// A text.
    pub article: String,
    /// A small number.
    pub count: u32,
    /// A float.
    pub price: f64,
}

impl Order {
    /// The one that is measured.
    #[must_use]
    pub fn sample() -> Self {
        let line = |article: &str, count, price| Line { article: article.into(), count, price };
        Self {
            id: 7_340_032_991,
            customer: "Ada Lovelace, 12 St James's Square, London".into(),
            reply_to: "eg_shop/4fJq81Kz0b#Yq5YB21lLb4".into(),
            paid: true,
            total: 1_204.75,
            note: None,
            labels: ["gift", "fragile", "caf\u{e9}"].map(String::from).into(),
            lines: vec![
                line("difference engine, brass", 1, 1_024.0),
                line("punched cards, 500 pieces", 3, 42.25),
                line("oil can", 2, 12.0),
                line("say \"thank you\"", 1, 30.0),
            ],
        }
    }
}
