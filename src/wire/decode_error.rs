//! What [`super::decode`] finds wrong.

use std::{error::Error, fmt};

use super::decode::{EMBEDDED_MESSAGES_MAX, ITEM_LEN_BYTES_MAX};

/// Where and why bytes are not a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeError {
    /// Offset in bytes from the start of the outermost message.
    pub offset_bytes: usize,
    /// What is wrong there.
    pub fault: DecodeFault,
}

/// What is wrong with bytes that are not a message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeFault {
    /// Longer than [`ITEM_LEN_BYTES_MAX`].
    TooLong {
        /// Length in bytes.
        seen: usize,
    },
    /// More than [`EMBEDDED_MESSAGES_MAX`] messages inside.
    TooManyMessages,
    /// Messages or groups inside each other beyond the reading's limit.
    NestingTooDeep,
    /// The bytes end inside a tag or a value.
    Truncated,
    /// A varint of more than 64 bits.
    VarintTooLarge,
    /// Strictly: a varint in more bytes than it needs.
    VarintNotMinimal,
    /// A length beyond the end of the enclosing message.
    LengthExceedsInput {
        /// The length.
        length: u64,
        /// Bytes that are left.
        left: usize,
    },
    /// A field number outside 1 .. 2^29 - 1.
    FieldNumber {
        /// The number.
        seen: u64,
    },
    /// A wire type that protobuf does not have.
    WireType {
        /// 6 or 7.
        seen: u8,
    },
    /// A group's end without, or of another number than, its start.
    GroupEndUnmatched {
        /// Field number of the end.
        seen: u32,
    },
    /// A group that never ends.
    GroupUnterminated {
        /// Field number of its start.
        number: u32,
    },
    /// A string that is not UTF-8.
    NotUtf8 {
        /// Full name of the field.
        field: String,
    },
    /// Strictly: a known field in another wire type than its own.
    WrongWireType {
        /// Full name of the field.
        field: String,
    },
    /// Strictly: a number outside its field's type.
    OutOfRange {
        /// Full name of the field.
        field: String,
        /// The 64 bits on the wire.
        seen: u64,
    },
    /// What the walk let pass and prost does not.
    Message(prost::DecodeError),
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.fault, self.offset_bytes)
    }
}

impl fmt::Display for DecodeFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { seen } => {
                write!(f, "expected at most {ITEM_LEN_BYTES_MAX} bytes, saw {seen}")
            }
            Self::TooManyMessages => {
                write!(
                    f,
                    "expected at most {EMBEDDED_MESSAGES_MAX} messages inside, saw more"
                )
            }
            Self::NestingTooDeep => f.write_str("expected less nesting, saw a level too many"),
            Self::Truncated => f.write_str("expected a whole tag or value, saw the end"),
            Self::VarintTooLarge => f.write_str("expected a varint of 64 bits, saw more"),
            Self::VarintNotMinimal => f.write_str("expected the shortest varint, saw a longer one"),
            Self::LengthExceedsInput { length, left } => {
                write!(
                    f,
                    "expected at most the {left} bytes left, saw length {length}"
                )
            }
            Self::FieldNumber { seen } => {
                write!(f, "expected a field number from 1 to 2^29 - 1, saw {seen}")
            }
            Self::WireType { seen } => write!(f, "expected a wire type up to 5, saw {seen}"),
            Self::GroupEndUnmatched { seen } => {
                write!(f, "expected the end of the open group, saw that of {seen}")
            }
            Self::GroupUnterminated { number } => {
                write!(
                    f,
                    "expected the end of group {number}, saw the end of the bytes"
                )
            }
            Self::NotUtf8 { field } => write!(f, "expected UTF-8 in {field}, saw other bytes"),
            Self::WrongWireType { field } => {
                write!(f, "expected {field} in its own wire type, saw another")
            }
            Self::OutOfRange { field, seen } => {
                write!(
                    f,
                    "expected a number in the range of {field}, saw {seen:#x}"
                )
            }
            Self::Message(error) => error.fmt(f),
        }
    }
}

impl Error for DecodeError {}
