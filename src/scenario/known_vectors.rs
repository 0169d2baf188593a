//! The ids of the vectors that a scenario can name.

use std::{collections::HashSet, sync::LazyLock};

use serde::Deserialize;

/// A group of vectors whose bytes a deviation can send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VectorGroup {
    /// Public keys, in `vectors/kem.json`.
    KemPublicKey,
    /// Encapsulations, in `vectors/kem.json`.
    KemDecap,
    /// Handshakes, in `vectors/handshake.json`.
    HandshakeVerify,
}

impl VectorGroup {
    /// The group's name in its file.
    pub fn name(self) -> &'static str {
        match self {
            VectorGroup::KemPublicKey => "kem_public_key",
            VectorGroup::KemDecap => "kem_decap",
            VectorGroup::HandshakeVerify => "handshake_verify",
        }
    }

    /// Whether the group has a vector of that id.
    pub fn has(self, id: &str) -> bool {
        let file = match self {
            VectorGroup::KemPublicKey | VectorGroup::KemDecap => &*KEM,
            VectorGroup::HandshakeVerify => &*HANDSHAKE,
        };
        file.contains(&(self.name().to_owned(), id.to_owned()))
    }
}

type Ids = HashSet<(String, String)>;

static KEM: LazyLock<Ids> = LazyLock::new(|| ids(include_str!("../../vectors/kem.json")));
static HANDSHAKE: LazyLock<Ids> =
    LazyLock::new(|| ids(include_str!("../../vectors/handshake.json")));

#[derive(Deserialize)]
struct VectorFile {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    #[serde(rename = "type")]
    name: String,
    tests: Vec<Test>,
}

#[derive(Deserialize)]
struct Test {
    id: String,
}

/// A file of another shape has no ids; that the files have this shape is tested.
fn ids(json: &str) -> Ids {
    let file = serde_json::from_str(json).unwrap_or(VectorFile { groups: Vec::new() });
    let groups = file.groups.into_iter();
    groups
        .flat_map(|group| {
            let name = group.name;
            let tests = group.tests.into_iter();
            tests.map(move |test| (name.clone(), test.id))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_of_the_group_then_known() {
        assert!(VectorGroup::KemDecap.has("kem-0031"));
        assert!(VectorGroup::KemPublicKey.has("kem-0066"));
        assert!(VectorGroup::HandshakeVerify.has("handshake-0030"));
    }

    #[test]
    fn id_of_another_group_or_none_then_unknown() {
        assert!(!VectorGroup::KemDecap.has("kem-0066"));
        assert!(!VectorGroup::HandshakeVerify.has("kem-0031"));
        assert!(!VectorGroup::KemPublicKey.has(""));
    }
}
