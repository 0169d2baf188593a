//! Long-term ed25519 identities: their texts, signatures, and what is accepted of a peer's (`docs/protocol.md`,
//! section 4).
//!
//! Strict and deployed readers differ in what they let pass; [`KeyPolicy`] names both readings, once for the whole
//! crate.

use std::{error::Error, fmt};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};
#[cfg(not(feature = "fuzzing"))]
use ed25519_dalek::Signer as _;
use ed25519_dalek::{SECRET_KEY_LENGTH, Signature, SigningKey, Verifier, VerifyingKey};
use sha2::{Digest, Sha256};

pub use super::key_text::Base64Error;
use super::key_text::decode_base64;
#[cfg(feature = "fuzzing")]
use super::remembered;

/// Length of a public key.
pub const PUBLIC_KEY_LEN_BYTES: usize = 32;
/// Length of a signature: R, then S, of 32 bytes each, little-endian.
pub const SIGNATURE_LEN_BYTES: usize = 64;
/// What every key id starts with; the base64url text of SHA-256 over the public key follows, 43 characters.
pub const KEYID_PREFIX: &str = "ed25519.";

/// The order of the base point, 2^252 + 27742317777372353535851937790883648493, little-endian (RFC 8032, section 5.1).
const GROUP_ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x10,
];

/// How much of what the protocol's text leaves open is accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum KeyPolicy {
    /// Each key has one spelling and an owner: canonical base64 without line breaks; a key that is a point in
    /// canonical form, of prime order; R not of small order. What our reference does.
    #[default]
    Strict,
    /// What deployed peers were seen to do: base64 with line breaks skipped and unused trailing bits ignored; any 32
    /// bytes load as a key, and only the signature check can fail: S below the group order, the equation without
    /// cofactor, R compared byte by byte.
    Deployed,
}

/// Our own identity: the key pair and its texts. Debug shows the key id alone.
#[derive(Clone)]
pub struct Identity {
    key: SigningKey,
    keyid: String,
}

impl Identity {
    /// The identity of a private key (RFC 8032's 32-byte seed).
    pub fn from_seed(seed: &[u8; SECRET_KEY_LENGTH]) -> Self {
        let key = SigningKey::from_bytes(seed);
        let keyid = keyid_of(key.verifying_key().as_bytes());
        Identity { key, keyid }
    }

    /// Reads a stored private key: the seed's text beside its public key and key id.
    ///
    /// # Errors
    /// Those of [`PeerKey::decode`] for the public half; [`IdentityError::SeedText`], [`IdentityError::SeedLength`];
    /// [`IdentityError::SeedOfOtherKey`] when the halves do not belong together.
    pub fn decode(
        keyid: &str,
        ed25519priv: &str,
        ed25519pub: &str,
        policy: KeyPolicy,
    ) -> Result<Self, IdentityError> {
        let public = PeerKey::read(keyid, ed25519pub, policy)?;
        let own = Identity::from_seed_text(ed25519priv, policy);
        match own {
            // What is made from a seed is in canonical form and of prime order.
            Ok(own) if own.public_key() == public.public_key => Ok(own),
            other => {
                public.check()?;
                other.and(Err(IdentityError::SeedOfOtherKey))
            }
        }
    }

    fn from_seed_text(ed25519priv: &str, policy: KeyPolicy) -> Result<Self, IdentityError> {
        let seed = decode_base64(ed25519priv, policy).map_err(IdentityError::SeedText)?;
        let seed: [u8; SECRET_KEY_LENGTH] = seed
            .try_into()
            .map_err(|seed: Vec<u8>| IdentityError::SeedLength { seen: seed.len() })?;
        Ok(Identity::from_seed(&seed))
    }

    /// `"ed25519."`, then base64url without padding of SHA-256 over the public key.
    pub fn keyid(&self) -> &str {
        &self.keyid
    }

    /// The 32 bytes of the public key.
    pub fn public_key(&self) -> [u8; PUBLIC_KEY_LEN_BYTES] {
        self.key.verifying_key().to_bytes()
    }

    /// `ed25519pub`: the public key in standard base64 without padding.
    pub fn public_key_text(&self) -> String {
        STANDARD_NO_PAD.encode(self.public_key())
    }

    /// `ed25519priv`: the seed in standard base64 without padding.
    pub fn private_key_text(&self) -> String {
        STANDARD_NO_PAD.encode(self.seed())
    }

    /// The private key.
    pub fn seed(&self) -> [u8; SECRET_KEY_LENGTH] {
        self.key.to_bytes()
    }

    /// Signs by plain Ed25519: no context, no prehash.
    pub fn sign(&self, message: &[u8]) -> [u8; SIGNATURE_LEN_BYTES] {
        #[cfg(feature = "fuzzing")]
        return remembered::signature(&self.key, message);
        #[cfg(not(feature = "fuzzing"))]
        self.key.sign(message).to_bytes()
    }

    /// What a peer holds of this identity.
    pub fn peer_key(&self) -> PeerKey {
        // A public key made from a seed is canonical and of prime order, so either policy would accept it.
        PeerKey {
            keyid: self.keyid.clone(),
            public_key: self.public_key(),
            policy: KeyPolicy::Strict,
        }
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("keyid", &self.keyid)
            .finish_non_exhaustive()
    }
}

/// A peer's public key, whose key id was found to match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerKey {
    keyid: String,
    public_key: [u8; PUBLIC_KEY_LEN_BYTES],
    policy: KeyPolicy,
}

impl PeerKey {
    /// Reads a public key as the wire has it.
    ///
    /// # Errors
    /// [`IdentityError::KeyText`], [`IdentityError::KeyLength`] and [`IdentityError::KeyIdMismatch`] under either
    /// policy; strictly also [`IdentityError::KeyNotAPoint`], [`IdentityError::KeyNotCanonical`],
    /// [`IdentityError::KeySmallOrder`] and [`IdentityError::KeyNotPrimeOrder`].
    pub fn decode(keyid: &str, ed25519pub: &str, policy: KeyPolicy) -> Result<Self, IdentityError> {
        let key = PeerKey::read(keyid, ed25519pub, policy)?;
        key.check()?;
        Ok(key)
    }

    /// Reads the texts, and does no arithmetic on the key.
    fn read(keyid: &str, ed25519pub: &str, policy: KeyPolicy) -> Result<Self, IdentityError> {
        let bytes = decode_base64(ed25519pub, policy).map_err(IdentityError::KeyText)?;
        let public_key: [u8; PUBLIC_KEY_LEN_BYTES] = bytes
            .try_into()
            .map_err(|bytes: Vec<u8>| IdentityError::KeyLength { seen: bytes.len() })?;
        let expected = keyid_of(&public_key);
        if keyid != expected {
            return Err(IdentityError::KeyIdMismatch {
                expected,
                seen: keyid.to_owned(),
            });
        }
        Ok(PeerKey {
            keyid: expected,
            public_key,
            policy,
        })
    }

    fn check(&self) -> Result<(), IdentityError> {
        if self.policy == KeyPolicy::Deployed {
            return Ok(());
        }
        #[cfg(feature = "fuzzing")]
        return remembered::key(&self.public_key, check_key);
        #[cfg(not(feature = "fuzzing"))]
        check_key(&self.public_key)
    }

    /// The key id.
    pub fn keyid(&self) -> &str {
        &self.keyid
    }

    /// The 32 bytes of the key.
    pub fn public_key(&self) -> &[u8; PUBLIC_KEY_LEN_BYTES] {
        &self.public_key
    }

    /// Checks a signature under the policy that the key was read with.
    ///
    /// # Errors
    /// Those of [`verify_signature`].
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), IdentityError> {
        verify_signature(self.policy, &self.public_key, message, signature)
    }
}

/// Checks a signature by 32 bytes that claim to be a key.
///
/// # Errors
/// [`IdentityError::SignatureLength`], [`IdentityError::SignatureScalarNotReduced`],
/// [`IdentityError::KeyNotAPoint`], [`IdentityError::SignatureInvalid`]; strictly also
/// [`IdentityError::KeyNotCanonical`], [`IdentityError::KeySmallOrder`] and [`IdentityError::SignatureSmallOrder`].
pub fn verify_signature(
    policy: KeyPolicy,
    public_key: &[u8; PUBLIC_KEY_LEN_BYTES],
    message: &[u8],
    signature: &[u8],
) -> Result<(), IdentityError> {
    let bytes: &[u8; SIGNATURE_LEN_BYTES] =
        signature
            .try_into()
            .map_err(|_| IdentityError::SignatureLength {
                seen: signature.len(),
            })?;
    #[cfg(feature = "fuzzing")]
    return remembered::verdict(policy, public_key, message, bytes, || {
        check_signature(policy, public_key, message, bytes)
    });
    #[cfg(not(feature = "fuzzing"))]
    check_signature(policy, public_key, message, bytes)
}

fn check_signature(
    policy: KeyPolicy,
    public_key: &[u8; PUBLIC_KEY_LEN_BYTES],
    message: &[u8],
    bytes: &[u8; SIGNATURE_LEN_BYTES],
) -> Result<(), IdentityError> {
    if !is_below_group_order(&bytes[32..]) {
        return Err(IdentityError::SignatureScalarNotReduced);
    }
    let key = VerifyingKey::from_bytes(public_key).map_err(|_| IdentityError::KeyNotAPoint)?;
    let signature = Signature::from_bytes(bytes);
    // The strict reading takes nothing that the deployed one refuses; the second equation is for saying why it refused.
    if policy == KeyPolicy::Strict && key.verify_strict(message, &signature).is_ok() {
        return check_encoding(&key);
    }
    key.verify(message, &signature)
        .map_err(|_| IdentityError::SignatureInvalid)?;
    match policy {
        KeyPolicy::Deployed => Ok(()),
        KeyPolicy::Strict => {
            check_encoding(&key)?;
            Err(IdentityError::SignatureSmallOrder)
        }
    }
}

/// The key id of a public key.
pub fn keyid_of(public_key: &[u8; PUBLIC_KEY_LEN_BYTES]) -> String {
    format!(
        "{KEYID_PREFIX}{}",
        URL_SAFE_NO_PAD.encode(Sha256::digest(public_key))
    )
}

/// Why an identity or a signature is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IdentityError {
    /// `ed25519pub` is not base64 as the policy reads it.
    KeyText(Base64Error),
    /// A public key is not 32 bytes.
    KeyLength {
        /// Length in bytes.
        seen: usize,
    },
    /// The key id is not that of the key; key ids are compared as text.
    KeyIdMismatch {
        /// The key's own id.
        expected: String,
        /// The id beside it.
        seen: String,
    },
    /// The key's bytes are no point of the curve.
    KeyNotAPoint,
    /// The key's bytes are a point in another form than the canonical one.
    KeyNotCanonical,
    /// The key is of small order: signatures under it need no private key.
    KeySmallOrder,
    /// The key has a part of small order, so implementations disagree on its signatures.
    KeyNotPrimeOrder,
    /// `ed25519priv` is not base64 as the policy reads it.
    SeedText(Base64Error),
    /// A private key is not 32 bytes.
    SeedLength {
        /// Length in bytes.
        seen: usize,
    },
    /// Private and public key do not belong together.
    SeedOfOtherKey,
    /// A signature is not 64 bytes.
    SignatureLength {
        /// Length in bytes.
        seen: usize,
    },
    /// S is not below the group order: the signature is another's, respelled.
    SignatureScalarNotReduced,
    /// The signature is not by this key over this message.
    SignatureInvalid,
    /// R is of small order: the signature gives its private key away.
    SignatureSmallOrder,
}

impl fmt::Display for IdentityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KeyText(error) => write!(f, "expected a public key in base64, saw {error}"),
            Self::KeyLength { seen } => {
                write!(
                    f,
                    "expected a public key of {PUBLIC_KEY_LEN_BYTES} bytes, saw {seen}"
                )
            }
            Self::KeyIdMismatch { expected, seen } => {
                write!(f, "expected key id {expected:?}, saw {seen:?}")
            }
            Self::KeyNotAPoint => f.write_str("expected a public key on the curve, saw one off it"),
            Self::KeyNotCanonical => f.write_str(
                "expected a public key in canonical form, saw another form of its point",
            ),
            Self::KeySmallOrder => {
                f.write_str("expected a public key of prime order, saw one of small order")
            }
            Self::KeyNotPrimeOrder => {
                f.write_str("expected a public key of prime order, saw one of mixed order")
            }
            Self::SeedText(error) => write!(f, "expected a private key in base64, saw {error}"),
            Self::SeedLength { seen } => {
                write!(
                    f,
                    "expected a private key of {SECRET_KEY_LENGTH} bytes, saw {seen}"
                )
            }
            Self::SeedOfOtherKey => {
                f.write_str("expected the private key of this public key, saw another's")
            }
            Self::SignatureLength { seen } => {
                write!(
                    f,
                    "expected a signature of {SIGNATURE_LEN_BYTES} bytes, saw {seen}"
                )
            }
            Self::SignatureScalarNotReduced => {
                f.write_str("expected S below the group order, saw a larger one")
            }
            Self::SignatureInvalid => {
                f.write_str("expected a signature by this key over this message, saw another")
            }
            Self::SignatureSmallOrder => f.write_str(
                "expected a signature whose R is of prime order, saw one of small order",
            ),
        }
    }
}

impl Error for IdentityError {}

fn check_key(public_key: &[u8; PUBLIC_KEY_LEN_BYTES]) -> Result<(), IdentityError> {
    let key = VerifyingKey::from_bytes(public_key).map_err(|_| IdentityError::KeyNotAPoint)?;
    check_encoding(&key)?;
    if !key.to_edwards().is_torsion_free() {
        return Err(IdentityError::KeyNotPrimeOrder);
    }
    Ok(())
}

fn check_encoding(key: &VerifyingKey) -> Result<(), IdentityError> {
    if key.to_edwards().compress().as_bytes() != key.as_bytes() {
        return Err(IdentityError::KeyNotCanonical);
    }
    if key.is_weak() {
        return Err(IdentityError::KeySmallOrder);
    }
    Ok(())
}

fn is_below_group_order(scalar: &[u8]) -> bool {
    scalar.iter().rev().lt(GROUP_ORDER.iter().rev())
}
