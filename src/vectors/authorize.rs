//! `handshake.json`, group `handshake_authorize`: a verified handshake against the configured peer.

use std::fmt;

use serde::Deserialize;

use super::{
    case::{Case, Context, Of},
    findings::{Findings, Strict, outcome, refuses},
    format::NoFields,
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Authorize {
    instance_id: String,
    keyid: String,
    peer_instance_id: String,
    peer_keyid: String,
    reject_stage: Option<AuthorizeStage>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum AuthorizeStage {
    Authorize,
}

impl Case for Of<NoFields, Authorize> {
    fn check(&self, context: &Context<'_>) -> Findings {
        let (test, mut findings) = (&self.test, Findings::default());
        let result = test.authorize();
        findings.verdict(
            context.expected(),
            stranger,
            outcome(&result),
            outcome(&result),
        );
        let stage = result.err().map(|_| AuthorizeStage::Authorize);
        findings.equal("reject_stage", test.reject_stage, stage);
        findings
    }
}

impl Authorize {
    /// Whether a verified handshake is the configured peer's: both texts equal, byte by byte.
    fn authorize(&self) -> Result<(), Stranger> {
        if self.keyid != self.peer_keyid {
            return Err(Stranger::KeyId);
        }
        if self.instance_id != self.peer_instance_id {
            return Err(Stranger::InstanceId);
        }
        Ok(())
    }
}

/// What is not the configured peer's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stranger {
    KeyId,
    InstanceId,
}

impl fmt::Display for Stranger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Stranger::KeyId => "another key id",
            Stranger::InstanceId => "another instance id",
        })
    }
}

fn stranger(reason: &str) -> Option<Strict<Stranger>> {
    match reason {
        "key id mismatch" => refuses(|seen| *seen == Stranger::KeyId),
        "instance id mismatch" | "no normalisation" => {
            refuses(|seen| *seen == Stranger::InstanceId)
        }
        "compared byte by byte" => refuses(|_| true),
        _ => None,
    }
}
