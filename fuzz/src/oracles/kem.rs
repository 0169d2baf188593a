//! The key exchange against another reading of the same drafts, for honest and for edited bytes; and a session takes what
//! that reads, and nothing else.
//!
//! ```text
//! seed(32) | randomness(32) | place(2, big-endian) mask(1) | place mask | ...
//! ```
//! The edits are of the encapsulation; where the last byte's lowest bit is set, of the public key. One at the last place of
//! all makes its mask the version.

use std::time::Duration;

use hpke::{
    Deserializable as _, Kem, OpModeR, Serializable as _, aead::AesGcm256, kdf::HkdfSha256,
    kem::MlKem1024P384, setup_receiver,
};
use syncspec::{
    crypto::{
        hpke::{INFO, INITIATOR_TO_RESPONDER_LABEL, RESPONDER_TO_INITIATOR_LABEL, SessionKeys},
        kem::{EncapsulationRandomness, KemId, PrivateKey, PublicKey},
    },
    session::{ExpectedPeer, InitiatorParams, Input, ResponderParams, Session},
    wire::{Action, Role, SyncStreamItem, v1sync::sync_stream_item::SyncEstablishSharedSecret},
};

use crate::world;

type TheirPrivateKey = <MlKem1024P384 as Kem>::PrivateKey;
type TheirPublicKey = <MlKem1024P384 as Kem>::PublicKey;
type TheirEncapsulation = <MlKem1024P384 as Kem>::EncappedKey;

/// Most edits of one input.
const EDITS_MAX: usize = 8;
/// The place that stands for the version.
const VERSION_PLACE: u16 = u16::MAX;
/// The version there is.
const VERSION: u32 = 1;

/// All claims about one input.
pub fn check(bytes: &[u8]) {
    let (seed, rest) = array(bytes);
    let (randomness, edits) = array(rest);
    let ours = PrivateKey::from_seed_array(&seed);
    let theirs = TheirPrivateKey::from_bytes(&seed).expect("every 32 bytes are a private key");
    let public = ours.public_key();
    assert_eq!(
        public.as_slice(),
        MlKem1024P384::sk_to_pk(&theirs).to_bytes().as_slice(),
        "the same seed, and another public key"
    );
    let of_the_key = edits.last().is_some_and(|last| last & 1 == 1);
    let version = version(edits);
    if of_the_key {
        an_edited_key_is_read_alike(&edited(public, edits), version);
    }
    let key = PublicKey::parse(public).expect("a key of our own");
    let (encapsulation, _) = key.encapsulate(&EncapsulationRandomness::from_seed(&randomness));
    an_encapsulation_is_opened_alike(&ours, &theirs, &encapsulation);
    if !of_the_key && !edits.is_empty() {
        let edited = edited(&encapsulation, edits);
        let is_read = an_encapsulation_is_opened_alike(&ours, &theirs, &edited);
        an_initiator_takes_what_is_read(seed, edited, version, is_read);
    }
}

fn an_edited_key_is_read_alike(bytes: &[u8], version: u32) {
    let ours = PublicKey::parse(bytes);
    let theirs = TheirPublicKey::from_bytes(bytes);
    assert_eq!(ours.is_ok(), theirs.is_ok(), "ours: {:?}", ours.err());
    let params = ResponderParams {
        local: world::local(&world::host_configs()[0], Role::Responder),
        encapsulation: EncapsulationRandomness::from_seed(&[8; 32]),
    };
    let (session, _) = Session::responder(params, Duration::ZERO);
    let key = SyncEstablishSharedSecret {
        protocol_version: version,
        kem_public_key: bytes.to_vec(),
        kem_encapsulation: Vec::new(),
    };
    is_taken_where(session, key, theirs.is_ok() && version == VERSION);
}

fn an_initiator_takes_what_is_read(
    kem_seed: [u8; 32],
    kem_encapsulation: Vec<u8>,
    version: u32,
    is_read: bool,
) {
    let params = InitiatorParams {
        local: world::local(&world::client_configs()[0], Role::Initiator),
        kem_seed,
        expected: ExpectedPeer {
            keyid: world::host_identity().keyid().to_owned(),
            instance_id: world::HOST.to_owned(),
        },
        pairing_secret: String::new(),
    };
    let (session, _) = Session::initiator(params, Duration::ZERO);
    let reply = SyncEstablishSharedSecret {
        protocol_version: version,
        kem_public_key: Vec::new(),
        kem_encapsulation,
    };
    is_taken_where(session, reply, is_read && version == VERSION);
}

fn is_taken_where(session: Session, exchange: SyncEstablishSharedSecret, may: bool) {
    let item = SyncStreamItem {
        action: Some(Action::EstablishSharedSecret(exchange)),
    };
    let taken = session.step(Input::Received(item), Duration::ZERO);
    assert_eq!(taken.is_ok(), may, "{:?}", taken.err());
}

fn version(edits: &[u8]) -> u32 {
    let mut edits = edits.chunks_exact(3).take(EDITS_MAX);
    let found = edits.find(|edit| edit[..2] == VERSION_PLACE.to_be_bytes());
    found.map_or(VERSION, |edit| edit[2].into())
}

/// Whether it is opened.
fn an_encapsulation_is_opened_alike(
    ours: &PrivateKey,
    theirs: &TheirPrivateKey,
    bytes: &[u8],
) -> bool {
    let secret = ours.decapsulate(bytes);
    let Ok(encapsulation) = TheirEncapsulation::from_bytes(bytes) else {
        assert!(secret.is_err(), "we open what they do not even read");
        return false;
    };
    let receiver = setup_receiver::<AesGcm256, HkdfSha256, MlKem1024P384>(
        &OpModeR::Base,
        theirs,
        &encapsulation,
        INFO,
    );
    match (secret, receiver) {
        (Ok(secret), Ok(receiver)) => {
            let keys = SessionKeys::derive(KemId::default(), &secret);
            let export = |label| {
                let mut key = [0; 32];
                receiver
                    .export(label, &mut key)
                    .expect("32 bytes can be had");
                key
            };
            assert_eq!(
                keys.initiator_to_responder,
                export(INITIATOR_TO_RESPONDER_LABEL)
            );
            assert_eq!(
                keys.responder_to_initiator,
                export(RESPONDER_TO_INITIATOR_LABEL)
            );
            true
        }
        (Err(_), Err(_)) => false,
        (Ok(_), Err(error)) => panic!("we open what they refuse: {error:?}"),
        (Err(error), Ok(_)) => panic!("they open what we refuse: {error}"),
    }
}

fn array(bytes: &[u8]) -> ([u8; 32], &[u8]) {
    let (head, rest) = bytes.split_at(bytes.len().min(32));
    let mut array = [0; 32];
    array[..head.len()].copy_from_slice(head);
    (array, rest)
}

fn edited(bytes: &[u8], edits: &[u8]) -> Vec<u8> {
    let mut edited = bytes.to_vec();
    for edit in edits.chunks_exact(3).take(EDITS_MAX) {
        let place = u16::from_be_bytes([edit[0], edit[1]]);
        if place == VERSION_PLACE {
            continue;
        }
        let place = usize::from(place);
        match edited.get_mut(place) {
            Some(byte) => *byte ^= edit[2],
            // A place behind the end cuts it, or lengthens it by a byte.
            None if edit[2] & 1 == 0 => edited.truncate(place % (bytes.len() + 1)),
            None => edited.push(edit[2]),
        }
    }
    edited
}
