//! `identity.json`: identities, and what is accepted of their texts.

use std::convert::Infallible;

use serde::Deserialize;

use super::{
    case::{Case, Context, Of},
    dynamic::descriptor,
    findings::{Findings, Strict, outcome, refuses},
    format::{Deployed, Hex, HexArray, NoFields},
};
use crate::crypto::identity::{Base64Error, Identity, IdentityError, KeyPolicy, PeerKey};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct IdentityTest {
    seed: HexArray<32>,
    public_key: Hex,
    keyid: String,
    ed25519pub: String,
    ed25519priv: String,
}

impl Case for Of<NoFields, IdentityTest> {
    fn check(&self, context: &Context<'_>) -> Findings {
        let (test, mut findings) = (&self.test, Findings::default());
        findings.verdict::<Infallible>(context.expected(), |_| None, Ok(()), Ok(()));
        let identity = Identity::from_seed(&test.seed);
        findings.bytes("public_key", &test.public_key, &identity.public_key());
        findings.equal("keyid", test.keyid.as_str(), identity.keyid());
        findings.equal("ed25519pub", &test.ed25519pub, &identity.public_key_text());
        findings.equal(
            "ed25519priv",
            &test.ed25519priv,
            &identity.private_key_text(),
        );
        findings
    }
}

/// A group whose inputs are the fields of one message.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MessageGroup {
    message: String,
}

impl MessageGroup {
    fn check(&self, fields: &[&str], findings: &mut Findings) {
        if let Some(message) = findings.value("message", descriptor(&self.message)) {
            let mut names: Vec<_> = message
                .fields()
                .map(|field| field.name().to_owned())
                .collect();
            names.sort();
            findings.equal(
                "message",
                fields.iter().map(|&name| name.to_owned()).collect(),
                names,
            );
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PublicKeyDecode {
    keyid: String,
    ed25519pub: String,
    public_key: Option<Hex>,
    backrest: Option<Deployed>,
}

impl Case for Of<MessageGroup, PublicKeyDecode> {
    fn check(&self, context: &Context<'_>) -> Findings {
        let (test, mut findings) = (&self.test, Findings::default());
        self.group.check(&["ed25519pub", "keyid"], &mut findings);
        let decode = |policy| PeerKey::decode(&test.keyid, &test.ed25519pub, policy);
        let [strict, deployed] = [KeyPolicy::Strict, KeyPolicy::Deployed].map(decode);
        findings.verdict(
            context.expected(),
            public_key_refusal,
            outcome(&strict),
            outcome(&deployed),
        );
        findings.deployed(
            "backrest",
            context.expected(),
            test.backrest,
            outcome(&deployed),
        );
        let seen = deployed
            .as_ref()
            .ok()
            .map(|key| key.public_key().as_slice());
        findings.bytes_if_any("public_key", test.public_key.as_deref(), seen);
        findings
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PrivateKeyDecode {
    keyid: String,
    ed25519priv: String,
    ed25519pub: String,
    seed: Option<Hex>,
    public_key: Option<Hex>,
    backrest: Option<Deployed>,
}

impl Case for Of<MessageGroup, PrivateKeyDecode> {
    fn check(&self, context: &Context<'_>) -> Findings {
        let (test, mut findings) = (&self.test, Findings::default());
        self.group
            .check(&["ed25519priv", "ed25519pub", "keyid"], &mut findings);
        let decode =
            |policy| Identity::decode(&test.keyid, &test.ed25519priv, &test.ed25519pub, policy);
        let [strict, deployed] = [KeyPolicy::Strict, KeyPolicy::Deployed].map(decode);
        findings.verdict(
            context.expected(),
            private_key_refusal,
            outcome(&strict),
            outcome(&deployed),
        );
        findings.deployed(
            "backrest",
            context.expected(),
            test.backrest,
            outcome(&deployed),
        );
        let (seed, public_key) = deployed
            .as_ref()
            .ok()
            .map(|identity| (identity.seed(), identity.public_key()))
            .unzip();
        findings.bytes_if_any(
            "seed",
            test.seed.as_deref(),
            seed.as_ref().map(|s| s.as_slice()),
        );
        let public_key = public_key.as_ref().map(|key| key.as_slice());
        findings.bytes_if_any("public_key", test.public_key.as_deref(), public_key);
        findings
    }
}

/// What each reason for refusing a public key says about our error.
pub(super) fn public_key_refusal(reason: &str) -> Option<Strict<IdentityError>> {
    if let Some(length) = listed_length(reason) {
        return refuses(move |e| matches!(e, IdentityError::KeyLength { seen } if *seen == length));
    }
    let text = |wanted: fn(&Base64Error) -> bool| {
        refuses(move |error| matches!(error, IdentityError::KeyText(text) if wanted(text)))
    };
    match reason {
        "not the canonical base64 of the 32 bytes" | "not canonical base64" => {
            text(|text| *text == Base64Error::TrailingBits)
        }
        "line breaks are not base64" => text(|text| matches!(text, Base64Error::LineBreak { .. })),
        "padding is not allowed" | "padding" => text(|text| *text == Base64Error::Padding),
        "standard alphabet only" | "whitespace" | "not base64" | "fields swapped" => {
            text(|text| matches!(text, Base64Error::Character { .. }))
        }
        // Forty-two characters: strictly the last one has stray bits, loosely the key is a byte short.
        "truncated base64" => refuses(|error| {
            matches!(
                error,
                IdentityError::KeyText(Base64Error::Truncated | Base64Error::TrailingBits)
                    | IdentityError::KeyLength { seen: 31 }
            )
        }),
        "not a point" => refuses(|error| *error == IdentityError::KeyNotAPoint),
        "small-order key" => refuses(|error| *error == IdentityError::KeySmallOrder),
        "key id does not match"
        | "key id does not match the key"
        | "wrong prefix"
        | "base64 is case-sensitive"
        | "key ids are compared as text"
        | "key ids are compared as text, non-canonical base64 does not match"
        | "url alphabet only"
        | "SHA-256 is over the 32 raw bytes"
        | "SHA-256"
        | "base64url" => refuses(|error| matches!(error, IdentityError::KeyIdMismatch { .. })),
        _ => None,
    }
}

/// What each reason for refusing a private key says about our error.
fn private_key_refusal(reason: &str) -> Option<Strict<IdentityError>> {
    let length = |wanted| {
        refuses(move |e| matches!(e, IdentityError::SeedLength { seen } if *seen == wanted))
    };
    let text = |wanted| refuses(move |error| *error == IdentityError::SeedText(wanted));
    match reason {
        "not canonical base64" => text(Base64Error::TrailingBits),
        "padding" => text(Base64Error::Padding),
        "must be the 32-byte seed" => length(64),
        "0 bytes" => length(0),
        "31 bytes" => length(31),
        "seed does not match the public key" => refuses(|e| *e == IdentityError::SeedOfOtherKey),
        "0-byte public key" => refuses(|e| *e == IdentityError::KeyLength { seen: 0 }),
        "key id does not match" => public_key_refusal(reason),
        _ => None,
    }
}

/// The length in `33 bytes, must be 32`, `decodes to 48 bytes` and `31 bytes`.
fn listed_length(reason: &str) -> Option<usize> {
    let rest = reason.strip_prefix("decodes to ").unwrap_or(reason);
    rest.strip_suffix(" bytes, must be 32")
        .or_else(|| rest.strip_suffix(" bytes"))?
        .parse()
        .ok()
}
