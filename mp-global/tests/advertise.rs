//! A node that is reached at another address than it listens on, over real sockets.

#![expect(clippy::disallowed_methods, reason = "the router belongs to no node, and ends with the test")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mp_global::Global;
use mp_node::{Addr, Node, NodeBuilder, StartError, Value};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};

/// What stands between a network and a node behind address translation: it hands each connection through.
struct Router {
    /// The address that the outside knows.
    outside: String,
    listener: TcpListener,
    passed: Arc<AtomicUsize>,
}

impl Router {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
        let outside = listener.local_addr().expect("bound").to_string();
        Self { outside, listener, passed: Arc::default() }
    }

    fn hand_to(self, inside: &Addr) -> Arc<AtomicUsize> {
        let (inside, passed) = (inside.to_string(), Arc::clone(&self.passed));
        tokio::spawn(async move {
            while let Ok((mut near, _)) = self.listener.accept().await {
                self.passed.fetch_add(1, Ordering::Relaxed);
                let mut far = TcpStream::connect(&inside).await.expect("the node listens");
                tokio::spawn(async move { drop(copy_bidirectional(&mut near, &mut far).await) });
            }
        });
        passed
    }
}

fn builder(id: &str) -> NodeBuilder {
    Node::builder("test").without_file().node_id(id).secret("s3kr1t").bind("127.0.0.1:0")
}

async fn soon<T>(future: impl IntoFuture<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), future.into_future())
        .await
        .expect("it should have happened by now")
}

/// [CF-16]: the directory has the advertised address in place of the bound one, and others come by that.
#[tokio::test]
async fn others_dial_what_is_advertised() {
    let seed = builder("seed").start().await.expect("starts");
    let at_seed = Global::start(&seed).expect("starts");
    let address = seed.addresses()[0].to_string();
    let router = Router::new().await;
    let outside = router.outside.clone();
    let hidden = builder("hidden").advertise(&outside).seed(&address).start().await.expect("starts");
    let bound = hidden.addresses()[0].clone();
    assert_ne!(bound.to_string(), outside);
    assert!(hidden.advertised().iter().map(ToString::to_string).eq([&*outside]));
    let passed = router.hand_to(&bound);
    let at_hidden = Global::builder(&hidden).seed(&address).start().expect("starts");
    soon(at_hidden.joined()).await.expect("joins");

    let mut monitor = at_seed.family("'l").monitor().expect("room");
    let told = async {
        loop {
            let change = monitor.next().await.expect("the node lives");
            if let Some((_, value)) = change.added.iter().find(|(key, _)| key.as_ref() == "hidden") {
                return value.clone();
            }
        }
    };
    assert_eq!(soon(told).await, Value::List(vec![outside.as_str().into()]));

    let asker = builder("asker").start().await.expect("starts");
    let at_asker = Global::builder(&asker).seed(&address).start().expect("starts");
    soon(at_asker.joined()).await.expect("joins");
    let mut port = hidden.port();
    asker.send(&port, "found").await.expect("sent");
    assert_eq!(soon(port.recv_as::<(String,)>()).await, Some(("found".to_owned(),)));
    assert_eq!(passed.load(Ordering::Relaxed), 1, "it came by the router");
}

/// [CF-16]: several are told in their order, and without any the bound ones.
#[tokio::test]
async fn the_bound_addresses_are_told_unless_others_are_named() {
    let plain = builder("plain").start().await.expect("starts");
    assert_eq!(plain.advertised(), plain.addresses());
    let named = builder("named").advertise("one.example:4040").advertise("[2001:db8::1]:4040");
    let named = named.start().await.expect("starts");
    let texts: Vec<_> = named.advertised().iter().map(ToString::to_string).collect();
    assert_eq!(texts, ["one.example:4040", "[2001:db8::1]:4040"]);
}

/// [CF-16]: what nobody else could dial is refused.
#[tokio::test]
async fn an_address_that_nobody_can_dial_is_refused() {
    for text in ["*:4040", "one.example", "one.example:*", "0.0.0.0:4040", "[::]:4040", "", "a b:1"] {
        let error = builder("a").advertise(text).start().await.expect_err(text);
        assert!(matches!(error, StartError::Setting { what: "advertise", .. }), "{error}");
        assert!(error.to_string().contains(":4040"), "it names the mend: {error}");
    }
}
