//! The hybrid KEM MLKEM1024-P384 (`docs/protocol.md`, section 2).
//!
//! The combiner and the key expansion do not contain the KEM id; it enters only through [`PrivateKey::derive`] and
//! the key schedule in [`super::hpke`].

use std::{error::Error, fmt};

use serde::{Deserialize, Serialize};
use shake::{ExtendableOutput, Shake256, Update, XofReader};

use super::{
    ecdh::{self, ChosenKey, EcdhKey as _, SCALAR_LEN_BYTES},
    mlkem::{self, ChosenMlKem, MlKem},
    point,
};
pub use super::{
    point::{POINT_LEN_BYTES, PointError},
    shared_secret::{SHARED_SECRET_LEN_BYTES, SharedSecret, SharedSecretParts},
};

/// Length of a private key: the seed that both parts are expanded from.
pub const SEED_LEN_BYTES: usize = 32;
/// Length of an ML-KEM-1024 encapsulation key, and of an ML-KEM-1024 ciphertext.
pub const MLKEM_KEY_LEN_BYTES: usize = mlkem::KEY_LEN_BYTES;
/// Length of a public key: ML-KEM-1024 encapsulation key, then the P-384 point.
pub const PUBLIC_KEY_LEN_BYTES: usize = MLKEM_KEY_LEN_BYTES + POINT_LEN_BYTES;
/// Length of an encapsulation: ML-KEM-1024 ciphertext, then the ephemeral P-384 point.
pub const ENCAPSULATION_LEN_BYTES: usize = MLKEM_KEY_LEN_BYTES + POINT_LEN_BYTES;

const ENCAPSULATION_RANDOMNESS_LABEL: &[u8] = b"syncspec-encapsulation-randomness/1\0";

/// The KEM's number in HPKE, as read by the two kinds of peers; it takes part in every derived key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum KemId {
    /// `0x0051`, what the drafts assign to MLKEM1024-P384 and what deployed peers use.
    #[default]
    #[serde(rename = "0x0051")]
    MlKem1024P384,
    /// `0x0050`, what the published text says; the drafts assign it to MLKEM768-P256.
    #[serde(rename = "0x0050")]
    AsPublished,
}

impl KemId {
    /// Both readings, the deployed one first.
    pub const ALL: [KemId; 2] = [KemId::MlKem1024P384, KemId::AsPublished];

    /// The two bytes that stand in the suite id.
    pub fn to_be_bytes(self) -> [u8; 2] {
        match self {
            KemId::MlKem1024P384 => [0x00, 0x51],
            KemId::AsPublished => [0x00, 0x50],
        }
    }

    /// The word used in reports and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            KemId::MlKem1024P384 => "0x0051",
            KemId::AsPublished => "0x0050",
        }
    }

    /// The other reading, for finding out why a first frame did not open.
    pub fn other(self) -> KemId {
        match self {
            KemId::MlKem1024P384 => KemId::AsPublished,
            KemId::AsPublished => KemId::MlKem1024P384,
        }
    }
}

/// What a seed expands to.
#[derive(Clone, PartialEq, Eq)]
pub struct Expanded {
    /// ML-KEM seed: d, then z, of FIPS 203.
    pub mlkem_seed: [u8; mlkem::SEED_LEN_BYTES],
    /// P-384 scalar in 1 .. n-1, big-endian.
    pub p384_scalar: [u8; SCALAR_LEN_BYTES],
}

impl Expanded {
    /// Reads SHAKE256(seed): 64 bytes for ML-KEM, then 48-byte blocks until one is a scalar.
    pub fn from_seed(seed: &[u8; SEED_LEN_BYTES]) -> Self {
        let mut stream = shake256(&[seed]);
        let mut mlkem_seed = [0; mlkem::SEED_LEN_BYTES];
        stream.read(&mut mlkem_seed);
        Expanded {
            mlkem_seed,
            p384_scalar: next_scalar(&mut stream),
        }
    }
}

/// Private key: a 32-byte seed and what follows from it. Debug shows nothing of it.
#[derive(Clone)]
pub struct PrivateKey {
    seed: [u8; SEED_LEN_BYTES],
    mlkem: <ChosenMlKem as MlKem>::DecapsulationKey,
    p384: ChosenKey,
    public_key: [u8; PUBLIC_KEY_LEN_BYTES],
}

impl PrivateKey {
    /// Takes a serialized private key.
    ///
    /// # Errors
    /// [`KemError::SeedLength`] unless it is exactly 32 bytes; every 32 bytes are a key.
    pub fn from_seed(seed: &[u8]) -> Result<Self, KemError> {
        let array = seed
            .try_into()
            .map_err(|_| KemError::SeedLength { seen: seed.len() })?;
        Ok(Self::from_seed_array(array))
    }

    /// Takes the 32 bytes of a private key.
    pub fn from_seed_array(seed: &[u8; SEED_LEN_BYTES]) -> Self {
        let expanded = Expanded::from_seed(seed);
        let (mlkem, mlkem_public) = ChosenMlKem::key_pair(&expanded.mlkem_seed);
        let p384 = ChosenKey::from_scalar(&expanded.p384_scalar);

        let mut public_key = [0; PUBLIC_KEY_LEN_BYTES];
        let (mlkem_part, point_part) = public_key.split_at_mut(MLKEM_KEY_LEN_BYTES);
        mlkem_part.copy_from_slice(&mlkem_public);
        point_part.copy_from_slice(&p384.public_point());
        PrivateKey {
            seed: *seed,
            mlkem,
            p384,
            public_key,
        }
    }

    /// HPKE's DeriveKeyPair: a key from input keying material of any length. The protocol itself never calls it.
    pub fn derive(kem_id: KemId, ikm: &[u8]) -> Self {
        const LABEL: &[u8] = b"DeriveKeyPair";
        let (kem_id, label_len) = (kem_id.to_be_bytes(), (LABEL.len() as u16).to_be_bytes());
        let seed_len = (SEED_LEN_BYTES as u16).to_be_bytes();
        let mut stream = shake256(&[
            ikm, b"HPKE-v1", b"KEM", &kem_id, &label_len, LABEL, &seed_len,
        ]);
        let mut seed = [0; SEED_LEN_BYTES];
        stream.read(&mut seed);
        Self::from_seed_array(&seed)
    }

    /// The serialized private key.
    pub fn seed(&self) -> &[u8; SEED_LEN_BYTES] {
        &self.seed
    }

    /// The two private keys the seed expands to, for comparing intermediates.
    pub fn expanded(&self) -> Expanded {
        Expanded::from_seed(&self.seed)
    }

    /// ML-KEM-1024 encapsulation key (1568 bytes), then the uncompressed P-384 point (97 bytes).
    pub fn public_key(&self) -> &[u8; PUBLIC_KEY_LEN_BYTES] {
        &self.public_key
    }

    /// The secret that `enc` carries.
    ///
    /// # Errors
    /// [`KemError::EncapsulationLength`] and [`KemError::Point`]. A tampered ML-KEM part is no error: it gives
    /// another secret (implicit rejection, FIPS 203), and only the first frame fails to open.
    pub fn decapsulate(&self, enc: &[u8]) -> Result<SharedSecret, KemError> {
        self.decapsulate_parts(enc)
            .map(SharedSecretParts::into_shared_secret)
    }

    /// [`PrivateKey::decapsulate`] with the secrets of both halves, for comparing intermediates.
    ///
    /// # Errors
    /// Those of [`PrivateKey::decapsulate`].
    pub fn decapsulate_parts(&self, enc: &[u8]) -> Result<SharedSecretParts, KemError> {
        let (ciphertext, ephemeral) =
            split(enc).ok_or(KemError::EncapsulationLength { seen: enc.len() })?;
        point::parse(ephemeral).map_err(KemError::Point)?;

        let recipient = &self.public_key[MLKEM_KEY_LEN_BYTES..];
        Ok(SharedSecretParts::combine(
            ChosenMlKem::decapsulate(&self.mlkem, ciphertext),
            self.p384.shared_x(ephemeral),
            ephemeral,
            recipient,
        ))
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateKey").finish_non_exhaustive()
    }
}

/// A public key that was found valid in both halves.
#[derive(Clone, Debug)]
pub struct PublicKey {
    mlkem: <ChosenMlKem as MlKem>::EncapsulationKey,
    point: ecdh::Point,
}

impl PublicKey {
    /// Reads the 1665 bytes of a public key.
    ///
    /// # Errors
    /// [`KemError::PublicKeyLength`], [`KemError::CoefficientNotReduced`] (FIPS 203's modulus check) and
    /// [`KemError::Point`].
    pub fn parse(bytes: &[u8]) -> Result<Self, KemError> {
        let (mlkem, point) = split(bytes).ok_or(KemError::PublicKeyLength { seen: bytes.len() })?;
        let mlkem = ChosenMlKem::read(mlkem).ok_or(KemError::CoefficientNotReduced)?;
        point::parse(point).map_err(KemError::Point)?;
        Ok(PublicKey {
            mlkem,
            point: *point,
        })
    }

    /// A fresh secret for the holder of the private key, and the 1665 bytes that carry it there.
    pub fn encapsulate(&self, randomness: &EncapsulationRandomness) -> (Vec<u8>, SharedSecret) {
        let (enc, parts) = self.encapsulate_parts(randomness);
        (enc, parts.into_shared_secret())
    }

    /// [`PublicKey::encapsulate`] with the secrets of both halves, for comparing intermediates.
    pub fn encapsulate_parts(
        &self,
        randomness: &EncapsulationRandomness,
    ) -> (Vec<u8>, SharedSecretParts) {
        let ephemeral = ChosenKey::from_scalar(&randomness.p384_scalar);
        let ephemeral_point = ephemeral.public_point();
        let (ciphertext, mlkem) = ChosenMlKem::encapsulate(&self.mlkem, &randomness.mlkem);

        let parts = SharedSecretParts::combine(
            mlkem,
            ephemeral.shared_x(&self.point),
            &ephemeral_point,
            &self.point,
        );
        let mut enc = Vec::with_capacity(ENCAPSULATION_LEN_BYTES);
        enc.extend_from_slice(&ciphertext);
        enc.extend_from_slice(&ephemeral_point);
        (enc, parts)
    }
}

/// Everything random in one encapsulation. Using the same twice for different keys gives the secrets away.
#[derive(Clone)]
pub struct EncapsulationRandomness {
    mlkem: [u8; 32],
    p384_scalar: [u8; SCALAR_LEN_BYTES],
}

impl EncapsulationRandomness {
    /// Takes ML-KEM's 32 bytes and the ephemeral scalar, big-endian.
    ///
    /// # Errors
    /// [`KemError::ScalarOutOfRange`] unless the scalar is in 1 .. n-1.
    pub fn new(mlkem: [u8; 32], p384_scalar: [u8; SCALAR_LEN_BYTES]) -> Result<Self, KemError> {
        if !ecdh::is_scalar(&p384_scalar) {
            return Err(KemError::ScalarOutOfRange);
        }
        Ok(EncapsulationRandomness { mlkem, p384_scalar })
    }

    /// Expands 32 random bytes by SHAKE256 under a label of our own, so that a seed that is also a private key
    /// yields unrelated values.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        let mut stream = shake256(&[ENCAPSULATION_RANDOMNESS_LABEL, seed]);
        let mut mlkem = [0; 32];
        stream.read(&mut mlkem);
        EncapsulationRandomness {
            mlkem,
            p384_scalar: next_scalar(&mut stream),
        }
    }

    /// The same with these 32 bytes for ML-KEM: the message that its ciphertext carries.
    #[must_use]
    pub fn with_mlkem(self, mlkem: [u8; 32]) -> Self {
        EncapsulationRandomness { mlkem, ..self }
    }
}

impl fmt::Debug for EncapsulationRandomness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EncapsulationRandomness")
            .finish_non_exhaustive()
    }
}

/// Why a key or an encapsulation is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KemError {
    /// A private key is not 32 bytes.
    SeedLength {
        /// Length in bytes.
        seen: usize,
    },
    /// A public key is not 1665 bytes.
    PublicKeyLength {
        /// Length in bytes.
        seen: usize,
    },
    /// An encapsulation is not 1665 bytes.
    EncapsulationLength {
        /// Length in bytes.
        seen: usize,
    },
    /// A coefficient of the ML-KEM encapsulation key is 3329 or more.
    CoefficientNotReduced,
    /// The last 97 bytes are not an acceptable point.
    Point(PointError),
    /// An ephemeral scalar is 0, or not below the group's order.
    ScalarOutOfRange,
}

impl fmt::Display for KemError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KemError::SeedLength { seen } => {
                write!(
                    f,
                    "expected a private key of {SEED_LEN_BYTES} bytes, saw {seen}"
                )
            }
            KemError::PublicKeyLength { seen } => {
                write!(
                    f,
                    "expected a public key of {PUBLIC_KEY_LEN_BYTES} bytes, saw {seen}"
                )
            }
            KemError::EncapsulationLength { seen } => {
                write!(
                    f,
                    "expected an encapsulation of {ENCAPSULATION_LEN_BYTES} bytes, saw {seen}"
                )
            }
            KemError::CoefficientNotReduced => {
                f.write_str("expected ML-KEM coefficients below 3329, saw a larger one")
            }
            KemError::Point(error) => error.fmt(f),
            KemError::ScalarOutOfRange => {
                f.write_str("expected a scalar from 1 to the group's order less 1, saw one outside")
            }
        }
    }
}

impl Error for KemError {}

/// The ML-KEM part and the point of a public key or an encapsulation; `None` at any other length.
fn split(bytes: &[u8]) -> Option<(&[u8; MLKEM_KEY_LEN_BYTES], &[u8; POINT_LEN_BYTES])> {
    let (mlkem, point) = bytes.split_first_chunk()?;
    Some((mlkem, point.try_into().ok()?))
}

fn shake256(parts: &[&[u8]]) -> shake::Shake256Reader {
    let mut hash = Shake256::default();
    for part in parts {
        hash.update(part);
    }
    hash.finalize_xof()
}

/// The first 48-byte block that is a scalar. A block fails with probability 2^-194, so the loop ends.
fn next_scalar(stream: &mut impl XofReader) -> [u8; SCALAR_LEN_BYTES] {
    let mut block = [0; SCALAR_LEN_BYTES];
    loop {
        stream.read(&mut block);
        if ecdh::is_scalar(&block) {
            return block;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_bytes_for_mlkem_then_its_ciphertext_alone_is_another() {
        let key = PrivateKey::from_seed_array(&[1; SEED_LEN_BYTES]);
        let public = PublicKey::parse(key.public_key()).unwrap();
        let encapsulated = |randomness: EncapsulationRandomness| public.encapsulate(&randomness).0;
        let randomness = || EncapsulationRandomness::from_seed(&[2; 32]);
        let (before, after) = (
            encapsulated(randomness()),
            encapsulated(randomness().with_mlkem([0; 32])),
        );
        let (mlkem, point) = after.split_at(MLKEM_KEY_LEN_BYTES);
        assert_ne!(mlkem, &before[..MLKEM_KEY_LEN_BYTES]);
        assert_eq!(point, &before[MLKEM_KEY_LEN_BYTES..]);
        let whole = EncapsulationRandomness::new([0; 32], randomness().p384_scalar).unwrap();
        assert_eq!(encapsulated(whole), after);
    }
}
