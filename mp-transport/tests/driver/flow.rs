//! Reading and writing at once, and what holds them back.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mp_transport::driver::{LOOKS, OUTPUT_LIMIT};
use mp_transport::memory::BUFFER_SIZE;
use mp_transport::{Addr, Driver, MemoryNet, Pipe, Tcp, Transport};
use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::toy::{Chatter, Flood, Lines, Weary};
use crate::{Stage, line, pipe};

const MIB: usize = 1024 * 1024;

#[tokio::test(start_paused = true)]
async fn lines_go_both_ways() {
    let mut stage = Stage::new().await;
    let mut lines = Lines::default();
    lines.say("hello\n");
    stage.says("good day\nping\nping\nbye\n").await;
    assert_eq!(stage.next(&mut lines).await.unwrap(), line("good day"));
    stage.hears("hello\npong\npong\n").await;
    assert_eq!(stage.next(&mut lines).await.unwrap(), line("bye"));
    assert!(stage.driver.input_is_empty());
}

/// What is to be sent leaves before an event is told `[TR-14]`.
#[tokio::test(start_paused = true)]
async fn an_answer_leaves_before_the_event_is_told() {
    let mut stage = Stage::new().await;
    let mut lines = Lines::default();
    stage.says("ping\nbye\n").await;
    assert_eq!(stage.next(&mut lines).await.unwrap(), line("bye"));
    stage.hears("pong\n").await;
}

async fn drive(mut driver: Driver, mut flood: Flood) -> usize {
    driver.next(&mut flood).await.unwrap();
    // What was sent last may still be on its way out when all was received.
    let deadline = mp_transport::clock::now() + Duration::from_secs(60);
    driver.flush(&mut flood, deadline).await.unwrap();
    flood.swaps
}

/// `[TR-14]`
#[tokio::test]
async fn two_floods_in_tiny_sockets_do_not_deadlock() {
    let small = |stream: TcpStream| {
        let socket = SockRef::from(&stream);
        socket.set_send_buffer_size(4096).unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let addr = Addr::new("here", 1).unwrap();
        Driver::new(Pipe::new(stream, addr.clone(), addr))
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let socket = TcpSocket::new_v4().unwrap();
    // Loopback's packets of 64 KiB would find no room, and TCP would wait for its timers at each one.
    #[cfg(unix)]
    SockRef::from(&socket).set_tcp_mss(1400).unwrap();
    let (near, far) = tokio::join!(socket.connect(at), listener.accept());
    let near = drive(small(near.unwrap()), Flood::new(64 * MIB, 64 * MIB));
    let far = drive(small(far.unwrap().0), Flood::new(64 * MIB, 64 * MIB));
    tokio::join!(near, far);
}

/// `[TR-14]` `[TR-16]`
#[tokio::test]
async fn floods_pass_over_common_tcp_and_buffers_are_swapped() {
    let tcp = Tcp::default();
    let mut listener = tcp.listen(&"127.0.0.1:0".parse().unwrap()).await.unwrap();
    let at = listener.local_addr();
    let (near, far) = tokio::join!(tcp.dial(&at), listener.accept());
    let near = drive(Driver::new(near.unwrap()), Flood::new(16 * MIB, 32 * MIB));
    let far = drive(Driver::new(far.unwrap()), Flood::new(32 * MIB, 16 * MIB));
    let (swaps, _) = tokio::join!(near, far);
    assert!(swaps > 0);
}

/// `[TR-14]`
#[tokio::test(start_paused = true)]
async fn floods_pass_over_a_slow_net_with_tiny_buffers() {
    let net = MemoryNet::new(1);
    net.buffer_size(1000);
    let (near, far) = pipe(&net).await;
    net.everywhere().delay(Duration::from_millis(1), Duration::from_millis(2));
    let near = drive(Driver::new(near), Flood::new(MIB, MIB));
    let far = drive(Driver::new(far), Flood::new(MIB, MIB));
    tokio::join!(near, far);
}

/// `[TR-16]`
#[tokio::test(start_paused = true)]
async fn no_more_than_the_limit_waits_to_be_written() {
    let mut stage = Stage::new().await;
    let mut flood = Flood::new(64 * MIB, 1);
    let told = tokio::time::timeout(Duration::from_secs(1), stage.driver.next(&mut flood)).await;
    assert!(told.is_err());
    let taken = flood.sent();
    assert!(taken >= OUTPUT_LIMIT, "it gathers while the pipe is full");
    assert!(taken <= BUFFER_SIZE + OUTPUT_LIMIT + 64 * 1024, "and leaves the rest to the protocol: {taken}");
}

/// `[TR-15]`
#[tokio::test(start_paused = true)]
async fn nothing_is_read_while_no_input_is_wanted() {
    let mut stage = Stage::new().await;
    let mut lines = Lines::default();
    lines.remote.deaf.store(true, Ordering::SeqCst);
    stage.says("one\ntwo\n").await;
    stage.peer.write_all(&[b'x'; BUFFER_SIZE - 8]).await.unwrap();
    stage.idle(&mut lines, 1000).await;
    let refused = tokio::time::timeout(Duration::from_secs(1), stage.peer.write(b"x")).await;
    assert!(refused.is_err(), "the pipe is still full");
    assert_eq!(lines.calls, 0);

    let (deaf, kick) = (lines.remote.deaf.clone(), stage.driver.kick());
    let wake = async {
        deaf.store(false, Ordering::SeqCst);
        kick.wake();
    };
    let (told, ()) = tokio::join!(stage.driver.next(&mut lines), wake);
    assert_eq!(told.unwrap(), line("one"));
}

/// What was read before the protocol had enough is given to it when it wants more, though nothing else arrives
/// `[TR-15]`.
#[tokio::test(start_paused = true)]
async fn what_was_read_already_is_kept_for_later() {
    let mut stage = Stage::new().await;
    let mut lines = Lines { stop_after: Some(1), ..Lines::default() };
    stage.says("one\ntwo\n").await;
    assert_eq!(stage.next(&mut lines).await.unwrap(), line("one"));
    lines.remote.deaf.store(true, Ordering::SeqCst);
    stage.idle(&mut lines, 1000).await;
    lines.stop_after = None;
    lines.remote.deaf.store(false, Ordering::SeqCst);
    assert_eq!(stage.next(&mut lines).await.unwrap(), line("two"));
}

/// `[TR-15]`
#[tokio::test(start_paused = true)]
async fn what_was_refused_is_offered_again_when_input_is_wanted_again() {
    let mut stage = Stage::new().await;
    let mut lines = Lines::default();
    let (remote, kick) = (lines.remote.clone(), stage.driver.kick());
    remote.full.store(true, Ordering::SeqCst);
    stage.says("one\n").await;
    let room = async {
        mp_transport::clock::sleep_until(mp_transport::clock::now() + Duration::from_secs(1)).await;
        assert!(remote.deaf.load(Ordering::SeqCst), "the line was offered, and refused");
        remote.full.store(false, Ordering::SeqCst);
        remote.deaf.store(false, Ordering::SeqCst);
        kick.wake();
    };
    let next = tokio::time::timeout(Duration::from_secs(9), stage.driver.next(&mut lines));
    let (told, ()) = tokio::join!(next, room);
    assert_eq!(told.unwrap().unwrap(), line("one"));
}

/// A frame that comes bit by bit is given to the protocol once for each bit, not over and over.
#[tokio::test(start_paused = true)]
async fn a_part_of_a_frame_is_offered_once() {
    let mut stage = Stage::new().await;
    let mut lines = Lines::default();
    stage.says("par").await;
    stage.idle(&mut lines, 1000).await;
    assert_eq!(lines.calls, 1);
    stage.says("tial\n").await;
    assert_eq!(stage.next(&mut lines).await.unwrap(), line("partial"));
    assert_eq!(lines.calls, 3, "once for the new call of `next`, once for the new bytes");
}

/// The buffer holds a big frame, which grows it, while reads of small ones stay small.
#[tokio::test(start_paused = true)]
async fn a_big_frame_fits() {
    let mut stage = Stage::new().await;
    let mut lines = Lines::default();
    let big = "x".repeat(3 * MIB);
    let Stage { driver, peer, .. } = &mut stage;
    let (told, sent) = tokio::join!(driver.next(&mut lines), async {
        peer.write_all(big.as_bytes()).await?;
        peer.write_all(b"\n").await
    });
    sent.unwrap();
    assert!(told.unwrap() == line(&big));
    assert_eq!(lines.most_input, 3 * MIB + 1);
}

/// A connection that is busy for ever does not hold the thread `[TR-21]`.
#[tokio::test(start_paused = true)]
async fn a_busy_driver_lets_others_run() {
    let mut stage = Stage::new().await;
    let others_ran = AtomicBool::new(false);
    let busy = async {
        while !others_ran.load(Ordering::SeqCst) {
            stage.driver.next(&mut Chatter).await.unwrap();
        }
    };
    tokio::join!(busy, async { others_ran.store(true, Ordering::SeqCst) });
}

/// Behind a read that was part of a stream the driver looks for more, but not for ever; behind a small one it sleeps at once
/// `[TR-25]`.
#[tokio::test(start_paused = true)]
async fn a_stream_is_looked_for_before_the_task_sleeps() {
    let looks = async |says: String| {
        let mut stage = Stage::new().await;
        let mut lines = Lines::default();
        stage.says(&says).await;
        let mut polls = 0;
        let mut next = pin!(stage.driver.next(&mut lines));
        let next = poll_fn(|cx| {
            polls += 1;
            next.as_mut().poll(cx)
        });
        // While it looks, no time passes here.
        assert!(tokio::time::timeout(Duration::from_secs(1), next).await.is_err(), "no line has ended");
        polls
    };
    let alone = looks("a word".into()).await;
    let stream = looks("x".repeat(60 * 1024)).await;
    assert_eq!(stream - alone, LOOKS, "{stream}, {alone}");
}

/// A protocol that has given somebody much to do lets others run before it goes on `[TR-21]`.
#[tokio::test(start_paused = true)]
async fn a_protocol_that_wants_a_pause_gets_it() {
    let mut stage = Stage::new().await;
    stage.says("eight...").await;
    let mut weary = Weary::default();
    let others = Arc::clone(&weary.others);
    tokio::select! {
        ended = stage.driver.next(&mut weary) => ended.unwrap(),
        () = async {
            loop {
                others.fetch_add(1, Ordering::SeqCst);
                tokio::task::yield_now().await;
            }
        } => {}
    }
    // Of what one read brings, the first byte may be taken together with what was there.
    assert!(weary.seen.windows(3).all(|times| times[0] < times[2]), "{:?}", weary.seen);
}

/// What a protocol gives to be written as it is stays in its place, whether or not the pipe takes several slices at once,
/// and however little it takes `[TR-24]`.
#[tokio::test]
async fn what_is_written_as_it_is_stays_in_its_place() {
    for copied in [1, 5, 16_000] {
        let flood = || {
            let mut flood = Flood::new(3 * MIB, 3 * MIB);
            flood.copied = copied;
            flood
        };
        let net = MemoryNet::new(1);
        net.buffer_size(1000);
        let (near, far) = pipe(&net).await;
        tokio::join!(drive(Driver::new(near), flood()), drive(Driver::new(far), flood()));
        let listener = Tcp::default().listen(&Addr::new("127.0.0.1", 0).unwrap()).await.unwrap();
        let (at, mut listener) = (listener.local_addr(), listener);
        let tcp = Tcp::default();
        let (near, far) = tokio::join!(tcp.dial(&at), listener.accept());
        tokio::join!(drive(Driver::new(near.unwrap()), flood()), drive(Driver::new(far.unwrap()), flood()));
    }
}

/// The peer's bytes are read to the end before a failed write is told.
#[tokio::test(start_paused = true)]
async fn last_words_are_heard_although_the_pipe_is_broken() {
    let mut stage = Stage::new().await;
    let mut lines = Lines::default();
    stage.says("last words\nand more\n").await;
    stage.peer.shutdown().await.unwrap();
    stage.peer = pipe(&stage.net).await.1;
    lines.say("too late\n");
    assert_eq!(stage.next(&mut lines).await.unwrap(), line("last words"));
    assert_eq!(stage.next(&mut lines).await.unwrap(), line("and more"));
    assert_eq!(stage.next(&mut lines).await.unwrap(), crate::Heard::End);
    assert_eq!(stage.next(&mut lines).await.unwrap_err().to_string(), "Broken pipe");
    assert!(stage.peer.read(&mut [0]).await.is_ok());
}
