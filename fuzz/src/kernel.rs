//! The pure parts of mp-node, which its interface does not show: their files themselves, and operations on them beside
//! models.

#[path = "../../mp-node/src/kernel/bulk.rs"]
#[allow(dead_code, unreachable_pub, clippy::allow_attributes, reason = "the node uses the rest")]
mod bulk;
#[path = "../../mp-node/src/kernel/outbox.rs"]
#[allow(dead_code, unreachable_pub, clippy::allow_attributes, reason = "the node uses the rest")]
mod outbox;
#[path = "../../mp-node/src/kernel/ports.rs"]
#[allow(dead_code, unreachable_pub, clippy::allow_attributes, reason = "the node uses the rest")]
mod ports;
#[path = "../../mp-node/src/kernel/relay.rs"]
#[allow(dead_code, unreachable_pub, clippy::allow_attributes, reason = "the node uses the rest")]
mod relay;
#[path = "../../mp-node/src/kernel/route.rs"]
#[allow(dead_code, unreachable_pub, clippy::allow_attributes, reason = "the node uses the rest")]
mod route;

#[path = "kernel_ports.rs"]
mod of_ports;
#[path = "kernel_relay.rs"]
mod of_relay;
#[path = "kernel_route.rs"]
mod of_route;

pub use of_ports::kernel_ports;
pub use of_relay::kernel_relay;
pub use of_route::kernel_route;
