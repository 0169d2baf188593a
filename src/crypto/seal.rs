//! Sealed items: AES-256-GCM under counter nonces, one key and one counter per direction (`docs/protocol.md`,
//! section 3).

use std::{error::Error, fmt};

use aes_gcm::{
    Aes256Gcm, KeyInit,
    aead::{Aead, Payload},
};

/// Length of a key.
pub const KEY_LEN_BYTES: usize = 32;
/// Length of a nonce: 4 zero bytes, then the counter.
pub const NONCE_LEN_BYTES: usize = 12;
/// Length of the tag that ends every ciphertext.
pub const TAG_LEN_BYTES: usize = 16;

/// The nonce of the item with this number: 4 zero bytes, then the counter, 8 bytes big-endian.
pub fn nonce_for(counter: u64) -> [u8; NONCE_LEN_BYTES] {
    let mut nonce = [0; NONCE_LEN_BYTES];
    nonce[4..].copy_from_slice(&counter.to_be_bytes());
    nonce
}

/// Ciphertext with the tag appended, for a nonce that the caller must never use twice with this key.
///
/// # Panics
/// On a plaintext of 64 GiB or more, the cipher's limit; no protobuf message is that long.
#[expect(
    clippy::expect_used,
    reason = "only 64 GiB fail, which no protobuf message holds"
)]
pub fn seal_with(
    key: &[u8; KEY_LEN_BYTES],
    nonce: &[u8; NONCE_LEN_BYTES],
    aad: &[u8],
    plaintext: &[u8],
) -> Vec<u8> {
    Aes256Gcm::new(key.into())
        .encrypt(
            nonce.into(),
            Payload {
                msg: plaintext,
                aad,
            },
        )
        .expect("the plaintext is shorter than 64 GiB")
}

/// The plaintext of `ciphertext`, or `None` when its tag does not match or is not even there.
pub fn open_with(
    key: &[u8; KEY_LEN_BYTES],
    nonce: &[u8; NONCE_LEN_BYTES],
    aad: &[u8],
    ciphertext: &[u8],
) -> Option<Vec<u8>> {
    Aes256Gcm::new(key.into())
        .decrypt(
            nonce.into(),
            Payload {
                msg: ciphertext,
                aad,
            },
        )
        .ok()
}

/// What goes into an `encrypted` item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// See [`nonce_for`].
    pub nonce: [u8; NONCE_LEN_BYTES],
    /// Encrypted item, then the tag.
    pub ciphertext: Vec<u8>,
}

/// The sending end of one direction.
#[derive(Clone)]
pub struct Sealer {
    key: [u8; KEY_LEN_BYTES],
    next: Option<u64>,
}

impl Sealer {
    /// Starts at counter 0.
    pub fn new(key: [u8; KEY_LEN_BYTES]) -> Self {
        Self::starting_at(key, 0)
    }

    /// Starts at another counter, as a peer that skips or repeats one would.
    pub fn starting_at(key: [u8; KEY_LEN_BYTES], counter: u64) -> Self {
        Sealer {
            key,
            next: Some(counter),
        }
    }

    /// Seals the next item.
    ///
    /// # Errors
    /// [`CounterExhausted`] after 2^64 items; the counter never wraps.
    pub fn seal(&mut self, plaintext: &[u8]) -> Result<Sealed, CounterExhausted> {
        let counter = self.next.ok_or(CounterExhausted)?;
        self.next = counter.checked_add(1);
        let nonce = nonce_for(counter);
        Ok(Sealed {
            nonce,
            ciphertext: seal_with(&self.key, &nonce, b"", plaintext),
        })
    }

    /// Counter of the next item; `None` once all 2^64 are used.
    pub fn counter(&self) -> Option<u64> {
        self.next
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer")
            .field("next", &self.next)
            .finish_non_exhaustive()
    }
}

/// A direction's 2^64 nonces are used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CounterExhausted;

impl fmt::Display for CounterExhausted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected an unused nonce, saw all 2^64 used")
    }
}

impl Error for CounterExhausted {}

/// The receiving end of one direction. It accepts the one nonce that comes next; after a failure it accepts nothing.
#[derive(Clone)]
pub struct Opener {
    key: [u8; KEY_LEN_BYTES],
    next: Next,
}

#[derive(Clone, Copy, Debug)]
enum Next {
    Counter(u64),
    Exhausted,
    Failed,
}

impl Opener {
    /// Expects counter 0 first.
    pub fn new(key: [u8; KEY_LEN_BYTES]) -> Self {
        Self::starting_at(key, 0)
    }

    /// Expects another counter first, as in the middle of a session.
    pub fn starting_at(key: [u8; KEY_LEN_BYTES], counter: u64) -> Self {
        Opener {
            key,
            next: Next::Counter(counter),
        }
    }

    /// Opens the next item.
    ///
    /// # Errors
    /// Any [`OpenError`]; it is final, and every later call gives [`OpenError::AlreadyFailed`].
    pub fn open(&mut self, nonce: &[u8], ciphertext: &[u8]) -> Result<Vec<u8>, OpenError> {
        let counter = match self.next {
            Next::Counter(counter) => counter,
            Next::Exhausted => return Err(OpenError::CounterExhausted),
            Next::Failed => return Err(OpenError::AlreadyFailed),
        };
        self.next = Next::Failed;
        let plaintext = open_at(&self.key, counter, nonce, ciphertext)?;
        self.next = counter
            .checked_add(1)
            .map_or(Next::Exhausted, Next::Counter);
        Ok(plaintext)
    }

    /// Opens nothing from here on: what came is not what had to come, though it opened or was not even sealed.
    pub fn fail(&mut self) {
        self.next = Next::Failed;
    }

    /// Counter of the next item; `None` once the direction failed or used up its counters.
    pub fn counter(&self) -> Option<u64> {
        match self.next {
            Next::Counter(counter) => Some(counter),
            Next::Exhausted | Next::Failed => None,
        }
    }
}

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opener")
            .field("next", &self.next)
            .finish_non_exhaustive()
    }
}

fn open_at(
    key: &[u8; KEY_LEN_BYTES],
    counter: u64,
    nonce: &[u8],
    ciphertext: &[u8],
) -> Result<Vec<u8>, OpenError> {
    let nonce: &[u8; NONCE_LEN_BYTES] = nonce
        .try_into()
        .map_err(|_| OpenError::NonceLength { seen: nonce.len() })?;
    if *nonce != nonce_for(counter) {
        return Err(OpenError::NonceUnexpected {
            expected_counter: counter,
            seen: *nonce,
        });
    }
    if ciphertext.len() < TAG_LEN_BYTES {
        return Err(OpenError::TooShort {
            seen: ciphertext.len(),
        });
    }
    open_with(key, nonce, b"", ciphertext).ok_or(OpenError::TagMismatch)
}

/// Why an item does not open. It is for our own log: the peer is told nothing of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OpenError {
    /// The nonce is not 12 bytes.
    NonceLength {
        /// Length in bytes.
        seen: usize,
    },
    /// The nonce is not the one that comes next.
    NonceUnexpected {
        /// Counter of the item that comes next.
        expected_counter: u64,
        /// The nonce that came.
        seen: [u8; NONCE_LEN_BYTES],
    },
    /// The ciphertext has no room for a tag.
    TooShort {
        /// Length in bytes.
        seen: usize,
    },
    /// The tag does not match: another key, or changed bytes.
    TagMismatch,
    /// The direction's 2^64 nonces are used up.
    CounterExhausted,
    /// An earlier item did not open.
    AlreadyFailed,
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OpenError::NonceLength { seen } => {
                write!(f, "expected a nonce of {NONCE_LEN_BYTES} bytes, saw {seen}")
            }
            OpenError::NonceUnexpected {
                expected_counter,
                seen,
            } => {
                write!(f, "expected the nonce of counter {expected_counter}, saw ")?;
                seen.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
            OpenError::TooShort { seen } => {
                write!(
                    f,
                    "expected a ciphertext of at least {TAG_LEN_BYTES} bytes, saw {seen}"
                )
            }
            OpenError::TagMismatch => f.write_str("expected a matching tag, saw another"),
            OpenError::CounterExhausted => CounterExhausted.fmt(f),
            OpenError::AlreadyFailed => {
                f.write_str("expected no item after one that did not open, saw one")
            }
        }
    }
}

impl Error for OpenError {}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 32] = [7; 32];

    #[test]
    fn last_counter_then_exhausted_without_wrapping() {
        let mut sealer = Sealer::starting_at(KEY, u64::MAX);
        let mut opener = Opener::starting_at(KEY, u64::MAX);
        let sealed = sealer.seal(b"last").unwrap();
        assert_eq!(
            opener.open(&sealed.nonce, &sealed.ciphertext).unwrap(),
            b"last"
        );
        assert_eq!(sealer.seal(b"one more"), Err(CounterExhausted));
        assert_eq!(sealer.counter(), None);
        assert_eq!(
            opener.open(&nonce_for(0), &sealed.ciphertext),
            Err(OpenError::CounterExhausted)
        );
    }

    #[test]
    fn failed_open_then_good_item_refused() {
        let mut sealer = Sealer::new(KEY);
        let mut opener = Opener::new(KEY);
        let good = sealer.seal(b"item").unwrap();
        assert_eq!(
            opener.open(&good.nonce, &good.ciphertext[..15]),
            Err(OpenError::TooShort { seen: 15 })
        );
        assert_eq!(
            opener.open(&good.nonce, &good.ciphertext),
            Err(OpenError::AlreadyFailed)
        );
        assert_eq!(opener.counter(), None);
    }

    #[test]
    fn repeated_nonce_then_unexpected() {
        let mut opener = Opener::new(KEY);
        let sealed = Sealer::new(KEY).seal(b"item").unwrap();
        opener.open(&sealed.nonce, &sealed.ciphertext).unwrap();
        assert_eq!(
            opener.open(&sealed.nonce, &sealed.ciphertext),
            Err(OpenError::NonceUnexpected {
                expected_counter: 1,
                seen: nonce_for(0)
            })
        );
    }
}
