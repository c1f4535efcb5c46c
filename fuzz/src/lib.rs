//! What the fuzz targets check, as plain functions of bytes: a function returns, or panics because a law is broken.
//!
//! The programs under `fuzz_targets/` give these functions to libFuzzer. The package mp-checks includes this file, and
//! its `tests/corpus.rs` gives them what lies under `corpus/` and `regressions/`. So nothing here knows libFuzzer.

pub mod agree;
pub mod auth_line;
pub mod config;
pub mod connection;
pub mod frames;
pub mod greeting;
pub mod handshake;
pub mod registry;
pub mod request;
pub mod types;
pub mod values;

pub use agree::codecs_agree;
pub use auth_line::auth_line;
pub use config::config_file;
pub use connection::connection;
pub use frames::{cbor_frame, json_frame, postcard_frame, storable_frame};
pub use greeting::greeting;
pub use handshake::handshake_pair;
// The pure parts that no interface shows are checked beside them.
pub use mp_node::fuzzing::{kernel_ports, kernel_relay, kernel_route, relay_pipes};
pub use mp_transport::tls::fuzzing::tls_certificates;
pub use registry::registry;
pub use request::node_request;

/// What a target does with its input.
pub type Body = fn(&[u8]);

/// All targets by their names, which are those of their corpora.
pub const TARGETS: [(&str, Body); 17] = [
    ("json_frame", json_frame),
    ("cbor_frame", cbor_frame),
    ("postcard_frame", postcard_frame),
    ("storable_frame", storable_frame),
    ("codecs_agree", codecs_agree),
    ("greeting", greeting),
    ("handshake_pair", handshake_pair),
    ("connection", connection),
    ("node_request", node_request),
    ("auth_line", auth_line),
    ("kernel_ports", kernel_ports),
    ("kernel_relay", kernel_relay),
    ("kernel_route", kernel_route),
    ("relay_pipes", relay_pipes),
    ("registry", registry),
    ("config_file", config_file),
    ("tls_certificates", tls_certificates),
];

/// What all clocks begin with.
#[expect(clippy::disallowed_methods, reason = "a virtual clock has to begin somewhere")]
pub(crate) fn start() -> std::time::Instant {
    std::time::Instant::now()
}
