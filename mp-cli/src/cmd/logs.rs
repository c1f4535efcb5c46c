//! `mp::log_catcher`: the log of the whole network on stderr.

use mp_global::log_catcher::{Caught, LogCatcher, LogLevel, TARGET};
use mp_global::{Global, GlobalError};
use mp_node::Node;
use serde_json::Value;

use crate::error::CliError;

/// The service.
pub(super) const NAME: &str = "mp::log_catcher";

/// The level of the lines to catch, which may stand behind the service's name: a name or a number. Default: info.
pub(super) fn level(arguments: &[Value]) -> Result<LogLevel, CliError> {
    let text = match arguments.first() {
        None | Some(Value::Null) => return Ok(LogLevel::INFO),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    text.parse().map_err(|error| CliError::LogLevel { text, error })
}

/// Starts the service, which lasts as long as the node.
pub(super) fn start(node: &Node, global: &Global, level: LogLevel) -> Result<(), GlobalError> {
    let mut catcher = LogCatcher::start(node, global, level)?;
    node.spawn_task(async move {
        while let Some(caught) = catcher.next().await {
            show(&caught);
        }
    });
    Ok(())
}

/// Logs a caught line as what it was.
fn show(caught: &Caught) {
    let Caught { node, line, lost, .. } = caught;
    // What peers say must not look like more than one line.
    let (context, text) = (line.context.escape_debug(), line.text.escape_debug());
    if *lost > 0 {
        tracing::warn!(target: TARGET, %node, "{lost} lines were lost");
    }
    match line.level {
        level if level <= LogLevel::ERROR => tracing::error!(target: TARGET, %node, %context, "{text}"),
        level if level <= LogLevel::WARN => tracing::warn!(target: TARGET, %node, %context, "{text}"),
        level if level <= LogLevel::INFO => tracing::info!(target: TARGET, %node, %context, "{text}"),
        level if level <= LogLevel::DEBUG => tracing::debug!(target: TARGET, %node, %context, "{text}"),
        _ => tracing::trace!(target: TARGET, %node, %context, "{text}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_level_is_a_name_or_a_number() {
        for (arguments, expected) in [
            (vec![], LogLevel::INFO),
            (vec![json!("debug")], LogLevel::DEBUG),
            (vec![json!("5")], LogLevel::WARN),
            (vec![json!(9), json!("more")], LogLevel::TRACE),
        ] {
            assert_eq!(level(&arguments).unwrap(), expected, "{arguments:?}");
        }
        let error = level(&[json!("loud")]).unwrap_err().to_string();
        assert!(error.contains("loud") && error.contains("note"), "{error}");
    }
}
