//! `handshake.json`: what is signed, and a receiver's verdict on a handshake.

use std::convert::Infallible;

use base64::Engine as _;
use curve25519_dalek::{EdwardsPoint, Scalar, edwards::CompressedEdwardsY};
use prost::Message;
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha512};

use super::{
    KNOWN_DEFECTS,
    case::{Case, Context, Of},
    findings::{Findings, Strict, outcome, refuses},
    format::{Decimal, Deployed, Hex, HexArray, NoFields, hex},
    identity::public_key_refusal,
    receiver::{HandshakeFault, verify_handshake},
};
use crate::{
    crypto::{
        handshake::{HandshakeClaims, LABEL},
        identity::{Identity, IdentityError, KeyPolicy, keyid_of, verify_signature},
    },
    session,
    wire::{
        Action, SyncStreamItem,
        decode::{Reading, item_as},
        v1,
        v1sync::sync_stream_item::SyncActionHandshake,
    },
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sign {
    seed: HexArray<32>,
    keyid: String,
    ed25519pub: String,
    protocol_version: Decimal<i64>,
    instance_id: String,
    instance_id_hex: Hex,
    pairing_secret: String,
    transcript: Hex,
    bind_hash: HexArray<32>,
    signature: Hex,
    item: Hex,
    differs_from: Option<String>,
}

impl Case for Of<NoFields, Sign> {
    fn check(&self, context: &Context<'_>) -> Findings {
        let (test, mut findings) = (&self.test, Findings::default());
        let listed = context.algorithm("label").and_then(Value::as_str);
        findings.equal("algorithm.label", listed, Some(hex(LABEL).as_str()));
        findings.verdict::<Infallible>(context.expected(), |_| None, Ok(()), Ok(()));
        findings.bytes(
            "instance_id_hex",
            &test.instance_id_hex,
            test.instance_id.as_bytes(),
        );

        let identity = Identity::from_seed(&test.seed);
        findings.equal("keyid", test.keyid.as_str(), identity.keyid());
        findings.equal("ed25519pub", &test.ed25519pub, &identity.public_key_text());
        let claims = HandshakeClaims {
            protocol_version: test.protocol_version.0,
            instance_id: &test.instance_id,
            pairing_secret: &test.pairing_secret,
            transcript: &test.transcript,
        };
        findings.bytes("bind_hash", &*test.bind_hash, &claims.hash());
        findings.bytes("signature", &test.signature, &identity.sign(&claims.hash()));
        findings.bytes(
            "item",
            &test.item,
            &handshake_item(&identity, &claims).encode_to_vec(),
        );
        if let Some(id) = &test.differs_from {
            let other = context.hex_of(id, "bind_hash");
            let differs = other.is_some_and(|other| other != *test.bind_hash);
            findings.ensure("differs_from", differs, "a test with another hash");
        }
        findings
    }
}

/// The item in which an identity makes these claims.
pub(super) fn handshake_item(identity: &Identity, claims: &HandshakeClaims<'_>) -> SyncStreamItem {
    let handshake = SyncActionHandshake {
        protocol_version: claims.protocol_version,
        public_key: Some(v1::PublicKey {
            keyid: identity.keyid().to_owned(),
            ed25519pub: identity.public_key_text(),
        }),
        instance_id: claims.instance_id.to_owned(),
        pairing_secret: claims.pairing_secret.to_owned(),
        signature: identity.sign(&claims.hash()).to_vec(),
    };
    SyncStreamItem {
        action: Some(Action::Handshake(handshake)),
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Verify {
    reject_stage: Option<Stage>,
    backrest: Deployed,
    protocol_version: Decimal<i64>,
    keyid: String,
    ed25519pub: String,
    public_key: Hex,
    instance_id: String,
    pairing_secret: String,
    signature: Hex,
    local_transcript: HexArray<32>,
    bind_hash: HexArray<32>,
    go_ed25519_verdict: bool,
    strict_verdict: bool,
    cofactored_verdict: bool,
    item: Hex,
}

/// How far a receiver gets with a handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Stage {
    Action,
    Version,
    PublicKey,
    InstanceId,
    Signature,
}

impl Stage {
    fn of(fault: &HandshakeFault) -> Self {
        match fault {
            HandshakeFault::NotAHandshake => Stage::Action,
            HandshakeFault::Version { .. } => Stage::Version,
            HandshakeFault::InstanceIdEmpty => Stage::InstanceId,
            HandshakeFault::KeyMissing | HandshakeFault::KeyIdEmpty | HandshakeFault::Key(_) => {
                Stage::PublicKey
            }
            HandshakeFault::Signature(_) => Stage::Signature,
        }
    }
}

impl Case for Of<NoFields, Verify> {
    fn check(&self, context: &Context<'_>) -> Findings {
        let (test, mut findings) = (&self.test, Findings::default());
        let bytes = test.item_bytes(context, &mut findings);
        let Some(item) = findings.value("item", item_as(&bytes, Reading::Strict)) else {
            return findings;
        };
        let verify = |policy| verify_handshake(&item, &*test.local_transcript, policy);
        let [strict, deployed] = [KeyPolicy::Strict, KeyPolicy::Deployed].map(verify);
        findings.verdict(
            context.expected(),
            refusal,
            outcome(&strict),
            outcome(&deployed),
        );
        findings.deployed(
            "backrest",
            context.expected(),
            Some(test.backrest),
            outcome(&deployed),
        );
        // The strict reading may refuse a key before it comes to the signature; the listed stage is the deployed one.
        let stage = deployed.as_ref().err().map(Stage::of);
        findings.equal("reject_stage", test.reject_stage, stage);

        test.machine(&item, &[strict.is_ok(), deployed.is_ok()], &mut findings);
        test.claims(&item, &mut findings);
        test.signature_verdicts(&mut findings);
        findings
    }
}

impl Verify {
    /// The item's bytes; where the file is known to list another test's, those that the listed fields make.
    fn item_bytes(&self, context: &Context<'_>, findings: &mut Findings) -> Vec<u8> {
        let id = &context.entry.id;
        let defect = KNOWN_DEFECTS
            .iter()
            .find(|known| known.test == id && known.field == "item");
        let Some(defect) = defect else {
            return self.item.to_vec();
        };
        let other = context.hex_of(defect.copied_from, "item");
        findings.bytes_if_any("item", Some(&self.item), other.as_deref());
        self.own_keyid(findings);
        let handshake = SyncActionHandshake {
            protocol_version: self.protocol_version.0,
            public_key: Some(v1::PublicKey {
                keyid: self.keyid.clone(),
                ed25519pub: self.ed25519pub.clone(),
            }),
            instance_id: self.instance_id.clone(),
            pairing_secret: self.pairing_secret.clone(),
            signature: self.signature.to_vec(),
        };
        SyncStreamItem {
            action: Some(Action::Handshake(handshake)),
        }
        .encode_to_vec()
    }

    /// The session machine comes to the same verdict as the steps that are compared one by one.
    fn machine(&self, item: &SyncStreamItem, ours: &[bool; 2], findings: &mut Findings) {
        let verdict = |policy| {
            session::verify_handshake(item.clone(), &self.local_transcript, policy).is_ok()
        };
        let machine = [KeyPolicy::Strict, KeyPolicy::Deployed].map(verdict);
        findings.equal("result", ours, &machine);
    }

    /// Holds the listed claims against the item and against each other.
    fn claims(&self, item: &SyncStreamItem, findings: &mut Findings) {
        let text = self
            .ed25519pub
            .trim_end_matches('=')
            .replace(['\r', '\n'], "");
        let key = findings.value("ed25519pub", LOOSE_BASE64.decode(text));
        findings.bytes_if_any("public_key", Some(&self.public_key), key.as_deref());
        let claims = HandshakeClaims {
            protocol_version: self.protocol_version.0,
            instance_id: &self.instance_id,
            pairing_secret: &self.pairing_secret,
            transcript: &*self.local_transcript,
        };
        findings.bytes("bind_hash", &*self.bind_hash, &claims.hash());

        let handshake = match &item.action {
            // The claims around an item without a handshake, or with an empty one, are those of an honest one.
            Some(Action::Handshake(handshake)) if *handshake != SyncActionHandshake::default() => {
                handshake
            }
            _ => return self.own_keyid(findings),
        };
        findings.equal(
            "protocol_version",
            self.protocol_version.0,
            handshake.protocol_version,
        );
        findings.equal("instance_id", &self.instance_id, &handshake.instance_id);
        findings.equal(
            "pairing_secret",
            &self.pairing_secret,
            &handshake.pairing_secret,
        );
        findings.bytes("signature", &self.signature, &handshake.signature);
        match &handshake.public_key {
            Some(key) => {
                findings.equal("keyid", &self.keyid, &key.keyid);
                findings.equal("ed25519pub", &self.ed25519pub, &key.ed25519pub);
            }
            None => self.own_keyid(findings),
        }
    }

    /// Where no item speaks for the listed key id, it is at least that of the listed key.
    fn own_keyid(&self, findings: &mut Findings) {
        let own = self.public_key[..].try_into().ok().map(keyid_of);
        findings.equal("keyid", Some(&self.keyid), own.as_ref());
    }

    fn signature_verdicts(&self, findings: &mut Findings) {
        let verdict = |policy| {
            let key = self.public_key[..].try_into().ok();
            key.is_some_and(|key| {
                verify_signature(policy, key, &*self.bind_hash, &self.signature).is_ok()
            })
        };
        findings.equal(
            "go_ed25519_verdict",
            self.go_ed25519_verdict,
            verdict(KeyPolicy::Deployed),
        );
        findings.equal(
            "strict_verdict",
            self.strict_verdict,
            verdict(KeyPolicy::Strict),
        );
        let cofactored = cofactored(&self.public_key, &*self.bind_hash, &self.signature);
        findings.equal(
            "cofactored_verdict",
            self.cofactored_verdict,
            cofactored.is_some(),
        );
    }
}

const LOOSE_BASE64: base64::engine::GeneralPurpose = base64::engine::GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    base64::engine::general_purpose::NO_PAD.with_decode_allow_trailing_bits(true),
);

/// Ed25519's equation times the cofactor, `[8][S]B = [8]R + [8][k]A`, with loosely decoded points: what some verifiers
/// check, and none of ours. `None` when it does not hold.
fn cofactored(public_key: &[u8], message: &[u8], signature: &[u8]) -> Option<()> {
    let (r, s) = signature.split_first_chunk::<32>()?;
    let s = Option::<Scalar>::from(Scalar::from_canonical_bytes(s.try_into().ok()?))?;
    let point = CompressedEdwardsY(*r).decompress()?;
    let key = CompressedEdwardsY(public_key.try_into().ok()?).decompress()?;
    let hash = Sha512::new()
        .chain_update(r)
        .chain_update(public_key)
        .chain_update(message);
    let k = Scalar::from_bytes_mod_order_wide(&hash.finalize().into());
    let difference = EdwardsPoint::mul_base(&s) - point - key * k;
    difference.is_small_order().then_some(())
}

/// What each listed reason says about our error.
fn refusal(reason: &str) -> Option<Strict<HandshakeFault>> {
    let is = |wanted| refuses(move |fault| *fault == wanted);
    let signature = |wanted: fn(&IdentityError) -> bool| {
        refuses(move |fault| matches!(fault, HandshakeFault::Signature(error) if wanted(error)))
    };
    let key = |wanted: fn(&IdentityError) -> bool| {
        refuses(
            move |fault| matches!(fault, HandshakeFault::Key(e) | HandshakeFault::Signature(e) if wanted(e)),
        )
    };
    match reason {
        "protocol_version must be 3" => refuses(|f| matches!(f, HandshakeFault::Version { .. })),
        "the first message must be a handshake" => is(HandshakeFault::NotAHandshake),
        "public_key must be present" => is(HandshakeFault::KeyMissing),
        "key id must not be empty" => is(HandshakeFault::KeyIdEmpty),
        "instance_id must not be empty" => is(HandshakeFault::InstanceIdEmpty),
        "signature length" => signature(|e| matches!(e, IdentityError::SignatureLength { .. })),
        // Halves exchanged or reversed make an S that is no scalar.
        "bad signature" => signature(|e| {
            matches!(
                e,
                IdentityError::SignatureInvalid | IdentityError::SignatureScalarNotReduced
            )
        }),
        "S must be below L" => signature(|e| *e == IdentityError::SignatureScalarNotReduced),
        "R is the identity (nonce 0): strict verifiers reject it, and it gives the private key away" => {
            signature(|e| *e == IdentityError::SignatureSmallOrder)
        }
        "small-order key: the signature was made without any private key"
        | "small-order key: one signature for every message"
        | "small-order key and R" => key(|e| *e == IdentityError::KeySmallOrder),
        "non-canonical encoding of a small-order key" => key(|e| {
            matches!(
                e,
                IdentityError::KeyNotCanonical | IdentityError::KeySmallOrder
            )
        }),
        "key is not a curve point" => key(|e| *e == IdentityError::KeyNotAPoint),
        "key is not in the prime-order subgroup" => key(|e| *e == IdentityError::KeyNotPrimeOrder),
        // Strictly such keys are refused before their signatures are looked at.
        "nobody knows the private key" => key(|e| {
            matches!(
                e,
                IdentityError::KeyNotCanonical | IdentityError::SignatureInvalid
            )
        }),
        "only the cofactored equation holds" => key(|e| {
            matches!(
                e,
                IdentityError::KeyNotPrimeOrder | IdentityError::SignatureInvalid
            )
        }),
        _ if SIGNATURE_OVER_OTHER_THINGS.contains(&reason) => {
            signature(|e| *e == IdentityError::SignatureInvalid)
        }
        _ => {
            let Strict::Refuses(class) = public_key_refusal(reason)? else {
                return None;
            };
            refuses(move |fault| matches!(fault, HandshakeFault::Key(error) if class(error)))
        }
    }
}

const SIGNATURE_OVER_OTHER_THINGS: [&str; 21] = [
    "transcript differs",
    "instance id is signed",
    "pairing secret is signed",
    "fields swapped",
    "length prefixes",
    "signed by another key",
    "signed by another key over other fields",
    "the SHA-256 is signed",
    "raw hash is signed",
    "whole bind input is signed",
    "label ends in NUL",
    "version is u64",
    "version is signed",
    "an empty secret is four zero bytes",
    "wrong order",
    "LP(transcript)",
    "raw bytes",
    "pure Ed25519",
    "R is compared byte by byte",
    "R is compared byte by byte; y = p+1 is not what the verifier computes",
    "only the cofactored equation holds; Go uses the cofactorless one",
];
