//! Cancelling `next` loses nothing.

use std::time::Duration;

use mp_transport::driver::LAST_WORDS;
use mp_transport::{DriveError, clock};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::toy::{Lines, Nonsense};
use crate::{Stage, line};

/// `[TR-18]`
#[tokio::test(start_paused = true)]
async fn nothing_is_lost_when_next_is_cancelled() {
    let mut stage = Stage::new().await;
    stage.net.everywhere().delay(Duration::from_millis(1), Duration::from_millis(3));
    let mut lines = Lines::default();
    let Stage { driver, peer, .. } = &mut stage;
    let listen = async {
        let mut heard = Vec::new();
        while heard.len() < 1000 {
            // Polled once, then dropped, again and again.
            match tokio::time::timeout(Duration::ZERO, driver.next(&mut lines)).await {
                Ok(told) => heard.push(told.unwrap()),
                Err(_) => clock::sleep_until(clock::now() + Duration::from_micros(300)).await,
            }
        }
        heard
    };
    let talk = async {
        for i in 0..1000 {
            // In pieces, so that a line rarely comes at once.
            peer.write_all(b"ping\nli").await.unwrap();
            peer.write_all(format!("ne {i}\n").as_bytes()).await.unwrap();
            clock::sleep_until(clock::now() + Duration::from_micros(100)).await;
        }
    };
    let (heard, ()) = tokio::join!(listen, talk);
    let expected: Vec<_> = (0..1000).map(|i| line(&format!("line {i}"))).collect();
    assert!(heard == expected);
    let mut pongs = vec![0; 5000];
    stage.peer.read_exact(&mut pongs).await.unwrap();
    assert_eq!(pongs, "pong\n".repeat(1000).into_bytes());
}

/// `[TR-18]` `[TR-17]`
#[tokio::test(start_paused = true)]
async fn an_error_is_not_lost_either() {
    let mut stage = Stage::new().await;
    let mut lines = Lines::default();
    lines.say(&"x".repeat(100_000));
    stage.says("nonsense\n").await;
    // Cancelled while the last words are being written.
    stage.idle(&mut lines, 500).await;
    let start = clock::now();
    assert!(matches!(stage.next(&mut lines).await, Err(DriveError::Protocol(Nonsense))));
    assert_eq!(clock::now() - start, LAST_WORDS);
}
