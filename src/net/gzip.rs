//! Compression of envelope payloads, with a bound on what a compressed payload may become. gzip is all there is.

use std::{
    fmt,
    io::{Read, Write},
};

use bytes::Bytes;
use flate2::{Compression, read::MultiGzDecoder, write::GzEncoder};
use http::{HeaderMap, HeaderName};

use super::framing::{Envelope, RpcProtocol};

/// The name of this encoding in headers.
pub const ENCODING: &str = "gzip";

/// The encoding that a stream declares for its compressed envelopes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// None: no envelope may be compressed.
    Identity,
    /// gzip.
    Gzip,
    /// One that is not supported here.
    Other(String),
}

impl Encoding {
    /// The encoding declared in a stream's headers.
    pub fn declared(headers: &HeaderMap, protocol: RpcProtocol) -> Encoding {
        Encoding::in_header(
            headers,
            &HeaderName::from_static(protocol.encoding_header()),
        )
    }

    /// The encoding declared in that header.
    pub fn in_header(headers: &HeaderMap, name: &HeaderName) -> Encoding {
        let Some(value) = headers.get(name) else {
            return Encoding::Identity;
        };
        match value.as_bytes() {
            b"" | b"identity" => Encoding::Identity,
            value if value == ENCODING.as_bytes() => Encoding::Gzip,
            other => Encoding::Other(other.escape_ascii().to_string()),
        }
    }

    /// An envelope's payload, decompressed if its flag says so, of at most `len_bytes_max` bytes.
    pub fn decode(&self, envelope: &Envelope, len_bytes_max: usize) -> Result<Bytes, PayloadError> {
        if !envelope.is_compressed() {
            return Ok(envelope.payload.clone());
        }
        match self {
            Encoding::Gzip => decode(&envelope.payload, len_bytes_max),
            Encoding::Identity => Err(PayloadError::Undeclared),
            Encoding::Other(name) => Err(PayloadError::Unsupported(name.clone())),
        }
    }
}

/// Compresses a payload.
pub fn encode(payload: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    // Writing into a Vec cannot fail, and neither can finishing it.
    let written = encoder.write_all(payload).and_then(|()| encoder.finish());
    written.unwrap_or_default().into()
}

/// Decompresses a payload to at most `len_bytes_max` bytes.
///
/// Memory stays within that limit whatever the payload would become. Several members in a row are read as one, as
/// RFC 1952 has it.
pub fn decode(payload: &[u8], len_bytes_max: usize) -> Result<Bytes, PayloadError> {
    // One byte more than allowed tells "exactly full" from "too long".
    let mut bounded = MultiGzDecoder::new(payload).take(len_bytes_max as u64 + 1);
    let mut decoded = Vec::new();
    bounded
        .read_to_end(&mut decoded)
        .map_err(|error| PayloadError::Malformed(error.to_string()))?;
    if decoded.len() > len_bytes_max {
        return Err(PayloadError::TooLong { max: len_bytes_max });
    }
    Ok(decoded.into())
}

/// A compressed payload that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PayloadError {
    /// Not gzip, cut short, or with a wrong checksum; the text says which.
    Malformed(String),
    /// Compressed, in a stream that declares no encoding.
    Undeclared,
    /// Compressed with another encoding.
    Unsupported(String),
    /// It would become longer than allowed.
    TooLong {
        /// The limit, in bytes.
        max: usize,
    },
}

impl fmt::Display for PayloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PayloadError::Malformed(text) => write!(f, "expected a gzip payload, seen {text}"),
            PayloadError::Undeclared => {
                write!(
                    f,
                    "expected a declared encoding, seen a compressed envelope without"
                )
            }
            PayloadError::Unsupported(name) => {
                write!(f, "expected the encoding gzip, seen `{name}`")
            }
            PayloadError::TooLong { max } => {
                write!(
                    f,
                    "expected at most {max} bytes once decompressed, seen more"
                )
            }
        }
    }
}

impl std::error::Error for PayloadError {}

#[cfg(test)]
mod tests {
    use super::*;

    // `printf hello | gzip -n`, by GNU gzip.
    const HELLO: &[u8] = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xcbH\xcd\xc9\xc9\x07\x00\x86\xa6\x106\x05\x00\x00\x00";

    #[test]
    fn payload_of_another_tool_then_decoded() {
        assert_eq!(decode(HELLO, 5), Ok(Bytes::from_static(b"hello")));
    }

    #[test]
    fn one_byte_over_the_limit_then_too_long() {
        assert_eq!(decode(HELLO, 4), Err(PayloadError::TooLong { max: 4 }));
    }

    #[test]
    fn bomb_then_too_long() {
        let bomb = encode(&vec![0; 8 * 1024 * 1024]);
        assert!(bomb.len() < 64 * 1024);
        assert_eq!(
            decode(&bomb, 1024),
            Err(PayloadError::TooLong { max: 1024 })
        );
    }

    #[test]
    fn cut_or_foreign_bytes_then_malformed() {
        for bytes in [&HELLO[..HELLO.len() - 1], b"hello", b""] {
            assert!(matches!(decode(bytes, 99), Err(PayloadError::Malformed(_))));
        }
    }
}
