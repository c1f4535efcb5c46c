//! Coming to terms with the node at the other end of a pipe.

use std::sync::Arc;

use bytes::BytesMut;
use mp_proto::{
    AuthMethod, Handshake, HandshakeError, HandshakeEvent, NodeId, Nonce, Protocol, Session, Side,
};
#[cfg(feature = "tls")]
use mp_transport::error::plain_text;
use mp_transport::{DriveError, Driver, Kick, Pipe, clock};

use crate::node::Inner;
use crate::runtime::claims::Claim;
use crate::runtime::link;
use crate::runtime::peer::Adopted;

/// A connection that was taken up, with all that is needed to serve it.
pub(crate) struct Met {
    pub(crate) session: Session,
    adopted: Adopted,
    driver: Driver,
    first: BytesMut,
}

/// Why two nodes did not come to terms.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MeetError {
    #[error(transparent)]
    Handshake(Box<HandshakeError>),
    #[error("{0}")]
    Io(String),
    #[cfg(feature = "tls")]
    #[error(transparent)]
    Tls(mp_transport::TlsError),
    #[error("{0} is connected already")]
    Duplicate(NodeId),
    #[error("the node is being shut down")]
    ShutDown,
}

impl Met {
    /// Serves the connection in a task of its own.
    pub(crate) fn serve(self, node: &Arc<Inner>) {
        let serving =
            link::serve(Arc::clone(node), self.adopted, self.session, self.driver, self.first, clock::now());
        node.spawn_task(serving);
    }
}

/// Shakes hands over `pipe`. Nothing that the peer claims has an effect before it is authenticated `[CN-06]`.
pub(crate) async fn meet(node: &Arc<Inner>, pipe: Pipe, side: Side) -> Result<Met, MeetError> {
    let mut nonce = [0_u8; Nonce::LEN];
    node.rng.lock().fill(&mut nonce).map_err(|error| MeetError::Io(error.to_string()))?;
    let address = pipe.peer_addr().to_string();
    let mut handshake =
        Handshake::new(Arc::clone(&node.handshake), side, Nonce::new(nonce), address, clock::now());
    let mut driver = Driver::new(pipe);
    let mut claim = None;
    let mut authenticated = None;
    loop {
        let event = tokio::select! {
            biased;
            event = driver.next(&mut handshake) => event,
            () = node.claims.changed(), if claim.is_some() => {
                proceed_if_first(&mut handshake, claim.as_ref(), &driver.kick());
                continue;
            }
        };
        match event {
            Ok(HandshakeEvent::PeerGreeted { .. }) => {}
            Ok(HandshakeEvent::StartTls { role }) => {
                driver = node.tls.start(driver, &mut handshake, role).await?;
            }
            Ok(HandshakeEvent::Authenticated { node: peer, instance, decider }) => {
                authenticated = Some(peer.clone());
                warn_of_weak_proof(&handshake, &peer);
                let wanted =
                    node.known_peer(peer.as_str()).is_some_and(|known| known.lock().route.has_queue());
                if node.is_draining() && !wanted {
                    return Err(MeetError::ShutDown);
                }
                if decider {
                    return decide(node, handshake, driver, &peer, instance);
                }
                if instance.is_none() {
                    if node.is_connected(&peer) {
                        return Err(MeetError::Duplicate(peer));
                    }
                    claim = Some(node.claims.claim(peer));
                    proceed_if_first(&mut handshake, claim.as_ref(), &driver.kick());
                }
            }
            Ok(HandshakeEvent::Established(session)) => return adopt(node, handshake, driver, session),
            Err(error) => return Err(failed(node, error, authenticated)),
        }
    }
}

/// A peer that is not of our kind switches to this connection when it has our AUTH line, so only the first of several
/// with the same peer may send it `[CN-07]`.
fn proceed_if_first(handshake: &mut Handshake, claim: Option<&Claim>, kick: &Kick) {
    if claim.is_some_and(Claim::is_first) && handshake.proceed() {
        kick.wake();
    }
}

/// We are the decider: this connection is used, unless there is another one with the same life of the peer `[CN-05]`.
fn decide(
    node: &Arc<Inner>,
    mut handshake: Handshake,
    driver: Driver,
    peer: &NodeId,
    instance: Option<mp_proto::InstanceId>,
) -> Result<Met, MeetError> {
    // Two tasks may be here for the same peer: what is looked at and what is done about it must be one step.
    let deciding = node.deciding.lock();
    let known = node.known_peer(peer.as_str());
    let duplicate = known.is_some_and(|known| {
        known.lock().route.session().is_some_and(|session| session.instance == instance)
    });
    if duplicate || !handshake.admit() {
        return Err(MeetError::Duplicate(peer.clone()));
    }
    let Some(HandshakeEvent::Established(session)) = handshake.poll_event() else {
        return Err(MeetError::Duplicate(peer.clone()));
    };
    let met = adopt(node, handshake, driver, session);
    drop(deciding);
    met
}

fn adopt(
    node: &Arc<Inner>,
    mut handshake: Handshake,
    driver: Driver,
    session: Session,
) -> Result<Met, MeetError> {
    let mut first = BytesMut::new();
    handshake.poll_transmit(clock::now(), &mut first);
    match node.establish(&session, &driver.kick()) {
        Some(adopted) => Ok(Met { session, adopted, driver, first }),
        None => Err(MeetError::Duplicate(session.peer)),
    }
}

fn failed(node: &Inner, error: DriveError<HandshakeError>, authenticated: Option<NodeId>) -> MeetError {
    // A decider that has a connection with us already closes this one without a word.
    if let Some(peer) = authenticated
        && node.is_connected(&peer)
    {
        return MeetError::Duplicate(peer);
    }
    match error {
        DriveError::Protocol(error) => MeetError::Handshake(Box::new(error)),
        #[cfg(feature = "tls")]
        DriveError::Io(error) => MeetError::broken(error),
        error => MeetError::Io(error.to_string()),
    }
}

impl MeetError {
    /// The pipe broke, maybe because of what TLS found.
    #[cfg(feature = "tls")]
    pub(crate) fn broken(error: std::io::Error) -> Self {
        error.downcast().map_or_else(|error| Self::Io(plain_text(&error)), Self::Tls)
    }
}

/// Who configured these proofs has been warned; still it should be seen whom they let in.
fn warn_of_weak_proof(handshake: &Handshake, peer: &NodeId) {
    match handshake.proof() {
        Some(AuthMethod::TlsAnon) => {
            tracing::warn!(%peer, "the peer has proven nothing about its name (tls_anon)");
        }
        Some(AuthMethod::Cleartext) if !handshake.is_within_tls() => {
            tracing::warn!(%peer, "the peer has sent the secret for all on the wire to see (cleartext)");
        }
        _ => {}
    }
}
