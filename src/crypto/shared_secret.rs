//! What a key exchange ends in, with the halves it was combined from.

use std::fmt;

use sha3::{Digest, Sha3_256};

/// Length of a shared secret.
pub const SHARED_SECRET_LEN_BYTES: usize = 32;

const COORDINATE_LEN_BYTES: usize = 48;
const COMBINER_LABEL: &[u8] = b"MLKEM1024-P384";

/// The KEM's 32-byte output. Debug does not print it.
#[derive(Clone, PartialEq, Eq)]
pub struct SharedSecret([u8; SHARED_SECRET_LEN_BYTES]);

impl SharedSecret {
    /// Takes a secret made elsewhere, such as one that a vector lists.
    pub fn new(bytes: [u8; SHARED_SECRET_LEN_BYTES]) -> Self {
        SharedSecret(bytes)
    }

    /// The secret itself.
    pub fn as_bytes(&self) -> &[u8; SHARED_SECRET_LEN_BYTES] {
        &self.0
    }
}

impl fmt::Debug for SharedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedSecret(..)")
    }
}

/// A shared secret with the two it was combined from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedSecretParts {
    mlkem: SharedSecret,
    ecdh: EcdhSecret,
    combined: SharedSecret,
}

#[derive(Clone, PartialEq, Eq)]
struct EcdhSecret([u8; COORDINATE_LEN_BYTES]);

impl fmt::Debug for EcdhSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EcdhSecret(..)")
    }
}

impl SharedSecretParts {
    /// ML-KEM's secret.
    pub fn mlkem_shared_secret(&self) -> &[u8; 32] {
        &self.mlkem.0
    }

    /// The x coordinate of the Diffie-Hellman point, 48 bytes big-endian.
    pub fn ecdh_shared_secret(&self) -> &[u8; COORDINATE_LEN_BYTES] {
        &self.ecdh.0
    }

    /// What the combiner makes of both.
    pub fn shared_secret(&self) -> &SharedSecret {
        &self.combined
    }

    /// [`SharedSecretParts::shared_secret`] alone.
    pub fn into_shared_secret(self) -> SharedSecret {
        self.combined
    }

    /// Runs the combiner: SHA3-256 over both secrets, both points (97 bytes each) and the label.
    pub fn combine(
        mlkem: [u8; 32],
        ecdh: [u8; COORDINATE_LEN_BYTES],
        ephemeral_point: &[u8],
        recipient_point: &[u8],
    ) -> Self {
        let mut hash = Sha3_256::new();
        for part in [
            &mlkem,
            ecdh.as_slice(),
            ephemeral_point,
            recipient_point,
            COMBINER_LABEL,
        ] {
            Digest::update(&mut hash, part);
        }
        SharedSecretParts {
            mlkem: SharedSecret(mlkem),
            ecdh: EcdhSecret(ecdh),
            combined: SharedSecret(hash.finalize().into()),
        }
    }
}
