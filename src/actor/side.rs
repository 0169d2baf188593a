//! One session of ours: its keys, its counters, and what it must remember to deviate.

use super::{
    entropy::Entropy,
    exchange::{Exchange, kem_seed},
};
use crate::{
    crypto::{
        identity::{Identity, KeyPolicy},
        kem::KemId,
        seal::{nonce_for, seal_with},
    },
    rules::RuleId,
    scenario::fixtures,
    session::{Channel, Local, VerifiedPeer, Violation, verify_handshake},
    trace::EventKind,
    wire::{
        Action, Role, SyncStreamItem, decode,
        v1sync::sync_stream_item::{SyncActionEncrypted, SyncActionHandshake},
    },
};

/// What a later session of the same case may play again.
#[derive(Clone, Default)]
pub(super) struct Memory {
    /// The handshake we sent, and whether it was honest.
    pub own_handshake: Option<SyncActionHandshake>,
    /// The last sealed item we sent.
    pub last_sealed: Option<SyncStreamItem>,
    /// The key we sealed with.
    pub seal_key: Option<[u8; 32]>,
    /// The seed of our KEM key.
    pub kem_seed: Option<[u8; 32]>,
    /// The transcript our handshake was bound to.
    pub transcript: Option<[u8; 32]>,
}

/// Our end of one session, in the role that the peer does not play.
pub(super) struct Side {
    /// The role of the peer.
    pub peer_role: Role,
    pub local: Local,
    pub secret: String,
    pub entropy: Entropy,
    pub exchange: Exchange,
    pub keyed: Option<Keyed>,
    /// Another identity of ours that the peer knows, to be sent in place of the right one.
    pub stand_in: Option<Local>,
    /// The peer's handshake as it came, to be reflected.
    pub peer_handshake: Option<SyncActionHandshake>,
    /// The handshake of the other peer between which and this one we stand.
    pub passed_on: Option<SyncActionHandshake>,
    /// The peer's last sealed item, to be reflected.
    pub peer_last_sealed: Option<SyncStreamItem>,
    /// The ephemeral point of the peer's encapsulation, until somebody asks for it.
    pub peer_point: Option<Vec<u8>>,
    pub(super) memory: Memory,
    /// Whether anything went out behind the key exchange, good or bad; the first such item is our handshake.
    has_spoken: bool,
    /// Whether our own handshake went out as it should be.
    has_proved_itself: bool,
    verified: bool,
    over: bool,
    /// Whether its call offered gzip for what comes back.
    pub offers_gzip: bool,
}

/// What the key exchange left.
pub(super) struct Keyed {
    /// Key of our direction.
    pub seal_key: [u8; 32],
    /// Key of the peer's direction.
    pub other_key: [u8; 32],
    /// Key of our direction under the other reading of the KEM id.
    pub other_reading_key: [u8; 32],
    /// Counter of our next honest nonce.
    pub counter: u64,
    pub transcript: [u8; 32],
    /// What the peer can make of the exchange.
    pub shared: Shared,
    /// Opens what the peer seals.
    pub channel: Channel,
    pub opened: u64,
}

/// Whether the peer can have the keys that we have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shared {
    /// It has them.
    Keys,
    /// It must have others: we changed the ML-KEM ciphertext, and left it well formed.
    OtherKeys,
    /// It must have none: what we sent is no encapsulation.
    Nothing,
    /// It must have none, though a good encapsulation followed.
    NothingStill,
}

/// What of an honest beginning a side has not sent yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owed {
    /// A good key exchange, and all behind it.
    KeyAndHandshake,
    /// An item under the first nonce, which is the handshake's.
    Handshake,
    Nothing,
}

impl Side {
    pub fn new(
        peer_role: Role,
        fixture: &fixtures::Identity,
        stand_in: Option<&fixtures::Identity>,
        secret: String,
        kem_id: KemId,
        entropy: Entropy,
    ) -> Self {
        let local = |fixture: &fixtures::Identity| Local {
            kem_id,
            // A weak or oddly written key of the peer's own is for a scenario to find, not for every case to fail on.
            key_policy: KeyPolicy::Deployed,
            ..Local::new(
                Identity::from_seed(&fixture.seed),
                fixture.instance_id.clone(),
            )
        };
        Side {
            peer_role,
            local: local(fixture),
            secret,
            exchange: Exchange::new(peer_role, &entropy),
            memory: Memory {
                kem_seed: Some(kem_seed(&entropy)),
                ..Memory::default()
            },
            entropy,
            keyed: None,
            stand_in: stand_in.map(local),
            peer_handshake: None,
            passed_on: None,
            peer_last_sealed: None,
            peer_point: None,
            has_spoken: false,
            has_proved_itself: false,
            verified: false,
            over: false,
            offers_gzip: false,
        }
    }

    /// Whether the peer's part of the key exchange is in.
    pub fn has_peers_key(&self) -> bool {
        match &self.exchange {
            Exchange::Dialling { .. } => self.keyed.is_some(),
            Exchange::Called { peer_key, .. } => peer_key.is_some(),
        }
    }

    pub fn is_over(&self) -> bool {
        self.over
    }

    /// Something goes out behind the key exchange.
    pub fn speaks(&mut self) {
        self.has_spoken = true;
    }

    /// Our own handshake goes out, as it should be.
    pub fn proves_itself(&mut self) {
        self.has_proved_itself = true;
    }

    /// What an honest side would still have to send before its first request.
    pub fn owes(&self) -> Owed {
        match &self.keyed {
            // An item that was sealed before any handshake leaves it owed; a spoilt one is the handshake that there was.
            Some(keyed) if keyed.shared != Shared::Nothing => {
                match keyed.counter == 0 || self.memory.own_handshake.is_none() {
                    true => Owed::Handshake,
                    false => Owed::Nothing,
                }
            }
            _ => Owed::KeyAndHandshake,
        }
    }

    /// The stream is gone; nothing more can be sent.
    pub fn over(&mut self) {
        self.over = true;
    }

    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    pub fn remember_handshake(&mut self, handshake: &SyncActionHandshake) {
        self.memory.own_handshake = Some(handshake.clone());
    }

    pub fn remember_sealed(&mut self, item: &SyncStreamItem) {
        self.memory.last_sealed = Some(item.clone());
    }

    /// Seals honestly under the next nonce.
    pub fn seal(&mut self, plaintext: &[u8]) -> Option<SyncStreamItem> {
        let keyed = self.keyed.as_mut()?;
        let nonce = nonce_for(keyed.counter);
        let ciphertext = seal_with(&keyed.seal_key, &nonce, b"", plaintext);
        keyed.counter += 1;
        Some(sealed_item(nonce.to_vec(), ciphertext))
    }

    /// Takes one RPC message from the peer.
    pub fn receive(&mut self, payload: &[u8], compressed: bool) -> Vec<EventKind> {
        let mut kinds = Vec::new();
        if compressed && !self.offers_gzip {
            kinds.push(EventKind::Broke(Violation::session(
                RuleId::RpcNoCompressionUnasked,
                "a compressed frame, though no encoding was offered",
            )));
        }
        match self.read(payload) {
            Ok(read) => kinds.extend(read),
            Err(violation) => kinds.push(EventKind::Broke(violation)),
        }
        kinds
    }

    fn read(&mut self, payload: &[u8]) -> Result<Vec<EventKind>, Violation> {
        let item = decode::item_as(payload, decode::Reading::Deployed)
            .map_err(|error| Violation::session(RuleId::WireContract, error.to_string()))?;
        if let Some(keyed) = &self.keyed {
            return match item.action {
                Some(Action::Encrypted(_)) if keyed.shared == Shared::Nothing => {
                    Ok(vec![EventKind::Unopened])
                }
                Some(Action::Encrypted(_)) => self.read_sealed(item),
                _ => Err(Violation::session(
                    RuleId::TransportEncryptedAfterKeyExchange,
                    format!("{} in the clear", item.describe()),
                )),
            };
        }
        self.read_key(item)?;
        Ok(vec![EventKind::KeyExchanged])
    }

    fn read_sealed(&mut self, item: SyncStreamItem) -> Result<Vec<EventKind>, Violation> {
        let Some(keyed) = &mut self.keyed else {
            return Ok(vec![EventKind::Clear(item)]);
        };
        self.peer_last_sealed = Some(item.clone());
        let counter = keyed.opened;
        let opened = keyed.channel.open(item);
        match (keyed.shared, &opened) {
            (Shared::OtherKeys, Ok(_)) => {
                return Err(Violation::protocol(
                    RuleId::TransportImplicitRejection,
                    "an item sealed with the key of the unchanged ciphertext",
                ));
            }
            (Shared::OtherKeys | Shared::NothingStill, Err(_)) => {
                return Ok(vec![EventKind::Unopened]);
            }
            _ => {}
        }
        let inner = opened.map_err(|violation| of_its_sealing(violation, counter))?;
        keyed.opened += 1;
        let transcript = keyed.transcript;
        if self.verified {
            return self.read_item(inner, counter);
        }
        if let Some(Action::Handshake(handshake)) = &inner.action {
            self.peer_handshake = Some(handshake.clone());
        }
        let peer = verify_handshake(inner, &transcript, self.local.key_policy)
            .map_err(of_the_peers_own)?;
        let noticed = self.check_secret(&peer)?.map(EventKind::Noticed);
        self.verified = true;
        let kinds = noticed.into_iter().chain([EventKind::Verified(peer)]);
        Ok(kinds.collect())
    }

    fn read_item(&self, item: SyncStreamItem, counter: u64) -> Result<Vec<EventKind>, Violation> {
        match &item.action {
            Some(Action::Handshake(_)) => Err(Violation::protocol(
                RuleId::HandshakeFirstInEachDirection,
                "a second handshake",
            )),
            _ if self.peer_role == Role::Initiator && !self.has_spoken => Err(Violation::auth(
                RuleId::HandshakeNothingBeforeVerified,
                format!("{} before our handshake", item.describe()),
            )),
            _ => Ok(vec![EventKind::Received { counter, item }]),
        }
    }

    /// A host never sends a pairing secret; a client had better not send it to whoever answers the call.
    fn check_secret(&self, peer: &VerifiedPeer) -> Result<Option<Violation>, Violation> {
        match self.peer_role {
            _ if peer.pairing_secret.is_empty() => Ok(None),
            Role::Responder => Err(Violation::auth(
                RuleId::HandshakeNoSecretFromResponder,
                "a pairing secret in the responder's handshake",
            )),
            Role::Initiator if !self.has_proved_itself => Ok(Some(Violation::auth(
                RuleId::HandshakeSecretAfterVerification,
                "a pairing secret, though we had not proved who we are",
            ))),
            Role::Initiator => Ok(None),
        }
    }
}

/// The rules for opening name what the receiver must refuse; what the sender owes has rules of its own.
fn of_its_sealing(violation: Violation, counter: u64) -> Violation {
    let rule = match violation.rule {
        RuleId::EnvelopeReplayRefused | RuleId::EnvelopeGapRefused if counter == 0 => {
            RuleId::EnvelopeNonceStartsAtZero
        }
        RuleId::EnvelopeReplayRefused | RuleId::EnvelopeGapRefused => RuleId::EnvelopeNonceCountsUp,
        RuleId::EnvelopeTagChecked if counter == 0 => RuleId::TransportSuite,
        rule => rule,
    };
    Violation { rule, ..violation }
}

/// The same for its handshake. The rules for checking a handshake name what the receiver must refuse.
fn of_the_peers_own(violation: Violation) -> Violation {
    let rule = match violation.rule {
        RuleId::HandshakeAnythingElseFirstRefused => RuleId::HandshakeFirstInEachDirection,
        RuleId::HandshakeVersion3 => RuleId::HandshakeSendsVersion3,
        _ => RuleId::HandshakeOwnSignatureVerifies,
    };
    Violation { rule, ..violation }
}

/// The item that carries a sealed one.
pub(super) fn sealed_item(nonce: Vec<u8>, ciphertext: Vec<u8>) -> SyncStreamItem {
    SyncStreamItem {
        action: Some(Action::Encrypted(SyncActionEncrypted { nonce, ciphertext })),
    }
}
