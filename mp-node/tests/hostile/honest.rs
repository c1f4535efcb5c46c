//! A node that talks with the victim all the time.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use mp_node::{Limits, Monitor, Node, NodeId, Way};

use super::victim::{SECRET, Victim};

pub(crate) struct Honest {
    pub(crate) node: Node,
    echo: mp_node::PortId,
    /// Fires if the connection is ever lost.
    monitor: Monitor,
}

impl Honest {
    /// One that is connected with the victim.
    pub(crate) async fn meet(victim: &Victim) -> Self {
        Self::meet_with(victim, Limits::default()).await
    }

    /// The same, with other limits.
    pub(crate) async fn meet_with(victim: &Victim, limits: Limits) -> Self {
        let builder = Node::builder("honest").without_file().node_id("honest").secret(SECRET).limits(limits);
        let node = builder.bind("127.0.0.1:0").start().await.expect("starts");
        let (id, way) = (victim.echo.node(), Way::Direct(victim.addr.clone()));
        node.set_resolver(Arc::new(move |node: &NodeId| {
            let found = if *node == id { vec![way.clone()] } else { Vec::new() };
            Box::pin(async move { found })
        }));
        let monitor = node.monitor(&victim.echo);
        let honest = Self { node, echo: victim.echo.clone(), monitor };
        honest.ask(0).await;
        honest
    }

    /// Asks, and gets the answer.
    pub(crate) async fn ask(&self, number: u64) {
        let call =
            self.node.call(&self.echo, (number,)).timeout(Duration::from_secs(60)).returning::<(u64,)>();
        assert_eq!(call.await, Ok((number,)));
    }

    /// Asks all the time while something goes on, and at least ten times; all is answered, and the connection stands.
    pub(crate) async fn during<T>(&self, attack: impl Future<Output = T>) -> T {
        let mut attack = pin!(attack);
        let mut number = 0;
        let result = loop {
            number += 1;
            tokio::select! {
                biased;
                () = self.ask(number) => {}
                result = &mut attack => break result,
            }
        };
        for number in 0..10 {
            self.ask(number).await;
        }
        assert_eq!(self.monitor.fired(), None, "the honest node's connection was lost");
        result
    }
}

/// What should come, within a time that is long for a machine and short for a person.
pub(crate) async fn soon<T>(future: impl IntoFuture<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), future.into_future())
        .await
        .expect("it should have come by now")
}
