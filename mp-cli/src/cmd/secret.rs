//! Nodes that do not have our secret: they may run with the one from before a change.

use mp_node::DialError;
use mp_proto::{HandshakeError, Stage};

use super::doctor::holder::Holder;
use crate::output::plain;

/// What has a node that runs read a new secret.
pub(super) const TAKEN: &str =
    "`kill -HUP` of its process, or `systemctl reload` (at a terminal, start it anew)";

/// Whether the node there has another secret than we, as far as we can know: it has proven so, or goes when it has our
/// proof.
pub(super) fn is_another(error: &DialError) -> bool {
    let DialError::Handshake { error, .. } = error else { return false };
    matches!(**error, HandshakeError::BadToken { .. } | HandshakeError::Closed { stage: Stage::Auth })
}

/// What came of dialling somebody, in words.
pub(super) fn told(error: &DialError) -> String {
    let text = plain(&error.to_string());
    if is_another(error) {
        return format!(
            "{text}; if the secret was changed since that node was started, {TAKEN} has it read again"
        );
    }
    text
}

/// What has the node that this process is read its secret again; of an unknown one, what has any.
pub(super) fn again(holder: Option<&Holder>) -> String {
    match holder {
        Some(who) if who.is_aemp() && who.hears_hup => {
            format!("`kill -HUP {}` (or `systemctl reload`) has it read the file again", who.id)
        }
        Some(who) => format!("start {who} anew"),
        None => format!("{TAKEN} has it read again"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_does_not_hear_of_it_is_started_anew() {
        let mut holder = Holder { id: 12, name: "aemp".into(), is_stopped: false, hears_hup: true };
        assert!(again(Some(&holder)).starts_with("`kill -HUP 12`"));
        holder.hears_hup = false;
        assert_eq!(again(Some(&holder)), "start the process 12 (aemp) anew");
        holder = Holder { name: "perl".into(), hears_hup: true, ..holder };
        assert_eq!(again(Some(&holder)), "start the process 12 (perl) anew");
        assert!(again(None).contains("`systemctl reload`"));
    }
}
