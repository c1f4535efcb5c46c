//! A port's function that cannot move between threads.

use std::rc::Rc;

fn run(node: mp_node::Node) {
    node.spawn(async |mut port| {
        let seen = Rc::new(7);
        port.recv().await;
        drop(seen);
    });
}

fn main() {}
