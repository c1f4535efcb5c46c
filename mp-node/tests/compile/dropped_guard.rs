//! A monitor that ends before it has begun.
#![deny(unused_must_use)]

fn run(node: mp_node::Node, port: mp_node::PortId) {
    node.monitor(&port);
    node.port();
    node.send_after(std::time::Duration::ZERO, &port, 1);
    node.call(&port, "time");
}

fn main() {}
