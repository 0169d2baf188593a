//! What a session is given when it starts.

use std::time::Duration;

use crate::{
    crypto::{
        identity::{Identity, KeyPolicy},
        kem::{EncapsulationRandomness, KemId},
    },
    lapses::Lapses,
};

/// Our side's part of every session.
#[derive(Clone)]
pub struct Local {
    /// The long-term identity that signs.
    pub identity: Identity,
    /// The instance id that goes with it.
    pub instance_id: String,
    /// Which reading of the KEM id to derive keys with.
    pub kem_id: KemId,
    /// How strictly the peer's key and signature are read.
    pub key_policy: KeyPolicy,
    /// Longest waits.
    pub deadlines: Deadlines,
    /// What it gets wrong.
    pub lapses: Lapses,
}

impl Local {
    /// An honest side with the deployed reading of the KEM id and the usual deadlines, which reads keys strictly.
    pub fn new(identity: Identity, instance_id: impl Into<String>) -> Self {
        Local {
            identity,
            instance_id: instance_id.into(),
            kem_id: KemId::default(),
            key_policy: KeyPolicy::Strict,
            deadlines: Deadlines::default(),
            lapses: Lapses::NONE,
        }
    }
}

/// Longest waits of a session that has no peer yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadlines {
    /// For the peer's part of the key exchange.
    pub key_exchange: Duration,
    /// For the peer's handshake, from the end of the key exchange.
    pub handshake: Duration,
}

impl Default for Deadlines {
    /// 15 s each: what deployed peers give the handshake; they never time out the key exchange, which lets anyone hold a
    /// stream open for nothing.
    fn default() -> Self {
        Deadlines {
            key_exchange: Duration::from_secs(15),
            handshake: Duration::from_secs(15),
        }
    }
}

/// Who the responder must turn out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectedPeer {
    /// Its key id.
    pub keyid: String,
    /// Its instance id, equal byte by byte.
    pub instance_id: String,
}

/// What an initiator's session is given.
#[derive(Clone)]
pub struct InitiatorParams {
    /// Our side.
    pub local: Local,
    /// Seed of this connection's KEM key pair; must be fresh for every connection.
    pub kem_seed: [u8; 32],
    /// The host that was dialled.
    pub expected: ExpectedPeer,
    /// Pairing secret to send; empty for none. It is sent only after the host's handshake verified, because whoever
    /// answers the call can read it.
    pub pairing_secret: String,
}

/// What a responder's session is given.
#[derive(Clone)]
pub struct ResponderParams {
    /// Our side.
    pub local: Local,
    /// Randomness of this connection's encapsulation; must be fresh for every connection.
    pub encapsulation: EncapsulationRandomness,
}
