//! mp-node
