//! A node that is a TIKC server, too: aliases of Perl kernels are ports of the network, and ports of the group
//! `tikc_ports` are aliases.
//!
//! `tikc_bridge PROFILE [ADDRESS]`, with a profile that `aemp profile` has set up.

use std::io::{IsTerminal, stderr};

use mp_global::Global;
use mp_node::Node;
use mp_tikc::{Bridge, DEFAULT_ADDRESS, Kernel, KernelEvent};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt().with_writer(stderr).with_ansi(stderr().is_terminal()).init();
    let mut args = std::env::args().skip(1);
    let profile = args.next().unwrap_or_default();
    let address = args.next().unwrap_or_else(|| DEFAULT_ADDRESS.to_owned());
    let node = Node::builder(&profile).start().await?;
    let global = Global::start(&node)?;
    let kernel = Kernel::new()?;
    let server = kernel.serve().address(address.parse()?).start().await?;
    let _bridge = Bridge::builder(&node, &global, &kernel).start()?;
    println!("node {} and TIKC at {}", node.id(), server.address());
    let mut events = kernel.events();
    while let Some(event) = events.next().await {
        match event {
            KernelEvent::Came { alias } => println!("{alias} came"),
            KernelEvent::Went { alias } => println!("{alias} went"),
            _ => {}
        }
    }
    Ok(())
}
