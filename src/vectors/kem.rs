//! `kem.json`: key expansion, encapsulation, decapsulation, key parsing, DeriveKeyPair.

use serde::Deserialize;

use super::{
    case::{Case, Context, Of},
    findings::{Findings, Strict, outcome, refuses},
    format::{Expected, Hex, HexArray, kem_id},
};
use crate::crypto::kem::{
    EncapsulationRandomness, KemError, KemId, PointError, PrivateKey, PublicKey, SharedSecretParts,
};

/// A group that names the KEM id its tests are computed under.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KemGroup {
    #[serde(deserialize_with = "kem_id")]
    pub(super) kem_id: KemId,
}

/// Only DeriveKeyPair depends on the id; the other groups are those of the deployed one.
fn deployed_id(group: &KemGroup, findings: &mut Findings) {
    findings.equal("kem_id", group.kem_id, KemId::MlKem1024P384);
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EncapDecap {
    seed: HexArray<32>,
    encap_randomness: HexArray<32>,
    ephemeral_scalar: HexArray<48>,
    #[serde(rename = "go_global_random_seed")]
    _go_global_random_seed: Option<u64>,
    mlkem_seed: Hex,
    p384_scalar: Hex,
    public_key: Hex,
    enc: Hex,
    mlkem_shared_secret: Hex,
    ecdh_shared_secret: Hex,
    shared_secret: Hex,
}

impl Case for Of<KemGroup, EncapDecap> {
    fn check(&self, context: &Context<'_>) -> Findings {
        let (test, mut findings) = (&self.test, Findings::default());
        deployed_id(&self.group, &mut findings);
        let result = test.exchange(&mut findings);
        findings.verdict(
            context.expected(),
            refusal,
            outcome(&result),
            outcome(&result),
        );
        findings
    }
}

impl EncapDecap {
    fn exchange(&self, findings: &mut Findings) -> Result<(), KemError> {
        let private = PrivateKey::from_seed(&*self.seed)?;
        let expanded = private.expanded();
        findings.bytes("mlkem_seed", &self.mlkem_seed, &expanded.mlkem_seed);
        findings.bytes("p384_scalar", &self.p384_scalar, &expanded.p384_scalar);
        findings.bytes("public_key", &self.public_key, private.public_key());

        let randomness =
            EncapsulationRandomness::new(*self.encap_randomness, *self.ephemeral_scalar)?;
        let (enc, parts) = PublicKey::parse(private.public_key())?.encapsulate_parts(&randomness);
        findings.bytes("enc", &self.enc, &enc);
        self.secrets(findings, &parts);
        self.secrets(findings, &private.decapsulate_parts(&self.enc)?);
        Ok(())
    }

    fn secrets(&self, findings: &mut Findings, parts: &SharedSecretParts) {
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
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Decap {
    seed: Hex,
    enc: Hex,
    mlkem_shared_secret: Option<Hex>,
    ecdh_shared_secret: Option<Hex>,
    shared_secret: Option<Hex>,
    good_shared_secret: Option<Hex>,
    must_differ: Option<String>,
}

impl Case for Of<KemGroup, Decap> {
    fn check(&self, context: &Context<'_>) -> Findings {
        let (test, mut findings) = (&self.test, Findings::default());
        deployed_id(&self.group, &mut findings);
        let result =
            PrivateKey::from_seed(&test.seed).and_then(|key| key.decapsulate_parts(&test.enc));
        findings.verdict(
            context.expected(),
            refusal,
            outcome(&result),
            outcome(&result),
        );

        let parts = result.as_ref().ok();
        findings.bytes_if_any(
            "mlkem_shared_secret",
            test.mlkem_shared_secret.as_deref(),
            parts.map(|parts| parts.mlkem_shared_secret().as_slice()),
        );
        findings.bytes_if_any(
            "ecdh_shared_secret",
            test.ecdh_shared_secret.as_deref(),
            parts.map(|parts| parts.ecdh_shared_secret().as_slice()),
        );
        findings.bytes_if_any(
            "shared_secret",
            test.shared_secret.as_deref(),
            parts.map(|parts| parts.shared_secret().as_bytes().as_slice()),
        );
        test.good_secret(context, &mut findings);
        findings
    }
}

impl Decap {
    /// Every valid test here is a tampered encapsulation: it opens, to another secret than the honest one.
    fn good_secret(&self, context: &Context<'_>, findings: &mut Findings) {
        let Some(good) = &self.good_shared_secret else {
            findings.equal("must_differ", self.must_differ.as_deref(), None);
            findings.ensure(
                "good_shared_secret",
                *context.expected() != Expected::Valid,
                "to be listed",
            );
            return;
        };
        let wanted = Some("shared_secret differs from good_shared_secret");
        findings.equal("must_differ", self.must_differ.as_deref(), wanted);
        let differs = self.shared_secret.as_ref() != Some(good);
        findings.ensure(
            "good_shared_secret",
            differs,
            "another value than shared_secret",
        );
        let known = context.exchange_with(good).is_some();
        findings.ensure(
            "good_shared_secret",
            known,
            "the secret of another test's exchange",
        );
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PublicKeyTest {
    public_key: Hex,
    encap_randomness: Option<HexArray<32>>,
    ephemeral_scalar: Option<HexArray<48>>,
    #[serde(rename = "go_global_random_seed")]
    _go_global_random_seed: Option<u64>,
    enc: Option<Hex>,
    shared_secret: Option<Hex>,
}

impl Case for Of<KemGroup, PublicKeyTest> {
    fn check(&self, context: &Context<'_>) -> Findings {
        let (test, mut findings) = (&self.test, Findings::default());
        deployed_id(&self.group, &mut findings);
        let result = PublicKey::parse(&test.public_key);
        findings.verdict(
            context.expected(),
            refusal,
            outcome(&result),
            outcome(&result),
        );

        let exchange = result.ok().and_then(|key| {
            let randomness =
                EncapsulationRandomness::new(*test.encap_randomness?, *test.ephemeral_scalar?);
            let randomness = findings.value("ephemeral_scalar", randomness)?;
            Some(key.encapsulate(&randomness))
        });
        let (enc, secret) = exchange.unzip();
        findings.bytes_if_any("enc", test.enc.as_deref(), enc.as_deref());
        findings.bytes_if_any(
            "shared_secret",
            test.shared_secret.as_deref(),
            secret.as_ref().map(|secret| secret.as_bytes().as_slice()),
        );
        findings
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PrivateKeyTest {
    seed: Hex,
    public_key: Option<Hex>,
}

impl Case for Of<KemGroup, PrivateKeyTest> {
    fn check(&self, context: &Context<'_>) -> Findings {
        let (test, mut findings) = (&self.test, Findings::default());
        deployed_id(&self.group, &mut findings);
        let result = PrivateKey::from_seed(&test.seed);
        findings.verdict(
            context.expected(),
            refusal,
            outcome(&result),
            outcome(&result),
        );
        let seen = result.as_ref().ok().map(|key| key.public_key().as_slice());
        findings.bytes_if_any("public_key", test.public_key.as_deref(), seen);
        findings
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DeriveKeyPair {
    ikm: Hex,
    seed: Hex,
    public_key: Hex,
}

impl Case for Of<KemGroup, DeriveKeyPair> {
    fn check(&self, context: &Context<'_>) -> Findings {
        let mut findings = Findings::default();
        let key = PrivateKey::derive(self.group.kem_id, &self.test.ikm);
        findings.verdict(context.expected(), refusal, Ok(()), Ok(()));
        findings.bytes("seed", &self.test.seed, key.seed());
        findings.bytes("public_key", &self.test.public_key, key.public_key());
        findings
    }
}

/// What each listed reason says about our error.
fn refusal(reason: &str) -> Option<Strict<KemError>> {
    if let Some(length) = listed_length(reason) {
        return refuses(move |error| match error {
            KemError::PublicKeyLength { seen } | KemError::EncapsulationLength { seen } => {
                *seen == length
            }
            _ => false,
        });
    }
    let point = |wanted: fn(&PointError) -> bool| {
        refuses(move |error| matches!(error, KemError::Point(point) if wanted(point)))
    };
    match reason {
        "a private key is exactly 32 bytes" => {
            refuses(|error| matches!(error, KemError::SeedLength { seen } if *seen != 32))
        }
        "coefficient not reduced"
        | "coefficient not reduced (FIPS 203 modulus check)"
        | "coefficients not reduced" => refuses(|error| *error == KemError::CoefficientNotReduced),
        "ML-KEM coefficient >= q or bad point" => {
            refuses(|error| matches!(error, KemError::CoefficientNotReduced | KemError::Point(_)))
        }
        "the last 97 bytes are not a point" => point(|_| true),
        "bad point format byte" => point(|error| matches!(error, PointError::UnknownFormat { .. })),
        "format byte 02/03" | "format byte 02/03 with uncompressed length" => {
            point(|error| *error == PointError::Compressed)
        }
        "format byte 06/07" | "hybrid encoding is not allowed" => {
            point(|error| *error == PointError::Hybrid)
        }
        "point at infinity" => point(|error| *error == PointError::Infinity),
        "point not on the curve"
        | "point not on the curve (invalid-curve attack)"
        | "(0,0) is not on the curve" => point(|error| *error == PointError::OffCurve),
        "x >= p" => point(|error| *error == PointError::XNotReduced),
        "y >= p" => point(|error| *error == PointError::YNotReduced),
        _ => None,
    }
}

/// The length in `length 1664, must be 1665` and in `compressed points are not allowed, length 1617`.
fn listed_length(reason: &str) -> Option<usize> {
    reason
        .strip_prefix("length ")
        .and_then(|rest| rest.strip_suffix(", must be 1665"))
        .or_else(|| reason.strip_prefix("compressed points are not allowed, length "))?
        .parse()
        .ok()
}
