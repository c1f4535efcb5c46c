//! actix: actors of one system, whose one thread they and who sends to them share, as under `#[actix::main]`.

use std::thread;

use actix::{Actor, ActorContext, Context, Handler, Message, MessageResponse, System};
use anyhow::ensure;
use async_trait::async_trait;
use mp_bench::contest::Contest;
use mp_bench::pace::Pace;
use mp_bench::process::Ready;
use mp_bench::tally::Tally;
use mp_bench::workload::local::Way;
use tokio::sync::oneshot;

use crate::Theirs;
use crate::local::{self, ROOM};

const PEER: &str = "actix";

pub(crate) fn version() -> String {
    format!("actix: crate actix {}", env!("VERSION_ACTIX"))
}

/// Takes part in W4 and W5.
pub(crate) fn join(contest: Contest, workload: &str, size: usize) -> Contest {
    local::join(contest, (PEER, workload), InOneThread, (Theirs::Actix, size))
}

/// One message of many; comes back to who waits for that.
#[derive(Message, MessageResponse)]
#[rtype(result = "Data")]
struct Data(u64, Vec<u8>);

/// The same without a way back.
#[derive(Message)]
#[rtype(result = "()")]
struct OneWay(#[expect(dead_code, reason = "as our messages have one")] u64, Vec<u8>);

/// What came so far?
#[derive(Message)]
#[rtype(result = "Told")]
struct Report;

#[derive(MessageResponse)]
struct Told(Tally);

/// Ends the actor.
#[derive(Message)]
#[rtype(result = "()")]
struct Stop;

#[derive(Default)]
struct Worker {
    tally: Tally,
    /// Dropped with the actor, as a sign.
    _ended: Option<oneshot::Sender<()>>,
}

impl Actor for Worker {
    type Context = Context<Self>;
}

impl Handler<OneWay> for Worker {
    type Result = ();

    fn handle(&mut self, OneWay(_, payload): OneWay, _: &mut Context<Self>) {
        self.tally.add(&payload);
    }
}

impl Handler<Data> for Worker {
    type Result = Data;

    fn handle(&mut self, data: Data, _: &mut Context<Self>) -> Data {
        data
    }
}

impl Handler<Report> for Worker {
    type Result = Told;

    fn handle(&mut self, _: Report, _: &mut Context<Self>) -> Told {
        Told(self.tally)
    }
}

impl Handler<Stop> for Worker {
    type Result = ();

    fn handle(&mut self, _: Stop, context: &mut Context<Self>) {
        context.stop();
    }
}

struct InOneThread;

/// Runs the job in a thread with a system of its own.
fn in_system<T: Send>(job: impl AsyncFnOnce() -> anyhow::Result<T> + Send) -> anyhow::Result<T> {
    let run = || thread::scope(|scope| scope.spawn(|| System::new().block_on(job())).join());
    tokio::task::block_in_place(run).map_err(|_| anyhow::anyhow!("actix's thread panicked"))?
}

#[async_trait]
impl Way for InOneThread {
    async fn one_way(&self, pace: &mut Pace, payload: &[u8]) -> anyhow::Result<Tally> {
        in_system(async || {
            let worker = Worker::default().start();
            while pace.more() {
                worker.do_send(OneWay(pace.sent(), payload.to_vec()));
                // Its sender is not made to wait, and shares the thread.
                if pace.sent().is_multiple_of(ROOM) {
                    worker.send(Report).await?;
                }
            }
            let Told(tally) = worker.send(Report).await?;
            Ok(tally)
        })
    }

    async fn ping_pong(&self, pace: &mut Pace, payload: &[u8]) -> anyhow::Result<()> {
        in_system(async || {
            let worker = Worker::default().start();
            while pace.more() {
                let Data(number, back) = worker.send(Data(pace.sent(), payload.to_vec())).await?;
                ensure!(number == pace.sent() && back == payload, "another message came back");
            }
            Ok(())
        })
    }

    async fn spawn_stop(&self, pace: &mut Pace) -> anyhow::Result<()> {
        in_system(async || {
            while pace.more() {
                let (ended, end) = oneshot::channel();
                let worker = Worker { tally: Tally::default(), _ended: Some(ended) }.start();
                worker.do_send(Stop);
                ensure!(end.await.is_err(), "nothing but the end was to come");
            }
            Ok(())
        })
    }
}

/// The other side: so many actors.
pub(crate) async fn idle(actors: usize) -> anyhow::Result<Ready> {
    let (tell, told) = oneshot::channel();
    thread::spawn(move || {
        System::new().block_on(async move {
            // One thread has them all, and takes them in turn: who comes last is behind all others.
            let last = async || Ok(actix_rt::spawn(async {}).await?);
            let made = local::make(actors, async || Ok(Worker::default().start()), last).await;
            let (ready, kept) =
                made.map_or_else(|error| (Err(error), None), |(ready, all)| (Ok(ready), Some(all)));
            drop(tell.send(ready));
            std::future::pending::<()>().await;
            drop(kept);
        });
    });
    told.await?
}
