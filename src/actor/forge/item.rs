//! Items of the session: plaintext, seal, envelope, each honest or not.

use prost::Message as _;

use super::{Applied, beside::beside, frame::frame, key::key_again};
use crate::{
    actor::{
        Forged,
        side::{Memory, Side, sealed_item},
    },
    crypto::seal::{NONCE_LEN_BYTES, TAG_LEN_BYTES, nonce_for, seal_with},
    scenario::deviation::{
        CiphertextFault, Deviation, EnvelopeFault, NonceFault, PayloadFault, SealFault,
    },
    trace::BEFORE_ANY_KEY,
    wire::{
        Action, SyncStreamItem,
        v1sync::sync_stream_item::{SyncActionHeartbeat, SyncActionOperationManifest},
    },
};

/// A field number of SyncStreamItem that the protocol does not use, far from those it does.
pub(super) const UNKNOWN_FIELD: u32 = 9999;
/// The manifest's field number in SyncStreamItem.
const MANIFEST_FIELD: u32 = 20;
/// Field number of `request_operation_data`.
const REQUEST_FIELD: u32 = 22;
/// Field 15 with wire type 7, which does not exist.
const NOT_PROTOBUF: [u8; 16] = [0x7f; 16];

impl Side {
    /// One item of the session, sealed.
    pub(in crate::actor) fn forge_item(
        &mut self,
        item: SyncStreamItem,
        deviations: &[Deviation],
        earlier: Option<&Memory>,
    ) -> Option<Forged> {
        sealed_frame(self, item, deviations, Applied::default(), earlier)
    }
}

/// Seals an item and puts it into its frame. Before the key exchange is done it can only travel in the clear.
pub(super) fn sealed_frame(
    side: &mut Side,
    item: SyncStreamItem,
    deviations: &[Deviation],
    mut applied: Applied,
    earlier: Option<&Memory>,
) -> Option<Forged> {
    let plaintext = plaintext_of(side, &item, deviations, &mut applied);
    let Some(keyed) = &side.keyed else {
        side.has_begun();
        applied.0.push(BEFORE_ANY_KEY.to_owned());
        return Some(frame(plaintext, Some(item), None, deviations, applied));
    };
    let counter = keyed.counter;
    side.speaks();
    let sealed = match envelope_of(side, &item, deviations, &mut applied, earlier)? {
        Some(replaced) => replaced,
        None => {
            let sealed = seal(side, &plaintext, deviations, &mut applied, earlier)?;
            side.remember_sealed(&sealed);
            sealed
        }
    };
    Some(frame(
        sealed.encode_to_vec(),
        Some(item),
        Some(counter),
        deviations,
        applied,
    ))
}

fn plaintext_of(
    side: &Side,
    item: &SyncStreamItem,
    deviations: &[Deviation],
    applied: &mut Applied,
) -> Vec<u8> {
    let mut plaintext = item.encode_to_vec();
    for deviation in deviations {
        let Deviation::Payload(fault) = deviation else {
            continue;
        };
        plaintext = match fault {
            PayloadFault::NotProtobuf => NOT_PROTOBUF.to_vec(),
            PayloadFault::Truncated => plaintext[..plaintext.len().saturating_sub(1)].to_vec(),
            PayloadFault::EmptyItem => Vec::new(),
            PayloadFault::UnknownAction => length_delimited(UNKNOWN_FIELD, b""),
            PayloadFault::ContentNotProtobuf => without_content(&plaintext),
            PayloadFault::InvalidUtf8 => without_utf8(plaintext),
            PayloadFault::GiantLength => giant_manifest(),
            PayloadFault::Nested => nested(side, &plaintext).unwrap_or(plaintext),
            PayloadFault::UnknownFieldBeside => {
                [plaintext, length_delimited(UNKNOWN_FIELD, b"beside")].concat()
            }
            PayloadFault::NumberCutOff
            | PayloadFault::NumberOfElevenBytes
            | PayloadFault::LengthBeyondTheEnd
            | PayloadFault::GroupWithoutEnd
            | PayloadFault::GroupWithoutBeginning
            | PayloadFault::GroupEndsAsAnother
            | PayloadFault::FieldZero
            | PayloadFault::WireTypeSix
            | PayloadFault::DeepGroups
            | PayloadFault::EachWireTypeBeside
            | PayloadFault::PaddedNumberBeside
            | PayloadFault::MebibyteBeside => [plaintext, beside(*fault)].concat(),
            PayloadFault::HeartbeatBefore => [heartbeat().encode_to_vec(), plaintext].concat(),
            PayloadFault::MillionIds => million_ids().encode_to_vec(),
            PayloadFault::Unpacked => unpacked(item).unwrap_or(plaintext),
        };
        applied.note(deviation);
    }
    plaintext
}

/// What goes out in place of a sealed item: `Some(None)` where the item is sealed as usual.
fn envelope_of(
    side: &mut Side,
    item: &SyncStreamItem,
    deviations: &[Deviation],
    applied: &mut Applied,
    earlier: Option<&Memory>,
) -> Option<Option<SyncStreamItem>> {
    let found = deviations.iter().find_map(|deviation| match deviation {
        Deviation::Envelope(fault) => Some((deviation, *fault)),
        _ => None,
    });
    let Some((deviation, fault)) = found else {
        return Some(None);
    };
    applied.note(deviation);
    Some(Some(match fault {
        EnvelopeFault::Plain => item.clone(),
        EnvelopeFault::Replayed => side.memory().last_sealed.clone()?,
        EnvelopeFault::Reflected => side.peer_last_sealed.clone()?,
        EnvelopeFault::OfAnEarlierSession => earlier?.last_sealed.clone()?,
        EnvelopeFault::EmptyItem => SyncStreamItem { action: None },
        EnvelopeFault::KeyAgain => key_again(side)?,
    }))
}

fn seal(
    side: &mut Side,
    plaintext: &[u8],
    deviations: &[Deviation],
    applied: &mut Applied,
    earlier: Option<&Memory>,
) -> Option<SyncStreamItem> {
    let spoilt = deviations.iter().any(|deviation| {
        matches!(
            deviation,
            Deviation::Seal(_)
                | Deviation::Nonce(_)
                | Deviation::Ciphertext(_)
                | Deviation::KemIdAsPublished(_)
        )
    });
    if !spoilt {
        return side.seal(plaintext);
    }
    let keyed = side.keyed.as_ref()?;
    let mut key = keyed.seal_key;
    let mut aad: &[u8] = b"";
    let mut sent = nonce_for(keyed.counter).to_vec();
    let mut used = nonce_for(keyed.counter);
    for deviation in deviations {
        match deviation {
            Deviation::KemIdAsPublished(_) => key = keyed.other_reading_key,
            Deviation::Seal(SealFault::AssociatedData) => aad = b"associated",
            Deviation::Seal(SealFault::OtherDirectionKey) => key = keyed.other_key,
            Deviation::Seal(SealFault::ZeroKey) => key = [0; 32],
            Deviation::Seal(SealFault::EarlierSessionKey) => key = earlier?.seal_key?,
            Deviation::Nonce(fault) => {
                (sent, used) = nonces(*fault, keyed.counter, &side.entropy.bytes("nonce"));
            }
            _ => continue,
        }
        applied.note(deviation);
    }
    let mut ciphertext = seal_with(&key, &used, aad, plaintext);
    for deviation in deviations {
        if let Deviation::Ciphertext(fault) = deviation {
            ciphertext = changed(ciphertext, plaintext, *fault);
            applied.note(deviation);
        }
    }
    // The counter stays: a peer that drops the bad item and goes on expects this nonce next, and the fence shows it.
    Some(sealed_item(sent, ciphertext))
}

/// The nonce that is sent, and the one that seals.
fn nonces(
    fault: NonceFault,
    counter: u64,
    random: &[u8; NONCE_LEN_BYTES],
) -> (Vec<u8>, [u8; NONCE_LEN_BYTES]) {
    let right = nonce_for(counter);
    let both = |nonce: [u8; NONCE_LEN_BYTES]| (nonce.to_vec(), nonce);
    match fault {
        NonceFault::RepeatLast => both(nonce_for(counter.saturating_sub(1))),
        NonceFault::RepeatFirst => both(nonce_for(0)),
        NonceFault::SkipOne => both(nonce_for(counter + 1)),
        NonceFault::SkipMany => both(nonce_for(counter + 1000)),
        NonceFault::LittleEndian => {
            let mut nonce = right;
            nonce[4..].reverse();
            both(nonce)
        }
        NonceFault::CounterInFront => {
            let mut nonce = right;
            nonce.rotate_left(4);
            both(nonce)
        }
        NonceFault::PrefixSet => {
            let mut nonce = right;
            nonce[0] = 1;
            both(nonce)
        }
        NonceFault::Random => both(*random),
        NonceFault::OneByteShort => (right[..NONCE_LEN_BYTES - 1].to_vec(), right),
        NonceFault::OneByteLong => ([right.as_slice(), &[0]].concat(), right),
        NonceFault::Missing => (Vec::new(), right),
        NonceFault::SentOther => (nonce_for(counter + 1).to_vec(), right),
        NonceFault::SealedUnderOther => (right.to_vec(), nonce_for(counter + 1)),
    }
}

fn changed(mut ciphertext: Vec<u8>, plaintext: &[u8], fault: CiphertextFault) -> Vec<u8> {
    let length = ciphertext.len();
    let tag_at = length.saturating_sub(TAG_LEN_BYTES);
    match fault {
        CiphertextFault::FirstBitFlipped => ciphertext[0] ^= 0x80,
        CiphertextFault::TagBitFlipped => ciphertext[length - 1] ^= 1,
        CiphertextFault::TagCut => ciphertext.truncate(tag_at),
        CiphertextFault::TagTruncated => ciphertext.truncate(length - 4),
        CiphertextFault::TagZero => ciphertext[tag_at..].fill(0),
        CiphertextFault::Empty => ciphertext.clear(),
        CiphertextFault::ShorterThanTag => ciphertext.truncate(TAG_LEN_BYTES - 1),
        CiphertextFault::Plaintext => ciphertext = plaintext.to_vec(),
        CiphertextFault::Extended => ciphertext.push(0),
    }
    ciphertext
}

/// The item in an envelope of its own. The envelope around it has the next nonce, so this one has the nonce behind that:
/// a peer that opens envelopes until none is left takes it.
fn nested(side: &Side, plaintext: &[u8]) -> Option<Vec<u8>> {
    let keyed = side.keyed.as_ref()?;
    let nonce = nonce_for(keyed.counter + 1);
    let ciphertext = seal_with(&keyed.seal_key, &nonce, b"", plaintext);
    Some(sealed_item(nonce.to_vec(), ciphertext).encode_to_vec())
}

/// Lengths stay, so nothing but the texts is wrong.
fn without_utf8(mut plaintext: Vec<u8>) -> Vec<u8> {
    let marker = char::REPLACEMENT_CHARACTER.to_string();
    for start in 0..plaintext.len() {
        if plaintext[start..].starts_with(marker.as_bytes()) {
            plaintext[start..start + marker.len()].fill(0xff);
        }
    }
    plaintext
}

fn giant_manifest() -> Vec<u8> {
    let mut out = Vec::new();
    prost::encoding::encode_key(
        MANIFEST_FIELD,
        prost::encoding::WireType::LengthDelimited,
        &mut out,
    );
    prost::encoding::encode_varint(i32::MAX as u64, &mut out);
    out
}

fn heartbeat() -> SyncStreamItem {
    SyncStreamItem {
        action: Some(Action::Heartbeat(SyncActionHeartbeat {})),
    }
}

fn million_ids() -> SyncStreamItem {
    let op_ids: Vec<i64> = (1..=1_000_000).collect();
    SyncStreamItem {
        action: Some(Action::OperationManifest(SyncActionOperationManifest {
            modnos: vec![1; op_ids.len()],
            op_ids,
        })),
    }
}

/// A manifest with each number as a field of its own; `None` for other items.
fn unpacked(item: &SyncStreamItem) -> Option<Vec<u8>> {
    let (action, lists): (u32, &[&[i64]]) = match item.action.as_ref()? {
        Action::OperationManifest(manifest) => {
            (MANIFEST_FIELD, &[&manifest.op_ids, &manifest.modnos])
        }
        Action::RequestOperationData(request) => (REQUEST_FIELD, &[&request.op_ids]),
        _ => return None,
    };
    let mut inner = Vec::new();
    for (field, values) in (1..).zip(lists) {
        for value in *values {
            prost::encoding::int64::encode(field, value, &mut inner);
        }
    }
    Some(length_delimited(action, &inner))
}

/// The item with its action's number, and behind it bytes that are no message of any kind.
fn without_content(plaintext: &[u8]) -> Vec<u8> {
    let mut rest = plaintext;
    match prost::encoding::decode_key(&mut rest) {
        Ok((field, _)) => length_delimited(field, &NOT_PROTOBUF),
        // Every item here was encoded from one with an action.
        Err(_) => NOT_PROTOBUF.to_vec(),
    }
}

pub(super) fn length_delimited(field: u32, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    prost::encoding::encode_key(field, prost::encoding::WireType::LengthDelimited, &mut out);
    prost::encoding::encode_varint(bytes.len() as u64, &mut out);
    out.extend_from_slice(bytes);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::v1sync::{PlanMetadata, sync_stream_item::SyncActionReceiveResources};

    #[test]
    fn text_with_a_replacement_character_then_only_its_bytes_are_wrong() {
        let item = SyncStreamItem {
            action: Some(Action::ReceiveResources(SyncActionReceiveResources {
                repos: Vec::new(),
                plans: vec![PlanMetadata {
                    id: "daily-\u{fffd}".to_owned(),
                }],
            })),
        };
        let honest = item.encode_to_vec();
        let spoilt = without_utf8(honest.clone());
        assert!(SyncStreamItem::decode(spoilt.as_slice()).is_err());
        assert_eq!(spoilt.len(), honest.len());
        assert!(spoilt.ends_with(b"daily-\xff\xff\xff"));
    }

    #[test]
    fn giant_manifest_then_its_length_is_missed() {
        let error = SyncStreamItem::decode(giant_manifest().as_slice());
        assert!(error.is_err());
    }
}
