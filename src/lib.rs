//! Conformance suite, reference implementation and vectors for Backrest's `v1sync` protocol.

pub mod actor;
pub mod crypto;
pub mod judge;
#[cfg(feature = "net")]
pub mod net;
pub mod reference;
pub mod report;
pub mod rules;
#[cfg(feature = "net")]
pub mod runner;
pub mod scenario;
pub mod session;
pub mod target;
pub mod trace;
pub mod vectors;
pub mod wire;
