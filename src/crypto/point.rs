//! P-384 points as the wire has them: uncompressed, 97 bytes.

use std::{error::Error, fmt};

use p384::PublicKey;

/// Length of an uncompressed P-384 point: the format byte `0x04`, then x and y of 48 bytes each, big-endian.
pub const POINT_LEN_BYTES: usize = 97;

const FORMAT_UNCOMPRESSED: u8 = 0x04;
const COORDINATE_LEN_BYTES: usize = 48;

/// The field's prime, 2^384 - 2^128 - 2^96 + 2^32 - 1, big-endian (FIPS 186-4, section D.1.2.4).
const FIELD_PRIME: [u8; COORDINATE_LEN_BYTES] = [
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe,
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff,
];

/// Why 97 bytes are not a point the protocol takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PointError {
    /// Format byte `0x02` or `0x03`.
    Compressed,
    /// Format byte `0x06` or `0x07`.
    Hybrid,
    /// Format byte `0x00`.
    Infinity,
    /// Any other format byte.
    UnknownFormat {
        /// The byte.
        seen: u8,
    },
    /// x is not below the field's prime.
    XNotReduced,
    /// y is not below the field's prime.
    YNotReduced,
    /// The coordinates do not satisfy the curve's equation.
    OffCurve,
}

impl fmt::Display for PointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PointError::Compressed => {
                f.write_str("expected an uncompressed point, saw a compressed one")
            }
            PointError::Hybrid => {
                f.write_str("expected an uncompressed point, saw the hybrid form")
            }
            PointError::Infinity => {
                f.write_str("expected an uncompressed point, saw the point at infinity")
            }
            PointError::UnknownFormat { seen } => {
                write!(f, "expected point format byte 0x04, saw {seen:#04x}")
            }
            PointError::XNotReduced => {
                f.write_str("expected x below the field's prime, saw a larger one")
            }
            PointError::YNotReduced => {
                f.write_str("expected y below the field's prime, saw a larger one")
            }
            PointError::OffCurve => {
                f.write_str("expected a point of P-384, saw coordinates off the curve")
            }
        }
    }
}

impl Error for PointError {}

/// Reads an uncompressed point; every other encoding is refused by name.
pub(super) fn parse(bytes: &[u8; POINT_LEN_BYTES]) -> Result<PublicKey, PointError> {
    match bytes[0] {
        FORMAT_UNCOMPRESSED => {}
        0x00 => return Err(PointError::Infinity),
        0x02 | 0x03 => return Err(PointError::Compressed),
        0x06 | 0x07 => return Err(PointError::Hybrid),
        seen => return Err(PointError::UnknownFormat { seen }),
    }
    let (x, y) = bytes[1..].split_at(COORDINATE_LEN_BYTES);
    if x >= FIELD_PRIME.as_slice() {
        return Err(PointError::XNotReduced);
    }
    if y >= FIELD_PRIME.as_slice() {
        return Err(PointError::YNotReduced);
    }
    PublicKey::from_sec1_bytes(bytes).map_err(|_| PointError::OffCurve)
}
