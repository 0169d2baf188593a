//! `messages.json`: protobuf JSON against bytes, and bytes that implementations read differently.

use prost::Message;
use prost_reflect::{DynamicMessage, MessageDescriptor};
use serde::Deserialize;
use serde_json::Value;

use super::{
    case::{Case, Context, Of},
    dynamic::{descriptor, encode_canonical, encode_go, from_bytes, from_json, same_json, to_json},
    findings::{Findings, Strict, outcome, refuses},
    format::{Deployed, Hex, NoFields},
    static_types,
};
use crate::wire::decode::{DecodeError, DecodeFault, Normalized, Reading, normalize};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Mapping {
    message: String,
    json: Value,
    binary: Hex,
    binary_go: Option<Hex>,
}

impl Case for Of<NoFields, Mapping> {
    fn check(&self, context: &Context<'_>) -> Findings {
        let (test, mut findings) = (&self.test, Findings::default());
        let Some(descriptor) = findings.value("message", descriptor(&test.message)) else {
            return findings;
        };
        if let Some(message) = findings.value("json", from_json(&descriptor, &test.json)) {
            findings.bytes("binary", &test.binary, &encode_canonical(&message));
            let go = encode_go(&message);
            let listed = test.binary_go.as_ref().unwrap_or(&test.binary);
            findings.bytes("binary_go", listed, &go);
            findings.ensure(
                "binary_go",
                test.binary_go.is_none() || go != *test.binary,
                "to be listed only where it differs from binary",
            );
        }
        test.binary(&test.binary, &descriptor, context, &mut findings);
        if let Some(bytes) = &test.binary_go {
            test.binary(bytes, &descriptor, context, &mut findings);
        }
        findings
    }
}

impl Mapping {
    fn binary(
        &self,
        bytes: &[u8],
        descriptor: &MessageDescriptor,
        context: &Context<'_>,
        findings: &mut Findings,
    ) {
        let strict = normalize(descriptor, bytes, Reading::Strict);
        let deployed = normalize(descriptor, bytes, Reading::Deployed);
        findings.verdict(
            context.expected(),
            refusal,
            outcome(&strict),
            outcome(&deployed),
        );
        findings.ensure(
            "binary",
            strict == deployed,
            "the same fields under both readings",
        );
        if let Ok(known) = strict {
            findings.ensure("binary", !known.unknown_seen, "only known fields");
            decoded(
                descriptor,
                &known,
                &self.json,
                &self.binary,
                "binary",
                findings,
            );
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WireEdge {
    message: String,
    binary: Hex,
    json: Option<Value>,
    canonical: Option<Hex>,
    canonical_go: Option<Hex>,
    unknown_kept: Option<bool>,
    go: Option<Deployed>,
}

impl Case for Of<NoFields, WireEdge> {
    fn check(&self, context: &Context<'_>) -> Findings {
        let (test, mut findings) = (&self.test, Findings::default());
        let Some(descriptor) = findings.value("message", descriptor(&test.message)) else {
            return findings;
        };
        let strict = normalize(&descriptor, &test.binary, Reading::Strict);
        let deployed = normalize(&descriptor, &test.binary, Reading::Deployed);
        findings.verdict(
            context.expected(),
            refusal,
            outcome(&strict),
            outcome(&deployed),
        );
        findings.deployed("go", context.expected(), test.go, outcome(&deployed));

        let unknown = deployed.as_ref().ok().map(|known| known.unknown_seen);
        findings.equal("unknown_kept", test.unknown_kept, unknown);
        match (&test.json, &test.canonical, &deployed) {
            (Some(json), Some(canonical), Ok(known)) => {
                let message = decoded(
                    &descriptor,
                    known,
                    json,
                    canonical,
                    "canonical",
                    &mut findings,
                );
                let go = message.as_ref().map(encode_go);
                let listed = test.canonical_go.as_ref().unwrap_or(canonical);
                findings.bytes_if_any("canonical_go", Some(listed), go.as_deref());
                let alike = strict.as_ref().is_err() || strict == deployed;
                findings.ensure("canonical", alike, "the same fields under both readings");
            }
            (None, None, Err(_)) => {
                findings.equal("canonical_go", test.canonical_go.as_ref(), None);
            }
            (json, canonical, _) => {
                let listed = json.is_some() && canonical.is_some();
                findings.equal("canonical", listed, deployed.is_ok());
            }
        }
        findings
    }
}

/// Holds the listed JSON and canonical bytes against what both kinds of types make of the message.
fn decoded(
    descriptor: &MessageDescriptor,
    normalized: &Normalized,
    json: &Value,
    canonical: &[u8],
    bytes_field: &str,
    findings: &mut Findings,
) -> Option<DynamicMessage> {
    let message = findings.value(bytes_field, from_bytes(descriptor, &normalized.known))?;
    let ours = findings.value("json", to_json(&message))?;
    if !same_json(json, &ours) {
        findings.mismatch("json", json, ours);
    }
    findings.bytes(bytes_field, canonical, &encode_canonical(&message));

    let generated = static_types::reencode(descriptor.full_name(), &normalized.known);
    let generated = findings.value(bytes_field, generated)?;
    // A generated type may order oneofs otherwise, and drops minus zero as prost-reflect does; apart from that, the
    // same fields are the same message.
    let reread = findings.value(bytes_field, from_bytes(descriptor, &generated))?;
    findings.bytes(
        bytes_field,
        &message.encode_to_vec(),
        &reread.encode_to_vec(),
    );
    Some(message)
}

/// What each listed reason says about our error.
fn refusal(reason: &str) -> Option<Strict<DecodeError>> {
    let fault =
        |wanted: fn(&DecodeFault) -> bool| refuses(move |error: &DecodeError| wanted(&error.fault));
    match reason {
        "truncated" | "truncated tag" | "truncated varint" | "truncated varint in packed field" => {
            fault(|fault| *fault == DecodeFault::Truncated)
        }
        "varint longer than ten bytes" | "varint overflows 64 bits" => {
            fault(|fault| *fault == DecodeFault::VarintTooLarge)
        }
        "over-long" | "over-long but within five bytes" | "over-long but within ten bytes" => {
            fault(|fault| *fault == DecodeFault::VarintNotMinimal)
        }
        "length exceeds input" | "inner length exceeds the outer field" => {
            fault(|fault| matches!(fault, DecodeFault::LengthExceedsInput { .. }))
        }
        "int32 -1 should be ten bytes" | "value out of range" => {
            fault(|fault| matches!(fault, DecodeFault::OutOfRange { .. }))
        }
        "recursion limit" | "recursion limits differ" => {
            fault(|fault| *fault == DecodeFault::NestingTooDeep)
        }
        "unmatched end group" | "mismatched end group" => {
            fault(|fault| matches!(fault, DecodeFault::GroupEndUnmatched { .. }))
        }
        "unterminated group" => {
            fault(|fault| matches!(fault, DecodeFault::GroupUnterminated { .. }))
        }
        "wrong wire type" => fault(|fault| matches!(fault, DecodeFault::WrongWireType { .. })),
        "no such wire type" => fault(|fault| matches!(fault, DecodeFault::WireType { .. })),
        "no such field number" | "field number too large" => {
            fault(|fault| matches!(fault, DecodeFault::FieldNumber { .. }))
        }
        "proto3 strings must be UTF-8" => {
            fault(|fault| matches!(fault, DecodeFault::NotUtf8 { .. }))
        }
        // On the wire it is one string of unusual characters: nothing tells a reader that a list was meant.
        "strings cannot be packed: one string with those bytes" => Some(Strict::Accepts),
        _ => None,
    }
}
