//! Timeouts and kicks.

use std::time::Duration;

use mp_transport::clock;

use crate::toy::Lines;
use crate::{Heard, Stage, line};

/// `[TR-01]`
#[tokio::test(start_paused = true)]
async fn a_timeout_is_handled_when_it_comes() {
    let mut stage = Stage::new().await;
    let due = clock::now() + Duration::from_secs(3600);
    let mut lines = Lines { bell: Some(due), ..Lines::default() };
    assert_eq!(stage.next(&mut lines).await.unwrap(), Heard::Bell(due));
}

#[tokio::test(start_paused = true)]
async fn a_timeout_that_is_past_is_handled_at_once() {
    let mut stage = Stage::new().await;
    let start = clock::now();
    clock::sleep_until(start + Duration::from_secs(1)).await;
    let mut lines = Lines { bell: Some(start), ..Lines::default() };
    assert_eq!(stage.next(&mut lines).await.unwrap(), Heard::Bell(start + Duration::from_secs(1)));
}

#[tokio::test(start_paused = true)]
async fn a_timeout_can_be_put_off_and_brought_forward_and_dropped() {
    let mut stage = Stage::new().await;
    let at = |seconds| clock::now() + Duration::from_secs(seconds);
    let mut lines = Lines { bell: Some(at(10)), ..Lines::default() };
    stage.idle(&mut lines, 9_000).await;
    let later = at(20);
    lines.bell = Some(later);
    assert_eq!(stage.next(&mut lines).await.unwrap(), Heard::Bell(later));

    lines.bell = Some(at(100));
    stage.idle(&mut lines, 1000).await;
    let sooner = at(5);
    lines.bell = Some(sooner);
    assert_eq!(stage.next(&mut lines).await.unwrap(), Heard::Bell(sooner));

    lines.bell = Some(at(10));
    stage.idle(&mut lines, 1000).await;
    lines.bell = None;
    stage.idle(&mut lines, 1_000_000).await;
}

#[tokio::test(start_paused = true)]
async fn a_timeout_fires_although_the_peer_never_stops() {
    let mut stage = Stage::new().await;
    let due = clock::now() + Duration::from_millis(50);
    let mut lines = Lines { bell: Some(due), ..Lines::default() };
    let Stage { driver, peer, .. } = &mut stage;
    let chatter = async {
        loop {
            clock::sleep_until(clock::now() + Duration::from_millis(1)).await;
            tokio::io::AsyncWriteExt::write_all(peer, b"x\n").await.unwrap();
        }
    };
    let bell = async {
        loop {
            if let Heard::Bell(at) = driver.next(&mut lines).await.unwrap() {
                break at;
            }
        }
    };
    let rung = tokio::select! { biased; at = bell => at, () = chatter => due };
    assert_eq!(rung, due);
}

/// `[TR-08]`
#[tokio::test(start_paused = true)]
async fn a_kick_makes_the_driver_look_again() {
    let mut stage = Stage::new().await;
    let mut lines = Lines::default();
    let (remote, kick) = (lines.remote.clone(), stage.driver.kick());
    let Stage { driver, peer, .. } = &mut stage;
    let outside = async {
        for word in ["one\n", "two\n"] {
            clock::sleep_until(clock::now() + Duration::from_secs(1)).await;
            remote.say.lock().unwrap().push_str(word);
            kick.clone().wake();
            let mut heard = [0; 4];
            tokio::io::AsyncReadExt::read_exact(peer, &mut heard).await.unwrap();
            assert_eq!(heard, word.as_bytes());
        }
        tokio::io::AsyncWriteExt::write_all(peer, b"enough\n").await.unwrap();
    };
    let (told, ()) = tokio::join!(driver.next(&mut lines), outside);
    assert_eq!(told.unwrap(), line("enough"));
}
