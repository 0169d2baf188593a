//! What may stand behind an action in an item: fields that nobody knows, well formed or not.

use prost::encoding::{WireType, encode_key, encode_varint};

use super::item::{UNKNOWN_FIELD, length_delimited};
use crate::scenario::deviation::PayloadFault;

/// Groups within each other; decoders give up long before.
const GROUPS_DEEP: usize = 100_000;
/// Length of a long field.
const MEBIBYTE: usize = 1 << 20;

/// The bytes behind the action; none for faults of other kinds.
pub(super) fn beside(fault: PayloadFault) -> Vec<u8> {
    let begin = || key(UNKNOWN_FIELD, WireType::StartGroup);
    let end = || key(UNKNOWN_FIELD, WireType::EndGroup);
    let number = |bytes: &[u8]| [key(UNKNOWN_FIELD, WireType::Varint), bytes.to_vec()].concat();
    match fault {
        PayloadFault::NumberCutOff => number(&[0x80]),
        PayloadFault::NumberOfElevenBytes => number(&[&[0x80; 10][..], &[0x01]].concat()),
        PayloadFault::LengthBeyondTheEnd => {
            let mut field = length_delimited(UNKNOWN_FIELD, b"short");
            field.pop();
            field
        }
        PayloadFault::GroupWithoutEnd => begin(),
        PayloadFault::GroupWithoutBeginning => end(),
        PayloadFault::GroupEndsAsAnother => {
            [begin(), key(UNKNOWN_FIELD + 1, WireType::EndGroup)].concat()
        }
        PayloadFault::FieldZero => vec![0, 0],
        // No encoder writes it: a field's number, and 6 in the low three bits.
        PayloadFault::WireTypeSix => {
            let mut field = Vec::new();
            encode_varint(u64::from(UNKNOWN_FIELD) << 3 | 6, &mut field);
            field
        }
        PayloadFault::DeepGroups => {
            [begin().repeat(GROUPS_DEEP), end().repeat(GROUPS_DEEP)].concat()
        }
        PayloadFault::EachWireTypeBeside => [
            number(&[7]),
            key(UNKNOWN_FIELD, WireType::SixtyFourBit),
            vec![7; 8],
            length_delimited(UNKNOWN_FIELD, b"beside"),
            begin(),
            number(&[7]),
            end(),
            key(UNKNOWN_FIELD, WireType::ThirtyTwoBit),
            vec![7; 4],
        ]
        .concat(),
        PayloadFault::PaddedNumberBeside => number(&[0x87, 0x80, 0x00]),
        PayloadFault::MebibyteBeside => length_delimited(UNKNOWN_FIELD, &vec![0x61; MEBIBYTE]),
        _ => Vec::new(),
    }
}

fn key(field: u32, wire_type: WireType) -> Vec<u8> {
    let mut out = Vec::new();
    encode_key(field, wire_type, &mut out);
    out
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::*;
    use crate::wire::SyncStreamItem;

    /// By another decoder than ours, which has limits of its own.
    #[test]
    fn legal_fields_then_decoded_and_others_not() {
        for fault in [
            PayloadFault::EachWireTypeBeside,
            PayloadFault::PaddedNumberBeside,
            PayloadFault::MebibyteBeside,
        ] {
            assert!(
                SyncStreamItem::decode(beside(fault).as_slice()).is_ok(),
                "{fault:?}"
            );
        }
        for fault in [
            PayloadFault::NumberCutOff,
            PayloadFault::NumberOfElevenBytes,
            PayloadFault::LengthBeyondTheEnd,
            PayloadFault::GroupWithoutEnd,
            PayloadFault::GroupWithoutBeginning,
            PayloadFault::GroupEndsAsAnother,
            PayloadFault::FieldZero,
            PayloadFault::WireTypeSix,
        ] {
            assert!(
                SyncStreamItem::decode(beside(fault).as_slice()).is_err(),
                "{fault:?}"
            );
        }
    }
}
