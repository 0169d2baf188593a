//! `session.json`, group `session_fault`: what ends a session at the key exchange.

use std::fmt;

use serde::Deserialize;

use super::{
    case::{Case, Context, Of},
    dynamic::action_name,
    findings::{Findings, Strict, outcome, refuses},
    format::{Deployed, Hex, NoFields},
    session_machines::takes_first,
};
use crate::{
    crypto::{
        identity::Identity,
        kem::{EncapsulationRandomness, KemError, PrivateKey, PublicKey},
        transcript::TRANSPORT_VERSION,
    },
    session::{ExpectedPeer, InitiatorParams, Local, ResponderParams},
    wire::{
        self, Action,
        decode::{DecodeError, DecodeFault, Reading, item_as},
    },
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SessionFault {
    role: Role,
    phase: Phase,
    envelope: Hex,
    backrest: Option<Deployed>,
}

/// Who receives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Role {
    Initiator,
    Responder,
}

/// When the item comes: so far, every fault lies in the key exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Phase {
    Kem,
}

impl Case for Of<NoFields, SessionFault> {
    fn check(&self, context: &Context<'_>) -> Findings {
        let (test, mut findings) = (&self.test, Findings::default());
        let receive = |reading| session_fault(test.role, test.phase, &test.envelope, reading);
        let [strict, deployed] = [Reading::Strict, Reading::Deployed].map(receive);
        findings.verdict(
            context.expected(),
            refusal,
            outcome(&strict),
            outcome(&deployed),
        );
        findings.deployed(
            "backrest",
            context.expected(),
            test.backrest,
            outcome(&deployed),
        );
        // The machine reads as deployed peers do.
        findings.equal(
            "machine.takes",
            deployed.is_ok(),
            machine_takes(test.role, &test.envelope),
        );
        findings
    }
}

/// Whether the session machine of this role takes the envelope as its first item, whatever its keys.
fn machine_takes(role: Role, envelope: &[u8]) -> bool {
    let local = || Local::new(Identity::from_seed(&[1; 32]), "receiver");
    let initiator = InitiatorParams {
        local: local(),
        kem_seed: [2; 32],
        expected: ExpectedPeer {
            keyid: String::new(),
            instance_id: String::new(),
        },
        pairing_secret: String::new(),
    };
    let responder = ResponderParams {
        local: local(),
        encapsulation: EncapsulationRandomness::from_seed(&[3; 32]),
    };
    let receiver = match role {
        Role::Initiator => wire::Role::Initiator,
        Role::Responder => wire::Role::Responder,
    };
    takes_first(receiver, initiator, responder, envelope)
}

/// What a receiver in this role and phase makes of an envelope.
fn session_fault(
    role: Role,
    phase: Phase,
    envelope: &[u8],
    reading: Reading,
) -> Result<(), FaultClass> {
    match phase {
        Phase::Kem => key_exchange(role, envelope, reading),
    }
}

fn key_exchange(role: Role, envelope: &[u8], reading: Reading) -> Result<(), FaultClass> {
    let item = item_as(envelope, reading).map_err(FaultClass::NotAnItem)?;
    let Some(Action::EstablishSharedSecret(exchange)) = &item.action else {
        return Err(FaultClass::OtherAction {
            seen: action_name(&item),
        });
    };
    if exchange.protocol_version != TRANSPORT_VERSION {
        return Err(FaultClass::Version {
            seen: exchange.protocol_version,
        });
    }
    let (own, other) = match role {
        Role::Responder => (&exchange.kem_public_key, &exchange.kem_encapsulation),
        Role::Initiator => (&exchange.kem_encapsulation, &exchange.kem_public_key),
    };
    match (own.is_empty(), other.is_empty()) {
        (true, true) => return Err(FaultClass::KeyMaterialMissing),
        (true, false) => return Err(FaultClass::OtherSidesField),
        (false, _) => {}
    }
    match role {
        Role::Responder => PublicKey::parse(own).map(|_| ()),
        // Whether an encapsulation is well-formed does not depend on the key.
        Role::Initiator => PrivateKey::from_seed_array(&[0; 32])
            .decapsulate(own)
            .map(|_| ()),
    }
    .map_err(FaultClass::KeyMaterial)
}

/// Why the key exchange ends the session.
#[derive(Debug)]
enum FaultClass {
    NotAnItem(DecodeError),
    OtherAction { seen: Option<String> },
    Version { seen: u32 },
    KeyMaterialMissing,
    OtherSidesField,
    KeyMaterial(KemError),
}

impl fmt::Display for FaultClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FaultClass::NotAnItem(error) => error.fmt(f),
            FaultClass::OtherAction { seen } => {
                let seen = seen.as_deref().unwrap_or("no known action");
                write!(f, "{seen} in place of the key exchange")
            }
            FaultClass::Version { seen } => write!(f, "transport version {seen}"),
            FaultClass::KeyMaterialMissing => f.write_str("no key material"),
            FaultClass::OtherSidesField => f.write_str("the other side's field alone"),
            FaultClass::KeyMaterial(error) => error.fmt(f),
        }
    }
}

/// What each listed reason says about our error.
fn refusal(reason: &str) -> Option<Strict<FaultClass>> {
    match reason {
        "transport version must be 1" => {
            refuses(|fault| matches!(fault, FaultClass::Version { .. }))
        }
        "establish_shared_secret expected" => {
            refuses(|fault| matches!(fault, FaultClass::OtherAction { .. }))
        }
        "key material missing" => refuses(|fault| matches!(fault, FaultClass::KeyMaterialMissing)),
        "wrong field" => refuses(|fault| matches!(fault, FaultClass::OtherSidesField)),
        "length must be 1665" => refuses(|fault| {
            matches!(
                fault,
                FaultClass::KeyMaterial(
                    KemError::PublicKeyLength { .. } | KemError::EncapsulationLength { .. }
                )
            )
        }),
        "bad point" => {
            refuses(|fault| matches!(fault, FaultClass::KeyMaterial(KemError::Point(_))))
        }
        "modulus check" => refuses(|fault| {
            matches!(
                fault,
                FaultClass::KeyMaterial(KemError::CoefficientNotReduced)
            )
        }),
        "version out of range of uint32" => refuses(|fault| {
            matches!(fault, FaultClass::NotAnItem(error)
                if matches!(error.fault, DecodeFault::OutOfRange { .. }))
        }),
        // The receiver reads its own field. Neither the other one nor an unknown one reaches a key or the transcript,
        // and refusing unknown fields would shut out every later version of the message.
        "a responder should not get an encapsulation" | "unknown fields are not authenticated" => {
            Some(Strict::Accepts)
        }
        _ => None,
    }
}
