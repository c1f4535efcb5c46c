//! The task that runs a port's handlers while there are messages for them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use mp_proto::{Frame, Reason};

use super::handlers::Loan;
use crate::complaints::shown;
use crate::mailbox::PortCell;
use crate::mailbox::handled::Next;
use crate::node::Inner;

/// Messages handled before other tasks get their turn.
const TURN: usize = 64;

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
    let message = match frame.message() {
        Ok(message) => message,
        Err(error) => {
            node.dead_letter(cell.id(), Some(frame), &error.to_string());
            return Ok(());
        }
    };
    match catch_unwind(AssertUnwindSafe(|| handlers.handle(message))) {
        Ok(Ok(())) => {}
        Ok(Err((message, error))) => {
            let why = error.map_or_else(|| "no handler for it".to_owned(), |error| error.to_string());
            let why = format!("{why}: tag \"{}\"", shown(&message.tag().unwrap_or_default()));
            node.dead_letter(cell.id(), Some(frame), &why);
        }
        Err(panic) => return Err(panic_text(&*panic)),
    }
    Ok(())
}

/// What a panic said.
pub(crate) fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "panic".into())
}
