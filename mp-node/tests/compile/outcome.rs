//! A port's function that ends with an error that is no reason.

async fn read(_port: mp_node::Port) -> Result<(), std::io::Error> {
    std::fs::read("x").map(drop)
}

fn run(node: mp_node::Node) {
    node.spawn(read);
}

fn main() {}
