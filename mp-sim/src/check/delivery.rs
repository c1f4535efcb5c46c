//! Order, no duplicate, no silent hole.

use std::collections::BTreeMap;

use mp_node::Monitor;

use super::{Violation, ensure};

/// Something that tells of a port's death once: a [`Monitor`].
pub trait Told {
    /// Whether it has told.
    fn is_told(&self) -> bool;
}

impl Told for Monitor {
    fn is_told(&self) -> bool {
        self.fired().is_some()
    }
}

/// Checks what becomes of numbered messages (G-1 to G-3): from one sender to one port they arrive in order and at most
/// once, and if one is lost, none after it arrives before the sender's monitor on the port, under which it was sent, has
/// fired. At the end, what has not arrived must have been told.
///
/// Senders and ports are numbers that the user gives.
#[derive(Debug)]
pub struct Delivery<M> {
    stories: BTreeMap<(u32, u32), Story<M>>,
    sent: u64,
    received: u64,
    gaps: u64,
}

/// What one sender has done with one port.
#[derive(Debug)]
struct Story<M> {
    monitors: Vec<M>,
    /// The monitor under which message `n` was sent, by `n`.
    sent: Vec<usize>,
    /// The next message that the port should get.
    next: u32,
    /// Which monitors had told when the sender died, if it has.
    died: Option<Vec<bool>>,
}

impl<M> Default for Delivery<M> {
    fn default() -> Self {
        Self { stories: BTreeMap::new(), sent: 0, received: 0, gaps: 0 }
    }
}

impl<M: Told> Delivery<M> {
    /// The sender is about to send one more message to the port: gives its number. `watch` makes a monitor if there is
    /// none that has not fired, or if a new one is to `replace` it, which then answers for what was sent under the old
    /// one; it is there before the old one goes.
    pub fn sends(&mut self, sender: u32, port: u32, replace: bool, watch: impl FnOnce() -> M) -> u32 {
        let is_watched = self.last_monitor(sender, port).is_some_and(|monitor| !monitor.is_told());
        if replace || !is_watched {
            self.watches(sender, port, is_watched, watch());
        }
        self.sent(sender, port)
    }

    /// The sender has made a monitor of the port, under which it sends from now on. Where it `replaces` the last one, it
    /// answers for what was sent under that, too.
    pub fn watches(&mut self, sender: u32, port: u32, replaces: bool, monitor: M) {
        let story = self.story(sender, port);
        match story.monitors.last_mut() {
            Some(last) if replaces => *last = monitor,
            _ => story.monitors.push(monitor),
        }
    }

    /// The sender is about to send one more message to the port, under the last monitor that it made, whether that has
    /// fired or not: gives the message's number.
    pub fn sent(&mut self, sender: u32, port: u32) -> u32 {
        let story = self.story(sender, port);
        story.sent.push(story.monitors.len().saturating_sub(1));
        let number = u32::try_from(story.sent.len() - 1).unwrap_or(u32::MAX);
        self.sent += 1;
        number
    }

    fn last_monitor(&self, sender: u32, port: u32) -> Option<&M> {
        self.stories.get(&(sender, port))?.monitors.last()
    }

    fn story(&mut self, sender: u32, port: u32) -> &mut Story<M> {
        self.stories.entry((sender, port)).or_insert_with(|| Story {
            monitors: Vec::new(),
            sent: Vec::new(),
            next: 0,
            died: None,
        })
    }

    /// A message has arrived.
    ///
    /// # Errors
    ///
    /// It comes twice, or too late, or behind a hole of which its sender was not told.
    pub fn arrived(&mut self, sender: u32, port: u32, number: u32) -> Result<(), Violation> {
        self.received += 1;
        let Some(story) = self.stories.get_mut(&(sender, port)) else {
            return Err(Violation(format!("port {port} got {number} of {sender}, which never sent to it")));
        };
        let next = story.next;
        ensure(number >= next, || {
            format!("G-1, G-2: port {port} got {number} of {sender} when {next} was to come")
        })?;
        for lost in next..number {
            ensure(story.is_told(lost), || {
                format!(
                    "G-3: port {port} got {number} of {sender}, but {lost} is lost and no monitor has fired"
                )
            })?;
        }
        self.gaps += u64::from(number > next);
        story.next = number.saturating_add(1);
        Ok(())
    }

    /// The sender is gone: what its monitors have told by now counts.
    pub fn sender_died(&mut self, sender: u32) {
        for (_, story) in self.stories.range_mut((sender, 0)..=(sender, u32::MAX)) {
            story.died.get_or_insert_with(|| story.monitors.iter().map(Told::is_told).collect());
        }
    }

    /// All is calm: nothing is on its way any more.
    ///
    /// # Errors
    ///
    /// A message of a living sender has not arrived, and the sender was not told.
    pub fn check_end(&self) -> Result<(), Violation> {
        for ((sender, port), story) in self.stories.iter().filter(|(_, story)| story.died.is_none()) {
            for lost in story.next..u32::try_from(story.sent.len()).unwrap_or(u32::MAX) {
                ensure(story.is_told(lost), || {
                    format!("G-3: {lost} of {sender} to port {port} never came, and no monitor has fired")
                })?;
            }
        }
        Ok(())
    }

    /// All of a sender's messages are to have arrived.
    ///
    /// # Errors
    ///
    /// One has not.
    pub fn check_complete(&self, sender: u32) -> Result<(), Violation> {
        for ((_, port), story) in self.stories.range((sender, 0)..=(sender, u32::MAX)) {
            let (sent, next) = (story.sent.len(), story.next);
            ensure(usize::try_from(next) == Ok(sent), || {
                format!("G-9: of {sent} messages that {sender} sent before its end, port {port} got {next}")
            })?;
        }
        Ok(())
    }

    /// Messages sent, messages received, and holes that were seen (and told).
    #[must_use]
    pub fn counts(&self) -> [u64; 3] {
        [self.sent, self.received, self.gaps]
    }
}

impl<M: Told> Story<M> {
    fn is_told(&self, number: u32) -> bool {
        let monitor = usize::try_from(number).ok().and_then(|number| self.sent.get(number));
        monitor.is_some_and(|&monitor| match &self.died {
            Some(told) => told.get(monitor) == Some(&true),
            None => self.monitors.get(monitor).is_some_and(Told::is_told),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;

    use super::*;

    impl Told for Rc<Cell<bool>> {
        fn is_told(&self) -> bool {
            self.get()
        }
    }

    /// A sender that has sent so many messages under one monitor.
    fn sent(messages: u32) -> (Delivery<Rc<Cell<bool>>>, Rc<Cell<bool>>) {
        let (mut delivery, monitor) = (Delivery::default(), Rc::new(Cell::new(false)));
        for number in 0..messages {
            assert_eq!(delivery.sends(1, 2, false, || Rc::clone(&monitor)), number);
        }
        (delivery, monitor)
    }

    #[test]
    fn a_message_that_comes_twice_is_found() {
        let (mut delivery, _) = sent(2);
        assert_eq!((delivery.arrived(1, 2, 0), delivery.arrived(1, 2, 1)), (Ok(()), Ok(())));
        assert!(delivery.arrived(1, 2, 1).is_err());
    }

    #[test]
    fn a_hole_is_found_unless_it_was_told() {
        let (mut delivery, _) = sent(3);
        assert!(delivery.arrived(1, 2, 2).is_err());
        let (mut delivery, monitor) = sent(3);
        monitor.set(true);
        assert_eq!(delivery.arrived(1, 2, 2), Ok(()));
        assert_eq!(delivery.counts(), [3, 1, 1]);
        assert!(delivery.arrived(1, 2, 1).is_err(), "what was lost must not come late");
    }

    #[test]
    fn a_new_monitor_does_not_answer_for_what_the_last_one_has_told() {
        let (mut delivery, monitor) = sent(1);
        monitor.set(true);
        let second = Rc::new(Cell::new(false));
        assert_eq!(delivery.sends(1, 2, false, || Rc::clone(&second)), 1);
        assert!(delivery.check_end().is_err(), "1 did not come");
        second.set(true);
        assert_eq!(delivery.check_end(), Ok(()));
    }

    #[test]
    fn what_fires_after_the_senders_death_does_not_count() {
        let (mut delivery, monitor) = sent(3);
        delivery.sender_died(1);
        monitor.set(true);
        assert_eq!(delivery.check_end(), Ok(()), "nothing is owed to the dead");
        assert!(delivery.arrived(1, 2, 1).is_err());
    }
}
