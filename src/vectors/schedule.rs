//! `schedule.json`: the key schedule, HPKE's own ciphertexts, exports.

use serde::Deserialize;

use super::{
    case::{Case, Context, Of},
    findings::{Findings, Strict, outcome, refuses},
    format::{Hex, HexArray, kem_id},
    kem::KemGroup,
};
use crate::crypto::{
    hpke::{ExportError, KeySchedule, SessionKeys, export, suite_id},
    kem::KemId,
    seal::seal_with,
};

/// A group that names the whole suite.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SuiteGroup {
    #[serde(deserialize_with = "kem_id")]
    kem_id: KemId,
    kdf_id: HexArray<2>,
    aead_id: HexArray<2>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Schedule {
    shared_secret: HexArray<32>,
    info: Hex,
    suite_id: Hex,
    psk_id_hash: Hex,
    info_hash: Hex,
    key_schedule_context: Hex,
    secret: Hex,
    key: Hex,
    base_nonce: Hex,
    exporter_secret: Hex,
    initiator_to_responder_key: Hex,
    responder_to_initiator_key: Hex,
    seal0_plaintext: Hex,
    seal0: Hex,
    seal1: Hex,
}

impl Case for Of<SuiteGroup, Schedule> {
    fn check(&self, context: &Context<'_>) -> Findings {
        let (test, mut findings) = (&self.test, Findings::default());
        findings.verdict(context.expected(), too_long, Ok(()), Ok(()));
        let schedule = KeySchedule::new(self.group.kem_id, &*test.shared_secret, &test.info);
        findings.bytes("kdf_id", &*self.group.kdf_id, &schedule.suite_id[6..8]);
        findings.bytes("aead_id", &*self.group.aead_id, &schedule.suite_id[8..10]);

        findings.bytes("suite_id", &test.suite_id, &schedule.suite_id);
        findings.bytes("psk_id_hash", &test.psk_id_hash, &schedule.psk_id_hash);
        findings.bytes("info_hash", &test.info_hash, &schedule.info_hash);
        findings.bytes(
            "key_schedule_context",
            &test.key_schedule_context,
            &schedule.key_schedule_context,
        );
        findings.bytes("secret", &test.secret, &schedule.secret);
        findings.bytes("key", &test.key, &schedule.key);
        findings.bytes("base_nonce", &test.base_nonce, &schedule.base_nonce);
        findings.bytes(
            "exporter_secret",
            &test.exporter_secret,
            &schedule.exporter_secret,
        );

        let keys = SessionKeys::export(&schedule);
        let (i2r, r2i) = (&keys.initiator_to_responder, &keys.responder_to_initiator);
        findings.bytes(
            "initiator_to_responder_key",
            &test.initiator_to_responder_key,
            i2r,
        );
        findings.bytes(
            "responder_to_initiator_key",
            &test.responder_to_initiator_key,
            r2i,
        );
        findings.bytes(
            "seal0",
            &test.seal0,
            &hpke_seal(&schedule, 0, &test.seal0_plaintext),
        );
        findings.bytes(
            "seal1",
            &test.seal1,
            &hpke_seal(&schedule, 1, &test.seal0_plaintext),
        );
        findings
    }
}

/// HPKE's own sealing, which the protocol leaves unused: the base nonce xor the sequence number.
fn hpke_seal(schedule: &KeySchedule, sequence: u8, plaintext: &[u8]) -> Vec<u8> {
    let mut nonce = schedule.base_nonce;
    nonce[11] ^= sequence;
    seal_with(&schedule.key, &nonce, b"", plaintext)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Export {
    suite_id: HexArray<10>,
    exporter_secret: HexArray<32>,
    exporter_context: Hex,
    length: usize,
    exported: Option<Hex>,
}

impl Case for Of<KemGroup, Export> {
    fn check(&self, context: &Context<'_>) -> Findings {
        let (test, mut findings) = (&self.test, Findings::default());
        findings.bytes("suite_id", &*test.suite_id, &suite_id(self.group.kem_id));
        let result = export(
            &test.suite_id,
            &test.exporter_secret,
            &test.exporter_context,
            test.length,
        );
        findings.verdict(
            context.expected(),
            too_long,
            outcome(&result),
            outcome(&result),
        );
        findings.bytes_if_any("exported", test.exported.as_deref(), result.ok().as_deref());
        findings
    }
}

fn too_long(reason: &str) -> Option<Strict<ExportError>> {
    match reason {
        "L > 255*Nh" => refuses(|error: &ExportError| error.seen > 255 * 32),
        _ => None,
    }
}
