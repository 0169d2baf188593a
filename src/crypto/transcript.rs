//! What both sides saw of the key exchange, as one hash (`docs/protocol.md`, section 2).

use sha2::{Digest, Sha256};

use super::put_length_prefixed;

/// Version of the key exchange that the protocol uses.
pub const TRANSPORT_VERSION: u32 = 1;

/// What the hash starts with, so that it is no other hash of the protocol.
pub const LABEL: &[u8] = b"backrest-sync-transport-transcript/v1\0";

/// SHA-256 over the label, the transport version (4 bytes big-endian), then public key and encapsulation, each after
/// its 4-byte length.
///
/// # Panics
/// When public key or encapsulation is 4 GiB or longer, which no protobuf message can carry.
pub fn transport_transcript(version: u32, public_key: &[u8], encapsulation: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(LABEL);
    hash.update(version.to_be_bytes());
    put_length_prefixed(public_key, |bytes| hash.update(bytes));
    put_length_prefixed(encapsulation, |bytes| hash.update(bytes));
    hash.finalize().into()
}
