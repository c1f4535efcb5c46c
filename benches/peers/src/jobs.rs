//! The jobs that most peers do in the same way: given what one of them can do, who measures it.

use std::future::Future;
use std::time::{Duration, Instant};

use anyhow::ensure;
use async_trait::async_trait;
use mp_bench::contest::{Contest, Contestant, as_float, throughput};
use mp_bench::figures::{Figure, Metric};
use mp_bench::messages::Traffic;
use mp_bench::pace::{Durations, Pace};
use mp_bench::process::Process;
use mp_bench::tally::Tally;

/// Requests under way in W3.
const WINDOW: u64 = 64;
/// Messages that may be on their way twice, where nothing but the answers to questions holds a sender back.
const MOST: usize = 16_384;
/// How long receivers have to hear of a sender, and how long they are silent when all have spoken.
#[cfg(any(feature = "nats", feature = "zenoh"))]
const PATIENCE: Duration = Duration::from_secs(10);
#[cfg(any(feature = "nats", feature = "zenoh"))]
const SILENCE: Duration = Duration::from_millis(200);

/// One way to talk with those on the other side: some who count, and one who echoes. Messages have the payload that the
/// line was made with.
pub(crate) trait Line: Send + 'static {
    /// `None`: a sender that is too fast is made to wait by the system itself. Else it asks after so many bytes whether the
    /// receivers have come so far, and is twice as far ahead of them at most.
    const AHEAD: Option<usize>;

    /// Sends one message to those who count.
    fn push(&mut self) -> impl Future<Output = anyhow::Result<()>> + Send;
    /// Asks each of them what came since they were last asked; they hear it after all that was sent before.
    fn mark(&mut self) -> impl Future<Output = anyhow::Result<()>> + Send;
    /// The next of their answers.
    fn told(&mut self) -> impl Future<Output = anyhow::Result<Tally>> + Send;
    /// Sends one message to the one who echoes.
    fn ask(&mut self) -> impl Future<Output = anyhow::Result<()>> + Send;
    /// How long the next echo is.
    fn answer(&mut self) -> impl Future<Output = anyhow::Result<usize>> + Send;
}

/// What those who count keep.
#[derive(Debug, Default)]
pub(crate) struct Count(Tally);

impl Count {
    /// One more message. If it is empty, this is the answer to whoever asks.
    pub(crate) fn take(&mut self, message: &[u8]) -> Option<[u8; 16]> {
        if message.is_empty() {
            return Some(std::mem::take(&mut self.0).frame());
        }
        self.0.add(message);
        None
    }
}

/// Lets a line take part in the workload with this name.
pub(crate) fn enter(
    contest: Contest,
    (peer, workload): (&str, &str),
    (line, payload): (impl Line, usize),
    process: Process,
) -> Contest {
    match workload {
        "W1" => contest.with(peer, OneWay::new(line, payload, 1)),
        "W2" => contest.with(peer, RoundTrip(line, payload)),
        _ => contest.with(peer, Requests(line, payload)),
    }
    .at(process)
}

/// W1; with several receivers W6.
pub(crate) struct OneWay<L> {
    line: L,
    payload: Vec<u8>,
    receivers: u64,
}

impl<L: Line> OneWay<L> {
    /// All of `receivers` get what the line sends.
    pub(crate) fn new(line: L, payload: usize, receivers: u64) -> Self {
        Self { line, payload: Traffic::payload(payload), receivers }
    }

    /// Waits until all receivers are reached, where connecting does not say so.
    ///
    /// # Errors
    ///
    /// There are not as many as there should be.
    #[cfg(any(feature = "nats", feature = "zenoh"))]
    pub(crate) async fn settled(mut self) -> anyhow::Result<Self> {
        settle(&mut self.line, self.receivers).await?;
        Ok(self)
    }
}

/// Waits until a mark reaches so many who count.
///
/// # Errors
///
/// It does not within some seconds.
#[cfg(any(feature = "nats", feature = "zenoh"))]
pub(crate) async fn settle(line: &mut impl Line, receivers: u64) -> anyhow::Result<()> {
    let (begun, mut heard) = (Instant::now(), 0);
    while heard != receivers {
        ensure!(begun.elapsed() < PATIENCE, "{heard} of {receivers} receivers answer");
        line.mark().await?;
        heard = 0;
        while let Ok(told) = tokio::time::timeout(SILENCE, line.told()).await {
            told?;
            heard += 1;
        }
    }
    Ok(())
}

#[async_trait]
impl<L: Line> Contestant for OneWay<L> {
    async fn measure(&mut self, time: Duration) -> anyhow::Result<Vec<Figure>> {
        let Self { line, payload, receivers } = self;
        let deliveries = usize::try_from(*receivers)?;
        let stretch = L::AHEAD.map(|ahead| (ahead / payload.len() / deliveries).clamp(1, MOST) as u64);
        let (mut pace, mut awaited, mut got) = (Pace::new(time, payload.len() * deliveries), 0, Vec::new());
        while pace.more() {
            line.push().await?;
            if stretch.is_some_and(|stretch| pace.sent().is_multiple_of(stretch)) {
                line.mark().await?;
                awaited += *receivers;
                while awaited > *receivers {
                    got.push(line.told().await?);
                    awaited -= 1;
                }
            }
        }
        line.mark().await?;
        for _ in 0..awaited + *receivers {
            got.push(line.told().await?);
        }
        let (took, sent) = (pace.elapsed(), pace.sent() * *receivers);
        let got: Tally = got.into_iter().sum();
        ensure!(got == Tally::of(sent, payload), "{sent} were sent, and {got:?} received");
        Ok(match receivers {
            1 => throughput(sent, payload.len(), took),
            _ => vec![(Metric::DeliveriesPerS, as_float(sent) / took.as_secs_f64())],
        })
    }
}

/// W2, with a payload of so many bytes.
pub(crate) struct RoundTrip<L>(pub(crate) L, pub(crate) usize);

#[async_trait]
impl<L: Line> Contestant for RoundTrip<L> {
    async fn measure(&mut self, time: Duration) -> anyhow::Result<Vec<Figure>> {
        let Self(line, payload) = self;
        let (begun, mut durations) = (Instant::now(), Durations::default());
        loop {
            let sent = Instant::now();
            line.ask().await?;
            let back = line.answer().await?;
            durations.add(sent.elapsed());
            ensure!(back == *payload, "another message came back");
            if begun.elapsed() >= time {
                return Ok(durations.figures());
            }
        }
    }
}

/// W3, with a payload of so many bytes.
struct Requests<L>(L, usize);

#[async_trait]
impl<L: Line> Contestant for Requests<L> {
    async fn measure(&mut self, time: Duration) -> anyhow::Result<Vec<Figure>> {
        let Self(line, payload) = self;
        let (mut pace, mut answered, mut sent) = (Pace::new(time, *payload), 0, WINDOW);
        for _ in 0..WINDOW {
            line.ask().await?;
        }
        while answered < sent {
            ensure!(line.answer().await? == *payload, "another answer came");
            answered += 1;
            if pace.more() {
                line.ask().await?;
                sent += 1;
            }
        }
        Ok(vec![(Metric::ReqsPerS, as_float(answered) / pace.elapsed().as_secs_f64())])
    }
}
