//! The task that runs a port's handlers while there are messages for them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use mp_proto::{DecodeError, Frame, Reason};

use super::handlers::Loan;
use crate::complaints::shown;
use crate::mailbox::PortCell;
use crate::mailbox::handled::Next;
use crate::node::Inner;

/// Messages handled before other tasks get their turn.
const TURN: usize = 64;

/// Ends by itself when the node stops: its ports have nothing more to do then.
pub(crate) async fn run(node: Arc<Inner>, cell: Arc<PortCell>) {
    let mut used = None;
    for round in 1_usize.. {
        match cell.next_for_handlers(used.take()) {
            Next::Handle(frame, mut handlers) => {
                if let Err(text) = handle(&node, &cell, &frame, &mut handlers) {
                    // What the function was in the middle of is not whole any more: the messages behind are lost.
                    return node.kill_local(&cell, &Reason::die(text));
                }
                used = Some(handlers);
            }
            Next::End(handlers, later) => {
                drop((handlers, later));
                return;
            }
        }
        if round % TURN == 0 {
            tokio::task::yield_now().await;
        }
    }
}

/// Handles one message; the error is the text of a panic.
fn handle(node: &Inner, cell: &PortCell, frame: &Frame, handlers: &mut Loan) -> Result<(), String> {
    match catch_unwind(AssertUnwindSafe(|| handlers.handle(frame))) {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => {
            unhandled(node, cell, frame, error.as_ref());
            Ok(())
        }
        Err(panic) => Err(panic_text(&*panic)),
    }
}

#[cold]
fn unhandled(node: &Inner, cell: &PortCell, frame: &Frame, error: Option<&DecodeError>) {
    let why = error.map_or_else(|| "no handler for it".to_owned(), ToString::to_string);
    let tag = frame.tag().ok().flatten().unwrap_or_default();
    let why = format!("{why}: tag \"{}\"", shown(&tag));
    node.dead_letter(cell.id(), Some(frame), &why);
}

/// What a panic said.
pub(crate) fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "panic".into())
}
