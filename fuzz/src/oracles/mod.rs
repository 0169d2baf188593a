//! From cases to claims: each function plays a case and panics where a claim does not hold, with a text that says which.
//! `cargo test` runs all of them over the seeds; the fuzz targets, over what a fuzzer makes of those.

pub mod client_dialogue;
mod client_model;
pub mod documents;
pub mod envelope;
pub mod framing;
pub mod host_dialogue;
mod host_model;
pub mod kem;
pub mod meddling;
pub mod permissions;
pub mod results;
mod set_config;
mod stream;
pub mod token;
pub mod wire;
