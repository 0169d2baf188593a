//! One session of ours: its keys, its counters, and what it must remember to deviate.

use super::entropy::Entropy;
use crate::{
    crypto::{
        hpke::SessionKeys,
        identity::{Identity, KeyPolicy},
        kem::{KemId, PrivateKey},
        seal::{nonce_for, seal_with},
        transcript::{TRANSPORT_VERSION, transport_transcript},
    },
    lapses::Lapses,
    rules::RuleId,
    scenario::fixtures,
    session::{
        Channel, Deadlines, Local, VerifiedPeer, Violation, decapsulate, read_encapsulation,
        verify_handshake,
    },
    trace::EventKind,
    wire::{
        Action, SyncStreamItem, decode,
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
    /// The transcript our handshake was bound to.
    pub transcript: Option<[u8; 32]>,
}

/// Our end of one session.
pub(super) struct Side {
    pub local: Local,
    pub secret: String,
    pub entropy: Entropy,
    pub kem_key: PrivateKey,
    pub key_sent: bool,
    pub keyed: Option<Keyed>,
    /// The peer's handshake as it came, to be reflected.
    pub peer_handshake: Option<SyncActionHandshake>,
    /// The peer's last sealed item, to be reflected.
    pub peer_last_sealed: Option<SyncStreamItem>,
    memory: Memory,
    verified: bool,
    over: bool,
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
    /// Opens what the peer seals.
    channel: Channel,
    opened: u64,
}

impl Side {
    pub fn new(
        fixture: &fixtures::Identity,
        secret: String,
        kem_id: KemId,
        entropy: Entropy,
    ) -> Self {
        let kem_key = PrivateKey::from_seed_array(&entropy.bytes("kem"));
        Side {
            local: Local {
                identity: Identity::from_seed(&fixture.seed),
                instance_id: fixture.instance_id.clone(),
                kem_id,
                // A weak or oddly written key of the peer's own is for a scenario to find, not for every case to fail on.
                key_policy: KeyPolicy::Deployed,
                deadlines: Deadlines::default(),
                lapses: Lapses::NONE,
            },
            secret,
            entropy,
            kem_key,
            key_sent: false,
            keyed: None,
            peer_handshake: None,
            peer_last_sealed: None,
            memory: Memory::default(),
            verified: false,
            over: false,
        }
    }

    pub fn is_keyed(&self) -> bool {
        self.keyed.is_some()
    }

    pub fn is_over(&self) -> bool {
        self.over
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
        if compressed {
            kinds.push(EventKind::Broke(Violation::session(
                RuleId::RpcNoCompressionUnasked,
                "a compressed frame, though no encoding was offered",
            )));
        }
        kinds.push(match self.read(payload) {
            Ok(kind) => kind,
            Err(violation) => EventKind::Broke(violation),
        });
        kinds
    }

    fn read(&mut self, payload: &[u8]) -> Result<EventKind, Violation> {
        let item = decode::item_as(payload, decode::Reading::Deployed)
            .map_err(|error| Violation::session(RuleId::WireContract, error.to_string()))?;
        if !self.key_sent {
            return Err(Violation::protocol(
                RuleId::TransportResponderSilentBefore,
                format!("{} before our key", item.describe()),
            ));
        }
        match &self.keyed {
            None => self.read_reply(item),
            Some(_) if !matches!(item.action, Some(Action::Encrypted(_))) => {
                Err(Violation::session(
                    RuleId::TransportEncryptedAfterKeyExchange,
                    format!("{} in the clear", item.describe()),
                ))
            }
            Some(_) => self.read_sealed(item),
        }
    }

    fn read_reply(&mut self, item: SyncStreamItem) -> Result<EventKind, Violation> {
        if let Some(Action::EstablishSharedSecret(exchange)) = &item.action
            && !exchange.kem_public_key.is_empty()
        {
            return Err(Violation::protocol(
                RuleId::TransportReplyShape,
                "a reply that carries a public key",
            ));
        }
        let shape = |violation: Violation| Violation {
            rule: RuleId::TransportReplyShape,
            ..violation
        };
        let encapsulation = read_encapsulation(item).map_err(shape)?;
        let secret = decapsulate(&self.kem_key, &encapsulation).map_err(shape)?;
        let transcript =
            transport_transcript(TRANSPORT_VERSION, self.kem_key.public_key(), &encapsulation);
        let keys = |kem_id| SessionKeys::derive(kem_id, &secret);
        let (ours, other) = (keys(self.local.kem_id), keys(self.local.kem_id.other()));
        self.memory.seal_key = Some(ours.initiator_to_responder);
        self.memory.transcript = Some(transcript);
        self.keyed = Some(Keyed {
            seal_key: ours.initiator_to_responder,
            other_key: ours.responder_to_initiator,
            other_reading_key: other.initiator_to_responder,
            counter: 0,
            transcript,
            channel: Channel::initiator(ours, other, transcript),
            opened: 0,
        });
        Ok(EventKind::KeyExchanged)
    }

    fn read_sealed(&mut self, item: SyncStreamItem) -> Result<EventKind, Violation> {
        let Some(keyed) = &mut self.keyed else {
            return Ok(EventKind::Clear(item));
        };
        self.peer_last_sealed = Some(item.clone());
        let counter = keyed.opened;
        let inner = keyed
            .channel
            .open(item)
            .map_err(|violation| of_its_sealing(violation, counter))?;
        keyed.opened += 1;
        let transcript = keyed.transcript;
        if self.verified {
            return match &inner.action {
                Some(Action::Handshake(_)) => Err(Violation::protocol(
                    RuleId::HandshakeFirstInEachDirection,
                    "a second handshake",
                )),
                _ => Ok(EventKind::Received {
                    counter,
                    item: inner,
                }),
            };
        }
        if let Some(Action::Handshake(handshake)) = &inner.action {
            self.peer_handshake = Some(handshake.clone());
        }
        let peer = verify_handshake(inner, &transcript, self.local.key_policy)
            .map_err(of_the_peers_own)?;
        check_no_secret(&peer)?;
        self.verified = true;
        Ok(EventKind::Verified(peer))
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

fn check_no_secret(peer: &VerifiedPeer) -> Result<(), Violation> {
    if peer.pairing_secret.is_empty() {
        return Ok(());
    }
    Err(Violation::auth(
        RuleId::HandshakeNoSecretFromResponder,
        "a pairing secret in the responder's handshake",
    ))
}

/// The item that carries a sealed one.
pub(super) fn sealed_item(nonce: Vec<u8>, ciphertext: Vec<u8>) -> SyncStreamItem {
    SyncStreamItem {
        action: Some(Action::Encrypted(SyncActionEncrypted { nonce, ciphertext })),
    }
}
