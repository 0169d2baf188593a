//! `schedule.json`, group `misread`: what a peer derives that departs from the protocol in one named way, and that a
//! receiver does not open its first frame.

use hkdf::Hkdf;
use serde::Deserialize;
use sha2::Sha256;
use sha3::{Digest, Sha3_256};

use super::{
    case::{Case, Context, Of, hex_field},
    findings::{Findings, Strict, outcome, refuses},
    format::{Hex, HexArray, NoFields},
};
use crate::crypto::{
    hpke::{
        INFO, INITIATOR_TO_RESPONDER_LABEL, KeySchedule, RESPONDER_TO_INITIATOR_LABEL, SessionKeys,
        suite_id,
    },
    kem::{KemId, MLKEM_KEY_LEN_BYTES},
    seal::{OpenError, Opener, nonce_for, seal_with},
};

/// The initiator's first frame in every row: a heartbeat.
const FIRST_PLAINTEXT: [u8; 2] = [0x22, 0x00];

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Misread {
    shared_secret: HexArray<32>,
    good_shared_secret: Option<HexArray<32>>,
    initiator_to_responder_key: HexArray<32>,
    responder_to_initiator_key: Hex,
    first_frame_nonce: Hex,
    first_frame_ciphertext: Hex,
}

impl Case for Of<NoFields, Misread> {
    fn check(&self, context: &Context<'_>) -> Findings {
        let (test, mut findings) = (&self.test, Findings::default());
        let comment = context.entry.comment.as_str();
        match test.peer_keys(comment, context, &mut findings) {
            Some([i2r, r2i]) => {
                findings.bytes(
                    "initiator_to_responder_key",
                    &*test.initiator_to_responder_key,
                    &i2r,
                );
                findings.bytes(
                    "responder_to_initiator_key",
                    &test.responder_to_initiator_key,
                    &r2i,
                );
            }
            None => findings.mismatch("comment", "a known misreading", comment),
        }
        let nonce = nonce_for(0);
        findings.bytes("first_frame_nonce", &test.first_frame_nonce, &nonce);
        let sealed = seal_with(
            &test.initiator_to_responder_key,
            &nonce,
            b"",
            &FIRST_PLAINTEXT,
        );
        findings.bytes(
            "first_frame_ciphertext",
            &test.first_frame_ciphertext,
            &sealed,
        );

        let good = test.good_shared_secret.unwrap_or(test.shared_secret);
        let keys = SessionKeys::export(&KeySchedule::new(KemId::MlKem1024P384, &*good, INFO));
        let opened =
            Opener::new(keys.initiator_to_responder).open(&nonce, &test.first_frame_ciphertext);
        findings.verdict(
            context.expected(),
            does_not_open,
            outcome(&opened),
            outcome(&opened),
        );
        findings
    }
}

impl Misread {
    /// Both keys as the peer of this row comes to them; `None` when no misreading has this name.
    fn peer_keys(
        &self,
        comment: &str,
        context: &Context<'_>,
        findings: &mut Findings,
    ) -> Option<[[u8; 32]; 2]> {
        if let Some(combiner) = comment
            .strip_prefix("combiner ")
            .or_else(|| (comment == "ML-KEM secret alone").then_some(comment))
        {
            let secret = self.recombined(combiner, context)?;
            findings.bytes("shared_secret", &*self.shared_secret, &secret);
        }
        let schedule =
            |suite, info: &[u8]| KeySchedule::with_suite(suite, &*self.shared_secret, info);
        let right = schedule(suite_id(KemId::MlKem1024P384), INFO);
        let labels = (INITIATOR_TO_RESPONDER_LABEL, RESPONDER_TO_INITIATOR_LABEL);
        let exported = |from: &KeySchedule, (i2r, r2i): (&[u8], &[u8])| {
            [from.export_key(i2r), from.export_key(r2i)]
        };
        if let Some(suite) = misread_suite(comment, right.suite_id) {
            return Some(exported(&schedule(suite, INFO), labels));
        }
        if let Some(info) = misread_info(comment) {
            return Some(exported(&schedule(right.suite_id, info), labels));
        }
        Some(match comment {
            "the two directions exchanged" => exported(&right, (labels.1, labels.0)),
            "labels with v3" => exported(
                &right,
                (
                    b"backrest-sync-session-key/v3/initiator-to-responder",
                    b"backrest-sync-session-key/v3/responder-to-initiator",
                ),
            ),
            "labels i2r / r2i" => exported(
                &right,
                (
                    b"backrest-sync-session-key/v1/i2r",
                    b"backrest-sync-session-key/v1/r2i",
                ),
            ),
            "HPKE key used for both directions instead of exported keys" => [right.key; 2],
            "shared secret used as the key of both directions" => [*self.shared_secret; 2],
            "plain HKDF-Expand of exporter_secret without the HPKE labels" => [
                plain_expand(&right.exporter_secret, labels.0)?,
                plain_expand(&right.exporter_secret, labels.1)?,
            ],
            "the protocol as it is (reference row)" | "ML-KEM secret alone" => {
                exported(&right, labels)
            }
            _ if comment.starts_with("combiner ") => exported(&right, labels),
            _ => return None,
        })
    }

    /// The shared secret that a misread combiner makes of the exchange whose right secret the row lists.
    fn recombined(&self, combiner: &str, context: &Context<'_>) -> Option<[u8; 32]> {
        let exchange = context.exchange_with(&*self.good_shared_secret?)?;
        let part = |field| hex_field(exchange, field);
        let (mlkem, ecdh) = (part("mlkem_shared_secret")?, part("ecdh_shared_secret")?);
        let (enc, public_key) = (part("enc")?, part("public_key")?);
        let (ct, ek) = (
            enc.get(MLKEM_KEY_LEN_BYTES..)?,
            public_key.get(MLKEM_KEY_LEN_BYTES..)?,
        );
        let label = b"MLKEM1024-P384".as_slice();

        Some(match combiner {
            "without the label" => sha3(&[&mlkem, &ecdh, ct, ek]),
            "with the label first" => sha3(&[label, &mlkem, &ecdh, ct, ek]),
            "with label MLKEM768-P256" => sha3(&[&mlkem, &ecdh, ct, ek, b"MLKEM768-P256"]),
            "with ekT before ctT" => sha3(&[&mlkem, &ecdh, ek, ct, label]),
            "with the ECDH secret first" => sha3(&[&ecdh, &mlkem, ct, ek, label]),
            "without ctT and ekT" => sha3(&[&mlkem, &ecdh, label]),
            "with the whole enc and public key" => sha3(&[&mlkem, &ecdh, &enc, &public_key, label]),
            "with SHA-256 in place of SHA3-256" => {
                Sha256::digest([&mlkem, &ecdh, ct, ek, label].concat()).into()
            }
            "with points without the 0x04 byte" => {
                sha3(&[&mlkem, &ecdh, ct.get(1..)?, ek.get(1..)?, label])
            }
            "ML-KEM secret alone" => mlkem.try_into().ok()?,
            _ => return None,
        })
    }
}

/// The suite of a row named `KEM id 0x0042 (...)`, `KDF id 0x...` or `AEAD id 0x...`.
fn misread_suite(comment: &str, right: [u8; 10]) -> Option<[u8; 10]> {
    let (which, rest) = comment.split_once(" id 0x")?;
    let at = match which {
        "KEM" => 4,
        "KDF" => 6,
        "AEAD" => 8,
        _ => return None,
    };
    let mut suite = right;
    suite[at..at + 2].copy_from_slice(&Hex::parse(rest.get(..4)?).ok()?);
    Some(suite)
}

fn misread_info(comment: &str) -> Option<&'static [u8]> {
    match comment {
        "empty info" => Some(b""),
        "info v0" => Some(b"backrest-sync-transport-v0"),
        "info v3 (application protocol version taken for the transport version)" => {
            Some(b"backrest-sync-transport-v3")
        }
        "info with trailing NUL" => Some(b"backrest-sync-transport-v1\0"),
        _ => None,
    }
}

fn plain_expand(prk: &[u8; 32], info: &[u8]) -> Option<[u8; 32]> {
    let mut out = [0; 32];
    Hkdf::<Sha256>::from_prk(prk)
        .ok()?
        .expand(info, &mut out)
        .ok()?;
    Some(out)
}

fn sha3(parts: &[&[u8]]) -> [u8; 32] {
    Sha3_256::digest(parts.concat()).into()
}

/// All rows end alike: the receiver, who read the protocol right, cannot open the first frame.
fn does_not_open(reason: &str) -> Option<Strict<OpenError>> {
    const REASONS: [&str; 16] = [
        "suite_id differs",
        "info differs",
        "keys of the two directions swapped",
        "exporter labels differ",
        "key is not an exported key",
        "no key schedule at all",
        "LabeledExpand left out",
        "label left out",
        "label at the wrong end",
        "wrong label",
        "wrong order",
        "the traditional part is not bound",
        "binds the ML-KEM parts too",
        "wrong hash",
        "points must be 97 bytes",
        "no hybrid",
    ];
    REASONS
        .contains(&reason)
        .then(|| refuses(|error| *error == OpenError::TagMismatch))
        .flatten()
}
