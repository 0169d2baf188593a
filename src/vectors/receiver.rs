//! A receiver's steps, one function per kind of item, made of the primitives in `crypto` and `wire`.

use std::fmt;

use super::dynamic::action_name;
use crate::{
    crypto::{
        handshake::{HandshakeClaims, PROTOCOL_VERSION},
        identity::{IdentityError, KeyPolicy, PeerKey},
        seal::{OpenError, Opener},
    },
    wire::{
        Action, SyncStreamItem,
        decode::{DecodeError, Reading, item_as},
    },
};

/// Opens an envelope as the item with this number, down to a session action.
pub(super) fn open_frame(
    key: &[u8; 32],
    counter: u64,
    envelope: &[u8],
    reading: Reading,
) -> Result<(Vec<u8>, SyncStreamItem), FrameFault> {
    let envelope = item_as(envelope, reading).map_err(FrameFault::Envelope)?;
    let Some(Action::Encrypted(sealed)) = envelope.action else {
        return Err(FrameFault::NotEncrypted {
            seen: action_name(&envelope),
        });
    };
    let plaintext = Opener::starting_at(*key, counter)
        .open(&sealed.nonce, &sealed.ciphertext)
        .map_err(FrameFault::Open)?;
    let item = match item_as(&plaintext, reading) {
        Ok(item) => item,
        Err(error) => return Err(FrameFault::Plaintext { error, plaintext }),
    };
    match item.action {
        None
        | Some(
            Action::SignedMessage(_) | Action::EstablishSharedSecret(_) | Action::Encrypted(_),
        ) => Err(FrameFault::NotASessionAction {
            seen: action_name(&item),
            plaintext,
        }),
        Some(_) => Ok((plaintext, item)),
    }
}

/// Why a receiver ends the session at an envelope.
#[derive(Debug)]
pub(super) enum FrameFault {
    Envelope(DecodeError),
    NotEncrypted {
        seen: Option<String>,
    },
    Open(OpenError),
    Plaintext {
        error: DecodeError,
        plaintext: Vec<u8>,
    },
    NotASessionAction {
        seen: Option<String>,
        plaintext: Vec<u8>,
    },
}

impl FrameFault {
    /// What the envelope opened to, when it did.
    pub(super) fn plaintext(&self) -> Option<&[u8]> {
        match self {
            FrameFault::Plaintext { plaintext, .. }
            | FrameFault::NotASessionAction { plaintext, .. } => Some(plaintext),
            _ => None,
        }
    }
}

impl fmt::Display for FrameFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FrameFault::Envelope(error) => write!(f, "an envelope that is no item: {error}"),
            FrameFault::NotEncrypted { seen } => {
                write!(f, "{} in place of an encrypted item", or_no_action(seen))
            }
            FrameFault::Open(error) => error.fmt(f),
            FrameFault::Plaintext { error, .. } => {
                write!(f, "a plaintext that is no item: {error}")
            }
            FrameFault::NotASessionAction { seen, .. } => {
                write!(f, "{} inside the channel", or_no_action(seen))
            }
        }
    }
}

fn or_no_action(seen: &Option<String>) -> &str {
    seen.as_deref().unwrap_or("no known action")
}

/// Checks the first item out of the channel, in the protocol's order (`docs/protocol.md`, section 4).
pub(super) fn verify_handshake(
    item: &SyncStreamItem,
    transcript: &[u8],
    policy: KeyPolicy,
) -> Result<(), HandshakeFault> {
    let Some(Action::Handshake(handshake)) = &item.action else {
        return Err(HandshakeFault::NotAHandshake);
    };
    if handshake.protocol_version != PROTOCOL_VERSION {
        return Err(HandshakeFault::Version {
            seen: handshake.protocol_version,
        });
    }
    let key = handshake
        .public_key
        .as_ref()
        .ok_or(HandshakeFault::KeyMissing)?;
    if key.keyid.is_empty() {
        return Err(HandshakeFault::KeyIdEmpty);
    }
    if handshake.instance_id.is_empty() {
        return Err(HandshakeFault::InstanceIdEmpty);
    }
    let key = PeerKey::decode(&key.keyid, &key.ed25519pub, policy).map_err(HandshakeFault::Key)?;
    let claims = HandshakeClaims {
        protocol_version: handshake.protocol_version,
        instance_id: &handshake.instance_id,
        pairing_secret: &handshake.pairing_secret,
        transcript,
    };
    key.verify(&claims.hash(), &handshake.signature)
        .map_err(HandshakeFault::Signature)
}

/// Why a receiver refuses a handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum HandshakeFault {
    NotAHandshake,
    Version { seen: i64 },
    KeyMissing,
    KeyIdEmpty,
    InstanceIdEmpty,
    Key(IdentityError),
    Signature(IdentityError),
}

impl fmt::Display for HandshakeFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HandshakeFault::NotAHandshake => f.write_str("no handshake"),
            HandshakeFault::Version { seen } => write!(f, "protocol version {seen}"),
            HandshakeFault::KeyMissing => f.write_str("no public key"),
            HandshakeFault::KeyIdEmpty => f.write_str("no key id"),
            HandshakeFault::InstanceIdEmpty => f.write_str("no instance id"),
            HandshakeFault::Key(error) | HandshakeFault::Signature(error) => error.fmt(f),
        }
    }
}
