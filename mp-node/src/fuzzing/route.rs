//! One peer: what waits for it, and who watches its ports.

use std::collections::{BTreeMap, VecDeque};

use arbitrary::{Result, Unstructured};
use bytes::BytesMut;
use mp_proto::{Connection, Frame, Framing, InstanceId, Limits, NodeId, Protocol, Session, Side};

use mp_transport::clock;

use crate::kernel::bulk::{COST, Taken};
use crate::kernel::outbox::{Lane, Room};
use crate::kernel::route::{Route, Sent};

const OPERATIONS: usize = 300;
const PORTS: [&str; 3] = ["", "p", "q"];
/// More than goes whole.
const LARGE: usize = 1500;
/// Always the same, so that an input means the same whatever is compiled in.
const FRAMINGS: [Framing; 3] = [Framing::Json, Framing::Cbor, Framing::Postcard];

/// Any order of sending, watching, connecting and losing: what goes out to a port is what was sent, in that order and once,
/// in pieces or whole; if
/// something is lost, all watchers have been given back before what is sent later can go out (law 4); each watcher comes
/// back once; and no more waits than may.
pub fn kernel_route(data: &[u8]) {
    operate(&mut Unstructured::new(data)).expect("what is left of an input that is used up is zero");
}

struct Model {
    route: Route<u64>,
    limits: Limits,
    epoch: u64,
    /// The peer's end of the connection.
    up: Option<Connection>,
    /// Its end is being told.
    losing: bool,
    number: u64,
    waiting: VecDeque<u64>,
    watchers: BTreeMap<u64, &'static str>,
}

fn operate(u: &mut Unstructured<'_>) -> Result<()> {
    let mut limits = Limits::default();
    limits.outbox_bytes = u.int_in_range(1..=300)?;
    limits.outbox_control_bytes = u.int_in_range(1..=300)?;
    limits.large_message = 0; // The least that can be.
    limits.monitors_per_peer = 3;
    let mut model = Model {
        route: Route::new(&limits),
        limits,
        epoch: 0,
        up: None,
        losing: false,
        number: 0,
        waiting: VecDeque::new(),
        watchers: BTreeMap::new(),
    };
    for _ in 0..OPERATIONS {
        if u.is_empty() {
            break;
        }
        model.step(u)?;
        // One message more than the bound, and what a message counts beside its bytes. Control that waited for the
        // connection counts as data until it has gone.
        let message = LARGE + 128 + COST;
        let most = model.limits.outbox_bytes + model.limits.outbox_control_bytes + message;
        assert!(model.route.waiting() <= most, "{} bytes of {most}", model.route.waiting());
        assert_eq!(model.route.is_up(), model.up.is_some());
    }
    Ok(())
}

impl Model {
    fn step(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
        match u.int_in_range(0..=11)? {
            0..=2 => self.send(0),
            3 => self.send(u.int_in_range(0..=LARGE)?),
            4 => self.watch(u.choose(&PORTS)?),
            5 => self.unwatch(u)?,
            6 => self.establish(*u.choose(&FRAMINGS)?, u.arbitrary()?),
            7 => {
                let late = u.ratio(1, 4)? && self.epoch > 0;
                assert!(!late || self.route.lost(self.epoch - 1).is_none(), "an old attempt ends nothing");
                if !late {
                    self.lose();
                }
            }
            8 => self.settle(),
            9 => {
                let port = *u.choose(&PORTS)?;
                let mut died = self.route.died(port);
                died.sort_unstable();
                assert_eq!(died, if port.is_empty() { Vec::new() } else { self.take_watchers(Some(port)) });
            }
            10 => self.transmit(u.arbitrary()?),
            _ => {
                if self.route.retire() {
                    assert!(self.up.is_none() && self.watchers.is_empty() && self.waiting.is_empty());
                    self.renew();
                }
            }
        }
        Ok(())
    }

    /// The record is out of use: its owner makes another.
    fn renew(&mut self) {
        assert!(self.route.is_gone());
        (self.route, self.epoch) = (Route::new(&self.limits), 0);
    }

    fn take_watchers(&mut self, port: Option<&str>) -> Vec<u64> {
        let is_of = |of: &&str| port.is_none_or(|port| port == *of);
        let ids: Vec<u64> = self.watchers.iter().filter(|(_, of)| is_of(of)).map(|(id, _)| *id).collect();
        self.watchers.retain(|_, of| !is_of(of));
        ids
    }

    fn follow(&mut self, sent: &Sent) {
        match sent {
            Sent::Connect(epoch) => self.epoch = *epoch,
            Sent::Flooded => self.lose(),
            Sent::Gone => self.renew(),
            Sent::Queued | Sent::Wake | Sent::Full(_) | Sent::Large => {}
        }
    }

    fn send(&mut self, padding: usize) {
        self.number += 1;
        let message = (self.number, "x".repeat(padding));
        let mut sent = self.route.send("p", &message, None, Lane::Data, &self.limits).expect("it is short");
        if let Sent::Full(room) = sent {
            assert!(!self.route.has_room(room, &self.limits), "there is room");
        }
        if sent == Sent::Large {
            assert!(!self.route.has_room(Room::Large, &self.limits), "it is kept for this one");
            let mut frame = BytesMut::new();
            Frame::write(Framing::Postcard, "p", &message, None, usize::MAX, &mut frame)
                .expect("it is short");
            sent = self
                .route
                .send_frame("p", frame.freeze().into(), Lane::Data, &self.limits)
                .expect("it is short");
            self.route.encoded();
        }
        if matches!(sent, Sent::Queued | Sent::Wake | Sent::Connect(_)) {
            self.waiting.push_back(self.number);
        }
        self.follow(&sent);
    }

    fn watch(&mut self, port: &'static str) {
        self.number += 1;
        let sent = self.route.watch(port, self.number, self.number, &self.limits);
        if sent != Sent::Gone {
            self.watchers.insert(self.number, port);
        }
        self.follow(&sent);
    }

    fn unwatch(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
        let id = u.int_in_range(0..=self.number)?;
        let known = self.watchers.remove(&id);
        let (found, sent) = self.route.unwatch(known.unwrap_or("p"), id, &self.limits);
        assert_eq!(found, known.map(|_| id), "a watcher comes back once");
        self.follow(&sent);
        Ok(())
    }

    fn establish(&mut self, send: Framing, pieces: bool) {
        if !send.is_available() {
            return;
        }
        let plain = Session::new(NodeId::new("peer").expect("valid"), Side::Dialled, send);
        let session = Session { instance: Some(InstanceId(1)), pieces, many: true, ..plain };
        let peer = Connection::new(session.clone(), &Limits::default(), clock::now()).expect("compiled in");
        match self.route.established(session, &self.limits) {
            Ok(Some(epoch)) => {
                assert!(self.up.is_none() && !self.losing);
                (self.epoch, self.up) = (epoch, Some(peer));
            }
            Ok(None) => assert!(self.up.is_some() || self.losing),
            Err(error) => panic!("{error}"),
        }
    }

    fn lose(&mut self) {
        let Some(loss) = self.route.lost(self.epoch) else { return };
        assert_eq!(loss.was_up, self.up.take().is_some());
        assert!(loss.messages >= self.waiting.len(), "what is lost is counted");
        let mut told = loss.watchers;
        told.sort_unstable();
        assert_eq!(told, self.take_watchers(None), "all watchers are told");
        self.waiting.clear();
        self.losing = true;
    }

    fn settle(&mut self) {
        if let Some(epoch) = self.route.settled() {
            assert!(self.losing);
            self.epoch = epoch;
        } else {
            assert!(!self.losing || (self.waiting.is_empty() && self.watchers.is_empty()), "forgotten");
        }
        self.losing = false;
    }

    /// The connection writes once, or as long as there is something to write.
    fn transmit(&mut self, all: bool) {
        loop {
            let mut out = BytesMut::new();
            let taken = self.route.transmit(&mut out);
            taken.join(&mut out);
            let Some(peer) = &mut self.up else {
                assert!(out.is_empty() && taken == Taken::default(), "without a connection");
                return;
            };
            assert!(!out.is_empty() || !taken.left, "what waits does not go");
            peer.handle_bytes(clock::now(), &mut out).expect("no bad message");
            while let Some(incoming) = peer.poll_event() {
                if incoming.port() == "p" {
                    let (number, _) = incoming.frame.decode::<(u64, String)>().expect("as it was written");
                    assert_eq!(Some(number), self.waiting.pop_front(), "in order, and once");
                }
            }
            if !all || !taken.left {
                assert!(taken.left || self.waiting.is_empty(), "all that waits goes");
                return;
            }
        }
    }
}
