//! Results for programs. The layout is stable: fields are added, never renamed or removed, while `schema` is 1.

use serde_json::{Value, json};

use super::{CaseResult, Run, Summary};
use crate::judge::Finding;

/// Version of the layout.
pub const SCHEMA: u32 = 1;

/// The whole report.
pub fn report(run: &Run<'_>) -> Value {
    let Run {
        results,
        target,
        seed,
        ..
    } = run;
    let summary = Summary::of(results);
    json!({
        "schema": SCHEMA,
        "suite": { "version": env!("CARGO_PKG_VERSION"), "seed": seed },
        "target": {
            "kind": target.kind,
            "name": target.name,
            "version": target.version,
            "role": "responder",
            "protocols": target.protocols.iter().map(|protocol| protocol.name()).collect::<Vec<_>>(),
            "url": target.url,
        },
        "summary": {
            "passed": summary.passed,
            "failed": summary.failed,
            "inconclusive": summary.inconclusive,
            "skipped": summary.skipped,
            "known_failing": summary.known_failing,
            "unexpected_pass": summary.unexpected_pass,
            "flaky": summary.flaky,
            "preview_failed": summary.preview_failed,
            "total": summary.total(),
        },
        "results": results.iter().map(result).collect::<Vec<_>>(),
    })
}

fn result(result: &CaseResult) -> Value {
    json!({
        "id": result.scenario.id,
        "rules": result.scenario.rules.iter().map(|rule| rule.as_str()).collect::<Vec<_>>(),
        "level": result.scenario.level().name(),
        "role": result.scenario.role.name(),
        "protocol": result.protocol.name(),
        "outcome": result.outcome.name(),
        "reason": result.reason,
        "duration_ms": result.duration.as_secs_f64() * 1000.0,
        "again": result.again,
        "findings": result.findings.iter().map(finding).collect::<Vec<_>>(),
        "repeats": result.repeats.map(|repeats| json!({
            "plays": repeats.plays,
            "not_passed": repeats.not_passed,
        })),
        "peer_log": result.peer_log,
    })
}

fn finding(finding: &Finding) -> Value {
    json!({
        "rule": finding.rule.as_str(),
        "step": finding.step,
        "expected": finding.expected,
        "seen": finding.seen,
        "location": finding.location.to_string(),
    })
}
