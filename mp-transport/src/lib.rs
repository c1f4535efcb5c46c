//! mp-transport
