//! Results as one HTML page that needs nothing else: no network, no other file. It can be read without its script,
//! which only filters; on a phone, in the dark and on paper.
//!
//! Whatever a peer wrote is hostile. It passes [`shown`] and the templates' escaping; and the page's own policy lets no
//! script and no style run but the two it came with.

mod case;
mod diagram;
mod ledger;
pub mod matrix;

use std::time::{SystemTime, UNIX_EPOCH};

use base64::{Engine, engine::general_purpose::STANDARD};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

use super::{CaseResult, Outcome, Run, Summary, json::Report, tally, text::shown};

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// Cases told with their dialogue. A peer that fails more of them fails them for few reasons, and the page must open.
const TOLD_MAX: usize = 200;

/// Failures that stand open when the page does; the others open with a key.
const OPEN_MAX: usize = 10;

/// The page of a run.
pub fn page(run: &Run<'_>) -> String {
    let summary = Summary::of(run.results);
    let title = format!("syncspec: {}", run.headline());
    let (told, passed): (Vec<_>, Vec<_>) = run.results.iter().partition(|result| is_told(result));
    let mut told = told;
    told.sort_by_key(|result| rank(result.outcome));
    let body = html! {
        header {
            h1 { (run.headline()) }
            (facts(run))
            (tiles(&summary))
        }
        @if let Some(why) = run.not_played {
            main id="main" {
                p { "The peer, or the way to it, is not set up so that it can be judged." }
                pre.set-up tabindex="0" { @for line in why.text.lines() { (shown(line)) "\n" } }
            }
        } @else {
            (results(run, &told, &passed))
        }
        footer { "syncspec " (env!("CARGO_PKG_VERSION")) ". Rules are explained in docs/protocol.md." }
    };
    document(&title, &body)
}

/// What the cases came to.
fn results(run: &Run<'_>, told: &[&CaseResult], passed: &[&CaseResult]) -> Markup {
    html! {
        (broken_rules(told))
        (controls())
        main id="main" {
            section aria-labelledby="cases-title" {
                h2 id="cases-title" { "What to look at" }
                @if !told.is_empty() { (legend()) }
                p #none hidden { "No case matches." }
                @if told.is_empty() { p { "Every case passed, without a remark." } }
                @for (index, result) in told.iter().take(TOLD_MAX).enumerate() { (case::told(result, index)) }
                @if told.len() > TOLD_MAX {
                    p { (told.len() - TOLD_MAX) " more are in the list of all cases and in the JSON report." }
                }
            }
            (ledger::section(&Report::of(run)))
            (case::list(told, passed))
        }
    }
}

/// A whole page around its body.
fn document(title: &str, body: &Markup) -> String {
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        STANDARD.encode(Sha256::digest(STYLE)),
        STANDARD.encode(Sha256::digest(SCRIPT))
    );
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                // Constants of ours.
                style { (PreEscaped(STYLE)) }
            }
            body {
                a.skip href="#main" { "Skip to the results" }
                (body)
                script { (PreEscaped(SCRIPT)) }
            }
        }
    }
    .into_string()
}

fn facts(run: &Run<'_>) -> Markup {
    let protocols: Vec<_> = run
        .target
        .protocols
        .iter()
        .map(|protocol| protocol.name())
        .collect();
    html! {
        dl.facts {
            @if let Some(label) = run.called() { div { dt { "peer" } dd { (shown(&label)) } } }
            // Each start of it is at another port.
            @if run.target.kind == "command" { div { dt { "started" } dd { "by the suite" } } }
            @else { div { dt { "reached at" } dd { bdi { (shown(&run.target.url)) } } } }
            div { dt { "over" } dd { (protocols.join(" and ")) } }
            div { dt { "began" } dd { (date(run.began)) } }
            div { dt { "took" } dd { (format!("{:.1} s", run.duration.as_secs_f64())) } }
            div { dt { "seed" } dd { (run.seed) } }
        }
    }
}

fn tiles(summary: &Summary) -> Markup {
    let tally = tally(summary);
    let some = || tally.iter().filter(|(count, ..)| *count > 0);
    html! {
        ul.tiles {
            @for (count, what, outcome) in some() {
                li class=(tone(*outcome)) { b { (count) } " " (what) }
            }
        }
        @if summary.with_remarks > 0 {
            p.aside { (summary.with_remarks) " of those that passed come with a warning." }
        }
    }
}

/// What the words of a dialogue mean, for somebody who has not seen one.
fn legend() -> Markup {
    let words = [
        (
            "our deviation",
            "Here we did, on purpose, what the rule is about.",
        ),
        (
            "first divergence",
            "The first message by which the peer broke a rule.",
        ),
        (
            "#3",
            "The counter of a sealed item's nonce; each direction begins at 0.",
        ),
        (
            "main, newer, ...",
            "The stream that a message is of, where a case has several. One called probe shows whether the peer still serves.",
        ),
        (
            "fence",
            "A request whose answer must come next: when it does, nothing else came before it.",
        ),
    ];
    html! {
        details.more {
            summary { "How to read a dialogue" }
            dl.legend { @for (word, meaning) in words { dt { (word) } dd { (meaning) } } }
        }
    }
}

/// The rules found broken, the ones most often first, each with its cases.
fn broken_rules(told: &[&CaseResult]) -> Markup {
    let mut rules: Vec<(crate::rules::RuleId, Vec<usize>)> = Vec::new();
    for (index, result) in told
        .iter()
        .enumerate()
        .filter(|(_, result)| result.outcome.is_red())
    {
        for finding in &result.findings {
            match rules.iter_mut().find(|(rule, _)| *rule == finding.rule) {
                Some((_, cases)) => {
                    if cases.last() != Some(&index) {
                        cases.push(index);
                    }
                }
                None => rules.push((finding.rule, vec![index])),
            }
        }
    }
    rules.sort_by_key(|(rule, cases)| (rule.level(), std::cmp::Reverse(cases.len()), *rule));
    html! {
        @if !rules.is_empty() {
            nav.broken aria-labelledby="broken-title" {
                h2 id="broken-title" { "Broken rules" }
                ul {
                    @for (rule, cases) in rules {
                        @let first = format!("#case-{}", cases[0]);
                        li {
                            a href=(first) { code { (rule.as_str()) } }
                            " " span.level { (rule.level().name()) }
                            span.sentence { (rule.rule().text) }
                            details.inline {
                                summary.count { (cases.len()) @if cases.len() == 1 { " case" } @else { " cases" } }
                                ul { @for index in cases { (link_to(told[index], index)) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn link_to(result: &CaseResult, index: usize) -> Markup {
    let name = format!(
        "{}, {} over {}",
        result.scenario.id, result.scenario.role, result.protocol
    );
    html! {
        li { @if index < TOLD_MAX { a href=(format!("#case-{index}")) { (name) } } @else { (name) } }
    }
}

fn controls() -> Markup {
    let choices = [
        ("red", "fails the run"),
        ("amber", "warnings, known and new"),
        ("grey", "skipped"),
        ("green", "passed"),
    ];
    html! {
        // Without its script the page shows everything.
        form.controls role="search" hidden {
            label.search for="search" { span { "Search" } input id="search" type="search" placeholder="case, rule, text" autocomplete="off"; }
            fieldset {
                legend { "Show" }
                @for (tone, words) in choices {
                    label { input type="checkbox" name="tone" value=(tone) checked; " " (words) }
                }
            }
            output id="count" for="search" aria-live="polite" {}
        }
    }
}

/// Whether a case has something to say beyond that it passed.
fn is_told(result: &CaseResult) -> bool {
    match result.outcome {
        Outcome::Passed => !result.findings.is_empty(),
        Outcome::Skipped => false,
        _ => true,
    }
}

/// Failures first, remarks last.
fn rank(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Failed => 0,
        Outcome::Flaky => 1,
        Outcome::UnexpectedPass => 2,
        Outcome::Inconclusive => 3,
        Outcome::KnownFailing => 4,
        Outcome::PreviewFailed => 5,
        Outcome::Passed => 6,
        Outcome::Skipped => 7,
    }
}

/// The colour an outcome is told in; its words say the same.
fn tone(outcome: Outcome) -> &'static str {
    match outcome {
        outcome if outcome.is_red() => "red",
        Outcome::KnownFailing | Outcome::PreviewFailed => "amber",
        Outcome::Skipped => "grey",
        _ => "green",
    }
}

/// A passed case with findings is told in amber.
fn tone_of(result: &CaseResult) -> &'static str {
    match result.outcome {
        Outcome::Passed if !result.findings.is_empty() => "amber",
        outcome => tone(outcome),
    }
}

fn word(result: &CaseResult) -> &'static str {
    match result.outcome {
        Outcome::Passed if !result.findings.is_empty() => "warning",
        Outcome::Inconclusive => "not judged",
        outcome => outcome.name(),
    }
}

/// Day and minute, UTC.
fn date(at: SystemTime) -> String {
    let seconds = at
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    let (minutes, days) = (seconds / 60 % (24 * 60), seconds / (24 * 60 * 60));
    let (year, month, day) = civil(days);
    format!(
        "{year}-{month:02}-{day:02} {:02}:{:02} UTC",
        minutes / 60,
        minutes % 60
    )
}

/// Year, month and day of a count of days since 1970, by Howard Hinnant's `civil_from_days`.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests;
