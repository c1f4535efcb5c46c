//! A message that cannot be read.

#[derive(serde::Serialize)]
struct Ping(u64);

async fn run(mut port: mp_node::TypedPort<Ping>) {
    port.recv().await;
}

fn main() {}
