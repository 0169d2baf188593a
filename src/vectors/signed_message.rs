//! `signed_message.json`: SignedMessage, its signature and its age.

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use prost::Message;
use serde::Deserialize;

use super::{
    case::{Case, Context, Of},
    dynamic::descriptor,
    findings::{Findings, Strict, outcome, refuses},
    format::{Decimal, Deployed, Hex, HexArray, NoFields},
};
use crate::{
    crypto::{
        identity::{IdentityError, KeyPolicy, PeerKey},
        signed_message::{AGE_MS_MAX, FuturePolicy, SignedMessage, SignedMessageError, verify},
    },
    wire::{
        decode::{Reading, message_as},
        v1,
    },
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Verify {
    keyid: String,
    payload: Hex,
    signature: Hex,
    timestamp_millis: Decimal<i64>,
    verifier_keyid: String,
    verifier_public_key: HexArray<32>,
    now_millis: Decimal<i64>,
    signed_input: Hex,
    signature_verdict: bool,
    message: Hex,
    backrest: Option<Deployed>,
}

impl Case for Of<NoFields, Verify> {
    fn check(&self, context: &Context<'_>) -> Findings {
        let (test, mut findings) = (&self.test, Findings::default());
        let limit = context
            .algorithm("max_age_ms")
            .and_then(serde_json::Value::as_u64);
        findings.equal("algorithm.max_age_ms", limit, Some(AGE_MS_MAX));
        test.message(&mut findings);

        let message = SignedMessage {
            keyid: &test.keyid,
            payload: &test.payload,
            signature: &test.signature,
            timestamp_millis: test.timestamp_millis.0,
        };
        findings.bytes("signed_input", &test.signed_input, &message.signed_input());
        let text = STANDARD_NO_PAD.encode(*test.verifier_public_key);
        let key = PeerKey::decode(&test.verifier_keyid, &text, KeyPolicy::Strict);
        let Some(key) = findings.value("verifier_keyid", key) else {
            return findings;
        };
        let signed = key
            .verify(&message.signed_input(), message.signature)
            .is_ok();
        findings.equal("signature_verdict", test.signature_verdict, signed);

        let verify = |future| verify(&message, &key, test.now_millis.0, future);
        let [strict, deployed] = [FuturePolicy::Bounded, FuturePolicy::Unbounded].map(verify);
        findings.verdict(
            context.expected(),
            refusal,
            outcome(&strict),
            outcome(&deployed),
        );
        findings.deployed(
            "backrest",
            context.expected(),
            test.backrest,
            outcome(&deployed),
        );
        findings
    }
}

impl Verify {
    fn message(&self, findings: &mut Findings) {
        let message = v1::SignedMessage {
            keyid: self.keyid.clone(),
            payload: self.payload.to_vec(),
            signature: self.signature.to_vec(),
            timestamp_millis: self.timestamp_millis.0,
        };
        findings.bytes("message", &self.message, &message.encode_to_vec());
        let read = descriptor("v1.SignedMessage").and_then(|descriptor| {
            message_as::<v1::SignedMessage>(&descriptor, &self.message, Reading::Strict)
                .map_err(|error| error.to_string())
        });
        if let Some(read) = findings.value("message", read) {
            findings.equal("message", message, read);
        }
    }
}

/// What each listed reason says about our error.
fn refusal(reason: &str) -> Option<Strict<SignedMessageError>> {
    let is = |wanted| refuses(move |error| *error == wanted);
    let signature = |wanted: fn(&IdentityError) -> bool| {
        refuses(move |error| matches!(error, SignedMessageError::Signature(e) if wanted(e)))
    };
    match reason {
        "too old" => refuses(|error| matches!(error, SignedMessageError::TooOld { .. })),
        // Clocks differ; the text's five minutes hold in both directions.
        "timestamp after now" => Some(Strict::Accepts),
        "timestamp more than 5 minutes after now" => {
            refuses(|error| matches!(error, SignedMessageError::TooNew { .. }))
        }
        "payload must not be empty" => is(SignedMessageError::PayloadEmpty),
        "signature must not be empty" => is(SignedMessageError::SignatureEmpty),
        "key id must not be empty" => is(SignedMessageError::KeyIdEmpty),
        "key id differs from the verifying key" => {
            refuses(|error| matches!(error, SignedMessageError::KeyIdMismatch { .. }))
        }
        "signature length" => signature(|e| matches!(e, IdentityError::SignatureLength { .. })),
        "S must be below L" => signature(|e| *e == IdentityError::SignatureScalarNotReduced),
        "timestamp is signed"
        | "payload is signed"
        | "bad signature"
        | "signed by another key"
        | "the timestamp comes first in the signed bytes"
        | "the timestamp comes first"
        | "big-endian"
        | "milliseconds"
        | "eight bytes"
        | "the input itself is signed here" => signature(|e| *e == IdentityError::SignatureInvalid),
        _ => None,
    }
}
