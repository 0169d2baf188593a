//! Handshakes: an honest one, with any of its fields replaced, signed again or not.

use prost::Message as _;
use syncspec::{
    crypto::{handshake::HandshakeClaims, identity::Identity},
    wire::{v1, v1sync::sync_stream_item::SyncActionHandshake},
};

use crate::world;

/// What of a handshake is replaced by what the payload says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replaced(pub u8);

impl Replaced {
    /// The protocol version.
    pub const VERSION: u8 = 1;
    /// The public key and its id.
    pub const KEY: u8 = 2;
    /// The instance id.
    pub const INSTANCE_ID: u8 = 4;
    /// The pairing secret.
    pub const SECRET: u8 = 8;
    /// The signature: not made over what is sent, but taken as it is.
    pub const SIGNATURE: u8 = 16;
    /// The transcript that is signed: that of the session before.
    pub const TRANSCRIPT: u8 = 32;

    /// All of them, the signature taken as it is.
    pub const EVERYTHING: u8 =
        Self::VERSION | Self::KEY | Self::INSTANCE_ID | Self::SECRET | Self::SIGNATURE;

    fn has(self, bit: u8) -> bool {
        self.0 & bit != 0
    }
}

/// A handshake to send.
#[derive(Clone, Debug)]
pub struct Handshake {
    /// What is sent.
    pub message: SyncActionHandshake,
    transcript: [u8; 32],
    /// The key that signed what is sent, over this session's transcript, where that is known without looking.
    signer: Option<String>,
}

impl Handshake {
    /// Whether its sender proves to be the owner of this identity: it names that key in its one spelling, and is signed over
    /// what is sent and this session's transcript. Anybody's handshake may come in the payload.
    pub fn proves(&self, identity: &Identity) -> bool {
        let named = self.message.public_key.as_ref();
        self.message.protocol_version == 3
            && !self.message.instance_id.is_empty()
            && named.is_some_and(|key| key.keyid == identity.keyid() && *key == key_of(identity))
            && (self.signer.as_deref() == Some(identity.keyid())
                // Ed25519 is deterministic and the strict reading takes no second spelling of a signature, so the right one
                // is this.
                || self.message.signature == signature(&self.message, identity, &self.transcript))
    }
}

fn key_of(identity: &Identity) -> v1::PublicKey {
    v1::PublicKey {
        keyid: identity.keyid().to_owned(),
        ed25519pub: identity.public_key_text(),
    }
}

fn signature(message: &SyncActionHandshake, signer: &Identity, transcript: &[u8; 32]) -> Vec<u8> {
    let claims = HandshakeClaims {
        protocol_version: message.protocol_version,
        instance_id: &message.instance_id,
        pairing_secret: &message.pairing_secret,
        transcript,
    };
    signer.sign(&claims.hash()).to_vec()
}

/// Builds a handshake of `signer`, for the dialogue's session of this number, from a payload that is read as a handshake, as
/// far as it can be.
pub fn handshake(
    signer: &Identity,
    instance_id: &str,
    session: u8,
    replaced: Replaced,
    payload: &[u8],
) -> Handshake {
    let transcript = world::transcript(session);
    let given = SyncActionHandshake::decode(payload).unwrap_or_default();
    let mut message = SyncActionHandshake {
        protocol_version: 3,
        public_key: Some(key_of(signer)),
        instance_id: instance_id.to_owned(),
        pairing_secret: String::new(),
        signature: Vec::new(),
    };
    if replaced.has(Replaced::VERSION) {
        message.protocol_version = given.protocol_version;
    }
    if replaced.has(Replaced::KEY) {
        message.public_key = given.public_key;
    }
    if replaced.has(Replaced::INSTANCE_ID) {
        message.instance_id = given.instance_id;
    }
    if replaced.has(Replaced::SECRET) {
        message.pairing_secret = given.pairing_secret;
    }
    let signed_over = match replaced.has(Replaced::TRANSCRIPT) {
        true => world::transcript(session.wrapping_sub(1)),
        false => transcript,
    };
    message.signature = match replaced.has(Replaced::SIGNATURE) {
        true => given.signature,
        false => signature(&message, signer, &signed_over),
    };
    let is_signed = replaced.0 & (Replaced::SIGNATURE | Replaced::TRANSCRIPT) == 0;
    Handshake {
        message,
        transcript,
        signer: is_signed.then(|| signer.keyid().to_owned()),
    }
}
