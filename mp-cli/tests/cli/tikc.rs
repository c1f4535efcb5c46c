//! `aemp tikc`, and the service `mp::tikc`.

use serde_json::{Value, json};

use crate::common::Home;
use crate::process::{Process, Stream};

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
    assert!(up.contains("which has proved itself"), "{up}");
    assert_eq!(home.aemp(&format!("tikc aliases --connect {address}")).ok(), "counter\n");
}

/// [TK-57]: a process that is stopped says nothing more; it is given up, and comes back when it goes on.
#[test]
fn a_kernel_that_stands_still_is_given_up() {
    let home = Home::new();
    let (server, address) = server(&home, "");
    let client = home.start(&format!("--json tikc client --connect {address} --alias guest"));
    client.says("\"up\"");
    server.says("\"up\"");
    client.signal("STOP");
    let down: Value = serde_json::from_str(&server.says("\"down\"")).unwrap();
    assert_eq!(down["error"], "nothing was heard of the peer for 15 s");
    assert_eq!(home.aemp(&format!("tikc aliases --connect {address}")).ok(), "no aliases\n");
    client.signal("CONT");
    assert!(client.nth(Stream::Out, "\"up\"", 2).is_some());
    assert_eq!(home.aemp(&format!("tikc aliases --connect {address}")).ok(), "guest\n");
}

/// What stands between two processes, and notes all that goes through it.
#[cfg(feature = "tls")]
struct Wire {
    address: String,
    seen: std::sync::Arc<std::sync::Mutex<Vec<u8>>>,
}

#[cfg(feature = "tls")]
impl Wire {
    fn to(server: &str) -> Self {
        use std::net::{TcpListener, TcpStream};
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let seen = std::sync::Arc::<std::sync::Mutex<Vec<u8>>>::default();
        let (server, all) = (server.to_owned(), std::sync::Arc::clone(&seen));
        std::thread::spawn(move || {
            while let Ok((client, _)) = listener.accept() {
                let server = TcpStream::connect(&server).unwrap();
                for (from, to) in [(&client, &server), (&server, &client)] {
                    let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    let all = std::sync::Arc::clone(&all);
                    std::thread::spawn(move || copy(&mut from, &mut to, &all));
                }
            }
        });
        Self { address, seen }
    }

    fn has_seen(&self, what: &str) -> bool {
        self.seen.lock().unwrap().windows(what.len()).any(|part| part == what.as_bytes())
    }
}

#[cfg(feature = "tls")]
fn copy(from: &mut std::net::TcpStream, to: &mut std::net::TcpStream, all: &std::sync::Mutex<Vec<u8>>) {
    use std::io::{Read, Write};
    let mut bytes = [0; 4096];
    while let Ok(len @ 1..) = from.read(&mut bytes) {
        all.lock().unwrap().extend_from_slice(&bytes[..len]);
        if to.write_all(&bytes[..len]).is_err() {
            break;
        }
    }
    drop(to.shutdown(std::net::Shutdown::Both));
}

/// [TK-55] [TK-56]: with the certificate of the configuration, and no secret, nobody in between can read what is posted,
/// and who has another certificate is not let in.
#[cfg(feature = "tls")]
#[test]
fn a_certificate_protects_what_is_posted() {
    let (home, stranger) = (Home::new(), Home::new());
    for home in [&home, &stranger] {
        home.aemp("gencert").ok();
    }
    let (server, address) = server(&home, "--alias one");
    let wire = Wire::to(&address);
    let client = home.start(&format!("--json tikc client --connect {} --alias me", wire.address));
    let up: Value = serde_json::from_str(&client.says("\"up\"")).unwrap();
    assert_eq!(up["proven"], true);
    home.words(&["tikc", "post", "--connect", &wire.address, "one", "hush", "nobody-reads-this"]).ok();
    let told: Value = serde_json::from_str(&server.says("nobody-reads-this")).unwrap();
    assert_eq!(told, json!({"event": "post", "alias": "one", "name": "hush", "args": ["nobody-reads-this"]}));
    assert!(wire.has_seen("setup") && !wire.has_seen("nobody-reads-this") && !wire.has_seen("hush"));
    let other = stranger.start(&format!("--json tikc client --connect {address} --alias thief"));
    let down: Value = serde_json::from_str(&other.says("\"down\"")).unwrap();
    assert!(down["error"].as_str().unwrap().starts_with("TLS: "), "{down}");
    assert_eq!(home.aemp(&format!("tikc aliases --connect {address}")).ok(), "me one\n");
    // Who has none is on this machine, and so let in as any kernel of Perl is; but what others post is protected.
    let plain = Home::new();
    assert_eq!(plain.aemp(&format!("tikc aliases --connect {address}")).ok(), "me one\n");
}
