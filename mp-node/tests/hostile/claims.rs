//! A peer that calls itself by the name of a node that is connected.

use mp_node::Framing;

use super::honest::Honest;
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
    assert_eq!(victim.lines("the peer has connected anew").len(), 0);
}

/// With the secret, a node of our own kind that says that it is another life of that node is refused as long as the first
/// one lives: that one notices nothing, and the log says what to do. [ND-19] [ND-20] [HS-14]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_with_the_secret_is_refused_while_the_first_one_lives() {
    let victim = Victim::start("");
    let honest = Honest::meet(&victim).await;
    honest
        .during(async {
            let mut thief = Member::try_join(&victim.addr, "honest", Framing::Cbor, Some(7), SECRET)
                .await
                .expect("a connection, for one word");
            thief.hears("another node of this name lives").await;
            thief.end().await;
        })
        .await;
    victim.says("two nodes that live have one name: give each an ID of its own").await;
}
