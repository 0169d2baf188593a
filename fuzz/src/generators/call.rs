//! A call to the server as a caller may write it: its protocol, and a body of envelopes that may be broken anywhere.

use std::io::Write as _;

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use syncspec::wire::RpcProtocol;

use crate::records;

/// Longest run of bytes that a piece is cut into, where it is cut.
const CUT_LEN_BYTES_MAX: usize = 7;

/// One call.
pub struct Call {
    /// How it is written.
    pub protocol: RpcProtocol,
    /// Whether it says that compressed envelopes are gzip.
    pub declares_gzip: bool,
    /// Its body, in the pieces in which it arrives.
    pub pieces: Vec<Bytes>,
}

impl Call {
    /// Reads a case. A record is a piece of the body: as it stands, an envelope, a compressed one, or one whose length is
    /// wrong; its fourth bit cuts it up.
    pub fn of(bytes: &[u8]) -> Call {
        let (flags, records) = records::read(bytes);
        let mut pieces = Vec::new();
        for record in records {
            let piece = match record.op & 3 {
                0 => record.payload.to_vec(),
                1 => envelope(record.arg, record.payload, record.payload.len()),
                2 => {
                    let packed = gzip(record.payload);
                    envelope(record.arg | 1, &packed, packed.len())
                }
                _ => {
                    let length = record.payload.len();
                    envelope(
                        0,
                        record.payload,
                        length.wrapping_add_signed(isize::from(record.arg as i8)),
                    )
                }
            };
            match record.op & 4 {
                0 => pieces.push(Bytes::from(piece)),
                _ => pieces.extend(piece.chunks(CUT_LEN_BYTES_MAX).map(Bytes::copy_from_slice)),
            }
        }
        Call {
            protocol: match flags & 1 {
                0 => RpcProtocol::Grpc,
                _ => RpcProtocol::Connect,
            },
            declares_gzip: flags & 2 != 0,
            pieces,
        }
    }

    /// The body as one.
    pub fn body(&self) -> Vec<u8> {
        self.pieces.concat()
    }
}

fn envelope(flags: u8, payload: &[u8], length: usize) -> Vec<u8> {
    let mut envelope = vec![flags];
    envelope.extend((length as u32).to_be_bytes());
    envelope.extend(payload);
    envelope
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    // Writing to memory does not fail.
    let _ = packed.write_all(bytes);
    packed.finish().unwrap_or_default()
}
