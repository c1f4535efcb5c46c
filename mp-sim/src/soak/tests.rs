//! Runs of processes that are not sound: the test program runs itself again.

use std::path::PathBuf;

use super::control::Phase;
use super::*;

/// Where the file lies that says what the process is to be; a test run does not have it.
const SETTINGS: &str = "MP_SOAK_TEST_NODE";
/// What is to be wrong with it.
const SABOTAGE: &str = "MP_SOAK_TEST_SABOTAGE";

/// Does what is wrong, if the process is such a one.
pub(super) fn sabotage(phase: Phase) {
    let Ok(what) = std::env::var(SABOTAGE) else { return };
    match (what.as_str(), phase) {
        ("a file", Phase::Load) => {
            std::mem::forget(std::fs::File::open("/dev/null").expect("there is one"));
        }
        ("a task", Phase::Load) => {
            #[expect(clippy::disallowed_methods, reason = "it is to be left behind")]
            drop(tokio::spawn(std::future::pending::<()>()));
        }
        ("an end", Phase::Calm) => std::process::exit(7),
        _ => {}
    }
}

/// Where the program runs itself again.
#[test]
fn node_of_this_process() {
    let Some(settings) = std::env::var_os(SETTINGS) else { return };
    node(&PathBuf::from(settings)).expect("the node runs");
}

/// What two such nodes are found to have done wrong in a second.
async fn violations(sabotage: &str) -> Vec<String> {
    let program = std::env::current_exe().expect("the test program");
    let program = Program::new(program, &["--exact", "soak::tests::node_of_this_process", "--nocapture"]);
    let program = program.settings_in(SETTINGS).env(SABOTAGE, sabotage);
    let mut options = Options::new(Duration::from_secs(1), 2, 1);
    options.settle = Duration::from_secs(5);
    let summary = run(options, program, |_| ()).await.expect("it comes to its end");
    let records = summary.records.expect("they are kept");
    assert!(records.join("000001.record").exists());
    std::fs::remove_dir_all(records).expect("they are there");
    summary.violations
}

#[tokio::test]
async fn a_file_that_is_left_open_is_found() {
    let violations = violations("a file").await;
    assert!(
        violations.iter().all(|what| what.contains("file descriptors where there were")),
        "{violations:?}"
    );
    assert_eq!(violations.len(), 2, "{violations:?}");
}

#[tokio::test]
async fn a_task_that_is_left_behind_is_found() {
    let violations = violations("a task").await;
    assert!(violations.iter().all(|what| what.contains("tasks where there were")), "{violations:?}");
    assert_eq!(violations.len(), 2, "{violations:?}");
}

#[tokio::test]
async fn a_process_that_ends_by_itself_is_found() {
    let violations = violations("an end").await;
    assert!(violations[0].contains("has ended by itself, with code 7"), "{violations:?}");
}
