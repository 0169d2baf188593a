//! Results for a person.

use std::{
    io::{self, Write},
    time::Duration,
};

use super::{
    CaseResult, Outcome, Phases, Summary, model_coverage, risk::risk, text::shown, time::CaseTime,
    transcript,
};
use crate::judge::Finding;

/// One line for a case that came to an end.
pub fn line(result: &CaseResult) -> String {
    let word = match result.outcome {
        Outcome::Passed if !result.findings.is_empty() => "warn",
        Outcome::Passed => "ok",
        Outcome::Failed => "FAIL",
        Outcome::Inconclusive => "????",
        Outcome::Skipped => "skip",
        Outcome::KnownFailing => "known",
        Outcome::UnexpectedPass => "PASS",
        Outcome::Flaky => "FLAKY",
        Outcome::PreviewFailed => "new",
    };
    format!(
        "{word:<5} {}   {}, {}   {:.0} ms",
        result.scenario.id,
        result.scenario.role,
        result.protocol,
        result.duration.as_secs_f64() * 1000.0
    )
}

/// Everything a failure, a remark or an unjudged case says, nothing for the rest.
///
/// # Errors
/// Those of the writer.
pub fn details(out: &mut dyn Write, result: &CaseResult) -> io::Result<()> {
    if result.findings.is_empty() && result.reason.is_none() {
        return Ok(());
    }
    writeln!(out, "\n{}", line(result))?;
    writeln!(out, "  claim   {}", result.scenario.about)?;
    if let Some(reason) = &result.reason {
        for (index, line) in reason.lines().enumerate() {
            writeln!(
                out,
                "  {:<7} {}",
                if index == 0 { why(result.outcome) } else { "" },
                shown(line)
            )?;
        }
    }
    for finding in &result.findings {
        write_finding(out, finding)?;
    }
    if !result.trace.events.is_empty() && result.outcome != Outcome::Passed {
        writeln!(out, "  between us")?;
        let marked: Vec<usize> = result
            .findings
            .iter()
            .filter_map(|finding| finding.event)
            .collect();
        for line in transcript::lines(&result.trace, &marked) {
            writeln!(out, "  {line}")?;
        }
    }
    for risk in risks(&result.findings) {
        writeln!(out, "  risk    {risk}")?;
    }
    if !result.peer_log.is_empty() && result.outcome != Outcome::Passed {
        writeln!(out, "  peer    {}", result.peer_log_about())?;
        for line in &result.peer_log {
            writeln!(out, "          {}", shown(line))?;
        }
    }
    if let Some(again) = &result.again {
        writeln!(out, "  again   {again}")?;
    }
    Ok(())
}

/// What the findings put at risk, each said once.
pub fn risks(findings: &[Finding]) -> Vec<&'static str> {
    let mut risks = Vec::new();
    for finding in findings {
        let risk = risk(finding.rule);
        if !risks.contains(&risk) {
            risks.push(risk);
        }
    }
    risks
}

/// What the reason behind it is the reason for.
fn why(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Inconclusive => "not judged:",
        Outcome::Skipped => "skipped:",
        _ => "note",
    }
}

fn write_finding(out: &mut dyn Write, finding: &Finding) -> io::Result<()> {
    let rule = finding.rule.rule();
    writeln!(
        out,
        "  rule    {} ({}): {}",
        rule.id,
        rule.level.name(),
        rule.text
    )?;
    match finding.step {
        Some(step) => writeln!(out, "  step {step}  {}", finding.location)?,
        None => writeln!(out, "  beside the steps of {}", finding.location)?,
    }
    writeln!(out, "          expected  {}", shown(&finding.expected))?;
    writeln!(out, "          seen      {}", shown(&finding.seen))
}

/// How much of the model the run went through, for each role that was played.
pub fn model(results: &[CaseResult]) -> String {
    let roles = model_coverage(results).into_iter();
    let parts: Vec<String> = roles
        .map(|(role, share)| {
            format!(
                "{role} {} of {} states, {} of {} cells",
                share.states, share.states_all, share.cells, share.cells_all
            )
        })
        .collect();
    format!("of the model: {}", parts.join("; "))
}

/// Shorter than this is shown as nothing.
const SHOWN_MIN: Duration = Duration::from_millis(5);

/// Where the time of a run went.
pub fn time(phases: &Phases, results: &[CaseResult]) -> String {
    let parts = [
        (phases.reaching, "to reach the peer"),
        (phases.together, "for cases side by side"),
        (phases.alone, "for cases alone"),
        (phases.lingering, "for the last that take long"),
    ];
    let parts: Vec<_> = parts
        .into_iter()
        .filter(|(took, _)| *took >= SHOWN_MIN)
        .map(|(took, what)| format!("{:.2} s {what}", took.as_secs_f64()))
        .collect();
    let cases = CaseTime::of(results);
    let of_all = [
        (cases.spent.waiting, "waiting for the peer"),
        (cases.spent.crypto, "our cryptography"),
        (cases.rest(), "the rest"),
    ];
    let of_all: Vec<_> = of_all
        .into_iter()
        .filter_map(|(part, what)| Some(format!("{:.0} % {what}", cases.percent(part)?)))
        .collect();
    match of_all.is_empty() {
        true => format!("of the time: {}", parts.join(", ")),
        false => format!(
            "of the time: {}; of that of the cases: {}",
            parts.join(", "),
            of_all.join(", ")
        ),
    }
}

/// The last line of a run.
pub fn summary(summary: &Summary, seconds: f64) -> String {
    let mut parts = vec![
        format!("{} passed", summary.passed),
        format!("{} failed", summary.failed),
    ];
    let more = [
        (summary.inconclusive, "could not be judged"),
        (summary.flaky, "flaky"),
        (summary.unexpected_pass, "known to fail, but passed"),
        (summary.known_failing, "known failing"),
        (summary.preview_failed, "new and failing"),
        (summary.skipped, "skipped"),
        (summary.with_remarks, "passed with warnings"),
    ];
    parts.extend(
        more.into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} {what}")),
    );
    format!("{} in {seconds:.2} s", parts.join(", "))
}
