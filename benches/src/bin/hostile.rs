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
use victim::Victim;

/// Questions that are under way at a time.
const AT_ONCE: u64 = 16;
/// How long the honest rate is measured without an attack, and at least with one, which is repeated.
const TIME: Duration = Duration::from_secs(3);

fn main() {
    victim::child();
    if std::env::args().nth(1).as_deref() == Some("--exact") {
        return;
    }
    let wanted = std::env::args().nth(1).unwrap_or_default();
    println!("| case | tried | what it gets | most memory | honest rate without, with | ratio |");
    println!("|---|---|---|---|---|---|");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    for case in CASES.iter().filter(|case| case.name.contains(&wanted)) {
        runtime.block_on(measure(case));
    }
}

async fn measure(case: &Case) {
    let victim = Arc::new(Victim::start(case.limits));
    let honest = Arc::new(Honest::meet(&victim).await);
    let alone = rate(&honest, tokio::time::sleep(TIME)).await;
    let attacked = Arc::clone(&victim);
    let (attack, once) = (case.attack, case.once);
    let attack = tokio::task::spawn_blocking(move || apart(attack, once, &attacked));
    let beside = rate(&honest, async { attack.await.expect("it does what it says") }).await;
    println!(
        "| {} | {} | {} | {} MiB of {} | {alone:.0}/s, {beside:.0}/s | {:.2} |",
        case.name,
        case.tried,
        case.gets,
        victim.grown(),
        case.bound,
        beside / alone
    );
}

/// Attacks in a thread of its own, of the lowest priority: elsewhere attackers have processors of their own.
fn apart(attack: Attack, once: bool, victim: &Victim) {
    let thread = std::fs::read_link("/proc/thread-self").unwrap();
    let thread = thread.file_name().unwrap().to_owned();
    let reniced = Command::new("renice").args(["-n", "19", "-p"]).arg(thread).output().unwrap();
    assert!(reniced.status.success());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let begun = now();
    while begun.elapsed() < TIME {
        runtime.block_on(attack(victim));
        if once {
            break;
        }
    }
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
