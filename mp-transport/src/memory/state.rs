//! All that a network in memory knows: hosts, links, pipes, listeners. Pure: time is an argument, and whom to wake is
//! collected.
//!
//! Everything stands in vectors and ordered maps, so that whatever is done to many is done in the same order each time.

use std::collections::{BTreeMap, VecDeque};
use std::task::{Poll, Waker};
use std::time::Instant;

use super::flow::{End, Flow};
use super::link::{Conduct, Link, seed_for};
use super::pair::Pair;
use super::{BUFFER_SIZE, Death};

/// The first port that is given to those who ask for any.
const FIRST_FREE_PORT: u16 = 49152;

/// Tasks to wake once the lock is free.
#[derive(Default)]
pub(super) struct Woken(Vec<Waker>);

impl Woken {
    pub(super) fn add(&mut self, waker: &mut Option<Waker>) {
        self.0.extend(waker.take());
    }

    pub(super) fn wake(self) {
        self.0.into_iter().for_each(Waker::wake);
    }
}

pub(super) struct State {
    seed: u64,
    pub(super) buffer_size: usize,
    hosts: Vec<Host>,
    host_index: BTreeMap<String, usize>,
    links: Vec<Link>,
    /// What a link does that comes into use.
    new_links: Conduct,
    link_index: BTreeMap<(usize, usize), usize>,
    pairs: Vec<Option<Pair>>,
    free_pairs: Vec<usize>,
    listeners: BTreeMap<(usize, u16), Listening>,
    listeners_so_far: u64,
}

struct Host {
    name: String,
    alive: bool,
    /// How often it was started; a transport belongs to one life.
    life: u64,
    next_port: u16,
}

/// Which links are meant.
#[derive(Clone)]
pub(super) enum Which {
    These(Vec<usize>),
    /// All between two hosts, now and later.
    All,
}

/// A host in one of its lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Life {
    pub(super) host: usize,
    life: u64,
}

struct Listening {
    id: u64,
    waiting: VecDeque<Arrival>,
    waker: Option<Waker>,
}

/// A pipe's accepted end, and the port of its other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrival {
    pub(super) pair: usize,
    pub(super) from: usize,
    pub(super) port: u16,
}

/// What came of an attempt to dial.
pub(super) enum Dialled {
    /// The dialling end's pair, and its own port.
    Open(usize, u16),
    Refused,
    /// The listener's queue is full.
    Busy,
    /// The dialling host itself is dead.
    Dead,
}

/// Why there is no listening.
pub(super) enum NoListener {
    Used,
    Dead,
}

impl State {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            seed,
            buffer_size: BUFFER_SIZE,
            hosts: Vec::new(),
            host_index: BTreeMap::new(),
            links: Vec::new(),
            new_links: Conduct::default(),
            link_index: BTreeMap::new(),
            pairs: Vec::new(),
            free_pairs: Vec::new(),
            listeners: BTreeMap::new(),
            listeners_so_far: 0,
        }
    }

    // ---- hosts ----

    pub(super) fn host(&mut self, name: &str) -> usize {
        if let Some(&host) = self.host_index.get(name) {
            return host;
        }
        let host = self.hosts.len();
        self.hosts.push(Host { name: name.to_owned(), alive: true, life: 0, next_port: FIRST_FREE_PORT });
        self.host_index.insert(name.to_owned(), host);
        host
    }

    pub(super) fn known_host(&self, name: &str) -> Option<usize> {
        self.host_index.get(name).copied()
    }

    pub(super) fn host_name(&self, host: usize) -> &str {
        &self.hosts[host].name
    }

    pub(super) fn revive(&mut self, name: &str) -> Life {
        let host = self.host(name);
        let entry = &mut self.hosts[host];
        if !entry.alive {
            entry.alive = true;
            entry.life += 1;
        }
        Life { host, life: entry.life }
    }

    pub(super) fn lives(&self, life: Life) -> bool {
        let host = &self.hosts[life.host];
        host.alive && host.life == life.life
    }

    fn free_port(&mut self, host: usize) -> Option<u16> {
        for _ in FIRST_FREE_PORT..=u16::MAX {
            let port = self.hosts[host].next_port;
            self.hosts[host].next_port = port.checked_add(1).unwrap_or(FIRST_FREE_PORT);
            if !self.listeners.contains_key(&(host, port)) {
                return Some(port);
            }
        }
        None
    }

    // ---- links ----

    pub(super) fn link(&mut self, from: usize, to: usize) -> usize {
        if let Some(&link) = self.link_index.get(&(from, to)) {
            return link;
        }
        let link = self.links.len();
        let seed = seed_for(self.seed, &self.hosts[from].name, &self.hosts[to].name);
        let conduct = if from == to { Conduct::default() } else { self.new_links };
        self.links.push(Link::new(seed, conduct));
        self.link_index.insert((from, to), link);
        link
    }

    pub(super) fn link_mut(&mut self, link: usize) -> &mut Link {
        &mut self.links[link]
    }

    pub(super) fn links_around(&mut self, host: usize) -> Vec<usize> {
        let others = (0..self.hosts.len()).filter(|&other| other != host);
        others.flat_map(|other| [self.link(host, other), self.link(other, host)]).collect()
    }

    /// The links that are meant, as far as they are in use.
    fn meant(&self, which: &Which) -> Vec<usize> {
        match which {
            Which::These(links) => links.clone(),
            Which::All => {
                self.link_index.iter().filter(|((from, to), _)| from != to).map(|(_, link)| *link).collect()
            }
        }
    }

    /// Changes what links do; if all are meant, then also what those will do that come into use later.
    pub(super) fn conduct(&mut self, which: &Which, change: impl Fn(&mut Conduct)) {
        if matches!(which, Which::All) {
            change(&mut self.new_links);
        }
        for link in self.meant(which) {
            change(&mut self.links[link].conduct);
        }
    }

    pub(super) fn cut(&mut self, which: &Which, now: Instant, woken: &mut Woken) {
        self.each_flow(which, false, |pair, side, _| {
            // What is due has arrived, though its reader has not looked yet.
            pair.flows[side].settle(now);
            woken.add(&mut pair.flows[side].reader);
        });
        self.conduct(which, |conduct| conduct.cut = true);
    }

    pub(super) fn heal(&mut self, which: &Which, now: Instant, woken: &mut Woken) {
        for link in self.meant(which) {
            self.links[link].forget_backlog();
        }
        self.each_flow(which, true, |pair, side, link| {
            pair.flows[side].resend(link, now);
            woken.add(&mut pair.flows[side].reader);
            // A writer who waits for the peer's end to arrive has to set its timer anew.
            woken.add(&mut pair.flows[1 - side].writer);
        });
        self.conduct(which, |conduct| conduct.cut = false);
    }

    /// Goes over all flows on the links that are meant and that are cut, or are not: each as a pair, its side, and its
    /// link.
    fn each_flow(&mut self, which: &Which, cut: bool, mut each: impl FnMut(&mut Pair, usize, &mut Link)) {
        let mut chosen = vec![false; self.links.len()];
        for link in self.meant(which) {
            chosen[link] = self.links[link].is_cut() == cut;
        }
        for pair in self.pairs.iter_mut().flatten() {
            for side in [0, 1] {
                let link = pair.flows[side].link;
                if chosen[link] {
                    each(pair, side, &mut self.links[link]);
                }
            }
        }
    }

    // ---- what breaks pipes ----

    pub(super) fn reset(&mut self, a: usize, b: usize, woken: &mut Woken) {
        for pair in self.pairs.iter_mut().flatten().filter(|pair| pair.is_between(a, b)) {
            for side in [0, 1] {
                pair.kill(side, woken);
                pair.flows[side].reset();
            }
        }
    }

    pub(super) fn half_open(&mut self, dead: usize, unaware: usize, woken: &mut Woken) {
        for pair in self.pairs.iter_mut().flatten().filter(|pair| pair.is_between(dead, unaware)) {
            let side = usize::from(pair.hosts[0] != dead);
            pair.kill(side, woken);
        }
    }

    pub(super) fn kill(&mut self, host: usize, death: Death, now: Instant, woken: &mut Woken) {
        self.hosts[host].alive = false;
        for pair in self.pairs.iter_mut().flatten() {
            for side in [0, 1] {
                if pair.hosts[side] != host || pair.dead[side] || pair.dropped[side] {
                    continue;
                }
                pair.kill(side, woken);
                if death == Death::Reset {
                    pair.end(side, End::Reset, &mut self.links, now, woken);
                }
            }
        }
        let at_host: Vec<_> =
            self.listeners.range((host, 0)..=(host, u16::MAX)).map(|(key, _)| *key).collect();
        for key in at_host {
            self.unlisten(key, None, now, woken);
        }
    }

    // ---- pipes ----

    pub(super) fn pair_and_links(&mut self, pair: usize) -> (&mut Pair, &mut [Link]) {
        let pair = self.pairs[pair].as_mut().expect("a pipe's end keeps its pair");
        (pair, &mut self.links)
    }

    pub(super) fn pair_count(&self) -> usize {
        self.pairs.len() - self.free_pairs.len()
    }

    /// An end was dropped.
    pub(super) fn close(&mut self, pair: usize, side: usize, now: Instant, woken: &mut Woken) {
        let (entry, links) = self.pair_and_links(pair);
        entry.dropped[side] = true;
        if entry.dropped[1 - side] {
            self.pairs[pair] = None;
            self.free_pairs.push(pair);
        } else if !entry.dead[side] {
            entry.end(side, End::Close, links, now, woken);
        }
    }

    fn open(&mut self, from: usize, to: usize) -> usize {
        let flows = [self.link(from, to), self.link(to, from)].map(|link| Flow::new(link, self.buffer_size));
        let pair = Pair::new(flows, [from, to]);
        match self.free_pairs.pop() {
            Some(free) => {
                self.pairs[free] = Some(pair);
                free
            }
            None => {
                self.pairs.push(Some(pair));
                self.pairs.len() - 1
            }
        }
    }

    // ---- listening and dialling ----

    pub(super) fn listen(&mut self, life: Life, port: u16) -> Result<(u16, u64), NoListener> {
        if !self.lives(life) {
            return Err(NoListener::Dead);
        }
        let port = if port == 0 { self.free_port(life.host).ok_or(NoListener::Used)? } else { port };
        let key = (life.host, port);
        if self.listeners.contains_key(&key) {
            return Err(NoListener::Used);
        }
        self.listeners_so_far += 1;
        let id = self.listeners_so_far;
        self.listeners.insert(key, Listening { id, waiting: VecDeque::new(), waker: None });
        Ok((port, id))
    }

    /// Ends a listener, if it is still the one of that `id`; pipes that nobody accepted are closed.
    pub(super) fn unlisten(&mut self, key: (usize, u16), id: Option<u64>, now: Instant, woken: &mut Woken) {
        if let Some(listening) = self.listeners.get_mut(&key)
            && id.is_none_or(|id| id == listening.id)
        {
            woken.add(&mut listening.waker);
            let waiting = std::mem::take(&mut listening.waiting);
            self.listeners.remove(&key);
            for arrival in waiting {
                self.close(arrival.pair, 1, now, woken);
            }
        }
    }

    /// The next pipe at a listener; none if the listener is gone.
    pub(super) fn accept(&mut self, key: (usize, u16), id: u64, waker: &Waker) -> Poll<Option<Arrival>> {
        let Some(listening) = self.listeners.get_mut(&key).filter(|listening| listening.id == id) else {
            return Poll::Ready(None);
        };
        if let Some(arrival) = listening.waiting.pop_front() {
            return Poll::Ready(Some(arrival));
        }
        listening.waker = Some(waker.clone());
        Poll::Pending
    }

    pub(super) fn dial(
        &mut self,
        life: Life,
        key: (usize, u16),
        backlog: usize,
        woken: &mut Woken,
    ) -> Dialled {
        if !self.lives(life) {
            return Dialled::Dead;
        }
        match self.listeners.get(&key) {
            None => return Dialled::Refused,
            Some(listening) if listening.waiting.len() >= backlog => return Dialled::Busy,
            Some(_) => {}
        }
        let Some(port) = self.free_port(life.host) else { return Dialled::Busy };
        let pair = self.open(life.host, key.0);
        if let Some(listening) = self.listeners.get_mut(&key) {
            listening.waiting.push_back(Arrival { pair, from: life.host, port });
            woken.add(&mut listening.waker);
        }
        Dialled::Open(pair, port)
    }
}
