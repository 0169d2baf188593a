//! Results in JUnit's XML, which CI systems read. A suite for each role and RPC protocol.

use std::fmt;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::{CaseResult, NotPlayed, Outcome, Run, console, text::shown};

/// Longest text of one case, in bytes: some readers refuse longer ones.
const TEXT_LEN_BYTES_MAX: usize = 64 * 1024;

/// The XML could not be written.
#[derive(Debug)]
pub struct XmlError(quick_junit::SerializeError);

impl fmt::Display for XmlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "write JUnit's XML: {}", self.0)
    }
}

impl std::error::Error for XmlError {}

/// The whole file.
///
/// # Errors
/// Those of the XML writer.
pub fn xml(run: &Run<'_>) -> Result<String, XmlError> {
    let mut report = Report::new("syncspec");
    report.set_time(run.duration);
    let mut suites: Vec<(String, TestSuite)> = Vec::new();
    for result in run.results {
        let name = format!("{} over {}", result.scenario.role, result.protocol);
        let at = match suites.iter().position(|(known, _)| *known == name) {
            Some(at) => at,
            None => {
                suites.push((name.clone(), TestSuite::new(name)));
                suites.len() - 1
            }
        };
        suites[at].1.add_test_case(test_case(result));
    }
    if let Some(why) = run.not_played {
        let mut suite = TestSuite::new("set-up");
        suite.add_test_case(set_up(why));
        report.add_test_suite(suite);
    }
    report.add_test_suites(suites.into_iter().map(|(_, suite)| suite));
    report.to_string().map_err(XmlError)
}

/// A suite without a test would be green.
fn set_up(why: &NotPlayed) -> TestCase {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
    status.set_message("no case was played");
    status.set_type("set-up");
    let lines: Vec<_> = why.text.lines().map(shown).collect();
    status.set_description(cut(lines.join("\n")));
    let mut case = TestCase::new("the peer can be judged", status);
    case.set_classname("syncspec.set-up");
    case
}

fn test_case(result: &CaseResult) -> TestCase {
    let mut case = TestCase::new(result.scenario.id.clone(), status(result));
    let phase = result.scenario.id.split('/').next().unwrap_or_default();
    case.set_classname(format!("syncspec.{phase}"));
    case.set_time(result.duration);
    if !result.peer_log.is_empty() {
        let lines: Vec<_> = result.peer_log.iter().map(|line| shown(line)).collect();
        let about = result.peer_log_about();
        case.set_system_err(cut(format!("{about}\n{}", lines.join("\n"))));
    }
    if result.outcome == Outcome::Passed && !result.findings.is_empty() {
        case.set_system_out(cut(details(result)));
    }
    case
}

fn status(result: &CaseResult) -> TestCaseStatus {
    let mut status = match result.outcome {
        Outcome::Passed => return TestCaseStatus::success(),
        // JUnit knows no failure that fails nothing; these stay visible, with their reason.
        Outcome::Skipped | Outcome::KnownFailing | Outcome::PreviewFailed => {
            TestCaseStatus::skipped()
        }
        Outcome::Failed | Outcome::UnexpectedPass | Outcome::Flaky => {
            TestCaseStatus::non_success(NonSuccessKind::Failure)
        }
        Outcome::Inconclusive => TestCaseStatus::non_success(NonSuccessKind::Error),
    };
    let first = result.findings.first();
    let message = match (first, &result.reason) {
        (Some(finding), _) => format!(
            "expected {}, seen {}",
            shown(&finding.expected),
            shown(&finding.seen)
        ),
        (None, Some(reason)) => shown(reason.lines().next().unwrap_or_default()).into_owned(),
        (None, None) => String::new(),
    };
    status.set_message(format!("{}: {message}", result.outcome.name()));
    status.set_type(first.map_or(result.outcome.name(), |finding| finding.rule.as_str()));
    status.set_description(cut(details(result)));
    status
}

fn details(result: &CaseResult) -> String {
    let mut text = Vec::new();
    // A vector takes in anything.
    let _ = console::details(&mut text, result);
    String::from_utf8_lossy(&text).into_owned()
}

fn cut(mut text: String) -> String {
    if text.len() > TEXT_LEN_BYTES_MAX {
        text.truncate(text.floor_char_boundary(TEXT_LEN_BYTES_MAX));
        text.push_str("\n(cut)");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;

    #[test]
    fn every_outcome_then_told_as_junit_knows_it() {
        let xml = xml(&samples::run()).unwrap();
        let report = Report::deserialize_from_str(&xml).unwrap();
        let suite = &report.test_suites[0];
        assert_eq!(suite.name.as_str(), "responder over connect");
        assert_eq!(suite.test_cases.len(), samples::run().results.len());
        let count = |test: fn(&TestCaseStatus) -> bool| {
            suite
                .test_cases
                .iter()
                .filter(|case| test(&case.status))
                .count()
        };
        assert_eq!(
            count(|status| matches!(status, TestCaseStatus::Success { .. })),
            2
        );
        assert_eq!(
            count(|status| matches!(status, TestCaseStatus::Skipped { .. })),
            3
        );
        assert_eq!(
            count(|status| matches!(
                status,
                TestCaseStatus::NonSuccess {
                    kind: NonSuccessKind::Failure,
                    ..
                }
            )),
            3
        );
        assert_eq!(
            count(|status| matches!(
                status,
                TestCaseStatus::NonSuccess {
                    kind: NonSuccessKind::Error,
                    ..
                }
            )),
            1
        );
    }

    #[test]
    fn no_case_played_then_an_error_and_not_an_empty_green_report() {
        let xml = xml(&samples::not_played()).unwrap();
        assert!(
            xml.contains(r#"tests="1" skipped="0" failures="0" errors="1""#),
            "{xml}"
        );
        assert!(xml.contains("the peer is not set up"), "{xml}");
        assert!(!xml.contains("<script>"), "{xml}");
    }

    #[test]
    fn hostile_text_then_stays_text() {
        let xml = xml(&samples::run()).unwrap();
        assert!(!xml.contains("<script>"), "{xml}");
        assert!(!xml.contains('\u{202e}') && !xml.contains('\u{1b}'));
        assert!(xml.len() < 400_000, "{}", xml.len());
    }
}
