//! One stream of results, told in different ways. No report recomputes a verdict.

pub mod console;
pub mod github;
pub mod html;
pub mod json;
pub mod junit;
pub mod ledger;
pub mod markdown;
pub mod matrix;
pub mod risk;
#[cfg(test)]
mod samples;
pub mod saved;
pub mod text;
pub mod time;
pub mod transcript;

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use serde::{Deserialize, Serialize};
pub use time::{Phases, Spent};

use crate::{
    judge::{Finding, Verdict},
    model::{Coverage, coverage::Share},
    rules::Level,
    scenario::model::Scenario,
    trace::Trace,
    wire::{Role, RpcProtocol},
};

/// Most lines of the peer that are kept with a case: more than a stack trace has.
pub const PEER_LOG_LINES_MAX: usize = 40;

/// What became of one case over one RPC protocol.
#[derive(Clone, Debug)]
pub struct CaseResult {
    /// The case.
    pub scenario: Arc<Scenario>,
    /// The RPC protocol it was played over.
    pub protocol: RpcProtocol,
    /// What it came to.
    pub outcome: Outcome,
    /// Why it was skipped or could not be judged.
    pub reason: Option<String>,
    /// Rules found broken, of whatever level.
    pub findings: Vec<Finding>,
    /// How long it took.
    pub duration: Duration,
    /// What of that went where.
    pub spent: Spent,
    /// What was seen.
    pub trace: Trace,
    /// What the peer printed while the case was played, its last lines, where we started it: each behind the time since
    /// the case began, and a `*` where it names one of the case's identities. Of a peer that crashed, the last lines at all.
    /// [`Self::peer_log_about`] says whose they are.
    pub peer_log: Vec<String>,
    /// How often it was played and how often it did not pass, where it was played several times.
    pub repeats: Option<Repeats>,
    /// The command that plays exactly this case again; none where the case was not saved.
    pub again: Option<String>,
}

/// The plays of one case in one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repeats {
    /// All of them, skipped ones apart.
    pub plays: usize,
    /// Those that came to anything but a pass.
    pub not_passed: usize,
}

/// The outcomes of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The claim was checked, and holds.
    Passed,
    /// A rule is broken that the run holds the peer to.
    Failed,
    /// The claim could not be checked.
    Inconclusive,
    /// It was not played.
    Skipped,
    /// It failed as a list of known failures says it does.
    KnownFailing,
    /// A list of known failures says that it fails, and it did not.
    UnexpectedPass,
    /// It came to one thing in one play and to another in the next.
    Flaky,
    /// It did not pass, but is new in this version of the suite, so that it fails no run yet.
    PreviewFailed,
}

impl Outcome {
    /// Whether somebody has to look into it, so that all about it is kept.
    pub fn is_to_be_saved(self) -> bool {
        match self {
            Outcome::Failed | Outcome::Inconclusive | Outcome::Flaky | Outcome::PreviewFailed => {
                true
            }
            Outcome::Passed
            | Outcome::Skipped
            | Outcome::KnownFailing
            | Outcome::UnexpectedPass => false,
        }
    }

    /// The word used in reports.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Passed => "passed",
            Outcome::Failed => "failed",
            Outcome::Inconclusive => "inconclusive",
            Outcome::Skipped => "skipped",
            Outcome::KnownFailing => "known-failing",
            Outcome::UnexpectedPass => "unexpected-pass",
            Outcome::Flaky => "flaky",
            Outcome::PreviewFailed => "preview-failed",
        }
    }

    /// Whether it fails the run.
    pub fn is_red(self) -> bool {
        match self {
            Outcome::Passed | Outcome::Skipped | Outcome::KnownFailing | Outcome::PreviewFailed => {
                false
            }
            Outcome::Failed | Outcome::Inconclusive | Outcome::UnexpectedPass | Outcome::Flaky => {
                true
            }
        }
    }
}

impl CaseResult {
    /// Folds a verdict into a result. Rules weaker than `held_to` are reported, and fail nothing.
    pub fn new(
        scenario: Arc<Scenario>,
        protocol: RpcProtocol,
        verdict: Verdict,
        held_to: Level,
        duration: Duration,
        trace: Trace,
    ) -> Self {
        let failed = verdict.breaks(held_to);
        let (outcome, reason, findings) = match verdict {
            Verdict::Judged(findings) if failed => (Outcome::Failed, None, findings),
            Verdict::Judged(findings) => (Outcome::Passed, None, findings),
            Verdict::Inconclusive { reason, location } => (
                Outcome::Inconclusive,
                Some(format!("{reason}\n{location}")),
                Vec::new(),
            ),
        };
        CaseResult {
            scenario,
            protocol,
            outcome,
            reason,
            findings,
            duration,
            spent: Spent::default(),
            trace,
            peer_log: Vec::new(),
            repeats: None,
            again: None,
        }
    }

    /// Whose lines [`Self::peer_log`] are.
    pub fn peer_log_about(&self) -> String {
        let mut about = format!(
            "what it printed since the case began, the last {PEER_LOG_LINES_MAX} lines at most"
        );
        about.push_str("; `*` names our side of this case");
        if !self.scenario.alone {
            about.push_str(", other lines may be of cases beside it");
        }
        about
    }

    /// Keeps what the peer printed while the case was played.
    pub fn keep_peer_log(&mut self, lines: Vec<String>) {
        let identities = self.scenario.fixtures.identities.iter();
        let names: Vec<_> = identities
            .flat_map(|one| [one.instance_id.clone(), one.keyid()])
            .filter(|name| !name.is_empty())
            .collect();
        let marked = |line: String| match names.iter().any(|name| line.contains(name)) {
            true => format!("* {line}"),
            false => format!("  {line}"),
        };
        self.peer_log = lines.into_iter().map(marked).collect();
    }

    /// A case that was not played, for this reason.
    pub fn skipped(scenario: Arc<Scenario>, protocol: RpcProtocol, reason: String) -> Self {
        CaseResult::not_played(scenario, protocol, Outcome::Skipped, reason)
    }

    /// A case that could not be played, for this reason.
    pub fn inconclusive(scenario: Arc<Scenario>, protocol: RpcProtocol, reason: String) -> Self {
        CaseResult::not_played(scenario, protocol, Outcome::Inconclusive, reason)
    }

    fn not_played(
        scenario: Arc<Scenario>,
        protocol: RpcProtocol,
        outcome: Outcome,
        reason: String,
    ) -> Self {
        CaseResult {
            scenario,
            protocol,
            outcome,
            reason: Some(reason),
            findings: Vec::new(),
            duration: Duration::ZERO,
            spent: Spent::default(),
            trace: Trace::default(),
            peer_log: Vec::new(),
            repeats: None,
            again: None,
        }
    }

    /// Why the claim could not be checked, in one line; none where it could.
    pub fn unjudged_reason(&self) -> Option<&str> {
        match self.outcome {
            Outcome::Inconclusive => self.reason.as_deref()?.lines().next(),
            _ => None,
        }
    }
}

/// How many cases came to what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
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
    pub unexpected_pass: usize,
    /// Cases that differed from play to play.
    pub flaky: usize,
    /// New cases that did not pass.
    pub preview_failed: usize,
    /// Passed cases with findings that fail nothing.
    pub with_remarks: usize,
}

impl Summary {
    /// Counts the results.
    pub fn of(results: &[CaseResult]) -> Self {
        let mut summary = Summary::default();
        for result in results {
            let count = match result.outcome {
                Outcome::Passed => &mut summary.passed,
                Outcome::Failed => &mut summary.failed,
                Outcome::Inconclusive => &mut summary.inconclusive,
                Outcome::Skipped => &mut summary.skipped,
                Outcome::KnownFailing => &mut summary.known_failing,
                Outcome::UnexpectedPass => &mut summary.unexpected_pass,
                Outcome::Flaky => &mut summary.flaky,
                Outcome::PreviewFailed => &mut summary.preview_failed,
            };
            *count += 1;
            if result.outcome == Outcome::Passed && !result.findings.is_empty() {
                summary.with_remarks += 1;
            }
        }
        summary
    }

    /// All cases.
    pub fn total(&self) -> usize {
        self.passed
            + self.failed
            + self.inconclusive
            + self.skipped
            + self.known_failing
            + self.unexpected_pass
            + self.flaky
            + self.preview_failed
    }
}

/// What a run came to, in a few words.
pub fn headline(summary: &Summary) -> String {
    let red = [
        (summary.failed, "failed"),
        (summary.flaky, "flaky"),
        (summary.unexpected_pass, "known to fail, but passed"),
        (summary.inconclusive, "could not be judged"),
    ];
    let parts: Vec<_> = red
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    match (
        parts.is_empty(),
        summary.passed + summary.known_failing + summary.preview_failed,
    ) {
        (true, 0) => "nothing was judged".to_owned(),
        (true, _) => format!("{} passed, none failed", summary.passed),
        (false, _) => format!("{} of {} cases", parts.join(", "), summary.total()),
    }
}

/// How many cases came to what, the worst first, each with its words and its outcome.
pub fn tally(summary: &Summary) -> [(usize, &'static str, Outcome); 8] {
    [
        (summary.failed, "failed", Outcome::Failed),
        (summary.flaky, "flaky", Outcome::Flaky),
        (
            summary.unexpected_pass,
            "known to fail, but passed",
            Outcome::UnexpectedPass,
        ),
        (
            summary.inconclusive,
            "could not be judged",
            Outcome::Inconclusive,
        ),
        (
            summary.known_failing,
            "known failing",
            Outcome::KnownFailing,
        ),
        (
            summary.preview_failed,
            "new and failing",
            Outcome::PreviewFailed,
        ),
        (summary.skipped, "skipped", Outcome::Skipped),
        (summary.passed, "passed", Outcome::Passed),
    ]
}

/// Why not one case was played: a mistake in the set-up.
#[derive(Clone, Debug)]
pub struct NotPlayed {
    /// In words: what was tried, what was seen, and what is likely wrong.
    pub text: String,
    /// The same for programs, as `syncspec doctor --report json=FILE` has it.
    pub checks: serde_json::Value,
}

/// Everything the reports of one run tell.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// What each case came to, by id and protocol.
    pub results: &'a [CaseResult],
    /// The peer.
    pub target: &'a TargetLine,
    /// What to call it, such as its name and version; none is its URL.
    pub label: Option<&'a str>,
    /// Seed of all our randomness.
    pub seed: u64,
    /// How long the run took.
    pub duration: Duration,
    /// What of that went to which of its parts.
    pub phases: Phases,
    /// When it began.
    pub began: SystemTime,
    /// Why not one case was played; none where some were.
    pub not_played: Option<&'a NotPlayed>,
}

impl Run<'_> {
    /// What it all came to, in one line.
    pub fn headline(&self) -> String {
        match self.not_played {
            Some(_) => "no case was played".to_owned(),
            None => headline(&Summary::of(self.results)),
        }
    }

    /// What the peer is called: its label, or else its name and version; none where nobody said.
    pub fn called(&self) -> Option<String> {
        let name = self.target.name.as_ref();
        match (self.label, name, &self.target.version) {
            (Some(label), ..) => Some(label.to_owned()),
            (None, Some(name), Some(version)) => Some(format!("{name} {version}")),
            (None, name, _) => name.cloned(),
        }
    }
}

/// How much of the model the cases went through, for each role that was played.
pub fn model_coverage(results: &[CaseResult]) -> Vec<(Role, Share)> {
    let roles = [Role::Responder, Role::Initiator].into_iter();
    let of_role = |role: Role| {
        let mut coverage = Coverage::default();
        let of_role = |result: &&CaseResult| result.scenario.role == role;
        for result in results.iter().filter(of_role) {
            coverage.add(&Coverage::of(&result.trace, role));
        }
        (!coverage.transitions.is_empty()).then(|| (role, coverage.share(role)))
    };
    roles.filter_map(of_role).collect()
}

/// What a run was played against.
#[derive(Clone, Debug)]
pub struct TargetLine {
    /// `reference`, `url` or `command`.
    pub kind: &'static str,
    /// What it is called, where its target file says so.
    pub name: Option<String>,
    /// Its version, where its target file says so.
    pub version: Option<String>,
    /// Its URL.
    pub url: String,
    /// The RPC protocols played.
    pub protocols: Vec<RpcProtocol>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_peer_then_those_that_name_our_side_are_marked() {
        let mut result = samples::run().results[0].clone();
        let own = result.scenario.fixtures.identities[0].clone();
        result.keep_peer_log(vec![
            "client of somebody".to_owned(),
            format!("client \"{}\"", own.instance_id),
            format!("key {}: ok", own.keyid()),
        ]);
        let marks: Vec<&str> = result.peer_log.iter().map(|line| &line[..2]).collect();
        assert_eq!(marks, ["  ", "* ", "* "]);
        assert!(result.peer_log_about().contains("beside it"));
        Arc::make_mut(&mut result.scenario).alone = true;
        assert!(!result.peer_log_about().contains("beside it"));
    }
}
