//! Conformance suite, reference implementation and vectors for Backrest's `v1sync` protocol.
//!
//! ```text
//! rules   every protocol rule, once            wire     the contract: messages, codes, roles
//!    \                                          /  crypto   KEM, HPKE, envelopes, identities
//!     lapses  what a peer could get wrong
//!        |
//!     session   one stream as a machine: key exchange, handshake, sealed items
//!        |                  \
//!     reference              scenario   a case as data: format, loader, fixtures
//!     the honest                |
//!     peer's mind            trace      what was seen, and what a step makes of it
//!        |                      |   \
//!        |                      |    model   states x messages, and the cases that follow from them
//!        |                      |
//!     vectors                actor      our side of a case: honest, but for named deviations
//!        |                      |
//!        |                   judge      scenario and trace to verdict, a pure function
//!        |                      |
//!        |                  campaign   dialogues made up, judged, shrunk: fuzzing without IO
//!        |                      |
//!     net [net]  sockets     target, report     the peer under test; results told
//!     storage [net]  disk
//!         \                   /
//!          runner [net]   plan, drive, fold
//!             |
//!          selftest [self-test]   what the suite would catch
//! ```
//!
//! An arrow of use goes up only; a test holds the code to that. Everything but `net` and `runner` builds without the
//! feature `net`: no sockets, clocks, threads or OS randomness.
//!
//! What this crate does not do: run backups, speak for Backrest, or decide what the protocol should have been.

pub mod actor;
pub mod campaign;
pub mod crypto;
pub mod judge;
pub mod lapses;
pub mod model;
#[cfg(feature = "net")]
pub mod net;
pub mod reference;
pub mod report;
pub mod rules;
#[cfg(feature = "net")]
pub mod runner;
pub mod scenario;
#[cfg(feature = "self-test")]
pub mod selftest;
pub mod session;
#[cfg(feature = "net")]
pub mod storage;
pub mod target;
pub mod trace;
pub mod vectors;
pub mod wire;
