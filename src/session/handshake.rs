//! The identity handshake: ours, and the check of the peer's.

use serde::{Deserialize, Serialize};

use super::{lapsing_identity, params::Local, violation::Violation};
use crate::{
    crypto::{
        handshake::{HandshakeClaims, PROTOCOL_VERSION},
        identity::{Base64Error, IdentityError, KeyPolicy, PeerKey},
    },
    lapses::{Lapse, Lapses},
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
    let lapses = local.lapses;
    let claims = HandshakeClaims {
        protocol_version: lapses.swap(Lapse::SendsVersionTwo, PROTOCOL_VERSION, |_| 2),
        instance_id: &local.instance_id,
        pairing_secret,
        transcript,
    };
    let signature = match lapses.is_honest() {
        true => local.identity.sign(&claims.hash()).to_vec(),
        false => lapsing_identity::sign(&local.identity, claims, lapses),
    };
    let key = local.identity.public_key_text();
    SyncActionHandshake {
        protocol_version: claims.protocol_version,
        public_key: Some(v1::PublicKey {
            keyid: local.identity.keyid().to_owned(),
            ed25519pub: lapses.swap(Lapse::SendsPaddedKey, key, |key| key + "="),
        }),
        instance_id: local.instance_id.clone(),
        pairing_secret: pairing_secret.to_owned(),
        signature,
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
    verify_lapsing(item, transcript, policy, Lapses::NONE)
}

/// [`verify_handshake`], as a peer with lapses does it.
pub(super) fn verify_lapsing(
    item: SyncStreamItem,
    transcript: &[u8; 32],
    policy: KeyPolicy,
    lapses: Lapses,
) -> Result<VerifiedPeer, Violation> {
    let Some(Action::Handshake(handshake)) = item.action else {
        return Err(Violation::auth(
            RuleId::HandshakeAnythingElseFirstRefused,
            format!("expected a handshake, seen {}", item.describe()),
        ));
    };
    check_version(handshake.protocol_version, lapses)?;
    let is_named =
        |key: &v1::PublicKey| !key.keyid.is_empty() || lapses.has(Lapse::MissingKeyIdComputed);
    let key = handshake.public_key.filter(is_named).ok_or_else(|| {
        Violation::auth(
            RuleId::HandshakeKeyPresent,
            "a handshake without a public key or key id",
        )
    })?;
    if handshake.instance_id.is_empty() && !lapses.has(Lapse::EmptyInstanceIdAccepted) {
        return Err(Violation::auth(
            RuleId::HandshakeInstanceIdPresent,
            "a handshake without an instance id",
        ));
    }
    let verifying = match lapses.is_honest() {
        true => PeerKey::decode(&key.keyid, &key.ed25519pub, policy),
        false => lapsing_identity::peer_key(&key, policy, lapses),
    }
    .map_err(identity_violation)?;
    if handshake.signature.is_empty() && !lapses.has(Lapse::MissingSignatureAccepted) {
        return Err(Violation::auth(
            RuleId::HandshakeSignaturePresent,
            "a handshake without a signature",
        ));
    }
    let claims = HandshakeClaims {
        protocol_version: handshake.protocol_version,
        instance_id: &handshake.instance_id,
        pairing_secret: &handshake.pairing_secret,
        transcript,
    };
    match lapses.is_honest() {
        true => verifying.verify(&claims.hash(), &handshake.signature),
        false => lapsing_identity::verify(&verifying, &claims, &handshake.signature, lapses),
    }
    .map_err(identity_violation)?;
    Ok(VerifiedPeer {
        keyid: lapsing_identity::believed_keyid(key.keyid, &verifying, lapses),
        instance_id: handshake.instance_id,
        pairing_secret: handshake.pairing_secret,
    })
}

fn check_version(seen: i64, lapses: Lapses) -> Result<(), Violation> {
    let is_taken = seen == PROTOCOL_VERSION
        || lapses.has(Lapse::ProtocolVersionUnchecked)
        || lapses.has(Lapse::ProtocolVersionNewerAccepted) && seen > PROTOCOL_VERSION
        || lapses.has(Lapse::ProtocolVersionMissingAccepted) && seen == 0
        || lapses.has(Lapse::ProtocolVersionCut) && seen as i32 as i64 == PROTOCOL_VERSION;
    if is_taken {
        return Ok(());
    }
    Err(Violation::auth(
        RuleId::HandshakeVersion3,
        format!("expected protocol version {PROTOCOL_VERSION}, seen {seen}"),
    ))
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
