//! Handshakes: an honest one, with any of its fields replaced, signed again or not.

use prost::Message as _;
use syncspec::{
    crypto::{handshake::HandshakeClaims, identity::Identity},
    wire::{v1, v1sync::sync_stream_item::SyncActionHandshake},
};

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
    /// The transcript that is signed.
    pub const TRANSCRIPT: u8 = 32;

    fn has(self, bit: u8) -> bool {
        self.0 & bit != 0
    }
}

/// A handshake to send, and whether its sender proves who it claims to be.
#[derive(Clone, Debug)]
pub struct Handshake {
    /// What is sent.
    pub message: SyncActionHandshake,
    /// It names the signer's own key in its one spelling, and is signed over what is sent and this session's transcript.
    pub proves: bool,
}

/// Builds a handshake of `signer` from a payload that is read as a handshake, as far as it can be.
pub fn handshake(
    signer: &Identity,
    instance_id: &str,
    transcript: &[u8; 32],
    replaced: Replaced,
    payload: &[u8],
) -> Handshake {
    let given = SyncActionHandshake::decode(payload).unwrap_or_default();
    let honest_key = v1::PublicKey {
        keyid: signer.keyid().to_owned(),
        ed25519pub: signer.public_key_text(),
    };
    let mut message = SyncActionHandshake {
        protocol_version: 3,
        public_key: Some(honest_key.clone()),
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
        true => [0x5a; 32],
        false => *transcript,
    };
    let sign = |transcript: &[u8; 32]| {
        let claims = HandshakeClaims {
            protocol_version: message.protocol_version,
            instance_id: &message.instance_id,
            pairing_secret: &message.pairing_secret,
            transcript,
        };
        signer.sign(&claims.hash()).to_vec()
    };
    let signature = match replaced.has(Replaced::SIGNATURE) {
        true => given.signature,
        false => sign(&signed_over),
    };
    // Ed25519 is deterministic and the strict reading takes no second spelling of a signature, so the right one is this.
    let right = match replaced.0 & (Replaced::SIGNATURE | Replaced::TRANSCRIPT) {
        0 => true,
        _ => signature == sign(transcript),
    };
    message.signature = signature;
    let proves = right
        && message.protocol_version == 3
        && message.public_key.as_ref() == Some(&honest_key)
        && !message.instance_id.is_empty();
    Handshake { message, proves }
}
