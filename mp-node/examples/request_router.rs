//! Shows a request router: it passes each request on to the port that is responsible, which answers whoever asked.
//! Run: `request_router`; it ends by itself.

use std::collections::BTreeMap;

use mp_node::{CallError, Node, PortRef, Reason, ReplyTo};

/// What the router takes. The reply port goes along with the request, so the answer does not pass through the router.
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
enum Route {
    Register(String, PortRef<Job>),
    Request(String, f64, ReplyTo<f64>),
}

/// What those do to whom it routes.
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
enum Job {
    Work(f64, ReplyTo<f64>),
}

fn router(node: &Node) -> PortRef<Route> {
    node.spawn_typed(async |mut port| {
        let node = port.node();
        let mut responsible = BTreeMap::new();
        while let Some(message) = port.recv().await {
            match message {
                Route::Register(name, worker) => drop(responsible.insert(name, worker)),
                Route::Request(name, number, reply) => match responsible.get(&name) {
                    Some(worker) => node.send(worker, Job::Work(number, reply)).await.map_err(shut_down)?,
                    None => reply.refuse(&node, Reason::new("no_route", name)),
                },
            }
        }
        Ok::<(), Reason>(())
    })
}

fn worker(node: &Node, function: fn(f64) -> f64) -> PortRef<Job> {
    node.spawn_typed(async move |mut port| {
        while let Some(Job::Work(number, reply)) = port.recv().await {
            port.node().send(reply, function(number)).await.map_err(shut_down)?;
        }
        Ok::<(), Reason>(())
    })
}

#[expect(clippy::needless_pass_by_value, reason = "it stands in `map_err`")]
fn shut_down(error: mp_node::SendError) -> Reason {
    Reason::die(error.to_string())
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let node = Node::builder("eg_router").without_file().start().await?;
    let router = router(&node);
    let (double, square) = (worker(&node, |number| number * 2.0), worker(&node, |number| number * number));
    node.send(&router, Route::Register("double".into(), double)).await?;
    node.send(&router, Route::Register("square".into(), square)).await?;
    for (name, number) in [("double", 21.0), ("square", 1.5), ("cube", 2.0)] {
        match node.ask(&router, |reply| Route::Request(name.into(), number, reply)).await {
            Ok(result) => println!("{name} of {number} is {result}"),
            Err(CallError::Refused(reason)) => println!("{name} of {number}: {reason}"),
            Err(error) => return Err(error.into()),
        }
    }
    node.shutdown().await;
    Ok(())
}
