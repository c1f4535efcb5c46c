//! Every transport passes the same suite `[TR-04]`.

use std::time::Duration;

use mp_transport::conformance::Suite;
use mp_transport::{MemoryNet, Tcp};

/// `[TR-04]`
#[tokio::test]
async fn tcp() {
    let tcp = Tcp::default();
    Suite { dialler: &tcp, listener: &tcp, host: "127.0.0.1" }.run().await;
}

/// `[TR-04]`
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tcp_on_two_threads_by_name() {
    let tcp = Tcp::default();
    Suite { dialler: &tcp, listener: &tcp, host: "localhost" }.run().await;
}

/// `[TR-04]`
#[tokio::test(start_paused = true)]
async fn memory() {
    let net = MemoryNet::new(1);
    Suite { dialler: &net.host("a"), listener: &net.host("b"), host: "b" }.run().await;
    assert_eq!(net.pipe_count(), 0, "nothing is left behind");
}

/// `[TR-04]`
#[tokio::test(start_paused = true)]
async fn memory_with_jitter_and_a_small_buffer() {
    let net = MemoryNet::new(2);
    let (a, b) = (net.host("a"), net.host("b"));
    net.buffer_size(30_011);
    net.between("a", "b").delay(Duration::from_millis(2), Duration::from_millis(3));
    Suite { dialler: &a, listener: &b, host: "b" }.run().await;
}

/// `[TR-04]`
#[tokio::test(start_paused = true)]
async fn memory_with_a_throttle() {
    let net = MemoryNet::new(3);
    let (a, b) = (net.host("a"), net.host("b"));
    net.everywhere().throttle(Some(10_000_000));
    Suite { dialler: &a, listener: &b, host: "b" }.run().await;
}

/// `[TR-04]`
#[tokio::test(start_paused = true)]
async fn memory_on_one_host() {
    let net = MemoryNet::new(4);
    let a = net.host("a");
    Suite { dialler: &a, listener: &a, host: "a" }.run().await;
}
