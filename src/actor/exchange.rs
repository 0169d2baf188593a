//! The key exchange of one session of ours, from either end.

use super::{
    entropy::Entropy,
    side::{Keyed, Shared, Side},
};
use crate::{
    crypto::{
        hpke::SessionKeys,
        kem::{EncapsulationRandomness, MLKEM_KEY_LEN_BYTES, PrivateKey, PublicKey, SharedSecret},
        transcript::{TRANSPORT_VERSION, transport_transcript},
    },
    rules::RuleId,
    session::{Channel, Violation, decapsulate, read_encapsulation, read_public_key},
    wire::{Action, Role, SyncStreamItem},
};

/// Our part of it.
pub(super) enum Exchange {
    /// We dial, and send a public key.
    Dialling {
        kem_key: Box<PrivateKey>,
        /// Whether anything of ours went out: a responder must not speak before.
        key_sent: bool,
    },
    /// We are dialled, and answer a public key with an encapsulation.
    Called {
        peer_key: Option<Box<PeerKey>>,
        /// Encapsulations made, so that each has randomness of its own.
        made: u32,
    },
}

/// The public key that an initiator sent.
pub(super) struct PeerKey {
    key: PublicKey,
    pub bytes: Vec<u8>,
}

impl Exchange {
    pub fn new(peer_role: Role, entropy: &Entropy) -> Self {
        match peer_role {
            Role::Responder => Exchange::Dialling {
                kem_key: Box::new(PrivateKey::from_seed_array(&kem_seed(entropy))),
                key_sent: false,
            },
            Role::Initiator => Exchange::Called {
                peer_key: None,
                made: 0,
            },
        }
    }

    /// The public key that the peer sent, as initiator.
    pub fn peer_key(&self) -> Option<&[u8]> {
        match self {
            Exchange::Called {
                peer_key: Some(key),
                ..
            } => Some(&key.bytes),
            _ => None,
        }
    }
}

/// The seed of the KEM key with which a session of ours dials.
pub(super) fn kem_seed(entropy: &Entropy) -> [u8; 32] {
    entropy.bytes("kem")
}

impl Side {
    /// Dials with the key of a session before.
    pub fn take_key_of(&mut self, seed: &[u8; 32]) {
        if let Exchange::Dialling { kem_key, .. } = &mut self.exchange {
            **kem_key = PrivateKey::from_seed_array(seed);
        }
    }

    /// Something of ours goes out before the key exchange is done.
    pub fn has_begun(&mut self) {
        if let Exchange::Dialling { key_sent, .. } = &mut self.exchange {
            *key_sent = true;
        }
    }

    /// Takes the peer's part of the exchange.
    pub fn read_key(&mut self, item: SyncStreamItem) -> Result<(), Violation> {
        match &mut self.exchange {
            Exchange::Dialling {
                key_sent: false, ..
            } => Err(Violation::protocol(
                RuleId::TransportResponderSilentBefore,
                format!("{} before our key", item.describe()),
            )),
            Exchange::Dialling { kem_key, .. } => {
                let (secret, encapsulation) = read_reply(kem_key, item)?;
                let transcript =
                    transport_transcript(TRANSPORT_VERSION, kem_key.public_key(), &encapsulation);
                self.peer_point = Some(encapsulation[MLKEM_KEY_LEN_BYTES..].to_vec());
                self.exchanged(&secret, transcript, Shared::Keys);
                Ok(())
            }
            Exchange::Called {
                peer_key: Some(_), ..
            } => Err(Violation::protocol(
                RuleId::TransportInitiatorFirst,
                format!("{} before our reply", item.describe()),
            )),
            Exchange::Called { peer_key, .. } => {
                let (key, bytes) = read_public_key(item).map_err(of_the_peers_own_key)?;
                *peer_key = Some(Box::new(PeerKey { key, bytes }));
                Ok(())
            }
        }
    }

    /// Encapsulates to the peer's key; none where that has not come.
    pub fn encapsulate(&mut self) -> Option<Encapsulated> {
        self.encapsulate_with(|randomness| randomness, |_| {})
    }

    /// The same with an ML-KEM ciphertext of zeros, which decrypts to a message of zeros under every key, and with the
    /// secret that an initiator has from it that does not encrypt that message again to check.
    pub fn encapsulate_zeros(&mut self) -> Option<Encapsulated> {
        self.encapsulate_with(
            |randomness| randomness.with_mlkem([0; 32]),
            |encapsulation| encapsulation[..MLKEM_KEY_LEN_BYTES].fill(0),
        )
    }

    fn encapsulate_with(
        &mut self,
        randomness: impl FnOnce(EncapsulationRandomness) -> EncapsulationRandomness,
        edit: impl FnOnce(&mut Vec<u8>),
    ) -> Option<Encapsulated> {
        let Exchange::Called {
            peer_key: Some(key),
            made,
        } = &mut self.exchange
        else {
            return None;
        };
        let seed = self.entropy.bytes(&format!("encapsulation/{made}"));
        *made += 1;
        let randomness = randomness(EncapsulationRandomness::from_seed(&seed));
        let (mut encapsulation, secret) = key.key.encapsulate(&randomness);
        edit(&mut encapsulation);
        let transcript = transport_transcript(TRANSPORT_VERSION, &key.bytes, &encapsulation);
        Some(Encapsulated {
            encapsulation,
            secret,
            transcript,
        })
    }

    /// Both sides' parts are out.
    pub fn exchanged(&mut self, secret: &SharedSecret, transcript: [u8; 32], shared: Shared) {
        let keys = |kem_id| SessionKeys::derive(kem_id, secret);
        let (ours, other) = (keys(self.local.kem_id), keys(self.local.kem_id.other()));
        let by_role = |keys: &SessionKeys| match self.peer_role {
            Role::Responder => (keys.initiator_to_responder, keys.responder_to_initiator),
            Role::Initiator => (keys.responder_to_initiator, keys.initiator_to_responder),
        };
        let (seal_key, other_key) = by_role(&ours);
        let (other_reading_key, _) = by_role(&other);
        let channel = match self.peer_role {
            Role::Responder => Channel::initiator(ours, other, transcript),
            Role::Initiator => Channel::responder(ours, other, transcript),
        };
        self.memory.seal_key = Some(seal_key);
        self.memory.transcript = Some(transcript);
        self.keyed = Some(Keyed {
            seal_key,
            other_key,
            other_reading_key,
            counter: 0,
            transcript,
            shared,
            channel,
            opened: 0,
        });
    }
}

/// What answers a public key, and what both sides have from it.
pub(super) struct Encapsulated {
    pub encapsulation: Vec<u8>,
    pub secret: SharedSecret,
    pub transcript: [u8; 32],
}

fn read_reply(
    kem_key: &PrivateKey,
    item: SyncStreamItem,
) -> Result<(SharedSecret, Vec<u8>), Violation> {
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
    let secret = decapsulate(kem_key, &encapsulation).map_err(shape)?;
    Ok((secret, encapsulation))
}

/// The rules for reading a key name what a responder must refuse; what the initiator owes has rules of its own.
fn of_the_peers_own_key(violation: Violation) -> Violation {
    let rule = match violation.rule {
        RuleId::TransportFirstItemOnlyKey | RuleId::TransportVersionExactResponder => {
            RuleId::TransportInitiatorFirst
        }
        _ => RuleId::TransportKeyShape,
    };
    Violation { rule, ..violation }
}
