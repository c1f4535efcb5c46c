//! Our kernel in the place of the recorded server.

use std::collections::BTreeMap;

use mp_tikc::{Kernel, Session, Value};
use mp_transport::MemoryNet;

use super::{Step, steps, value};
use crate::net::{Puppet, hub, settle, told};

/// A kernel whose sessions answer `echo(alias, event, args…)`, as the recorded ones did.
async fn echo(mut session: Session) {
    while let Some(event) = session.recv().await {
        let kernel = session.kernel().clone();
        if let ("echo", [alias, name, args @ ..]) = (event.name(), event.args()) {
            let (alias, name) = (alias.as_str().unwrap(), name.as_str().unwrap());
            kernel.post(&alias, &name, args.to_vec()).await.unwrap();
        }
    }
}

/// Plays a recording: says what the clients said, posts what the server's sessions posted. Gives what each connection was
/// told here, and what it was told when it was recorded.
struct Played {
    kernel: Kernel,
    here: BTreeMap<u64, Vec<String>>,
    recorded: BTreeMap<u64, Vec<String>>,
}

async fn play(name: &str, aliases: &[&str]) -> Played {
    let net = MemoryNet::new(1);
    let (kernel, server) = hub(&net, "srv").await;
    for alias in aliases {
        tokio::spawn(echo(kernel.session(alias).unwrap()));
    }
    let (mut puppets, mut said) = (BTreeMap::new(), Vec::new());
    let (mut here, mut recorded) = (BTreeMap::<u64, Vec<String>>::new(), BTreeMap::<u64, Vec<String>>::new());
    for step in steps(name) {
        match step {
            Step::Open(conn) => {
                puppets.insert(conn, Puppet::dial(&net, &format!("c{conn}"), "srv").await);
            }
            Step::Frame(conn, true, bytes) => {
                said.extend(value(&bytes).map(|value| told(&value)));
                if let Some(puppet) = puppets.get_mut(&conn) {
                    puppet.raw(&bytes).await;
                }
            }
            Step::Frame(conn, false, bytes) => {
                let Some(value) = value(&bytes) else { continue };
                let line = told(&value);
                // What the server passed on or answered it does here, too; the rest its sessions posted.
                let map = value.as_map().unwrap();
                let text = |key: &str| map.get(key).and_then(Value::as_str).unwrap_or_default().into_owned();
                let relayed = said.iter().any(|said| *said == line || said.contains(&text("event")));
                if text("action") == "post" && !relayed {
                    let args = map.get("args").and_then(Value::as_list).unwrap_or_default().to_vec();
                    drop(kernel.post(&text("alias"), &text("event"), args).await);
                }
                recorded.entry(conn).or_default().push(line);
            }
            Step::Closed(conn) => {
                if let Some(mut puppet) = puppets.remove(&conn) {
                    here.entry(conn).or_default().extend(puppet.heard().await);
                }
            }
        }
        settle().await;
    }
    for (conn, mut puppet) in puppets {
        here.entry(conn).or_default().extend(puppet.heard().await);
    }
    drop(server);
    Played { kernel, here, recorded }
}

/// Each connection is told what it was told when it was recorded, but where a difference is named.
async fn same(name: &str, aliases: &[&str], differences: &[(u64, &[&str])]) -> Kernel {
    let mut played = play(name, aliases).await;
    for (conn, lines) in differences {
        let lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        assert_eq!(played.here.remove(conn).unwrap(), lines, "{name}, connection {conn}");
        assert_ne!(played.recorded.remove(conn), Some(lines), "{name}, connection {conn}: no difference");
    }
    assert_eq!(played.here, played.recorded, "{name}");
    played.kernel
}

/// Where the original does well, all is the same; a last `remove` is told where it had gone before, as the recording was
/// over then.
#[tokio::test(start_paused = true)]
async fn what_the_original_does_well() {
    same("03-client-disconnect", &["srv"], &[(3, &["setup b srv", "post a.hi[1]", "remove b"])]).await;
    same("04-server-restart", &["srv"], &[]).await;
    same("06-unknown-alias", &["srv"], &[(2, &["setup cli srv", "remove cli"])]).await;
    same("07-post-before-connected", &["srv"], &[]).await;
    same("12-connected-flag", &["srv"], &[]).await;
    same("19-client-shutdown", &["srv"], &[]).await;
    same("22-two-hop-late-upstream", &["s"], &[]).await;
    same("23-two-hop", &["s"], &[]).await;
    same("26-call-vs-post-order", &["srv", "z"], &[]).await;
}

/// [TK-30]: posts from client to client, in order. (Not all of the 200 frames were recorded.)
#[tokio::test(start_paused = true)]
async fn client_to_client() {
    let played = play("02-client-to-client", &["srv"]).await;
    let numbers: Vec<String> =
        played.here[&2].iter().filter(|line| line.starts_with("post b.n[")).cloned().collect();
    assert_eq!(numbers, (0..48).map(|number| format!("post b.n[{number}]")).collect::<Vec<_>>());
    assert_eq!(played.here[&2][..3], played.recorded[&2][..3]);
}

/// [TK-31]: the original hangs both holders on one proxy and kills it with either. Here the first keeps the alias; it is
/// not told of the second, nor is it taken from it when that one leaves; when the first leaves, the second follows.
#[tokio::test(start_paused = true)]
async fn duplicate_aliases() {
    same("05-duplicate-alias", &["srv"], &[(1, &["setup srv", "setup b", "post dup.who[]", "remove b"])])
        .await;
    same("05b-duplicate-first-leaves", &["srv"], &[(1, &["setup srv", "setup b"])]).await;
    same("05c-alias-same-as-server", &["both", "srv"], &[]).await;
    let differences: [(u64, &[&str]); 2] = [
        (1, &["setup srv", "setup b", "setup c", "remove b", "remove c"]),
        (3, &["setup a b dup srv", "remove b"]),
    ];
    same("29-remove-hits-live-alias", &["srv"], &differences).await;
}

/// [TK-32]: what changes nothing is told to nobody, so no setup circulates.
#[tokio::test(start_paused = true)]
async fn a_setup_does_not_storm() {
    same("08-setup-rebroadcast-storm", &["p1"], &[(1, &["setup p1"])]).await;
}

/// [TK-35]: a post that would go back where it came from is not sent.
#[tokio::test(start_paused = true)]
async fn a_post_does_not_bounce() {
    let differences: [(u64, &[&str]); 2] =
        [(1, &["setup srv", "setup b", "post x.hello[1]"]), (2, &["setup a srv x", "remove a x"])];
    same("09-post-ping-pong", &["srv"], &differences).await;
}

/// [TK-30]: peers without aliases, and those who have not spoken yet, are told what comes and goes like all others; so
/// the trick of the second recording is not needed.
#[tokio::test(start_paused = true)]
async fn everybody_is_told_what_comes_and_goes() {
    same("11-client-without-alias", &["srv"], &[(1, &["setup srv", "setup a", "remove a"])]).await;
    same("11b-subscribe-trick", &["srv"], &[]).await;
    same("28-setup-race", &["srv"], &[(1, &["setup srv", "setup a", "remove a"])]).await;
    let differences: [(u64, &[&str]); 2] =
        [(2, &["setup a srv", "remove a"]), (3, &["setup a b srv", "remove a", "remove b"])];
    same("10-late-alias", &["srv"], &differences).await;
    let differences: [(u64, &[&str]); 1] =
        [(2, &["setup srv x", "remove x", "setup late x", "remove late x"])];
    same("32-remove-not-relayed", &["srv"], &differences).await;
}

/// [TK-10], [TK-12]: neither internal aliases nor session or kernel IDs can be reached, nor events of POE's; the kernel goes
/// on.
#[tokio::test(start_paused = true)]
async fn nothing_internal_can_be_reached() {
    let kernel = same("13-internal-targets", &["srv"], &[(2, &["setup a srv", "remove a"])]).await;
    assert_eq!(kernel.aliases().into_keys().collect::<Vec<_>>(), ["srv"], "nothing was planted");
    let kernel = same("13b-manager-shutdown", &["srv"], &[(2, &["setup a srv", "remove a"])]).await;
    kernel.post("srv", "e", ()).await.unwrap();
    let only = ["setup srv", "post x.plain[1]"];
    same("25-event-names-through-proxy", &["srv"], &[(1, &only)]).await;
}

/// [TK-12]: `_default` is refused at the source, and no argument can change the message around it.
#[tokio::test(start_paused = true)]
async fn arguments_stay_arguments() {
    let lines = ["setup srv", "post x.ev[]", "post x.ev[]"];
    let kernel = same("17-default-event-injection", &["srv"], &[(1, &lines)]).await;
    assert!(kernel.try_post("x", "_default", ("ev", "action", "remove")).is_err());
}

/// [TK-31]: the old connection of a client keeps its aliases until it ends; then the new one has them.
#[tokio::test(start_paused = true)]
async fn a_second_connection_of_the_same_aliases() {
    let lines = ["setup srv", "post me.to_me[1]"];
    same("24-own-aliases-back", &["srv"], &[(1, &lines)]).await;
}

/// [TK-06], [ST-22]: an object is not passed on, and its frame alone is lost; truth values arrive as Perl's `1` and empty
/// string, which every Perl reads.
#[tokio::test(start_paused = true)]
async fn objects_and_truth_values() {
    same("27-blessed-through-relay", &["srv"], &[(2, &["setup srv x", "remove x"])]).await;
    let differences: [(u64, &[&str]); 2] =
        [(1, &["setup srv", "post x.e[\"1\",\"\"]"]), (2, &["setup srv x", "remove x"])];
    same("31-json-boolean", &["srv"], &differences).await;
}

/// [TK-06]: the boolean of Perl 5.40, which kills a server of Perl 5.36.
#[tokio::test(start_paused = true)]
async fn a_newer_perls_boolean() {
    let played = play("30-perl540-boolean", &["srv"]).await;
    assert_eq!(played.here[&1][0], "setup srv");
    assert!(played.kernel.try_post("srv", "e", ()).is_ok());
}

/// [TK-03]: a post of 5 MB arrives, as it does at the original (of which the recording keeps the length only).
#[tokio::test(start_paused = true)]
async fn a_large_post() {
    let net = MemoryNet::new(1);
    let (kernel, _server) = hub(&net, "srv").await;
    let mut session = kernel.session("srv").unwrap();
    let mut puppet = Puppet::dial(&net, "perl", "srv").await;
    puppet.post("srv", "big", &["x".repeat(5_000_000).as_str().into()]).await;
    let event = session.recv().await.unwrap();
    assert_eq!(event.args()[0].as_bytes().unwrap().len(), 5_000_000);
}
