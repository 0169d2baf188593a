//! One case on the page: its claim, what was expected and seen, the dialogue, and how to play it again.

use maud::{Markup, html};

use super::{diagram, tone_of, word};
use crate::{
    judge::Finding,
    report::{
        CaseResult,
        risk::risk,
        text::{shown, visible},
    },
    scenario::message::item_to_json,
    trace::{EventKind, Trace},
};

/// Longest message shown in full, in characters.
const MESSAGE_LEN_MAX: usize = 4_000;
/// Most messages shown in full for one case.
const MESSAGES_MAX: usize = 60;

/// A case with something to say.
pub fn told(result: &CaseResult, index: usize) -> Markup {
    let scenario = &result.scenario;
    let id = format!("case-{index}");
    html! {
        article.case.(tone_of(result)) id=(id) data-tone=(tone_of(result)) {
            details open[result.outcome.is_red() && index < super::OPEN_MAX] {
                summary {
                    h3 { span.badge { (word(result)) } " " span.id { (broken_at_slashes(&scenario.id)) } }
                    p.meta {
                        (scenario.role) " over " (result.protocol) ", " (format!("{:.0} ms", result.duration.as_secs_f64() * 1000.0))
                        @if let Some(repeats) = result.repeats {
                            ", " (repeats.not_passed) " of " (repeats.plays) " plays did not pass"
                        }
                    }
                }
                p.claim { (scenario.about) }
                @if let Some(reason) = &result.reason {
                    @for line in reason.lines() { p.reason { bdi { (shown(line)) } } }
                }
                @for finding in &result.findings { (found(finding)) }
                @if !result.trace.events.is_empty() {
                    h4 { "Between us" }
                    (diagram::of(result))
                    (messages(&result.trace))
                }
                @if !result.peer_log.is_empty() {
                    details.more open[result.outcome.is_red()] {
                        summary { "What the peer printed" }
                        p.aside { (result.peer_log_about()) "." }
                        pre.log tabindex="0" {
                            @for line in &result.peer_log { span.own[line.starts_with('*')] { (shown(line)) } }
                        }
                    }
                }
                @if let Some(again) = &result.again {
                    h4 { "Again" }
                    pre.again tabindex="0" { code { (again) } }
                }
            }
        }
    }
}

fn found(finding: &Finding) -> Markup {
    let rule = finding.rule.rule();
    html! {
        div.finding {
            p.rule {
                a href=(format!("#rule-{}", rule.id)) { code { (rule.id) } } " " span.level { (rule.level.name()) }
            }
            blockquote { (rule.text) }
            dl {
                dt { "expected" } dd { bdi { (shown(&finding.expected)) } }
                dt { "seen" } dd.seen { bdi { (shown(&finding.seen)) } }
                dt { "risk" } dd { (risk(finding.rule)) }
                dt { @if let Some(step) = finding.step { "step " (step) } @else { "case" } }
                dd { code { (finding.location) } }
            }
        }
    }
}

/// The messages as they were before they were sealed, or after they were opened.
fn messages(trace: &Trace) -> Markup {
    let said = trace.events.iter().filter_map(|event| match &event.kind {
        EventKind::Sent(sent) => Some((event.at, "sent", sent.item.as_ref()?)),
        EventKind::Received { item, .. } => Some((event.at, "received", item)),
        EventKind::Clear(item) => Some((event.at, "received in the clear", item)),
        _ => None,
    });
    let said: Vec<_> = said.collect();
    html! {
        @if !said.is_empty() {
            details.more {
                summary { "Messages in full, decrypted" }
                @for (at, way, item) in said.iter().take(MESSAGES_MAX) {
                    p.meta { (format!("{:.1} ms", at.as_secs_f64() * 1000.0)) ", " (way) }
                    pre tabindex="0" { (visible(&item_to_json(item).to_string(), MESSAGE_LEN_MAX)) }
                }
                @if said.len() > MESSAGES_MAX { p { (said.len() - MESSAGES_MAX) " more are in the saved file." } }
            }
        }
    }
}

/// All cases, a line each.
pub fn list(told: &[&CaseResult], passed: &[&CaseResult]) -> Markup {
    let all = told
        .iter()
        .enumerate()
        .map(|(index, result)| (Some(index), *result));
    let all = all.chain(passed.iter().map(|result| (None, *result)));
    html! {
        section aria-labelledby="all-title" {
            h2 id="all-title" { "All cases" }
            details.more {
                summary { (told.len() + passed.len()) " cases" }
                table.cases {
                    thead { tr { th scope="col" { "case" } th scope="col" { "over" } th scope="col" { "came to" } th scope="col" { "ms" } } }
                    tbody {
                        @for (index, result) in all {
                            tr.line data-tone=(tone_of(result)) {
                                th scope="row" {
                                    @match index {
                                        Some(index) if index < super::TOLD_MAX => a href=(format!("#case-{index}")) { (broken_at_slashes(&result.scenario.id)) },
                                        _ => (broken_at_slashes(&result.scenario.id)),
                                    }
                                    @if index.is_none() && let Some(reason) = &result.reason { span.sentence { (shown(reason)) } }
                                }
                                td { (result.protocol) }
                                td.(tone_of(result)) { (word(result)) }
                                td.number { (format!("{:.0}", result.duration.as_secs_f64() * 1000.0)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// A long id may be broken where a reader would.
fn broken_at_slashes(id: &str) -> Markup {
    html! {
        @for (index, part) in id.split('/').enumerate() {
            @if index > 0 { "/" wbr; }
            (part)
        }
    }
}
