//! A call's body that tells where it ends within an envelope. The gRPC service behind it notices that only where a part of
//! the payload has come; a header with nothing behind it would pass for a body that ends in good order.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::Frame;
use tonic::{Status, body::Body};

use crate::net::framing::{ENVELOPE_HEADER_LEN_BYTES, announced_len};

/// The body, with an error behind it where it ends within an envelope.
pub(super) fn whole_envelopes(body: Body) -> Body {
    Body::new(WholeEnvelopes {
        inner: body,
        place: Place::default(),
    })
}

struct WholeEnvelopes {
    inner: Body,
    place: Place,
}

/// Where in its envelopes a body has come to.
#[derive(Default)]
struct Place {
    header: [u8; ENVELOPE_HEADER_LEN_BYTES],
    header_len_bytes: usize,
    payload_left_len_bytes: usize,
}

impl Place {
    fn pass(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.payload_left_len_bytes > 0 {
                let passed = self.payload_left_len_bytes.min(bytes.len());
                self.payload_left_len_bytes -= passed;
                bytes = &bytes[passed..];
                continue;
            }
            self.header[self.header_len_bytes] = bytes[0];
            self.header_len_bytes += 1;
            bytes = &bytes[1..];
            if self.header_len_bytes == ENVELOPE_HEADER_LEN_BYTES {
                self.header_len_bytes = 0;
                self.payload_left_len_bytes = announced_len(&self.header);
            }
        }
    }

    fn is_between_envelopes(&self) -> bool {
        self.header_len_bytes == 0 && self.payload_left_len_bytes == 0
    }
}

impl http_body::Body for WholeEnvelopes {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(cx));
        match &frame {
            Some(Ok(frame)) => {
                if let Some(data) = frame.data_ref() {
                    self.place.pass(data);
                }
            }
            None if !self.place.is_between_envelopes() => {
                // Told once; behind it there is nothing.
                self.place = Place::default();
                let told = Status::internal("the stream ended within an RPC envelope");
                return Poll::Ready(Some(Err(told)));
            }
            Some(Err(_)) | None => {}
        }
        Poll::Ready(frame)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(pieces: &[&[u8]]) -> Place {
        let mut place = Place::default();
        pieces.iter().for_each(|piece| place.pass(piece));
        place
    }

    #[test]
    fn whole_envelopes_in_any_split_then_between_them() {
        let two = b"\0\0\0\0\x02ab\0\0\0\0\0";
        assert!(place(&[two]).is_between_envelopes());
        let bytes: Vec<&[u8]> = two.chunks(1).collect();
        assert!(place(&bytes).is_between_envelopes());
        assert!(place(&[]).is_between_envelopes());
    }

    #[test]
    fn cut_anywhere_else_then_within_one() {
        let one = b"\0\0\0\x01\x02";
        for length in 1..=one.len() {
            assert!(!place(&[&one[..length]]).is_between_envelopes(), "{length}");
        }
        let all_but_one = vec![7; 0x101];
        assert!(!place(&[one, &all_but_one]).is_between_envelopes());
        assert!(place(&[one, &all_but_one, b"7"]).is_between_envelopes());
    }
}
