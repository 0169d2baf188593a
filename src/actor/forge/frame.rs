//! The RPC frame around an item: 1 flag byte, 4-byte big-endian length, payload; the same bytes in gRPC and Connect.

use super::Applied;
use crate::{
    actor::{Forged, Out},
    scenario::deviation::{Deviation, FrameFault},
    wire::SyncStreamItem,
};

/// Flag of a compressed payload.
const FLAG_COMPRESSED: u8 = 0x01;
/// Flag of the message that ends a Connect response.
const FLAG_END_OF_STREAM: u8 = 0x02;
/// A flag bit that neither RPC protocol gives a meaning.
const FLAG_UNKNOWN: u8 = 0x40;

/// Puts a payload into its frame, spoilt if a deviation says so.
pub(super) fn frame(
    payload: Vec<u8>,
    item: Option<SyncStreamItem>,
    counter: Option<u64>,
    deviations: &[Deviation],
    mut applied: Applied,
) -> Forged {
    let fault = deviations.iter().find_map(|deviation| match deviation {
        Deviation::Frame(fault) => Some((deviation, *fault)),
        _ => None,
    });
    let out = match fault {
        None => vec![Out::Message(payload)],
        Some((deviation, fault)) => {
            applied.note(deviation);
            spoilt(payload, fault)
        }
    };
    Forged {
        out,
        item,
        counter,
        deviations: applied.0,
    }
}

fn spoilt(payload: Vec<u8>, fault: FrameFault) -> Vec<Out> {
    let raw = |flags, length, payload: &[u8]| Out::Raw(vec![framed(flags, length, payload)]);
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    match fault {
        FrameFault::Truncated => {
            let half = &payload[..payload.len() / 2];
            vec![raw(0, length, half), Out::HalfClose]
        }
        FrameFault::HeaderTruncated => {
            let header = framed(0, length, &payload)[..3].to_vec();
            vec![Out::Raw(vec![header]), Out::HalfClose]
        }
        FrameFault::PayloadMissing => vec![raw(0, length, &[]), Out::HalfClose],
        FrameFault::EndOfStreamFlag => vec![raw(FLAG_END_OF_STREAM, length, &payload)],
        // Field 15 with wire type 7, which does not exist.
        FrameFault::NotProtobuf => vec![Out::Message(vec![0x7f; 16])],
        FrameFault::CompressedWithoutEncoding => vec![raw(FLAG_COMPRESSED, length, &payload)],
        FrameFault::UnknownFlag => vec![raw(FLAG_UNKNOWN, length, &payload)],
        FrameFault::GiantLength => vec![raw(0, u32::MAX, &payload)],
        FrameFault::ByteByByte => {
            let bytes = framed(0, length, &payload);
            vec![Out::Raw(bytes.into_iter().map(|byte| vec![byte]).collect())]
        }
    }
}

fn framed(flags: u8, length: u32, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(5 + payload.len());
    out.push(flags);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(payload);
    out
}
