//! One driver, several protocols.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::toy::{Flood, Lines};
use crate::{Stage, line};

/// `[TR-03]`
#[tokio::test(start_paused = true)]
async fn the_next_protocol_finds_what_the_first_left() {
    let mut stage = Stage::new().await;
    stage.says("greeting\none\ntwo\n").await;
    let mut handshake = Lines { stop_after: Some(1), ..Lines::default() };
    assert_eq!(stage.next(&mut handshake).await.unwrap(), line("greeting"));
    assert!(!stage.driver.input_is_empty());

    let mut connection = Lines::default();
    assert_eq!(stage.next(&mut connection).await.unwrap(), line("one"), "though nothing new arrives");
    assert_eq!(stage.next(&mut connection).await.unwrap(), line("two"));
    assert!(stage.driver.input_is_empty());
}

/// Protocols of different types may follow one another, and what the first said leaves first.
#[tokio::test(start_paused = true)]
async fn output_keeps_its_order() {
    let mut stage = Stage::new().await;
    let mut handshake = Lines { stop_after: Some(1), ..Lines::default() };
    handshake.say(&"h".repeat(100_000));
    stage.says("greeting\n").await;
    assert_eq!(stage.next(&mut handshake).await.unwrap(), line("greeting"));

    let mut flood = Flood::new(1000, 0);
    stage.driver.next(&mut flood).await.unwrap();
    let Stage { driver, peer, .. } = &mut stage;
    let mut heard = vec![0; 101_000];
    let (read, written) = tokio::join!(
        peer.read_exact(&mut heard),
        driver.flush(&mut flood, mp_transport::clock::now() + std::time::Duration::from_secs(1)),
    );
    read.unwrap();
    written.unwrap();
    assert!(heard[..100_000].iter().all(|&byte| byte == b'h'));
    assert_eq!(heard[100_000..100_003], [0, 1, 2]);
}

/// `[TR-03]`
#[tokio::test(start_paused = true)]
async fn another_layer_takes_over_in_mid_stream() {
    let mut stage = Stage::new().await;
    stage.says("greeting\ncipher").await;
    let mut handshake = Lines { stop_after: Some(1), ..Lines::default() };
    handshake.say("hello\n");
    assert_eq!(stage.next(&mut handshake).await.unwrap(), line("greeting"));

    let Stage { driver, mut peer, .. } = stage;
    let parts = driver.into_parts();
    assert!(parts.output.is_empty());
    let mut pipe = parts.pipe.with_unread(parts.input.freeze());
    peer.write_all(b"text").await.unwrap();
    let mut rest = [0; 10];
    pipe.read_exact(&mut rest).await.unwrap();
    assert_eq!(&rest, b"ciphertext");
}
