//! The vectors that a scenario can name, and the bytes a deviation then sends.

use std::{collections::HashMap, sync::LazyLock};

use serde::Deserialize;

/// A group of vectors whose bytes a deviation can send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VectorGroup {
    /// Public keys, in `vectors/kem.json`.
    KemPublicKey,
    /// Encapsulations, in `vectors/kem.json`.
    KemDecap,
}

impl VectorGroup {
    /// The group's name in its file.
    pub fn name(self) -> &'static str {
        match self {
            VectorGroup::KemPublicKey => "kem_public_key",
            VectorGroup::KemDecap => "kem_decap",
        }
    }

    /// Whether the group has a vector of that id.
    pub fn has(self, id: &str) -> bool {
        self.bytes(id).is_some()
    }

    /// The bytes a peer is sent: a public key or an encapsulation, of whatever length the vector has.
    pub fn bytes(self, id: &str) -> Option<&'static [u8]> {
        KEM.get(self.name())?.get(id).map(Vec::as_slice)
    }
}

type Inputs = HashMap<&'static str, HashMap<&'static str, Vec<u8>>>;

static KEM: LazyLock<Inputs> = LazyLock::new(|| inputs(include_str!("../../vectors/kem.json")));

#[derive(Deserialize)]
struct VectorFile<'a> {
    #[serde(borrow)]
    groups: Vec<Group<'a>>,
}

#[derive(Deserialize)]
struct Group<'a> {
    #[serde(rename = "type")]
    name: &'a str,
    #[serde(borrow)]
    tests: Vec<Test<'a>>,
}

#[derive(Deserialize)]
struct Test<'a> {
    id: &'a str,
    public_key: Option<&'a str>,
    enc: Option<&'a str>,
}

/// A file of another shape has no inputs; that the shipped file has this shape is tested.
fn inputs(json: &'static str) -> Inputs {
    let file = serde_json::from_str(json).unwrap_or(VectorFile { groups: Vec::new() });
    let mut inputs = Inputs::new();
    for group in file.groups {
        for test in group.tests {
            // A public key vector also lists the encapsulation it leads to, which is no input.
            let text = match group.name == VectorGroup::KemPublicKey.name() {
                true => test.public_key,
                false => test.enc,
            };
            if let Some(bytes) = text.and_then(from_hex) {
                inputs.entry(group.name).or_default().insert(test.id, bytes);
            }
        }
    }
    inputs
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes().chunks(2);
    digits
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_of_the_group_then_known() {
        assert!(VectorGroup::KemDecap.has("kem-0031"));
        assert!(VectorGroup::KemPublicKey.has("kem-0066"));
    }

    #[test]
    fn vector_of_a_short_key_then_its_bytes() {
        let short = VectorGroup::KemPublicKey.bytes("kem-0076");
        assert!(short.is_some_and(|bytes| bytes.len() != 1665));
    }

    #[test]
    fn id_of_another_group_or_none_then_unknown() {
        assert!(!VectorGroup::KemDecap.has("kem-0066"));
        assert!(!VectorGroup::KemPublicKey.has(""));
    }
}
