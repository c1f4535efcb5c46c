//! What hostile peers cost the honest ones: for each case of `mp-node/tests/hostile/attacks.rs`, how many questions an
//! honest node gets answered with and without the attack, and the most memory that the attacked node takes.
//!
//! ```console
//! cargo run --release -p mp-bench --bin hostile            # all cases, as a table
//! cargo run --release -p mp-bench --bin hostile -- flood   # those with this in their names
//! ```

#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a program of ours, which ends at what goes wrong, and has no node for its tasks"
)]

#[path = "../../../mp-node/tests/hostile/attacks.rs"]
mod attacks;
#[path = "../../../mp-node/tests/hostile/honest.rs"]
#[expect(dead_code, reason = "the tests have more use for it")]
mod honest;
#[path = "../../../mp-node/tests/hostile/peer.rs"]
mod peer;
#[path = "../../../mp-node/tests/hostile/victim.rs"]
#[expect(dead_code, reason = "the tests have more use for it")]
mod victim;

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use attacks::{Attack, CASES, Case};
use honest::Honest;
use tokio::sync::oneshot;
use victim::Victim;

/// Questions that are under way at a time.
const AT_ONCE: u64 = 16;
/// How often each rate is measured, without an attack and with one in turns; the median counts.
const ROUNDS: usize = 5;
/// How long the honest rate is measured without an attack.
const ALONE: Duration = Duration::from_secs(1);
/// And how long with one, which is repeated, and broken off at the end.
const BESIDE: Duration = Duration::from_millis(1500);
/// Priorities of attackers, as `nice` has them: that of everybody else, as they share the processors here, and the lowest,
/// which comes nearer to attackers who have processors of their own.
const NICE: [i32; 2] = [0, 19];

fn main() {
    victim::child();
    if std::env::args().nth(1).as_deref() == Some("--exact") {
        return;
    }
    let wanted = std::env::args().nth(1).unwrap_or_default();
    println!(
        "| case | tried | what it gets | most memory | without | attackers equal | ratio | lowest | ratio |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    for case in CASES.iter().filter(|case| case.name.contains(&wanted)) {
        runtime.block_on(measure(case));
    }
}

async fn measure(case: &Case) {
    let (mut alone, mut beside, mut ratios) = (Vec::new(), [vec![], vec![]], [vec![], vec![]]);
    let mut most = 0;
    for _ in 0..ROUNDS {
        for (index, nice) in NICE.into_iter().enumerate() {
            let (without, with, grown) = round(case, nice).await;
            alone.push(without);
            beside[index].push(with);
            ratios[index].push(with / without);
            most = most.max(grown);
        }
    }
    let [equal, lowest] = beside.map(median);
    let [equal_ratio, lowest_ratio] = ratios.map(median);
    println!(
        "| {} | {} | {} | {most} MiB of {} | {:.0}/s | {equal:.0}/s | {equal_ratio:.2} | {lowest:.0}/s | {lowest_ratio:.2} |",
        case.name,
        case.tried,
        case.gets,
        case.bound,
        median(alone),
    );
}

/// The rates without and with an attack of this priority, and the MiB that it took.
async fn round(case: &Case, nice: i32) -> (f64, f64, u64) {
    let victim = Arc::new(Victim::start(case.limits));
    let honest = Arc::new(Honest::meet(&victim).await);
    let alone = rate(&honest, tokio::time::sleep(ALONE)).await;
    let ((stop, stopped), (begin, begun)) = (oneshot::channel(), oneshot::channel());
    let (attacked, attack) = (Arc::clone(&victim), case.attack);
    let attack = tokio::task::spawn_blocking(move || apart(attack, nice, &attacked, begin, stopped));
    begun.await.expect("it begins");
    let beside = rate(&honest, tokio::time::sleep(BESIDE)).await;
    drop(stop);
    attack.await.expect("it does what it says");
    (alone, beside, victim.grown())
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// Attacks in a thread of its own, over and over, until it is told to stop.
fn apart(
    attack: Attack,
    nice: i32,
    victim: &Victim,
    begin: oneshot::Sender<()>,
    stopped: oneshot::Receiver<()>,
) {
    let thread = std::fs::read_link("/proc/thread-self").unwrap();
    let thread = thread.file_name().unwrap().to_owned();
    let reniced = Command::new("renice").args(["-n", &nice.to_string(), "-p"]).arg(thread).output().unwrap();
    assert!(reniced.status.success());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    begin.send(()).expect("somebody waits");
    // What an attacker gets is for the tests to assert. One that comes too late for its own expectations begins anew.
    let mut stopped = std::pin::pin!(stopped);
    let mut attack_once = || {
        runtime.block_on(async {
            tokio::select! {
                _ = &mut stopped => true,
                () = attack(victim) => false,
            }
        })
    };
    while !std::panic::catch_unwind(std::panic::AssertUnwindSafe(&mut attack_once)).unwrap_or(false) {}
    // A crowd of processes is ended before something else is measured.
    runtime.shutdown_timeout(Duration::from_secs(60));
}

/// Answers for each second, while something goes on.
async fn rate(honest: &Arc<Honest>, meanwhile: impl Future<Output = ()>) -> f64 {
    let (answered, over) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let asking: Vec<_> = (0..AT_ONCE)
        .map(|_| {
            let (honest, answered, over) = (Arc::clone(honest), Arc::clone(&answered), Arc::clone(&over));
            tokio::spawn(async move {
                while !over.load(Ordering::Relaxed) {
                    honest.ask(1).await;
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    let begun = now();
    meanwhile.await;
    let seconds = begun.elapsed().as_secs_f64();
    let count = answered.load(Ordering::Relaxed);
    over.store(true, Ordering::Relaxed);
    for one in asking {
        one.await.expect("all is answered");
    }
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let rate = count as f64 / seconds;
    rate
}

#[expect(clippy::disallowed_methods, reason = "it measures real time")]
fn now() -> Instant {
    Instant::now()
}
