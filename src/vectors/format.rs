//! Types of fields: a file's text either is one of these, or does not load.

use std::{fmt, ops::Deref, str::FromStr};

use serde::{Deserialize, Deserializer, de::Error as _};

use crate::crypto::kem::KemId;

/// How a test must end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    Valid,
    Invalid { reason: String },
    Acceptable { reason: String },
}

/// What deployed peers do with a test's input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Deployed {
    Accept,
    Reject,
}

/// A group without fields of its own.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NoFields {}

/// Bytes in lower-case hex.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Hex(Vec<u8>);

impl Hex {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if !text.len().is_multiple_of(2) {
            return Err(format!(
                "expected an even number of hex digits, saw {}",
                text.len()
            ));
        }
        let digits: Result<Vec<u8>, String> = text.chars().map(digit).collect();
        Ok(Hex(digits?
            .chunks_exact(2)
            .map(|pair| pair[0] << 4 | pair[1])
            .collect()))
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

fn digit(c: char) -> Result<u8, String> {
    match c {
        '0'..='9' => Ok(c as u8 - b'0'),
        'a'..='f' => Ok(c as u8 - b'a' + 10),
        _ => Err(format!("expected lower-case hex, saw {c:?}")),
    }
}

/// Lower-case hex of some bytes.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Deref for Hex {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Hex::parse(&text).map_err(D::Error::custom)
    }
}

/// As many bytes as the field always has, in lower-case hex.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct HexArray<const LEN_BYTES: usize>(pub(super) [u8; LEN_BYTES]);

impl<const LEN_BYTES: usize> Deref for HexArray<LEN_BYTES> {
    type Target = [u8; LEN_BYTES];

    fn deref(&self) -> &[u8; LEN_BYTES] {
        &self.0
    }
}

impl<const LEN_BYTES: usize> fmt::Debug for HexArray<LEN_BYTES> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl<'de, const LEN_BYTES: usize> Deserialize<'de> for HexArray<LEN_BYTES> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = Hex::deserialize(deserializer)?.into_bytes();
        let seen = bytes.len();
        let array = bytes.try_into();
        array
            .map(HexArray)
            .map_err(|_| D::Error::custom(format!("expected {LEN_BYTES} bytes, saw {seen}")))
    }
}

/// A number written as text, so that 64 bits survive readers whose numbers are doubles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Decimal<N>(pub(super) N);

impl<'de, N: FromStr + ToString> Deserialize<'de> for Decimal<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse()
            .ok()
            .filter(|number: &N| number.to_string() == text)
            .map(Decimal)
            .ok_or_else(|| D::Error::custom(format!("expected a decimal number, saw {text:?}")))
    }
}

/// A KEM id, as the four hex digits that name one of our two readings.
pub(super) fn kem_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<KemId, D::Error> {
    let bytes = HexArray::<2>::deserialize(deserializer)?;
    KemId::ALL
        .into_iter()
        .find(|id| id.to_be_bytes() == *bytes)
        .ok_or_else(|| D::Error::custom(format!("expected KEM id 0051 or 0050, saw {bytes:?}")))
}
