//! GitHub's workflow commands: one annotation for each case that fails the run.

use std::borrow::Cow;

use super::{CaseResult, Outcome, Run, text::shown};

/// Most annotations; GitHub shows ten of a step and keeps fifty of a job.
const ANNOTATIONS_MAX: usize = 50;

/// The commands, a line each, to be printed to standard output.
pub fn annotations(run: &Run<'_>) -> String {
    let red = run.results.iter().filter(|result| result.outcome.is_red());
    let mut lines: Vec<String> = red.clone().take(ANNOTATIONS_MAX).map(annotation).collect();
    if let Some(why) = run.not_played {
        let text: Vec<_> = why.text.lines().map(shown).collect();
        lines.push(format!(
            "::error title=syncspec%3A no case was played::{}",
            data(&text.join("\n"))
        ));
    }
    let more = red.count().saturating_sub(ANNOTATIONS_MAX);
    if more > 0 {
        lines.push(format!(
            "::error title=syncspec::{more} more cases fail the run"
        ));
    }
    lines.iter().map(|line| format!("{line}\n")).collect()
}

fn annotation(result: &CaseResult) -> String {
    let finding = result.findings.first();
    let location = finding.map_or(&result.scenario.location, |finding| &finding.location);
    let title = format!(
        "{}: {} ({}, {})",
        word(result.outcome),
        result.scenario.id,
        result.scenario.role,
        result.protocol
    );
    let message = match finding {
        Some(finding) => format!(
            "{} ({}): {}\nexpected {}\nseen {}",
            finding.rule,
            finding.rule.level().name(),
            finding.rule.rule().text,
            shown(&finding.expected),
            shown(&finding.seen)
        ),
        None => shown(result.reason.as_deref().unwrap_or_default()).into_owned(),
    };
    let again = match &result.again {
        Some(again) => format!("\n{again}"),
        None => String::new(),
    };
    format!(
        "::error file={},line={},col={},title={}::{}",
        property(&location.file),
        location.line,
        location.column,
        property(&title),
        data(&format!("{message}{again}"))
    )
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Inconclusive => "not judged",
        outcome => outcome.name(),
    }
}

/// What a command's message may not hold as it is.
fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// The same for a property, which `:` and `,` would end.
fn property(text: &str) -> Cow<'_, str> {
    Cow::Owned(data(text).replace(':', "%3A").replace(',', "%2C"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;

    #[test]
    fn red_cases_then_one_line_each_that_no_text_of_the_peer_ends() {
        let text = annotations(&samples::run());
        let red = samples::run()
            .results
            .iter()
            .filter(|result| result.outcome.is_red());
        assert_eq!(text.lines().count(), red.count());
        for line in text.lines() {
            assert!(line.starts_with("::error file=scenarios/"), "{line}");
        }
        assert!(text.contains("%0Aseen "), "{text}");
    }

    #[test]
    fn no_case_played_then_one_line_that_says_why() {
        let text = annotations(&samples::not_played());
        let told = "::error title=syncspec%3A no case was played::the peer is not set up%0A";
        assert!(text.starts_with(told), "{text}");
        assert_eq!(text.lines().count(), 1, "{text}");
    }

    #[test]
    fn characters_of_commands_then_escaped() {
        assert_eq!(property("a:b,c%\n"), "a%3Ab%2Cc%25%0A");
        assert_eq!(data("a:b,\r\n"), "a:b,%0D%0A");
    }
}
