//! The director against processes that a shell plays.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, Mutex};

use super::*;

/// The part of a shell script that all processes share: what it tells comes from a file beside it, then it waits.
const PLAYER: &str = r#"#!/bin/sh
here=$(dirname "$0")
echo "$PERL_ANYEVENT_MP_RC" > "$here/config"
echo "$$" >> "$here/numbers"
cat "$here/$4.told"
echo "$4 was here" >&2
[ -e "$here/$4.dies" ] && exit 3
while read -r line; do
    case "$line" in *stop*) echo '{"event":"stopped"}'; exit 0;; esac
done
"#;

const SEED: &str = r#"{"event":"listening","addresses":["127.0.0.1:4040"]}
{"event":"registered","group":"eg_chat_server","port":"seed/1#a"}
{"event":"joined","nick":"ada","port":"ada/1#a"}
{"event":"joined","nick":"bob","port":"bob/1#a"}
{"event":"relayed","from":"ada","text":"hello, bob","to":["ada","bob"]}
{"event":"relayed","from":"bob","text":"hello, ada","to":["ada","bob"]}
{"event":"monitor_fired","nick":"bob","reason":["transport_error","bob/1","connection reset"]}
{"event":"dropped","nick":"bob","left":["ada"]}
{"event":"relayed","from":"ada","text":"still here","to":["ada"]}
{"event":"monitor_fired","nick":"ada","reason":[]}
{"event":"dropped","nick":"ada","left":[]}
"#;
const RECEIVER: &str = r#"{"event":"registered","group":"eg_receivers","port":"receiver/1#a"}
{"event":"received","message":["test",123]}
"#;
const SENDER: &str = r#"{"event":"found","group":"eg_receivers","port":"receiver/1#a"}
{"event":"sent","port":"receiver/1#a","message":["test",123]}
"#;
const ADA: &str = r#"{"event":"found","group":"eg_chat_server","port":"seed/1#a"}
{"event":"said","text":"hello, bob"}
{"event":"heard","from":"ada","text":"hello, bob"}
{"event":"heard","from":"bob","text":"hello, ada"}
{"event":"said","text":"still here"}
{"event":"heard","from":"ada","text":"still here"}
"#;
const BOB: &str = r#"{"event":"found","group":"eg_chat_server","port":"seed/1#a"}
{"event":"heard","from":"ada","text":"hello, bob"}
{"event":"said","text":"hello, ada"}
{"event":"heard","from":"bob","text":"hello, ada"}
"#;

struct Shell {
    directory: tempfile::TempDir,
}

impl Shell {
    fn new() -> Self {
        let shell = Self { directory: tempfile::tempdir().unwrap() };
        for (name, told) in
            [("seed", SEED), ("receiver", RECEIVER), ("sender", SENDER), ("ada", ADA), ("bob", BOB)]
        {
            shell.write(&format!("{name}.told"), told);
        }
        shell.write("player", PLAYER);
        let player = shell.directory.path().join("player");
        std::fs::set_permissions(player, std::fs::Permissions::from_mode(0o700)).unwrap();
        shell
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.directory.path().join(name), text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.directory.path().join(name)).unwrap()
    }

    /// The lines of a file, which may not be there yet.
    fn lines(&self, name: &str) -> usize {
        std::fs::read_to_string(self.directory.path().join(name)).map_or(0, |text| text.lines().count())
    }

    async fn play(&self, deadline: Duration, json: bool) -> (Result<(), CliError>, String) {
        let written = Written::default();
        let mut output = Output::captured(Box::new(written.clone()), json);
        let launcher = Launcher { program: self.directory.path().join("player"), deadline };
        let result = direct(&launcher, &mut output).await;
        self.nothing_is_left();
        (result, written.text())
    }

    /// No process, no configuration.
    fn nothing_is_left(&self) {
        for number in self.read("numbers").lines() {
            let process = std::path::Path::new("/proc").join(number);
            assert!(!process.exists(), "process {number} is left");
        }
        let config = self.read("config");
        assert!(config.contains("aemp-demo."));
        assert!(!std::path::Path::new(config.trim()).parent().unwrap().exists());
    }
}

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Written {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Long enough for a busy machine; a play that goes well does not wait for it.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_play_that_goes_well_is_told_step_by_step() {
    let (result, told) = Shell::new().play(PATIENCE, false).await;
    result.unwrap();
    let lines: Vec<_> = told.lines().collect();
    assert_eq!(lines[0], "1. A seed starts, where the others will find the network");
    assert_eq!(lines[1], "   seed      listens on 127.0.0.1:4040");
    assert!(told.contains("   receiver  received [\"test\",123]\n"));
    assert!(told.contains("   bob       is killed by SIGKILL (process "));
    assert!(told.contains(
        "sees by its monitor that bob is gone: [\"transport_error\",\"bob/1\",\"connection reset\"]\n"
    ));
    assert!(told.contains("drops bob; left in the chat: ada\n"));
    assert!(told.ends_with("nothing is left behind.\n"));
}

#[tokio::test]
async fn the_same_as_lines_of_json() {
    let (result, told) = Shell::new().play(PATIENCE, true).await;
    result.unwrap();
    let lines: Vec<serde_json::Value> =
        told.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[1]["actor"], "seed");
    assert_eq!(lines[1]["event"], "listening");
    assert!(lines.iter().any(|line| line["event"] == "killed" && line["signal"] == "SIGKILL"));
    assert_eq!(lines.last().unwrap()["event"], "done");
}

#[tokio::test]
async fn an_event_that_does_not_come_is_named() {
    let shell = Shell::new();
    shell.write("receiver.told", RECEIVER.split_inclusive('\n').next().unwrap());
    let (result, _) = shell.play(Duration::from_secs(5), false).await;
    let error = result.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the demo stopped: receiver was to tell that it received [\"test\",123], but that did not happen within 5s \
         from the start; its last words:\n  receiver was here"
    );
}

#[tokio::test]
async fn another_event_than_the_expected_one_is_named() {
    let shell = Shell::new();
    shell.write("seed.told", &SEED.replace("\"to\":[\"ada\"]", "\"to\":[\"ada\",\"bob\"]"));
    let error = shell.play(PATIENCE, false).await.0.unwrap_err().to_string();
    assert!(error.contains("it passed that on to ada, but it told instead that it passes ada's"), "{error}");
    shell.write("seed.told", "panicked!\n");
    let error = shell.play(PATIENCE, false).await.0.unwrap_err().to_string();
    assert!(error.contains("but it said \"panicked!\""), "{error}");
}

#[tokio::test]
async fn a_process_that_ends_too_early_is_named() {
    let shell = Shell::new();
    shell.write("sender.told", "");
    shell.write("sender.dies", "");
    let error = shell.play(PATIENCE, false).await.0.unwrap_err().to_string();
    assert!(
        error.contains("sender was to tell that it found receiver/1#a in the group eg_receivers"),
        "{error}"
    );
    assert!(error.contains("but it ended (exit status: 3); its last words:\n  sender was here"), "{error}");
}

/// As Ctrl-C does it.
#[tokio::test]
async fn a_play_that_is_broken_off_leaves_nothing() {
    let shell = Shell::new();
    shell.write("bob.told", "");
    let launcher = Launcher { program: shell.directory.path().join("player"), deadline: PATIENCE };
    let mut output = Output::captured(Box::new(std::io::sink()), false);
    let bob_is_here = async {
        while shell.lines("numbers") < 5 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::select! {
        result = direct(&launcher, &mut output) => panic!("{result:?}"),
        () = bob_is_here => {}
    }
    // A signal takes a moment, and someone must still take note of the end.
    while shell.read("numbers").lines().any(|number| std::path::Path::new("/proc").join(number).exists()) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    shell.nothing_is_left();
}
