//! Several reports on one page.

use maud::{Markup, html};

use super::{document, ledger::tone};
use crate::report::{
    json::ResultLine,
    ledger::Standing,
    matrix::{Cell, Column, areas, cases},
    text::shown,
};

/// The page.
pub fn page(columns: &[Column]) -> String {
    let body = html! {
        header {
            h1 { (columns.len()) " reports side by side" }
            ul.columns {
                @for column in columns {
                    li { b { (shown(column.name())) } " " span.meta { (shown(&column.details())) ", " (shown(&column.file)) } }
                }
            }
        }
        main id="main" {
            section aria-labelledby="rules-title" {
                h2 id="rules-title" { "Rules" }
                div.scroll tabindex="0" { (rules(columns)) }
            }
            section aria-labelledby="cases-title" {
                h2 id="cases-title" { "Cases that did not pass everywhere" }
                div.scroll tabindex="0" { (case_table(columns)) }
            }
        }
        footer { "syncspec " (env!("CARGO_PKG_VERSION")) }
    };
    document("syncspec: reports side by side", &body)
}

fn head(columns: &[Column], first: &str) -> Markup {
    html! {
        thead { tr {
            th scope="col" { (first) }
            @for column in columns {
                th scope="col" { (shown(column.name())) span.sentence { (shown(&column.details())) } }
            }
        } }
    }
}

fn rules(columns: &[Column]) -> Markup {
    html! {
        table.matrix {
            (head(columns, "rule"))
            @for area in areas(columns) {
                tbody {
                    tr.area {
                        th scope="row" { (area.name) }
                        @for column in 0..columns.len() {
                            @let (standing, text) = area.summary(column);
                            td.(tone_of(standing)) { (text) }
                        }
                    }
                    @for (rule, cells) in &area.rules {
                        tr.line id=(format!("rule-{rule}")) data-tone=(worst(cells)) {
                            th scope="row" { code { (rule.as_str()) } " " span.level { (rule.level().name()) } span.sentence { (rule.rule().text) } }
                            @for cell in cells { td.(tone_of(cell.standing())) { (cell.text()) } }
                        }
                    }
                }
            }
        }
    }
}

fn worst(cells: &[Cell]) -> &'static str {
    tone_of(cells.iter().filter_map(Cell::standing).min())
}

/// What can't be read is as red as a failure: nobody may take it for a pass.
fn tone_of(standing: Option<Standing>) -> &'static str {
    standing.map_or("red", tone)
}

fn case_table(columns: &[Column]) -> Markup {
    let rows = cases(columns);
    html! {
        @if rows.is_empty() { p { "Every case passed in every report." } } @else {
            table.matrix {
                (head(columns, "case"))
                tbody {
                    @for row in rows {
                        tr {
                            th scope="row" { (row.id) }
                            @for (results, column) in row.cells.iter().zip(columns) {
                                @if column.report.is_err() { td.red { "not read" } }
                                @else if results.is_empty() { td.amber { "missing" } }
                                @else { (results_cell(results)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn results_cell(results: &[&ResultLine]) -> Markup {
    let tones = results.iter().map(|result| result_tone(result));
    let tone = ["red", "amber", "green", "grey"]
        .into_iter()
        .find(|tone| tones.clone().any(|of| of == *tone));
    html! {
        td.(tone.unwrap_or("red")) {
            @for result in results {
                span.sentence { (shown(&result.protocol)) ": " (shown(&result.outcome)) @if is_remarked(result) { ", with a warning" } }
            }
        }
    }
}

fn is_remarked(result: &ResultLine) -> bool {
    result.outcome == "passed" && !result.findings.is_empty()
}

/// An outcome of a later version of the suite is no pass.
fn result_tone(result: &ResultLine) -> &'static str {
    match result.outcome.as_str() {
        "passed" if result.findings.is_empty() => "green",
        "passed" => "amber",
        "skipped" => "grey",
        _ => "red",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{json::Report, samples};

    #[test]
    fn reports_then_failures_are_red_and_nothing_of_a_peer_is_markup() {
        let report = Report::of(&samples::run());
        let columns = [
            Column {
                file: "a.json".to_owned(),
                report: Ok(report),
            },
            Column {
                file: samples::HOSTILE.to_owned(),
                report: Err("schema 2".to_owned()),
            },
        ];
        let page = page(&columns);
        assert!(
            page.contains("<td class=\"red\">broken, 2 of 2</td>"),
            "{page}"
        );
        assert!(page.contains("schema 2"));
        assert!(page.contains("<td class=\"red\">not read</td>"));
        assert!(!page.contains("class=\"grey\">not read"));
        assert!(page.contains("connect: known-failing"));
        assert_eq!(page.matches("<script>").count(), 1, "only the page's own");
    }
}
