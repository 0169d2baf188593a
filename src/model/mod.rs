//! The protocol as one model: the states of a stream, the messages that may come in each, and what a correct peer then
//! does. Cases are generated from it, a trace is measured by it, and a fuzzer walks it.
//!
//! [`responder()`] is `docs/protocol.md`, sections 2 to 6, as one function; it is meant to be read beside them. Nothing
//! here knows bytes, sockets or an implementation.

mod catalogue;
mod message;
mod phrase;
mod responder;
mod state;
pub(crate) mod steps;
mod verdict;

pub mod matrix;

pub use catalogue::{generated, load_catalogue};
pub use message::{Item, Message};
pub use responder::responder;
pub use state::State;
pub use verdict::{Cell, Outcome, Verdict};

#[cfg(test)]
mod tests;
