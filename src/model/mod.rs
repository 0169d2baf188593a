//! The protocol as one model: the states of a stream, the messages that may come in each, and what a correct peer then
//! does. Cases are generated from it, a trace is measured by it, and a fuzzer walks it.
//!
//! [`responder()`] and [`initiator()`] are `docs/protocol.md`, sections 2 to 7, as two functions; they are meant to be
//! read beside them. Nothing here knows bytes, sockets or an implementation.

mod catalogue;
mod initiator;
mod message;
mod phrase;
mod responder;
mod state;
pub(crate) mod steps;
mod verdict;

pub mod boundaries;
pub mod coverage;
pub mod matrix;
pub mod operations;
pub mod permissions;

pub use catalogue::{generated, load_catalogue};
pub use coverage::Coverage;
pub use initiator::initiator;
pub use message::{Item, Message};
pub use responder::responder;
pub use state::State;
pub use verdict::{Answer, Cell, Outcome, Verdict};

use crate::wire::Role;

/// What a correct peer in that role must do with this message in this state, and the rule that says so.
pub fn verdict(role: Role, state: State, message: Message) -> Verdict {
    match role {
        Role::Responder => responder(state, message),
        Role::Initiator => initiator(state, message),
    }
}

#[cfg(test)]
mod tests;
