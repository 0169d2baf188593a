//! Calls to start from: sound ones over both protocols, and each way in which an envelope can be broken.

use prost::Message as _;
use syncspec::wire::{Action, SyncStreamItem};

use super::vectors;
use crate::records::Writer;

/// The first items of the vectors, in each way of writing them.
pub fn framing() -> Vec<Vec<u8>> {
    let items = vectors::hex_fields("messages", "binary");
    // An item of a field that nobody knows, of 1,030 bytes: sound, but for its length.
    let long = [&[0xfa, 0x7d, 0x86, 0x08][..], &[0; 1030]].concat();
    let mut seeds = Vec::new();
    for flags in 0..4u8 {
        for group in items.chunks(6) {
            for op in [1, 5, 2, 6] {
                let mut writer = Writer::new(flags);
                for item in group {
                    writer.put(op, 0, item);
                }
                seeds.push(writer.finish());
            }
        }
        let heartbeat = SyncStreamItem {
            action: Some(Action::Heartbeat(Default::default())),
        };
        let item = &heartbeat.encode_to_vec()[..];
        // A flag that is none, a length that is wrong, a cut-off head, bytes that are no gzip, an item over the limit.
        for (op, arg, payload) in [
            (1, 0x02, item),
            (1, 0x80, item),
            (1, 0x01, item),
            (3, 1, item),
            (3, 0xff, item),
            (3, 0x7f, item),
            (0, 0, &[0, 0, 0][..]),
            (0, 0, &[0, 0xff, 0xff, 0xff, 0xff][..]),
            (1, 0, &[0x2a; 1025][..]),
            (1, 0, &long[..]),
            (2, 0, &long[..]),
            (1, 0, &[0xff; 20][..]),
        ] {
            let mut writer = Writer::new(flags);
            writer.put(1, 0, item).put(op, arg, payload).put(1, 0, item);
            seeds.push(writer.finish());
        }
        seeds.push(Writer::new(flags).finish());
    }
    seeds
}
