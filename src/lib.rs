//! Conformance suite, reference implementation and vectors for Backrest's `v1sync` protocol.

pub mod crypto;
pub mod reference;
pub mod rules;
pub mod vectors;
pub mod wire;
