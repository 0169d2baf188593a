//! Stream envelopes, the same bytes in gRPC and Connect: 1 flag byte, 4-byte big-endian length, payload.
//!
//! Sans-IO: bytes are fed in as they come, in any split, and envelopes are read out.

use std::fmt;

use bytes::{Buf, BufMut, Bytes, BytesMut};

pub use crate::wire::RpcProtocol;

/// The payload is compressed with the stream's declared encoding.
pub const FLAG_COMPRESSED: u8 = 0x01;
/// Connect only: the payload is the end-of-stream JSON, and nothing follows.
pub const FLAG_END_STREAM: u8 = 0x02;
/// Length of what stands before each payload.
pub const ENVELOPE_HEADER_LEN_BYTES: usize = 5;
/// Longest payload accepted by default: deployed peers take items of 64 MiB, and the slack holds what surrounds
/// such an item's own bytes.
pub const PAYLOAD_LEN_BYTES_MAX: usize = 64 * 1024 * 1024 + 64 * 1024;

impl RpcProtocol {
    /// The content type of a stream of binary messages.
    pub fn content_type(self) -> &'static str {
        match self {
            RpcProtocol::Grpc => "application/grpc",
            RpcProtocol::Connect => "application/connect+proto",
        }
    }

    /// The header that declares the encoding of compressed envelopes.
    pub fn encoding_header(self) -> &'static str {
        match self {
            RpcProtocol::Grpc => "grpc-encoding",
            RpcProtocol::Connect => "connect-content-encoding",
        }
    }

    /// The protocol of a stream with this content type, parameters aside; `None` for any other.
    pub fn of_content_type(content_type: &str) -> Option<RpcProtocol> {
        match media_type(content_type).as_str() {
            "application/grpc" | "application/grpc+proto" => Some(RpcProtocol::Grpc),
            "application/connect+proto" => Some(RpcProtocol::Connect),
            _ => None,
        }
    }
}

/// The media type in lower case, without parameters.
pub(crate) fn media_type(content_type: &str) -> String {
    let media_type = content_type.split(';').next().unwrap_or_default();
    media_type.trim().to_ascii_lowercase()
}

/// One envelope as it was on the wire; the payload is still compressed if its flag says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// [`FLAG_COMPRESSED`], [`FLAG_END_STREAM`], or none.
    pub flags: u8,
    /// What the length counted.
    pub payload: Bytes,
}

impl Envelope {
    /// Whether the payload is compressed.
    pub fn is_compressed(&self) -> bool {
        self.flags & FLAG_COMPRESSED != 0
    }

    /// Whether this is Connect's end of stream.
    pub fn is_end_stream(&self) -> bool {
        self.flags & FLAG_END_STREAM != 0
    }
}

/// Writes an envelope. Any flags are written as given; a payload of 4 GiB or more is refused.
pub fn encode(flags: u8, payload: &[u8]) -> Result<Bytes, FramingError> {
    let len = u32::try_from(payload.len()).map_err(|_| FramingError::TooLong {
        max: u32::MAX as usize,
        seen: payload.len(),
    })?;
    let mut bytes = BytesMut::with_capacity(ENVELOPE_HEADER_LEN_BYTES + payload.len());
    bytes.put_u8(flags);
    bytes.put_u32(len);
    bytes.put_slice(payload);
    Ok(bytes.freeze())
}

/// Reads envelopes out of bytes that arrive in any split.
///
/// Memory grows only with bytes that were fed, never with a length that was announced.
#[derive(Debug)]
pub struct EnvelopeReader {
    unread: BytesMut,
    of_requests: bool,
    flags_known: u8,
    payload_len_bytes_max: usize,
    ended: bool,
}

impl EnvelopeReader {
    /// A reader of what a caller sends: no end-of-stream envelope in either protocol.
    pub fn for_requests(payload_len_bytes_max: usize) -> EnvelopeReader {
        EnvelopeReader {
            unread: BytesMut::new(),
            of_requests: true,
            flags_known: FLAG_COMPRESSED,
            payload_len_bytes_max,
            ended: false,
        }
    }

    /// A reader of what a server answers.
    pub fn for_answers(protocol: RpcProtocol, payload_len_bytes_max: usize) -> EnvelopeReader {
        let flags_known = match protocol {
            RpcProtocol::Grpc => FLAG_COMPRESSED,
            RpcProtocol::Connect => FLAG_COMPRESSED | FLAG_END_STREAM,
        };
        EnvelopeReader {
            of_requests: false,
            flags_known,
            ..EnvelopeReader::for_requests(payload_len_bytes_max)
        }
    }

    /// Whether it reads what a caller sends.
    pub fn is_of_requests(&self) -> bool {
        self.of_requests
    }

    /// Takes in the next bytes of the stream.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.unread.extend_from_slice(bytes);
    }

    /// The next envelope, or `None` until more bytes are fed.
    ///
    /// An unknown flag and a length over the limit are errors as soon as their bytes are there. After an error the
    /// same error is returned again.
    pub fn read(&mut self) -> Result<Option<Envelope>, FramingError> {
        if self.ended {
            return match self.unread.len() {
                0 => Ok(None),
                seen => Err(FramingError::AfterEndStream { seen }),
            };
        }
        let Some(&flags) = self.unread.first() else {
            return Ok(None);
        };
        if flags & !self.flags_known != 0 {
            return Err(FramingError::UnknownFlags { seen: flags });
        }
        let Some(len) = self.announced_len() else {
            return Ok(None);
        };
        if len > self.payload_len_bytes_max {
            return Err(FramingError::TooLong {
                max: self.payload_len_bytes_max,
                seen: len,
            });
        }
        if self.unread.len() < ENVELOPE_HEADER_LEN_BYTES + len {
            return Ok(None);
        }
        self.unread.advance(ENVELOPE_HEADER_LEN_BYTES);
        let payload = self.unread.split_to(len).freeze();
        self.ended = flags & FLAG_END_STREAM != 0;
        Ok(Some(Envelope { flags, payload }))
    }

    /// Checks that the stream may end here: between two envelopes.
    pub fn finish(&self) -> Result<(), FramingError> {
        if self.unread.is_empty() {
            return Ok(());
        }
        Err(FramingError::Truncated {
            expected: ENVELOPE_HEADER_LEN_BYTES + self.announced_len().unwrap_or(0),
            seen: self.unread.len(),
        })
    }

    fn announced_len(&self) -> Option<usize> {
        self.unread.first_chunk().map(announced_len)
    }
}

/// The length of the payload that stands behind this header.
pub(super) fn announced_len(header: &[u8; ENVELOPE_HEADER_LEN_BYTES]) -> usize {
    header[1..]
        .iter()
        .fold(0, |len, byte| len << 8 | usize::from(*byte))
}

/// Bytes that are no sequence of envelopes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FramingError {
    /// A flag that the protocol does not have in this direction.
    UnknownFlags {
        /// The whole flag byte.
        seen: u8,
    },
    /// A payload over the limit.
    TooLong {
        /// The limit, in bytes.
        max: usize,
        /// The announced length, in bytes.
        seen: usize,
    },
    /// The stream ended inside an envelope.
    Truncated {
        /// Length of the whole envelope, as far as it is known, in bytes.
        expected: usize,
        /// Bytes that came.
        seen: usize,
    },
    /// Bytes after Connect's end of stream.
    AfterEndStream {
        /// How many came.
        seen: usize,
    },
}

impl fmt::Display for FramingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FramingError::UnknownFlags { seen } => {
                write!(f, "expected known envelope flags, seen {seen:#04x}")
            }
            FramingError::TooLong { max, seen } => {
                write!(
                    f,
                    "expected an envelope of at most {max} bytes, seen {seen}"
                )
            }
            FramingError::Truncated { expected, seen } => {
                write!(
                    f,
                    "expected an envelope of {expected} bytes, seen the stream end after {seen}"
                )
            }
            FramingError::AfterEndStream { seen } => {
                write!(
                    f,
                    "expected nothing after the end of stream, seen {seen} bytes"
                )
            }
        }
    }
}

impl std::error::Error for FramingError {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MAX: usize = 1024;

    fn read_all(reader: &mut EnvelopeReader) -> Result<Vec<Envelope>, FramingError> {
        std::iter::from_fn(|| reader.read().transpose()).collect()
    }

    #[test]
    fn envelope_encoded_then_flag_length_payload() {
        assert_eq!(
            encode(FLAG_COMPRESSED, b"abc").unwrap().as_ref(),
            b"\x01\x00\x00\x00\x03abc"
        );
    }

    #[test]
    fn announced_length_over_limit_then_error_before_payload() {
        let mut reader = EnvelopeReader::for_requests(MAX);
        reader.feed(&[0, 0xff, 0xff, 0xff, 0xff]);
        let error = FramingError::TooLong {
            max: MAX,
            seen: 0xffff_ffff,
        };
        assert_eq!(reader.read(), Err(error.clone()));
        assert_eq!(reader.read(), Err(error));
    }

    #[test]
    fn unknown_flag_then_error() {
        for flags in [0x02, 0x04, 0x80, 0xff] {
            let mut reader = EnvelopeReader::for_answers(RpcProtocol::Grpc, MAX);
            reader.feed(&[flags]);
            assert_eq!(
                reader.read(),
                Err(FramingError::UnknownFlags { seen: flags })
            );
        }
    }

    #[test]
    fn end_of_stream_from_a_caller_then_error() {
        let mut reader = EnvelopeReader::for_requests(MAX);
        reader.feed(b"\x02\x00\x00\x00\x02{}");
        assert_eq!(reader.read(), Err(FramingError::UnknownFlags { seen: 2 }));
    }

    #[test]
    fn bytes_after_end_of_stream_then_error() {
        let mut reader = EnvelopeReader::for_answers(RpcProtocol::Connect, MAX);
        reader.feed(b"\x02\x00\x00\x00\x02{}");
        assert!(reader.read().unwrap().unwrap().is_end_stream());
        assert_eq!(reader.read(), Ok(None));
        reader.feed(b"\x00");
        assert_eq!(reader.read(), Err(FramingError::AfterEndStream { seen: 1 }));
    }

    #[test]
    fn end_inside_an_envelope_then_truncated() {
        let mut reader = EnvelopeReader::for_requests(MAX);
        reader.feed(b"\x00\x00\x00\x00\x03ab");
        assert_eq!(reader.read(), Ok(None));
        assert_eq!(
            reader.finish(),
            Err(FramingError::Truncated {
                expected: 8,
                seen: 7
            })
        );
    }

    #[test]
    fn content_types_with_parameters_and_case_then_protocol() {
        for (text, protocol) in [
            ("application/grpc", Some(RpcProtocol::Grpc)),
            (
                "Application/gRPC+proto; charset=utf-8",
                Some(RpcProtocol::Grpc),
            ),
            ("application/connect+proto", Some(RpcProtocol::Connect)),
            ("application/connect+json", None),
            ("application/grpc-web", None),
            ("", None),
        ] {
            assert_eq!(RpcProtocol::of_content_type(text), protocol, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_split_then_same_envelopes(
            payloads in prop::collection::vec((0u8..=1, prop::collection::vec(any::<u8>(), 0..64)), 0..8),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        ) {
            let expected: Vec<_> = payloads
                .into_iter()
                .map(|(flags, payload)| Envelope { flags, payload: payload.into() })
                .collect();
            let stream: Vec<u8> = expected
                .iter()
                .flat_map(|envelope| encode(envelope.flags, &envelope.payload).unwrap())
                .collect();
            let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
            cuts.extend([0, stream.len()]);
            cuts.sort_unstable();

            let mut reader = EnvelopeReader::for_requests(MAX);
            let mut seen = Vec::new();
            for pair in cuts.windows(2) {
                reader.feed(&stream[pair[0]..pair[1]]);
                seen.extend(read_all(&mut reader).unwrap());
            }
            prop_assert_eq!(seen, expected);
            prop_assert_eq!(reader.finish(), Ok(()));
        }

        #[test]
        fn arbitrary_bytes_then_every_payload_within_limit(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
            let mut reader = EnvelopeReader::for_answers(RpcProtocol::Connect, 16);
            reader.feed(&bytes);
            if let Ok(envelopes) = read_all(&mut reader) {
                prop_assert!(envelopes.iter().all(|envelope| envelope.payload.len() <= 16));
            }
            let _ = reader.finish();
        }
    }
}
