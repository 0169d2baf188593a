//! The rules on the page, each with what the run found out about it.

use maud::{Markup, html};

use crate::report::{
    json::Report,
    ledger::{RuleLine, Standing, lines},
};

/// The section, an area of rules after the other.
pub fn section(report: &Report) -> Markup {
    let lines = lines(report);
    let mut areas: Vec<(&str, Vec<&RuleLine<'_>>)> = Vec::new();
    for line in &lines {
        let area = line.rule.as_str().split('.').next().unwrap_or_default();
        match areas.last_mut().filter(|(name, _)| *name == area) {
            Some((_, lines)) => lines.push(line),
            None => areas.push((area, vec![line])),
        }
    }
    html! {
        section.ledger aria-labelledby="rules-title" {
            h2 id="rules-title" { "Rules" }
            p.aside { (count(&lines)) }
            @for (area, lines) in areas {
                @let worst = lines.iter().map(|line| line.standing).min().unwrap_or(Standing::NotChecked);
                details.more open[worst == Standing::Broken] {
                    summary { b { (area) } " " span.(tone(worst)) { (area_count(&lines)) } }
                    table {
                        thead { tr { th scope="col" { "rule" } th scope="col" { "level" } th scope="col" { "found" } th scope="col" { "checked by" } } }
                        tbody { @for line in lines { (row(line)) } }
                    }
                }
            }
        }
    }
}

fn row(line: &RuleLine<'_>) -> Markup {
    let rule = line.rule.rule();
    let mut cases: Vec<&str> = line
        .results
        .iter()
        .map(|result| result.id.as_str())
        .collect();
    cases.dedup();
    html! {
        tr.line id=(format!("rule-{}", rule.id)) data-tone=(tone(line.standing)) {
            th scope="row" { code { (rule.id) } span.sentence { (rule.text) } }
            td { (rule.level.name()) }
            td.(tone(line.standing)) { (line.standing.name()) }
            td {
                @if let Some(why) = rule.untestable { "no case of the suite: " (why) }
                @else if cases.is_empty() { "no case of this run" } @else {
                    details.inline { summary { (cases.len()) @if cases.len() == 1 { " case" } @else { " cases" } } ul { @for case in cases { li { (case) } } } }
                }
            }
        }
    }
}

fn count(lines: &[RuleLine<'_>]) -> String {
    let of = |standing| {
        lines
            .iter()
            .filter(|line| line.standing == standing)
            .count()
    };
    format!(
        "{} rules: {} hold, {} broken, {} with a warning, {} could not be judged, {} were not checked by this run.",
        lines.len(),
        of(Standing::Holds),
        of(Standing::Broken),
        of(Standing::Warned),
        of(Standing::NotJudged),
        of(Standing::NotChecked)
    )
}

fn area_count(lines: &[&RuleLine<'_>]) -> String {
    let of = |standing| {
        lines
            .iter()
            .filter(|line| line.standing == standing)
            .count()
    };
    let standings = [
        Standing::Broken,
        Standing::Warned,
        Standing::NotJudged,
        Standing::Holds,
        Standing::NotChecked,
    ];
    let parts: Vec<_> = standings
        .into_iter()
        .filter(|standing| of(*standing) > 0)
        .map(|standing| format!("{} {}", of(standing), plural(standing)))
        .collect();
    parts.join(", ")
}

fn plural(standing: Standing) -> &'static str {
    match standing {
        Standing::Holds => "hold",
        other => other.name(),
    }
}

/// The colour a standing is told in; its words say the same.
pub fn tone(standing: Standing) -> &'static str {
    match standing {
        Standing::Broken | Standing::NotJudged => "red",
        Standing::Warned => "amber",
        Standing::Holds => "green",
        Standing::NotChecked => "grey",
    }
}
