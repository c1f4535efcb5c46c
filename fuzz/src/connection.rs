//! Operations on a connection, beside a model of what it should do.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use arbitrary::{Result, Unstructured};
use bytes::{Bytes, BytesMut};
use mp_proto::connection::pieces::{self, SLOTS};
use mp_proto::{
    Connection, ConnectionError, Frame, Framing, InstanceId, Limits, Message, NodeId, Place, Protocol,
    Session, Side, Value,
};

use super::{start, values};

const FRAMINGS: [Framing; 3] = [Framing::Json, Framing::Cbor, Framing::Postcard];
const MAX_MESSAGE: usize = 300;
const OPERATIONS: usize = 200;
/// No peer can have us send keep-alives as if it bore a shorter silence.
const SHORTEST_SILENCE: Duration = Duration::from_secs(1);

/// Any order of reading, waiting, pausing and writing, whole or in pieces: messages come out as they went in, a peer is taken for lost when
/// it was silent for too long and never before, keep-alives go out in time and are understood by any node, and after
/// its end a connection says nothing more.
pub fn connection(data: &[u8]) {
    operate(&mut Unstructured::new(data)).expect("what is left of an input that is used up is zero");
}

struct Model {
    session: Session,
    now: Instant,
    patience: Duration,
    interval: Duration,
    heard: Instant,
    sent: Instant,
    due: bool,
    paused: bool,
    over: bool,
    input: BytesMut,
    /// How many bytes a look at the input left.
    unread: usize,
    /// Bytes that cannot be a message have been read.
    spoilt: bool,
    /// What was sent and not yet told: port and message.
    expected: VecDeque<(String, Message)>,
    /// Messages that are under way in pieces, by their slots: what is left of them.
    under_way: BTreeMap<u8, (Bytes, Option<(String, Message)>)>,
}

fn operate(u: &mut Unstructured<'_>) -> Result<()> {
    let mut limits = Limits::default();
    limits.max_message = MAX_MESSAGE;
    let silence =
        if u.arbitrary()? { Some(Duration::from_millis(u.int_in_range(0..=30_000)?)) } else { None };
    let session = Session {
        peer: NodeId::new("peer").expect("valid"),
        instance: if u.arbitrary()? { Some(InstanceId(1)) } else { None },
        side: Side::Dialled,
        send: *u.choose(&FRAMINGS)?,
        receive: *u.choose(&FRAMINGS)?,
        silence,
        pieces: u.arbitrary()?,
        many: u.arbitrary()?,
    };
    let patience = limits.monitor_timeout;
    let borne = silence.map_or(patience, |silence| patience.min(silence.max(SHORTEST_SILENCE)));
    let now = start();
    let mut connection = Connection::new(session.clone(), &limits, now).expect("compiled in");
    let mut model = Model {
        session,
        now,
        patience,
        interval: borne / 4,
        heard: now,
        sent: now,
        due: false,
        paused: false,
        over: false,
        input: BytesMut::new(),
        unread: 0,
        spoilt: false,
        expected: VecDeque::new(),
        under_way: BTreeMap::new(),
    };
    for _ in 0..OPERATIONS {
        if u.is_empty() {
            break;
        }
        model.step(u, &mut connection)?;
        model.check(&mut connection);
    }
    Ok(())
}

impl Model {
    fn step(&mut self, u: &mut Unstructured<'_>, connection: &mut Connection) -> Result<()> {
        match u.int_in_range(0..=9)? {
            0..=1 => self.message(u)?,
            2 if self.session.receives_pieces() => self.piece(u)?,
            2 => self.message(u)?,
            3 => self.noise(u)?,
            4 => self.read(u, connection)?,
            5 => {
                self.now += Duration::from_millis(u.int_in_range(0..=12_000)?);
                self.time(connection);
            }
            6 if u.arbitrary()? => {
                connection.pause_input();
                self.paused = true;
            }
            6 => {
                connection.resume_input(self.now);
                if std::mem::take(&mut self.paused) {
                    self.heard = self.now;
                }
            }
            7 => {
                connection.note_sent(self.now);
                (self.sent, self.due) = (self.now, false);
            }
            8 => self.transmit(connection),
            _ if !u.ratio(15, 16)? => {
                assert_eq!(connection.handle_eof(self.now), Err(ConnectionError::Closed));
                self.over = true;
            }
            _ => self.read(u, connection)?,
        }
        Ok(())
    }

    /// The peer writes a piece of a message, the first or a later one.
    fn piece(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
        let slot = u.int_in_range(0..=u8::try_from(SLOTS - 1).expect("few"))?;
        let begins = !self.under_way.contains_key(&slot);
        let (mut body, told) = match self.under_way.remove(&slot) {
            Some(under_way) => under_way,
            None => {
                let (port, message) = self.draw(u)?;
                let mut frame = BytesMut::new();
                let framing = Framing::Postcard;
                if Frame::write(framing, &port, &message, None, MAX_MESSAGE, &mut frame).is_err() {
                    return Ok(());
                }
                let told = !(port.is_empty() && means_nothing(&message));
                (frame.freeze().slice(size_of::<u32>()..), told.then_some((port, message)))
            }
        };
        let len = u.int_in_range(0..=body.len())?.max(usize::from(begins));
        let piece = body.split_to(len);
        let last = body.is_empty();
        if !last && piece.is_empty() {
            self.under_way.insert(slot, (body, told));
            return Ok(());
        }
        pieces::put(slot, last, &piece, &mut self.input);
        if !last {
            self.under_way.insert(slot, (body, told));
        } else if let Some(told) = told.filter(|_| !self.spoilt) {
            self.expected.push_back(told);
        }
        Ok(())
    }

    /// The peer writes a message.
    fn message(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
        let (port, message) = self.draw(u)?;
        let written = Frame::write(self.session.receive, &port, &message, None, MAX_MESSAGE, &mut self.input);
        if written.is_ok() && !self.spoilt && !(port.is_empty() && means_nothing(&message)) {
            self.expected.push_back((port, self.as_received(&message)));
        }
        Ok(())
    }

    fn draw(&self, u: &mut Unstructured<'_>) -> Result<(String, Message)> {
        Ok(match u.int_in_range(0..=3)? {
            0 => (String::new(), Message::from([Value::from(*u.choose(&["", "devnull"])?)])),
            1 => (values::text(u)?, values::message(u)?),
            _ => {
                ("port".to_owned(), Message::from([Value::from("count"), Value::from(u.arbitrary::<u16>()?)]))
            }
        })
    }

    fn as_received(&self, message: &Message) -> Message {
        match self.session.receive {
            Framing::Json => values::message_as_json(message),
            _ => message.clone(),
        }
    }

    /// The peer writes what is no message. What comes behind it cannot be foretold.
    fn noise(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
        let bytes = values::bytes(u)?;
        self.spoilt |= !bytes.is_empty();
        self.input.extend_from_slice(bytes);
        Ok(())
    }

    /// The connection gets what has come, or a part of it.
    fn read(&mut self, u: &mut Unstructured<'_>, connection: &mut Connection) -> Result<()> {
        let len = u.int_in_range(0..=self.input.len())?.max(self.unread);
        let mut behind = self.input.split_off(len);
        let news = self.input.len() > self.unread;
        let place = if self.unread == 0 && news && u.arbitrary()? { connection.poll_place() } else { None };
        let outcome = if let Some(Place { memory, most }) = place {
            // As if so much had been read, and the rest later.
            let later = self.input.split_off(self.input.len().min(most));
            let read = std::mem::take(&mut self.input);
            memory.extend_from_slice(&read);
            behind = [later, behind].concat().as_slice().into();
            connection.handle_placed(self.now, read.len(), &mut self.input)
        } else {
            connection.handle_bytes(self.now, &mut self.input)
        };
        match outcome {
            Ok(()) => {}
            Err(ConnectionError::BadMessage(_)) if self.spoilt && !self.over => self.over = true,
            Err(error) => panic!("{error} after {:?}", self.expected),
        }
        if news && !self.over {
            self.heard = self.now;
        }
        self.unread = self.input.len();
        self.input.unsplit(behind);
        while let Some(incoming) = connection.poll_event() {
            let found = (incoming.port().to_owned(), incoming.frame.message().expect("checked"));
            match self.expected.pop_front() {
                Some(expected) => assert_eq!(found, expected),
                None => assert!(self.spoilt, "{found:?} was not sent"),
            }
        }
        if !self.spoilt && !self.over && self.input.is_empty() {
            assert!(self.expected.is_empty(), "{:?} did not come", self.expected);
        }
        Ok(())
    }

    fn time(&mut self, connection: &mut Connection) {
        let ours = self.session.instance.is_some();
        let silent = ours && !self.paused && self.now >= self.heard + self.patience;
        match connection.handle_timeout(self.now) {
            Ok(()) => assert!(self.over || !silent, "a silent peer was not missed"),
            Err(ConnectionError::Silent { after }) => {
                assert!(silent && !self.over && after == self.patience, "a peer that was heard is missed");
                self.over = true;
            }
            Err(error) => panic!("{error} of a clock"),
        }
        self.due |= ours && self.now >= self.sent + self.interval;
    }

    fn transmit(&mut self, connection: &mut Connection) {
        let mut out = BytesMut::new();
        let sent = connection.poll_transmit(self.now, &mut out);
        assert_eq!(sent, !out.is_empty());
        assert_eq!(sent, self.due && !self.over, "a keep-alive");
        if sent {
            (self.sent, self.due) = (self.now, false);
            let frame = super::frames::only(self.session.send, &mut out).expect("whole frames only");
            assert_eq!(frame.check().as_deref(), Ok(""));
            assert!(means_nothing(&frame.message().expect("well-formed")));
        }
    }

    /// When the connection wants to be called is neither too early nor too late.
    fn check(&self, connection: &mut Connection) {
        let wanted = connection.poll_timeout();
        if self.over {
            assert_eq!((wanted, connection.poll_event().is_some()), (None, false), "it is over");
            return;
        }
        let ours = self.session.instance.is_some();
        let silent = (ours && !self.paused).then(|| self.heard + self.patience);
        let due = (ours && !self.due).then(|| self.sent + self.interval);
        assert_eq!(wanted, silent.into_iter().chain(due).min());
    }
}

/// What every node ignores at its node port.
fn means_nothing(message: &Message) -> bool {
    match message.values().first() {
        None | Some(Value::Null) => true,
        Some(value) => value.as_str().is_some_and(|tag| matches!(&*tag, "" | "devnull")),
    }
}
