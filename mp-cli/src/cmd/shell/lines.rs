//! Where lines come from: a terminal, with an editor, or anything else.

use std::io::{BufRead, BufReader, Read, stdin};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use mp_node::Node;
use tokio::sync::mpsc;

use super::edit::Editor;
use crate::error::CliError;

/// The longest line, in bytes.
const LONGEST: u64 = 1 << 20;

/// What came.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Input {
    /// A line, without its end.
    Line(String),
    /// The line was given up by Ctrl-C.
    Nothing,
    /// There are no more.
    End,
}

/// Lines, read by a thread of their own when they are asked for: nothing else can be done while one is read.
#[derive(Debug)]
pub(super) struct Lines {
    wanted: SyncSender<()>,
    lines: mpsc::Receiver<Input>,
}

impl Lines {
    /// Starts the thread.
    pub(super) fn start(is_terminal: bool, node: &Node) -> Result<Self, CliError> {
        let (wanted, asked) = sync_channel(1);
        let (sender, lines) = mpsc::channel(1);
        let node = node.downgrade();
        let read = move || {
            if is_terminal {
                match Editor::new(node) {
                    Ok(mut editor) => answer(&asked, &sender, || editor.line()),
                    Err(error) => tracing::error!(%error, "the terminal cannot be used"),
                }
            } else {
                let mut reader = BufReader::new(stdin());
                answer(&asked, &sender, || piped(&mut reader));
            }
        };
        thread::Builder::new().name("lines".to_owned()).spawn(read).map_err(CliError::Runtime)?;
        Ok(Self { wanted, lines })
    }

    /// The next one.
    ///
    /// # Cancellation
    ///
    /// A line that was being read when the future was dropped is the next one.
    pub(super) async fn next(&mut self) -> Input {
        // If one is asked for already, that is the one.
        _ = self.wanted.try_send(());
        self.lines.recv().await.unwrap_or(Input::End)
    }
}

fn answer(asked: &Receiver<()>, sender: &mpsc::Sender<Input>, mut line: impl FnMut() -> Input) {
    while asked.recv().is_ok() {
        let line = line();
        let is_end = line == Input::End;
        if sender.blocking_send(line).is_err() || is_end {
            return;
        }
    }
}

fn piped(reader: &mut impl BufRead) -> Input {
    let mut line = Vec::new();
    match reader.take(LONGEST).read_until(b'\n', &mut line) {
        Ok(0) => Input::End,
        Ok(_) => Input::Line(String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']).to_owned()),
        Err(error) => {
            tracing::error!(%error, "the input cannot be read");
            Input::End
        }
    }
}
