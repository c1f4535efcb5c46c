//! The registry as others see it: transcripts, recorded conversations, and a model of a whole network.

mod global;
mod limits;
mod model;
mod repair;
mod replay;
mod slave;
mod support;
