//! ractor's actors within one process: mailboxes without a bound, which is the only kind that it has.

use async_trait::async_trait;
use mp_bench::contest::Contest;
use mp_bench::pace::Pace;
use mp_bench::process::Ready;
use mp_bench::tally::Tally;
use mp_bench::workload::local::Way;
use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort, call};
use ractor_cluster::RactorMessage;
use tokio::sync::Semaphore;

use crate::Theirs;
use crate::local::{self, ROOM};

const PEER: &str = "ractor";

/// Takes part in W4 and W5.
pub(crate) fn join(contest: Contest, workload: &str, size: usize) -> Contest {
    local::join(contest, (PEER, workload), Actors, (Theirs::RactorIdle, size))
}

#[derive(Debug, RactorMessage)]
enum Said {
    Data(#[expect(dead_code, reason = "as our messages have one")] u64, Vec<u8>),
    Ping(u64, Vec<u8>, RpcReplyPort<(u64, Vec<u8>)>),
    Report(RpcReplyPort<Tally>),
}

/// Those of W5 tell when they have begun.
struct Worker<const TELLS: bool>;

/// A permit for each that has.
static BEGUN: Semaphore = Semaphore::const_new(0);

impl<const TELLS: bool> Actor for Worker<TELLS> {
    type Msg = Said;
    type State = Tally;
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<Said>, (): ()) -> Result<Tally, ActorProcessingErr> {
        Ok(Tally::default())
    }

    async fn post_start(&self, _: ActorRef<Said>, _: &mut Tally) -> Result<(), ActorProcessingErr> {
        if TELLS {
            BEGUN.add_permits(1);
        }
        Ok(())
    }

    async fn handle(
        &self,
        _: ActorRef<Said>,
        said: Said,
        tally: &mut Tally,
    ) -> Result<(), ActorProcessingErr> {
        match said {
            Said::Data(_, payload) => tally.add(&payload),
            Said::Ping(number, payload, reply) => reply.send((number, payload))?,
            Said::Report(reply) => reply.send(*tally)?,
        }
        Ok(())
    }
}

struct Actors;

#[async_trait]
impl Way for Actors {
    async fn one_way(&self, pace: &mut Pace, payload: &[u8]) -> anyhow::Result<Tally> {
        let (worker, _) = Actor::spawn(None, Worker::<false>, ()).await?;
        while pace.more() {
            worker.cast(Said::Data(pace.sent(), payload.to_vec()))?;
            // Its sender is not made to wait.
            if pace.sent().is_multiple_of(ROOM) {
                call!(worker, Said::Report)?;
            }
        }
        let tally = call!(worker, Said::Report)?;
        worker.stop(None);
        Ok(tally)
    }

    async fn ping_pong(&self, pace: &mut Pace, payload: &[u8]) -> anyhow::Result<()> {
        let (worker, _) = Actor::spawn(None, Worker::<false>, ()).await?;
        while pace.more() {
            let (number, back) = call!(worker, |reply| Said::Ping(pace.sent(), payload.to_vec(), reply))?;
            anyhow::ensure!(number == pace.sent() && back == payload, "another message came back");
        }
        worker.stop(None);
        Ok(())
    }

    async fn spawn_stop(&self, pace: &mut Pace) -> anyhow::Result<()> {
        while pace.more() {
            let (worker, ended) = Actor::spawn(None, Worker::<false>, ()).await?;
            worker.stop(None);
            ended.await?;
        }
        Ok(())
    }
}

/// The other side: so many actors.
pub(crate) async fn idle(actors: usize) -> anyhow::Result<Ready> {
    let one = async || Ok(Actor::spawn(None, Worker::<true>, ()).await?.0);
    let begun = async || Ok(BEGUN.acquire_many(u32::try_from(actors)?).await?.forget());
    let (ready, all) = local::make(actors, one, begun).await?;
    mp_bench::ours::keep(all);
    Ok(ready)
}
