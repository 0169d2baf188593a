//! The peer under test: what it must be given, and whether it can be talked to at all. It holds no opinion on what the
//! peer does once cases are played.

pub mod doctor;
pub mod file;
mod first_contact;
pub mod known_failing;
mod outlives;
#[cfg(feature = "net")]
pub mod process;
pub mod provision;

pub use first_contact::scenario as contact_scenario;
pub use outlives::outlives_scenario;
