//! How a peer with a lapse reads keys, signs and verifies. The honest way is in [`super::handshake`], which comes here only
//! where there is a lapse.

use std::sync::{Mutex, PoisonError};

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use sha2::{Digest as _, Sha256};

use crate::{
    crypto::{
        handshake::{HandshakeClaims, LABEL},
        identity::{Identity, IdentityError, KeyPolicy, PUBLIC_KEY_LEN_BYTES, PeerKey, keyid_of},
    },
    lapses::{Lapse, Lapses},
    wire::v1,
};

/// Reads a peer's key: the texts that a lax reader would take are put right first.
pub(super) fn peer_key(
    key: &v1::PublicKey,
    policy: KeyPolicy,
    lapses: Lapses,
) -> Result<PeerKey, IdentityError> {
    let text = key.ed25519pub.clone();
    let text = lapses.swap(Lapse::PaddedKeyAccepted, text, |text| {
        text.trim_end_matches('=').to_owned()
    });
    let text = lapses.swap(Lapse::UrlSafeKeyAccepted, text, |text| {
        text.replace('-', "+").replace('_', "/")
    });
    let text = lapses.swap(Lapse::HexKeyAccepted, text, |text| match unhex(&text) {
        Some(bytes) => STANDARD_NO_PAD.encode(bytes),
        None => text,
    });
    let text = lapses.swap(Lapse::LineBreaksAccepted, text, |text| {
        text.replace(['\r', '\n'], "")
    });
    let text = lapses.swap(
        Lapse::LongIdentityKeyCut,
        text,
        |text| match STANDARD_NO_PAD.decode(&text) {
            Ok(bytes) if bytes.len() > PUBLIC_KEY_LEN_BYTES => {
                STANDARD_NO_PAD.encode(&bytes[..PUBLIC_KEY_LEN_BYTES])
            }
            _ => text,
        },
    );
    let text = lapses.swap(Lapse::TrailingBitsAccepted, text, without_trailing_bits);
    let policy = lapses.swap(Lapse::LowOrderKeyAccepted, policy, |_| KeyPolicy::Deployed);
    let sent = key.keyid.as_str();
    let computed = STANDARD_NO_PAD
        .decode(&text)
        .ok()
        .and_then(|bytes| bytes.try_into().ok())
        .map(|key: [u8; PUBLIC_KEY_LEN_BYTES]| keyid_of(&key))
        .unwrap_or_default();
    let behind_dot = |id: &str| id.split_once('.').map(|(_, id)| id.to_owned());
    let is_taken = lapses.has(Lapse::KeyIdUnchecked)
        || lapses.has(Lapse::MissingKeyIdComputed) && sent.is_empty()
        || lapses.has(Lapse::KeyIdPrefixUnchecked) && behind_dot(sent) == behind_dot(&computed)
        || lapses.has(Lapse::KeyIdComparedInPart)
            && (computed.starts_with(sent) || sent.starts_with(&computed))
        || lapses.has(Lapse::KeyIdCaseIgnored) && sent.eq_ignore_ascii_case(&computed);
    let keyid = if is_taken { computed.as_str() } else { sent };
    PeerKey::decode(keyid, &text, policy)
}

/// Verifies a signature as a lax peer would.
pub(super) fn verify(
    key: &PeerKey,
    claims: &HandshakeClaims<'_>,
    signature: &[u8],
    lapses: Lapses,
) -> Result<(), IdentityError> {
    let signature = lapses.swap(Lapse::SignatureTailIgnored, signature, |bytes| {
        &bytes[..bytes.len().min(64)]
    });
    let reduced = reduced(signature);
    let signature = lapses.swap(Lapse::MalleableSignatureAccepted, signature, |_| &reduced);
    let right = key.verify(&claims.hash(), signature);
    let is_taken = lapses.has(Lapse::SignatureUnchecked)
        || lapses.has(Lapse::OddSignatureAccepted) && signature.len() != 64
        || lapses.has(Lapse::MissingSignatureAccepted) && signature.is_empty()
        || lapses.has(Lapse::ZeroSignatureAccepted) && signature == [0; 64]
        || right.is_err()
            && other_hashes(claims, lapses)
                .iter()
                .any(|hash| key.verify(hash, signature).is_ok());
    match is_taken {
        true => Ok(()),
        false => right,
    }
}

/// What else than the agreed hash a lax peer takes a signature over.
fn other_hashes(claims: &HandshakeClaims<'_>, lapses: Lapses) -> Vec<[u8; 32]> {
    let honest = *claims;
    let mut hashes = Vec::new();
    let mut take = |lapse, claims: HandshakeClaims<'_>| {
        if lapses.has(lapse) {
            hashes.push(claims.hash());
        }
    };
    let transcript: &[u8] = &[];
    take(
        Lapse::TranscriptOptional,
        HandshakeClaims {
            transcript,
            ..honest
        },
    );
    let transcript: &[u8] = &[0; 32];
    take(
        Lapse::ZeroTranscriptAccepted,
        HandshakeClaims {
            transcript,
            ..honest
        },
    );
    let instance_id = "";
    take(
        Lapse::InstanceIdUnsigned,
        HandshakeClaims {
            instance_id,
            ..honest
        },
    );
    let pairing_secret = "";
    take(
        Lapse::SecretUnsigned,
        HandshakeClaims {
            pairing_secret,
            ..honest
        },
    );
    for protocol_version in 0..=4 {
        take(
            Lapse::VersionUnsigned,
            HandshakeClaims {
                protocol_version,
                ..honest
            },
        );
    }
    let transcripts = seen_transcripts();
    let before = transcripts
        .iter()
        .rev()
        .filter(|seen| **seen != *honest.transcript);
    for (at, transcript) in before.enumerate() {
        take(
            Lapse::OldTranscriptAccepted,
            HandshakeClaims {
                transcript,
                ..honest
            },
        );
        if at < OPEN_AT_ONCE {
            take(
                Lapse::OpenTranscriptAccepted,
                HandshakeClaims {
                    transcript,
                    ..honest
                },
            );
        }
    }
    for (lapse, lengths) in [
        (Lapse::LengthsUnsigned, None::<fn(u32) -> [u8; 4]>),
        (Lapse::LittleEndianSigned, Some(u32::to_le_bytes)),
    ] {
        if lapses.has(lapse) {
            hashes.push(other_layout(claims, lengths));
        }
    }
    hashes
}

fn other_layout(claims: &HandshakeClaims<'_>, lengths: Option<fn(u32) -> [u8; 4]>) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(LABEL);
    hash.update(match lengths {
        None => claims.protocol_version.to_be_bytes(),
        Some(_) => claims.protocol_version.to_le_bytes(),
    });
    for field in [
        claims.instance_id.as_bytes(),
        claims.pairing_secret.as_bytes(),
        claims.transcript,
    ] {
        if let Some(written) = lengths {
            hash.update(written(field.len() as u32));
        }
        hash.update(field);
    }
    hash.finalize().into()
}

/// Transcripts of earlier sessions, which a peer that keeps state too long goes by.
static TRANSCRIPTS: Mutex<Vec<[u8; 32]>> = Mutex::new(Vec::new());
const TRANSCRIPTS_MAX: usize = 64;
/// The newest of them are those of sessions that are open; as many cases are played at once.
const OPEN_AT_ONCE: usize = 32;

fn seen_transcripts() -> Vec<[u8; 32]> {
    let seen = TRANSCRIPTS.lock().unwrap_or_else(PoisonError::into_inner);
    seen.clone()
}

/// Keeps this session's transcript beyond it.
pub(super) fn remember(transcript: &[u8; 32], lapses: Lapses) {
    if lapses.has(Lapse::OldTranscriptAccepted) || lapses.has(Lapse::OpenTranscriptAccepted) {
        let mut seen = TRANSCRIPTS.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() == TRANSCRIPTS_MAX {
            seen.remove(0);
        }
        seen.push(*transcript);
    }
}

/// Our signature, or one over something else.
pub(super) fn sign(identity: &Identity, claims: HandshakeClaims<'_>, lapses: Lapses) -> Vec<u8> {
    let claims = lapses.swap(Lapse::SignsWithoutTranscript, claims, |claims| {
        HandshakeClaims {
            transcript: &[],
            ..claims
        }
    });
    let claims = lapses.swap(Lapse::SignsWithoutInstanceId, claims, |claims| {
        HandshakeClaims {
            instance_id: "",
            ..claims
        }
    });
    identity.sign(&claims.hash()).to_vec()
}

/// The group's order taken off S once, if S is not below it.
fn reduced(signature: &[u8]) -> Vec<u8> {
    const GROUP_ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut bytes = signature.to_vec();
    if let Some(scalar) = bytes.get_mut(32..64)
        && scalar.iter().rev().ge(GROUP_ORDER.iter().rev())
    {
        let mut borrow = 0;
        for (byte, order) in scalar.iter_mut().zip(GROUP_ORDER) {
            let difference = i16::from(*byte) - i16::from(order) - borrow;
            borrow = i16::from(difference < 0);
            *byte = difference.rem_euclid(256) as u8;
        }
    }
    bytes
}

/// 43 characters carry 258 bits; the two that are left over are cleared.
fn without_trailing_bits(text: String) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bytes = text.clone().into_bytes();
    if bytes.len() == 43
        && let Some(last) = bytes.last_mut()
        && let Some(value) = ALPHABET.iter().position(|byte| byte == last)
    {
        *last = ALPHABET[value & !0b11];
    }
    String::from_utf8(bytes).unwrap_or(text)
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .map(|digit| digit.to_digit(16).map(|value| value as u8))
        .collect();
    let digits = digits.filter(|digits| !digits.is_empty() && digits.len() % 2 == 0)?;
    Some(
        digits
            .chunks(2)
            .map(|pair| pair[0] << 4 | pair[1])
            .collect(),
    )
}

/// Who the peer is taken for. One that goes by a part of the key id means the whole one.
pub(super) fn believed_keyid(sent: String, key: &PeerKey, lapses: Lapses) -> String {
    let in_part = [
        Lapse::MissingKeyIdComputed,
        Lapse::KeyIdPrefixUnchecked,
        Lapse::KeyIdComparedInPart,
        Lapse::KeyIdCaseIgnored,
    ];
    match in_part.iter().any(|lapse| lapses.has(*lapse)) {
        true => key.keyid().to_owned(),
        false => sent,
    }
}
