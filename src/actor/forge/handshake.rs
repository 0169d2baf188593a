//! Our handshake, honest or not.

use base64::{
    Engine as _, alphabet,
    engine::general_purpose::{GeneralPurpose, NO_PAD, STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};
use sha2::{Digest as _, Sha256};

use super::{Applied, item::sealed_frame, low_order::LowOrder};
use crate::{
    actor::{
        Forged,
        side::{Memory, Side},
    },
    crypto::{
        handshake::HandshakeClaims,
        identity::{Identity, KEYID_PREFIX},
    },
    scenario::deviation::{
        Deviation, IdentityFault, KeyIdFault, PublicKeyFault, SignOver, SignatureFault,
    },
    session::{Local, own_handshake},
    wire::{Action, SyncStreamItem, v1, v1sync::sync_stream_item::SyncActionHandshake},
};

/// Order of the ed25519 group, 32 bytes little-endian.
const GROUP_ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];
const LABEL: &[u8] = b"backrest-sync-handshake/v1\0";

impl Side {
    /// Our first sealed item.
    pub(in crate::actor) fn forge_handshake(
        &mut self,
        deviations: &[Deviation],
        earlier: Option<&Memory>,
    ) -> Option<Forged> {
        let mut applied = Applied::default();
        let transcript = self.keyed.as_ref()?.transcript;
        let handshake = self.deviating(&transcript, deviations, earlier, &mut applied)?;
        self.remember_handshake(&handshake);
        let item = SyncStreamItem {
            action: Some(Action::Handshake(handshake)),
        };
        let forged = sealed_frame(self, item, deviations, applied, earlier)?;
        if forged.deviations.is_empty() {
            self.proves_itself();
        }
        Some(forged)
    }

    /// It, before it is sealed. `None` where a deviation takes what nobody said yet.
    pub(super) fn deviating(
        &self,
        transcript: &[u8; 32],
        deviations: &[Deviation],
        earlier: Option<&Memory>,
        applied: &mut Applied,
    ) -> Option<SyncActionHandshake> {
        let mut handshake = own_handshake(&self.local, &self.secret, transcript);
        for deviation in deviations {
            if self.claim(&mut handshake, deviation) {
                applied.note(deviation);
            }
        }
        let mut signed = signed_hash(&handshake, transcript);
        for deviation in deviations {
            if let Deviation::SignOver(fault) = deviation {
                signed = self.other_hash(&handshake, transcript, *fault, earlier);
                applied.note(deviation);
            }
        }
        handshake.signature = self.local.identity.sign(&signed).to_vec();
        for deviation in deviations {
            let done = match deviation {
                Deviation::Identity(fault) => {
                    self.replace(&mut handshake, *fault, earlier, transcript)?
                }
                Deviation::PublicKey(fault) => self.spoil_key(&mut handshake, *fault),
                Deviation::KeyId(fault) => self.spoil_keyid(&mut handshake, *fault),
                Deviation::ClaimKeyId(text) => {
                    with_key(&mut handshake, |key| key.keyid.clone_from(text))
                }
                Deviation::Signature(fault) => {
                    self.spoil_signature(&mut handshake, *fault, &signed)
                }
                _ => false,
            };
            if done {
                applied.note(deviation);
            }
        }
        Some(handshake)
    }

    /// Claims something else, and signs what it claims.
    fn claim(&self, handshake: &mut SyncActionHandshake, deviation: &Deviation) -> bool {
        match deviation {
            Deviation::ProtocolVersion(version) => handshake.protocol_version = *version,
            Deviation::InstanceId(text) => handshake.instance_id.clone_from(text),
            Deviation::PairingSecret(text) => handshake.pairing_secret.clone_from(text),
            Deviation::Identity(IdentityFault::OtherInstanceId) => {
                handshake.instance_id = format!("{}-other", handshake.instance_id);
            }
            Deviation::Identity(IdentityFault::InstanceIdOtherCase) => {
                handshake.instance_id = other_case(&handshake.instance_id);
            }
            _ => return false,
        }
        true
    }

    /// Sends another handshake altogether. `None` where the case has not seen the one it asks for.
    fn replace(
        &self,
        handshake: &mut SyncActionHandshake,
        fault: IdentityFault,
        earlier: Option<&Memory>,
        transcript: &[u8; 32],
    ) -> Option<bool> {
        match fault {
            IdentityFault::Reflected => *handshake = self.peer_handshake.clone()?,
            IdentityFault::Recorded => *handshake = earlier?.own_handshake.clone()?,
            IdentityFault::PassedOn => *handshake = self.passed_on.clone()?,
            IdentityFault::UnknownKey => {
                let mut local = self.local.clone();
                local.identity = self.stranger();
                *handshake = own_handshake(&local, &self.secret, transcript);
            }
            IdentityFault::AnotherKnownOne => {
                *handshake = own_handshake(self.stand_in.as_ref()?, &self.secret, transcript);
            }
            IdentityFault::AnotherKnownKey => {
                let stand_in = Local {
                    instance_id: self.local.instance_id.clone(),
                    ..self.stand_in.clone()?
                };
                *handshake = own_handshake(&stand_in, &self.secret, transcript);
            }
            IdentityFault::LowOrderKey
            | IdentityFault::LowOrderKeyWithSign
            | IdentityFault::LowOrderKeyNotReduced
            | IdentityFault::KeyOfOrderEight => {
                let key = LowOrder::of(fault)?;
                let hash = Sha256::digest(key.public_key());
                handshake.public_key = Some(v1::PublicKey {
                    keyid: format!("{KEYID_PREFIX}{}", URL_SAFE_NO_PAD.encode(hash)),
                    ed25519pub: STANDARD_NO_PAD.encode(key.public_key()),
                });
                handshake.signature = key.sign(&signed_hash(handshake, transcript));
            }
            // Claimed before it was signed.
            IdentityFault::OtherInstanceId | IdentityFault::InstanceIdOtherCase => {
                return Some(false);
            }
        }
        Some(true)
    }

    /// An identity that nobody knows.
    fn stranger(&self) -> Identity {
        Identity::from_seed(&self.entropy.bytes("stranger"))
    }

    fn spoil_key(&self, handshake: &mut SyncActionHandshake, fault: PublicKeyFault) -> bool {
        let bytes = self.local.identity.public_key();
        let text = match fault {
            PublicKeyFault::Missing => {
                handshake.public_key = None;
                return true;
            }
            PublicKeyFault::Empty => String::new(),
            PublicKeyFault::OneByteShort => STANDARD_NO_PAD.encode(&bytes[..31]),
            PublicKeyFault::OneByteLong => {
                STANDARD_NO_PAD.encode([bytes.as_slice(), &[0]].concat())
            }
            PublicKeyFault::Hex => hex(&bytes),
            PublicKeyFault::Padded => STANDARD.encode(bytes),
            PublicKeyFault::UrlSafe => url_safe(&bytes),
            PublicKeyFault::LineBreak => format!("{}\n", STANDARD_NO_PAD.encode(bytes)),
            PublicKeyFault::TrailingBits => with_trailing_bits(&STANDARD_NO_PAD.encode(bytes)),
            PublicKeyFault::OtherKey => self.stranger().public_key_text(),
        };
        with_key(handshake, |key| key.ed25519pub = text)
    }

    fn spoil_keyid(&self, handshake: &mut SyncActionHandshake, fault: KeyIdFault) -> bool {
        let honest = self.local.identity.keyid();
        let bare = honest.strip_prefix(KEYID_PREFIX).unwrap_or(honest);
        let text = match fault {
            KeyIdFault::Empty => String::new(),
            KeyIdFault::OfAnotherKey => self.stranger().keyid().to_owned(),
            KeyIdFault::WithoutPrefix => bare.to_owned(),
            KeyIdFault::OtherPrefix => format!("ed448.{bare}"),
            KeyIdFault::Truncated => honest[..honest.len() - 1].to_owned(),
            KeyIdFault::OtherCase => other_case(honest),
            KeyIdFault::Padded => format!("{honest}="),
        };
        with_key(handshake, |key| key.keyid = text)
    }

    fn spoil_signature(
        &self,
        handshake: &mut SyncActionHandshake,
        fault: SignatureFault,
        signed: &[u8],
    ) -> bool {
        let signature = &mut handshake.signature;
        match fault {
            SignatureFault::Empty => signature.clear(),
            SignatureFault::OneByteShort => {
                signature.pop();
            }
            SignatureFault::OneByteLong => signature.push(0),
            SignatureFault::Zero => signature.fill(0),
            SignatureFault::Random => *signature = self.entropy.bytes::<64>("signature").to_vec(),
            SignatureFault::OfAnotherKey => *signature = self.stranger().sign(signed).to_vec(),
            SignatureFault::FlippedInR => signature[0] ^= 1,
            SignatureFault::FlippedInS => signature[32] ^= 1,
            SignatureFault::Malleated => add_group_order(&mut signature[32..]),
        }
        true
    }

    /// The hash that is signed in place of the agreed one.
    fn other_hash(
        &self,
        handshake: &SyncActionHandshake,
        transcript: &[u8; 32],
        fault: SignOver,
        earlier: Option<&Memory>,
    ) -> Vec<u8> {
        let honest = claims_of(handshake, transcript);
        let hash = |claims: HandshakeClaims<'_>| claims.hash().to_vec();
        match fault {
            SignOver::OtherTranscript => {
                let other = earlier
                    .and_then(|memory| memory.transcript)
                    .unwrap_or_else(|| self.entropy.bytes("transcript"));
                hash(HandshakeClaims {
                    transcript: &other,
                    ..honest
                })
            }
            SignOver::EmptyTranscript => hash(HandshakeClaims {
                transcript: &[],
                ..honest
            }),
            SignOver::ZeroTranscript => hash(HandshakeClaims {
                transcript: &[0; 32],
                ..honest
            }),
            SignOver::OtherInstanceId => hash(HandshakeClaims {
                instance_id: "another",
                ..honest
            }),
            SignOver::EmptyInstanceId => hash(HandshakeClaims {
                instance_id: "",
                ..honest
            }),
            SignOver::OtherVersion => hash(HandshakeClaims {
                protocol_version: honest.protocol_version + 1,
                ..honest
            }),
            SignOver::UnsentSecret => hash(HandshakeClaims {
                pairing_secret: "unsent",
                ..honest
            }),
            SignOver::WithoutSecret => hash(HandshakeClaims {
                pairing_secret: "",
                ..honest
            }),
            SignOver::ShiftedBorder => {
                // Fixture instance ids are ASCII, so the last byte is a character.
                let (head, tail) = honest
                    .instance_id
                    .split_at(honest.instance_id.len().saturating_sub(1));
                let secret = format!("{tail}{}", honest.pairing_secret);
                hash(HandshakeClaims {
                    instance_id: head,
                    pairing_secret: &secret,
                    ..honest
                })
            }
            SignOver::WithoutLengths => sha256(&plain_input(&honest, LABEL, Lengths::None)),
            SignOver::LittleEndian => sha256(&plain_input(&honest, LABEL, Lengths::LittleEndian)),
            SignOver::OtherLabel => sha256(&plain_input(
                &honest,
                b"backrest-sync-handshake/v2\0",
                Lengths::BigEndian,
            )),
            SignOver::LabelWithoutNul => sha256(&plain_input(
                &honest,
                &LABEL[..LABEL.len() - 1],
                Lengths::BigEndian,
            )),
            SignOver::UnhashedInput => plain_input(&honest, LABEL, Lengths::BigEndian),
        }
    }
}

fn claims_of<'a>(
    handshake: &'a SyncActionHandshake,
    transcript: &'a [u8; 32],
) -> HandshakeClaims<'a> {
    HandshakeClaims {
        protocol_version: handshake.protocol_version,
        instance_id: &handshake.instance_id,
        pairing_secret: &handshake.pairing_secret,
        transcript,
    }
}

fn signed_hash(handshake: &SyncActionHandshake, transcript: &[u8; 32]) -> Vec<u8> {
    claims_of(handshake, transcript).hash().to_vec()
}

enum Lengths {
    BigEndian,
    LittleEndian,
    None,
}

/// The hash input written out, so that its parts can be got wrong one by one.
fn plain_input(claims: &HandshakeClaims<'_>, label: &[u8], lengths: Lengths) -> Vec<u8> {
    let mut input = label.to_vec();
    match lengths {
        Lengths::LittleEndian => input.extend(claims.protocol_version.to_le_bytes()),
        Lengths::BigEndian | Lengths::None => input.extend(claims.protocol_version.to_be_bytes()),
    }
    for field in [
        claims.instance_id.as_bytes(),
        claims.pairing_secret.as_bytes(),
        claims.transcript,
    ] {
        // Fields of a scenario are far below 4 GiB.
        let length = field.len() as u32;
        match lengths {
            Lengths::BigEndian => input.extend(length.to_be_bytes()),
            Lengths::LittleEndian => input.extend(length.to_le_bytes()),
            Lengths::None => {}
        }
        input.extend(field);
    }
    input
}

fn sha256(input: &[u8]) -> Vec<u8> {
    Sha256::digest(input).to_vec()
}

fn with_key(handshake: &mut SyncActionHandshake, change: impl FnOnce(&mut v1::PublicKey)) -> bool {
    handshake.public_key.as_mut().map(change).is_some()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The URL-safe text; where it happens to be the standard one too, an alphabet of its own makes it differ.
fn url_safe(bytes: &[u8]) -> String {
    let text = URL_SAFE_NO_PAD.encode(bytes);
    if text != STANDARD_NO_PAD.encode(bytes) {
        return text;
    }
    let bcrypt = GeneralPurpose::new(&alphabet::BCRYPT, NO_PAD);
    bcrypt.encode(bytes)
}

/// The same 32 bytes, spelt with an unused bit set in the last character.
fn with_trailing_bits(text: &str) -> String {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut characters: Vec<char> = text.chars().collect();
    if let Some(last) = characters.last_mut()
        && let Some(next) = ALPHABET
            .find(*last)
            .and_then(|index| ALPHABET.chars().nth(index + 1))
    {
        *last = next;
    }
    characters.into_iter().collect()
}

fn other_case(text: &str) -> String {
    text.chars()
        .map(|character| match character.is_ascii_lowercase() {
            true => character.to_ascii_uppercase(),
            false => character.to_ascii_lowercase(),
        })
        .collect()
}

/// Adds the group order to a little-endian scalar below it: 253 bits, so no carry is lost.
fn add_group_order(scalar: &mut [u8]) {
    let mut carry = 0;
    for (byte, order) in scalar.iter_mut().zip(GROUP_ORDER) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        *byte = sum as u8;
        carry = sum >> 8;
    }
}
