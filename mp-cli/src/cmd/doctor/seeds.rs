//! The seeds: is each of them there, and of this network?

use std::io::ErrorKind;
use std::time::Duration;

use mp_config::NodeConfig;
use mp_node::{Addr, DialError, NodeId};
use mp_proto::HandshakeError;
use mp_transport::clock;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::finding::Finding;
use super::holder::{self, Holder};
use super::keys::secret_name;
use crate::cmd::guest::Guest;
use crate::cmd::loopback;
use crate::cmd::ping::seconds;
use crate::cmd::secret::{again, is_another};

/// A clock that differs by more than this many seconds is worth a look.
const SKEW: f64 = 2.0;

/// What was found about each seed, and the nodes that answer there.
pub(super) async fn look(config: &NodeConfig, guest: &Guest) -> (Vec<Finding>, Vec<NodeId>) {
    let seeds = guest.seeds().to_vec();
    if seeds.is_empty() {
        let text = "none: this node is found by others, and finds nobody itself";
        return (vec![Finding::ok("seed", text)], Vec::new());
    }
    let mut looks = JoinSet::new();
    for (index, seed) in seeds.into_iter().enumerate() {
        let (guest, secret, own) = (guest.clone(), secret_name(config), own_addresses(config));
        looks.spawn(async move { (index, one(&seed, &guest, &secret, &own).await) });
    }
    let mut found = looks.join_all().await;
    found.sort_by_key(|(index, _)| *index);
    let mut nodes: Vec<NodeId> = found.iter().filter_map(|(_, (_, node))| node.clone()).collect();
    nodes.sort();
    nodes.dedup();
    (found.into_iter().map(|(_, (finding, _))| finding).collect(), nodes)
}

fn own_addresses(config: &NodeConfig) -> Vec<String> {
    NodeConfig::expand(&config.binds)
}

async fn one(seed: &str, guest: &Guest, secret: &str, own: &[String]) -> (Finding, Option<NodeId>) {
    let addr: Addr = match seed.parse() {
        Ok(addr) => addr,
        Err(error) => {
            return (
                Finding::fail("seed", format!("{seed}: {error}"), "correct it by `aemp setseeds`"),
                None,
            );
        }
    };
    let begun = clock::now();
    match timeout(guest.limit(), guest.node().dial(&addr)).await {
        Ok(Ok(node)) => {
            let took = clock::now().saturating_duration_since(begun);
            (
                Finding::ok(
                    "seed",
                    format!("{seed} is {node}, of this network, reached in {:.3} ms", 1e3 * seconds(took)),
                ),
                Some(node),
            )
        }
        Ok(Err(error @ DialError::Unreachable { .. })) => {
            let known = nobody(seed, own).await;
            (known.unwrap_or_else(|| refused(seed, &error, secret, None)), None)
        }
        Ok(Err(error)) => {
            let holder = if is_another(&error) { holder::at(seed).await } else { None };
            (refused(seed, &error, secret, holder.as_ref()), None)
        }
        Err(_) => (silent(seed, guest.limit()).await, None),
    }
}

/// Why nobody listens there, as far as the node's own binds tell.
async fn nobody(seed: &str, own: &[String]) -> Option<Finding> {
    // Most likely the node that this would be, if it ran.
    if own.iter().any(|bind| bind == seed) {
        let text = format!("{seed} is this node's own address: it is its own seed, and does not run");
        return Some(Finding::ok("seed", text));
    }
    if let Some(hint) = loopback::elsewhere(seed).await {
        let text = format!("{seed}: nobody listens there (Connection refused)");
        return Some(Finding::fail("seed", text, format!("correct it by `aemp setseeds`: {hint}")));
    }
    let other = loopback::others(loopback::port(seed)?).into_iter().find(|other| own.contains(other))?;
    let text =
        format!("{seed} is loopback, which `*` in `binds` leaves out: this node will not listen there");
    Some(Finding::warn("seed", text, format!("if it is to be its own seed, name {other} by `aemp setseeds`")))
}

/// Nothing came within the time: whether anybody listens at all.
async fn silent(seed: &str, limit: Duration) -> Finding {
    if timeout(limit, TcpStream::connect(seed)).await.is_ok_and(|connected| connected.is_ok()) {
        let text = format!(
            "{seed}: something listens there, and says nothing within {limit:?}: it is no AEMP node, or hangs"
        );
        return Finding::fail(
            "seed",
            text,
            "correct the port by `aemp setseeds`, or look at what runs there",
        );
    }
    let text = format!("{seed}: no connection within {limit:?}");
    Finding::fail(
        "seed",
        text,
        "is the machine up, and does a firewall let us through? Else correct it by `aemp setseeds`",
    )
}

/// Why there is no connection, and the mend. Of a seed of this machine, it is known which process it is.
fn refused(seed: &str, error: &DialError, secret: &str, holder: Option<&Holder>) -> Finding {
    let fail = |text: String, mend: String| Finding::fail("seed", format!("{seed}: {text}"), mend);
    let mend_secret = || {
        format!(
            "if the secret was changed since that node was started, {}; else `aemp doctor` there must show the same fingerprint of its secret, {secret}; if it does not, get the network's secret there \
             by `aemp showconfig --show-secrets`, and set it here by `aemp setsecret`",
            again(holder)
        )
    };
    match error {
        DialError::Unreachable { error, .. } if error.kind() == ErrorKind::ConnectionRefused => fail(
            "nobody listens there (Connection refused)".into(),
            "start the node there by `aemp run`, or correct the address by `aemp setseeds`".into(),
        ),
        DialError::Unreachable { error, .. } => fail(
            format!("it cannot be reached ({error})"),
            "look at the network and the name, or correct the address by `aemp setseeds`".into(),
        ),
        DialError::Handshake { error, .. } => match &**error {
            HandshakeError::NotAemp { first, speaks } => {
                let what = speaks.map_or_else(|| "another service".to_owned(), str::to_owned);
                let text = format!("no AEMP node is there, but {what}: it began with \"{first}\"");
                fail(text, "correct the address by `aemp setseeds`".into())
            }
            HandshakeError::BadToken { node } => {
                fail(format!("the secret of the node {node} there is not ours"), mend_secret())
            }
            HandshakeError::Closed { stage } if stage.to_string().contains("proof") => {
                fail("it refused us: its secret is not ours, most likely".into(), mend_secret())
            }
            HandshakeError::NoCommonFraming { peer, ours } => fail(
                format!("it takes only the framings \"{peer}\", and we write \"{ours}\""),
                "name one that both have by `aemp setframing_format` there or here".into(),
            ),
            HandshakeError::SelfConnection => Finding::ok("seed", format!("{seed} is this node itself")),
            HandshakeError::SameName { node } => fail(
                format!("the node there is called {node}, as this one would be"),
                "if it is not this one, give one of them another name by `aemp setnodeid`".into(),
            ),
            error => Finding::of_error("seed", &format!("{seed}: "), error),
        },
        DialError::TimedOut { .. } => fail(
            "the connection was not made in time".into(),
            "look at the network, and at what runs there".into(),
        ),
        #[cfg(feature = "tls")]
        DialError::Tls { error, .. } => encrypted(seed, error),
        error => Finding::of_error("seed", &format!("{seed}: "), error),
    }
}

#[cfg(feature = "tls")]
fn encrypted(seed: &str, error: &mp_node::tls::TlsError) -> Finding {
    use mp_node::tls::TlsError;

    let fail = |text: String, mend: &str| Finding::fail("seed", format!("{seed}: {text}"), mend);
    let one_pem = "give both nodes one certificate by `aemp setcert`: `aemp doctor` must show the same fingerprint on both";
    match error {
        TlsError::Untrusted => fail("its certificate is another one than ours".into(), one_pem),
        TlsError::Refused("expired") => fail(
            "it finds our certificate expired".into(),
            "compare the clocks, then renew by `aemp gencert`",
        ),
        TlsError::Refused(why) => {
            fail(format!("it refuses our certificate ({why}): it has another one"), one_pem)
        }
        TlsError::Closed => {
            fail("it broke TLS off: it does not trust our certificate, most likely".into(), one_pem)
        }
        TlsError::Expired(date) => fail(
            format!("its certificate expired on {date}"),
            "set this machine's clock if it is wrong, else renew the certificate by `aemp gencert`",
        ),
        TlsError::NotYetValid(date) => fail(
            format!("its certificate is not valid before {date}"),
            "set this machine's clock, or that of the machine on which the certificate was made",
        ),
        error => Finding::of_error("seed", &format!("{seed}: "), error),
    }
}

/// A node's clock beside ours: certificates have dates, and logs are compared.
pub(super) async fn clock_of(node: &NodeId, guest: &Guest) -> Finding {
    let begun = clock::now();
    let asked = guest.node().call(node.port(), "time").returning::<(f64,)>().timeout(guest.limit()).await;
    let Ok((theirs,)) = asked else {
        let text = format!("{node} does not tell its time");
        return Finding::warn("clock", text, "look at whether it hangs: `aemp ping` it");
    };
    let round = clock::now().saturating_duration_since(begun).as_secs_f64();
    let ahead = theirs - (clock::wall() - round / 2.0);
    let text = if ahead.abs() <= SKEW + round / 2.0 {
        return Finding::ok("clock", format!("{node} is within {SKEW} s of ours"));
    } else if ahead > 0.0 {
        format!("{node} is {ahead:.0} s ahead of ours")
    } else {
        format!("{node} is {:.0} s behind ours", -ahead)
    };
    Finding::warn("clock", text, "set the clock that is wrong, as by `timedatectl set-ntp true`")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::{Paint, Report};

    /// [HS-19]: whatever a peer sent stands harmlessly in the line.
    #[test]
    fn each_refusal_names_its_mend() {
        let addr: Addr = "h:1".parse().unwrap();
        let handshake = |error| DialError::Handshake { addr: addr.clone(), error: Box::new(error) };
        let node: NodeId = "n".parse().unwrap();
        for (error, what, mend) in [
            (handshake(HandshakeError::BadToken { node: node.clone() }), "secret of the node n", "setsecret"),
            (handshake(HandshakeError::SameName { node }), "is called n", "setnodeid"),
            (
                handshake(HandshakeError::NotAemp { first: "x".into(), speaks: None }),
                "another service",
                "setseeds",
            ),
            (DialError::TimedOut { addr: addr.clone() }, "in time", "look at the network"),
        ] {
            let line = refused("h:1", &error, "abc", None).text(Paint::new(false));
            assert!(line.starts_with("FAIL  seed      h:1: ") && line.contains(what), "{line}");
            assert!(line.split("; ").last().unwrap().contains(mend), "{line}");
        }
    }
}
