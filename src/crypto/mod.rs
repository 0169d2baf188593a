//! The protocol's cryptography, pure: the same inputs give the same bytes, and randomness is a parameter.
//!
//! What happens on the way from a key exchange to a sealed item, in order:
//!
//! 1. [`kem`] turns key pair and encapsulation into a shared secret (`docs/protocol.md`, section 2);
//! 2. [`hpke`] turns the shared secret into one key per direction;
//! 3. [`transcript`] binds what was exchanged, [`handshake`] binds the identity to it, [`identity`] signs and
//!    verifies (section 4);
//! 4. [`seal`] encrypts the items under counter nonces (section 3).
//!
//! Beside the session stand [`token`] (the pairing token's text) and [`signed_message`].
//!
//! It refuses to read protobuf, to keep session state beyond a nonce counter, and to draw random numbers.

pub mod ecdh;
pub mod handshake;
pub mod hpke;
pub mod identity;
pub mod kem;
mod key_text;
pub mod mlkem;
mod point;
#[cfg(feature = "fuzzing")]
mod remembered;
pub mod seal;
mod shared_secret;
pub mod signed_message;
pub mod token;
pub mod transcript;

/// Appends `LP(bytes)`: a 4-byte big-endian length, then the bytes (`docs/protocol.md`, top of page).
#[expect(
    clippy::expect_used,
    reason = "what is hashed comes out of one protobuf message, whose own length is below 2^31"
)]
fn put_length_prefixed(bytes: &[u8], mut sink: impl FnMut(&[u8])) {
    let length = u32::try_from(bytes.len()).expect("a field of a message is shorter than 4 GiB");
    sink(&length.to_be_bytes());
    sink(bytes);
}
