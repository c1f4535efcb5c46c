//! Whatever is done to a link, TCP's promise holds: bytes arrive whole and in order, or not at all.

use std::time::Duration;

use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{Pair, ms, wait};

#[derive(Debug, Clone)]
enum Step {
    Write(usize),
    Read(usize),
    Wait(u64),
    Delay(u64, u64),
    Throttle(Option<u64>),
    Cut,
    Heal,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (1_usize..5000).prop_map(Step::Write),
        4 => (1_usize..5000).prop_map(Step::Read),
        2 => (0_u64..50).prop_map(Step::Wait),
        1 => (0_u64..30, 0_u64..30).prop_map(|(latency, jitter)| Step::Delay(latency, jitter)),
        1 => proptest::option::of(100_u64..100_000).prop_map(Step::Throttle),
        1 => Just(Step::Cut),
        1 => Just(Step::Heal),
    ];
    proptest::collection::vec(step, 0..60)
}

/// Runs the steps, then heals, and says what was sent, what arrived, and when each read ended.
async fn run(steps: &[Step]) -> (Vec<u8>, Vec<u8>, Vec<u128>) {
    let mut pair = Pair::new(9).await;
    pair.net.buffer_size(8192);
    let (mut a, mut b) = pair.pipe().await;
    let (mut sent, mut got, mut times) = (Vec::new(), Vec::new(), Vec::new());
    let link = pair.net.link("a", "b");
    for step in steps {
        match *step {
            Step::Write(len) => {
                let bytes: Vec<u8> = (0..len).map(|i| (i * 31 + sent.len()).to_le_bytes()[0]).collect();
                if let Ok(len) = tokio::time::timeout(ms(1), a.write(&bytes)).await {
                    sent.extend_from_slice(&bytes[..len.unwrap()]);
                }
            }
            Step::Read(len) => {
                let mut bytes = vec![0; len];
                if let Ok(len) = tokio::time::timeout(ms(1), b.read(&mut bytes)).await {
                    got.extend_from_slice(&bytes[..len.unwrap()]);
                }
                times.push(pair.now());
            }
            Step::Wait(millis) => wait(millis).await,
            Step::Delay(latency, jitter) => drop(link.delay(ms(latency), ms(jitter))),
            Step::Throttle(rate) => drop(link.throttle(rate)),
            Step::Cut => link.cut(),
            Step::Heal => link.heal(),
        }
    }
    link.heal();
    a.shutdown().await.unwrap();
    b.read_to_end(&mut got).await.unwrap();
    times.push(pair.now());
    (sent, got, times)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// `[TR-11]` `[TR-12]`
    #[test]
    fn bytes_arrive_whole_and_in_order(steps in steps()) {
        let paused = || {
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
        };
        let (sent, got, times) = paused().block_on(run(&steps));
        prop_assert!(sent == got, "{} bytes were sent and {} arrived, or others", sent.len(), got.len());
        let again = paused().block_on(run(&steps));
        prop_assert_eq!(times, again.2, "the same steps take the same time");
    }
}

/// How long a second is, so that the law is not about no time at all.
#[tokio::test(start_paused = true)]
async fn a_run_takes_virtual_time() {
    let steps = [Step::Delay(1000, 0), Step::Write(1), Step::Cut];
    let (sent, got, times) = run(&steps).await;
    assert_eq!((sent, got), (vec![0], vec![0]));
    assert_eq!(times, [Duration::from_secs(1).as_millis()]);
}
