//! Lines and levels, as they go over the wire.

use std::fmt;
use std::str::FromStr;

use mp_proto::{Message, Value};

/// How grave a line is, in Perl's numbers: 1 is fatal, 9 says every step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogLevel(u8);

/// The names of the levels, from 1.
const NAMES: [&str; 9] = ["fatal", "alert", "critical", "error", "warn", "note", "info", "debug", "trace"];

/// A text is no level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a log level is fatal, alert, critical, error, warn, note, info, debug, trace, or a number from 1 to 9"
)]
pub struct UnknownLevel;

impl LogLevel {
    /// Something does not work.
    pub const ERROR: Self = Self(4);
    /// Something someone should look at.
    pub const WARN: Self = Self(5);
    /// What happens.
    pub const INFO: Self = Self(7);
    /// For those who look into the program.
    pub const DEBUG: Self = Self(8);
    /// Every step.
    pub const TRACE: Self = Self(9);

    /// A number from 1 to 9.
    #[must_use]
    pub fn new(number: u8) -> Option<Self> {
        (1..=9).contains(&number).then_some(Self(number))
    }

    /// The number.
    #[must_use]
    pub fn number(self) -> u8 {
        self.0
    }

    /// What a peer said, as a number or a name, in any form.
    pub(super) fn read(value: &Value) -> Option<Self> {
        crate::data::word(value)?.parse().ok()
    }
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(NAMES.get(usize::from(self.0) - 1).copied().unwrap_or("?"))
    }
}

impl FromStr for LogLevel {
    type Err = UnknownLevel;

    fn from_str(text: &str) -> Result<Self, UnknownLevel> {
        let named = NAMES.iter().zip(1u8..).find(|(name, _)| **name == text).map(|(_, number)| number);
        named.or_else(|| text.parse().ok()).and_then(Self::new).ok_or(UnknownLevel)
    }
}

impl From<tracing::Level> for LogLevel {
    fn from(level: tracing::Level) -> Self {
        match level {
            tracing::Level::ERROR => Self::ERROR,
            tracing::Level::WARN => Self::WARN,
            tracing::Level::INFO => Self::INFO,
            tracing::Level::DEBUG => Self::DEBUG,
            tracing::Level::TRACE => Self::TRACE,
        }
    }
}

/// One line.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct LogLine {
    /// When, in seconds since 1970.
    pub time: f64,
    /// Which part of the program: a module.
    pub context: String,
    /// How grave it is.
    pub level: LogLevel,
    /// What it says.
    pub text: String,
}

impl LogLine {
    /// What a peer has sent `[LC-01]`.
    pub(super) fn read(message: &Message) -> Option<Self> {
        let [time, context, level, text, ..] = message.values() else { return None };
        Some(Self {
            time: crate::data::word(time)?.parse().ok()?,
            context: crate::data::word(context)?.to_string(),
            level: LogLevel::read(level)?,
            text: crate::data::word(text)?.to_string(),
        })
    }

    /// As it is sent.
    #[cfg(feature = "log-tap")]
    pub(super) fn to_message(&self) -> Message {
        Message::from([
            Value::Float(self.time),
            Value::from(self.context.as_str()),
            Value::from(i64::from(self.level.0)),
            Value::from(self.text.as_str()),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Option<LogLine> {
        LogLine::read(&serde_json::from_str(json).expect("JSON"))
    }

    /// [LC-01]: numbers may come as texts, levels as names.
    #[test]
    fn lines_come_in_many_forms() {
        let line = LogLine { time: 1.5, context: "A::B".into(), level: LogLevel::WARN, text: "x".into() };
        for json in
            [r#"[1.5,"A::B",5,"x"]"#, r#"["1.5","A::B","5","x"]"#, r#"[1.5,"A::B","warn","x","more"]"#]
        {
            assert_eq!(read(json).as_ref(), Some(&line), "{json}");
        }
        for json in [r#"[]"#, r#"["x","c",5,"t"]"#, r#"[1,"c",0,"t"]"#, r#"[1,"c",10,"t"]"#, r#"[1,"c",5]"#] {
            assert_eq!(read(json), None, "{json}");
        }
    }

    #[test]
    fn levels_have_names_and_numbers() {
        for (name, number) in NAMES.iter().zip(1u8..) {
            let level: LogLevel = name.parse().expect("a level");
            assert_eq!((level.number(), level.to_string().as_str()), (number, *name));
            assert_eq!(number.to_string().parse(), Ok(level));
        }
        assert_eq!("loud".parse::<LogLevel>(), Err(UnknownLevel));
        assert!(LogLevel::from(tracing::Level::WARN) < LogLevel::INFO);
    }
}
