//! Inputs to start from, made of the test vectors and the scenarios. None is stored: they follow what they are made of.

mod dialogues;
mod vectors;

use std::time::Duration;

pub use dialogues::{client_dialogue, host_dialogue};
use prost::Message as _;
use syncspec::wire::{Action, SyncStreamItem};

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
