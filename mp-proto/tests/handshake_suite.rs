//! Handshakes of two sides in memory, with a clock that stands still unless it is told to go.

#![cfg(feature = "json")]

mod handshake_suite {
    mod pair;

    mod duplicates;
    mod methods;
    mod perl_peer;
    mod properties;
    mod refusals;
    mod rotation;
    mod scenarios;
    mod security;
    mod time;
    mod tls;
}
