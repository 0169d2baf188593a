//! What the signature of a handshake covers (`docs/protocol.md`, section 4).

use sha2::{Digest, Sha256};

use super::put_length_prefixed;

/// Version of the identity handshake that the protocol uses.
pub const PROTOCOL_VERSION: i64 = 3;

/// What the hash starts with, so that it is no other hash of the protocol.
pub const LABEL: &[u8] = b"backrest-sync-handshake/v1\0";

/// The claims of one handshake, bound to the session it is made in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HandshakeClaims<'a> {
    /// Version as the wire has it; hashed as 8 bytes, two's complement.
    pub protocol_version: i64,
    /// The sender's instance id.
    pub instance_id: &'a str,
    /// Pairing secret, or nothing.
    pub pairing_secret: &'a str,
    /// The key exchange's transcript, as the one who hashes saw it.
    pub transcript: &'a [u8],
}

impl HandshakeClaims<'_> {
    /// SHA-256 over the label, the version (8 bytes big-endian), then the three other fields, each after its 4-byte
    /// length. The signature is over these 32 bytes.
    ///
    /// # Panics
    /// When a field is 4 GiB or longer, which no protobuf message can carry.
    pub fn hash(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(LABEL);
        hash.update(self.protocol_version.to_be_bytes());
        for field in [
            self.instance_id.as_bytes(),
            self.pairing_secret.as_bytes(),
            self.transcript,
        ] {
            put_length_prefixed(field, |bytes| hash.update(bytes));
        }
        hash.finalize().into()
    }
}
