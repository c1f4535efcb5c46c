//! A line on stderr about work that takes long, on a terminal, which goes when the work is done.

use std::future::Future;
use std::io::{self, Write};
use std::time::Duration;

use tokio::time::sleep;

/// From then on, and as often, the line is written.
const EVERY: Duration = Duration::from_secs(1);

/// Whether such lines are written.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Progress {
    pub(super) on: bool,
}

impl Progress {
    /// Does `work`; says what is going on while that takes more than a second.
    pub(crate) async fn during<T>(self, work: impl Future<Output = T>, what: impl Fn() -> String) -> T {
        if !self.on {
            return work.await;
        }
        tokio::pin!(work);
        let mut line = Line { written: false };
        let mut seconds = 0_u64;
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                () = sleep(EVERY) => {
                    seconds += 1;
                    line.write(&format!("{} … {seconds} s", what()));
                }
            }
        }
    }
}

/// The line on the screen; taken off it when the work is done or given up.
struct Line {
    written: bool,
}

impl Line {
    fn write(&mut self, text: &str) {
        self.written = true;
        // Nobody is lost without it.
        drop(write!(io::stderr(), "\r\u{1b}[K{text}"));
        drop(io::stderr().flush());
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if self.written {
            drop(write!(io::stderr(), "\r\u{1b}[K"));
            drop(io::stderr().flush());
        }
    }
}
