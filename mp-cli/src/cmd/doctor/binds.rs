//! Where the node is to listen: can it, and if not, who is there already?

use std::io::ErrorKind;

use mp_config::NodeConfig;
use mp_node::{Addr, NodeId};
use mp_transport::error::plain_text;
use tokio::net::TcpListener;
use tokio::time::timeout;

use super::finding::Finding;
use super::holder::{self, Holder};
use crate::cmd::guest::Guest;
use crate::cmd::{loopback, secret};

/// One finding for each address.
pub(super) async fn look(config: &NodeConfig, guest: Option<&Guest>) -> Vec<Finding> {
    let binds = NodeConfig::expand(&config.binds);
    if binds.is_empty() {
        return vec![Finding::ok("bind", "it listens nowhere: others reach it through a global node")];
    }
    let mut findings = Vec::new();
    for bind in binds {
        findings.push(one(&bind, config, guest).await);
    }
    if let Some(bind) = loopback::leaves_out(config) {
        let text = format!(
            "{bind} is every address of this machine but loopback: localhost does not lead to this node"
        );
        findings.push(Finding::ok("bind", text));
    }
    findings
}

async fn one(bind: &str, config: &NodeConfig, guest: Option<&Guest>) -> Finding {
    let error = match TcpListener::bind(bind).await {
        Ok(_) if bind.ends_with(":0") => {
            return Finding::ok("bind", format!("{bind}: a free port is there, another one at each start"));
        }
        Ok(_) => return Finding::ok("bind", format!("{bind} can be listened on")),
        Err(error) => error,
    };
    let what = format!("{bind}: {}", plain_text(&error));
    match error.kind() {
        ErrorKind::AddrInUse => in_use(bind, config, guest).await,
        ErrorKind::AddrNotAvailable => {
            let own: Vec<_> = mp_config::interfaces().iter().map(ToString::to_string).collect();
            let mend =
                format!("this machine has 127.0.0.1 and {}; choose one by `aemp setbinds`", own.join(", "));
            Finding::fail("bind", what, mend).unusable()
        }
        ErrorKind::PermissionDenied => Finding::fail(
            "bind",
            what,
            "choose a port from 1024 on by `aemp setbinds`, or give it the right to",
        ),
        _ => Finding::fail("bind", what, "choose another address by `aemp setbinds`").unusable(),
    }
}

/// That it is the node itself, which runs already, is nothing to worry about.
async fn in_use(bind: &str, config: &NodeConfig, guest: Option<&Guest>) -> Finding {
    let port = bind.rsplit(':').next().and_then(|port| port.parse().ok()).unwrap_or_default();
    let holder = holder::of(port);
    let by = holder.as_ref().map(|who| format!(" by {who}")).unwrap_or_default();
    let found = node_at(bind, guest).await;
    if let Found::Node(id) = found {
        if is_the_one(&id, config) {
            return Finding::ok("bind", format!("{bind} is in use{by}: the node {id} of this network runs"));
        }
        let text = format!("{bind} is in use{by}, by another node of this network: {id}");
        return Finding::fail("bind", text, "choose another address by `aemp setbinds`, or stop that node");
    }
    if matches!(found, Found::AnotherSecret) {
        let text = format!("{bind} is in use{by}, a node that does not have our secret");
        let end = match &holder {
            Some(who) => format!("end it by `kill {}`", who.id),
            None => "stop it".to_owned(),
        };
        let mend = format!(
            "if the secret was changed since it was started, {}; if it is of another network, {end}, or look at the profile \
             that is meant by `aemp doctor NAME`, or choose another address by `aemp setbinds`",
            secret::again(holder.as_ref())
        );
        return Finding::fail("bind", text, mend);
    }
    Finding::fail("bind", format!("{bind} is in use{by}"), mend(port, holder.as_ref()))
}

/// What to do about an address that is in use by something that is no node of this network, or does not answer.
fn mend(port: u16, holder: Option<&Holder>) -> String {
    let other = "choose another address by `aemp setbinds`";
    match holder {
        Some(who) if who.is_stopped => {
            let id = who.id;
            let what = if who.is_aemp() { "a node that was frozen" } else { "it was frozen" };
            format!("{what}: let it go on by `kill -CONT {id}`, or end it by `kill -KILL {id}`; or {other}")
        }
        Some(who) if who.is_aemp() => format!(
            "another node runs here, which hangs or has another secret or certificate: end it by `kill {}`, or look at the profile \
             that is meant by `aemp doctor NAME`, or {other}",
            who.id
        ),
        Some(who) => format!("{other}, or stop what uses this one by `kill {}`", who.id),
        None => format!(
            "{other}, or stop what uses this one, which may be a node of another user: as root, `ss -ltnp 'sport = :{port}'` \
             tells"
        ),
    }
}

/// Who answers at an address.
enum Found {
    /// A node of this network.
    Node(NodeId),
    /// A node that has another secret.
    AnotherSecret,
    /// Nobody, or something else.
    Nothing,
}

async fn node_at(bind: &str, guest: Option<&Guest>) -> Found {
    let (Some(guest), Ok(addr)) = (guest, bind.parse::<Addr>()) else { return Found::Nothing };
    match timeout(guest.limit(), guest.node().dial(&addr)).await {
        Ok(Ok(id)) => Found::Node(id),
        Ok(Err(error)) if secret::is_another(&error) => Found::AnotherSecret,
        Ok(Err(_)) | Err(_) => Found::Nothing,
    }
}

/// Whether a node's name is what the profile would make again, but for the random part.
fn is_the_one(id: &NodeId, config: &NodeConfig) -> bool {
    let stem = |id: &NodeId| {
        let text = id.as_str().to_owned();
        text.rsplit_once('/').map_or_else(|| text.clone(), |(stem, _)| stem.to_owned())
    };
    *id == config.nodeid || stem(id) == stem(&config.nodeid)
}
