//! HPKE's base-mode key schedule with HKDF-SHA256 and AES-256-GCM (RFC 9180, section 5.1), and the session keys
//! exported from it (`docs/protocol.md`, section 2).

use std::{error::Error, fmt};

use hkdf::Hkdf;
use sha2::Sha256;

use super::kem::{KemId, SharedSecret};

/// The application's info string.
pub const INFO: &[u8] = b"backrest-sync-transport-v1";
/// Exporter context of the key that the initiator seals with.
pub const INITIATOR_TO_RESPONDER_LABEL: &[u8] =
    b"backrest-sync-session-key/v1/initiator-to-responder";
/// Exporter context of the key that the responder seals with.
pub const RESPONDER_TO_INITIATOR_LABEL: &[u8] =
    b"backrest-sync-session-key/v1/responder-to-initiator";
/// Longest export: HKDF-SHA256 gives 255 blocks of 32 bytes.
pub const EXPORT_LEN_BYTES_MAX: usize = 255 * 32;

const KDF_HKDF_SHA256: [u8; 2] = [0x00, 0x01];
const AEAD_AES_256_GCM: [u8; 2] = [0x00, 0x02];
const MODE_BASE: u8 = 0x00;

/// `"HPKE"`, then KEM, KDF and AEAD ids of two bytes each, big-endian.
pub type SuiteId = [u8; 10];

/// The suite id of the protocol under one reading of the KEM id.
pub fn suite_id(kem_id: KemId) -> SuiteId {
    let mut suite = *b"HPKE\0\0\0\0\0\0";
    suite[4..6].copy_from_slice(&kem_id.to_be_bytes());
    suite[6..8].copy_from_slice(&KDF_HKDF_SHA256);
    suite[8..10].copy_from_slice(&AEAD_AES_256_GCM);
    suite
}

/// Every value of the key schedule. Debug does not print it.
#[derive(Clone, PartialEq, Eq)]
pub struct KeySchedule {
    /// See [`suite_id`].
    pub suite_id: SuiteId,
    /// Hash of the empty PSK id.
    pub psk_id_hash: [u8; 32],
    /// Hash of the info string.
    pub info_hash: [u8; 32],
    /// Mode byte 0, then both hashes.
    pub key_schedule_context: [u8; 65],
    /// What the three values below are expanded from.
    pub secret: [u8; 32],
    /// HPKE's own AEAD key. The protocol seals with exported keys and never uses it.
    pub key: [u8; 32],
    /// HPKE's own base nonce, unused likewise.
    pub base_nonce: [u8; 12],
    /// What the session keys are exported from.
    pub exporter_secret: [u8; 32],
}

impl KeySchedule {
    /// The schedule of base mode: no PSK.
    pub fn new(kem_id: KemId, shared_secret: &[u8], info: &[u8]) -> Self {
        Self::with_suite(suite_id(kem_id), shared_secret, info)
    }

    /// The schedule under any suite id; only a peer that misreads the protocol uses another one.
    pub fn with_suite(suite_id: SuiteId, shared_secret: &[u8], info: &[u8]) -> Self {
        let psk_id_hash = labeled_extract(&suite_id, b"", b"psk_id_hash", b"");
        let info_hash = labeled_extract(&suite_id, b"", b"info_hash", info);
        let mut context = [MODE_BASE; 65];
        context[1..33].copy_from_slice(&psk_id_hash);
        context[33..].copy_from_slice(&info_hash);

        let secret = labeled_extract(&suite_id, shared_secret, b"secret", b"");
        KeySchedule {
            suite_id,
            psk_id_hash,
            info_hash,
            key_schedule_context: context,
            secret,
            key: labeled_expand_array(&suite_id, &secret, b"key", &context),
            base_nonce: labeled_expand_array(&suite_id, &secret, b"base_nonce", &context),
            exporter_secret: labeled_expand_array(&suite_id, &secret, b"exp", &context),
        }
    }

    /// A 32-byte export, the length of every session key.
    pub fn export_key(&self, context: &[u8]) -> [u8; 32] {
        labeled_expand_array(&self.suite_id, &self.exporter_secret, b"sec", context)
    }
}

impl fmt::Debug for KeySchedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeySchedule")
            .field("suite_id", &self.suite_id)
            .finish_non_exhaustive()
    }
}

/// HPKE's Export: `len_bytes` bytes that depend on the context and on the length (RFC 9180, section 5.3).
///
/// # Errors
/// [`ExportError`] above [`EXPORT_LEN_BYTES_MAX`].
pub fn export(
    suite: &SuiteId,
    exporter_secret: &[u8; 32],
    context: &[u8],
    len_bytes: usize,
) -> Result<Vec<u8>, ExportError> {
    if len_bytes > EXPORT_LEN_BYTES_MAX {
        return Err(ExportError { seen: len_bytes });
    }
    let mut out = vec![0; len_bytes];
    labeled_expand(suite, exporter_secret, b"sec", context, &mut out);
    Ok(out)
}

/// More bytes were asked for than HKDF-SHA256 can give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExportError {
    /// The length asked for, in bytes.
    pub seen: usize,
}

impl fmt::Display for ExportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "expected an export of at most {EXPORT_LEN_BYTES_MAX} bytes, saw {}",
            self.seen
        )
    }
}

impl Error for ExportError {}

/// The two AES-256-GCM keys of a session. Debug does not print them.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionKeys {
    /// The initiator seals with it, the responder opens.
    pub initiator_to_responder: [u8; 32],
    /// The responder seals with it, the initiator opens.
    pub responder_to_initiator: [u8; 32],
}

impl SessionKeys {
    /// The keys that follow from a key exchange.
    pub fn derive(kem_id: KemId, shared_secret: &SharedSecret) -> Self {
        Self::export(&KeySchedule::new(kem_id, shared_secret.as_bytes(), INFO))
    }

    /// The keys that follow from a key schedule.
    pub fn export(schedule: &KeySchedule) -> Self {
        SessionKeys {
            initiator_to_responder: schedule.export_key(INITIATOR_TO_RESPONDER_LABEL),
            responder_to_initiator: schedule.export_key(RESPONDER_TO_INITIATOR_LABEL),
        }
    }
}

impl fmt::Debug for SessionKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionKeys").finish_non_exhaustive()
    }
}

fn labeled_extract(suite: &SuiteId, salt: &[u8], label: &[u8], ikm: &[u8]) -> [u8; 32] {
    let labeled_ikm = [b"HPKE-v1", suite.as_slice(), label, ikm].concat();
    Hkdf::<Sha256>::extract(Some(salt), &labeled_ikm).0.into()
}

fn labeled_expand_array<const LEN_BYTES: usize>(
    suite: &SuiteId,
    prk: &[u8; 32],
    label: &[u8],
    info: &[u8],
) -> [u8; LEN_BYTES] {
    const { assert!(LEN_BYTES <= EXPORT_LEN_BYTES_MAX) };
    let mut out = [0; LEN_BYTES];
    labeled_expand(suite, prk, label, info, &mut out);
    out
}

/// Fills `out`.
#[expect(
    clippy::expect_used,
    reason = "both callers hold the output to EXPORT_LEN_BYTES_MAX, and the key is as long as SHA-256's output"
)]
fn labeled_expand(suite: &SuiteId, prk: &[u8; 32], label: &[u8], info: &[u8], out: &mut [u8]) {
    let len = u16::try_from(out.len())
        .expect("at most 8160 bytes fit in 16 bits")
        .to_be_bytes();
    Hkdf::<Sha256>::from_prk(prk)
        .expect("32 bytes are as long as SHA-256's output")
        .expand_multi_info(&[&len, b"HPKE-v1", suite, label, info], out)
        .expect("at most 255 blocks were asked for");
}
