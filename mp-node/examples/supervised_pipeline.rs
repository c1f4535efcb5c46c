//! Shows a supervised pipeline: lines go through a parser, which dies of a bad one and is started again, to a sum.
//! Run: `supervised_pipeline`; it ends by itself.

use anyhow::Context;
use mp_node::{Child, ChildHandle, Node, Port, Reason, ReplyTo, Supervisor, TypedPort};

#[derive(serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
enum Sum {
    Add(u64),
    Total(ReplyTo<u64>),
}

async fn sum(port: Port) {
    let (mut port, mut sum): (TypedPort<Sum>, u64) = (port.typed(), 0);
    while let Some(message) = port.recv().await {
        match message {
            Sum::Add(number) => sum += number,
            // The answer can only fail to go if the node is no more.
            Sum::Total(reply) => drop(port.node().send(reply, sum).await),
        }
    }
}

/// Each request is answered when its number is on its way to the sum, so that whoever asks knows what was lost.
async fn parser(mut port: Port, sum: ChildHandle) -> Result<(), Reason> {
    while let Some(((line,), done)) = port.recv_request::<(String,), ()>().await {
        let number = line.parse().map_err(|error| Reason::die(format!("{line}: {error}")))?;
        port.node().send(&sum, Sum::Add(number)).await.map_err(|error| Reason::die(error.to_string()))?;
        port.node().send(done, ()).await.map_err(|error| Reason::die(error.to_string()))?;
    }
    Ok(())
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let node = Node::builder("eg_pipeline").without_file().start().await?;

    // The sum must outlive the parsers, so it is not theirs: a supervisor of its own, and the parser's handle on it.
    let store = Supervisor::one_for_one().child(Child::worker("sum", sum)).start(&node)?;
    let sum = store.child("sum").context("it was just named")?;
    let to = sum.clone();
    let parsers = Supervisor::one_for_one()
        .child(Child::worker("parser", move |port| parser(port, to.clone())))
        .start(&node)?;
    let parser = parsers.child("parser").context("it was just named")?;

    let mut last = None;
    for line in ["1", "20", "three hundred", "4000"] {
        let port = parser.ready().await.context("it is permanent")?;
        if last.replace(port.clone()).as_ref() != Some(&port) {
            println!("a new parser is at work");
        }
        match node.call(&port, (line,)).await {
            Ok(_) => println!("{line}: done"),
            Err(error) => println!("{line}: {error}"),
        }
    }

    let port = sum.ready().await.context("it is permanent")?;
    println!("the sum is {}", node.ask(&port, Sum::Total).await?);
    parsers.shutdown().await;
    store.shutdown().await;
    node.shutdown().await;
    Ok(())
}
