//! `transcript.json`: the transcript, and what it becomes under one mistake each.

use std::convert::Infallible;

use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{
    case::{Case, Context, Of},
    findings::Findings,
    format::{Expected, Hex, HexArray, NoFields, hex},
};
use crate::crypto::{
    kem::MLKEM_KEY_LEN_BYTES,
    transcript::{LABEL, transport_transcript},
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Transcript {
    version: u32,
    initiator_public_key: Hex,
    enc: Hex,
    transcript: HexArray<32>,
    differs_from: Option<String>,
}

impl Case for Of<NoFields, Transcript> {
    fn check(&self, context: &Context<'_>) -> Findings {
        let (test, mut findings) = (&self.test, Findings::default());
        label(context, &mut findings);
        findings.verdict::<Infallible>(context.expected(), |_| None, Ok(()), Ok(()));
        let seen = transport_transcript(test.version, &test.initiator_public_key, &test.enc);
        findings.bytes("transcript", &*test.transcript, &seen);
        if let Some(id) = &test.differs_from {
            let other = context.hex_of(id, "transcript");
            let differs = other.is_some_and(|other| other != *test.transcript);
            findings.ensure("differs_from", differs, "a test with another transcript");
        }
        findings
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wrong {
    version: u32,
    initiator_public_key: Hex,
    enc: Hex,
    transcript: Hex,
    expected_transcript: Hex,
}

impl Case for Of<NoFields, Wrong> {
    fn check(&self, context: &Context<'_>) -> Findings {
        let (test, mut findings) = (&self.test, Findings::default());
        label(context, &mut findings);
        let right = transport_transcript(test.version, &test.initiator_public_key, &test.enc);
        findings.bytes("expected_transcript", &test.expected_transcript, &right);
        findings.ensure(
            "transcript",
            *test.transcript != right,
            "another value than the right one",
        );

        let comment = context.entry.comment.as_str();
        let Some((reason, seen)) = test.mistaken(comment) else {
            findings.mismatch("comment", "a known mistake", comment);
            return findings;
        };
        findings.bytes("transcript", &test.transcript, &seen);
        let expected = Expected::Invalid {
            reason: reason.to_owned(),
        };
        findings.equal("reason", context.expected(), &expected);
        findings
    }
}

impl Wrong {
    /// What comes of the mistake with this name, and the reason it is listed under.
    fn mistaken(&self, comment: &str) -> Option<(&'static str, [u8; 32])> {
        let (key, enc): (&[u8], &[u8]) = (&self.initiator_public_key, &self.enc);
        let version = self.version.to_be_bytes();
        let (key_len, enc_len) = (key.len() as u32, enc.len() as u32);
        let (key_be, enc_be) = (key_len.to_be_bytes(), enc_len.to_be_bytes());
        let transcript =
            |label: &[u8], version: &[u8]| sha256(&[label, version, &key_be, key, &enc_be, enc]);

        Some(match comment {
            "label without its NUL" => (
                "label must end in NUL",
                transcript(&LABEL[..LABEL.len() - 1], &version),
            ),
            "label of the handshake hash" => (
                "wrong domain label",
                transcript(b"backrest-sync-handshake/v1\0", &version),
            ),
            "version left out" => ("version is part of the hash", transcript(LABEL, b"")),
            "version as 8 bytes" => (
                "version is u32 here (it is u64 in the handshake hash)",
                transcript(LABEL, &u64::from(self.version).to_be_bytes()),
            ),
            "little-endian version" => {
                ("big-endian", transcript(LABEL, &self.version.to_le_bytes()))
            }
            "application protocol version 3" => {
                ("transport version is 1", transport_transcript(3, key, enc))
            }
            "little-endian lengths" => (
                "big-endian",
                sha256(&[
                    LABEL,
                    &version,
                    &key_len.to_le_bytes(),
                    key,
                    &enc_len.to_le_bytes(),
                    enc,
                ]),
            ),
            "no length prefixes" => (
                "length prefixes left out",
                sha256(&[LABEL, &version, key, enc]),
            ),
            "16-bit lengths" => (
                "lengths are u32",
                sha256(&[LABEL, &version, &key_be[2..], key, &enc_be[2..], enc]),
            ),
            "enc before public key" => {
                ("wrong order", transport_transcript(self.version, enc, key))
            }
            "hashed twice" => (
                "single SHA-256",
                sha256(&[&transport_transcript(self.version, key, enc)]),
            ),
            "hash of hex text" => (
                "raw bytes are hashed",
                transport_transcript(self.version, hex(key).as_bytes(), hex(enc).as_bytes()),
            ),
            "only the P-384 parts" => {
                let (key, enc) = (
                    key.get(MLKEM_KEY_LEN_BYTES..)?,
                    enc.get(MLKEM_KEY_LEN_BYTES..)?,
                );
                (
                    "whole public key and enc are hashed",
                    transport_transcript(self.version, key, enc),
                )
            }
            _ => return None,
        })
    }
}

fn label(context: &Context<'_>, findings: &mut Findings) {
    let listed = context.algorithm("label").and_then(Value::as_str);
    findings.equal("algorithm.label", listed, Some(hex(LABEL).as_str()));
}

fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    Sha256::digest(parts.concat()).into()
}
