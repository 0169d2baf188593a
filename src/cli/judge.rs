//! `syncspec judge`: a saved case judged again, without the peer.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use syncspec::{
    judge::judge as judge_trace,
    report::{CaseResult, Outcome, console, saved::PlayedCase},
};

use super::{exit, print};

#[derive(clap::Args)]
pub struct JudgeArgs {
    /// Files that a run saved under --failures
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
}

pub fn judge(args: &JudgeArgs) -> Result<u8, u8> {
    let mut worst = exit::CONFORMS;
    for file in &args.files {
        let case = read(file)?;
        let Some(trace) = &case.trace else {
            eprintln!(
                "error: {} holds no trace, which was too large; `syncspec replay` plays it again",
                file.display()
            );
            worst = worse(worst, exit::NOT_JUDGED);
            continue;
        };
        let verdict = judge_trace(&case.scenario, trace);
        let mut result = CaseResult::new(
            Arc::new(case.scenario.clone()),
            case.played.protocol,
            verdict,
            case.played.held_to,
            case.duration(),
            trace.clone(),
        );
        result.peer_log.clone_from(&case.peer_log);
        show(&result)?;
        print(&compared(&case, &result))?;
        worst = worse(worst, code_of(result.outcome));
    }
    Ok(worst)
}

/// Reads a saved case; what is wrong with it is printed.
pub fn read(file: &Path) -> Result<PlayedCase, u8> {
    PlayedCase::read_file(file).map_err(|error| {
        eprintln!("error: {}: failed to {error}", file.display());
        exit::USAGE
    })
}

/// Prints all there is to say of one result.
pub fn show(result: &CaseResult) -> Result<u8, u8> {
    let mut text = Vec::new();
    // A vector takes in anything.
    let _ = console::details(&mut text, result);
    match text.is_empty() {
        true => print(&console::line(result)),
        false => print(String::from_utf8_lossy(&text).trim()),
    }
}

/// Whether it came to the same as when it was saved.
pub fn compared(case: &PlayedCase, result: &CaseResult) -> String {
    let rules = |findings: &[syncspec::judge::Finding]| -> Vec<_> {
        findings
            .iter()
            .map(|finding| (finding.rule, finding.step))
            .collect()
    };
    let same = rules(&case.findings) == rules(&result.findings) && case.reason == result.reason;
    let version = match case.suite_version.as_str() {
        env!("CARGO_PKG_VERSION") => String::new(),
        other => format!(" by syncspec {other}"),
    };
    match same {
        true => format!("\nthe same as when it was saved{version}"),
        false => format!(
            "\nnot the same as when it was saved{version}: then {} with {} finding(s), now {} with {}",
            case.outcome.name(),
            case.findings.len(),
            result.outcome.name(),
            result.findings.len()
        ),
    }
}

/// The exit code that one case stands for.
pub fn code_of(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Inconclusive | Outcome::Skipped => exit::NOT_JUDGED,
        outcome if outcome.is_red() => exit::BROKEN,
        _ => exit::CONFORMS,
    }
}

/// A broken rule is told before what could not be judged.
fn worse(left: u8, right: u8) -> u8 {
    let rank = |code| match code {
        exit::CONFORMS => 0,
        exit::BROKEN => 2,
        _ => 1,
    };
    match rank(right) > rank(left) {
        true => right,
        false => left,
    }
}
