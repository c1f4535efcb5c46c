//! What the node tells the directory, and asks it.

use std::sync::Arc;

use mp_node::{Node, Service};
use mp_transport::clock;

use super::Shared;
use crate::wire::GlobalRequest;

/// Makes the node tell `shared` of peers and requests, and ask it for addresses.
pub(super) fn install(node: &Node, shared: &Arc<Shared>) {
    let (ups, downs, requests, finds) =
        (Arc::clone(shared), Arc::clone(shared), Arc::clone(shared), Arc::clone(shared));
    node.install(Service {
        tags: &GlobalRequest::TAGS,
        up: Box::new(move |peer| {
            let is_kin = ups.node().is_ok_and(|node| node.is_own_kind(peer));
            ups.with(|state| state.up(clock::now(), peer, is_kin));
        }),
        down: Box::new(move |peer, _| {
            // One connection after the other goes with ourselves: no master has to be found in its place, nobody told.
            if downs.node().is_ok_and(|node| !node.is_leaving()) {
                downs.with(|state| state.down(clock::now(), peer));
            }
        }),
        request: Box::new(move |from, tag, args| {
            if !GlobalRequest::TAGS.contains(&tag) {
                return Some(args);
            }
            match GlobalRequest::parse(tag, args) {
                Ok(request) => requests.request(from, request),
                Err(error) => tracing::debug!(%from, %error, "a request was dropped"),
            }
            None
        }),
    });
    node.set_resolver(Arc::new(move |peer| Box::pin(Arc::clone(&finds).find(peer.clone()))));

    // Those that were connected before, unless they go just now: their end may have been told before their beginning.
    let peers = node.nodes();
    shared.with(|state| {
        peers.iter().for_each(|peer| state.up(clock::now(), peer, node.is_own_kind(peer)));
    });
    shared.with(|state| {
        let still = node.nodes();
        peers.iter().filter(|peer| !still.contains(peer)).for_each(|peer| state.down(clock::now(), peer));
    });
}
