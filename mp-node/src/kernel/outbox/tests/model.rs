//! Any order of sending and writing, beside a model of what must not overtake what.

use proptest::prelude::{Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest};
use proptest::{collection, sample};

use super::lanes::{Peer, session};
use super::*;
use crate::kernel::bulk::COST;

const PORTS: [&str; 5] = ["a", "b", "c", "d", "e"];
const BOUND: usize = 8000;
const LARGE: usize = 1024;
const LONGEST: usize = 5000;

/// What is said.
#[derive(Debug, Clone, Copy, PartialEq)]
enum What {
    Message(usize),
    Notice(usize),
    Kill(usize),
    Watch(usize),
    Question,
    Death,
    Service,
    Passed,
    Carried,
}

#[derive(Debug, Clone)]
enum Step {
    Say(What, usize),
    Write { pieces: bool },
}

impl What {
    fn lane(self) -> Lane<'static> {
        match self {
            Self::Message(_) | Self::Question => Lane::Data,
            Self::Notice(_) | Self::Service => Lane::Control,
            Self::Kill(port) => Lane::About(PORTS[port]),
            Self::Watch(port) => Lane::Watch(PORTS[port]),
            Self::Death => Lane::Death,
            Self::Passed => Lane::Passed,
            Self::Carried => Lane::Carried,
        }
    }

    fn port(self) -> &'static str {
        match self {
            Self::Message(port) | Self::Notice(port) => PORTS[port],
            _ => "",
        }
    }

    /// The port that it is for, or that it kills.
    fn of(self) -> Option<usize> {
        match self {
            Self::Message(port) | Self::Notice(port) | Self::Kill(port) => Some(port),
            _ => None,
        }
    }

    /// Whether this, said earlier, must come before `later`.
    fn precedes(self, later: Self) -> bool {
        match later {
            Self::Message(_) | Self::Notice(_) | Self::Kill(_) => self.of() == later.of(),
            Self::Watch(port) => self == Self::Kill(port) || self == later,
            Self::Question | Self::Death => {
                self.of().is_some() || matches!(self, Self::Question | Self::Death)
            }
            Self::Service | Self::Passed => matches!(self, Self::Service | Self::Passed),
            Self::Carried => self == Self::Carried,
        }
    }
}

fn what() -> impl Strategy<Value = What> {
    let port = 0..PORTS.len();
    prop_oneof![
        6 => port.clone().prop_map(What::Message),
        1 => port.clone().prop_map(What::Notice),
        1 => port.clone().prop_map(What::Kill),
        1 => port.prop_map(What::Watch),
        2 => sample::select(vec![What::Question, What::Death, What::Service, What::Passed, What::Carried]),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let len = prop_oneof![3 => 0..50_usize, 2 => LARGE..LONGEST];
    prop_oneof![
        3 => (what(), len).prop_map(|(what, len)| {
            // Monitors and pieces of pipes are small.
            let small = matches!(what, What::Watch(_) | What::Carried);
            Step::Say(what, if small { len % 50 } else { len })
        }),
        2 => any::<bool>().prop_map(|pieces| Step::Write { pieces }),
    ]
}

/// The box, the peer's end, and what was said and heard.
struct Model {
    outbox: Outbox,
    peer: Peer,
    limits: Limits,
    said: Vec<What>,
    heard: Vec<usize>,
    taken: usize,
}

impl Model {
    fn new() -> Self {
        let mut limits = Limits::default();
        limits.outbox_bytes = BOUND;
        limits.outbox_control_bytes = 10 << 20;
        let outbox = Outbox::without_connection(LARGE);
        Self { outbox, peer: Peer::new(true), limits, said: Vec::new(), heard: Vec::new(), taken: 0 }
    }

    /// The connection has come.
    fn connect(&mut self) {
        let mut outbox = Outbox::new(&session(true), LARGE);
        outbox.append(&self.outbox, &self.limits).expect("encodes");
        self.outbox = outbox;
    }

    fn say(&mut self, what: What, len: usize) {
        let (port, lane) = (what.port(), what.lane());
        let message = (self.said.len().to_string(), "x".repeat(len));
        let offer = self.outbox.offer(port, &message, None, lane, &self.limits).expect("encodes");
        match offer {
            Offer::Full(room) => {
                assert!(lane.waits() && !self.outbox.has_room(room, &self.limits), "{what:?} finds no room");
                return;
            }
            Offer::Flooded => panic!("the bound on control is high"),
            Offer::Taken => {}
            Offer::Large => {
                let mut frame = BytesMut::new();
                Frame::write(Framing::Postcard, port, &message, None, usize::MAX, &mut frame)
                    .expect("encodes");
                // It lies in several places, of which some are larger than a piece and some are smaller.
                let mut frame = frame.freeze();
                let mut parts = Vec::new();
                while !frame.is_empty() {
                    parts.push(frame.split_to(frame.len().min(1 + (parts.len() * 977 + len) % 1300)));
                }
                let frame = parts.into_iter().collect();
                self.outbox.offer_frame(port, frame, lane, &self.limits).expect("encodes");
            }
        }
        self.said.push(what);
    }

    fn write(&mut self, pieces: bool) {
        let small = self.outbox.buffer.len();
        let mut out = BytesMut::new();
        let taken = self.outbox.take(&mut out, usize::from(pieces));
        taken.join(&mut out);
        // A turn is a piece, or small messages until it is as much.
        let most = small + (1 + small / (2 * LARGE)) * (LARGE / 2 + LARGE + PREFIX);
        assert!(out.len() <= most, "{} bytes beside {small} small ones", out.len());
        assert!(pieces || out.len() == small);
        self.taken += taken.messages;
        let words = self.peer.hear(&out).into_iter();
        self.heard.extend(words.map(|(_, word)| word.parse::<usize>().expect("a number")));
        assert_eq!(self.taken, self.heard.len(), "messages count with their last byte");
        assert!(self.outbox.buffer.is_empty(), "all that is small has gone");
    }

    /// Writes all that is left.
    fn drain(&mut self) {
        for _ in 0..10_000 {
            if self.outbox.is_empty() {
                return;
            }
            self.write(true);
        }
        panic!("what waits does not go: {:?}", self.outbox);
    }
}

proptest! {
    /// What is said is heard once; what must not overtake something does not; no more waits than may; and what is small
    /// and has nothing to wait for is heard with the next write. [LN-06] [LN-07] [LN-08] [LN-09] [LN-11]
    #[test]
    fn nothing_is_lost_doubled_or_out_of_order(
        early in collection::vec(step(), 0..30),
        steps in collection::vec(step(), 0..120),
    ) {
        let mut model = Model::new();
        for step in early {
            if let Step::Say(what, len) = step {
                model.say(what, len);
            }
        }
        model.connect();
        for step in steps {
            match step {
                Step::Say(what, len) => model.say(what, len),
                Step::Write { pieces } => model.write(pieces),
            }
            let data = model.outbox.bulk.data();
            prop_assert!(data <= BOUND + LONGEST + 100 + COST, "{data}");
        }
        model.drain();
        let outbox = &model.outbox;
        prop_assert_eq!((outbox.messages(), outbox.bytes(), outbox.data_bytes()), (0, 0, 0));
        let mut place = vec![usize::MAX; model.said.len()];
        for (at, number) in model.heard.iter().enumerate() {
            prop_assert_eq!(std::mem::replace(&mut place[*number], at), usize::MAX, "{} comes twice", number);
        }
        for (later, what) in model.said.iter().enumerate() {
            prop_assert!(place[later] < usize::MAX, "{what:?} is lost");
            for (earlier, before) in model.said[..later].iter().enumerate() {
                let ordered = !before.precedes(*what) || place[earlier] < place[later];
                prop_assert!(ordered, "{what:?}, number {later}, overtakes {before:?}, number {earlier}");
            }
        }
    }
}
