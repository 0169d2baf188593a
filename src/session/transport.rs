//! The key exchange: the two unencrypted items, and the channel that comes out of them.

use super::{channel::Channel, lapsing_kem, violation::Violation};
use crate::{
    crypto::{
        hpke::SessionKeys,
        kem::{EncapsulationRandomness, KemError, KemId, PrivateKey, PublicKey, SharedSecret},
        transcript::{TRANSPORT_VERSION, transport_transcript},
    },
    lapses::{Lapse, Lapses},
    rules::RuleId,
    wire::{Action, Role, SyncStreamItem, v1sync::sync_stream_item::SyncEstablishSharedSecret},
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
    read_public_key_lapsing(item, Lapses::NONE)
}

/// [`read_public_key`], as a peer with lapses does it.
pub(super) fn read_public_key_lapsing(
    item: SyncStreamItem,
    lapses: Lapses,
) -> Result<(PublicKey, Vec<u8>), Violation> {
    let exchange = exchange_of(item, RuleId::TransportFirstItemOnlyKey, "a public key")?;
    let version = check_version(&exchange, RuleId::TransportVersionExactResponder);
    let seen = exchange.protocol_version;
    let is_taken = lapses.has(Lapse::KeyVersionUnchecked)
        || lapses.has(Lapse::KeyVersionNewerAccepted) && seen > TRANSPORT_VERSION
        || lapses.has(Lapse::KeyVersionMissingAccepted) && seen == 0;
    version.or_else(|refused| if is_taken { Ok(()) } else { Err(refused) })?;
    let bytes = exchange.kem_public_key;
    let parsed = PublicKey::parse(&bytes);
    let parsed = parsed.or_else(|error| lapsing_kem::lax_key(&bytes, error, lapses));
    let key = parsed.map_err(|error| {
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
    read_encapsulation_lapsing(item, Lapses::NONE)
}

/// [`read_encapsulation`], as a peer with lapses does it.
pub(super) fn read_encapsulation_lapsing(
    item: SyncStreamItem,
    lapses: Lapses,
) -> Result<Vec<u8>, Violation> {
    let rule = RuleId::TransportReplyOnlyEncapsulation;
    let exchange = exchange_of(item, rule, "an encapsulation")?;
    let version = check_version(&exchange, RuleId::TransportVersionExactInitiator);
    let is_taken = lapses.has(Lapse::ReplyVersionUnchecked)
        || lapses.has(Lapse::ReplyVersionMissingAccepted) && exchange.protocol_version == 0;
    version.or_else(|refused| if is_taken { Ok(()) } else { Err(refused) })?;
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
    lapses: Lapses,
) -> (Channel, SyncStreamItem) {
    let (encapsulation, secret) = key.encapsulate(randomness);
    let transcript = transport_transcript(TRANSPORT_VERSION, key_bytes, &encapsulation);
    let [keys, other] = both_readings(kem_id, &secret, lapses);
    let channel = Channel::new(Role::Responder, keys, other, transcript, lapses);
    let reply = lapsing_kem::reply(reply_item(&encapsulation), key_bytes, lapses);
    (channel, reply)
}

/// The initiator's half: decapsulates what it was answered.
///
/// # Errors
/// An encapsulation of another length, or one whose point is not valid.
pub fn conclude(
    key: &PrivateKey,
    encapsulation: &[u8],
    kem_id: KemId,
    lapses: Lapses,
) -> Result<Channel, Violation> {
    let secret = decapsulate(key, encapsulation)
        .or_else(|refused| lapsing_kem::lax_secret(key, encapsulation, lapses).ok_or(refused))?;
    let secret = lapses.swap(Lapse::ZeroCiphertextBelieved, secret, |secret| {
        lapsing_kem::secret_of_zeros(key, encapsulation).unwrap_or(secret)
    });
    let transcript = transport_transcript(TRANSPORT_VERSION, key.public_key(), encapsulation);
    let [keys, other] = both_readings(kem_id, &secret, lapses);
    Ok(Channel::new(
        Role::Initiator,
        keys,
        other,
        transcript,
        lapses,
    ))
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
fn both_readings(kem_id: KemId, secret: &SharedSecret, lapses: Lapses) -> [SessionKeys; 2] {
    let kem_id = lapses.swap(Lapse::SuiteOfPublishedText, kem_id, KemId::other);
    let readings = [kem_id, kem_id.other()].map(|id| SessionKeys::derive(id, secret));
    lapses.swap(Lapse::InfoStringMissing, readings, |_| {
        let keys = || lapsing_kem::keys_without_info(kem_id, secret);
        [keys(), keys()]
    })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        crypto::kem::{ENCAPSULATION_LEN_BYTES, MLKEM_KEY_LEN_BYTES, PUBLIC_KEY_LEN_BYTES},
        wire::v1sync::sync_stream_item::SyncActionHeartbeat,
    };

    type Spoil = fn(&mut SyncEstablishSharedSecret);

    const OTHER_VERSIONS: [Spoil; 3] = [
        |it| it.protocol_version = 0,
        |it| it.protocol_version = 2,
        |it| it.protocol_version = u32::MAX,
    ];

    fn key() -> PrivateKey {
        PrivateKey::from_seed_array(&[3; 32])
    }

    fn heartbeat() -> SyncStreamItem {
        SyncStreamItem {
            action: Some(Action::Heartbeat(SyncActionHeartbeat {})),
        }
    }

    fn spoilt(item: SyncStreamItem, spoil: Spoil) -> SyncStreamItem {
        let Some(Action::EstablishSharedSecret(mut exchange)) = item.action else {
            panic!("an item of the key exchange");
        };
        spoil(&mut exchange);
        exchange_item(exchange)
    }

    fn refused_key(item: SyncStreamItem) -> Option<RuleId> {
        let read = read_public_key(item);
        read.err().map(|violation| violation.rule)
    }

    fn refused_reply(item: SyncStreamItem) -> Option<RuleId> {
        let read = read_encapsulation(item);
        let secret = read.and_then(|bytes| decapsulate(&key(), &bytes));
        secret.err().map(|violation| violation.rule)
    }

    /// What is said of a peer is the rule that it breaks: the failure page begins with it.
    #[test]
    fn key_item_with_one_thing_wrong_then_its_rule() {
        let honest = || key_item(key().public_key());
        let (_, bytes) = read_public_key(honest()).unwrap();
        assert_eq!(bytes, key().public_key());
        for version in OTHER_VERSIONS {
            let seen = refused_key(spoilt(honest(), version));
            assert_eq!(seen, Some(RuleId::TransportVersionExactResponder));
        }
        let cases: [(Spoil, RuleId); 6] = [
            (
                |it| it.kem_public_key.clear(),
                RuleId::TransportFirstItemOnlyKey,
            ),
            (
                |it| it.kem_public_key.truncate(PUBLIC_KEY_LEN_BYTES - 1),
                RuleId::TransportKeyLength,
            ),
            (|it| it.kem_public_key.push(0), RuleId::TransportKeyLength),
            // Twelve bits each, little-endian; the modulus is 3329.
            (
                |it| it.kem_public_key[..2].fill(0xff),
                RuleId::TransportMlkemKeyCanonical,
            ),
            (
                |it| it.kem_public_key[MLKEM_KEY_LEN_BYTES] = 2,
                RuleId::TransportPointValidResponder,
            ),
            (
                |it| it.kem_public_key[PUBLIC_KEY_LEN_BYTES - 1] ^= 1,
                RuleId::TransportPointValidResponder,
            ),
        ];
        for (number, (spoil, rule)) in cases.into_iter().enumerate() {
            let seen = refused_key(spoilt(honest(), spoil));
            assert_eq!(seen, Some(rule), "case {number}");
        }
        assert_eq!(
            refused_key(heartbeat()),
            Some(RuleId::TransportFirstItemOnlyKey)
        );
    }

    #[test]
    fn reply_with_one_thing_wrong_then_its_rule() {
        let randomness = EncapsulationRandomness::from_seed(&[4; 32]);
        let public = PublicKey::parse(key().public_key()).unwrap();
        let (encapsulation, _) = public.encapsulate(&randomness);
        let honest = || reply_item(&encapsulation);
        assert_eq!(read_encapsulation(honest()), Ok(encapsulation.clone()));
        assert_eq!(refused_reply(honest()), None);
        for version in OTHER_VERSIONS {
            let seen = refused_reply(spoilt(honest(), version));
            assert_eq!(seen, Some(RuleId::TransportVersionExactInitiator));
        }
        let cases: [(Spoil, RuleId); 4] = [
            (
                |it| it.kem_encapsulation.clear(),
                RuleId::TransportReplyOnlyEncapsulation,
            ),
            (
                |it| it.kem_encapsulation.truncate(ENCAPSULATION_LEN_BYTES - 1),
                RuleId::TransportEncapsulationLength,
            ),
            (
                |it| it.kem_encapsulation.push(0),
                RuleId::TransportEncapsulationLength,
            ),
            (
                |it| it.kem_encapsulation[ENCAPSULATION_LEN_BYTES - 1] ^= 1,
                RuleId::TransportPointValidInitiator,
            ),
        ];
        for (number, (spoil, rule)) in cases.into_iter().enumerate() {
            let seen = refused_reply(spoilt(honest(), spoil));
            assert_eq!(seen, Some(rule), "case {number}");
        }
        assert_eq!(
            refused_reply(heartbeat()),
            Some(RuleId::TransportReplyOnlyEncapsulation)
        );
    }
}
