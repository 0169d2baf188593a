//! Bounded decode of what a peer sent.
//!
//! The bytes are walked once against the contract's descriptors, before any message is built. The walk names the
//! first fault and its place, enforces the limits below, and leaves only what prost and Go read alike; prost itself
//! fails where a Go peer would skip a field of another type, and lets pass what [`Reading::Strict`] refuses.

use prost::{
    Message,
    encoding::{encode_varint, encoded_len_varint},
};
use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};

pub use super::decode_error::{DecodeError, DecodeFault};
use super::{
    SyncStreamItem, item_descriptor,
    reader::{Reader, WireType},
};

/// Longest item: sixteen times what gRPC libraries take by default, far above the largest batch of a deployed peer.
pub const ITEM_LEN_BYTES_MAX: usize = 64 << 20;
/// Most messages inside one item. An empty one takes two bytes on the wire and hundreds in memory.
pub const EMBEDDED_MESSAGES_MAX: usize = 1 << 20;
/// Most messages and unknown groups inside each other. The contract itself needs 8.
pub const NESTING_LEVELS_MAX: usize = 64;
/// Most unknown groups inside each other that a deployed peer was seen to skip.
pub const DEPLOYED_GROUP_LEVELS_MAX: usize = 10_001;

/// How to read bytes that protobuf implementations disagree on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Reading {
    /// Refuse them: varints that are longer than need be, numbers outside their field's type, known fields of another
    /// wire type, deep nesting. No peer makes such bytes by accident, and a number that is cut to fit can pass a check
    /// that the number sent would not.
    #[default]
    Strict,
    /// As Go's protobuf does: a long varint counts, a number is cut to its type, a field of another wire type is
    /// skipped as unknown.
    Deployed,
}

/// Reads an item strictly.
///
/// # Errors
/// [`DecodeError`] for the first fault. Unknown fields and actions are none: an item whose action is unknown has no
/// action.
pub fn item(bytes: &[u8]) -> Result<SyncStreamItem, DecodeError> {
    item_as(bytes, Reading::Strict)
}

/// Reads an item.
///
/// # Errors
/// [`DecodeError`] for the first fault under this reading.
pub fn item_as(bytes: &[u8], reading: Reading) -> Result<SyncStreamItem, DecodeError> {
    message_as(item_descriptor(), bytes, reading)
}

/// Reads any message of the contract into its generated type.
///
/// # Errors
/// [`DecodeError`] for the first fault under this reading.
pub fn message_as<M: Message + Default>(
    descriptor: &MessageDescriptor,
    bytes: &[u8],
    reading: Reading,
) -> Result<M, DecodeError> {
    let known = normalize(descriptor, bytes, reading)?.known;
    M::decode(known.as_slice()).map_err(|error| DecodeError {
        offset_bytes: 0,
        fault: DecodeFault::Message(error),
    })
}

/// A message's bytes, reduced to what the contract knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Normalized {
    /// Known fields in the order they came in, with varints as short as can be.
    pub known: Vec<u8>,
    /// Whether anything was left out, at any depth.
    pub unknown_seen: bool,
}

/// Checks a message's bytes and drops what the contract does not know.
///
/// # Errors
/// [`DecodeError`] for the first fault under this reading.
pub fn normalize(
    descriptor: &MessageDescriptor,
    bytes: &[u8],
    reading: Reading,
) -> Result<Normalized, DecodeError> {
    if bytes.len() > ITEM_LEN_BYTES_MAX {
        return Err(DecodeError {
            offset_bytes: ITEM_LEN_BYTES_MAX,
            fault: DecodeFault::TooLong { seen: bytes.len() },
        });
    }
    let mut walk = Walk {
        reading,
        messages_left: EMBEDDED_MESSAGES_MAX,
        unknown_seen: false,
    };
    let known = walk.message(descriptor, bytes, 0, 1)?;
    Ok(Normalized {
        known,
        unknown_seen: walk.unknown_seen,
    })
}

struct Walk {
    reading: Reading,
    messages_left: usize,
    unknown_seen: bool,
}

impl Walk {
    /// `level` is 1 for the outermost message.
    fn message(
        &mut self,
        descriptor: &MessageDescriptor,
        bytes: &[u8],
        offset_bytes: usize,
        level: usize,
    ) -> Result<Vec<u8>, DecodeError> {
        let mut reader = Reader::new(bytes, offset_bytes, self.reading);
        let mut known = Vec::with_capacity(bytes.len());
        while !reader.is_empty() {
            let before = reader.offset_bytes();
            let (number, wire_type) = reader.tag()?;
            match descriptor.get_field(number) {
                Some(field) if fits(&field, wire_type) => {
                    self.known_field(&field, wire_type, &mut reader, &mut known, level)?;
                }
                Some(field) if self.reading == Reading::Strict => {
                    return Err(DecodeError {
                        offset_bytes: before,
                        fault: DecodeFault::WrongWireType {
                            field: field.full_name().to_owned(),
                        },
                    });
                }
                _ => {
                    self.unknown_seen = true;
                    reader.skip(number, wire_type, self.group_levels_left(level))?;
                }
            }
        }
        Ok(known)
    }

    fn known_field(
        &mut self,
        field: &FieldDescriptor,
        wire_type: WireType,
        reader: &mut Reader<'_>,
        known: &mut Vec<u8>,
        level: usize,
    ) -> Result<(), DecodeError> {
        match wire_type {
            WireType::Varint => {
                put_tag(field, 0, known);
                put_varint(field, reader, self.reading, known)
            }
            WireType::Fixed64 => {
                put_tag(field, 1, known);
                known.extend_from_slice(reader.fixed(8)?);
                Ok(())
            }
            WireType::Fixed32 => {
                put_tag(field, 5, known);
                known.extend_from_slice(reader.fixed(4)?);
                Ok(())
            }
            WireType::Len => {
                let (content, start) = reader.len_delimited()?;
                let content = self.content(field, content, start, level)?;
                put_tag(field, 2, known);
                encode_varint(content.len() as u64, known);
                known.extend_from_slice(&content);
                Ok(())
            }
            // No field of the contract is a group, so `fits` let none of these pass.
            WireType::GroupStart | WireType::GroupEnd => {
                Err(reader.fault(DecodeFault::GroupEndUnmatched {
                    seen: field.number(),
                }))
            }
        }
    }

    /// The content of a known length-delimited field, normalized.
    fn content(
        &mut self,
        field: &FieldDescriptor,
        content: &[u8],
        start: usize,
        level: usize,
    ) -> Result<Vec<u8>, DecodeError> {
        let fail = |fault| {
            Err(DecodeError {
                offset_bytes: start,
                fault,
            })
        };
        match field.kind() {
            Kind::Message(inner) => {
                if level == NESTING_LEVELS_MAX {
                    return fail(DecodeFault::NestingTooDeep);
                }
                let Some(left) = self.messages_left.checked_sub(1) else {
                    return fail(DecodeFault::TooManyMessages);
                };
                self.messages_left = left;
                self.message(&inner, content, start, level + 1)
            }
            Kind::String if std::str::from_utf8(content).is_err() => fail(DecodeFault::NotUtf8 {
                field: field.full_name().to_owned(),
            }),
            Kind::String | Kind::Bytes => Ok(content.to_vec()),
            _ => self.packed(field, content, start),
        }
    }

    fn packed(
        &self,
        field: &FieldDescriptor,
        content: &[u8],
        start: usize,
    ) -> Result<Vec<u8>, DecodeError> {
        let mut reader = Reader::new(content, start, self.reading);
        let mut known = Vec::with_capacity(content.len());
        while !reader.is_empty() {
            match element_wire_type(&field.kind()) {
                WireType::Fixed64 => known.extend_from_slice(reader.fixed(8)?),
                WireType::Fixed32 => known.extend_from_slice(reader.fixed(4)?),
                _ => put_varint(field, &mut reader, self.reading, &mut known)?,
            }
        }
        Ok(known)
    }

    fn group_levels_left(&self, level: usize) -> usize {
        match self.reading {
            Reading::Strict => NESTING_LEVELS_MAX - level,
            Reading::Deployed => DEPLOYED_GROUP_LEVELS_MAX,
        }
    }
}

fn put_tag(field: &FieldDescriptor, wire_type: u64, known: &mut Vec<u8>) {
    encode_varint(u64::from(field.number()) << 3 | wire_type, known);
}

fn put_varint(
    field: &FieldDescriptor,
    reader: &mut Reader<'_>,
    reading: Reading,
    known: &mut Vec<u8>,
) -> Result<(), DecodeError> {
    let value = reader.varint()?;
    if reading == Reading::Strict && !in_range(&field.kind(), value) {
        return Err(DecodeError {
            // The strict reader let only the shortest form pass, so its length is known.
            offset_bytes: reader.offset_bytes() - encoded_len_varint(value),
            fault: DecodeFault::OutOfRange {
                field: field.full_name().to_owned(),
                seen: value,
            },
        });
    }
    encode_varint(value, known);
    Ok(())
}

/// Whether a field can come in this wire type. A list of numbers can come packed or not, whatever its declaration.
fn fits(field: &FieldDescriptor, wire_type: WireType) -> bool {
    wire_type == element_wire_type(&field.kind()) || wire_type == WireType::Len && field.is_list()
}

fn element_wire_type(kind: &Kind) -> WireType {
    match kind {
        Kind::Double | Kind::Fixed64 | Kind::Sfixed64 => WireType::Fixed64,
        Kind::Float | Kind::Fixed32 | Kind::Sfixed32 => WireType::Fixed32,
        Kind::String | Kind::Bytes | Kind::Message(_) => WireType::Len,
        _ => WireType::Varint,
    }
}

/// Whether a varint is a value of this type, as an encoder would write it: negative numbers fill 64 bits.
fn in_range(kind: &Kind, value: u64) -> bool {
    match kind {
        Kind::Bool => value <= 1,
        Kind::Uint32 | Kind::Sint32 => u32::try_from(value).is_ok(),
        Kind::Int32 | Kind::Enum(_) => i32::try_from(value as i64).is_ok(),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Action;

    fn fault(bytes: &[u8], reading: Reading) -> Option<DecodeFault> {
        item_as(bytes, reading).err().map(|error| error.fault)
    }

    #[test]
    fn unknown_action_then_item_without_action() {
        assert_eq!(item(&[0xc2, 0x02, 0x00]).unwrap().action, None);
    }

    #[test]
    fn deep_fault_then_offset_counts_from_the_item() {
        // handshake (field 3) { public_key (2) { keyid (1): a byte that is no UTF-8 } }
        let bytes = [0x1a, 0x05, 0x12, 0x03, 0x0a, 0x01, 0xff];
        let error = item(&bytes).unwrap_err();
        assert_eq!(error.offset_bytes, 6);
        assert!(matches!(error.fault, DecodeFault::NotUtf8 { field } if field.ends_with("keyid")));
    }

    #[test]
    fn version_cut_to_one_then_refused_strictly_and_read_as_deployed() {
        // establish_shared_secret (2) { protocol_version (1): 2^32 + 1 }
        let bytes = [0x12, 0x06, 0x08, 0x81, 0x80, 0x80, 0x80, 0x10];
        let seen = (1 << 32) + 1;
        assert!(
            matches!(fault(&bytes, Reading::Strict), Some(DecodeFault::OutOfRange { seen: s, .. }) if s == seen)
        );
        let item = item_as(&bytes, Reading::Deployed).unwrap();
        assert!(
            matches!(item.action, Some(Action::EstablishSharedSecret(e)) if e.protocol_version == 1)
        );
    }

    #[test]
    fn longer_than_limit_then_refused_before_reading() {
        let bytes = vec![0; ITEM_LEN_BYTES_MAX + 1];
        let seen = bytes.len();
        assert_eq!(
            fault(&bytes, Reading::Deployed),
            Some(DecodeFault::TooLong { seen })
        );
    }

    #[test]
    fn more_messages_than_limit_then_refused() {
        // receive_resources (26) with as many empty repos (1) as the limit allows, itself included, and one more
        let mut inside = [0x0a, 0x00].repeat(EMBEDDED_MESSAGES_MAX);
        let mut bytes = vec![0xd2, 0x01];
        encode_varint(inside.len() as u64, &mut bytes);
        bytes.append(&mut inside);
        assert_eq!(
            fault(&bytes, Reading::Strict),
            Some(DecodeFault::TooManyMessages)
        );
    }

    #[test]
    fn groups_to_the_limit_then_skipped_and_one_more_refused() {
        let groups = |levels| {
            let mut bytes = [0x93, 0x03].repeat(levels);
            bytes.extend([0x94, 0x03].repeat(levels));
            bytes
        };
        let strict_max = NESTING_LEVELS_MAX - 1;
        assert_eq!(fault(&groups(strict_max), Reading::Strict), None);
        assert_eq!(
            fault(&groups(strict_max + 1), Reading::Strict),
            Some(DecodeFault::NestingTooDeep)
        );
        assert_eq!(
            fault(&groups(DEPLOYED_GROUP_LEVELS_MAX), Reading::Deployed),
            None
        );
        assert_eq!(
            fault(&groups(DEPLOYED_GROUP_LEVELS_MAX + 1), Reading::Deployed),
            Some(DecodeFault::NestingTooDeep)
        );
    }
}
