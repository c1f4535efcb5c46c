//! The program as its users meet it: words in, text and an exit code out.

#[cfg(test)]
mod certificate;
#[cfg(test)]
mod common;
#[cfg(test)]
mod configure;
#[cfg(test)]
mod errors;
