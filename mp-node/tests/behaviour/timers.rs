//! What a timer says in the log.

use std::time::Duration;

use mp_node::Limits;
use mp_node::memory::MemoryNet;
use serde::{Serialize, Serializer};

use crate::log::Log;
use crate::net::{node, seconds};

/// What no codec can write.
#[derive(Clone)]
struct Unwritable;

impl Serialize for Unwritable {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("it is not for others"))
    }
}

/// A beat that can never be heard ends, and does not fill the log.
#[tokio::test(start_paused = true)]
async fn a_beat_that_cannot_be_written_ends_with_one_warning() {
    let (log, _guard) = Log::collect();
    let a = node(&MemoryNet::new(1), "a", Limits::default()).await;
    let port = a.port();
    let beat = a.send_every(Duration::from_secs(1), &port, Unwritable);
    let late = a.send_after(Duration::from_secs(1), &port, Unwritable);
    assert!(!beat.is_over() && !late.is_over());
    seconds(60.0).await;
    assert!(beat.is_over() && late.is_over());
    let (ended, unsent) = (log.warnings("a timer ends"), log.warnings("a timer's message was not sent"));
    assert_eq!((ended.len(), unsent.len()), (1, 1), "{ended:#?} {unsent:#?}");
    assert!(ended[0].contains("it is not for others"), "{ended:#?}");
    assert_eq!(port.waiting(), 0);
}
