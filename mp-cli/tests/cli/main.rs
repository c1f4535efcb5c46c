//! The program as its users meet it: words in, text and an exit code out; and the nodes that it runs.

#[cfg(all(test, feature = "tls"))]
mod certificate;
#[cfg(test)]
mod common;
#[cfg(test)]
mod configure;
#[cfg(test)]
mod demo;
#[cfg(test)]
mod doctor;
#[cfg(test)]
mod endings;
#[cfg(test)]
mod errors;
#[cfg(test)]
mod examples;
#[cfg(test)]
mod generate;
#[cfg(test)]
mod guests;
#[cfg(test)]
mod hush;
#[cfg(test)]
mod inspect;
#[cfg(test)]
mod loopback;
#[cfg(test)]
mod network;
#[cfg(test)]
mod operate;
#[cfg(test)]
mod operations;
#[cfg(test)]
mod process;
#[cfg(test)]
mod run;
#[cfg(test)]
mod secret;
#[cfg(test)]
mod shell;
#[cfg(test)]
mod slips;
#[cfg(test)]
mod talk;
#[cfg(test)]
mod tikc;
#[cfg(test)]
mod vocabulary;
