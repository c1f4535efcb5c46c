//! Tells the program which versions it was built with, and makes the client and the server of tonic's service: that is
//! described here, as a `.proto` file would need the program protoc.

/// The crates whose versions are told, as `env!("VERSION_…")`.
const TOLD: [&str; 11] = [
    "actix",
    "async-nats",
    "kameo",
    "libp2p",
    "prost",
    "ractor",
    "ractor_cluster",
    "tonic",
    "zenoh",
    "zeromq",
    "zmq",
];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=Cargo.lock");
    let lock = std::fs::read_to_string("Cargo.lock").expect("cargo has written it");
    for name in TOLD {
        let package = format!("name = \"{name}\"\nversion = \"");
        let (_, rest) = lock.split_once(&package).unwrap_or_else(|| panic!("{name} is in Cargo.lock"));
        let version = rest.split('"').next().unwrap_or_default();
        println!("cargo::rustc-env=VERSION_{}={version}", name.to_uppercase().replace('-', "_"));
    }
    #[cfg(feature = "tonic")]
    tonic_build::manual::Builder::new().compile(&[service()]);
}

#[cfg(feature = "tonic")]
fn service() -> tonic_build::manual::Service {
    use tonic_build::manual::{Method, Service};
    let method = |name: &str, route: &str| {
        Method::builder()
            .name(name)
            .route_name(route)
            .input_type("crate::tonic::Chunk")
            .output_type("crate::tonic::Chunk")
            .codec_path("tonic_prost::ProstCodec")
            .client_streaming()
            .server_streaming()
            .build()
    };
    Service::builder()
        .name("Bench")
        .package("mp.bench")
        .method(method("count", "Count"))
        .method(method("echo", "Echo"))
        .build()
}
