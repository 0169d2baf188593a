//! A peer that crashes: how that looks from outside, and what it makes of the cases that were under way.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    judge::Finding,
    report::{CaseResult, Outcome, PEER_LOG_LINES_MAX},
    rules::RuleId,
    scenario::survives,
    target::{outlives_scenario, process::Process},
    trace::{End, EventKind, Trace},
    wire::{Role, RpcProtocol},
};

/// How long the system may take to say that a process is dead whose sockets it has closed already.
pub(super) const END_NOTICE_WAIT: Duration = Duration::from_secs(1);

/// How a process ended under a case that began then, if it did, and what it printed.
pub(super) async fn crash_of(process: &Process, began: Instant) -> Option<(String, Vec<String>)> {
    let how = process.ended_within(END_NOTICE_WAIT).await?;
    let log = process.log().last_timed(began, PEER_LOG_LINES_MAX);
    Some((crashed(how), log))
}

/// A process that ended, in words.
pub(super) fn crashed(how: String) -> String {
    format!("the peer crashed: its process ended with {how}")
}

/// Whether a case has proved its claim, to the last step.
pub(super) fn is_clean(result: &CaseResult) -> bool {
    result.outcome == Outcome::Passed && result.findings.is_empty()
}

/// Whether a connection was lost, or none could be had: what a crash looks like from outside.
pub(super) fn is_cut_off(trace: &Trace) -> bool {
    // A client that is gone calls no more, and so leaves nothing at all.
    trace.events.is_empty()
        || trace.events.iter().any(|event| {
            matches!(
                event.kind,
                EventKind::NotOpened(_)
                    | EventKind::NotSent(_)
                    | EventKind::Ended(End::Lost { .. } | End::NoStatus | End::Reset { .. })
            )
        })
}

/// What a case came to under which the peer crashed.
pub(super) fn with_crash(mut result: CaseResult, how: &str, log: Vec<String>) -> CaseResult {
    let rule = survives(result.scenario.role);
    // A process that is gone cannot say how its streams ended.
    let follows = [rule, RuleId::RpcEndHasStatus];
    let findings = &mut result.findings;
    findings.retain(|finding| !follows.contains(&finding.rule));
    result.findings.push(Finding {
        rule,
        step: None,
        expected: "the peer to go on serving".to_owned(),
        seen: how.to_owned(),
        location: result.scenario.location.clone(),
        event: result.trace.events.len().checked_sub(1),
    });
    result.outcome = Outcome::Failed;
    result.reason = None;
    result.keep_peer_log(log);
    result
}

/// What stands in the results for a crash that no single case causes.
pub(super) fn crashed_beside(
    role: Role,
    how: &str,
    reason: String,
    log: Vec<String>,
) -> CaseResult {
    let scenario = Arc::new(outlives_scenario(role));
    let mut result = CaseResult::inconclusive(scenario, RpcProtocol::Connect, String::new());
    result.outcome = Outcome::Failed;
    let mut result = with_crash(result, how, log);
    result.reason = Some(reason);
    result
}
