//! What both operators read when two nodes do not come to terms over TLS: one line each, with who, what, and what to do.

use std::cell::RefCell;
use std::io;
use std::sync::Once;
use std::time::Duration;

use mp_node::{Node, NodeBuilder};

use super::{EXPIRED, LEAF_ONE, LEAF_TWO, STOCK, STOCK_OTHER, builder, soon};

thread_local! {
    /// What is logged in this thread, in which one test runs with all its nodes.
    static SAID: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Warnings of this thread. The subscriber is that of the whole process: one of the thread alone may come too late for
/// lines that other tests, in which nobody listens, have passed at the same moment.
struct Log;

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        SAID.with_borrow_mut(|said| said.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn collect() -> Self {
        static LISTENING: Once = Once::new();
        LISTENING.call_once(|| {
            let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::WARN).with_ansi(false);
            subscriber.with_writer(|| Self).init();
        });
        SAID.with_borrow_mut(Vec::clear);
        Self
    }

    /// What was said of connections: not what a node says of its configuration when it starts.
    fn lines(&self) -> Vec<String> {
        let said = SAID.with_borrow(|said| String::from_utf8_lossy(said).into_owned());
        said.lines().filter(|line| line.contains("mp_node::runtime::")).map(str::to_owned).collect()
    }

    /// The line of the side that dialled and that of the side that was dialled, as soon as there are two.
    async fn both(&self) -> [String; 2] {
        let two = async {
            while self.lines().len() < 2 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let in_time = tokio::time::timeout(Duration::from_secs(20), two).await;
        assert!(in_time.is_ok(), "{:#?}", self.lines());
        let (accepted, dialled): (Vec<_>, Vec<_>) =
            self.lines().into_iter().partition(|line| line.contains("connection refused"));
        assert_eq!((dialled.len(), accepted.len()), (1, 1), "{dialled:#?} {accepted:#?}");
        [dialled.concat(), accepted.concat()]
    }
}

/// Lets `a` dial `b`, in both roles of TLS, which the seeds give; hands what they log to `check`.
async fn each_role(
    a: impl Fn(NodeBuilder) -> NodeBuilder,
    b: impl Fn(NodeBuilder) -> NodeBuilder,
    check: impl Fn([String; 2]),
) {
    for seeds in [[1, 2], [2, 1]] {
        let log = Log::collect();
        let start = |builder: NodeBuilder, seed| builder.insecure_seed(seed).start();
        let a: Node = start(a(builder("a")), seeds[0]).await.expect("starts");
        let b: Node = start(b(builder("b")), seeds[1]).await.expect("starts");
        let error = soon(a.dial(&b.addresses()[0])).await.expect_err("refused");
        let [at_a, at_b] = log.both().await;
        assert!(
            at_a.contains(&error.to_string()),
            "what the program is told is what is logged: {at_a}, {error}"
        );
        assert!(at_a.contains(&b.addresses()[0].to_string()) && at_a.contains("claims=b"), "who: {at_a}");
        assert!(at_b.contains("from=127.0.0.1:") && at_b.contains("claims=a"), "who: {at_b}");
        for line in [&at_a, &at_b] {
            assert!(
                !line.contains("s3kr1t") && !line.contains("BEGIN") && !line.contains('\u{1b}'),
                "{line}"
            );
        }
        check([at_a, at_b]);
        assert!(error.is_permanent(), "{error}");
        assert_eq!(log.lines().len(), 2, "nothing more is said: {:#?}", log.lines());
    }
}

#[track_caller]
fn all_contain(lines: &[String], parts: &[&str]) {
    for line in lines {
        assert!(parts.iter().any(|part| line.contains(part)), "{line}");
    }
}

/// [TLS-14]: the client refuses the server's certificate first; the server hears it.
#[tokio::test]
async fn another_certificate() {
    each_role(
        |a| a.cert(STOCK),
        |b| b.cert(STOCK_OTHER),
        |lines| {
            all_contain(
                &lines,
                &["the peer's certificate is not in our PEM", "the peer refuses our certificate"],
            );
            all_contain(&lines, &["give both nodes one PEM"]);
        },
    )
    .await;
}

/// [TLS-14]: only one side refuses, in either role.
#[tokio::test]
async fn a_certificate_that_one_side_does_not_trust() {
    let both = format!("{STOCK}{STOCK_OTHER}");
    each_role(
        |a| a.cert(&both),
        |b| b.cert(STOCK_OTHER),
        |[at_a, at_b]| {
            assert!(at_a.contains("the peer refuses our certificate (unknown CA)"), "{at_a}");
            assert!(at_b.contains("the peer's certificate is not in our PEM"), "{at_b}");
            all_contain(&[at_a, at_b], &["give both nodes one PEM"]);
        },
    )
    .await;
}

/// [TLS-06]
#[tokio::test]
async fn no_certificate_at_one_side() {
    for secret in [Some("s3kr1t"), None] {
        let plain = |node: NodeBuilder| secret.map_or(node, |secret| builder("b").secret(secret));
        each_role(
            |a| a.cert(STOCK),
            plain,
            |[at_a, at_b]| {
                assert!(
                    at_a.contains("the peer offers no TLS") && at_a.contains("set `cert` there"),
                    "{at_a}"
                );
                assert!(
                    at_b.contains("we have no certificate") && at_b.contains("set `cert` here"),
                    "{at_b}"
                );
            },
        )
        .await;
    }
}

/// [TLS-10]
#[tokio::test]
async fn an_expired_certificate() {
    each_role(
        |a| a.cert(EXPIRED),
        |b| b.cert(EXPIRED),
        |lines| {
            all_contain(
                &lines,
                &["expired on 2001-02-03; make a new one", "the peer refuses our certificate (expired)"],
            );
        },
    )
    .await;
}

/// [TLS-07]
#[tokio::test]
async fn a_wrong_secret_within_tls() {
    each_role(
        |a| a.cert(LEAF_ONE).secret("s3kr1t"),
        |b| b.cert(LEAF_TWO).secret("s3kr1t too"),
        |[at_a, at_b]| {
            assert!(at_a.contains("the secret of node b differs from ours"), "{at_a}");
            assert!(at_b.contains("the secret of node a differs from ours"), "{at_b}");
            all_contain(&[at_a, at_b], &["compare them with `aemp showconfig --show-secrets` on both sides"]);
        },
    )
    .await;
}
