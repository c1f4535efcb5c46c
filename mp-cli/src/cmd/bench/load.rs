//! What is sent, and what is measured.

use std::time::Duration;

use mp_node::{NodeId, Port, PortId, Reason};
use mp_transport::clock;
use serde::Serialize;
use tokio::time::timeout;

use crate::cmd::guest::Guest;
use crate::cmd::ping::seconds;
use crate::error::CliError;

/// So many messages are under way at a time, when throughput is measured.
const WINDOW: u64 = 512;
/// The most round trips whose times are kept.
const KEPT: usize = 1_000_000;
/// So much of the time goes to latency.
const SHARE: f64 = 0.4;

/// What to send, and for how long.
#[derive(Debug, Clone, Copy)]
pub(super) struct Load {
    pub(super) time: Duration,
    /// Bytes of text in each message.
    pub(super) size: usize,
}

/// What came of it. Times are in seconds, there and back.
#[derive(Debug, Serialize)]
pub(super) struct Figures {
    pub(super) round_trips: usize,
    pub(super) round_trip_mean: f64,
    pub(super) round_trip_p50: f64,
    pub(super) round_trip_p99: f64,
    pub(super) round_trip_max: f64,
    /// Echoes that came while as many as allowed were under way.
    pub(super) echoes: u64,
    pub(super) messages_per_second: f64,
    /// Of text, each way.
    pub(super) bytes_per_second: f64,
    /// Messages that did not come back.
    pub(super) lost: u64,
}

/// Has the node run an echo for us, and measures against it.
pub(super) async fn run(node: &NodeId, load: Load, guest: &Guest) -> Result<Figures, CliError> {
    let ours = guest.node();
    let echo = ours.spawn_on(node, "mp::echo", ())?;
    let mut port = ours.port();
    let text = "x".repeat(load.size);
    first(&echo, &mut port, &text, guest).await?;
    let times = latency(&echo, &mut port, &text, load.time.mul_f64(SHARE), guest).await?;
    let (echoes, lost, took) =
        throughput(&echo, &mut port, &text, load.time.mul_f64(1.0 - SHARE), guest).await?;
    ours.kill(&echo, Reason::normal());
    Ok(figures(times, echoes, lost, took, load.size))
}

/// That there is an echo at all: a node without it creates no port, which a monitor tells.
async fn first(echo: &PortId, port: &mut Port, text: &str, guest: &Guest) -> Result<(), CliError> {
    let dead = guest.node().monitor(echo);
    guest.node().send(echo, (text, port.id())).await?;
    let node = echo.node();
    tokio::select! {
        biased;
        answer = timeout(guest.limit(), port.recv()) => match answer {
            Ok(Some(_)) => Ok(()),
            _ => Err(CliError::Remote(format!("the mp::echo of {node} did not answer within {:?}; give it more by --timeout", guest.limit()))),
        },
        reason = dead => Err(CliError::Remote(crate::output::plain(&format!(
            "{node} has no mp::echo to measure against ({reason}); `aemp run` has one"
        )))),
    }
}

async fn latency(
    echo: &PortId,
    port: &mut Port,
    text: &str,
    time: Duration,
    guest: &Guest,
) -> Result<Vec<Duration>, CliError> {
    let mut times = Vec::new();
    let end = clock::now() + time;
    while times.len() < KEPT {
        let begun = clock::now();
        if begun >= end && !times.is_empty() {
            break;
        }
        guest.node().send(echo, (text, port.id())).await?;
        if !matches!(timeout(guest.limit(), port.recv()).await, Ok(Some(_))) {
            return Err(lost_all(echo, guest));
        }
        times.push(clock::now().saturating_duration_since(begun));
    }
    Ok(times)
}

/// How many came back, how many did not, and the time from the first to the last.
async fn throughput(
    echo: &PortId,
    port: &mut Port,
    text: &str,
    time: Duration,
    guest: &Guest,
) -> Result<(u64, u64, Duration), CliError> {
    let begun = clock::now();
    let end = begun + time;
    let (mut sent, mut came) = (0_u64, 0_u64);
    let mut last = begun;
    loop {
        let open = clock::now() < end;
        while open && sent - came < WINDOW {
            guest.node().send(echo, (text, port.id())).await?;
            sent += 1;
        }
        if sent == came {
            break;
        }
        if !matches!(timeout(guest.limit(), port.recv()).await, Ok(Some(_))) {
            break;
        }
        came += 1;
        while port.try_recv().is_some() {
            came += 1;
        }
        last = clock::now();
    }
    if came == 0 {
        return Err(lost_all(echo, guest));
    }
    Ok((came, sent - came, last.saturating_duration_since(begun)))
}

fn lost_all(echo: &PortId, guest: &Guest) -> CliError {
    CliError::Remote(format!(
        "{} stopped answering within {:?}; look at what it logs",
        echo.node(),
        guest.limit()
    ))
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn figures(mut times: Vec<Duration>, echoes: u64, lost: u64, took: Duration, size: usize) -> Figures {
    times.sort_unstable();
    let part = |part: usize| {
        let rank = (times.len() * part).div_ceil(100).saturating_sub(1);
        times.get(rank).copied().map(seconds).unwrap_or_default()
    };
    let total: Duration = times.iter().sum();
    let per_second = echoes as f64 / took.as_secs_f64().max(1e-6);
    Figures {
        round_trips: times.len(),
        round_trip_mean: (total.as_secs_f64() * 1e6 / times.len().max(1) as f64).round() / 1e6,
        round_trip_p50: part(50),
        round_trip_p99: part(99),
        round_trip_max: part(100),
        echoes,
        messages_per_second: per_second.round(),
        bytes_per_second: (per_second * size as f64).round(),
        lost,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_times_come_to() {
        let times: Vec<_> = (1..=100).rev().map(Duration::from_micros).collect();
        let figures = figures(times, 2_000, 1, Duration::from_secs(2), 1_000);
        let trips = [figures.round_trip_mean, figures.round_trip_p50, figures.round_trip_p99];
        assert_eq!((trips, figures.round_trip_max), ([51e-6, 50e-6, 99e-6], 100e-6));
        assert_eq!((figures.messages_per_second, figures.bytes_per_second), (1e3, 1e6));
        assert_eq!(figures.lost, 1);
    }
}
