//! The probes with which a Perl node was observed (group by group and under their names, see each test), run against a
//! node of ours: a real socket, and bytes as they are. Where Perl's node does something that it should not (it goes deaf, it
//! is held open, it takes what it did not offer), the better reaction is asked for.

#![expect(clippy::panic, reason = "what a test does that fails")]

mod probes {
    #[path = "../support/plain.rs"]
    mod plain;
    pub(crate) mod raw;

    mod complete;
    mod dialling;
    mod directory;
    mod hello;
    mod messages;
    mod node_port;
    mod secrets;
    mod steps;
    #[cfg(feature = "tls")]
    mod tls;
}
