//! Bytes that cross relays.

use std::collections::{BTreeMap, VecDeque};

use arbitrary::{Result, Unstructured};
use bytes::Bytes;
use mp_proto::NodeId;

use crate::kernel::relay::request::Request;
use crate::kernel::relay::{Act, Key, Relay, WINDOW};

const OPERATIONS: usize = 400;
/// In a row: only neighbours are connected, and the first and the last talk.
const NODES: [&str; 4] = ["b", "a", "d", "c"];
/// Pipes that a run opens at the most; the first byte of each stream is the number of who writes it.
const ENDS: usize = 40;

/// Four honest nodes in a row, of which the outer ones talk through both of the inner ones; requests are delivered in any
/// order that connections allow, and connections break: what is read of a pipe is the beginning of what the other end
/// wrote; it is all of it if nothing was closed; a request reads back as it is; nobody ever sends more than it may
/// `[RL-03]`.
pub fn relay_pipes(data: &[u8]) {
    operate(&mut Unstructured::new(data)).expect("what is left of an input that is used up is zero");
}

/// One end of a pipe, as the node's stream would have it.
struct End {
    /// The node, by its place in the row.
    at: usize,
    key: Key,
    written: Vec<u8>,
    /// Come, and not read.
    arrived: usize,
    come: Vec<u8>,
    allowed: u64,
    has_ended: bool,
    other_ended: bool,
    is_closed: bool,
}

struct Model {
    nodes: Vec<Relay<usize>>,
    ends: Vec<End>,
    /// What is on its way, by sender and receiver.
    lines: BTreeMap<(usize, usize), VecDeque<Request>>,
}

fn id(at: usize) -> NodeId {
    NodeId::new(NODES[at]).expect("valid")
}

fn place(node: &NodeId) -> usize {
    NODES.iter().position(|name| *name == node.as_str()).expect("one of them")
}

/// The byte that stands there in what an end writes.
fn byte(end: usize, index: usize) -> u8 {
    let number = if index == 0 { end } else { end * 31 + index * 7 };
    u8::try_from(number % 256).expect("it fits")
}

fn operate(u: &mut Unstructured<'_>) -> Result<()> {
    let mut nodes = Vec::new();
    for at in 0..NODES.len() {
        let window = if u.ratio(1, 4)? { 1 << 20 } else { u.int_in_range(1..=64)? };
        nodes.push(Relay::new(id(at), ENDS, window));
    }
    let mut model = Model { nodes, ends: Vec::new(), lines: BTreeMap::new() };
    for _ in 0..OPERATIONS {
        if u.is_empty() {
            break;
        }
        model.step(u)?;
    }
    model.settle();
    model.compare();
    Ok(())
}

impl Model {
    fn step(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
        match u.int_in_range(0..=15)? {
            0 => {
                let (from, to) = if u.arbitrary()? { (0, 3) } else { (3, 0) };
                if self.ends.len() < ENDS {
                    self.open(from, to);
                }
            }
            1..=5 => {
                let wanted = u.int_in_range(1..=80)?;
                if let Some(end) = self.any_end(u)? {
                    self.write(end, wanted);
                }
            }
            6..=8 => {
                let wanted = u.int_in_range(1..=80)?;
                if let Some(end) = self.any_end(u)? {
                    self.read(end, wanted);
                }
            }
            9 => {
                if let Some(end) = self.any_end(u)?
                    && u.ratio(1, 4)?
                {
                    self.end(end);
                }
            }
            10 => {
                if let Some(end) = self.any_end(u)?
                    && u.ratio(1, 4)?
                {
                    let (at, key) = (self.ends[end].at, self.ends[end].key.clone());
                    let acts = self.nodes[at].close(&key, "");
                    self.obey(at, acts);
                }
            }
            11 => {
                if u.ratio(1, 8)? {
                    self.break_line(u.int_in_range(0..=2)?);
                }
            }
            _ => {
                let busy: Vec<_> =
                    self.lines.iter().filter(|(_, line)| !line.is_empty()).map(|(key, _)| *key).collect();
                if !busy.is_empty() {
                    self.deliver(*u.choose(&busy)?);
                }
            }
        }
        Ok(())
    }

    fn any_end(&self, u: &mut Unstructured<'_>) -> Result<Option<usize>> {
        Ok(if self.ends.is_empty() { None } else { Some(u.choose_index(self.ends.len())?) })
    }

    fn add_end(&mut self, at: usize, key: Key, allowed: u64) -> usize {
        self.ends.push(End {
            at,
            key,
            written: Vec::new(),
            arrived: 0,
            come: Vec::new(),
            allowed,
            has_ended: false,
            other_ended: false,
            is_closed: false,
        });
        self.ends.len() - 1
    }

    fn open(&mut self, from: usize, to: usize) {
        let number = self.ends.len();
        let mut made = None;
        let relay = id(if from == 0 { 1 } else { 2 });
        let (_, act) = self.nodes[from].open(&relay, &id(to), |key| {
            made = Some(key);
            number
        });
        self.add_end(from, made.expect("each pipe is made"), 0);
        self.obey(from, vec![act]);
    }

    fn write(&mut self, number: usize, wanted: usize) {
        let end = &mut self.ends[number];
        let len = wanted.min(usize::try_from(end.allowed).unwrap_or(usize::MAX));
        if end.is_closed || end.has_ended || len == 0 {
            return;
        }
        let begin = end.written.len();
        let bytes: Vec<u8> = (begin..begin + len).map(|index| byte(number, index)).collect();
        end.written.extend_from_slice(&bytes);
        end.allowed -= len as u64;
        let request = Request::Data { id: end.key.1, bytes: Bytes::from(bytes) };
        self.send(number, request);
    }

    fn read(&mut self, number: usize, wanted: usize) {
        let end = &mut self.ends[number];
        let len = wanted.min(end.arrived);
        if len == 0 {
            return;
        }
        end.arrived -= len;
        let (at, key) = (end.at, end.key.clone());
        let acts = self.nodes[at].taken(&key, len as u64).into_iter().collect();
        self.obey(at, acts);
    }

    fn end(&mut self, number: usize) {
        let end = &mut self.ends[number];
        // Before the pipe is open there is no stream that could end.
        if !end.is_closed && !end.has_ended && !end.written.is_empty() {
            end.has_ended = true;
            let request = Request::End { id: end.key.1 };
            self.send(number, request);
        }
    }

    /// The stream's own requests go past the table.
    fn send(&mut self, number: usize, request: Request) {
        let (from, to) = (self.ends[number].at, place(&self.ends[number].key.0));
        self.lines.entry((from, to)).or_default().push_back(request);
    }

    fn deliver(&mut self, (from, to): (usize, usize)) {
        let Some(request) = self.lines.get_mut(&(from, to)).and_then(VecDeque::pop_front) else { return };
        let message = request.clone().into_message();
        let tag = message.tag().expect("a word").into_owned();
        assert_eq!(Request::parse(&tag, message.args().to_vec()).as_ref(), Some(&request));
        let acts = self.nodes[to].request(&id(from), request, |node| place(node).abs_diff(to) == 1);
        self.obey(to, acts);
    }

    /// Does what a node asks for.
    fn obey(&mut self, at: usize, acts: Vec<Act<usize>>) {
        for act in acts {
            match act {
                Act::Send(to, request) => {
                    if let Request::Close { text, .. } = &request {
                        assert_ne!(text, "more was sent than was allowed", "all of them are honest");
                    }
                    self.lines.entry((at, place(&to))).or_default().push_back(request);
                }
                Act::Offered { key, window } => {
                    let number = self.add_end(at, key.clone(), window);
                    let acts = self.nodes[at].accept(&key, number).into_iter().collect();
                    self.obey(at, acts);
                }
                Act::Find { key, to, window, hops } => {
                    let next = if at == 1 { 2 } else { 1 };
                    let acts = self.nodes[at].forward(&key, &to, &id(next), window, hops);
                    self.obey(at, acts);
                }
                Act::Allowed(number, bytes) => {
                    let end = &mut self.ends[number];
                    end.allowed = end.allowed.saturating_add(bytes).min(WINDOW);
                }
                Act::Data(number, bytes) => self.ends[number].comes(&bytes),
                Act::Ended(number) => self.ends[number].other_ended = true,
                Act::Closed(number, _) => self.ends[number].is_closed = true,
            }
        }
    }

    /// The connection between two neighbours breaks, and is made again.
    fn break_line(&mut self, left: usize) {
        let right = left + 1;
        for line in [(left, right), (right, left)] {
            self.lines.remove(&line);
        }
        for (at, other) in [(left, right), (right, left)] {
            let acts = self.nodes[at].down(&id(other));
            self.obey(at, acts);
        }
    }

    /// Everything is delivered, and read.
    fn settle(&mut self) {
        loop {
            let busy = self.lines.iter().find(|(_, line)| !line.is_empty()).map(|(key, _)| *key);
            if let Some(line) = busy {
                self.deliver(line);
            } else if let Some(number) = self.ends.iter().position(|end| end.arrived > 0) {
                self.read(number, usize::MAX);
            } else {
                return;
            }
        }
    }

    fn compare(&self) {
        for end in &self.ends {
            let Some(&writer) = end.come.first() else { continue };
            let writer = usize::from(writer);
            let other = &self.ends[writer];
            assert_eq!(other.at, 3 - end.at, "the bytes are of somebody else");
            assert!(other.written.starts_with(&end.come), "what came is not what was written");
            if !end.is_closed && !other.is_closed {
                assert_eq!(end.come.len(), other.written.len(), "something is missing");
                assert_eq!(end.other_ended, other.has_ended);
            }
        }
        let is_open = |end: &&End| !end.is_closed;
        assert_eq!(self.ends.iter().filter(is_open).count() % 2, 0, "a pipe has two ends, or none");
    }
}

impl End {
    fn comes(&mut self, bytes: &[u8]) {
        assert!(!self.other_ended, "bytes behind the end");
        self.come.extend_from_slice(bytes);
        // A stream that is closed is not read any longer.
        if !self.is_closed {
            self.arrived += bytes.len();
        }
    }
}
