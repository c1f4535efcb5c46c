//! Shows a family of keys and values that one node watches while another one sets, changes and leaves them.
//! Run: `key_value_watch`; it ends by itself. (The nodes are in one process here; elsewhere each is a program.)

use anyhow::Context;
use mp_global::{FamilyMonitor, Global};
use mp_node::Node;

const FAMILY: &str = "eg_settings";

async fn join(name: &str, seed: Option<&Node>) -> anyhow::Result<(Node, Global)> {
    let builder = Node::builder("eg_watch").without_file().node_id(name).secret("only for this example");
    let node = builder.bind("127.0.0.1:0").start().await?;
    let global = Global::builder(&node);
    let global = match seed {
        Some(seed) => global.seed(&seed.addresses()[0].to_string()),
        None => global.global(true),
    };
    Ok((node.clone(), global.start()?))
}

/// Waits for the next change in keys, and prints it.
async fn show(settings: &mut FamilyMonitor) -> anyhow::Result<()> {
    loop {
        let change = settings.next().await.context("the node has ended")?;
        for (key, value) in &change.added {
            println!("{key} is {value}");
        }
        for (key, value) in &change.changed {
            println!("{key} is now {value}");
        }
        for key in &change.deleted {
            println!("{key} is gone");
        }
        // Now and then only `synced` has changed: whether a global node vouches for what we see.
        if !change.added.is_empty() || !change.changed.is_empty() || !change.deleted.is_empty() {
            return Ok(());
        }
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let (watcher, directory) = join("watcher", None).await?;
    let mut settings = directory.family(FAMILY).monitor()?;

    let (setter, its_directory) = join("setter", Some(&watcher)).await?;
    let family = its_directory.family(FAMILY);
    family.set("colour", "red")?;
    show(&mut settings).await?;
    family.set("colour", "green")?;
    show(&mut settings).await?;
    family.set("size", 7)?;
    show(&mut settings).await?;
    println!("together: {:?}", directory.family(FAMILY).entries().await?.into_keys().collect::<Vec<_>>());
    family.delete("size");
    show(&mut settings).await?;

    // What a node owns goes with it.
    setter.shutdown().await;
    show(&mut settings).await?;
    watcher.shutdown().await;
    Ok(())
}
