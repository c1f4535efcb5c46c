//! The task that dials what the mesh asks for.

use std::sync::Arc;

use mp_transport::{Addr, clock};

use super::Shared;
use crate::mesh::{DialOutcome, DialTarget};

/// Ends what waits for the directory when the node's tasks end.
struct Over(Arc<Shared>);

impl Drop for Over {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// The task. It tells its end even if it never began.
pub(super) fn run(shared: Arc<Shared>) -> impl Future<Output = ()> + Send {
    let over = Over(Arc::clone(&shared));
    async move {
        let _over = over;
        dial_forever(&shared).await;
    }
}

async fn dial_forever(shared: &Arc<Shared>) {
    loop {
        let (dials, due) = shared.dials();
        for (target, address) in dials {
            begin(shared, target, address);
        }
        let timeout = async {
            match due {
                Some(at) => clock::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = shared.due.notified() => {}
            () = timeout => {}
        }
    }
}

fn begin(shared: &Arc<Shared>, target: DialTarget, address: String) {
    let Ok(node) = shared.node() else { return };
    let (shared, weak) = (Arc::clone(shared), node.downgrade());
    node.spawn_task(async move {
        let outcome = match (address.parse::<Addr>(), weak.upgrade()) {
            (Ok(addr), Some(node)) => match node.dial(&addr).await {
                Ok(peer) => DialOutcome::Reached(peer),
                Err(error) if error.is_self() => DialOutcome::Ourselves,
                Err(error) if error.is_permanent() => DialOutcome::Refused,
                Err(_) => DialOutcome::Failed,
            },
            _ => DialOutcome::Failed,
        };
        shared.dialled(&target, outcome);
    });
}
