//! Kernels over a network in memory, in virtual time: with one another, and with scripted peers.

mod hostile;
mod kernels;
mod net;
mod replay;
mod trust;
