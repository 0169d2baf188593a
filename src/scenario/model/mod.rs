//! What a scenario says: these types are the file format.
//!
//! A file holds one claim ([`ScenarioFile`]); loading checks it and turns each row of its table into a
//! [`Scenario`], which nothing changes afterwards.

mod given;
mod step;

use std::{collections::BTreeMap, fmt, time::Duration};

pub use given::{
    Given, OperationFixture, PeerFixture, PermissionFixture, PermissionKind, PlanFixture,
    RepoFixture, TokenFixture,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
pub use step::{
    ActionName, Connect, Ending, Establish, Expectation, HttpAnswer, Nothing, Probe, Sendable,
    Status, Step, UnknownAction, Verb,
};

use super::{deviation::Deviation, fixtures::Fixtures, looks::STRANGERS_MAX, schema};
use crate::{
    rules::{Level, RuleId},
    wire::Role,
};

/// Most steps one scenario may have: more than a reader can follow is several claims.
pub const STEPS_MAX: usize = 100;
/// Most times that a step may be taken: more than a counter of one byte counts to.
pub const TIMES_MAX: u16 = 300;
/// Most steps a scenario comes to once those for many clients, and those taken many times, are written out.
pub const PLAYED_STEPS_MAX: usize = STEPS_MAX * STRANGERS_MAX as usize;
/// Most rows one table may have.
pub const CASES_MAX: usize = 500;
/// Longest wait a step may ask for. The longest wait of the protocol is the 15 s for a handshake.
pub const WITHIN_MAX: Duration = Duration::from_secs(30);
/// Largest scenario file.
pub const FILE_LEN_BYTES_MAX: u64 = 256 * 1024;

/// One playable case: one role, all variables filled in, everything checked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Scenario {
    /// Path below `scenarios/` without its ending, and the row's name behind a slash where there is a table.
    pub id: String,
    /// The claim, one sentence.
    pub about: String,
    /// The rules it checks; a finding that names no rule of its own cites the first.
    pub rules: Vec<RuleId>,
    /// The role that the peer under test plays.
    pub role: Role,
    /// Which runs include it.
    pub profile: Profile,
    /// It changes the peer, so nothing else may run beside it.
    pub alone: bool,
    /// What the peer must have been given.
    pub given: Given,
    /// What that comes to for this case: ids, keys and secrets.
    pub fixtures: Fixtures,
    /// Deviations that hold for the whole case.
    pub deviate: Vec<Deviation>,
    /// What happens, in order.
    pub steps: Vec<Step>,
    /// Where the claim stands.
    pub location: Location,
}

impl Scenario {
    /// The strongest level among its rules.
    pub fn level(&self) -> Level {
        // `Level` is ordered strongest first; the loader refuses a scenario without rules.
        self.rules
            .iter()
            .map(|rule| rule.level())
            .min()
            .unwrap_or(Level::Deployed)
    }
}

/// A place in a file; lines and columns count from 1.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Location {
    /// Path as it was given to the loader.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// The role, or roles, that the peer under test plays; we play the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// A host.
    Responder,
    /// A client.
    Initiator,
    /// Played once against each.
    Both,
}

impl Target {
    /// The roles it stands for.
    pub fn roles(self) -> &'static [Role] {
        match self {
            Target::Responder => &[Role::Responder],
            Target::Initiator => &[Role::Initiator],
            Target::Both => &[Role::Responder, Role::Initiator],
        }
    }
}

/// Which runs include a case. Each profile includes the ones before it.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// A first answer within seconds.
    Smoke,
    /// Everything that needs no long wait.
    #[default]
    Standard,
    /// Cases that must wait for one of the peer's own deadlines too.
    Full,
}

/// One file: one claim, told as steps.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ScenarioFile {
    /// The claim, one sentence.
    pub about: String,
    /// Ids of the rules it checks, the one it is chiefly about first.
    #[schemars(with = "Vec<String>")]
    pub rules: Vec<RuleId>,
    /// The role that the peer under test plays.
    pub target: Target,
    /// Which runs include it.
    #[serde(default)]
    pub profile: Profile,
    /// True when it changes the peer, so that nothing else may run beside it.
    #[serde(default)]
    pub alone: bool,
    /// What the peer must have been given.
    #[serde(default)]
    pub given: Given,
    /// Deviations that hold for every step they apply to.
    #[serde(default)]
    #[schemars(schema_with = "schema::deviations")]
    pub deviate: Vec<Deviation>,
    /// A table: one claim over many values. Each row has a `name`, and its other columns are variables.
    #[serde(default)]
    #[schemars(with = "Vec<BTreeMap<String, serde_json::Value>>")]
    pub cases: Vec<serde_json::Value>,
    /// What happens, in order.
    pub steps: Vec<Step>,
}
