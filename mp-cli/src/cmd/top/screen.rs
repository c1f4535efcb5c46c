//! The terminal.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event};
use tokio::sync::mpsc;

use super::model::Model;
use super::view;

/// Events that wait.
const WAITING: usize = 64;
/// How long the keyboard is listened to at once.
const LISTEN: Duration = Duration::from_millis(100);

/// The terminal in its full-screen mode. However it ends, by a panic as well, the terminal is as before.
#[derive(Debug)]
pub(super) struct Screen {
    terminal: DefaultTerminal,
    events: mpsc::Receiver<Event>,
    over: Arc<AtomicBool>,
}

impl Screen {
    pub(super) fn open() -> io::Result<Self> {
        // It sees to panics, too.
        let terminal = ratatui::try_init()?;
        let (sender, events) = mpsc::channel(WAITING);
        let over = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&over);
        // The keyboard can only be waited for by a thread of its own.
        drop(tokio::task::spawn_blocking(move || {
            while !ended.load(Ordering::Relaxed) {
                match event::poll(LISTEN) {
                    Ok(false) => {}
                    Ok(true) => {
                        let Ok(event) = event::read() else { return };
                        if sender.blocking_send(event).is_err() {
                            return;
                        }
                    }
                    Err(_) => return,
                }
            }
        }));
        Ok(Self { terminal, events, over })
    }

    pub(super) fn draw(&mut self, model: &Model) -> io::Result<()> {
        self.terminal.draw(|frame| view::draw(frame, model)).map(drop)
    }

    /// The next key or change of size; `None` if the terminal is gone.
    pub(super) async fn event(&mut self) -> Option<Event> {
        self.events.recv().await
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        ratatui::restore();
    }
}
