//! Which alias is reached by which way: a table without I/O, from which follows what each peer is told.
//!
//! For each alias the table has whether a session of this kernel holds it, and the links that have announced it, the
//! earliest first. A session of our own comes before all links, and a link before those that came after it `[TK-31]`.
//!
//! What a link should have been told is a function of the table: an alias is announced to a link if the best way to it is
//! not over that very link, nor over the kernel at its end `[TK-32]` `[TK-34]`. What a link *was* told is remembered,
//! and after each change the difference is sent. So what changes nothing sends nothing, and no setup runs in circles.
//!
//! | event | the table | told |
//! |---|---|---|
//! | a setup names an alias | the link is a holder, behind those that there are | the alias, where it is new |
//! | a remove names an alias | the link is no holder of it any more; if it was the first, the next takes its place | what follows |
//! | a link is lost | the same for all its aliases | what follows |
//! | a session takes or leaves an alias | the same, for this kernel | what follows |
//!
//! One exception: when a holder takes an alias back, others of our own kind who know it through a kernel of POE::TIKC
//! are struck, too: that may be the same one, seen on another way, and both would keep each other believing `[TK-37]`.

mod tell;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use mp_proto::Text;

use crate::exchange::{ExchangeError, Peer};
use crate::identity::{KernelId, MAX_WAY};
use crate::limits::TikcLimits;
use crate::names::{NameError, check_alias};
use crate::packet::{Failure, Packet, Route};

/// Tells the connections of one kernel apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(pub u64);

/// What the owner of a [`Router`] has to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Send this over that link.
    Tell(LinkId, Packet),
    /// An alias can be reached that could not.
    Came(Text),
    /// An alias cannot be reached any more.
    Went(Text),
    /// A link announced an alias that somebody else holds.
    Taken(LinkId, Text),
    /// A link is to be ended.
    End(LinkId, ExchangeError),
}

/// The way to an alias.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// A session of this kernel.
    Here,
    /// Over a link.
    Link(LinkId),
}

/// Why a session cannot have an alias.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AliasError {
    /// It is no alias.
    #[error("{alias:?} cannot be an alias: {error}")]
    Name {
        /// The text.
        alias: String,
        /// What is wrong with it.
        error: NameError,
    },
    /// A session of this kernel or of another one holds it `[TK-31]`.
    #[error("the alias {0:?} is held already")]
    Taken(String),
    /// This kernel's sessions hold as many as the limits allow.
    #[error("this kernel has {0} aliases, which is its bound")]
    TooMany(usize),
    /// The kernel has been shut down.
    #[error("the kernel has been shut down")]
    ShutDown,
}

#[derive(Debug, Default)]
struct Entry {
    here: bool,
    holders: Vec<Holder>,
}

#[derive(Debug)]
struct Holder {
    link: LinkId,
    via: Vec<KernelId>,
    foreign: bool,
}

#[derive(Debug, Default)]
struct Link {
    peer: Option<Peer>,
    /// Aliases may be announced to it.
    visible: bool,
    /// What it was told, and the way that it was told.
    announced: BTreeMap<Text, (Vec<KernelId>, bool)>,
    /// What it announced.
    holds: BTreeSet<Text>,
}

/// The table. See the [module](self).
#[derive(Debug)]
pub struct Router {
    limits: TikcLimits,
    kernel: KernelId,
    aliases: BTreeMap<Text, Entry>,
    here: usize,
    links: BTreeMap<LinkId, Link>,
    effects: VecDeque<Effect>,
}

impl Router {
    /// An empty table of the kernel of that ID.
    #[must_use]
    pub fn new(kernel: KernelId, limits: TikcLimits) -> Self {
        let (aliases, links, effects) = (BTreeMap::new(), BTreeMap::new(), VecDeque::new());
        Self { limits, kernel, aliases, here: 0, links, effects }
    }

    /// What is to be done next.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// All aliases that can be reached, and how.
    pub fn aliases(&self) -> impl Iterator<Item = (&Text, Way)> {
        self.aliases.iter().filter_map(|(alias, entry)| Some((alias, entry.way()?)))
    }

    /// The way to an alias for a post that came over `from`, or from here.
    ///
    /// # Errors
    ///
    /// [`Failure::NoSuchAlias`], or [`Failure::Circle`] if the way leads back to where the post came from `[TK-35]`.
    pub fn way(&self, alias: &str, from: Option<LinkId>) -> Result<Way, Failure> {
        let way = self.aliases.get(alias).and_then(Entry::way);
        match way.ok_or(Failure::NoSuchAlias)? {
            Way::Link(link) if Some(link) == from => Err(Failure::Circle),
            way => Ok(way),
        }
    }

    /// Who is at the end of a link, once that is known.
    #[must_use]
    pub fn peer(&self, link: LinkId) -> Option<Peer> {
        self.links.get(&link)?.peer
    }

    /// A session of this kernel takes an alias.
    ///
    /// # Errors
    ///
    /// [`AliasError`].
    pub fn take(&mut self, alias: &Text) -> Result<(), AliasError> {
        check_alias(alias).map_err(|error| AliasError::Name { alias: shown(alias), error })?;
        if self.aliases.get(alias).is_some_and(|entry| entry.way().is_some()) {
            return Err(AliasError::Taken(shown(alias)));
        }
        if self.here >= self.limits.own_aliases {
            return Err(AliasError::TooMany(self.limits.own_aliases));
        }
        self.here += 1;
        self.change(std::slice::from_ref(alias), |_, entry| entry.here = true);
        Ok(())
    }

    /// A session of this kernel lets an alias go.
    pub fn leave(&mut self, alias: &Text) {
        if self.aliases.get(alias).is_some_and(|entry| entry.here) {
            self.here -= 1;
            self.change(std::slice::from_ref(alias), |_, entry| entry.here = false);
        }
    }

    /// A connection was made. Gives what its first setup should announce, if that is `visible` from the beginning;
    /// what does not fit there follows by [`Router::rest`].
    pub fn connect(&mut self, id: LinkId, visible: bool) -> Vec<Route> {
        let mut link = Link { visible, ..Link::default() };
        let peer_of = |other| self.links.get(&other).and_then(|link: &Link| link.peer);
        let mut routes = Vec::new();
        for (alias, entry) in &self.aliases {
            if routes.len() == tell::PER_PACKET {
                break;
            }
            let Some((via, foreign)) = tell::wanted(entry, id, &link, peer_of) else { continue };
            link.announced.insert(alias.clone(), (via.clone(), foreign));
            routes.push(Route { alias: alias.clone(), via, foreign });
        }
        self.links.insert(id, link);
        routes
    }

    /// Announces to a link what its first setup had no room for.
    pub fn rest(&mut self, id: LinkId) {
        self.tell_all(id);
    }

    /// The peer at the end of a link was let in. Ends an older connection of the same client of the same kernel.
    pub fn open(&mut self, id: LinkId, peer: Peer) {
        if let Peer::Own { kernel, client, proven } = peer {
            let same = |link: &Link| match link.peer {
                Some(Peer::Own { kernel: old, client: number, proven: was }) => {
                    old == kernel && number == client && client != 0 && (proven || !was)
                }
                _ => false,
            };
            let old: Vec<LinkId> =
                self.links.iter().filter(|(_, link)| same(link)).map(|(old, _)| *old).collect();
            self.effects.extend(old.into_iter().map(|old| Effect::End(old, ExchangeError::Replaced)));
        }
        if let Some(link) = self.links.get_mut(&id) {
            link.peer = Some(peer);
            link.visible = true;
        }
        if matches!(peer, Peer::Own { proven: true, .. }) {
            // The setup that follows a proof says all, even if that is nothing.
            return self.again(id);
        }
        self.tell_all(id);
    }

    /// A link is to be told anew what it was told before.
    pub fn again(&mut self, id: LinkId) {
        if let Some(link) = self.links.get_mut(&id) {
            link.announced.clear();
        }
        let before = self.effects.len();
        self.tell_all(id);
        if self.effects.len() == before {
            let nothing = Packet::Setup { aliases: Vec::new(), hello: None };
            self.effects.push_back(Effect::Tell(id, nothing));
        }
    }

    /// A link announced aliases.
    pub fn setup(&mut self, id: LinkId, routes: Vec<Route>) {
        let Some(link) = self.links.get_mut(&id) else { return };
        let mut changed = Vec::with_capacity(routes.len());
        let mut ways = BTreeMap::new();
        for route in routes {
            if check_alias(&route.alias).is_err() {
                continue;
            }
            // A copy, which does not hold the frame that the name came in.
            let alias = Text::from(route.alias.as_str());
            let circle = route.via.contains(&self.kernel) || route.via.len() >= MAX_WAY;
            if !circle && link.holds.len() >= self.limits.aliases_per_link && !link.holds.contains(&alias) {
                let max = self.limits.aliases_per_link;
                self.effects.push_back(Effect::End(id, ExchangeError::TooManyAliases { max }));
                break;
            }
            if circle {
                link.holds.remove(&alias)
            } else {
                link.holds.insert(alias.clone())
            };
            let way = (!circle).then_some((route.via, route.foreign));
            if ways.insert(alias.clone(), way).is_none() {
                changed.push(alias);
            }
        }
        let taken = self.taken(id, &changed);
        self.change(&changed, |alias, entry| match ways.remove(alias) {
            Some(Some((via, foreign))) => entry.hold(Holder { link: id, via, foreign }),
            _ => entry.holders.retain(|holder| holder.link != id),
        });
        self.tell_taken(id, taken);
        if self.aliases.len() > self.limits.aliases {
            let max = self.limits.aliases;
            self.effects.push_back(Effect::End(id, ExchangeError::TooManyAliases { max }));
        }
    }

    /// Which of these aliases a link has just announced though others hold them.
    fn taken(&self, id: LinkId, aliases: &[Text]) -> Vec<Text> {
        let other = |entry: &Entry| entry.here || entry.holders.first().is_some_and(|first| first.link != id);
        let known = |entry: &Entry| entry.holders.iter().any(|holder| holder.link == id);
        let taken =
            |alias: &&Text| self.aliases.get(*alias).is_some_and(|entry| other(entry) && !known(entry));
        aliases.iter().filter(taken).cloned().collect()
    }

    fn tell_taken(&mut self, id: LinkId, taken: Vec<Text>) {
        if taken.is_empty() {
            return;
        }
        self.effects.extend(taken.iter().map(|alias| Effect::Taken(id, alias.clone())));
        if matches!(self.peer(id), Some(Peer::Own { .. })) {
            self.effects.push_back(Effect::Tell(id, Packet::Taken { aliases: taken }));
        }
    }

    /// A link took aliases back.
    pub fn remove(&mut self, id: LinkId, aliases: &[Text]) {
        let Some(link) = self.links.get_mut(&id) else { return };
        let held: Vec<Text> = aliases.iter().filter_map(|alias| link.holds.take(alias)).collect();
        let mut struck = Vec::new();
        let own: BTreeSet<LinkId> = self.own_links();
        self.change(&held, |alias, entry| {
            let first = entry.holders.first().is_some_and(|first| first.link == id);
            entry.holders.retain(|holder| {
                let doubtful = first && !entry.here && holder.foreign && own.contains(&holder.link);
                if doubtful && holder.link != id {
                    struck.push((holder.link, alias.clone()));
                }
                holder.link != id && !doubtful
            });
        });
        for (link, alias) in struck {
            if let Some(link) = self.links.get_mut(&link) {
                link.holds.remove(&alias);
            }
        }
    }

    fn own_links(&self) -> BTreeSet<LinkId> {
        let own = |link: &Link| matches!(link.peer, Some(Peer::Own { .. }));
        self.links.iter().filter(|(_, link)| own(link)).map(|(id, _)| *id).collect()
    }

    /// A connection was lost.
    pub fn lost(&mut self, id: LinkId) {
        let Some(link) = self.links.remove(&id) else { return };
        let held: Vec<Text> = link.holds.into_iter().collect();
        self.change(&held, |_, entry| entry.holders.retain(|holder| holder.link != id));
    }

    /// Changes entries, and tells everybody what follows from that.
    fn change(&mut self, aliases: &[Text], mut change: impl FnMut(&Text, &mut Entry)) {
        for alias in aliases {
            let entry = self.aliases.entry(alias.clone()).or_default();
            let was = entry.way().is_some();
            change(alias, entry);
            let is = entry.way().is_some();
            if was != is {
                let effect = if is { Effect::Came } else { Effect::Went };
                self.effects.push_back(effect(alias.clone()));
            }
        }
        self.tell(aliases);
        for alias in aliases {
            if self.aliases.get(alias).is_some_and(|entry| entry.way().is_none()) {
                self.aliases.remove(alias);
            }
        }
    }
}

impl Entry {
    fn way(&self) -> Option<Way> {
        if self.here {
            return Some(Way::Here);
        }
        self.holders.first().map(|holder| Way::Link(holder.link))
    }

    /// A holder that announces again keeps its place.
    fn hold(&mut self, new: Holder) {
        match self.holders.iter_mut().find(|holder| holder.link == new.link) {
            Some(holder) => *holder = new,
            None => self.holders.push(new),
        }
    }
}

fn shown(alias: &str) -> String {
    alias.chars().take(100).collect()
}
