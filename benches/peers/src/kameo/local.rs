//! kameo's actors within one process: mailboxes with its default bound, tasks as it makes them.

use anyhow::{anyhow, ensure};
use async_trait::async_trait;
use kameo::actor::Spawn;
use kameo::message::{Context, Message};
use kameo::{Actor, Reply};
use mp_bench::contest::Contest;
use mp_bench::pace::Pace;
use mp_bench::process::Ready;
use mp_bench::tally::Tally;
use mp_bench::workload::local::Way;

use crate::Theirs;
use crate::local;

const PEER: &str = "kameo";

/// Takes part in W4 and W5.
pub(crate) fn join(contest: Contest, workload: &str, size: usize) -> Contest {
    local::join(contest, (PEER, workload), Actors, (Theirs::KameoIdle, size))
}

#[derive(Default, Actor)]
struct Worker(Tally);

/// One message of many; comes back to who waits for that.
#[derive(Reply)]
struct Data(u64, Vec<u8>);

/// The same without a way back.
struct OneWay(#[expect(dead_code, reason = "as our messages have one")] u64, Vec<u8>);

/// What came so far?
struct Report;

#[derive(Reply)]
struct Told(Tally);

impl Message<OneWay> for Worker {
    type Reply = ();

    async fn handle(&mut self, OneWay(_, payload): OneWay, _: &mut Context<Self, ()>) {
        self.0.add(&payload);
    }
}

impl Message<Data> for Worker {
    type Reply = Data;

    async fn handle(&mut self, data: Data, _: &mut Context<Self, Data>) -> Data {
        data
    }
}

impl Message<Report> for Worker {
    type Reply = Told;

    async fn handle(&mut self, _: Report, _: &mut Context<Self, Told>) -> Told {
        Told(self.0)
    }
}

struct Actors;

#[async_trait]
impl Way for Actors {
    async fn one_way(&self, pace: &mut Pace, payload: &[u8]) -> anyhow::Result<Tally> {
        let worker = Worker::spawn(Worker::default());
        while pace.more() {
            worker.tell(OneWay(pace.sent(), payload.to_vec())).await.map_err(|error| anyhow!("{error}"))?;
        }
        let Told(tally) = worker.ask(Report).await.map_err(|error| anyhow!("{error}"))?;
        Ok(tally)
    }

    async fn ping_pong(&self, pace: &mut Pace, payload: &[u8]) -> anyhow::Result<()> {
        let worker = Worker::spawn(Worker::default());
        while pace.more() {
            let ask = worker.ask(Data(pace.sent(), payload.to_vec()));
            let Data(number, back) = ask.await.map_err(|error| anyhow!("{error}"))?;
            ensure!(number == pace.sent() && back == payload, "another message came back");
        }
        Ok(())
    }

    async fn spawn_stop(&self, pace: &mut Pace) -> anyhow::Result<()> {
        while pace.more() {
            let worker = Worker::spawn(Worker::default());
            worker.stop_gracefully().await.map_err(|error| anyhow!("{error}"))?;
            worker.wait_for_shutdown().await;
        }
        Ok(())
    }
}

/// The other side: so many actors.
pub(crate) async fn idle(actors: usize) -> anyhow::Result<Ready> {
    let one = async || {
        let worker = Worker::spawn(Worker::default());
        worker.wait_for_startup().await;
        Ok(worker)
    };
    let (ready, all) = local::make(actors, one, async || Ok(())).await?;
    mp_bench::ours::keep(all);
    Ok(ready)
}
