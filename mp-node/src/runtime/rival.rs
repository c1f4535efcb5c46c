//! Two lives of one name: which of them is the peer?
//!
//! A node of our own kind says in its greeting which life it lives `[HS-14]`. If one has proven its name, and it is
//! another life than the one that we are connected with, then either the node was restarted, or two nodes were given one
//! name. So the one that we have is asked whether it lives `[ND-19]`. What it does until half of `connect_time` is over
//! says what becomes of the newcomer, whichever of us decides:
//!
//! | the earlier connection | what it was | the newcomer |
//! |---|---|---|
//! | ends | a restart | is taken up at once |
//! | carries an answer | another node of that name, which lives | is refused when the time is over, and told why `[ND-20]` |
//! | carries none | a process that is frozen, or cut off | is taken up when the time is over; the earlier one is ended |
//!
//! That a refusal takes its time keeps those who try again and again from being a storm. Peers of another kind do not tell
//! their lives apart; theirs are no rivals.

use std::sync::Arc;
use std::time::Instant;

use bytes::BytesMut;
use mp_proto::{Frame, Handshake, NodeRequest, Protocol, Session, Value};
use mp_transport::driver::LAST_WORDS;
use mp_transport::{Addr, Driver, clock};

use crate::complaints::shown;
use crate::kernel::outbox::Lane;
use crate::node::Inner;
use crate::runtime::peer::Peer;
use crate::sync::after;

/// What the answer of a node that lives begins with, as we ask for it.
const ALIVE: &str = "alive";
/// The only message on a connection that is refused.
const NO: &str = "no";

/// The questions to a peer whether it lives.
#[derive(Debug, Default)]
pub(crate) struct Vigil {
    /// The number of the last one.
    asked: u64,
    /// That of the last answer.
    answered: u64,
}

/// What became of the earlier connection.
enum Earlier {
    Ended,
    Lives,
    Silent,
}

/// Finds out whether the connection `epoch` with the peer goes on beside one at `address`; if so, why that one is refused.
pub(crate) async fn refusal(
    node: &Arc<Inner>,
    peer: &Arc<Peer>,
    epoch: u64,
    address: &Addr,
) -> Option<String> {
    let until = after(clock::now(), node.limits.connect_time / 2);
    let number = node.ask_whether_alive(peer, epoch);
    let earlier = tokio::select! {
        biased;
        earlier = peer.wait_for(|state| match () {
            () if !state.route.is_connection(epoch) => Some(Earlier::Ended),
            () => (state.vigil.answered >= number).then_some(Earlier::Lives),
        }) => earlier,
        () = clock::sleep_until(until) => Earlier::Silent,
    };
    let earlier_address = peer.lock().figures()?.address().clone();
    let is_said = || node.rivalries.lock().first(peer.id.to_string(), clock::now());
    match earlier {
        Earlier::Ended => None,
        Earlier::Silent => {
            if is_said() {
                tracing::warn!(
                    peer = %peer.id, earlier = %earlier_address, now = %address,
                    "the peer has connected anew, and does not answer on its earlier connection: it was restarted or frozen"
                );
            }
            None
        }
        Earlier::Lives => {
            clock::sleep_until(until).await;
            if is_said() {
                tracing::warn!(
                    peer = %peer.id, stays = %earlier_address, refused = %address,
                    "two nodes that live have one name: give each an ID of its own"
                );
            }
            Some(format!("another node of this name lives, connected from {earlier_address}"))
        }
    }
}

/// Says why, as the first and last message of the connection `[ND-20]`.
pub(crate) async fn refuse(handshake: &mut Handshake, mut driver: Driver, session: &Session, why: &str) {
    let mut last = LastWord::default();
    // `go` first, if that was for us to say: before it there are no messages.
    handshake.poll_transmit(clock::now(), &mut last.0);
    if let Err(error) = Frame::write(session.send, "", &(NO, why), None, usize::MAX, &mut last.0) {
        tracing::debug!(%error, "a refusal was not written");
    }
    let late = after(clock::now(), LAST_WORDS);
    drop(driver.finish(&mut last, late).await);
}

impl Inner {
    /// Asks the node port for the time, over this connection alone, with an answer that comes to our own; the
    /// question's number.
    fn ask_whether_alive(self: &Arc<Self>, peer: &Arc<Peer>, epoch: u64) -> u64 {
        let mut state = peer.lock();
        state.vigil.asked += 1;
        let number = state.vigil.asked;
        if state.route.is_connection(epoch) {
            let extra = vec![Value::from(ALIVE), Value::from(number.to_string())];
            let question = NodeRequest::Time { reply: self.id.port(), extra }.into_message();
            match state.route.send("", &question, None, Lane::Control, &self.limits) {
                Ok(sent) => self.follow(peer, state, &sent),
                Err(error) => tracing::debug!(peer = %peer.id, %error, "a question was not sent"),
            }
        }
        number
    }

    /// Takes a message that is about lives of one name; false if it is not.
    pub(crate) fn on_rival_request(&self, peer: &Peer, tag: &str, args: &[Value]) -> bool {
        let first = args.first().and_then(Value::as_str);
        let mut state = peer.lock();
        match tag {
            ALIVE => {
                let number = first.and_then(|text| text.parse().ok());
                let is_asked = number.is_some_and(|number| (1..=state.vigil.asked).contains(&number));
                if let Some(number) = number.filter(|_| is_asked) {
                    state.vigil.answered = number.max(state.vigil.answered);
                    drop(state);
                    peer.changed.notify_waiters();
                }
                is_asked
            }
            NO if state.route.session().is_some_and(|session| session.instance.is_some()) => {
                drop(state);
                let why = shown(&first.unwrap_or_default());
                if self.rivalries.lock().first(peer.id.to_string(), clock::now()) {
                    tracing::warn!(peer = %peer.id, "the peer refuses us: {why}");
                }
                peer.doom(&format!("refused by the peer: {why}"));
                true
            }
            _ => false,
        }
    }
}

/// A protocol that has something to say and nothing to hear.
#[derive(Debug, Default)]
struct LastWord(BytesMut);

impl Protocol for LastWord {
    type Event = std::convert::Infallible;
    type Error = std::convert::Infallible;

    fn handle_bytes(&mut self, _: Instant, input: &mut BytesMut) -> Result<(), Self::Error> {
        input.clear();
        Ok(())
    }

    fn handle_eof(&mut self, _: Instant) -> Result<(), Self::Error> {
        Ok(())
    }

    fn handle_timeout(&mut self, _: Instant) -> Result<(), Self::Error> {
        Ok(())
    }

    fn poll_transmit(&mut self, _: Instant, out: &mut BytesMut) -> bool {
        let some = !self.0.is_empty();
        out.extend_from_slice(&self.0.split());
        some
    }

    fn poll_event(&mut self) -> Option<Self::Event> {
        None
    }

    fn poll_timeout(&self) -> Option<Instant> {
        None
    }
}
