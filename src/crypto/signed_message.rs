//! SignedMessage: a payload under a signature that ages (`docs/protocol.md`, section 4).

use std::{error::Error, fmt};

use super::identity::{IdentityError, PeerKey};

/// Oldest message that is accepted; a message of exactly this age is.
pub const AGE_MS_MAX: u64 = 300_000;

/// A signed message as the wire has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignedMessage<'a> {
    /// Key id of the signer.
    pub keyid: &'a str,
    /// What is signed beside the time.
    pub payload: &'a [u8],
    /// Ed25519 over [`SignedMessage::signed_input`].
    pub signature: &'a [u8],
    /// Time of signing, in milliseconds since the epoch; may be negative.
    pub timestamp_millis: i64,
}

impl SignedMessage<'_> {
    /// The signed bytes: the timestamp (8 bytes big-endian, two's complement), then the payload.
    pub fn signed_input(&self) -> Vec<u8> {
        [self.timestamp_millis.to_be_bytes().as_slice(), self.payload].concat()
    }
}

/// What is thought of a timestamp after now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum FuturePolicy {
    /// A clock may be ahead by no more than a message may be old, [`AGE_MS_MAX`]: the text says "within 5 minutes",
    /// and a message from next year could be replayed for a year. What our reference does.
    #[default]
    Bounded,
    /// Deployed peers check for age alone.
    Unbounded,
}

/// Checks a message by the key that is expected to have signed it.
///
/// # Errors
/// [`SignedMessageError`], of the first check that fails: payload, signature and key id present; key id that of `key`;
/// signature; age.
pub fn verify(
    message: &SignedMessage<'_>,
    key: &PeerKey,
    now_millis: i64,
    future: FuturePolicy,
) -> Result<(), SignedMessageError> {
    if message.payload.is_empty() {
        return Err(SignedMessageError::PayloadEmpty);
    }
    if message.signature.is_empty() {
        return Err(SignedMessageError::SignatureEmpty);
    }
    if message.keyid.is_empty() {
        return Err(SignedMessageError::KeyIdEmpty);
    }
    if message.keyid != key.keyid() {
        return Err(SignedMessageError::KeyIdMismatch {
            expected: key.keyid().to_owned(),
            seen: message.keyid.to_owned(),
        });
    }
    key.verify(&message.signed_input(), message.signature)
        .map_err(SignedMessageError::Signature)?;
    check_age(message.timestamp_millis, now_millis, future)
}

/// Why a signed message is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignedMessageError {
    /// There is no payload.
    PayloadEmpty,
    /// There is no signature.
    SignatureEmpty,
    /// There is no key id.
    KeyIdEmpty,
    /// The message names another key.
    KeyIdMismatch {
        /// Key id of the verifying key.
        expected: String,
        /// The id in the message.
        seen: String,
    },
    /// The signature does not hold.
    Signature(IdentityError),
    /// The message is older than [`AGE_MS_MAX`].
    TooOld {
        /// Age in milliseconds.
        seen: u64,
    },
    /// The message is from later than [`AGE_MS_MAX`] after now.
    TooNew {
        /// Milliseconds after now.
        seen: u64,
    },
}

impl fmt::Display for SignedMessageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PayloadEmpty => f.write_str("expected a payload, saw none"),
            Self::SignatureEmpty => f.write_str("expected a signature, saw none"),
            Self::KeyIdEmpty => f.write_str("expected a key id, saw none"),
            Self::KeyIdMismatch { expected, seen } => {
                write!(f, "expected key id {expected:?}, saw {seen:?}")
            }
            Self::Signature(error) => error.fmt(f),
            Self::TooOld { seen } => {
                write!(
                    f,
                    "expected a message at most {AGE_MS_MAX} ms old, saw {seen} ms"
                )
            }
            Self::TooNew { seen } => {
                write!(
                    f,
                    "expected a message at most {AGE_MS_MAX} ms ahead, saw {seen} ms"
                )
            }
        }
    }
}

impl Error for SignedMessageError {}

fn check_age(
    timestamp_millis: i64,
    now_millis: i64,
    future: FuturePolicy,
) -> Result<(), SignedMessageError> {
    let seen = now_millis.abs_diff(timestamp_millis);
    if seen <= AGE_MS_MAX {
        return Ok(());
    }
    if timestamp_millis < now_millis {
        return Err(SignedMessageError::TooOld { seen });
    }
    match future {
        FuturePolicy::Bounded => Err(SignedMessageError::TooNew { seen }),
        FuturePolicy::Unbounded => Ok(()),
    }
}
