//! Generators and oracles of the fuzz targets.
//!
//! ```text
//! records      the byte form of a case
//! defect       what the reference gets wrong, for `finds`
//! world        the cast that dialogues play with
//! generators   bytes to cases, bounded; every byte string is one
//! oracles      a case to claims, each of which panics where it does not hold
//! seeds        cases made from the vectors and scenarios
//! targets      each fuzz target once: name, oracle, seeds
//! ```
//!
//! `fuzz_targets/` is glue. Nothing here weakens the cryptography: a fuzzer knows the keys of its sessions, seals its edits
//! again and signs its handshakes again, and what it did not seal or sign must be refused.

pub mod defect;
pub mod generators;
pub mod oracles;
pub mod records;
pub mod seeds;
pub mod targets;
pub mod world;
