//! What is played with Perl kernels.

use std::time::Duration;

use mp_tikc::{Addr, Client, Failure, Kernel, KernelEvent, PostError, Server, Session, Value};
use serde_json::json;

use super::perl::{PATIENCE, Perl};

fn loopback(port: u16) -> Addr {
    Addr::new("127.0.0.1", port).unwrap()
}

async fn serve(port: u16) -> (Kernel, Server) {
    let kernel = Kernel::new().unwrap();
    let server = kernel.serve().address(loopback(port)).start().await.unwrap();
    (kernel, server)
}

fn connect(kernel: &Kernel, port: u16) -> Client {
    let pace = Duration::from_millis(200);
    kernel.connect(loopback(port)).retry(pace, pace).start().unwrap()
}

async fn next(session: &mut Session) -> (String, Vec<Value>) {
    let event = tokio::time::timeout(PATIENCE, session.recv()).await.expect("in time").expect("it runs");
    (event.name().to_owned(), event.into_args())
}

async fn until(kernel: &Kernel, alias: &str, there: bool) {
    let look = async {
        while kernel.aliases().contains_key(alias) != there {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, look).await.unwrap_or_else(|_| panic!("{alias}: not {there} in time"));
}

/// [TK-30]
pub(crate) async fn a_perl_client_and_we_know_one_another() {
    let (kernel, server) = serve(0).await;
    let mut session = kernel.session("srv").unwrap();
    let mut perl = Perl::client(server.address(), &["perl", "perl2"]).await;
    perl.knows("srv").await;
    until(&kernel, "perl2", true).await;
    perl.post("srv", "hello", &json!([1, "x"]));
    assert_eq!(next(&mut session).await, ("hello".into(), vec![1.into(), "x".into()]));
    kernel.post("perl", "greet", (2, "y")).await.unwrap();
    let event = perl.event("event").await;
    assert_eq!(
        (&event["alias"], &event["event"], &event["args"]),
        (&json!("perl"), &json!("greet"), &json!([2, "y"]))
    );
    perl.kill();
    until(&kernel, "perl", false).await;
}

/// [TK-30], [TK-38]: also without an alias of our own at first.
pub(crate) async fn we_are_the_client_of_a_perl_server() {
    let mut perl = Perl::server(0, &["srv"]).await;
    let kernel = Kernel::new().unwrap();
    let client = connect(&kernel, perl.port);
    assert!(client.connected().await);
    assert!(kernel.aliases().contains_key("srv"));
    let mut other = Perl::client(format!("127.0.0.1:{}", perl.port), &["other"]).await;
    until(&kernel, "other", true).await;
    let mut session = kernel.session("rust").unwrap();
    other.knows("rust").await;
    other.post("rust", "through", &json!([1]));
    assert_eq!(next(&mut session).await, ("through".into(), vec![1.into()]));
    kernel.post("srv", "to the server", ()).await.unwrap();
    assert_eq!(perl.event("event").await["event"], "to the server");
    other.kill();
    until(&kernel, "other", false).await;
}

/// [TK-30]
pub(crate) async fn perl_clients_reach_one_another_through_us() {
    let (_kernel, server) = serve(0).await;
    let mut a = Perl::client(server.address(), &["a"]).await;
    let mut b = Perl::client(server.address(), &["b"]).await;
    a.knows("b").await;
    b.knows("a").await;
    a.post("b", "echo", &json!(["a", "back", "via", "rust"]));
    let event = a.event("event").await;
    assert_eq!((&event["event"], &event["args"]), (&json!("back"), &json!(["via", "rust"])));
    b.kill();
    let lost = a.event("remove").await;
    assert_eq!(lost["aliases"], json!(["b"]));
    assert!(a.reaches().await.is_empty());
}

/// [TK-13]
pub(crate) async fn every_kind_of_argument_both_ways() {
    let (kernel, server) = serve(0).await;
    let mut session = kernel.session("srv").unwrap();
    let mut perl = Perl::client(server.address(), &["perl"]).await;
    perl.knows("srv").await;
    until(&kernel, "perl", true).await;
    perl.tell(&json!({"cmd": "kinds", "alias": "srv"}));
    let (_, kinds) = next(&mut session).await;
    let map = |key: &str, value: Value| Value::Map([(key, value)].into_iter().collect());
    let list = |items: Vec<Value>| Value::List(items);
    let expected = [
        Value::Null,
        0.into(),
        (-129).into(),
        "2147483648".into(),
        "9007199254740993".into(),
        "1.5".into(),
        "1e+300".into(),
        "".into(),
        "abc".into(),
        "h\u{e9}llo \u{263a}".into(),
        Value::Bytes(vec![0, 0xff, 0x80].into()),
        "x".repeat(300).into(),
        list(vec![]),
        Value::Map(mp_tikc::Map::new()),
        list(vec![1.into(), list(vec![2.into(), list(vec![3.into()])])]),
        map("k", list(vec![1.into(), map("z", Value::Null)])),
        "ref".into(),
        list(vec![list(vec![1.into()]), list(vec![1.into()])]),
    ];
    assert_eq!(kinds, expected);
    // And back: what Perl gets of them is what it had sent, but for the reference and the sharing.
    kernel.post("perl", "kinds", &kinds).await.unwrap();
    let back = perl.event("event").await;
    let same = json!([
        null, 0, -129, "2147483648", "9007199254740993", "1.5", "1e+300", "", "abc", "h\u{e9}llo \u{263a}",
        "\u{0}\u{ff}\u{80}", "x".repeat(300), [], {}, [1, [2, [3]]], {"k": [1, {"z": null}]}, "ref", [[1], [1]]
    ]);
    assert_eq!(back["args"], same);
    let ours = (true, false, 1.5, u64::MAX, i64::MIN, 7, "\u{263a}", ("a", "b"));
    kernel.post("perl", "ours", ours).await.unwrap();
    let got = perl.event_with("event", |told| told["event"] == "ours").await;
    let texts =
        json!(["1", "", "1.5", "18446744073709551615", "-9223372036854775808", 7, "\u{263a}", ["a", "b"]]);
    assert_eq!(got["args"], texts);
}

/// [TK-06]
pub(crate) async fn an_object_costs_its_frame_and_no_more() {
    let (kernel, server) = serve(0).await;
    let mut session = kernel.session("srv").unwrap();
    let mut perl = Perl::client(server.address(), &["perl"]).await;
    perl.knows("srv").await;
    perl.tell(&json!({"cmd": "object", "alias": "srv"}));
    perl.post("srv", "after", &json!([]));
    assert_eq!(next(&mut session).await.0, "after");
}

const MANY: i64 = 100_000;

/// [TK-41]: in order, none lost, through a mailbox of 10,000.
pub(crate) async fn a_hundred_thousand_posts_from_perl() {
    let (kernel, server) = serve(0).await;
    let mut session = kernel.session("srv").unwrap();
    let mut perl = Perl::client(server.address(), &["perl"]).await;
    perl.knows("srv").await;
    perl.tell(&json!({"cmd": "burst", "alias": "srv", "count": MANY}));
    for number in 0..MANY {
        assert_eq!(next(&mut session).await.1, [Value::from(number)]);
    }
}

/// [TK-41]
pub(crate) async fn a_hundred_thousand_posts_to_perl() {
    let mut perl = Perl::server(0, &["perl"]).await;
    let kernel = Kernel::new().unwrap();
    let client = connect(&kernel, perl.port);
    assert!(client.connected().await);
    for number in 0..MANY {
        kernel.post("perl", "count", (number,)).await.unwrap();
    }
    perl.event_with("counted", |told| told["n"] == MANY).await;
}

/// [TK-60] the other way round: Perl's client finds us again.
pub(crate) async fn perl_comes_back_after_our_restart() {
    let (kernel, server) = serve(0).await;
    let _session = kernel.session("srv").unwrap();
    let address = server.address().clone();
    let mut perl = Perl::client(&address, &["perl"]).await;
    perl.knows("srv").await;
    kernel.shutdown().await;
    perl.event("down").await;
    drop((server, kernel));
    let (kernel, _server) = serve(address.port()).await;
    let mut session = kernel.session("again").unwrap();
    perl.knows("again").await;
    until(&kernel, "perl", true).await;
    perl.post("again", "echo back", &json!(["x"]));
    assert_eq!(next(&mut session).await.1, ["x".into()]);
}

/// [TK-60], [TK-40]
pub(crate) async fn we_come_back_after_perls_restart() {
    let mut perl = Perl::server(0, &["srv"]).await;
    let kernel = Kernel::new().unwrap();
    let mut session = kernel.session("rust").unwrap();
    let client = connect(&kernel, perl.port);
    assert!(client.connected().await);
    perl.kill();
    until(&kernel, "srv", false).await;
    kernel.post("srv", "echo", ("rust", "meanwhile")).await.unwrap();
    let mut perl = Perl::server(perl.port, &["srv"]).await;
    perl.knows("rust").await;
    assert_eq!(next(&mut session).await.0, "meanwhile");
}

/// [TK-30], [TK-42]: two kernels of ours and two of Perl's on one server; one of Perl's is killed with SIGKILL.
pub(crate) async fn the_death_of_a_perl_kernel_is_told_everywhere() {
    let (hub, server) = serve(0).await;
    let (one, two) = (Kernel::new().unwrap(), Kernel::new().unwrap());
    let port = server.address().port();
    let _clients = (connect(&one, port), connect(&two, port));
    let mut victim = Perl::client(server.address(), &["victim"]).await;
    let mut witness = Perl::client(server.address(), &["witness"]).await;
    for kernel in [&hub, &one, &two] {
        until(kernel, "victim", true).await;
        until(kernel, "witness", true).await;
    }
    witness.knows("victim").await;
    let mut told = one.events();
    victim.kill();
    for kernel in [&hub, &one, &two] {
        until(kernel, "victim", false).await;
        let refused = kernel.post("victim", "e", ()).await;
        let no_such = matches!(&refused, Err(PostError::Undeliverable { failure: Failure::NoSuchAlias, .. }));
        assert!(no_such, "{refused:?}");
    }
    assert_eq!(told.next().await, Some(KernelEvent::Went { alias: "victim".into() }));
    assert_eq!(witness.event("remove").await["aliases"], json!(["victim"]));
    assert!(!witness.reaches().await.contains(&"victim".to_owned()));
    one.post("witness", "still here", ()).await.unwrap();
    assert_eq!(witness.event("event").await["event"], "still here");
}

/// [TK-30]
pub(crate) async fn late_aliases_are_told_both_ways() {
    let (kernel, server) = serve(0).await;
    let mut perl = Perl::client(server.address(), &["perl"]).await;
    until(&kernel, "perl", true).await;
    let session = kernel.session("late").unwrap();
    perl.knows("late").await;
    drop(session);
    perl.event_with("remove", |told| told["aliases"] == json!(["late"])).await;
    perl.tell(&json!({"cmd": "late", "alias": "later"}));
    until(&kernel, "later", true).await;
}

/// [TK-44]
pub(crate) async fn perl_is_asked_and_answers() {
    let (kernel, server) = serve(0).await;
    let _session = kernel.session("srv").unwrap();
    let mut perl = Perl::client(server.address(), &["perl"]).await;
    perl.knows("srv").await;
    assert!(kernel.wait_for("perl").await);
    let answer = kernel.call("perl", "echo", (1, "x")).reply_to("srv").values().await.unwrap();
    assert_eq!(answer, [1.into(), "x".into()]);
}
