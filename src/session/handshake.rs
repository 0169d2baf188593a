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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        crypto::identity::{Identity, keyid_of},
        wire::v1sync::sync_stream_item::SyncActionHeartbeat,
    };
    use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};

    const TRANSCRIPT: [u8; 32] = [7; 32];

    fn honest() -> SyncActionHandshake {
        let local = Local::new(Identity::from_seed(&[1; 32]), "client");
        own_handshake(&local, "secret", &TRANSCRIPT)
    }

    fn refused_for(action: Action) -> Option<RuleId> {
        let item = SyncStreamItem {
            action: Some(action),
        };
        let verified = verify_handshake(item, &TRANSCRIPT, KeyPolicy::Strict);
        verified.err().map(|violation| violation.rule)
    }

    /// The public key with these bytes, under its own id.
    fn key_of(bytes: &[u8]) -> v1::PublicKey {
        let whole = bytes.try_into().unwrap_or([0; 32]);
        v1::PublicKey {
            keyid: keyid_of(&whole),
            ed25519pub: STANDARD_NO_PAD.encode(bytes),
        }
    }

    #[test]
    fn honest_handshake_then_who_it_is() {
        let item = SyncStreamItem {
            action: Some(Action::Handshake(honest())),
        };
        let peer = verify_handshake(item, &TRANSCRIPT, KeyPolicy::Strict).unwrap();
        assert_eq!(peer.keyid, Identity::from_seed(&[1; 32]).keyid());
        assert_eq!(
            (peer.instance_id.as_str(), peer.pairing_secret.as_str()),
            ("client", "secret")
        );
    }

    /// What is said of a peer is the rule that it breaks: the failure page begins with it.
    #[test]
    fn one_thing_wrong_then_its_rule() {
        type Spoil = fn(&mut SyncActionHandshake);
        let cases: [(Spoil, RuleId); 21] = [
            (|it| it.protocol_version = 0, RuleId::HandshakeVersion3),
            (|it| it.protocol_version = 2, RuleId::HandshakeVersion3),
            (|it| it.protocol_version = 4, RuleId::HandshakeVersion3),
            (
                |it| it.protocol_version = (1 << 32) + 3,
                RuleId::HandshakeVersion3,
            ),
            (|it| it.public_key = None, RuleId::HandshakeKeyPresent),
            (|it| key(it).keyid.clear(), RuleId::HandshakeKeyPresent),
            (
                |it| it.instance_id.clear(),
                RuleId::HandshakeInstanceIdPresent,
            ),
            (
                |it| it.public_key = Some(key_of(&[1; 31])),
                RuleId::HandshakeKeyLength,
            ),
            (
                |it| key(it).ed25519pub.insert(4, '\n'),
                RuleId::HandshakeKeyEncodingCanonical,
            ),
            (
                |it| {
                    let last = key(it).ed25519pub.pop().unwrap();
                    key(it).ed25519pub.push((last as u8 + 1) as char);
                },
                RuleId::HandshakeKeyEncodingCanonical,
            ),
            (
                |it| key(it).ed25519pub.replace_range(..1, "!"),
                RuleId::HandshakeKeyEncoding,
            ),
            (
                |it| key(it).ed25519pub.push('='),
                RuleId::HandshakeKeyEncoding,
            ),
            (
                |it| key(it).keyid.push('A'),
                RuleId::HandshakeKeyidMatchesKey,
            ),
            (
                |it| it.public_key = Some(key_of(&std::array::from_fn::<_, 32, _>(one))),
                RuleId::HandshakeLowOrderKeyRefused,
            ),
            (
                |it| it.public_key = Some(key_of(&std::array::from_fn::<_, 32, _>(one_beyond_p))),
                RuleId::HandshakeLowOrderKeyRefused,
            ),
            (|it| it.signature.clear(), RuleId::HandshakeSignaturePresent),
            (
                |it| it.signature[32..].fill(0xff),
                RuleId::HandshakeMalleableSignatureRefused,
            ),
            (|it| it.signature[0] ^= 1, RuleId::HandshakeSignatureValid),
            (
                |it| it.signature.truncate(63),
                RuleId::HandshakeSignatureValid,
            ),
            (
                |it| it.instance_id.push('x'),
                RuleId::HandshakeSignatureValid,
            ),
            (
                |it| it.pairing_secret.clear(),
                RuleId::HandshakeSignatureValid,
            ),
        ];
        for (number, (spoil, rule)) in cases.into_iter().enumerate() {
            let mut handshake = honest();
            spoil(&mut handshake);
            let seen = refused_for(Action::Handshake(handshake));
            assert_eq!(seen, Some(rule), "case {number}");
        }
        assert_eq!(
            refused_for(Action::Heartbeat(SyncActionHeartbeat {})),
            Some(RuleId::HandshakeAnythingElseFirstRefused)
        );
    }

    fn key(handshake: &mut SyncActionHandshake) -> &mut v1::PublicKey {
        handshake.public_key.as_mut().unwrap()
    }

    /// A byte of y = 1, a point of small order.
    fn one(at: usize) -> u8 {
        u8::from(at == 0)
    }

    /// A byte of the same y, written as p + 1.
    fn one_beyond_p(at: usize) -> u8 {
        match at {
            0 => 0xee,
            31 => 0x7f,
            _ => 0xff,
        }
    }
}
