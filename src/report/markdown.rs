//! Results in Markdown, for the summary of a CI job.

use std::fmt::Write as _;

use super::{
    CaseResult, Outcome, Run, Summary, console,
    risk::risk,
    text::{shown, visible},
    transcript,
};

/// Longest summary, in bytes. GitHub refuses more than 1 MiB.
pub const LEN_BYTES_MAX: usize = 900_000;
/// Failures told in full; the others are listed.
const FAILURES_TOLD_MAX: usize = 25;
/// Cases listed, so that a peer that fails everything is still told on one page.
const CASES_LISTED_MAX: usize = 500;

/// The whole text.
pub fn summary(run: &Run<'_>) -> String {
    let mut text = String::new();
    // Writing to a string does not fail, here and below.
    let _ = write(&mut text, run);
    if text.len() > LEN_BYTES_MAX {
        text.truncate(text.floor_char_boundary(LEN_BYTES_MAX));
        text.push_str("\n\n(cut; the other reports hold the rest)\n");
    }
    text
}

fn write(out: &mut String, run: &Run<'_>) -> std::fmt::Result {
    let summary = Summary::of(run.results);
    writeln!(out, "## syncspec: {}\n", run.headline())?;
    let protocols: Vec<_> = run
        .target
        .protocols
        .iter()
        .map(|protocol| protocol.name())
        .collect();
    writeln!(
        out,
        "{} over {}, syncspec {}, seed {}, {:.1} s\n",
        escape(&shown(run.called().as_ref().unwrap_or(&run.target.url))),
        protocols.join(" and "),
        env!("CARGO_PKG_VERSION"),
        run.seed,
        run.duration.as_secs_f64()
    )?;
    if let Some(why) = run.not_played {
        let lines: Vec<_> = why
            .text
            .lines()
            .map(|line| shown(line).into_owned())
            .collect();
        return block(out, &lines);
    }
    writeln!(out, "| | cases |\n|---|---:|")?;
    for (count, what, _) in super::tally(&summary)
        .into_iter()
        .filter(|(count, ..)| *count > 0)
    {
        writeln!(out, "| {what} | {count} |")?;
    }
    let red: Vec<_> = run
        .results
        .iter()
        .filter(|result| result.outcome.is_red())
        .collect();
    if !red.is_empty() {
        writeln!(out, "\n### What fails the run\n")?;
    }
    for result in red.iter().take(FAILURES_TOLD_MAX) {
        failure(out, result)?;
    }
    list(out, red.iter().skip(FAILURES_TOLD_MAX).copied())?;
    let rest: Vec<_> = run
        .results
        .iter()
        .filter(|result| is_told_besides(result))
        .collect();
    if !rest.is_empty() {
        writeln!(
            out,
            "\n<details><summary>{} more with something to say</summary>\n",
            rest.len()
        )?;
        list(out, rest.into_iter())?;
        writeln!(out, "\n</details>")?;
    }
    Ok(())
}

/// Neither red nor a plain pass.
fn is_told_besides(result: &CaseResult) -> bool {
    match result.outcome {
        Outcome::Passed => !result.findings.is_empty(),
        Outcome::KnownFailing | Outcome::PreviewFailed => true,
        _ => false,
    }
}

fn failure(out: &mut String, result: &CaseResult) -> std::fmt::Result {
    let scenario = &result.scenario;
    writeln!(
        out,
        "<details><summary><b>{}</b> {} ({}, {})</summary>\n\n{}\n",
        result.outcome.name(),
        escape(&scenario.id),
        scenario.role,
        result.protocol,
        escape(&scenario.about)
    )?;
    if let Some(reason) = &result.reason {
        writeln!(out, "{}\n", escape(&shown(reason)))?;
    }
    for finding in &result.findings {
        let rule = finding.rule.rule();
        writeln!(
            out,
            "- <b>{}</b> ({}): {}",
            rule.id,
            rule.level.name(),
            escape(rule.text)
        )?;
        writeln!(out, "  - expected: {}", escape(&shown(&finding.expected)))?;
        writeln!(out, "  - seen: {}", escape(&shown(&finding.seen)))?;
        writeln!(out, "  - risk: {}", escape(risk(finding.rule)))?;
    }
    let marked: Vec<_> = result
        .findings
        .iter()
        .filter_map(|finding| finding.event)
        .collect();
    block(out, &transcript::lines(&result.trace, &marked))?;
    if !result.peer_log.is_empty() {
        writeln!(out, "\nThe peer: {}:\n", result.peer_log_about())?;
        let lines: Vec<_> = result
            .peer_log
            .iter()
            .map(|line| shown(line).into_owned())
            .collect();
        block(out, &lines)?;
    }
    if let Some(again) = &result.again {
        writeln!(out, "\nAgain: <code>{}</code>", escape(again))?;
    }
    writeln!(out, "\n</details>\n")
}

fn list<'a>(
    out: &mut String,
    results: impl ExactSizeIterator<Item = &'a CaseResult>,
) -> std::fmt::Result {
    let more = results.len().saturating_sub(CASES_LISTED_MAX);
    for result in results.take(CASES_LISTED_MAX) {
        let line = console::line(result);
        let why = match (result.findings.first(), &result.reason) {
            (Some(finding), _) => format!("{}: {}", finding.rule, visible(&finding.seen, 200)),
            (None, Some(reason)) => visible(reason, 200).into_owned(),
            (None, None) => String::new(),
        };
        writeln!(out, "- {} {}", escape(&line), escape(&why))?;
    }
    match more {
        0 => Ok(()),
        more => writeln!(out, "- and {more} more"),
    }
}

/// A block that nothing within it ends: its fence is longer than any run of backticks there.
fn block(out: &mut String, lines: &[String]) -> std::fmt::Result {
    if lines.is_empty() {
        return Ok(());
    }
    let runs = lines
        .iter()
        .flat_map(|line| line.split(|character| character != '`'));
    let longest = runs.map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(3.max(longest + 1));
    writeln!(out, "\n{fence}text\n{}\n{fence}", lines.join("\n"))
}

/// Every character that Markdown or HTML may take for something else, by its number: such a character is text and
/// nothing else.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            ' ' | '.' | ',' | '/' | '-' | '(' | ')' | '\'' => escaped.push(character),
            mark if mark.is_ascii_punctuation() => {
                let _ = write!(escaped, "&#{};", u32::from(mark));
            }
            '\n' => escaped.push(' '),
            plain => escaped.push(plain),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;

    #[test]
    fn failures_then_told_with_rule_expected_seen_and_again() {
        let text = summary(&samples::run());
        for part in [
            "2 failed",
            "replay&#45;refused",
            "expected: ",
            "seen: ",
            "risk: ",
            "syncspec replay",
        ] {
            let part = part.replace("&#45;", "-");
            assert!(text.contains(&part), "{part} in {text}");
        }
    }

    #[test]
    fn hostile_text_then_neither_markup_nor_an_end_of_a_block() {
        let text = summary(&samples::run());
        assert!(
            !text.contains("<script>") || in_a_block(&text, "<script>"),
            "{text}"
        );
        assert!(!text.contains('\u{202e}') && !text.contains('\u{1b}'));
        assert!(text.len() < LEN_BYTES_MAX);
        let mut block = String::new();
        super::block(&mut block, &["```` ends".to_owned()]).unwrap();
        assert!(block.starts_with("\n`````text"), "{block}");
        assert_eq!(
            escape("[a](b)*<i>`|@"),
            "&#91;a&#93;(b)&#42;&#60;i&#62;&#96;&#124;&#64;"
        );
    }

    /// Whether every occurrence stands between two fences.
    fn in_a_block(text: &str, part: &str) -> bool {
        text.match_indices(part).all(|(at, _)| {
            let fences = text[..at].lines().filter(|line| line.starts_with("```"));
            fences.count() % 2 == 1
        })
    }

    #[test]
    fn no_case_played_then_says_why_in_a_block() {
        let text = summary(&samples::not_played());
        assert!(
            text.starts_with("## syncspec: no case was played"),
            "{text}"
        );
        let why = "the peer is not set up";
        assert!(text.contains(why) && in_a_block(&text, why), "{text}");
        assert!(!text.contains('\u{202e}'), "{text}");
    }

    #[test]
    fn peer_that_fails_everything_then_still_below_the_limit() {
        let run = samples::run();
        let many: Vec<_> = run.results.iter().cycle().take(5_000).cloned().collect();
        let text = summary(&Run {
            results: &many,
            ..run
        });
        assert!(text.len() <= LEN_BYTES_MAX + 100, "{}", text.len());
        assert!(text.contains("and "), "no count of the rest");
    }
}
