//! A server that kernels of POE::TIKC connect to: its session `counter` adds up what is posted to it.
//!
//! `tikc_server [ADDRESS]`; the default is 127.0.0.1:2021, as in POE::TIKC.

use std::io::{IsTerminal, stderr};

use mp_tikc::{DEFAULT_ADDRESS, Kernel};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt().with_writer(stderr).with_ansi(stderr().is_terminal()).init();
    let address = std::env::args().nth(1).unwrap_or_else(|| DEFAULT_ADDRESS.to_owned());
    let kernel = Kernel::new()?;
    let mut session = kernel.session("counter")?;
    let server = kernel.serve().address(address.parse()?).start().await?;
    println!("listening on {}", server.address());
    let mut sum = 0;
    while let Some(mut event) = session.recv().await {
        match event.name() {
            // From Perl: $kernel->post(counter => add => 5)
            "add" => sum += event.decode::<(i64,)>().map_or(0, |(number,)| number),
            // Who reads it gets it as an event: $kernel->post(counter => read => 'my_alias', 'sum')
            "read" if !event.wants_answer() => match event.decode::<(String, String)>() {
                Ok((alias, name)) => drop(kernel.post(&alias, &name, (sum,)).await),
                Err(error) => eprintln!("read: {error}"),
            },
            // A kernel of ours may ask instead.
            "read" => event.answer((sum,))?,
            other => eprintln!("no such event: {other}"),
        }
        println!("sum: {sum}");
    }
    Ok(())
}
