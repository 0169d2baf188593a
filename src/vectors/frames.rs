//! `frames.json`: sealing, and what a receiver makes of an envelope.

use std::convert::Infallible;

use prost::Message;
use serde::Deserialize;
use serde_json::Value;

use super::{
    case::{Case, Context, Of, hex_field},
    dynamic::{encode_go, from_bytes, from_json, same_json, to_json},
    findings::{Findings, Strict, outcome, refuses},
    format::{Decimal, Hex, HexArray, NoFields},
    receiver::{FrameFault, open_frame},
};
use crate::{
    crypto::{
        hpke::SessionKeys,
        kem::{KemId, SharedSecret},
        seal::{OpenError, Sealed, Sealer, nonce_for},
        transcript::{TRANSPORT_VERSION, transport_transcript},
    },
    wire::{
        Action, SyncStreamItem,
        decode::{DecodeFault, Reading},
        item_descriptor,
        v1sync::sync_stream_item::SyncActionEncrypted,
    },
};

/// One direction of the session that another test's key exchange gives.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Direction {
    direction: Way,
    key: HexArray<32>,
    kem_test: String,
    transcript: Hex,
}

/// Who seals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Way {
    InitiatorToResponder,
    ResponderToInitiator,
}

impl Way {
    pub(super) fn key(self, keys: &SessionKeys) -> [u8; 32] {
        match self {
            Way::InitiatorToResponder => keys.initiator_to_responder,
            Way::ResponderToInitiator => keys.responder_to_initiator,
        }
    }
}

impl Direction {
    fn check(&self, context: &Context<'_>, findings: &mut Findings) {
        let exchange = context.set.test(&self.kem_test);
        let part = |field| hex_field(exchange?, field);
        let secret = part("shared_secret").and_then(|secret| secret.try_into().ok());
        let (Some(secret), Some(public_key), Some(enc)) = (secret, part("public_key"), part("enc"))
        else {
            findings.mismatch("kem_test", "a test with a key exchange", &self.kem_test);
            return;
        };
        let keys = SessionKeys::derive(KemId::MlKem1024P384, &SharedSecret::new(secret));
        findings.bytes("key", &*self.key, &self.direction.key(&keys));
        let transcript = transport_transcript(TRANSPORT_VERSION, &public_key, &enc);
        findings.bytes("transcript", &self.transcript, &transcript);
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Seal {
    counter: Decimal<u64>,
    plaintext: Hex,
    plaintext_json: Option<Value>,
    nonce: Hex,
    ciphertext: Hex,
    envelope: Hex,
}

impl Case for Of<Direction, Seal> {
    fn check(&self, context: &Context<'_>) -> Findings {
        let (test, mut findings) = (&self.test, Findings::default());
        findings.verdict::<Infallible>(context.expected(), |_| None, Ok(()), Ok(()));
        self.group.check(context, &mut findings);
        let frame = Frame {
            key: &self.group.key,
            counter: test.counter.0,
            plaintext: &test.plaintext,
            plaintext_json: test.plaintext_json.as_ref(),
            nonce: &test.nonce,
            ciphertext: &test.ciphertext,
            envelope: &test.envelope,
        };
        frame.check(&mut findings);
        findings
    }
}

/// A sealed item with everything on the way to it, as frames and sessions list it.
pub(super) struct Frame<'a> {
    pub(super) key: &'a [u8; 32],
    pub(super) counter: u64,
    pub(super) plaintext: &'a [u8],
    pub(super) plaintext_json: Option<&'a Value>,
    pub(super) nonce: &'a [u8],
    pub(super) ciphertext: &'a [u8],
    pub(super) envelope: &'a [u8],
}

impl Frame<'_> {
    pub(super) fn check(&self, findings: &mut Findings) {
        let sealed = Sealer::starting_at(*self.key, self.counter).seal(self.plaintext);
        if let Some(Sealed { nonce, ciphertext }) = findings.value("counter", sealed) {
            findings.bytes("nonce", self.nonce, &nonce);
            findings.bytes("ciphertext", self.ciphertext, &ciphertext);
            let encrypted = SyncActionEncrypted {
                nonce: nonce.to_vec(),
                ciphertext,
            };
            let item = SyncStreamItem {
                action: Some(Action::Encrypted(encrypted)),
            };
            findings.bytes("envelope", self.envelope, &item.encode_to_vec());
        }
        match open_frame(self.key, self.counter, self.envelope, Reading::Strict) {
            Ok((plaintext, _)) => findings.bytes("plaintext", self.plaintext, &plaintext),
            // A frame may carry what no session sends: it is about sealing.
            Err(FrameFault::NotASessionAction { plaintext, .. }) => {
                findings.bytes("plaintext", self.plaintext, &plaintext);
            }
            Err(fault) => findings.mismatch("envelope", "a frame that opens", fault),
        }
        if let Some(json) = self.plaintext_json {
            item_json(json, self.plaintext, findings);
        }
    }
}

/// Holds an item's JSON against its bytes, in the order that a Go peer writes them.
fn item_json(json: &Value, plaintext: &[u8], findings: &mut Findings) {
    let descriptor = item_descriptor();
    if let Some(message) = findings.value("plaintext_json", from_json(descriptor, json)) {
        findings.bytes("plaintext", plaintext, &encode_go(&message));
    }
    let ours = from_bytes(descriptor, plaintext).and_then(|message| to_json(&message));
    if let Some(ours) = findings.value("plaintext", ours)
        && !same_json(json, &ours)
    {
        findings.mismatch("plaintext_json", json, ours);
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Open {
    key: HexArray<32>,
    expected_counter: Decimal<u64>,
    envelope: Hex,
    plaintext: Option<Hex>,
    reject_stage: Option<Stage>,
}

/// How far a receiver gets with an envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Stage {
    Envelope,
    Nonce,
    Decrypt,
    Protobuf,
    Session,
}

impl Stage {
    fn of(fault: &FrameFault) -> Self {
        match fault {
            FrameFault::Envelope(_) | FrameFault::NotEncrypted { .. } => Stage::Envelope,
            FrameFault::Open(OpenError::NonceLength { .. } | OpenError::NonceUnexpected { .. }) => {
                Stage::Nonce
            }
            FrameFault::Open(_) => Stage::Decrypt,
            FrameFault::Plaintext { .. } => Stage::Protobuf,
            FrameFault::NotASessionAction { .. } => Stage::Session,
        }
    }
}

impl Case for Of<NoFields, Open> {
    fn check(&self, context: &Context<'_>) -> Findings {
        let (test, mut findings) = (&self.test, Findings::default());
        let open =
            |reading| open_frame(&test.key, test.expected_counter.0, &test.envelope, reading);
        let [strict, deployed] = [Reading::Strict, Reading::Deployed].map(open);
        findings.verdict(
            context.expected(),
            refusal,
            outcome(&strict),
            outcome(&deployed),
        );
        for result in [&strict, &deployed] {
            findings.equal(
                "reject_stage",
                test.reject_stage,
                result.as_ref().err().map(Stage::of),
            );
            let opened = match result {
                Ok((plaintext, _)) => Some(plaintext.as_slice()),
                Err(fault) => fault.plaintext(),
            };
            findings.bytes_if_any("plaintext", test.plaintext.as_deref(), opened);
        }
        findings
    }
}

/// What each listed reason says about our error.
fn refusal(reason: &str) -> Option<Strict<FrameFault>> {
    if let Some((expected, received)) = listed_counters(reason) {
        return refuses(move |fault| match fault {
            FrameFault::Open(OpenError::NonceUnexpected {
                expected_counter,
                seen,
            }) => {
                *expected_counter == expected
                    && received.is_none_or(|received| *seen == nonce_for(received))
            }
            _ => false,
        });
    }
    match reason {
        "last oneof member is not encrypted" | "only encrypted actions after the key exchange" => {
            refuses(|fault| matches!(fault, FrameFault::NotEncrypted { seen } if seen.is_some()))
        }
        "no action" => refuses(|fault| matches!(fault, FrameFault::NotEncrypted { seen: None })),
        "not a protobuf message" => refuses(|fault| matches!(fault, FrameFault::Envelope(_))),
        "truncated protobuf" => refuses(|fault| {
            matches!(fault, FrameFault::Envelope(error)
                if matches!(error.fault, DecodeFault::Truncated | DecodeFault::LengthExceedsInput { .. }))
        }),
        "nonce must be 12 bytes" => {
            refuses(|fault| matches!(fault, FrameFault::Open(OpenError::NonceLength { .. })))
        }
        "counter is big-endian in the last 8 bytes"
        | "counter stands in the last 8 bytes"
        | "first four bytes must be zero"
        | "nonce is a counter" => {
            refuses(|fault| matches!(fault, FrameFault::Open(OpenError::NonceUnexpected { .. })))
        }
        "authentication fails"
        | "wrong direction key"
        | "wrong key"
        | "wrong nonce inside"
        | "nonce is authenticated"
        | "no associated data"
        | "wrong cipher"
        | "no authentication" => refuses(|fault| {
            matches!(
                fault,
                FrameFault::Open(OpenError::TagMismatch | OpenError::TooShort { .. })
            )
        }),
        "plaintext is not a SyncStreamItem" => {
            refuses(|fault| matches!(fault, FrameFault::Plaintext { .. }))
        }
        "proto3 strings must be UTF-8" => refuses(|fault| {
            matches!(fault, FrameFault::Plaintext { error, .. }
                if matches!(error.fault, DecodeFault::NotUtf8 { .. }))
        }),
        "no nesting: no session action" => refuses(
            |fault| matches!(fault, FrameFault::NotASessionAction { seen: Some(seen), .. } if seen == "encrypted"),
        ),
        "no session action" => {
            refuses(|fault| matches!(fault, FrameFault::NotASessionAction { .. }))
        }
        _ => None,
    }
}

/// The counters in `counter 1 expected, 0 received` and `counter 0 expected`.
fn listed_counters(reason: &str) -> Option<(u64, Option<u64>)> {
    let (expected, rest) = reason.strip_prefix("counter ")?.split_once(" expected")?;
    let expected = expected.parse().ok()?;
    match rest {
        "" => Some((expected, None)),
        rest => {
            let received = rest.strip_prefix(", ")?.strip_suffix(" received")?;
            Some((expected, Some(received.parse().ok()?)))
        }
    }
}
