//! How a peer with a lapse seals, opens, writes and reads. The honest way is in [`super::channel`], which comes here only
//! where there is a lapse.

use prost::encoding::{decode_varint, encode_varint};

use crate::{
    crypto::seal::{
        KEY_LEN_BYTES, NONCE_LEN_BYTES, OpenError, Sealed, TAG_LEN_BYTES, nonce_for, open_with,
        seal_with,
    },
    lapses::{Lapse, Lapses, Quirk},
    wire::{
        Action, SyncStreamItem,
        decode::{self, DecodeError, DecodeFault},
        item_descriptor,
        v1sync::{
            RemoteConfig,
            sync_stream_item::{
                SyncActionHeartbeat, SyncActionOperationManifest, SyncActionReceiveConfig,
                SyncActionRequestOperationData,
            },
        },
    },
};

/// What every peer with a lapse opens and seals with.
#[derive(Clone)]
pub(super) struct Lapsing {
    lapses: Lapses,
    sealing_key: [u8; KEY_LEN_BYTES],
    opening_key: [u8; KEY_LEN_BYTES],
    sealed: u64,
    /// Counter of the nonce that comes next.
    expected: u64,
}

impl Lapsing {
    pub fn new(
        lapses: Lapses,
        sealing_key: [u8; KEY_LEN_BYTES],
        opening_key: [u8; KEY_LEN_BYTES],
    ) -> Self {
        Lapsing {
            lapses,
            sealing_key: lapses.swap(Lapse::OneKeyForBoth, sealing_key, |_| opening_key),
            opening_key,
            sealed: 0,
            expected: 0,
        }
    }

    pub fn seal(&mut self, plaintext: &[u8]) -> Sealed {
        let lapses = self.lapses;
        let counter = lapses.swap(Lapse::NonceStartsAtOne, self.sealed, |n| n + 1);
        let counter = lapses.swap(Lapse::NonceStands, counter, |n| n.min(1));
        let counter = lapses.swap(Lapse::NonceCountsByTwo, counter, |n| n * 2);
        let counter = lapses.swap(Lapse::NonceCountsToByte, counter, |n| n % 256);
        let nonce = nonce_for(counter);
        let nonce = lapses.swap(Lapse::NonceLittleEndian, nonce, |_| little_endian(counter));
        let nonce = lapses.swap(Lapse::NonceCounterInFront, nonce, |mut nonce| {
            nonce.rotate_left(4);
            nonce
        });
        self.sealed += 1;
        let aad: &[u8] = lapses.swap(Lapse::AssociatedDataAdded, b"", |_| &nonce);
        Sealed {
            nonce,
            ciphertext: seal_with(&self.sealing_key, &nonce, aad, plaintext),
        }
    }

    /// Opens the next item; `Ok(None)` is one that is passed over.
    pub fn open(&mut self, nonce: &[u8], ciphertext: &[u8]) -> Result<Option<Vec<u8>>, OpenError> {
        let opened = self.nonce(nonce).and_then(|(nonce, next)| {
            let plaintext = self.decrypt(&nonce, ciphertext)?;
            self.expected = next;
            Ok(plaintext)
        });
        match opened {
            Err(_) if self.lapses.has(Lapse::GoesOnAfterFault) => Ok(None),
            Err(OpenError::TagMismatch | OpenError::TooShort { .. })
                if self.lapses.has(Lapse::TagFailureSkipped) =>
            {
                self.expected += 1;
                Ok(None)
            }
            opened => opened.map(Some),
        }
    }

    /// The nonce to open under, and the counter that is expected next.
    fn nonce(&self, sent: &[u8]) -> Result<([u8; NONCE_LEN_BYTES], u64), OpenError> {
        let lapses = self.lapses;
        let (counter, expected) = (self.expected, nonce_for(self.expected));
        let as_expected = Ok((expected, counter + 1));
        let of_length = match sent.len() {
            NONCE_LEN_BYTES => sent.try_into(),
            0 if lapses.has(Lapse::MissingNonceImplied) => return as_expected,
            1..NONCE_LEN_BYTES if lapses.has(Lapse::ShortNonceAccepted) => return as_expected,
            13.. if lapses.has(Lapse::LongNonceCut) => sent[..NONCE_LEN_BYTES].try_into(),
            _ if lapses.has(Lapse::NonceIgnored) => return as_expected,
            _ => sent.try_into(),
        };
        let seen: [u8; NONCE_LEN_BYTES] =
            of_length.map_err(|_| OpenError::NonceLength { seen: sent.len() })?;
        if seen == expected || lapses.has(Lapse::NonceIgnored) {
            return as_expected;
        }
        if lapses.has(Lapse::NonceFromTheWire)
            || lapses.has(Lapse::NoncePrefixIgnored) && seen[4..] == expected[4..]
            || lapses.has(Lapse::LittleEndianNonceAccepted) && seen == little_endian(counter)
            || lapses.has(Lapse::GapOfOneAccepted) && seen == nonce_for(counter + 1)
        {
            return Ok((
                seen,
                counter + 1 + u64::from(seen == nonce_for(counter + 1)),
            ));
        }
        if seen < expected && lapses.has(Lapse::OldNonceAccepted)
            || counter > 0 && seen == nonce_for(counter - 1) && lapses.has(Lapse::LastNonceAccepted)
        {
            return Ok((seen, counter));
        }
        if seen > expected && seen[..4] == expected[..4] && lapses.has(Lapse::GapAccepted) {
            let mut low = [0; 8];
            low.copy_from_slice(&seen[4..]);
            return Ok((seen, u64::from_be_bytes(low).wrapping_add(1)));
        }
        Err(OpenError::NonceUnexpected {
            expected_counter: counter,
            seen,
        })
    }

    fn decrypt(
        &self,
        nonce: &[u8; NONCE_LEN_BYTES],
        ciphertext: &[u8],
    ) -> Result<Vec<u8>, OpenError> {
        let lapses = self.lapses;
        if let Some(plaintext) = open_with(&self.opening_key, nonce, b"", ciphertext) {
            return Ok(plaintext);
        }
        let other_keys = [
            (Lapse::ZeroKeyAccepted, [0; KEY_LEN_BYTES]),
            (Lapse::ReflectionAccepted, self.sealing_key),
        ];
        for (lapse, key) in other_keys {
            if lapses.has(lapse)
                && let Some(plaintext) = open_with(&key, nonce, b"", ciphertext)
            {
                return Ok(plaintext);
            }
        }
        if lapses.has(Lapse::TagMissingAccepted) {
            let plaintext = self.keystreamed(nonce, ciphertext);
            if is_item(&plaintext) {
                return Ok(plaintext);
            }
        }
        let Some(len) = ciphertext.len().checked_sub(TAG_LEN_BYTES) else {
            return Err(OpenError::TooShort {
                seen: ciphertext.len(),
            });
        };
        let (body, tag) = ciphertext.split_at(len);
        let plaintext = self.keystreamed(nonce, body);
        let right = seal_with(&self.opening_key, nonce, b"", &plaintext);
        const COMPARED_LEN_BYTES: usize = 12;
        let in_part = lapses.has(Lapse::TagComparedInPart)
            && tag[..COMPARED_LEN_BYTES] == right[len..len + COMPARED_LEN_BYTES];
        // Whatever the associated data was, the text is the same, and only the tag differs.
        let unbound = lapses.has(Lapse::AssociatedDataUnchecked) && is_item(&plaintext);
        match in_part || unbound || lapses.has(Lapse::TagUnchecked) {
            true => Ok(plaintext),
            false => Err(OpenError::TagMismatch),
        }
    }

    /// Encrypts or decrypts without a tag, as counter mode does both.
    fn keystreamed(&self, nonce: &[u8; NONCE_LEN_BYTES], text: &[u8]) -> Vec<u8> {
        let keystream = seal_with(&self.opening_key, nonce, b"", &vec![0; text.len()]);
        let bytes = text.iter().zip(keystream);
        bytes.map(|(byte, key)| byte ^ key).collect()
    }
}

fn is_item(plaintext: &[u8]) -> bool {
    crate::wire::decode::item(plaintext).is_ok_and(|item| item.action.is_some())
}

fn little_endian(counter: u64) -> [u8; NONCE_LEN_BYTES] {
    let mut nonce = [0; NONCE_LEN_BYTES];
    nonce[4..].copy_from_slice(&counter.to_le_bytes());
    nonce
}

/// An item that says nothing: what is passed over is read as this.
pub(super) fn nothing() -> SyncStreamItem {
    SyncStreamItem {
        action: Some(Action::Heartbeat(SyncActionHeartbeat {})),
    }
}

/// A config that shows no more than that it was sent.
pub(super) fn empty_config() -> Action {
    Action::ReceiveConfig(SyncActionReceiveConfig {
        config: Some(RemoteConfig::default()),
    })
}

pub(super) fn is_sent_in_the_clear(item: &SyncStreamItem, lapses: Lapses) -> bool {
    match item.action {
        Some(Action::Handshake(_)) => lapses.has(Lapse::HandshakeInTheClear),
        Some(Action::RequestOperationData(_) | Action::OperationManifest(_)) => {
            lapses.has(Lapse::RequestInTheClear)
        }
        _ => false,
    }
}

/// An item's bytes, as a peer writes them that is wrong about the contract, or unusual.
pub(super) fn written(bytes: Vec<u8>, item: &SyncStreamItem, lapses: Lapses) -> Vec<u8> {
    let lists_ids = matches!(
        item.action,
        Some(Action::RequestOperationData(_) | Action::OperationManifest(_))
    );
    let bytes = lapses.swap(Lapse::ActionNumberOffByOne, bytes, |mut bytes| {
        // Both field numbers take a tag of two bytes, whose first holds the low bits of the number.
        if lists_ids && let Some(first) = bytes.first_mut() {
            *first += 1 << 3;
        }
        bytes
    });
    let bytes = lapses.vary(Quirk::UnpackedNumbers, bytes, |bytes| match &item.action {
        Some(Action::RequestOperationData(request)) => unpacked(&bytes, &request.op_ids),
        _ => bytes,
    });
    lapses.vary(Quirk::UnknownFields, bytes, |mut bytes| {
        // Field 1000, a varint of 7.
        bytes.extend([0xc0, 0x3e, 0x07]);
        bytes
    })
}

/// The item with its only list, field 1 of the action, one number by one.
fn unpacked(item: &[u8], ids: &[i64]) -> Vec<u8> {
    let mut content = Vec::new();
    for id in ids {
        content.push(0x08);
        encode_varint(*id as u64, &mut content);
    }
    let mut rest = item;
    let mut bytes = Vec::new();
    if let Ok(tag) = decode_varint(&mut rest) {
        encode_varint(tag, &mut bytes);
    }
    encode_varint(content.len() as u64, &mut bytes);
    bytes.extend(content);
    bytes
}

/// Reads a sealed item as a lax, or too strict, peer would.
pub(super) fn read(bytes: &[u8], lapses: Lapses) -> Result<SyncStreamItem, DecodeError> {
    let refused = |error: DecodeFault| DecodeError {
        offset_bytes: 0,
        fault: error,
    };
    let bytes = match lapses.has(Lapse::FirstOneofWins) {
        true => &bytes[..first_field_len(bytes)],
        false => bytes,
    };
    let read = decode::item_as(bytes, decode::Reading::Deployed);
    let read = lapses.swap(Lapse::InvalidUtf8Replaced, read, |read| match read {
        Err(error) if matches!(error.fault, DecodeFault::NotUtf8 { .. }) => {
            // Bytes that are never part of UTF-8 nor of small tags and lengths.
            let replaced = |byte: &u8| if *byte >= 0xf8 { b'?' } else { *byte };
            let replaced: Vec<u8> = bytes.iter().map(replaced).collect();
            decode::item_as(&replaced, decode::Reading::Deployed)
        }
        read => read,
    });
    if lapses.has(Lapse::UnknownFieldRefused)
        && decode::normalize(item_descriptor(), bytes, decode::Reading::Deployed)?.unknown_seen
    {
        return Err(refused(DecodeFault::FieldNumber { seen: 0 }));
    }
    match read {
        Ok(mut item) => {
            if !is_unpacked(bytes) {
                return Ok(item);
            }
            let ids = match &mut item.action {
                Some(Action::OperationManifest(SyncActionOperationManifest { op_ids, .. }))
                | Some(Action::RequestOperationData(SyncActionRequestOperationData { op_ids })) => {
                    op_ids
                }
                _ => return Ok(item),
            };
            if ids.len() > 1 && lapses.has(Lapse::UnpackedNumbersRefused) {
                return Err(refused(DecodeFault::WireType { seen: 0 }));
            }
            if ids.len() > 1 && lapses.has(Lapse::UnpackedNumbersDropped) {
                ids.clear();
                if let Some(Action::OperationManifest(manifest)) = &mut item.action {
                    manifest.modnos.clear();
                }
            }
            Ok(item)
        }
        Err(error) => {
            let is_cut = matches!(
                error.fault,
                DecodeFault::Truncated | DecodeFault::LengthExceedsInput { .. }
            );
            let is_text = matches!(error.fault, DecodeFault::NotUtf8 { .. });
            let is_skipped = lapses.has(Lapse::InvalidUtf8Skipped) && is_text
                || lapses.has(Lapse::TruncatedPlaintextSkipped) && is_cut
                || lapses.has(Lapse::MalformedPlaintextSkipped) && !is_text && !is_cut;
            if is_skipped {
                Ok(nothing())
            } else {
                Err(error)
            }
        }
    }
}

/// Whether the ids of a manifest or a request stand one by one: its content begins with the tag of a single number.
fn is_unpacked(item: &[u8]) -> bool {
    let mut rest = item;
    let Ok(_) = decode_varint(&mut rest) else {
        return false;
    };
    let Ok(_) = decode_varint(&mut rest) else {
        return false;
    };
    rest.first() == Some(&0x08)
}

/// Length of the first field, tag included; of everything where it has no length of its own.
fn first_field_len(item: &[u8]) -> usize {
    let mut rest = item;
    let tag = decode_varint(&mut rest);
    let len = decode_varint(&mut rest);
    match (tag, len) {
        (Ok(tag), Ok(len)) if tag & 7 == 2 => {
            let before = item.len() - rest.len();
            before
                .saturating_add(usize::try_from(len).unwrap_or(usize::MAX))
                .min(item.len())
        }
        _ => item.len(),
    }
}
