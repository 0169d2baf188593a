//! The key exchange: the two unencrypted items, and the channel that comes out of them.

use super::{channel::Channel, violation::Violation};
use crate::{
    crypto::{
        hpke::SessionKeys,
        kem::{EncapsulationRandomness, KemError, KemId, PrivateKey, PublicKey, SharedSecret},
        transcript::{TRANSPORT_VERSION, transport_transcript},
    },
    rules::RuleId,
    wire::{Action, SyncStreamItem, v1sync::sync_stream_item::SyncEstablishSharedSecret},
};

/// The initiator's item: version and public key.
pub fn key_item(public_key: &[u8]) -> SyncStreamItem {
    exchange_item(SyncEstablishSharedSecret {
        protocol_version: TRANSPORT_VERSION,
        kem_public_key: public_key.to_vec(),
        kem_encapsulation: Vec::new(),
    })
}

/// The responder's item: version and encapsulation.
pub fn reply_item(encapsulation: &[u8]) -> SyncStreamItem {
    exchange_item(SyncEstablishSharedSecret {
        protocol_version: TRANSPORT_VERSION,
        kem_public_key: Vec::new(),
        kem_encapsulation: encapsulation.to_vec(),
    })
}

fn exchange_item(exchange: SyncEstablishSharedSecret) -> SyncStreamItem {
    SyncStreamItem {
        action: Some(Action::EstablishSharedSecret(exchange)),
    }
}

/// Reads the initiator's item.
///
/// # Errors
/// Another item, another version, or a public key that is not one; checked in this order, as deployed peers do.
pub fn read_public_key(item: SyncStreamItem) -> Result<(PublicKey, Vec<u8>), Violation> {
    let exchange = exchange_of(item, RuleId::TransportFirstItemOnlyKey, "a public key")?;
    check_version(&exchange, RuleId::TransportVersionExactResponder)?;
    let bytes = exchange.kem_public_key;
    let key = PublicKey::parse(&bytes).map_err(|error| {
        let rule = match error {
            KemError::PublicKeyLength { seen: 0 } => RuleId::TransportFirstItemOnlyKey,
            KemError::PublicKeyLength { .. } => RuleId::TransportKeyLength,
            KemError::CoefficientNotReduced => RuleId::TransportMlkemKeyCanonical,
            _ => RuleId::TransportPointValidResponder,
        };
        Violation::protocol(rule, error.to_string())
    })?;
    Ok((key, bytes))
}

/// Reads the responder's item, as far as it can be read without the private key.
///
/// # Errors
/// Another item, another version, or no encapsulation.
pub fn read_encapsulation(item: SyncStreamItem) -> Result<Vec<u8>, Violation> {
    let rule = RuleId::TransportReplyOnlyEncapsulation;
    let exchange = exchange_of(item, rule, "an encapsulation")?;
    check_version(&exchange, RuleId::TransportVersionExactInitiator)?;
    if exchange.kem_encapsulation.is_empty() {
        return Err(Violation::protocol(
            rule,
            "a reply without an encapsulation",
        ));
    }
    Ok(exchange.kem_encapsulation)
}

/// The responder's half: encapsulates to the key it was sent.
pub fn respond(
    key: &PublicKey,
    key_bytes: &[u8],
    randomness: &EncapsulationRandomness,
    kem_id: KemId,
) -> (Channel, SyncStreamItem) {
    let (encapsulation, secret) = key.encapsulate(randomness);
    let transcript = transport_transcript(TRANSPORT_VERSION, key_bytes, &encapsulation);
    let [keys, other] = both_readings(kem_id, &secret);
    let channel = Channel::responder(keys, other, transcript);
    (channel, reply_item(&encapsulation))
}

/// The initiator's half: decapsulates what it was answered.
///
/// # Errors
/// An encapsulation of another length, or one whose point is not valid.
pub fn conclude(
    key: &PrivateKey,
    encapsulation: &[u8],
    kem_id: KemId,
) -> Result<Channel, Violation> {
    let secret = decapsulate(key, encapsulation)?;
    let transcript = transport_transcript(TRANSPORT_VERSION, key.public_key(), encapsulation);
    let [keys, other] = both_readings(kem_id, &secret);
    Ok(Channel::initiator(keys, other, transcript))
}

/// Decapsulates, and names the rule where that can't be done.
///
/// # Errors
/// An encapsulation of another length, or one whose point is not valid.
pub fn decapsulate(key: &PrivateKey, encapsulation: &[u8]) -> Result<SharedSecret, Violation> {
    key.decapsulate(encapsulation).map_err(|error| {
        let rule = match error {
            KemError::EncapsulationLength { .. } => RuleId::TransportEncapsulationLength,
            _ => RuleId::TransportPointValidInitiator,
        };
        Violation::protocol(rule, error.to_string())
    })
}

/// The keys under the reading we follow, then those under the other one, which only serve to name the cause when the
/// peer's first frame does not open.
fn both_readings(kem_id: KemId, secret: &SharedSecret) -> [SessionKeys; 2] {
    [kem_id, kem_id.other()].map(|id| SessionKeys::derive(id, secret))
}

fn exchange_of(
    item: SyncStreamItem,
    rule: RuleId,
    wanted: &str,
) -> Result<SyncEstablishSharedSecret, Violation> {
    match item.action {
        Some(Action::EstablishSharedSecret(exchange)) => Ok(exchange),
        _ => Err(Violation::protocol(
            rule,
            format!(
                "expected establish_shared_secret with {wanted}, seen {}",
                item.describe()
            ),
        )),
    }
}

fn check_version(exchange: &SyncEstablishSharedSecret, rule: RuleId) -> Result<(), Violation> {
    match exchange.protocol_version {
        TRANSPORT_VERSION => Ok(()),
        seen => Err(Violation::protocol(
            rule,
            format!("expected transport version {TRANSPORT_VERSION}, seen {seen}"),
        )),
    }
}
