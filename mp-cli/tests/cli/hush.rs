//! Whatever the program and its nodes say, and to whomever: their secrets are not in it.

use std::io::{Read, Write};
use std::net::TcpStream;

use self::hushed::assert_hushed;
use crate::common::Home;
use crate::process::Stream;

#[path = "../../../mp-node/tests/hostile/hushed.rs"]
mod hushed;

/// The secret, the one before it, one that is wrong, and a certificate's that is none.
const SECRETS: [&str; 4] = ["marker-now-4Kd8", "marker-old-6Zw1", "marker-wrong-2Hq9", "marker-pem-8Tn3"];

/// All that can be asked of a node, its log as JSON at the finest level, its metrics, what `mp::status` tells, what `aemp
/// doctor` finds, the errors of configurations that are wrong.
#[test]
fn no_secret_is_in_anything_that_is_said() {
    let [now, old, wrong, pem] = SECRETS;
    let (home, stranger) = (Home::new(), Home::new());
    home.aemp(&format!("setsecret {now} setold_secret {old} profile seed setbinds 127.0.0.1:0")).ok();
    let seed = home.run("--metrics 0 --log-format json --log-level trace seed");
    home.aemp(&format!("profile aemp setseeds {}", seed.address)).ok();
    let worker = home.run(&format!("--log-level trace worker binds 127.0.0.1:0 seeds {}", seed.address));
    worker.process.complains("connected peer=seed/");
    stranger.aemp(&format!("setsecret {wrong} profile aemp setseeds {}", seed.address)).ok();

    let mut said = String::new();
    for line in [
        "doctor seed --timeout 60".to_owned(),
        "nodes --timeout 60".to_owned(),
        "nodes --timeout 60 --json".to_owned(),
        format!("ports {} --timeout 60", seed.id),
        "groups --timeout 60".to_owned(),
        "db families --timeout 60".to_owned(),
        "trace --timeout 60".to_owned(),
        format!("ping {} -n 1 --timeout 60", seed.id),
        "showconfig".to_owned(),
        "showprofile seed".to_owned(),
        "showconfig --json".to_owned(),
    ] {
        let ran = home.aemp(&line);
        said += &format!("$ aemp {line}\n{}{}", ran.out, ran.err);
    }
    for line in ["doctor aemp --timeout 60", "nodes --timeout 2", "ping seed -n 1 --timeout 2"] {
        let ran = stranger.aemp(line);
        assert_ne!(ran.code, Some(0), "{ran:?}");
        said += &format!("$ aemp {line}\n{}{}", ran.out, ran.err);
    }
    said += &page(&seed.process.says("/metrics"));
    // Files that are wrong, in which it is a secret all the same.
    for text in [
        format!(r#"{{"secret":"{now}" oops}}"#),
        format!(r#"{{"secret":["{now}"]}}"#),
        format!(r#"{{"secret":"{now}","cert":"-----BEGIN {pem}"}}"#),
        format!(r#"{{"secret":"{now}","old_secret":{{"{old}":1}}}}"#),
        format!(r#"{{"secret":"{now}","profile":{{"seed":{{"secret":"{old}\u2603","binds":[1]}}}}}}"#),
    ] {
        stranger.write(&text);
        for line in ["showconfig", "doctor seed --timeout 60", "run seed binds nowhere", "setsecret x"] {
            let ran = stranger.aemp(line);
            said += &format!("$ aemp {line}\n{}{}", ran.out, ran.err);
        }
    }
    for process in [&seed.process, &worker.process] {
        process.signal("TERM");
        let (out, err) = process.words();
        said += &format!("{out}{err}");
    }
    for part in ["fingerprint", "mp_connections", "differs", "\"level\":\"DEBUG\"", "(not shown)"] {
        assert!(said.contains(part), "it did not come to {part:?}: {said}");
    }
    assert_hushed(&said, &SECRETS);
    assert_eq!(seed.process.count_after(std::time::Duration::ZERO, Stream::Err, "panicked"), 0);
}

/// What a node exports, where it says that it does.
fn page(line: &str) -> String {
    let address = line.rsplit("http://").next().unwrap().trim_end_matches("/metrics");
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").unwrap();
    let mut page = String::new();
    stream.read_to_string(&mut page).unwrap();
    page
}
