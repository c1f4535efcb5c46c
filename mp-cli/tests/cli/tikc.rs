//! `aemp tikc`, and the service `mp::tikc`.

use serde_json::{Value, json};

use crate::common::Home;
use crate::process::Process;

/// A server of TIKC, and its address.
fn server(home: &Home, words: &str) -> (Process, String) {
    let process = home.start(&format!("--json tikc server --listen 127.0.0.1:0 {words}"));
    let line: Value = serde_json::from_str(&process.says("listening")).unwrap();
    let address = line["address"].as_str().unwrap().to_owned();
    (process, address)
}

#[test]
fn a_post_is_printed_and_echoed() {
    let home = Home::new();
    let (server, address) = server(&home, "--alias one two --echo");
    assert_eq!(home.aemp(&format!("tikc aliases --connect {address}")).ok(), "one two\n");
    let client = home.start(&format!("--json tikc client --connect {address} --alias me"));
    client.says("\"up\"");
    let posted =
        home.words(&["tikc", "post", "--connect", &address, "one", "echo", "me", "back", "5", "a b"]).ok();
    assert_eq!(posted, "posted: echo to one\n");
    let told: Value = serde_json::from_str(&server.says("\"post\"")).unwrap();
    assert_eq!(
        told,
        json!({"event": "post", "alias": "one", "name": "echo", "args": ["me", "back", 5, "a b"]})
    );
    let back: Value = serde_json::from_str(&client.says("\"post\"")).unwrap();
    assert_eq!(back, json!({"event": "post", "alias": "me", "name": "back", "args": [5, "a b"]}));
}

#[test]
fn watching_tells_who_comes_and_goes() {
    let home = Home::new();
    let (_server, address) = server(&home, "--alias one");
    let watch = home.start(&format!("tikc watch --connect {address}"));
    watch.says("came: one");
    let mut client = home.start(&format!("tikc client --connect {address} --alias guest"));
    watch.says("came: guest");
    client.kill();
    watch.says("went: guest");
}

#[test]
fn what_goes_wrong_is_said_in_a_line() {
    let home = Home::new();
    let (_server, address) = server(&home, "");
    let nobody = home.aemp(&format!("tikc post --connect {address} --timeout 0.2 nobody e")).failed();
    assert!(nobody.contains("nobody holds the alias \"nobody\""), "{nobody}");
    let taken = home.aemp(&format!("tikc server --listen {address}")).refused();
    assert!(taken.contains("Address already in use"), "{taken}");
    let open = home.aemp("tikc server --listen 0.0.0.0:0").refused();
    assert!(open.contains("set the shared secret, or allow plain connections"), "{open}");
    let alias = home.aemp("tikc server --listen 127.0.0.1:0 --alias _tikc_x").refused();
    assert!(alias.contains("_tikc"), "{alias}");
}

/// A node that is a bridge; what it does is tested in mp-tikc.
#[test]
fn the_service_is_a_server_of_tikc() {
    let home = Home::new();
    home.aemp("gensecret").ok();
    let services = r#"[["mp::tikc", "listen", "127.0.0.1:0"]]"#;
    home.words(&["profile", "hub", "setbinds", "127.0.0.1:0", "setservices", services]).ok();
    let hub = home.run("hub");
    let line = hub.process.says("  mp::tikc");
    assert!(line.ends_with("in tikc"), "{line}");
    let address = line.split_whitespace().nth(1).unwrap();
    let client = home.start(&format!("tikc client --connect {address} --alias counter"));
    let up = client.says("up:");
    assert!(up.contains("which has the secret"), "{up}");
    assert_eq!(home.aemp(&format!("tikc aliases --connect {address}")).ok(), "counter\n");
}
