//! How a peer with a lapse exchanges keys. The honest way is in [`super::transport`].

use crate::{
    crypto::{
        hpke::{KeySchedule, SessionKeys},
        kem::{
            ENCAPSULATION_LEN_BYTES, EncapsulationRandomness, KemError, KemId, MLKEM_KEY_LEN_BYTES,
            PUBLIC_KEY_LEN_BYTES, PointError, PrivateKey, PublicKey, SharedSecret,
            SharedSecretParts,
        },
    },
    lapses::{Lapse, Lapses},
    wire::{Action, SyncStreamItem, v1sync::sync_stream_item::SyncEstablishSharedSecret},
};

/// Stands in where a lax peer would go on with what cannot be computed with.
const MADE_UP: [u8; 32] = [0x5a; 32];

/// Reads a public key that is refused, as a peer does that lacks the check.
pub(super) fn lax_key(
    bytes: &[u8],
    error: KemError,
    lapses: Lapses,
) -> Result<PublicKey, KemError> {
    let made_up = PrivateKey::from_seed_array(&MADE_UP);
    let with_point = || {
        [
            &bytes[..MLKEM_KEY_LEN_BYTES],
            &made_up.public_key()[MLKEM_KEY_LEN_BYTES..],
        ]
        .concat()
    };
    let taken = match &error {
        KemError::PublicKeyLength { seen } if *seen > PUBLIC_KEY_LEN_BYTES => lapses
            .has(Lapse::KeyTailIgnored)
            .then(|| bytes[..PUBLIC_KEY_LEN_BYTES].to_vec()),
        KemError::PublicKeyLength { seen: 1.. } => lapses
            .has(Lapse::ShortKeyAccepted)
            .then(|| made_up.public_key().to_vec()),
        KemError::CoefficientNotReduced => lapses
            .has(Lapse::UnreducedKeyAccepted)
            .then(|| reduced(bytes)),
        KemError::Point(point) => {
            let lapse = match point {
                PointError::Compressed => Lapse::CompressedPointAccepted,
                PointError::Hybrid => Lapse::HybridPointAccepted,
                PointError::Infinity => Lapse::InfinityAccepted,
                PointError::XNotReduced | PointError::YNotReduced => Lapse::UnreducedPointAccepted,
                _ => Lapse::OffCurvePointAccepted,
            };
            lapses.has(lapse).then(with_point)
        }
        _ => None,
    };
    match taken {
        Some(bytes) => PublicKey::parse(&bytes),
        None => Err(error),
    }
}

/// Every coefficient of the ML-KEM half modulo 3329: 12 bits each, two in three bytes, before a seed of 32 bytes.
fn reduced(bytes: &[u8]) -> Vec<u8> {
    const MODULUS: u16 = 3329;
    const COEFFICIENTS_LEN_BYTES: usize = MLKEM_KEY_LEN_BYTES - 32;
    let mut bytes = bytes.to_vec();
    for pair in bytes[..COEFFICIENTS_LEN_BYTES].chunks_exact_mut(3) {
        let (a, b, c) = (u16::from(pair[0]), u16::from(pair[1]), u16::from(pair[2]));
        let low = (a | (b & 0x0f) << 8) % MODULUS;
        let high = (b >> 4 | c << 4) % MODULUS;
        pair[0] = low as u8;
        pair[1] = (low >> 8) as u8 | (high << 4) as u8;
        pair[2] = (high >> 4) as u8;
    }
    bytes
}

/// The secret that a peer without the check goes on with.
pub(super) fn lax_secret(
    key: &PrivateKey,
    encapsulation: &[u8],
    lapses: Lapses,
) -> Option<SharedSecret> {
    let (made_up, _) = PublicKey::parse(key.public_key())
        .ok()?
        .encapsulate(&EncapsulationRandomness::from_seed(&MADE_UP));
    let taken = match key.decapsulate(encapsulation).err()? {
        KemError::EncapsulationLength { seen } if seen > ENCAPSULATION_LEN_BYTES => lapses
            .has(Lapse::EncapsulationTailIgnored)
            .then(|| encapsulation[..ENCAPSULATION_LEN_BYTES].to_vec()),
        KemError::EncapsulationLength { .. } => lapses
            .has(Lapse::ShortEncapsulationAccepted)
            .then_some(made_up),
        KemError::Point(point) => {
            let lapse = match point {
                PointError::Compressed | PointError::Hybrid => Lapse::ReplyCompressedAccepted,
                PointError::Infinity => Lapse::ReplyInfinityAccepted,
                _ => Lapse::ReplyOffCurveAccepted,
            };
            lapses.has(lapse).then_some(made_up)
        }
        _ => None,
    }?;
    key.decapsulate(&taken).ok()
}

/// What a peer has of an ML-KEM ciphertext of zeros that does not encrypt again what it decrypts to, a message of zeros;
/// none of any other ciphertext.
pub(super) fn secret_of_zeros(key: &PrivateKey, encapsulation: &[u8]) -> Option<SharedSecret> {
    let (ciphertext, ephemeral) = encapsulation.split_at_checked(MLKEM_KEY_LEN_BYTES)?;
    if ciphertext.iter().any(|byte| *byte != 0) {
        return None;
    }
    let message = EncapsulationRandomness::from_seed(&MADE_UP).with_mlkem([0; 32]);
    let public_key = PublicKey::parse(key.public_key()).ok()?;
    let (_, carried) = public_key.encapsulate_parts(&message);
    let parts = SharedSecretParts::combine(
        *carried.mlkem_shared_secret(),
        *key.decapsulate_parts(encapsulation)
            .ok()?
            .ecdh_shared_secret(),
        ephemeral,
        &key.public_key()[MLKEM_KEY_LEN_BYTES..],
    );
    Some(parts.into_shared_secret())
}

/// The session keys of a peer that forgets the info string.
pub(super) fn keys_without_info(kem_id: KemId, secret: &SharedSecret) -> SessionKeys {
    SessionKeys::export(&KeySchedule::new(kem_id, secret.as_bytes(), b""))
}

/// The responder's item, or another.
pub(super) fn reply(item: SyncStreamItem, key: &[u8], lapses: Lapses) -> SyncStreamItem {
    edited(item, |exchange| {
        if lapses.has(Lapse::ReplyVersionZero) {
            exchange.protocol_version = 0;
        }
        if lapses.has(Lapse::ReplyEchoesKey) {
            exchange.kem_public_key = key.to_vec();
        }
        if lapses.has(Lapse::ReplyTooLong) {
            exchange.kem_encapsulation.push(0);
        }
    })
}

/// The initiator's item, or another.
pub(super) fn key(item: SyncStreamItem, lapses: Lapses) -> SyncStreamItem {
    edited(item, |exchange| {
        if lapses.has(Lapse::KeyVersionZero) {
            exchange.protocol_version = 0;
        }
        if lapses.has(Lapse::KeyTooLong) {
            exchange.kem_public_key.push(0);
        }
        if lapses.has(Lapse::KeyWithoutPoint) {
            exchange.kem_public_key.truncate(MLKEM_KEY_LEN_BYTES);
        }
    })
}

fn edited(
    mut item: SyncStreamItem,
    edit: impl FnOnce(&mut SyncEstablishSharedSecret),
) -> SyncStreamItem {
    if let Some(Action::EstablishSharedSecret(exchange)) = &mut item.action {
        edit(exchange);
    }
    item
}
