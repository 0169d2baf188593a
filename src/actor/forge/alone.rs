//! What is forged without a session, for fuzzers that start from what the suite sends.

use super::Applied;
use crate::{
    actor::{entropy::Entropy, side::Side},
    crypto::kem::KemId,
    scenario::{deviation::Deviation, fixtures::Identity},
    wire::{Role, v1sync::sync_stream_item::SyncActionHandshake},
};

/// The handshake of this identity behind a key exchange with this transcript, with these deviations. `None` where one takes
/// what an earlier session or another peer said.
pub fn deviating_handshake(
    identity: &Identity,
    secret: &str,
    transcript: &[u8; 32],
    deviations: &[Deviation],
) -> Option<SyncActionHandshake> {
    let entropy = Entropy::new(0, &identity.name);
    let (secret, kem_id) = (secret.to_owned(), KemId::default());
    let side = Side::new(Role::Responder, identity, None, secret, kem_id, entropy);
    side.deviating(transcript, deviations, None, &mut Applied::default())
}
