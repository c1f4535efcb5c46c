//! The tutorial in three shells: its commands, letter for letter, and the examples that are its programs.

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use crate::common::Home;
use crate::process::{PATIENCE, Process, Stream, free_port};

/// The program of an example, built as `cargo run --example NAME` would.
fn example(name: &str) -> PathBuf {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    DIRECTORY.get_or_init(build).join(name)
}

/// Builds the examples. Where the README's command for the tests has just built the workspace, with all features, there
/// is nothing to do.
fn build() -> PathBuf {
    let profile = Path::new(env!("CARGO_BIN_EXE_aemp")).parent().unwrap();
    let name = profile.file_name().unwrap().to_str().unwrap();
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| env!("CARGO").into()));
    cargo.current_dir(env!("CARGO_MANIFEST_DIR")).args(["build", "--workspace", "--all-features"]);
    cargo.args(["--examples", "--offline"]);
    cargo.args(["--profile", if name == "debug" { "dev" } else { name }]);
    cargo.arg("--target-dir").arg(profile.parent().unwrap());
    // What cargo tells a test of its package are no settings; build scripts (ring's) that look at them would run again, and
    // all that depends on them would be built again, now and by the next who builds.
    for (name, _) in std::env::vars_os() {
        if ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|own| name.to_string_lossy().starts_with(own)) {
            cargo.env_remove(name);
        }
    }
    let output = cargo.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    profile.join("examples")
}

fn start(home: &Home, name: &str, words: &[&str]) -> Process {
    let mut command = Command::new(example(name));
    command.args(words).env_clear().env("HOME", home.directory.path());
    Process::start(&mut command)
}

/// Starts a program that listens at `port`; if that is in use on this machine, at another one. Returns which it is.
fn listener(port: u16, mut start: impl FnMut(u16) -> Process) -> (Process, u16) {
    let others = std::iter::repeat_with(free_port).take(5);
    for port in std::iter::once(port).chain(others) {
        let mut process = start(port);
        if listens(&mut process, port) {
            return (process, port);
        }
        eprintln!("port {port} is in use on this machine: another one is taken instead");
    }
    panic!("no port is free");
}

/// Whether the process listens at the port, in the end; if not, because somebody else does.
fn listens(process: &mut Process, port: u16) -> bool {
    let pause = std::time::Duration::from_millis(20);
    for _ in 0..PATIENCE.as_millis() / pause.as_millis() {
        if process.count_after(pause, Stream::Err, "Address already in use") > 0 {
            return false;
        }
        if is_listening(process.id(), port) {
            return true;
        }
    }
    panic!("nobody listens at {port}: {}", process.all());
}

/// Whether one of the process's sockets listens at the port of 127.0.0.1, as the system tells it.
fn is_listening(process: u32, port: u16) -> bool {
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let address = format!("0100007F:{port:04X}");
    let rows = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let inodes = rows.filter(|row| row.get(1) == Some(&address.as_str()) && row.get(3) == Some(&"0A"));
    let sockets: Vec<_> = inodes.map(|row| format!("socket:[{}]", row[9])).collect();
    let Ok(files) = std::fs::read_dir(format!("/proc/{process}/fd")) else { return false };
    let mut links = files.filter_map(|file| std::fs::read_link(file.ok()?.path()).ok());
    links.any(|link| sockets.iter().any(|socket| link == Path::new(socket)))
}

#[test]
fn the_first_message() {
    let mut process = start(&Home::new(), "first_message", &[]);
    assert_eq!(process.ends(), Some(0));
    assert_eq!(process.words(), ("Ending with: 123\n".to_owned(), String::new()));
}

#[test]
fn the_sender_finds_the_receiver() {
    let home = Home::new();
    home.aemp("gensecret").ok();
    let (receiver, _) = listener(12266, |port| {
        home.aemp(&format!("profile eg_simple_receiver setbinds localhost:{port}")).ok();
        home.aemp(&format!("profile eg_simple_sender setseeds localhost:{port}")).ok();
        start(&home, "simple_receiver", &[])
    });
    let mut sender = start(&home, "simple_sender", &[]);
    assert_eq!(receiver.says("data"), "Received data: 123");
    assert_eq!(sender.ends(), Some(0), "{}", sender.all());
    // It goes on, for the next one.
    let mut sender = start(&home, "simple_sender", &[]);
    assert_eq!(receiver.nth(Stream::Out, "Received data: 123", 2).as_deref(), Some("Received data: 123"));
    assert_eq!(sender.ends(), Some(0));
    assert_eq!(sender.words().1, "");
    let mut receiver = receiver;
    receiver.signal("INT");
    assert_eq!(receiver.ends(), Some(0));
    assert_eq!(receiver.words().1, "");
}

/// The sender may come first; it says that it waits.
#[test]
fn the_sender_waits_for_the_receiver() {
    let home = Home::new();
    home.aemp("gensecret").ok();
    let mut waiting = None;
    let (receiver, _) = listener(free_port(), |port| {
        home.aemp(&format!("profile eg_simple_receiver setbinds localhost:{port}")).ok();
        home.aemp(&format!("profile eg_simple_sender setseeds localhost:{port}")).ok();
        let sender = start(&home, "simple_sender", &[]);
        if TcpStream::connect(("127.0.0.1", port)).is_err() {
            sender.complains(&format!("cannot connect to localhost:{port}: Connection refused"));
        }
        waiting = Some(sender);
        start(&home, "simple_receiver", &[])
    });
    assert_eq!(receiver.says("data"), "Received data: 123");
    assert_eq!(waiting.unwrap().ends(), Some(0));
}

#[test]
fn a_chat() {
    let home = Home::new();
    // So that a slow machine has time to connect.
    home.aemp("gensecret setconnect_interval 60").ok();
    let address = |port: u16| format!("127.0.0.1:{port}");
    let (mut server, port) = listener(1299, |port| match port {
        1299 => start(&home, "chat_server", &[]),
        other => start(&home, "chat_server", &[&address(other)]),
    });
    let client = || {
        let client = match port {
            1299 => start(&home, "chat_client", &[]),
            other => start(&home, "chat_client", &[&address(other)]),
        };
        client.says(&format!("Resolved the server port 'chatter' to {}#", address(port)));
        client
    };
    let (mut ada, mut bob, mut eve) = (client(), client(), client());
    server.nth(Stream::Out, "got new client port: ", 3).unwrap();

    ada.type_line("hello from ada");
    bob.says("chat> hello from ada");
    ada.says("chat> hello from ada");
    server.says("message> hello from ada");
    bob.type_line("hello from bob");
    ada.says("chat> hello from bob");

    eve.type_line("/quit");
    assert_eq!(eve.ends(), Some(0), "{}", eve.all());
    server.says("client port is gone: ");
    bob.kill();
    server.nth(Stream::Out, "client port is gone: ", 2).unwrap();
    ada.type_line("still here");
    ada.says("chat> still here");

    // Nobody types anything, so the client must not wait for that.
    server.kill();
    let line = ada.complains("Error: ");
    assert!(line.starts_with("Error: the server is gone: transport_error: "), "{line}");
    assert_eq!(ada.ends(), Some(1));
    assert_eq!(ada.words().1.lines().count(), 1, "{}", ada.all());
}

/// Without a configuration they would wait in silence, for ever.
#[test]
fn what_is_not_configured_is_told() {
    let home = Home::new();
    for (name, waits) in [("simple_receiver", "eg_receivers"), ("simple_sender", "eg_receivers")] {
        let process = start(&home, name, &[]);
        let line = process.complains(&format!("there is no profile \"eg_{name}\""));
        // In a file or a pipe nothing is coloured.
        assert!(
            line.contains("WARN") && line.contains("aemp profile eg_") && !line.contains('\u{1b}'),
            "{line:?}"
        );
        let line = process.complains("no secret is configured");
        assert!(line.contains("WARN") && line.contains("aemp gensecret"), "{line}");
        assert!(process.says("Waiting for ").contains(waits));
    }
}

/// The cause, once, and at once after the time that connecting has.
#[test]
fn a_client_without_a_server_says_why() {
    let home = Home::new();
    home.aemp("gensecret").ok();
    let address = format!("127.0.0.1:{}", free_port());
    let mut client = start(&home, "chat_client", &[&address]);
    assert_eq!(client.ends(), Some(1));
    let told = format!(
        "Error: no answer from the port that was asked: transport_error: {address} Connection refused\n"
    );
    assert_eq!(client.words().1, told);
}

#[test]
fn what_is_wrong_is_told_in_a_line() {
    let home = Home::new();
    home.aemp("gensecret").ok();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut server = start(&home, "chat_server", &[&address]);
    assert_eq!(server.ends(), Some(1));
    let error = server.words().1;
    let text = format!("Error: cannot listen on {address}: Address already in use; choose another address");
    assert!(error.starts_with(&text) && error.lines().count() == 1, "{error}");

    home.write("{ broken");
    let mut receiver = start(&home, "simple_receiver", &[]);
    assert_eq!(receiver.ends(), Some(1));
    let error = receiver.words().1;
    assert!(error.contains(".perl-anyevent-mp:1:3: ") && error.lines().count() == 1, "{error}");
}
