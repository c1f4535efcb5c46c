//! Whatever nodes say, at whatever level: their secrets are not in it.

use std::process::Command;

use mp_node::{AuthMethod, ConfigFile, Node, NodeBuilder};

use super::honest::soon;
use super::hushed::assert_hushed;

/// In the environment of the process that talks much.
const VARIABLE: &str = "MP_HOSTILE_SECRETS";
/// What must be found nowhere. In the file, in the programs, of a stranger; the old one.
const SECRETS: [&str; 4] = ["marker-file-7Qk2", "marker-code-9Zp4", "marker-wrong-3Vx8", "marker-old-1Lm6"];

/// All output of a process that goes through success, a wrong secret, refusals, rotation, configurations that are read
/// again and that are broken, and shows all that it can show for debugging.
#[test]
fn secrets_are_in_no_output() {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.args(["--exact", "secrets::talk", "--nocapture"]).env(VARIABLE, "1");
    let output = command.output().expect("this program starts again");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let all = [output.stdout, output.stderr].concat();
    let all = String::from_utf8_lossy(&all);
    for said in [
        "the secret of node",
        "SecretText",
        "has the old secret",
        "the secret is empty",
        "has a secret in it",
        "at the end of my wits",
    ] {
        assert!(all.contains(said), "the process did not come to {said:?}");
    }
    assert_hushed(&all, &SECRETS);
}

#[test]
fn talk() {
    if std::env::var(VARIABLE).is_ok() {
        run();
    }
}

fn builder(id: &str, secret: &str) -> NodeBuilder {
    Node::builder("secrets").without_file().node_id(id).secret(secret).bind("127.0.0.1:0")
}

async fn start(builder: NodeBuilder) -> Node {
    println!("{builder:?}");
    builder.start().await.expect("starts")
}

#[tokio::main(flavor = "current_thread")]
async fn run() {
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_ansi(false);
    subscriber.with_writer(std::io::stderr).init();
    let [file, code, wrong, old] = SECRETS;
    let one = start(builder("one", code)).await;
    let two = start(builder("two", code).old_secret(old)).await;
    let at = |node: &Node| node.addresses()[0].clone();
    println!("{:?} {:?}", one, soon(two.dial(&at(&one))).await);
    // Another secret, the old one, our own name, no secret, and one that cannot be one.
    let stranger = start(builder("three", wrong)).await;
    println!("{:?}", soon(stranger.dial(&at(&one))).await.map_err(|error| error.to_string()));
    println!("{:?}", soon(one.dial(&at(&stranger))).await);
    println!("{:?}", soon(start(builder("four", old)).await.dial(&at(&two))).await);
    println!("{:?}", soon(start(builder("one", code)).await.dial(&at(&one))).await);
    // A function that panics with all that it can show; what the node counts and tells of itself.
    let own = |node: &Node| format!("{node:?} {:?} {:?}", node.config(), node.stats());
    let port = one.spawn(async move |port| {
        let said = own(&port.node());
        assert!(said.is_empty(), "at the end of my wits: {said}");
    });
    println!("{:?} {:?}", soon(one.monitor(&port)).await, own(&one));
    let weak =
        builder("five", code).auth_offer(&[AuthMethod::Cleartext]).auth_accept(&[AuthMethod::Cleartext]);
    println!("{:?}", soon(start(weak).await.dial(&at(&one))).await);
    println!("{:?}", builder("six", &format!("{code}\u{2603}")).start().await.map(drop));
    println!("{:?}", builder("seven", "").old_secret(old).start().await.map(drop));
    println!("{:?}", builder("eight", code).cert(&format!("-----BEGIN {wrong}")).start().await.map(drop));
    // Its file, read, changed, read again, and broken.
    let directory = std::env::temp_dir().join(format!("mp-secrets-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("a directory");
    let path = directory.join("rc");
    for text in [
        format!(r#"{{"secret":"{file}","profile":{{"p":{{"nodeid":"nine","binds":["127.0.0.1:0"]}}}}}}"#),
        format!(
            r#"{{"secret":"{file}","profile":{{"p":{{"nodeid":"ten","old_secret":"{old}","binds":["127.0.0.1:0"]}}}}}}"#
        ),
        format!(r#"{{"secret":["{file}"]}}"#),
        format!(r#"{{"secret":"{file}" oops}}"#),
        format!(r#"{{"secret":"{file}","profile":{{"p":{{"parent":"none","cert":"{old}"}}}}}}"#),
    ] {
        std::fs::write(&path, &text).expect("written");
        let config = ConfigFile::load(&path);
        println!("{config:?}");
        let mut zeros = |bytes: &mut [u8]| {
            bytes.fill(0);
            Ok(())
        };
        let resolved = config.and_then(|config| config.resolve(Some("p"), &[], None, &mut zeros));
        println!("{resolved:?}");
        if let Ok(config) = resolved {
            let node = start(NodeBuilder::from_config(config)).await;
            println!(
                "{:?} {:?}",
                node.config(),
                soon(node.dial(&at(&one))).await.map_err(|error| error.to_string())
            );
        }
    }
    std::fs::remove_dir_all(&directory).expect("removed");
    for node in [one, two, stranger] {
        node.shutdown().await;
    }
}

/// In the environment of the process that looks through its own memory.
const WIPING: &str = "MP_HOSTILE_WIPING";

/// When a node is gone, its secret is nowhere in the memory of its process: not in a core dump, either. While it runs it
/// must be.
#[test]
fn a_secret_is_wiped_from_memory() {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.args(["--exact", "secrets::wipe", "--nocapture"]).env(WIPING, "1");
    let output = command.output().expect("this program starts again");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("found while it runs: true, found behind: 0"), "{said}");
}

#[test]
fn wipe() {
    if std::env::var(WIPING).is_ok() {
        look_for_it();
    }
}

/// A secret that no program has in it, turned around, so that this is none.
fn turned() -> Vec<u8> {
    let number = u64::from(std::process::id()).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    format!("{number:020}-wiped?").bytes().rev().collect()
}

/// How often the secret is in this process's memory.
fn occurrences(turned: &[u8]) -> usize {
    use std::io::{Read, Seek, SeekFrom};
    let maps = std::fs::read_to_string("/proc/self/maps").expect("ours");
    let mut memory = std::fs::File::open("/proc/self/mem").expect("ours");
    let mut count = 0;
    let mut region = vec![0; 1 << 26];
    for line in maps.lines().filter(|line| line.split(' ').nth(1).is_some_and(|mode| mode.starts_with("rw")))
    {
        let (from, to) = line.split(' ').next().and_then(|range| range.split_once('-')).expect("a range");
        let [from, to] = [from, to].map(|end| u64::from_str_radix(end, 16).expect("hexadecimal"));
        let len = usize::try_from(to - from).expect("it fits").min(region.len());
        if memory.seek(SeekFrom::Start(from)).is_err() || memory.read_exact(&mut region[..len]).is_err() {
            continue;
        }
        let is = |window: &[u8]| window.iter().eq(turned.iter().rev());
        // Where this buffer itself lies is no place to look.
        let own = region.as_ptr() as u64;
        let mine = from <= own && own < to;
        count +=
            if mine { 0 } else { region[..len].windows(turned.len()).filter(|window| is(window)).count() };
        region[..len].fill(0);
    }
    count
}

#[tokio::main(flavor = "current_thread")]
async fn look_for_it() {
    let turned = turned();
    let secret =
        || zeroize::Zeroizing::new(turned.iter().rev().map(|&byte| char::from(byte)).collect::<String>());
    let mut found = false;
    {
        let (one, two) = (builder("one", &secret()).start().await, builder("two", &secret()).start().await);
        let (one, two) = (one.expect("starts"), two.expect("starts"));
        soon(two.dial(&one.addresses()[0])).await.expect("they meet");
        found |= occurrences(&turned) > 0;
        one.shutdown().await;
        two.shutdown().await;
    }
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    println!("found while it runs: {found}, found behind: {}", occurrences(&turned));
}
