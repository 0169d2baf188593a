//! One stream's state machine, for either role: key exchange, identity handshake, sealed items. It does no IO, reads no
//! clock and draws no randomness; the same inputs give the same bytes.
//!
//! It refuses to know who may connect or what an action does: it says who the peer proved to be, delivers the actions
//! that a verified peer sent, and seals those it is given.
//!
//! A driver
//! 1. makes a [`Session`] with [`Session::initiator`] or [`Session::responder`] and carries out the outputs it gets;
//! 2. waits for whichever comes first: an item from the peer, something to send, the last [`Output::WakeAt`];
//! 3. hands that to [`Session::step`], which consumes the session and returns the next one with new outputs;
//! 4. carries the outputs out in order: sends, delivers, and on [`Output::PeerVerified`] decides whether this peer may
//!    stay, before it carries out what follows;
//! 5. on a [`Violation`] ends the stream with [`Violation::code`] and drops the session: there is nothing left to step.

mod channel;
mod handshake;
mod lapsing;
mod lapsing_identity;
mod lapsing_kem;
mod machine;
mod params;
mod transport;
mod violation;

#[cfg(test)]
mod pair_tests;

pub use channel::Channel;
pub use handshake::{VerifiedPeer, own_handshake, verify_handshake};
pub use machine::{Input, Misuse, Output, Session, StepError};
pub use params::{Deadlines, ExpectedPeer, InitiatorParams, Local, ResponderParams};
pub use transport::{decapsulate, key_item, read_encapsulation, read_public_key, reply_item};
pub use violation::{Class, Violation};
