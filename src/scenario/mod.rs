//! Scenarios as data: the file format, its loader and its checks. A scenario knows nothing of bytes on the wire; the
//! actor turns it into those.
//!
//! [`load::load_dir`] is the only function that touches the file system. After it a [`model::Scenario`] is immutable
//! and known to be playable.

pub mod deviation;
pub mod every;
pub mod fixtures;
pub mod load;
pub mod load_error;
pub mod looks;
pub mod message;
pub mod message_pattern;
pub mod model;
pub mod node;
pub mod probes;
pub mod problem;
pub mod schema;
pub mod sessions;
pub mod shown;
pub mod splice;

pub mod builtin;
#[cfg(test)]
pub(crate) mod by_hand;
mod case;
mod de;
mod given;
pub mod known_vectors;
mod looks_check;
mod message_check;
mod names;
mod pattern;
mod race;
pub mod released;
mod rule_check;
mod shape;
mod steps;
mod table;
mod variables;
mod write;
mod yaml;

pub use case::CaseTemplate;
pub use rule_check::survives;
// Other files that people write are read with the same means, and so are told of alike.
#[cfg(test)]
pub(crate) use shape::words_of;
pub(crate) use {
    de::read as read_node, load::read_text, names::nearest as nearest_names,
    yaml::parse as parse_yaml,
};

#[cfg(test)]
mod tests;
