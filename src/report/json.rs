//! Results for programs. The layout is stable: fields are added, never renamed or removed, while `schema` is 1.
//! `docs/report.md` describes it, and `syncspec schema --of report` prints its JSON Schema.

use std::{
    collections::BTreeMap,
    fmt,
    fs::File,
    io::{self, Read as _},
    path::Path,
    time::{Duration, UNIX_EPOCH},
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{CaseResult, Run, Summary, model_coverage, time::CaseTime};
use crate::{judge::Finding, model::coverage::Share};

/// Version of the layout.
pub const SCHEMA: u32 = 1;
/// Largest report that is read: some thousand times a usual one.
pub const FILE_LEN_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// The results of one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// Version of the layout: 1.
    pub schema: u32,
    /// The suite that was played.
    pub suite: Suite,
    /// The peer it was played against.
    pub target: Target,
    /// When the run began, in seconds since 1970.
    #[serde(default)]
    pub began_unix: u64,
    /// How long it took, in milliseconds.
    #[serde(default)]
    pub duration_ms: f64,
    /// Where that time went.
    #[serde(default)]
    pub time: Option<TimeLine>,
    /// How many cases came to what.
    pub summary: Counts,
    /// How much of the model of dialogues the run went through, for each role that was played.
    #[serde(default)]
    pub state_coverage: BTreeMap<String, StateCoverage>,
    /// Each case, by id and protocol.
    pub results: Vec<ResultLine>,
    /// Why not one case was played, as `syncspec doctor --report json=FILE` has it; `null` where some were.
    #[serde(default)]
    pub not_played: Option<Map<String, Value>>,
}

/// The suite that was played.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Suite {
    /// Its version.
    pub version: String,
    /// Seed of all its randomness in this run.
    pub seed: u64,
}

/// The peer under test.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Target {
    /// How it was reached: `reference`, `url` and others.
    pub kind: String,
    /// The role it played, `responder` or `initiator`, or both with `and` between.
    pub role: String,
    /// The RPC protocols that were played.
    pub protocols: Vec<String>,
    /// Its URL.
    pub url: String,
    /// What it is called, where its target file says so.
    #[serde(default)]
    pub name: Option<String>,
    /// Its version, where its target file says so.
    #[serde(default)]
    pub version: Option<String>,
    /// What `--label` calls it, or else its name and version.
    #[serde(default)]
    pub label: Option<String>,
}

/// Where the time of a run went, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TimeLine {
    /// Starting the peer, and first contacts.
    pub reaching_ms: f64,
    /// Cases side by side.
    pub together_ms: f64,
    /// Cases that want to be alone.
    pub alone_ms: f64,
    /// Waiting for the last of the cases that take long by themselves.
    pub lingering_ms: f64,
    /// All cases, each counted by itself, though they were played side by side.
    pub cases: CaseTimeLine,
}

/// The time of all cases, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CaseTimeLine {
    /// Waiting for the peer, and on a busy machine for a processor.
    pub waiting_ms: f64,
    /// Our cryptography.
    pub crypto_ms: f64,
    /// What is neither.
    pub rest_ms: f64,
}

/// How many cases came to what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Counts {
    /// Claims that hold.
    pub passed: usize,
    /// Claims that don't.
    pub failed: usize,
    /// Claims that could not be checked.
    pub inconclusive: usize,
    /// Cases not played.
    pub skipped: usize,
    /// Failures that were expected.
    pub known_failing: usize,
    /// Failures that were expected and did not come.
    #[serde(default)]
    pub unexpected_pass: usize,
    /// Cases that differed from play to play.
    #[serde(default)]
    pub flaky: usize,
    /// New cases that did not pass.
    #[serde(default)]
    pub preview_failed: usize,
    /// All cases.
    pub total: usize,
}

/// How much of the model of dialogues a run went through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StateCoverage {
    /// States of the peer.
    pub states: Visited,
    /// What can come in each state.
    pub cells: Visited,
    /// Transitions seen that are no cell of the model.
    pub beyond: usize,
}

/// How many of how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Visited {
    /// Those that the run went through.
    pub visited: usize,
    /// All of them.
    pub total: usize,
}

/// What one case came to over one RPC protocol.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ResultLine {
    /// The case.
    pub id: String,
    /// What it claims, one sentence.
    #[serde(default)]
    pub about: String,
    /// The rules it checks, the one it is chiefly about first.
    pub rules: Vec<String>,
    /// The strongest level among them: `must`, `should` or `deployed`.
    pub level: String,
    /// The role that the peer played.
    pub role: String,
    /// The RPC protocol.
    pub protocol: String,
    /// `passed`, `failed`, `inconclusive`, `skipped`, `known-failing`, `unexpected-pass`, `flaky` or `preview-failed`.
    pub outcome: String,
    /// Why it was skipped, could not be judged or is known to fail.
    pub reason: Option<String>,
    /// How long it took, in milliseconds.
    pub duration_ms: f64,
    /// Rules found broken, of whatever level.
    pub findings: Vec<FindingLine>,
    /// The plays, where there were several.
    #[serde(default)]
    pub repeats: Option<RepeatsLine>,
    /// The peer's last lines of log.
    #[serde(default)]
    pub peer_log: Vec<String>,
    /// The command that plays it again, where it was saved.
    #[serde(default)]
    pub again: Option<String>,
}

/// A rule that was found broken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FindingLine {
    /// The rule's id.
    pub rule: String,
    /// Step of the case, from 1; `null` beside the steps.
    pub step: Option<usize>,
    /// What had to happen.
    pub expected: String,
    /// What happened.
    pub seen: String,
    /// `file:line:column` of the step.
    pub location: String,
}

/// The plays of one case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RepeatsLine {
    /// All of them, skipped ones apart.
    pub plays: usize,
    /// Those that came to anything but a pass.
    pub not_passed: usize,
}

impl ResultLine {
    /// Whether it checks the rule.
    pub fn lists(&self, rule: &str) -> bool {
        self.rules.iter().any(|listed| listed == rule)
    }

    /// Whether it found the rule broken.
    pub fn found_broken(&self, rule: &str) -> bool {
        self.findings.iter().any(|finding| finding.rule == rule)
    }
}

impl Report {
    /// The report of a run.
    pub fn of(run: &Run<'_>) -> Report {
        let target = run.target;
        Report {
            schema: SCHEMA,
            suite: Suite {
                version: env!("CARGO_PKG_VERSION").to_owned(),
                seed: run.seed,
            },
            target: Target {
                kind: target.kind.to_owned(),
                role: roles(run.results),
                protocols: target
                    .protocols
                    .iter()
                    .map(|protocol| protocol.name().to_owned())
                    .collect(),
                url: target.url.clone(),
                name: target.name.clone(),
                version: target.version.clone(),
                label: run.called(),
            },
            began_unix: run
                .began
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| since.as_secs()),
            duration_ms: milliseconds(run.duration),
            time: Some(time(run)),
            summary: counts(&Summary::of(run.results)),
            state_coverage: model_coverage(run.results)
                .into_iter()
                .map(|(role, share)| (role.name().to_owned(), state_coverage(share)))
                .collect(),
            results: run.results.iter().map(result).collect(),
            not_played: run
                .not_played
                .and_then(|why| why.checks.as_object().cloned()),
        }
    }

    /// Reads a report that a run wrote, of this or an earlier version of the suite.
    ///
    /// # Errors
    /// A file that can't be read, is no report, or has another schema.
    pub fn read_file(file: &Path) -> Result<Report, ReadError> {
        let mut bytes = Vec::new();
        File::open(file)
            .and_then(|file| {
                let mut bounded = file.take(FILE_LEN_BYTES_MAX + 1);
                bounded.read_to_end(&mut bytes)
            })
            .map_err(ReadError::Io)?;
        Report::read(&bytes)
    }

    /// Reads a report's bytes.
    ///
    /// # Errors
    /// As [`Report::read_file`].
    pub fn read(bytes: &[u8]) -> Result<Report, ReadError> {
        if bytes.len() as u64 > FILE_LEN_BYTES_MAX {
            return Err(ReadError::TooLarge);
        }
        #[derive(Deserialize)]
        struct Head {
            schema: u64,
        }
        let broken = |error: serde_json::Error| ReadError::NotAReport(error.to_string());
        let head: Head = serde_json::from_slice(bytes).map_err(broken)?;
        match head.schema == u64::from(SCHEMA) {
            true => serde_json::from_slice(bytes).map_err(broken),
            false => Err(ReadError::OtherSchema { seen: head.schema }),
        }
    }
}

fn time(run: &Run<'_>) -> TimeLine {
    let (phases, cases) = (run.phases, CaseTime::of(run.results));
    TimeLine {
        reaching_ms: milliseconds(phases.reaching),
        together_ms: milliseconds(phases.together),
        alone_ms: milliseconds(phases.alone),
        lingering_ms: milliseconds(phases.lingering),
        cases: CaseTimeLine {
            waiting_ms: milliseconds(cases.spent.waiting),
            crypto_ms: milliseconds(cases.spent.crypto),
            rest_ms: milliseconds(cases.rest()),
        },
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// The role of every case, or both.
fn roles(results: &[CaseResult]) -> String {
    let mut roles: Vec<_> = results
        .iter()
        .map(|result| result.scenario.role.name())
        .collect();
    roles.sort_unstable_by(|left, right| right.cmp(left));
    roles.dedup();
    roles.join(" and ")
}

/// Why a report could not be read, as a lower-case fragment that says what it is instead.
#[derive(Debug)]
#[non_exhaustive]
pub enum ReadError {
    /// The file can't be read.
    Io(io::Error),
    /// The file is larger than [`FILE_LEN_BYTES_MAX`].
    TooLarge,
    /// It is no JSON, or no report.
    NotAReport(String),
    /// It has another version of the layout.
    OtherSchema {
        /// The version it names.
        seen: u64,
    },
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReadError::Io(error) => write!(f, "not readable: {error}"),
            ReadError::TooLarge => write!(f, "larger than {FILE_LEN_BYTES_MAX} bytes"),
            ReadError::NotAReport(why) => write!(f, "no report: {why}"),
            ReadError::OtherSchema { seen } => {
                write!(
                    f,
                    "schema {seen}; this version of syncspec reads schema {SCHEMA}"
                )
            }
        }
    }
}

impl std::error::Error for ReadError {}

/// The JSON Schema of a report.
pub fn schema() -> Value {
    schemars::schema_for!(Report).to_value()
}

fn state_coverage(share: Share) -> StateCoverage {
    let visited = |visited, total| Visited { visited, total };
    StateCoverage {
        states: visited(share.states, share.states_all),
        cells: visited(share.cells, share.cells_all),
        beyond: share.beyond,
    }
}

fn counts(summary: &Summary) -> Counts {
    Counts {
        passed: summary.passed,
        failed: summary.failed,
        inconclusive: summary.inconclusive,
        skipped: summary.skipped,
        known_failing: summary.known_failing,
        unexpected_pass: summary.unexpected_pass,
        flaky: summary.flaky,
        preview_failed: summary.preview_failed,
        total: summary.total(),
    }
}

fn result(result: &CaseResult) -> ResultLine {
    let scenario = &result.scenario;
    ResultLine {
        id: scenario.id.clone(),
        about: scenario.about.clone(),
        rules: scenario
            .rules
            .iter()
            .map(|rule| rule.as_str().to_owned())
            .collect(),
        level: scenario.level().name().to_owned(),
        role: scenario.role.name().to_owned(),
        protocol: result.protocol.name().to_owned(),
        outcome: result.outcome.name().to_owned(),
        reason: result.reason.clone(),
        duration_ms: milliseconds(result.duration),
        findings: result.findings.iter().map(finding).collect(),
        repeats: result.repeats.map(|repeats| RepeatsLine {
            plays: repeats.plays,
            not_passed: repeats.not_passed,
        }),
        peer_log: result.peer_log.clone(),
        again: result.again.clone(),
    }
}

fn finding(finding: &Finding) -> FindingLine {
    FindingLine {
        rule: finding.rule.as_str().to_owned(),
        step: finding.step,
        expected: finding.expected.clone(),
        seen: finding.seen.clone(),
        location: finding.location.to_string(),
    }
}
