//! How two nodes begin to talk: greetings, proofs of the shared secret, and the choice of one connection.
//!
//! Both sides do the same. Without waiting, each sends two lines: its [greeting](crate::Greeting) and its nonce. Having
//! read the other's, it sends a third: its proof of the secret and the framing that it will write. When the other's
//! proof has been verified, messages may follow. Where both want TLS, it starts directly behind the second lines, and
//! the proofs are sent within it.
//!
//! ```text
//! state           waits for              then                                        next state
//! AwaitGreeting   the greeting's line                                                AwaitNonce
//! AwaitNonce      the nonce's line       PeerGreeted; our proof is sent, or held     AwaitAuth
//!                                          both want TLS: StartTls                   AwaitTls
//! AwaitTls        `tls_started()`        our proof is sent, or held                  AwaitAuth
//! AwaitAuth       the proof's line       Authenticated                               by kind of the peer:
//!                                          own kind, we decide                       AwaitAdmit
//!                                          own kind, the peer decides                AwaitGo
//!                                          other, our proof is sent                  Established
//!                                          other, our proof is held                  AwaitProceed
//! AwaitAdmit      `admit()`              `go` is sent                                Established
//! AwaitGo         the line `go`                                                      Established
//! AwaitProceed    `proceed()`            our proof is sent                           Established
//! Established     nothing                input is left to the connection
//! any but the last: an error, the end of input or the deadline                       Spent
//! ```
//!
//! # One connection between two nodes
//!
//! Two nodes that dial each other at the same time have two connections for a moment, and must agree on one before
//! either sends a message on the other.
//!
//! *Between nodes of our own kind* (both greetings say `mp=1`) a connection carries nothing until it is admitted
//! `[HS-15]`. The **decider** is the node whose ID is bytewise the smaller one. Its owner hears
//! [`Authenticated`](HandshakeEvent::Authenticated) and calls [`Handshake::admit`], which sends the line `go`, or drops
//! the handshake because it has another connection with the same instance of the peer. The other node waits for `go` and
//! does as it is told: when it arrives, an older connection with that peer is obsolete. As a connection is admitted by
//! one node only, and only after both proofs were verified, what a stranger claims never counts.
//!
//! | the decider's other connection with this peer | it should |
//! |---|---|
//! | none | admit |
//! | admitted, same instance | drop the new one |
//! | admitted, another instance | drop the old one, unless it lives: the peer was restarted, or has a twin; admit the new one |
//! | authenticated, not admitted yet | admit either, drop the other |
//!
//! *A Perl node* takes a connection for made as soon as it has seen our proof, and is confused by a second one
//! `[HS-16]`. With [`HandshakeConfig::hold_auth`] our proof is held until the owner calls [`Handshake::proceed`]; a
//! careful owner waits for `Authenticated` (Perl does not hold its own proof), and then proceeds only if it has no other
//! handshake with that node whose proof was sent. If that one fails, it may still proceed with this one.

mod await_auth;
mod await_greeting;
mod await_nonce;
mod await_tls;
mod config;
mod context;
mod decide;
mod error;

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use bytes::BytesMut;

pub use config::{HandshakeConfig, InstanceId, Session, Side, TlsRole};
pub(crate) use error::shown;
pub use error::{HandshakeError, Stage};

use crate::{AuthMethod, Greeting, NodeId, Nonce, Protocol, TlsBinding};
use await_auth::AwaitAuth;
use await_greeting::AwaitGreeting;
use await_nonce::AwaitNonce;
use await_tls::AwaitTls;
use context::{Context, Which};
use decide::{AwaitAdmit, AwaitGo, AwaitProceed};

/// One handshake, of either side. See the [module](self) for its states.
pub struct Handshake {
    context: Context,
    state: State,
}

/// Without what goes in and out: a proof can be the secret itself.
impl fmt::Debug for Handshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handshake").field("stage", &self.stage()).finish_non_exhaustive()
    }
}

/// What the owner of a handshake is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HandshakeEvent {
    /// The peer's greeting is in order. Anyone can claim to be `node`: nothing may depend on it yet `[HS-17]`.
    PeerGreeted {
        /// Who the peer says it is.
        node: NodeId,
        /// Whether it says that it is of our own kind.
        ours: bool,
    },
    /// TLS has to start now: both sides want it `[TLS-04]`. The owner writes what
    /// [`poll_transmit`](Protocol::poll_transmit) has, lets TLS take the pipe over with what of the input is unread, and
    /// calls [`Handshake::tls_started`]; the handshake then goes on within TLS. Its deadline holds for TLS, too.
    StartTls {
        /// Which part we play.
        role: TlsRole,
    },
    /// The peer has proven that it knows the secret, and that it sent this very greeting.
    Authenticated {
        /// Who the peer is.
        node: NodeId,
        /// Its life, if it is a node of our own kind.
        instance: Option<InstanceId>,
        /// Whether we are the one who must [`admit`](Handshake::admit) the connection.
        decider: bool,
    },
    /// Messages may flow. What is left of the input belongs to the connection `[HS-18]`.
    Established(Session),
}

enum State {
    AwaitGreeting(AwaitGreeting),
    AwaitNonce(AwaitNonce),
    AwaitTls(AwaitTls),
    AwaitAuth(AwaitAuth),
    AwaitProceed(AwaitProceed),
    AwaitAdmit(AwaitAdmit),
    AwaitGo(AwaitGo),
    Established,
    Spent,
}

impl Handshake {
    /// Begins at the time `now`: the first two lines are ready to be sent. `peer_addr` is the other end's address,
    /// which it is told in our greeting.
    #[must_use]
    pub fn new(
        config: Arc<HandshakeConfig>,
        side: Side,
        nonce: Nonce,
        peer_addr: impl AsRef<str>,
        now: Instant,
    ) -> Self {
        let greeting = Greeting::own(&config, peer_addr.as_ref());
        Self::with_greeting(config, side, nonce, &greeting, now)
    }

    /// Begins with a greeting of the caller's making: to play a node of another kind in tests and simulations. Whatever
    /// it promises, only what `config` has is taken.
    #[must_use]
    pub fn with_greeting(
        config: Arc<HandshakeConfig>,
        side: Side,
        nonce: Nonce,
        greeting: &Greeting,
        now: Instant,
    ) -> Self {
        let context = Context::new(config, side, nonce, greeting, now);
        Self { context, state: State::AwaitGreeting(AwaitGreeting::default()) }
    }

    /// Admits the connection: sends `go` and establishes it `[HS-15]`. Does nothing and gives false unless the last event
    /// was [`Authenticated`](HandshakeEvent::Authenticated) with `decider`.
    pub fn admit(&mut self) -> bool {
        match self.take() {
            State::AwaitAdmit(state) => {
                self.state = state.admit(&mut self.context);
                true
            }
            other => self.put_back(other),
        }
    }

    /// Goes on within TLS, whose channel has this binding `[TLS-07]`. Does nothing and gives false unless the last event
    /// was [`StartTls`](HandshakeEvent::StartTls).
    pub fn tls_started(&mut self, binding: TlsBinding) -> bool {
        match self.take() {
            State::AwaitTls(state) => {
                self.state = state.started(&mut self.context, binding);
                true
            }
            other => self.put_back(other),
        }
    }

    /// Who the peer says it is, once it has sent both lines of its greeting, whether they are in order or not. It serves
    /// the log alone `[HS-17]`.
    #[must_use]
    pub fn claims(&self) -> Option<&NodeId> {
        self.context.claims.as_ref()
    }

    /// How the peer has proven itself; `None` before it has. Who proved itself by [`TlsAnon`](AuthMethod::TlsAnon) has
    /// proven nothing.
    #[must_use]
    pub fn proof(&self) -> Option<AuthMethod> {
        self.context.proof.map(|(method, _)| method)
    }

    /// Whether the peer has proven itself with [`HandshakeConfig::old_secret`]: it has not been given the new one yet
    /// `[HS-20]`.
    #[must_use]
    pub fn is_proof_old(&self) -> bool {
        matches!(self.context.proof, Some((_, Which::Old)))
    }

    /// Whether TLS protects the conversation.
    #[must_use]
    pub fn is_within_tls(&self) -> bool {
        self.context.tls.is_some()
    }

    /// Sends our proof to a peer of another kind, if it is held `[HS-16]`. Does nothing and gives false if it is not: the
    /// peer has not greeted yet, is of our own kind, or has the proof already.
    pub fn proceed(&mut self) -> bool {
        match self.take() {
            State::AwaitAuth(state) if state.is_held() => {
                self.state = State::AwaitAuth(state.proceed(&mut self.context));
                true
            }
            State::AwaitProceed(state) => {
                self.state = state.proceed(&mut self.context);
                true
            }
            other => self.put_back(other),
        }
    }

    /// What is waited for; `None` when the handshake is over.
    #[must_use]
    pub fn stage(&self) -> Option<Stage> {
        match self.state {
            State::AwaitGreeting(_) => Some(Stage::Greeting),
            State::AwaitNonce(_) => Some(Stage::Nonce),
            State::AwaitTls(_) => Some(Stage::Tls),
            State::AwaitAuth(_) => Some(Stage::Auth),
            State::AwaitProceed(_) => Some(Stage::Proceed),
            State::AwaitAdmit(_) => Some(Stage::Admit),
            State::AwaitGo(_) => Some(Stage::Go),
            State::Established | State::Spent => None,
        }
    }

    fn take(&mut self) -> State {
        std::mem::replace(&mut self.state, State::Spent)
    }

    fn put_back(&mut self, state: State) -> bool {
        self.state = state;
        false
    }

    /// Takes one step; says whether another one may be possible.
    fn step(&mut self, input: &mut BytesMut) -> Result<bool, HandshakeError> {
        let Some(stage) = self.stage().filter(|stage| stage.reads_lines()) else { return Ok(false) };
        let line = self.context.lines.next(input).map_err(|_| HandshakeError::LineTooLong { stage });
        if let State::AwaitGreeting(state) = &mut self.state {
            state.judge_beginning(input, &line)?;
        }
        let Some(line) = line? else { return Ok(false) };
        self.state = match self.take() {
            State::AwaitGreeting(state) => State::AwaitNonce(state.on_line(&line)?),
            State::AwaitNonce(state) => state.on_line(&mut self.context, &line)?,
            State::AwaitAuth(state) => state.on_line(&mut self.context, &line)?,
            State::AwaitGo(state) => state.on_line(&mut self.context, &line)?,
            other => other,
        };
        Ok(true)
    }

    fn fail(&mut self, error: HandshakeError) -> HandshakeError {
        self.state = State::Spent;
        error
    }

    fn check_time(&mut self, now: Instant) -> Result<(), HandshakeError> {
        match (self.stage(), self.context.deadline) {
            (Some(stage), Some(deadline)) if now >= deadline => {
                Err(self.fail(HandshakeError::Timeout { stage }))
            }
            _ => Ok(()),
        }
    }
}

impl Protocol for Handshake {
    type Event = HandshakeEvent;
    type Error = HandshakeError;

    fn handle_bytes(&mut self, now: Instant, input: &mut BytesMut) -> Result<(), HandshakeError> {
        self.check_time(now)?;
        loop {
            match self.step(input) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => return Err(self.fail(error)),
            }
        }
        self.context.unread = !input.is_empty();
        Ok(())
    }

    fn handle_eof(&mut self, _: Instant) -> Result<(), HandshakeError> {
        let error = match (&self.state, self.stage()) {
            (State::AwaitGreeting(state), _) => state.closed(),
            (_, Some(stage)) => HandshakeError::Closed { stage },
            (_, None) => return Ok(()),
        };
        Err(self.fail(error))
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), HandshakeError> {
        self.check_time(now)
    }

    fn poll_transmit(&mut self, _: Instant, out: &mut BytesMut) -> bool {
        let some = !self.context.out.is_empty();
        out.extend_from_slice(&self.context.out.split());
        some
    }

    fn poll_event(&mut self) -> Option<HandshakeEvent> {
        self.context.events.pop_front()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.stage().and(self.context.deadline)
    }

    /// While the owner is deciding, one read's worth of input may wait, and no more. What comes next may belong to TLS.
    fn wants_input(&self) -> bool {
        let waits = |stage: Stage| stage != Stage::Tls && !self.context.unread;
        self.stage().is_some_and(|stage| stage.reads_lines() || waits(stage))
    }
}
