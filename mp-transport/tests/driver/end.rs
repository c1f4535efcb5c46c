//! Errors and ends.

use std::io::ErrorKind;
use std::time::Duration;

use mp_transport::driver::LAST_WORDS;
use mp_transport::memory::Death;
use mp_transport::{DriveError, Driver, MemoryNet, clock};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::toy::{Flood, Lines, Nonsense};
use crate::{Heard, Stage, line, pipe};

/// `[TR-17]`
#[tokio::test(start_paused = true)]
async fn events_and_last_words_come_before_the_error() {
    let mut stage = Stage::new().await;
    let mut lines = Lines::default();
    stage.says("one\ntwo\nnonsense\nthree\n").await;
    assert_eq!(stage.next(&mut lines).await.unwrap(), line("one"));
    assert_eq!(stage.next(&mut lines).await.unwrap(), line("two"));
    let error = stage.next(&mut lines).await.unwrap_err();
    assert!(matches!(error, DriveError::Protocol(Nonsense)));
    assert_eq!(error.to_string(), "that was nonsense");
    stage.hears("sorry\n").await;
}

/// `[TR-17]`
#[tokio::test(start_paused = true)]
async fn last_words_do_not_take_for_ever() {
    let mut stage = Stage::new().await;
    let mut lines = Lines::default();
    lines.say(&"x".repeat(100_000));
    stage.says("nonsense\n").await;
    let start = clock::now();
    assert!(matches!(stage.next(&mut lines).await, Err(DriveError::Protocol(Nonsense))));
    assert_eq!(clock::now() - start, LAST_WORDS);
}

/// `[TR-20]`
#[tokio::test(start_paused = true)]
async fn a_broken_pipe_reads_as_in_perl() {
    let mut stage = Stage::new().await;
    stage.net.reset("a", "b");
    let error = stage.next(&mut Lines::default()).await.unwrap_err();
    assert!(matches!(error, DriveError::Io(_)));
    assert_eq!(error.to_string(), "Connection reset by peer");
}

#[tokio::test(start_paused = true)]
async fn a_peer_s_death_wakes_the_driver() {
    let mut stage = Stage::new().await;
    let net = stage.net.clone();
    let mut lines = Lines::default();
    let (told, ()) = tokio::join!(stage.driver.next(&mut lines), async { net.kill_host("b", Death::Reset) });
    assert_eq!(told.unwrap_err().to_string(), "Connection reset by peer");
}

#[tokio::test(start_paused = true)]
async fn the_peer_s_end_is_told_once_and_talking_goes_on() {
    let mut stage = Stage::new().await;
    let mut lines = Lines::default();
    stage.says("ping\nunfinished").await;
    stage.peer.shutdown().await.unwrap();
    assert_eq!(stage.next(&mut lines).await.unwrap(), Heard::End);
    assert!(stage.driver.is_ended());
    assert!(!stage.driver.input_is_empty(), "the unfinished line is still there");
    lines.say("still here\n");
    stage.idle(&mut lines, 1000).await;
    stage.hears("pong\nstill here\n").await;
}

/// `[TR-19]`
#[tokio::test(start_paused = true)]
async fn finish_writes_all_and_then_ends() {
    let mut stage = Stage::new().await;
    let mut lines = Lines::default();
    let goodbye = "bye\n".repeat(100_000);
    lines.say(&goodbye);
    let deadline = clock::now() + Duration::from_secs(10);
    let Stage { driver, peer, .. } = &mut stage;
    let mut heard = String::new();
    let (finished, read) = tokio::join!(driver.finish(&mut lines, deadline), async {
        // What the peer says meanwhile is not wanted any more, but does not hold it up, either.
        peer.write_all(&[b'x'; 1_000_000]).await?;
        peer.read_to_string(&mut heard).await?;
        peer.shutdown().await
    });
    finished.unwrap();
    read.unwrap();
    assert!(heard == goodbye);
    assert!(clock::now() < deadline, "both have ended, so nothing is waited for");
}

/// `[TR-19]`
#[tokio::test(start_paused = true)]
async fn finish_gives_up_at_its_deadline() {
    let mut stage = Stage::new().await;
    let start = clock::now();
    let deadline = start + Duration::from_secs(10);

    let mut lines = Lines::default();
    lines.say("bye\n");
    stage.driver.finish(&mut lines, deadline).await.unwrap();
    assert_eq!(clock::now(), deadline, "the peer does not end its side, which is no error");

    let mut stage = Stage::new().await;
    stage.net.everywhere().cut();
    lines.say(&"bye\n".repeat(100_000));
    let error = stage.driver.finish(&mut lines, deadline + Duration::from_secs(10)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert_eq!(clock::now(), deadline + Duration::from_secs(10));
}

/// `[TR-19]` `[TR-14]`
#[tokio::test(start_paused = true)]
async fn two_who_finish_at_once_do_not_wait_for_each_other() {
    let net = MemoryNet::new(1);
    let (near, far) = pipe(&net).await;
    let deadline = clock::now() + Duration::from_secs(10);
    let finish = async |pipe| {
        let mut flood = Flood::new(10_000_000, 0);
        Driver::new(pipe).finish(&mut flood, deadline).await.unwrap();
        assert_eq!(flood.sent(), 10_000_000);
    };
    tokio::join!(finish(near), finish(far));
    assert!(clock::now() < deadline);
}
