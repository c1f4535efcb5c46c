//! A peer that calls itself by the name of a node that is connected.

use mp_node::Framing;

use super::honest::{Honest, soon};
use super::peer::Member;
use super::victim::{SECRET, Victim};

/// Without the secret nothing that is claimed has an effect; neither has it for a node of another kind with the secret,
/// whose newcomers lose. [ND-06] [ND-04]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_without_the_secret_or_of_another_kind_is_nothing() {
    let victim = Victim::start("");
    let honest = Honest::meet(&victim).await;
    honest
        .during(async {
            for number in 0..50 {
                for life in [None, Some(7 + number)] {
                    let thief =
                        Member::try_join(&victim.addr, "honest", Framing::Cbor, life, "guessed").await;
                    assert!(thief.is_err(), "without the secret");
                }
                let thief = Member::try_join(&victim.addr, "honest", Framing::Cbor, None, SECRET).await;
                assert!(thief.is_err(), "the name is taken");
            }
        })
        .await;
    assert_eq!(victim.lines("connected anew while its connection stood").len(), 0);
}

/// With the secret, a node of our own kind that says that it is another life of that node takes its place, as a restarted
/// node must be able to: the log says so, and the node that has lost its connection hears of it, and comes back.
/// [ND-03] [HS-14]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_with_the_secret_is_told_to_both_and_lost_again() {
    let victim = Victim::start("");
    let honest = Honest::meet(&victim).await;
    let monitor = honest.node.monitor(&victim.echo);
    let mut thief =
        Member::try_join(&victim.addr, "honest", Framing::Cbor, Some(7), SECRET).await.expect("let in");
    assert_eq!(soon(monitor).await.word(), "transport_error", "nothing is lost in silence");
    victim
        .says("connected anew while its connection stood: it was restarted, or another node has its name")
        .await;
    honest.ask(1).await;
    thief.end().await;
}
