//! A case that was played, as one self-contained file: enough to judge it again without the peer, and to play it again
//! with the same bytes of ours. Everything we send follows from the scenario, the seed and the suite's version.

mod read;
mod save;

use std::{path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

use super::{CaseResult, Outcome};
use crate::{
    crypto::kem::KemId, judge::Finding, rules::Level, scenario::model::Scenario, trace::Trace,
    wire::RpcProtocol,
};

pub use read::ReadError;
pub use save::{SaveError, file_name, save};

/// Version of the layout. Other versions are refused: a field that moved would be judged as if it had not.
pub const SCHEMA: u64 = 2;
/// What a file of this kind says it is, in its first field.
pub const FORMAT: &str = "syncspec-case";
/// Largest file that is written or read. A case takes in more only where a peer floods it; its trace is left out then.
pub const FILE_LEN_BYTES_MAX: usize = 64 * 1024 * 1024;

/// One case as it was played.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlayedCase {
    /// [`FORMAT`].
    pub format: String,
    /// [`SCHEMA`].
    pub schema: u64,
    /// Version of the suite that played it.
    pub suite_version: String,
    /// How it was played.
    pub played: Played,
    /// The case, all variables filled in, with everything the peer was provisioned with for it.
    pub scenario: Scenario,
    /// What it came to.
    pub outcome: Outcome,
    /// Why it could not be judged.
    pub reason: Option<String>,
    /// Rules found broken, of whatever level.
    pub findings: Vec<Finding>,
    /// How long it took, in nanoseconds.
    pub duration_ns: u64,
    /// The peer's log while it was played.
    pub peer_log: Vec<String>,
    /// What was seen; `null` where it would not fit in [`FILE_LEN_BYTES_MAX`].
    pub trace: Option<Trace>,
}

/// How a case was played: what [`Scenario`] does not say.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Played {
    /// Seed of all our randomness.
    pub seed: u64,
    /// The RPC protocol.
    pub protocol: RpcProtocol,
    /// Which reading of the KEM id we followed.
    pub kem_id: KemId,
    /// The weakest rules whose breaking failed the case.
    pub held_to: Level,
    /// Against whom.
    pub peer: PeerAddress,
}

/// How a peer is reached, so that a case can be played on it again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum PeerAddress {
    /// The reference, started for the run.
    Reference,
    /// A peer that a target file tells of.
    TargetFile {
        /// The file.
        file: PathBuf,
    },
    /// A peer that flags tell of, some or all.
    Described {
        /// The same as the text of a target file, its paths absolute.
        target: String,
        /// Names of the state service's headers. Their values may be secrets, and are not kept.
        state_headers: Vec<String>,
    },
}

impl PlayedCase {
    /// What is kept of a result.
    pub fn of(result: &CaseResult, played: Played) -> PlayedCase {
        PlayedCase {
            format: FORMAT.to_owned(),
            schema: SCHEMA,
            suite_version: env!("CARGO_PKG_VERSION").to_owned(),
            played,
            scenario: (*result.scenario).clone(),
            outcome: result.outcome,
            reason: result.reason.clone(),
            findings: result.findings.clone(),
            // 2^64 ns are 584 years.
            duration_ns: u64::try_from(result.duration.as_nanos()).unwrap_or(u64::MAX),
            peer_log: result.peer_log.clone(),
            trace: Some(result.trace.clone()),
        }
    }

    /// How long it took.
    pub fn duration(&self) -> Duration {
        Duration::from_nanos(self.duration_ns)
    }
}

#[cfg(test)]
mod tests;
