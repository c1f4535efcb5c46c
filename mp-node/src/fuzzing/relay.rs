//! Pipes that a node carries for others.

use std::collections::{BTreeMap, BTreeSet};

use arbitrary::{Result, Unstructured};
use bytes::Bytes;
use mp_proto::NodeId;

use crate::kernel::relay::request::Request;
use crate::kernel::relay::{Act, Key, Relay};

const OPERATIONS: usize = 200;
const WINDOW: usize = 100;
const ME: &str = "m";
const PEERS: [&str; 4] = ["a", "c", "x", "z"];

/// Any requests of any peers, and anything that the owner may do: nobody is sent more than it has allowed, numbers are
/// those of [RL-02] and not used again, only peers that are connected are sent something, and requests read back as they
/// are.
pub fn kernel_relay(data: &[u8]) {
    operate(&mut Unstructured::new(data)).expect("what is left of an input that is used up is zero");
}

struct Model {
    relay: Relay<u64>,
    up: BTreeSet<NodeId>,
    /// What each peer has allowed on each pipe, and what it was sent.
    allowed: BTreeMap<Key, u64>,
    sent: BTreeMap<Key, u64>,
    /// Numbers that we have opened pipes under.
    opened: BTreeSet<Key>,
    /// Pipes that wait for the owner.
    offered: Vec<Key>,
    sought: Vec<(Key, NodeId, u64, u64)>,
    made: u64,
    /// Those that end here, by what is kept for them.
    own: BTreeMap<u64, Key>,
}

fn node(name: &str) -> NodeId {
    NodeId::new(name).expect("valid")
}

fn operate(u: &mut Unstructured<'_>) -> Result<()> {
    let mut model = Model {
        relay: Relay::new(node(ME), 3, WINDOW),
        up: PEERS.map(node).into(),
        allowed: BTreeMap::new(),
        sent: BTreeMap::new(),
        opened: BTreeSet::new(),
        offered: Vec::new(),
        sought: Vec::new(),
        made: 0,
        own: BTreeMap::new(),
    };
    for _ in 0..OPERATIONS {
        if u.is_empty() {
            break;
        }
        let acts = model.step(u)?;
        model.check(acts);
    }
    Ok(())
}

impl Model {
    fn step(&mut self, u: &mut Unstructured<'_>) -> Result<Vec<Act<u64>>> {
        let peer = node(u.choose(&PEERS)?);
        let up = self.up.clone();
        Ok(match u.int_in_range(0..=9)? {
            0..=5 if up.contains(&peer) => {
                let request = request(u)?;
                let message = request.clone().into_message();
                let tag = message.tag().expect("a word").into_owned();
                assert_eq!(Request::parse(&tag, message.args().to_vec()).as_ref(), Some(&request));
                match request {
                    Request::Open { id, window, .. } => self.allow((peer.clone(), id), window),
                    Request::More { id, bytes } => self.allow((peer.clone(), id), bytes),
                    _ => {}
                }
                self.relay.request(&peer, request, |node| up.contains(node))
            }
            6 if up.contains(&peer) => {
                let to = node(u.choose(&PEERS)?);
                self.made += 1;
                let (made, own) = (self.made, &mut self.own);
                let open = |key| {
                    own.insert(made, key);
                    made
                };
                vec![self.relay.open(&peer, &to, open).1]
            }
            7 if !self.offered.is_empty() => {
                let key = self.offered.swap_remove(u.choose_index(self.offered.len())?);
                self.made += 1;
                match u.arbitrary()? {
                    true => {
                        let accepted = self.relay.accept(&key, self.made);
                        if accepted.is_some() {
                            self.own.insert(self.made, key);
                        }
                        accepted.into_iter().collect()
                    }
                    false => self.relay.close(&key, "no"),
                }
            }
            8 if !self.sought.is_empty() => {
                let (key, to, window, hops) = self.sought.swap_remove(u.choose_index(self.sought.len())?);
                match up.contains(&peer) {
                    true => self.relay.forward(&key, &to, &peer, window, hops),
                    false => self.relay.close(&key, "nobody"),
                }
            }
            9 if u.ratio(1, 4)? => {
                if self.up.remove(&peer) {
                    self.allowed.retain(|(node, _), _| *node != peer);
                    self.sent.retain(|(node, _), _| *node != peer);
                    self.relay.down(&peer)
                } else {
                    // A new connection begins from nothing.
                    self.opened.retain(|(node, _)| *node != peer);
                    self.up.insert(peer);
                    Vec::new()
                }
            }
            _ if !self.own.is_empty() => {
                let key = self.own.values().nth(u.choose_index(self.own.len())?).expect("it is");
                self.relay.taken(key, u.int_in_range(0..=300)?).into_iter().collect()
            }
            _ => Vec::new(),
        })
    }

    fn allow(&mut self, key: Key, bytes: u64) {
        let allowed = self.allowed.entry(key).or_default();
        *allowed = allowed.saturating_add(bytes);
    }

    fn check(&mut self, acts: Vec<Act<u64>>) {
        for act in acts {
            match act {
                Act::Send(to, request) => {
                    assert!(self.up.contains(&to), "{to} is not connected: {request:?}");
                    self.sends(to, request);
                }
                Act::Offered { key, window } => {
                    assert!(window <= WINDOW as u64);
                    self.offered.push(key);
                }
                Act::Find { key, to, window, hops } => self.sought.push((key, to, window, hops)),
                Act::Closed(pipe, _) => assert!(self.own.remove(&pipe).is_some(), "a pipe is closed twice"),
                Act::Allowed(pipe, _) | Act::Data(pipe, _) | Act::Ended(pipe) => {
                    assert!(self.own.contains_key(&pipe), "of a pipe that is closed");
                }
            }
        }
    }

    fn sends(&mut self, to: NodeId, request: Request) {
        match request {
            Request::Open { id, window, .. } => {
                assert_eq!(id % 2 == 0, *ME < *to.as_str(), "who has the smaller name has the even numbers");
                assert!(window <= WINDOW as u64);
                assert!(self.opened.insert((to, id)), "a number is used again");
            }
            Request::Data { id, bytes } => {
                let key = (to, id);
                let sent = self.sent.entry(key.clone()).or_default();
                *sent += bytes.len() as u64;
                let allowed = self.allowed.get(&key).copied().unwrap_or_default();
                assert!(*sent <= allowed, "{key:?} is sent {sent} bytes, and has allowed {allowed}");
            }
            _ => {}
        }
    }
}

fn request(u: &mut Unstructured<'_>) -> Result<Request> {
    let id = u.int_in_range(0..=9)?;
    let amount =
        |u: &mut Unstructured<'_>| Ok(if u.ratio(1, 16)? { u64::MAX >> 1 } else { u.int_in_range(0..=200)? });
    Ok(match u.int_in_range(0..=5)? {
        0 | 1 => {
            let to = *u.choose(&["a", "c", "x", "z", ME, "elsewhere", "", "no name"])?;
            Request::Open { id, to: to.into(), window: amount(u)?, hops: u.int_in_range(0..=3)? }
        }
        2 => Request::More { id, bytes: amount(u)? },
        3 => Request::Data { id, bytes: Bytes::from(vec![0; u.int_in_range(0..=120)?]) },
        4 => Request::End { id },
        _ => Request::Close { id, text: "why".into() },
    })
}
