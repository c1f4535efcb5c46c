//! Being asked to stop.

use std::future::pending;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::error::CliError;

/// The signals that ask the program to stop, from when this is made on; until then they end the process at once.
#[derive(Debug)]
pub(crate) struct Stop {
    interrupt: Signal,
    terminate: Signal,
    quit: Signal,
    hang_up: Option<Signal>,
}

/// How the program was asked to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// SIGHUP: the terminal is gone.
    HangUp,
    /// SIGINT: Ctrl-C.
    Interrupt,
    /// SIGQUIT: Ctrl-\.
    Quit,
    /// SIGTERM: `kill`, or a service manager.
    Terminate,
}

impl Asked {
    /// What a shell makes of the end of a process by this signal: 128 and the signal's number.
    pub(crate) fn exit_code(self) -> u8 {
        match self {
            Self::HangUp => 129,
            Self::Interrupt => 130,
            Self::Quit => 131,
            Self::Terminate => 143,
        }
    }
}

impl Stop {
    /// Takes the signals.
    pub(super) fn new() -> Result<Self, CliError> {
        let take = |kind| signal(kind).map_err(CliError::Runtime);
        let hang_up = if ignores_hang_up() { None } else { Some(take(SignalKind::hangup())?) };
        Ok(Self {
            interrupt: take(SignalKind::interrupt())?,
            terminate: take(SignalKind::terminate())?,
            quit: take(SignalKind::quit())?,
            hang_up,
        })
    }

    /// Waits for the next one.
    pub(super) async fn asked(&mut self) -> Asked {
        let hang_up = async {
            match &mut self.hang_up {
                Some(signal) => signal.recv().await,
                None => pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => Asked::Interrupt,
            _ = self.terminate.recv() => Asked::Terminate,
            _ = self.quit.recv() => Asked::Quit,
            _ = hang_up => Asked::HangUp,
        }
    }
}

/// Whether who has started the program wants it to outlive its terminal, as `nohup` does: to take the signal would undo
/// that. Known on Linux only.
fn ignores_hang_up() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}
