//! Protobuf's wire format, read without a schema: varints, tags, lengths, and skipping what is not known.

use super::decode::{DecodeError, DecodeFault, Reading};

/// Longest varint: 64 bits in groups of seven.
const VARINT_LEN_BYTES_MAX: usize = 10;
/// Largest field number, 2^29 - 1.
const FIELD_NUMBER_MAX: u64 = (1 << 29) - 1;

/// How a field's value is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WireType {
    Varint,
    Fixed64,
    Len,
    GroupStart,
    GroupEnd,
    Fixed32,
}

/// A cursor over one message. Offsets in errors count from the start of the outermost one.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    offset_bytes: usize,
    reading: Reading,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8], offset_bytes: usize, reading: Reading) -> Self {
        Reader {
            rest: bytes,
            offset_bytes,
            reading,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn offset_bytes(&self) -> usize {
        self.offset_bytes
    }

    pub(super) fn fault(&self, fault: DecodeFault) -> DecodeError {
        DecodeError {
            offset_bytes: self.offset_bytes,
            fault,
        }
    }

    /// The next field's number and layout.
    pub(super) fn tag(&mut self) -> Result<(u32, WireType), DecodeError> {
        let offset_bytes = self.offset_bytes;
        let at_tag = |fault| DecodeError {
            offset_bytes,
            fault,
        };
        let tag = self.varint()?;
        let number = tag >> 3;
        if !(1..=FIELD_NUMBER_MAX).contains(&number) {
            return Err(at_tag(DecodeFault::FieldNumber { seen: number }));
        }
        let wire_type = match tag & 7 {
            0 => WireType::Varint,
            1 => WireType::Fixed64,
            2 => WireType::Len,
            3 => WireType::GroupStart,
            4 => WireType::GroupEnd,
            5 => WireType::Fixed32,
            seen => return Err(at_tag(DecodeFault::WireType { seen: seen as u8 })),
        };
        // The range check above leaves 29 bits.
        Ok((number as u32, wire_type))
    }

    pub(super) fn varint(&mut self) -> Result<u64, DecodeError> {
        let mut value = 0;
        for (index, &byte) in self.rest.iter().take(VARINT_LEN_BYTES_MAX).enumerate() {
            // The tenth byte has room for bit 63 alone.
            if index == VARINT_LEN_BYTES_MAX - 1 && byte > 1 {
                return Err(self.fault(DecodeFault::VarintTooLarge));
            }
            value |= u64::from(byte & 0x7f) << (7 * index);
            if byte < 0x80 {
                if byte == 0 && index > 0 && self.reading == Reading::Strict {
                    return Err(self.fault(DecodeFault::VarintNotMinimal));
                }
                self.advance(index + 1);
                return Ok(value);
            }
        }
        Err(self.fault(DecodeFault::Truncated))
    }

    pub(super) fn fixed(&mut self, len_bytes: usize) -> Result<&'a [u8], DecodeError> {
        if self.rest.len() < len_bytes {
            return Err(self.fault(DecodeFault::Truncated));
        }
        Ok(self.advance(len_bytes))
    }

    /// The content of a length-delimited field, and where it starts.
    pub(super) fn len_delimited(&mut self) -> Result<(&'a [u8], usize), DecodeError> {
        let length = self.varint()?;
        let left = self.rest.len();
        match usize::try_from(length) {
            Ok(length) if length <= left => {
                let start = self.offset_bytes;
                Ok((self.advance(length), start))
            }
            _ => Err(self.fault(DecodeFault::LengthExceedsInput { length, left })),
        }
    }

    /// Passes over a field of this number and layout whose content means nothing to us. `levels_left` is how many
    /// groups may be open inside each other.
    pub(super) fn skip(
        &mut self,
        number: u32,
        wire_type: WireType,
        levels_left: usize,
    ) -> Result<(), DecodeError> {
        // A list of open groups instead of recursion: a peer decides the depth.
        let mut open = Vec::new();
        let mut field = (number, wire_type);
        loop {
            match field {
                (_, WireType::Varint) => drop(self.varint()?),
                (_, WireType::Fixed64) => drop(self.fixed(8)?),
                (_, WireType::Fixed32) => drop(self.fixed(4)?),
                (_, WireType::Len) => drop(self.len_delimited()?),
                (number, WireType::GroupStart) => {
                    if open.len() == levels_left {
                        return Err(self.fault(DecodeFault::NestingTooDeep));
                    }
                    open.push(number);
                }
                (number, WireType::GroupEnd) => {
                    if open.pop() != Some(number) {
                        return Err(self.fault(DecodeFault::GroupEndUnmatched { seen: number }));
                    }
                }
            }
            let Some(&number) = open.last() else {
                return Ok(());
            };
            if self.is_empty() {
                return Err(self.fault(DecodeFault::GroupUnterminated { number }));
            }
            field = self.tag()?;
        }
    }

    fn advance(&mut self, len_bytes: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at(len_bytes);
        self.rest = rest;
        self.offset_bytes += len_bytes;
        taken
    }
}
