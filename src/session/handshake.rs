//! The identity handshake: ours, and the check of the peer's.

use serde::{Deserialize, Serialize};

use super::{params::Local, violation::Violation};
use crate::{
    crypto::{
        handshake::{HandshakeClaims, PROTOCOL_VERSION},
        identity::{Base64Error, IdentityError, KeyPolicy, PeerKey},
    },
    rules::RuleId,
    wire::{Action, SyncStreamItem, v1, v1sync::sync_stream_item::SyncActionHandshake},
};

/// Who the peer proved to be. Whether it may connect is not decided here.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerifiedPeer {
    /// Its key id, which matches the key that signed.
    pub keyid: String,
    /// Its instance id, signed.
    pub instance_id: String,
    /// The pairing secret it sent, signed; empty for none.
    pub pairing_secret: String,
}

impl std::fmt::Debug for VerifiedPeer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VerifiedPeer")
            .field("keyid", &self.keyid)
            .field("instance_id", &self.instance_id)
            .field(
                "pairing_secret",
                &(!self.pairing_secret.is_empty()).then_some(".."),
            )
            .finish()
    }
}

/// Our handshake, bound to this session's transcript.
pub fn own_handshake(
    local: &Local,
    pairing_secret: &str,
    transcript: &[u8; 32],
) -> SyncActionHandshake {
    let hash = HandshakeClaims {
        protocol_version: PROTOCOL_VERSION,
        instance_id: &local.instance_id,
        pairing_secret,
        transcript,
    }
    .hash();
    SyncActionHandshake {
        protocol_version: PROTOCOL_VERSION,
        public_key: Some(v1::PublicKey {
            keyid: local.identity.keyid().to_owned(),
            ed25519pub: local.identity.public_key_text(),
        }),
        instance_id: local.instance_id.clone(),
        pairing_secret: pairing_secret.to_owned(),
        signature: local.identity.sign(&hash).to_vec(),
    }
}

/// Checks the peer's first sealed item, in the order of `docs/protocol.md`, section 4.
///
/// # Errors
/// The first check that fails.
pub fn verify_handshake(
    item: SyncStreamItem,
    transcript: &[u8; 32],
    policy: KeyPolicy,
) -> Result<VerifiedPeer, Violation> {
    let Some(Action::Handshake(handshake)) = item.action else {
        return Err(Violation::auth(
            RuleId::HandshakeAnythingElseFirstRefused,
            format!("expected a handshake, seen {}", item.describe()),
        ));
    };
    if handshake.protocol_version != PROTOCOL_VERSION {
        return Err(Violation::auth(
            RuleId::HandshakeVersion3,
            format!(
                "expected protocol version {PROTOCOL_VERSION}, seen {}",
                handshake.protocol_version
            ),
        ));
    }
    let key = handshake
        .public_key
        .filter(|key| !key.keyid.is_empty())
        .ok_or_else(|| {
            Violation::auth(
                RuleId::HandshakeKeyPresent,
                "a handshake without a public key or key id",
            )
        })?;
    if handshake.instance_id.is_empty() {
        return Err(Violation::auth(
            RuleId::HandshakeInstanceIdPresent,
            "a handshake without an instance id",
        ));
    }
    let verifying =
        PeerKey::decode(&key.keyid, &key.ed25519pub, policy).map_err(identity_violation)?;
    if handshake.signature.is_empty() {
        return Err(Violation::auth(
            RuleId::HandshakeSignaturePresent,
            "a handshake without a signature",
        ));
    }
    let hash = HandshakeClaims {
        protocol_version: handshake.protocol_version,
        instance_id: &handshake.instance_id,
        pairing_secret: &handshake.pairing_secret,
        transcript,
    }
    .hash();
    verifying
        .verify(&hash, &handshake.signature)
        .map_err(identity_violation)?;
    Ok(VerifiedPeer {
        keyid: key.keyid,
        instance_id: handshake.instance_id,
        pairing_secret: handshake.pairing_secret,
    })
}

fn identity_violation(error: IdentityError) -> Violation {
    let rule = match error {
        IdentityError::KeyLength { .. } => RuleId::HandshakeKeyLength,
        IdentityError::KeyText(Base64Error::LineBreak { .. } | Base64Error::TrailingBits) => {
            RuleId::HandshakeKeyEncodingCanonical
        }
        IdentityError::KeyText(_) => RuleId::HandshakeKeyEncoding,
        IdentityError::KeyIdMismatch { .. } => RuleId::HandshakeKeyidMatchesKey,
        IdentityError::KeyNotCanonical
        | IdentityError::KeySmallOrder
        | IdentityError::KeyNotPrimeOrder => RuleId::HandshakeLowOrderKeyRefused,
        IdentityError::SignatureScalarNotReduced => RuleId::HandshakeMalleableSignatureRefused,
        _ => RuleId::HandshakeSignatureValid,
    };
    Violation::auth(rule, error.to_string())
}
