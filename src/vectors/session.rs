//! `session.json`, groups `session`: whole sessions of both sides, replayed from seeds.
//!
//! A replay has two parts: [`Replay::of`] recomputes what both sides know once the keys exist, and
//! [`Session::step`] holds one listed step against it.

use std::convert::Infallible;

use prost::Message;
use serde::Deserialize;
use serde_json::Value;

use super::{
    case::{Case, Context, Of},
    dynamic::action_name,
    findings::Findings,
    format::{Decimal, Hex, HexArray, NoFields, kem_id},
    frames::{Frame, Way},
    handshake::handshake_item,
    session_machines::{ListedStep, replay},
};
use crate::{
    crypto::{
        handshake::{HandshakeClaims, PROTOCOL_VERSION},
        hpke::SessionKeys,
        identity::Identity,
        kem::{EncapsulationRandomness, KemError, KemId, PrivateKey, PublicKey, SharedSecretParts},
        transcript::{TRANSPORT_VERSION, transport_transcript},
    },
    session::{ExpectedPeer, InitiatorParams, Local, ResponderParams},
    wire::{
        Action, Role, SyncStreamItem, decode::item,
        v1sync::sync_stream_item::SyncEstablishSharedSecret,
    },
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Session {
    transport_version: u32,
    protocol_version: i64,
    #[serde(deserialize_with = "kem_id")]
    kem_id: KemId,
    initiator: Side,
    responder: Side,
    recipient_seed: HexArray<32>,
    #[serde(rename = "initiator_go_random_seed")]
    _initiator_go_random_seed: u64,
    public_key: Hex,
    encap_randomness: HexArray<32>,
    ephemeral_scalar: HexArray<48>,
    #[serde(rename = "responder_go_random_seed")]
    _responder_go_random_seed: u64,
    enc: Hex,
    mlkem_shared_secret: Hex,
    ecdh_shared_secret: Hex,
    shared_secret: Hex,
    initiator_to_responder_key: Hex,
    responder_to_initiator_key: Hex,
    transcript: Hex,
    steps: Vec<Step>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Side {
    instance_id: String,
    ed25519_seed: HexArray<32>,
    public_key: Hex,
    keyid: String,
    ed25519pub: String,
    pairing_secret: String,
    handshake_bind_hash: Hex,
    handshake_signature: Hex,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    step: usize,
    phase: Phase,
    direction: Way,
    action: Option<String>,
    counter: Option<Decimal<u64>>,
    nonce: Option<Hex>,
    plaintext: Option<Hex>,
    plaintext_json: Option<Value>,
    ciphertext: Option<Hex>,
    envelope: Hex,
    #[serde(rename = "meaning")]
    _meaning: String,
    reference: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Phase {
    Kem,
    Handshake,
    Session,
}

impl Case for Of<NoFields, Session> {
    fn check(&self, context: &Context<'_>) -> Findings {
        let (session, mut findings) = (&self.test, Findings::default());
        findings.verdict::<Infallible>(context.expected(), |_| None, Ok(()), Ok(()));
        findings.equal(
            "transport_version",
            session.transport_version,
            TRANSPORT_VERSION,
        );
        findings.equal(
            "protocol_version",
            session.protocol_version,
            PROTOCOL_VERSION,
        );
        findings.equal("kem_id", session.kem_id, KemId::MlKem1024P384);
        let Some(replay) = findings.value("public_key", Replay::of(session)) else {
            return findings;
        };
        session.exchange(&replay, &mut findings);
        for side in [&replay.initiator, &replay.responder] {
            findings.within(format!("{}.", side.name));
            side.check(&mut findings);
        }
        session.steps(&replay, &mut findings);
        findings.within(String::new());
        session.machines(&mut findings);
        findings
    }
}

/// What both sides know once the keys exist.
struct Replay<'a> {
    public_key: Vec<u8>,
    enc: Vec<u8>,
    encapsulated: SharedSecretParts,
    decapsulated: SharedSecretParts,
    keys: SessionKeys,
    transcript: [u8; 32],
    initiator: Identified<'a>,
    responder: Identified<'a>,
}

impl<'a> Replay<'a> {
    fn of(session: &'a Session) -> Result<Self, KemError> {
        let key = PrivateKey::from_seed_array(&session.recipient_seed);
        let randomness =
            EncapsulationRandomness::new(*session.encap_randomness, *session.ephemeral_scalar)?;
        let (enc, encapsulated) =
            PublicKey::parse(key.public_key())?.encapsulate_parts(&randomness);
        let decapsulated = key.decapsulate_parts(&enc)?;
        let transcript = transport_transcript(TRANSPORT_VERSION, key.public_key(), &enc);
        Ok(Replay {
            public_key: key.public_key().to_vec(),
            keys: SessionKeys::derive(session.kem_id, decapsulated.shared_secret()),
            enc,
            encapsulated,
            decapsulated,
            transcript,
            initiator: Identified::of("initiator", &session.initiator, transcript),
            responder: Identified::of("responder", &session.responder, transcript),
        })
    }
}

/// One side, and the handshake it makes in this session.
struct Identified<'a> {
    name: &'static str,
    listed: &'a Side,
    identity: Identity,
    bind_hash: [u8; 32],
    handshake: SyncStreamItem,
}

impl<'a> Identified<'a> {
    fn of(name: &'static str, listed: &'a Side, transcript: [u8; 32]) -> Self {
        let identity = Identity::from_seed(&listed.ed25519_seed);
        let claims = HandshakeClaims {
            protocol_version: PROTOCOL_VERSION,
            instance_id: &listed.instance_id,
            pairing_secret: &listed.pairing_secret,
            transcript: &transcript,
        };
        let handshake = handshake_item(&identity, &claims);
        Identified {
            name,
            listed,
            bind_hash: claims.hash(),
            handshake,
            identity,
        }
    }

    fn check(&self, findings: &mut Findings) {
        let (listed, identity) = (self.listed, &self.identity);
        findings.bytes("public_key", &listed.public_key, &identity.public_key());
        findings.equal("keyid", listed.keyid.as_str(), identity.keyid());
        findings.equal(
            "ed25519pub",
            &listed.ed25519pub,
            &identity.public_key_text(),
        );
        findings.bytes(
            "handshake_bind_hash",
            &listed.handshake_bind_hash,
            &self.bind_hash,
        );
        let signature = identity.sign(&self.bind_hash);
        findings.bytes(
            "handshake_signature",
            &listed.handshake_signature,
            &signature,
        );
    }
}

impl Side {
    fn local(&self, kem_id: KemId) -> Local {
        Local {
            kem_id,
            ..Local::new(
                Identity::from_seed(&self.ed25519_seed),
                self.instance_id.clone(),
            )
        }
    }
}

impl Session {
    fn machines(&self, findings: &mut Findings) {
        let randomness =
            EncapsulationRandomness::new(*self.encap_randomness, *self.ephemeral_scalar);
        let Some(encapsulation) = findings.value("ephemeral_scalar", randomness) else {
            return;
        };
        let initiator = InitiatorParams {
            local: self.initiator.local(self.kem_id),
            kem_seed: *self.recipient_seed,
            expected: ExpectedPeer {
                keyid: self.responder.keyid.clone(),
                instance_id: self.responder.instance_id.clone(),
            },
            pairing_secret: self.initiator.pairing_secret.clone(),
        };
        let responder = ResponderParams {
            local: self.responder.local(self.kem_id),
            encapsulation,
        };
        let steps: Vec<_> = self
            .steps
            .iter()
            .map(|step| ListedStep {
                sender: match step.direction {
                    Way::InitiatorToResponder => Role::Initiator,
                    Way::ResponderToInitiator => Role::Responder,
                },
                plaintext: step.plaintext.as_deref(),
                envelope: &step.envelope,
            })
            .collect();
        replay(initiator, responder, &steps, findings);
    }

    fn exchange(&self, replay: &Replay<'_>, findings: &mut Findings) {
        findings.bytes("public_key", &self.public_key, &replay.public_key);
        findings.bytes("enc", &self.enc, &replay.enc);
        for parts in [&replay.encapsulated, &replay.decapsulated] {
            findings.bytes(
                "mlkem_shared_secret",
                &self.mlkem_shared_secret,
                parts.mlkem_shared_secret(),
            );
            findings.bytes(
                "ecdh_shared_secret",
                &self.ecdh_shared_secret,
                parts.ecdh_shared_secret(),
            );
            findings.bytes(
                "shared_secret",
                &self.shared_secret,
                parts.shared_secret().as_bytes(),
            );
        }
        let (i2r, r2i) = (
            &replay.keys.initiator_to_responder,
            &replay.keys.responder_to_initiator,
        );
        findings.bytes(
            "initiator_to_responder_key",
            &self.initiator_to_responder_key,
            i2r,
        );
        findings.bytes(
            "responder_to_initiator_key",
            &self.responder_to_initiator_key,
            r2i,
        );
        findings.bytes("transcript", &self.transcript, &replay.transcript);
    }

    fn steps(&self, replay: &Replay<'_>, findings: &mut Findings) {
        // Each direction counts its own sealed items.
        let (mut i2r, mut r2i) = (0, 0);
        for (index, step) in self.steps.iter().enumerate() {
            findings.within(format!("steps[{index}]."));
            findings.equal("step", step.step, index + 1);
            let sealed = match step.direction {
                Way::InitiatorToResponder => &mut i2r,
                Way::ResponderToInitiator => &mut r2i,
            };
            match step.phase {
                Phase::Kem => self.key_exchange_step(step, replay, findings),
                _ => {
                    self.step(step, *sealed, replay, findings);
                    *sealed += 1;
                }
            }
        }
    }

    fn key_exchange_step(&self, step: &Step, replay: &Replay<'_>, findings: &mut Findings) {
        let (kem_public_key, kem_encapsulation) = match step.direction {
            Way::InitiatorToResponder => (replay.public_key.clone(), Vec::new()),
            Way::ResponderToInitiator => (Vec::new(), replay.enc.clone()),
        };
        let exchange = SyncEstablishSharedSecret {
            protocol_version: TRANSPORT_VERSION,
            kem_public_key,
            kem_encapsulation,
        };
        let item = SyncStreamItem {
            action: Some(Action::EstablishSharedSecret(exchange)),
        };
        findings.bytes("envelope", &step.envelope, &item.encode_to_vec());
    }

    /// A sealed step: the `sealed`-th item of its direction, counted from 0.
    fn step(&self, step: &Step, sealed: u64, replay: &Replay<'_>, findings: &mut Findings) {
        let (Some(counter), Some(nonce), Some(plaintext), Some(ciphertext)) = (
            &step.counter,
            &step.nonce,
            &step.plaintext,
            &step.ciphertext,
        ) else {
            findings.mismatch(
                "ciphertext",
                "a sealed step with all its fields",
                "one without",
            );
            return;
        };
        findings.equal("counter", counter.0, sealed);
        let phase = if sealed == 0 {
            Phase::Handshake
        } else {
            Phase::Session
        };
        findings.equal("phase", step.phase, phase);
        Frame {
            key: &step.direction.key(&replay.keys),
            counter: sealed,
            plaintext,
            plaintext_json: step.plaintext_json.as_ref(),
            nonce,
            ciphertext,
            envelope: &step.envelope,
        }
        .check(findings);
        if phase == Phase::Handshake {
            let side = match step.direction {
                Way::InitiatorToResponder => &replay.initiator,
                Way::ResponderToInitiator => &replay.responder,
            };
            findings.bytes("plaintext", plaintext, &side.handshake.encode_to_vec());
        }
        let action = item(plaintext).ok().and_then(|item| action_name(&item));
        findings.equal("action", step.action.as_ref(), action.as_ref());
        let reference = self.deployed_does(phase, step.direction, action.as_deref());
        findings.equal("reference", step.reference.as_deref(), Some(reference));
    }

    /// What the deployed peer at the receiving end does with an item (`docs/protocol.md`, sections 6 and 7).
    fn deployed_does(&self, phase: Phase, direction: Way, action: Option<&str>) -> &'static str {
        const BOTH: [&str; 4] = [
            "heartbeat",
            "operation_manifest",
            "receive_config",
            "receive_resources",
        ];
        const RESPONDER: [&str; 1] = ["receive_operations"];
        const INITIATOR: [&str; 3] = ["request_operation_data", "request_resources", "set_config"];

        if phase == Phase::Handshake {
            return "handled";
        }
        if !self.initiator.pairing_secret.is_empty() {
            return AFTER_RECONNECT;
        }
        let handled = action.is_some_and(|action| {
            BOTH.contains(&action)
                || match direction {
                    Way::InitiatorToResponder => RESPONDER.contains(&action),
                    Way::ResponderToInitiator => INITIATOR.contains(&action),
                }
        });
        if handled {
            "handled"
        } else {
            "closes the session (not implemented)"
        }
    }
}

/// The deployed responder does not go on with the session in which it paired.
const AFTER_RECONNECT: &str = "only after a reconnect: the reference server enrols the client and then ends this first \
    session with permission_denied (client is not an authorized peer), because it checks the configuration snapshot \
    from before the pairing";
