//! Conformance suite, reference implementation and vectors for Backrest's `v1sync` protocol.

#[cfg(feature = "net")]
pub mod net;
pub mod rules;
pub mod wire;
