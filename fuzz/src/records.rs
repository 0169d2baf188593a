//! The byte form of a dialogue: one byte of flags, then records. It is made to be mutated: every byte string is a case,
//! a record that is cut off is a shorter record, and what is written reads back.
//!
//! ```text
//! flags | op arg length(2, little-endian) payload | op arg length payload | ...
//! ```

/// Most records of one case: longer dialogues find what shorter ones find, later.
pub const RECORDS_MAX: usize = 64;
/// Longest payload of one record, so that no limit of the reference on the size of items is in reach by chance.
pub const PAYLOAD_LEN_BYTES_MAX: usize = 4096;

/// One record. What its numbers mean is the generator's to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// What happens.
    pub op: u8,
    /// How.
    pub arg: u8,
    /// With what.
    pub payload: &'a [u8],
}

/// Reads a case: its flags and its records, as many as may be.
pub fn read(bytes: &[u8]) -> (u8, Vec<Record<'_>>) {
    let Some((flags, mut rest)) = bytes.split_first() else {
        return (0, Vec::new());
    };
    let mut records = Vec::new();
    while let [op, arg, low, high, behind @ ..] = rest {
        if records.len() == RECORDS_MAX {
            break;
        }
        let length = usize::from(u16::from_le_bytes([*low, *high]));
        let (payload, behind) = behind.split_at(length.min(behind.len()));
        records.push(Record {
            op: *op,
            arg: *arg,
            payload: &payload[..payload.len().min(PAYLOAD_LEN_BYTES_MAX)],
        });
        rest = behind;
    }
    (*flags, records)
}

/// Writes a case.
pub struct Writer(Vec<u8>);

impl Writer {
    /// Starts with the flags.
    pub fn new(flags: u8) -> Self {
        Writer(vec![flags])
    }

    /// Adds a record; one that does not fit its length field is left out, as no seed needs it.
    pub fn put(&mut self, op: u8, arg: u8, payload: &[u8]) -> &mut Self {
        if let Ok(length) = u16::try_from(payload.len()) {
            self.0.extend([op, arg]);
            self.0.extend(length.to_le_bytes());
            self.0.extend(payload);
        }
        self
    }

    /// The case.
    pub fn finish(&self) -> Vec<u8> {
        self.0.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_then_read_back() {
        let bytes = Writer::new(5).put(1, 2, b"abc").put(3, 4, b"").finish();
        let (flags, records) = read(&bytes);
        assert_eq!(flags, 5);
        let record = |op, arg, payload| Record { op, arg, payload };
        assert_eq!(
            records,
            [record(1, 2, b"abc".as_slice()), record(3, 4, b"")]
        );
    }

    #[test]
    fn cut_off_then_shorter_record() {
        let bytes = Writer::new(0).put(1, 2, b"abc").finish();
        let (_, records) = read(&bytes[..bytes.len() - 1]);
        assert_eq!(records[0].payload, b"ab");
        assert!(read(&bytes[..4]).1.is_empty());
    }
}
