//! What follows from the table for each link.

use mp_proto::Text;

use super::{Effect, Entry, Link, LinkId, Router};
use crate::exchange::Peer;
use crate::identity::{KernelId, MAX_WAY};
use crate::packet::{Packet, Route};

/// Names in one packet, so that no announcement is longer than a frame may be.
pub(super) const PER_PACKET: usize = 1000;

/// The way that a link should have been told to an alias, if any.
pub(super) fn wanted(
    entry: &Entry,
    id: LinkId,
    link: &Link,
    peer_of: impl Fn(LinkId) -> Option<Peer>,
) -> Option<(Vec<KernelId>, bool)> {
    if !link.visible {
        return None;
    }
    if entry.here {
        return Some((Vec::new(), false));
    }
    let best = entry.holders.first().filter(|best| best.link != id)?;
    let mut via = Vec::with_capacity(best.via.len() + 1);
    let mut foreign = best.foreign;
    match peer_of(best.link) {
        Some(Peer::Own { kernel, .. }) => via.push(kernel),
        Some(Peer::Poe) | None => foreign = true,
    }
    via.extend(&best.via);
    let leads_there = matches!(link.peer, Some(Peer::Own { kernel, .. }) if via.contains(&kernel));
    (!leads_there && via.len() < MAX_WAY).then_some((via, foreign))
}

impl Router {
    /// Tells all links what is new about these aliases.
    pub(super) fn tell(&mut self, aliases: &[Text]) {
        let ids: Vec<LinkId> = self.links.keys().copied().collect();
        for id in ids {
            self.tell_link(id, aliases);
        }
    }

    /// Tells a link what is new about all aliases.
    pub(super) fn tell_all(&mut self, id: LinkId) {
        let aliases: Vec<Text> = self.aliases.keys().cloned().collect();
        self.tell_link(id, &aliases);
    }

    fn tell_link(&mut self, id: LinkId, aliases: &[Text]) {
        let Some(link) = self.links.get(&id) else { return };
        let own = matches!(link.peer, Some(Peer::Own { .. }));
        let (mut setup, mut remove) = (Vec::new(), Vec::new());
        for alias in aliases {
            let entry = self.aliases.get(alias);
            let peer_of = |other| self.links.get(&other).and_then(|link| link.peer);
            match (entry.and_then(|entry| wanted(entry, id, link, peer_of)), link.announced.get(alias)) {
                (None, Some(_)) => remove.push(alias.clone()),
                // To a kernel of POE::TIKC a way is a way.
                (Some(way), told) if told.is_none() || (own && told != Some(&way)) => {
                    setup.push((alias.clone(), way));
                }
                _ => {}
            }
        }
        if let Some(link) = self.links.get_mut(&id) {
            remove.iter().for_each(|alias| drop(link.announced.remove(alias)));
            setup.iter().for_each(|(alias, way)| drop(link.announced.insert(alias.clone(), way.clone())));
        }
        for names in remove.chunks(PER_PACKET) {
            self.effects.push_back(Effect::Tell(id, Packet::Remove { aliases: names.to_vec() }));
        }
        for ways in setup.chunks(PER_PACKET) {
            let route = |(alias, (via, foreign)): &(Text, (Vec<KernelId>, bool))| Route {
                alias: alias.clone(),
                via: via.clone(),
                foreign: *foreign,
            };
            let aliases = ways.iter().map(route).collect();
            self.effects.push_back(Effect::Tell(id, Packet::Setup { aliases, hello: None }));
        }
    }
}
