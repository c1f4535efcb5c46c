//! What is done to processes, by the seed.

use std::collections::BTreeMap;
use std::time::Duration;

use super::control::detection_bound;
use crate::Dice;

/// The longest time between two faults, in ms.
const PAUSE: u64 = 2000;
/// The longest time for which a process is not there, in ms; every third time it comes back at once.
const ABSENCE: u64 = 4000;

/// Something that is done to a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// It is killed, and started again under the same name after a while.
    Kill { absent: Duration },
    /// It is told to end, and started again under the same name.
    Terminate { absent: Duration },
    /// It is stopped for a while.
    Stop { time: Duration },
    /// It is stopped, killed, and started again.
    StopAndKill { time: Duration, absent: Duration },
}

impl Fault {
    /// Its name, for the summary.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Kill { .. } => "SIGKILL",
            Self::Terminate { .. } => "SIGTERM",
            Self::Stop { time } if time < detection_bound() => "short SIGSTOP",
            Self::Stop { .. } => "long SIGSTOP",
            Self::StopAndKill { .. } => "SIGSTOP and SIGKILL",
        }
    }

    /// The next one. One host in all is spared: it is stopped, but lives from the beginning to the end.
    pub(super) fn draw(dice: &mut Dice, is_spared: bool) -> Self {
        let absent = if dice.one_in(3) { Duration::ZERO } else { dice.millis(ABSENCE) };
        let long = detection_bound() + Duration::from_millis(500) + dice.millis(2000);
        let stop = if dice.one_in(2) { dice.millis(1500) } else { long };
        match dice.below(10) {
            0..4 if !is_spared => Self::Kill { absent },
            4..6 if !is_spared => Self::Terminate { absent },
            6 if !is_spared => Self::StopAndKill { time: stop, absent },
            _ => Self::Stop { time: stop },
        }
    }

    /// Until the next one.
    pub(super) fn pause(dice: &mut Dice) -> Duration {
        dice.millis(PAUSE)
    }
}

/// Counts of faults by name.
pub(super) type Faults = BTreeMap<&'static str, u64>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_kinds_happen_and_the_spared_one_lives() {
        let mut dice = Dice::new(1);
        let mut seen = Faults::new();
        for _ in 0..1000 {
            *seen.entry(Fault::draw(&mut dice, false).name()).or_default() += 1;
            assert!(matches!(Fault::draw(&mut dice, true), Fault::Stop { .. }));
        }
        assert_eq!(seen.len(), 5, "{seen:?}");
        assert!(seen.values().all(|count| *count > 40), "{seen:?}");
    }
}
