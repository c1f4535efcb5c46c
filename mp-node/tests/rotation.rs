//! A network's secret is changed while the network goes on, over real sockets.

mod common;

use common::soon;
use mp_node::{DialError, Node, NodeBuilder, StartError};

const NODES: [&str; 3] = ["a", "b", "c"];

/// A node whose secret is `secrets`, which may have an old one behind it: `new`, `new+old`.
fn having(id: &str, secrets: &str) -> NodeBuilder {
    let builder = Node::builder("test").without_file().node_id(id).bind("127.0.0.1:0");
    match secrets.split_once('+') {
        Some((new, old)) => builder.secret(new).old_secret(old),
        None => builder.secret(secrets),
    }
}

async fn started(id: &str, secrets: &str) -> Node {
    having(id, secrets).start().await.expect("starts")
}

/// Whether `one` gets a connection with `other` and a message through, having been started with these secrets.
async fn meet(one: (&str, &str), other: (&str, &str)) -> Result<(), DialError> {
    let (a, b) = (started(one.0, one.1).await, started(other.0, other.1).await);
    soon(a.dial(&b.addresses()[0])).await?;
    let mut port = b.port();
    soon(a.send(&port, "hello")).await.expect("sent");
    assert_eq!(soon(port.recv_as::<(String,)>()).await, Some(("hello".to_owned(),)));
    Ok(())
}

/// [HS-20]: at each step of the change, whoever dials, any two nodes of the network meet.
#[tokio::test]
async fn a_network_changes_its_secret_node_by_node() {
    let mut secrets = ["old"; NODES.len()];
    for (then, steps) in [("new+old", NODES.len()), ("new", NODES.len())] {
        for step in 0..steps {
            secrets[step] = then;
            for (one, other) in [(0, 1), (1, 0), (1, 2), (2, 1), (0, 2), (2, 0)] {
                let met = meet((NODES[one], secrets[one]), (NODES[other], secrets[other])).await;
                assert!(met.is_ok(), "{secrets:?}: {one} and {other}: {met:?}");
            }
        }
    }
}

/// [HS-20]: without the step in between it does not work, and a third secret never does.
#[tokio::test]
async fn other_secrets_are_refused() {
    for (one, other) in [("old", "new"), ("new+old", "third"), ("new+old", "third+fourth")] {
        for (one, other) in [(one, other), (other, one)] {
            let error = meet(("a", one), ("b", other)).await.expect_err("refused");
            assert!(matches!(error, DialError::Handshake { .. }), "{error}");
        }
    }
}

/// [HS-20]: an old secret needs one that replaces it, and cannot be empty; no error and no debug output shows either.
#[tokio::test]
async fn an_old_secret_does_not_widen_to_none() {
    let bare = || Node::builder("test").without_file().node_id("a");
    for (builder, part) in [
        (bare().old_secret("hush"), "there is no secret that replaces it"),
        (bare().secret("hush").old_secret(""), "the secret is empty"),
        (bare().secret("").old_secret("hush"), "the secret is empty"),
        (bare().secret("hush").old_secret("hush\u{2603}"), "character number 5"),
    ] {
        let shown = format!("{builder:?}");
        assert!(!shown.contains("hush"), "{shown}");
        let error = builder.start().await.expect_err("it cannot be used");
        assert!(matches!(error, StartError::Setting { .. }), "{error}");
        assert!(error.to_string().contains(part) && !error.to_string().contains("hush"), "{error}");
        assert!(!format!("{error:?}").contains("hush"), "{error:?}");
    }
}

/// [SV-07]: the same without any restart, and without a connection being lost by it.
#[tokio::test]
async fn running_nodes_change_their_secret() {
    let nodes = [started("a", "old").await, started("b", "old").await];
    let set = |node: &Node, secret: &str, old: Option<&str>| {
        let mut config = node.config().clone();
        config.secret = Some(mp_config::SecretText::new(secret));
        config.old_secret = old.map(mp_config::SecretText::new);
        node.reload(&config)
    };
    let dial = async |from: &Node, to: &Node| soon(from.dial(&to.addresses()[0])).await;
    dial(&nodes[0], &nodes[1]).await.expect("one secret");
    for (secret, old) in [("new", Some("old")), ("new", None)] {
        for node in &nodes {
            set(node, secret, old).expect("valid");
            let fresh = started("fresh", if old.is_some() { "old" } else { "new" }).await;
            for node in &nodes {
                // Before all are there, one may not know the other's secret yet.
                if node.id().as_str() == "a" || old.is_some() {
                    dial(&fresh, node).await.expect("a new connection");
                }
            }
            fresh.shutdown().await;
        }
    }
    assert_eq!(nodes[0].stats().connections_ended, 2 + 2, "fresh ones alone; what stands stays");
    let error = dial(&started("late", "old").await, &nodes[0]).await.expect_err("the old one is gone");
    assert!(matches!(error, DialError::Handshake { .. }), "{error}");
    let error = set(&nodes[0], "", Some("old")).expect_err("an empty one");
    assert!(error.to_string().contains("secret"), "{error}");
    dial(&started("later", "new").await, &nodes[0]).await.expect("all is as before");
}
