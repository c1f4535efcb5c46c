use bytes::{Bytes, BytesMut};
use mp_proto::{Connection, Frames, Framing, Protocol, Session, Side};
use mp_transport::{Addr, Driver, Pipe, clock};
use proptest::prelude::*;

use super::*;
use crate::kernel::ports::PortTable;

pub(super) fn cell() -> PortCell {
    let home = Arc::new(Home { node: NodeId::new("a").expect("valid"), prefix: "x".into() });
    let mut table = PortTable::new("x".into(), 1);
    let (key, ()) = table.insert(|_| ()).expect("room");
    PortCell::new(home, key, Queue::default())
}

/// A full mailbox that stays so does not remember every connection that has ever waited for it.
#[test]
fn a_connection_that_ends_is_not_woken_any_more() {
    let (cell, mut limits) = (cell(), Limits::default());
    limits.mailbox_messages = 1;
    let frame = || Frame::new(Framing::Postcard, Bytes::from_static(b"x"));
    let addr = || Addr::new("a", 1).expect("valid");
    assert!(matches!(cell.push(frame(), &limits, None), Push::Taken));
    for _ in 0..10 {
        let kick = Driver::new(Pipe::new(tokio::io::empty(), addr(), addr())).kick();
        for _ in 0..3 {
            assert!(matches!(cell.push(frame(), &limits, Some(&kick)), Push::Full(_)));
        }
        assert_eq!(cell.inbox.lock().rare().connections.len(), 1);
        cell.stop_waking(&kick);
    }
    assert!(cell.inbox.lock().rare().connections.is_empty());
}

/// Others who fill the mailbox again as fast as it is worked off do not keep a connection waiting until its patience
/// ends, and the port with it.
#[test]
fn a_connection_is_woken_by_what_is_taken_out_however_full_the_mailbox_stays() {
    let (cell, mut limits) = (cell(), Limits::default());
    limits.mailbox_messages = 1000;
    let addr = || Addr::new("a", 1).expect("valid");
    let kick = Driver::new(Pipe::new(tokio::io::empty(), addr(), addr())).kick();
    let frame = || Frame::new(Framing::Postcard, Bytes::from_static(b"x"));
    let fill = || while matches!(cell.push(frame(), &limits, None), Push::Taken) {};
    fill();
    assert!(matches!(cell.push(frame(), &limits, Some(&kick)), Push::Full(_)));
    let mut taken = 0;
    while taken < 500 {
        assert_eq!(cell.inbox.lock().rare().connections.len(), 1, "woken after {taken}");
        taken += take(&cell).len();
        fill();
    }
    assert!(cell.inbox.lock().rare().connections.is_empty(), "woken when half of the thousand had gone");
}

/// What a receiver takes out at once.
fn take(cell: &PortCell) -> Vec<Frame> {
    let mut batch = Deque::default();
    match cell.take_now(|| &mut batch) {
        Took::One(frame) => vec![frame],
        _ => batch.into_items().collect(),
    }
}

fn kick() -> Kick {
    let addr = || Addr::new("a", 1).expect("valid");
    Driver::new(Pipe::new(tokio::io::empty(), addr(), addr())).kick()
}

/// Messages of about so many bytes each, which arrived together.
fn run(texts: &[String]) -> Option<Frames> {
    let framing = Framing::Postcard;
    let session = Session::new(NodeId::new("b").expect("valid"), Side::Dialled, framing);
    let mut connection = Connection::new(session, &Limits::default(), clock::now()).expect("compiled in");
    let mut input = BytesMut::new();
    for text in texts {
        Frame::write(framing, "p", &[text], None, usize::MAX, &mut input).expect("small");
    }
    connection.handle_bytes(clock::now(), &mut input).expect("well-formed");
    Some(connection.poll_arrivals()?.next_run()?.frames(0))
}

/// Who panics while it reads has had that message, and finds the next one behind it.
#[test]
fn a_message_whose_reader_panics_is_gone() {
    let mut deque: Deque = Deque::default();
    deque.push_run(run(&["a".into(), "b".into()]).expect("two"));
    deque.push(Frame::new(Framing::Postcard, Bytes::from_static(b"c")));
    for left in [2, 1, 0] {
        let reader = std::panic::AssertUnwindSafe(|| deque.pop_with(|_| panic!("in a test")));
        assert!(std::panic::catch_unwind(reader).is_err());
        assert_eq!((deque.len(), deque.is_empty()), (left, left == 0));
    }
    assert!(deque.pop().is_none());
    assert_eq!(deque.bytes(), 0);
}

#[derive(Debug, Clone)]
enum Step {
    /// These come together.
    Come(Vec<String>),
    /// This comes by itself, and finds room or not.
    One(String),
    Take,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => prop::collection::vec("[a-z]{0,9}", 1..100).prop_map(Step::Come),
        2 => "[a-z]{0,9}".prop_map(Step::One),
        2 => Just(Step::Take),
    ]
}

/// A mailbox whose messages come in runs, and one that gets the same ones singly.
struct Two {
    runs: PortCell,
    single: PortCell,
    limits: Limits,
}

impl Two {
    fn come(&self, texts: &[String]) -> Result<(), TestCaseError> {
        let mut waiting: Deque = Deque::default();
        waiting.push_run(run(texts).expect("some"));
        self.runs.push_run(&mut waiting, &self.limits, &kick());
        let mut refused = run(texts)
            .expect("some")
            .skip_while(|frame| matches!(self.single.push(frame.clone(), &self.limits, None), Push::Taken));
        let bytes: Vec<_> = refused.by_ref().map(|frame| frame.bytes().clone()).collect();
        prop_assert_eq!((waiting.len(), waiting.bytes()), (bytes.len(), bytes.iter().map(Bytes::len).sum()));
        let left: Vec<_> = waiting.into_items().map(|frame| frame.bytes().clone()).collect();
        prop_assert_eq!(left, bytes);
        Ok(())
    }

    /// What a receiver finds, batch by batch.
    fn take(&self) -> Result<(), TestCaseError> {
        let take = |cell| take(cell).into_iter().map(|frame| frame.bytes().clone()).collect::<Vec<_>>();
        prop_assert_eq!(take(&self.runs), take(&self.single));
        Ok(())
    }
}

proptest! {
    /// The bounds of a mailbox are the same, to the message, whether messages come in runs or one by one; and so is what
    /// is taken out.
    #[test]
    fn runs_are_like_single_messages(
        steps in prop::collection::vec(step(), 0..12), messages in 1..150_usize, bytes in 1..2000_usize,
    ) {
        let mut limits = Limits::default();
        (limits.mailbox_messages, limits.mailbox_bytes) = (messages, bytes);
        let two = Two { runs: cell(), single: cell(), limits };
        for step in steps {
            match step {
                Step::Come(texts) => two.come(&texts)?,
                Step::One(text) => {
                    let frame = || run(std::slice::from_ref(&text)).and_then(|mut run| run.next()).expect("one");
                    let pushed = |cell: &PortCell| matches!(cell.push(frame(), &two.limits, None), Push::Taken);
                    prop_assert_eq!(pushed(&two.runs), pushed(&two.single));
                }
                Step::Take => two.take()?,
            }
            prop_assert_eq!(two.runs.depth(), two.single.depth());
        }
    }
}
