//! A client of the example `tikc_server`: adds a number, and asks for the sum.
//!
//! `tikc_client [ADDRESS] [NUMBER]`; it waits for the server if that is not there yet.

use std::io::{IsTerminal, stderr};

use mp_tikc::{DEFAULT_ADDRESS, Kernel};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt().with_writer(stderr).with_ansi(stderr().is_terminal()).init();
    let mut args = std::env::args().skip(1);
    let address = args.next().unwrap_or_else(|| DEFAULT_ADDRESS.to_owned());
    let number: i64 = args.next().map_or(Ok(1), |number| number.parse())?;
    let kernel = Kernel::new()?;
    // Others can post to it as long as this runs.
    let _session = kernel.session("tikc_client")?;
    let client = kernel.connect(address.parse()?).start()?;
    // Could be left out: what is posted before waits for the connection.
    client.connected().await;
    kernel.post("counter", "add", (number,)).await?;
    let (sum,): (i64,) = kernel.call("counter", "read", ()).decode().await?;
    println!("the sum is {sum}");
    kernel.shutdown().await;
    Ok(())
}
