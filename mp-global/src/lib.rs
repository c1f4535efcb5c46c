//! mp-global
