//! Inputs to start from, made of the test vectors and the scenarios. None is stored: they follow what they are made of.

mod dialogues;
pub mod framing;
pub mod results;
mod vectors;

use std::time::Duration;

pub use dialogues::{client_dialogue, host_dialogue};
use prost::Message as _;
use syncspec::wire::{
    Action, SyncStreamItem,
    v1::multihost::{Peer, Permission},
};

use crate::{
    records::Writer,
    world::{self, Who},
};

/// Items, and bytes at the edges of the wire format.
pub fn wire() -> Vec<Vec<u8>> {
    let mut seeds = vectors::hex_fields("messages", "binary");
    seeds.extend(vectors::hex_fields("frames", "plaintext"));
    seeds
}

/// Each plaintext sealed honestly, in groups, and each fault behind honest frames.
pub fn envelope() -> Vec<Vec<u8>> {
    let plaintexts = vectors::hex_fields("frames", "plaintext");
    let mut seeds: Vec<Vec<u8>> = plaintexts
        .chunks(8)
        .map(|group| {
            let mut writer = Writer::new(0);
            for (at, plaintext) in group.iter().enumerate() {
                writer.put(at as u8 & 1, 0, plaintext);
            }
            writer.finish()
        })
        .collect();
    let plaintext = plaintexts.first().map_or(&[][..], Vec::as_slice);
    seeds.extend((0xc0..=0xff).map(|fault| {
        let mut writer = Writer::new(0);
        for direction in [0, 1, 0] {
            writer.put(direction, 0, plaintext);
        }
        writer
            .put(0, fault, plaintext)
            .put(0, 0, plaintext)
            .finish()
    }));
    seeds
}

/// Each way of exchanging keys, with a network that behaves, and with each of its misdeeds at each early item.
pub fn meddling() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for flags in 0..16 {
        let mut writer = Writer::new(flags);
        for at in 0..12 {
            writer.put(at & 1, 0, b"");
        }
        seeds.push(writer.put(2 << 1, 0, b"").put(3 << 1, 1, b"").finish());
    }
    for misdeed in 4..8u8 {
        for before in 0..6u8 {
            for direction in 0..2u8 {
                for arg in [0, 1, 2, 3, 8, 0x80] {
                    let mut writer = Writer::new(before & 7);
                    for at in 0..before {
                        writer.put(at & 1, 0, b"");
                    }
                    let item = SyncStreamItem {
                        action: Some(Action::Heartbeat(Default::default())),
                    };
                    writer.put(misdeed << 1 | direction, arg, &item.encode_to_vec());
                    seeds.push(writer.finish());
                }
            }
        }
    }
    seeds
}

/// Seeds, randomness, and edits at the borders of the parts.
pub fn kem() -> Vec<Vec<u8>> {
    let start = [[0x11; 32], [0x22; 32]].concat();
    let places: [u16; 10] = [0, 1, 767, 1567, 1568, 1569, 1616, 1617, 1664, 2000];
    let edits = places
        .iter()
        .flat_map(|place| [1, 2, 4, 6, 0x80].map(|mask| (*place, mask)));
    let edited = edits.map(|(place, mask)| {
        let [high, low] = place.to_be_bytes();
        [start.as_slice(), &[high, low, mask]].concat()
    });
    // The point alone is spoilt in the forms that some libraries take too: compressed, in both signs and of both items, and
    // other versions.
    let key_len = 1568 + 97;
    let cut = key_len + 1 + 1568 + 49;
    let version = u16::MAX;
    let several: [&[(u16, u8)]; 10] = [
        &[(1568, 6), (0, 1), (0, 1)],
        &[(1568, 7), (0, 1), (0, 1)],
        &[(1568, 6), (cut, 2), (0, 1), (0, 1)],
        &[(1568, 7), (cut, 2), (0, 1), (0, 1)],
        &[(1568, 6), (cut, 2)],
        &[(1568, 7), (cut, 2)],
        &[(version, 0)],
        &[(version, 2)],
        &[(version, 3)],
        &[(version, 0), (0, 1), (0, 1)],
    ];
    let several = several.map(|edits| {
        let edits = edits.iter().flat_map(|(place, mask)| {
            let [high, low] = place.to_be_bytes();
            [high, low, *mask]
        });
        start.iter().copied().chain(edits).collect()
    });
    std::iter::once(start.clone())
        .chain(edited)
        .chain(several)
        .collect()
}

/// The tokens of the vectors.
pub fn token() -> Vec<Vec<u8>> {
    let tests = vectors::tests("tokens");
    let texts = tests.iter().filter_map(|test| test["token"].as_str());
    texts.map(|text| text.as_bytes().to_vec()).collect()
}

/// The suite's own scenario files.
pub fn scenario() -> Vec<Vec<u8>> {
    let templates = dialogues::catalogue();
    let mut texts: Vec<Vec<u8>> = templates
        .iter()
        .map(|case| case.yaml().as_bytes().to_vec())
        .collect();
    texts.sort();
    texts.dedup();
    texts
}

/// The items of the vectors, in JSON.
pub fn item_json() -> Vec<Vec<u8>> {
    let tests = vectors::tests("messages");
    let items = tests
        .iter()
        .filter(|test| test["message"] == "v1sync.SyncStreamItem");
    let with_json = items.filter(|test| !test["json"].is_null());
    with_json
        .map(|test| test["json"].to_string().into_bytes())
        .collect()
}

/// Entries with permissions of each type and scopes of each form, and of none.
pub fn permissions() -> Vec<Vec<u8>> {
    let sets: [&[&str]; 9] = [
        &[],
        &["*"],
        &["repo:photos"],
        &["plan:photos", "!repo:photos"],
        &["!repo:photos"],
        &["*", "!plan:photos"],
        &["repo:a:b", "repo:*", "!plan: "],
        &["repo:"],
        &["Repo:photos"],
    ];
    let of_kinds = (0..6).flat_map(|kind| sets.map(|scopes| (kind, scopes)));
    let entries = of_kinds.map(|(kind, scopes)| Peer {
        permissions: vec![
            Permission {
                r#type: kind,
                scopes: scopes.iter().map(|&scope| scope.to_owned()).collect(),
            },
            Permission {
                r#type: 2,
                scopes: vec!["plan:daily".to_owned()],
            },
        ],
        ..Peer::default()
    });
    entries.map(|entry| entry.encode_to_vec()).collect()
}

/// A pause of a length that is due for something.
pub(crate) const PAUSE: Duration = Duration::from_secs(255);

/// Who stands for an identity of a scenario.
pub(crate) fn cast(name: &str, known: bool) -> Who {
    match (name, known) {
        ("peer", true) => Who::Alice,
        (_, true) => Who::Bob,
        ("peer", false) => Who::Carol,
        (_, false) => Who::Dave,
    }
}

/// An item with this action, encoded.
pub(crate) fn item(action: Action) -> Vec<u8> {
    let item = SyncStreamItem {
        action: Some(action),
    };
    item.encode_to_vec()
}

/// An operation as the world's clients have it.
pub(crate) fn operation(id: i64) -> syncspec::wire::v1::Operation {
    world::operation(id, 1, "photos", "daily")
}
