//! Keys as text: standard base64 without padding.

use std::fmt;

use base64::{
    DecodeError, Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

use super::identity::KeyPolicy;

const UNPADDED: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_encode_padding(false)
    .with_decode_padding_mode(DecodePaddingMode::RequireNone);
const STRICT: GeneralPurpose = GeneralPurpose::new(&STANDARD, UNPADDED);
const LOOSE: GeneralPurpose =
    GeneralPurpose::new(&STANDARD, UNPADDED.with_decode_allow_trailing_bits(true));

/// The bytes of a text in standard base64 without padding, as the policy reads it.
pub(super) fn decode_base64(text: &str, policy: KeyPolicy) -> Result<Vec<u8>, Base64Error> {
    let decoded = match policy {
        KeyPolicy::Strict => STRICT.decode(text),
        KeyPolicy::Deployed => LOOSE.decode(text.replace(['\r', '\n'], "")),
    };
    decoded.map_err(|error| match error {
        DecodeError::InvalidByte(index, b'\r' | b'\n') => Base64Error::LineBreak { index },
        DecodeError::InvalidByte(_, b'=') | DecodeError::InvalidPadding => Base64Error::Padding,
        DecodeError::InvalidByte(index, _) => Base64Error::Character { index },
        DecodeError::InvalidLength(_) => Base64Error::Truncated,
        DecodeError::InvalidLastSymbol(..) => Base64Error::TrailingBits,
    })
}

/// What keeps a text from being base64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Base64Error {
    /// CR or LF at this byte.
    LineBreak {
        /// Offset in bytes.
        index: usize,
    },
    /// Another character outside the alphabet at this byte.
    Character {
        /// Offset in bytes.
        index: usize,
    },
    /// `=` at the end.
    Padding,
    /// One character is left over after whole groups of four.
    Truncated,
    /// The unused bits of the last character are not zero.
    TrailingBits,
}

impl fmt::Display for Base64Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Base64Error::LineBreak { index } => write!(f, "a line break at byte {index}"),
            Base64Error::Character { index } => {
                write!(f, "a character outside the alphabet at byte {index}")
            }
            Base64Error::Padding => f.write_str("padding"),
            Base64Error::Truncated => f.write_str("a truncated group"),
            Base64Error::TrailingBits => f.write_str("unused bits that are not zero"),
        }
    }
}
