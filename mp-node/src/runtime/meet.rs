//! Coming to terms with the node at the other end of a pipe.

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use mp_proto::{
    AuthMethod, Handshake, HandshakeError, HandshakeEvent, NodeId, Nonce, Protocol, Session, Side,
};
#[cfg(feature = "tls")]
use mp_transport::error::plain_text;
use mp_transport::{DriveError, Driver, Pipe, clock};

use crate::node::Inner;
use crate::runtime::claims::Claim;
use crate::runtime::link;
use crate::runtime::peer::{Peer, Span};
use crate::runtime::rival;
use crate::stats::HandshakeFailure;
use crate::stats::figures::{Figures, Origin};
use crate::sync::after;

/// So much later than the end of a handshake may come what the peer has said over the connection that it prefers.
const CROSSING: Duration = Duration::from_millis(500);

/// A connection that was taken up, with all that is needed to serve it.
pub(crate) struct Met {
    carrier: Carrier,
    session: Session,
    span: Span,
    driver: Driver,
    first: BytesMut,
    figures: Arc<Figures>,
}

/// Why two nodes did not come to terms.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MeetError {
    #[error(transparent)]
    Handshake(Box<HandshakeError>),
    #[error("{0}")]
    Io(String),
    /// The peer had gone before it had read what we said.
    #[error("{0}")]
    Unheard(String),
    #[error("{0}")]
    Refused(String),
    #[cfg(feature = "tls")]
    #[error(transparent)]
    Tls(mp_transport::TlsError),
    #[error("{0} is connected already")]
    Duplicate(NodeId),
    #[error("the node is being shut down")]
    ShutDown,
}

/// Why, and who the peer says it is, as far as it came to that: for the log, and for nothing else.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) error: MeetError,
    pub(crate) claims: Option<NodeId>,
}

/// What carries a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Carrier {
    /// The transport.
    Transport,
    /// Connections with and of other nodes.
    Relays,
}

impl Met {
    /// Serves the connection in a task of its own; gives the peer's name.
    pub(crate) fn serve(self, node: &Arc<Inner>) -> NodeId {
        let peer = self.session.peer.clone();
        node.spawn_task(link::serve(
            Arc::clone(node),
            self.span,
            self.session,
            self.driver,
            self.first,
            self.carrier,
            self.figures,
        ));
        peer
    }
}

/// Shakes hands over `pipe`. Nothing that the peer claims has an effect before it is authenticated `[ND-06]`.
pub(crate) async fn meet(
    node: &Arc<Inner>,
    pipe: Pipe,
    side: Side,
    carrier: Carrier,
) -> Result<Met, Failure> {
    let mut claims = None;
    let met = shake(node, pipe, side, carrier, &mut claims).await;
    if let Err(error) = &met
        && let Some(why) = HandshakeFailure::of(error, side)
    {
        node.stats.handshake_failed(why);
    }
    met.map_err(|error| Failure { error, claims })
}

async fn shake(
    node: &Arc<Inner>,
    pipe: Pipe,
    side: Side,
    carrier: Carrier,
    claims: &mut Option<NodeId>,
) -> Result<Met, MeetError> {
    let begun = node.claims.begin();
    let mut nonce = [0_u8; Nonce::LEN];
    node.rng.lock().fill(&mut nonce).map_err(|error| MeetError::Io(error.to_string()))?;
    let address = pipe.peer_addr().to_string();
    let terms = node.terms();
    let config = Arc::clone(&terms.handshake);
    let mut handshake = Handshake::new(config, side, Nonce::new(nonce), address, clock::now());
    let mut driver = Driver::new(pipe);
    let mut claim: Option<Claim> = None;
    let mut tls = None;
    // Whether somebody of the claimed name has a connection with us, at whatever time while this goes on.
    let mut is_beside = false;
    loop {
        let event = tokio::select! {
            biased;
            duplicate = voided(claim.as_ref()) => return Err(duplicate),
            event = driver.next(&mut handshake) => event,
        };
        *claims = handshake.claims().cloned();
        is_beside |= claims.as_ref().is_some_and(|name| node.is_connected(name) || begun.is_past(name));
        let mut event = match event {
            Ok(event) => event,
            Err(error) => {
                let is_unheard = went_unheard(side, &handshake, &driver, &error);
                let error = failed(node, error, claim.as_ref()).await;
                let name = claims.clone().filter(|_| is_beside && side == Side::Accepted);
                return Err(match name {
                    Some(name) if has_ended(&error) => MeetError::Duplicate(name),
                    _ if is_unheard && has_ended(&error) => MeetError::Unheard(error.to_string()),
                    _ => error,
                });
            }
        };
        // What the handshake has to say to the peer waits until the driver is asked again: a connection is taken up
        // before the peer hears that it is.
        loop {
            match event {
                HandshakeEvent::PeerGreeted { .. } => {}
                HandshakeEvent::StartTls { role } => {
                    let version;
                    (driver, version) = terms.tls.start(driver, &mut handshake, role).await?;
                    tls = Some(version);
                }
                HandshakeEvent::Authenticated { node: peer, .. } => {
                    warn_of_weak_proof(node, &handshake, &peer);
                    if node.is_draining() && !node.is_wanted(&peer, side) {
                        return Err(MeetError::ShutDown);
                    }
                    claim = Some(begun.claim(peer));
                    // One of these decides, if that is for us to do; otherwise neither does anything.
                    handshake.admit();
                    handshake.proceed();
                }
                HandshakeEvent::Established(session) => {
                    return adopt(node, handshake, driver, session, claim, (carrier, tls)).await;
                }
            }
            match handshake.poll_event() {
                Some(next) => event = next,
                None => break,
            }
        }
    }
}

async fn voided(claim: Option<&Claim>) -> MeetError {
    match claim {
        Some(claim) => {
            claim.voided().await;
            MeetError::Duplicate(claim.node().clone())
        }
        None => std::future::pending().await,
    }
}

/// Takes up the connection, unless another one was quicker or stands. So a peer of another kind, which switches to a
/// connection as soon as it has our proof, gets it over the one that is taken up alone `[ND-05]`. One that is over, be it that the peer was
/// restarted or that the peer has given it up, must end here first: nothing that came over it is delivered after
/// something that comes over the new one `[ND-03]`.
async fn adopt(
    node: &Arc<Inner>,
    mut handshake: Handshake,
    driver: Driver,
    session: Session,
    claim: Option<Claim>,
    (carrier, tls): (Carrier, Option<&'static str>),
) -> Result<Met, MeetError> {
    let duplicate = || MeetError::Duplicate(session.peer.clone());
    let claim = claim.ok_or_else(duplicate)?;
    let address = driver.pipe().peer_addr().clone();
    // The peer has decided, but not when we hear of it: its `go` may be older than that of a connection that we have had
    // in the meantime.
    let is_followed = session.instance.is_some() && !session.decider(&node.id);
    loop {
        let (peer, epoch, is_rival) = {
            // Two tasks may be here for the same peer: what is looked at and what is done about it is one step.
            let _deciding = node.deciding.lock();
            match node.connection_beside(&session) {
                _ if claim.is_void() || is_followed && claim.is_past() => return Err(duplicate()),
                Beside::Standing => return Err(duplicate()),
                Beside::Nothing => {
                    claim.win();
                    let mut first = BytesMut::new();
                    handshake.poll_transmit(clock::now(), &mut first);
                    let relayed = carrier == Carrier::Relays;
                    let origin = Origin { address, relayed, auth: handshake.proof(), tls };
                    let figures = Arc::new(Figures::new(origin, &session, clock::now()));
                    let span = node.establish(&session, &driver.kick(), &figures)?;
                    return Ok(Met { carrier, session, span, driver, first, figures });
                }
                Beside::Obsolete(peer, epoch) => (peer, epoch, false),
                Beside::Rival(peer, epoch) => (peer, epoch, true),
            }
        };
        if is_rival && let Some(why) = rival::refusal(node, &peer, epoch, &address).await {
            rival::refuse(&mut handshake, driver, &session, &why).await;
            return Err(duplicate());
        }
        peer.doom_connection(epoch, "replaced by a new connection");
        peer.wait_for(|state| (!state.route.is_connection(epoch)).then_some(())).await;
    }
}

/// Which connection there is already with the peer of a new one.
enum Beside {
    Nothing,
    /// One that goes on.
    Standing,
    /// One that is over, though we have not noticed yet.
    Obsolete(Arc<Peer>, u64),
    /// One of another life, of which the peer may have come to its end or not.
    Rival(Arc<Peer>, u64),
}

#[cfg(feature = "tls")]
impl MeetError {
    /// A pipe broke, be it that TLS within it did.
    pub(crate) fn broken(error: std::io::Error) -> Self {
        error.downcast().map_or_else(|error| Self::Io(plain_text(&error)), Self::Tls)
    }
}

/// What is valid only because the configuration says so should be seen, and whom it lets in `[TLS-03]`.
fn warn_of_weak_proof(node: &Inner, handshake: &Handshake, peer: &NodeId) {
    let what = match handshake.proof() {
        // [HS-20]: when nobody is complained of any more, the old secret can go.
        _ if handshake.is_proof_old() => {
            "the peer still has the old secret: give it the new one, then remove `old_secret` everywhere"
        }
        Some(AuthMethod::TlsAnon) => "the peer has proven nothing about its name (tls_anon)",
        Some(AuthMethod::Cleartext) if !handshake.is_within_tls() => {
            "the peer has sent the secret for all on the wire to see (cleartext)"
        }
        _ => return,
    };
    if node.complaints.lock().first(format!("{peer} {what}"), clock::now()) {
        tracing::warn!(%peer, "{what}");
    }
}

/// Whether the peer has ended it, and not we. Of one that has come to us under the name of a node that has a connection
/// with us, nothing rests on this but whether it is counted and warned of.
fn has_ended(error: &MeetError) -> bool {
    match error {
        MeetError::Handshake(error) => matches!(**error, HandshakeError::Closed { .. }),
        MeetError::Io(_) => true,
        _ => false,
    }
}

/// Whether a peer that came to us has gone without having heard us out, so that it was not what we said that it went for:
/// such as one that has grown tired of waiting for a process that was frozen. Its pipe breaks, where that of a peer
/// which refuses us ends. Within TLS the two cannot be told apart.
fn went_unheard(
    side: Side,
    handshake: &Handshake,
    driver: &Driver,
    error: &DriveError<HandshakeError>,
) -> bool {
    use std::io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset};

    let breaks = match error {
        DriveError::Io(error) => {
            matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset)
        }
        _ => driver.is_broken(),
    };
    side == Side::Accepted && breaks && !handshake.is_within_tls()
}

/// What an error of the driver comes to.
async fn failed(node: &Inner, error: DriveError<HandshakeError>, claim: Option<&Claim>) -> MeetError {
    let has_closed = matches!(error, DriveError::Io(_) | DriveError::Protocol(HandshakeError::Closed { .. }));
    if let Some(claim) = claim
        && (node.is_connected(claim.node()) || has_closed && lost_to_another(node, claim).await)
    {
        return MeetError::Duplicate(claim.node().clone());
    }
    match error {
        DriveError::Protocol(error) => MeetError::Handshake(Box::new(error)),
        #[cfg(feature = "tls")]
        DriveError::Io(error) => MeetError::broken(error),
        error => MeetError::Io(error.to_string()),
    }
}

/// Whether the peer, which has proven who it is, has ended this handshake for another connection with us. A decider that
/// has one does so without a word, and its end may come here before its `go` comes over the other one.
async fn lost_to_another(node: &Inner, claim: &Claim) -> bool {
    tokio::select! {
        biased;
        () = claim.voided() => true,
        () = clock::sleep_until(after(clock::now(), CROSSING)) => node.is_connected(claim.node()),
    }
}

impl Inner {
    /// Among our own kind the decider stays with the connection that it has, and the other node does as it is told, as
    /// long as the peer lives the same life. Peers of other kinds do not tell their lives apart: their newcomers lose
    /// `[ND-04]`.
    fn connection_beside(&self, new: &Session) -> Beside {
        let Some(peer) = self.known_peer(new.peer.as_str()) else {
            return Beside::Nothing;
        };
        let state = peer.lock();
        let Some(old) = state.route.session() else {
            return Beside::Nothing;
        };
        let same_life = new.decider(&self.id) && new.instance == old.instance;
        if new.instance.is_none() || same_life {
            return Beside::Standing;
        }
        let is_rival = old.instance.is_some() && new.instance != old.instance;
        let epoch = state.route.epoch();
        drop(state);
        if is_rival { Beside::Rival(peer, epoch) } else { Beside::Obsolete(peer, epoch) }
    }

    /// Whether a node that is being shut down has use for a connection: for one that it is making itself, and for one
    /// over which something can go that waits.
    fn is_wanted(&self, peer: &NodeId, side: Side) -> bool {
        let has_queue = |known: Arc<Peer>| known.lock().route.has_queue();
        side == Side::Dialled || self.known_peer(peer.as_str()).is_some_and(has_queue)
    }
}
