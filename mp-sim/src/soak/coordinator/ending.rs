//! The end of a run: nodes are shut down.

use std::io;
use std::time::Duration;

use super::super::Progress;
use super::super::control::{Order, limits};
use super::super::host::State;
use super::{Coordinator, PATIENCE};

/// The most ports that a node says a last word to.
const LAST_WORDS: usize = 6;

impl<T: FnMut(&Progress)> Coordinator<T> {
    /// Every other node says a last word to some ports of the others, and is shut down; then the others are.
    pub(super) async fn part(&mut self) -> io::Result<()> {
        let staying = self.hosts.iter().filter(|host| host.number % 2 == 0);
        let ports: Vec<u32> = staying.flat_map(|host| self.live.ports_of(host.process)).collect();
        let going: Vec<usize> = (0..self.hosts.len()).filter(|index| index % 2 == 1).collect();
        for index in going {
            let first = self.dice.index(ports.len());
            let some = ports.iter().cycle().skip(first).take(LAST_WORDS.min(ports.len())).copied().collect();
            self.leave(index, some);
        }
        let odd =
            |run: &mut Self| run.hosts.iter().filter(|host| host.number % 2 == 1).all(|host| host.is_gone());
        self.until(PATIENCE * 3, odd).await?;
        let quiet = Duration::from_secs(1);
        self.until(PATIENCE, |run| run.clock.now() > run.live.last_message + quiet).await?;
        for index in 0..self.hosts.len() {
            self.leave(index, Vec::new());
        }
        self.until(PATIENCE * 3, |run| run.hosts.iter().all(|host| host.is_gone())).await?;
        Ok(())
    }

    /// Shuts a node down for good.
    fn leave(&mut self, index: usize, ports: Vec<u32>) {
        let now = self.clock.now();
        let Some(host) = self.hosts.get_mut(index).filter(|host| host.is_up()) else { return };
        host.tell(&Order::Leave { ports });
        host.state = State::Leaving { deadline: now + limits().drain_time + PATIENCE, absent: None };
    }
}
