//! Several reports side by side: implementations and versions by area and rule. A failure is a failure in every
//! column, whatever list expected it; a case that a report lacks, and a report that can't be read, are shown as such.

use std::{collections::BTreeSet, fmt::Write as _};

use serde_json::{Map, Value};

use super::{
    json::{ReadError, Report, ResultLine},
    ledger::{RuleLine, Standing, lines},
    text::shown,
};
use crate::rules::{ALL, RuleId};

/// One report, or what became of it.
#[derive(Clone, Debug)]
pub struct Column {
    /// The file it came from.
    pub file: String,
    /// The report, or why it can't be read.
    pub report: Result<Report, String>,
}

impl Column {
    /// What was read from a file. A report of a run that played nothing holds nothing to be compared.
    pub fn of(file: String, read: Result<Report, ReadError>) -> Column {
        let report = match read {
            Ok(Report {
                not_played: Some(why),
                ..
            }) => Err(format!("no case was played{}", mistake_in(&why))),
            read => read.map_err(|error| error.to_string()),
        };
        Column { file, report }
    }

    /// What it is called: the peer's label, or its URL; the file where neither is known.
    pub fn name(&self) -> &str {
        match &self.report {
            Ok(report) => report.target.label.as_deref().unwrap_or(&report.target.url),
            Err(_) => &self.file,
        }
    }

    /// What else tells it from its neighbours.
    pub fn details(&self) -> String {
        match &self.report {
            Ok(report) => format!(
                "{} over {}, syncspec {}",
                report.target.role,
                report.target.protocols.join(" and "),
                report.suite.version
            ),
            Err(why) => why.clone(),
        }
    }
}

/// The check that failed, in words, behind what it kept from being played.
fn mistake_in(why: &Map<String, Value>) -> String {
    let checks = why.get("checks").and_then(Value::as_array);
    let mut checks = checks.into_iter().flatten();
    let failed = checks.find(|check| check["standing"] == "failed");
    failed.map_or_else(String::new, |check| {
        let word = |key: &str| check[key].as_str().unwrap_or_default();
        format!(": {}: {}", word("step"), shown(word("seen")))
    })
}

/// Gives columns that have one name the names of their files beside it.
pub fn tell_apart(columns: &mut [Column]) {
    let names: Vec<String> = columns.iter().map(|it| it.name().to_owned()).collect();
    for (column, name) in columns.iter_mut().zip(&names) {
        let alike = names.iter().filter(|other| *other == name).count();
        if let Ok(report) = &mut column.report
            && alike > 1
        {
            report.target.label = Some(format!("{name} ({})", column.file));
        }
    }
}

/// What one report says of one rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell {
    /// The report can't be read.
    Unread,
    /// It says this.
    Found {
        /// What was found out.
        standing: Standing,
        /// Results that found the rule broken.
        broken: usize,
        /// Results about the rule.
        results: usize,
        /// Cases about the rule that another report of the same role has and this one lacks.
        missing: usize,
    },
}

impl Cell {
    /// In words.
    pub fn text(&self) -> String {
        let Cell::Found {
            standing,
            broken,
            results,
            missing,
        } = self
        else {
            return "not read".to_owned();
        };
        let found = match standing {
            Standing::Broken | Standing::Warned => {
                format!("{}, {broken} of {results}", standing.name())
            }
            Standing::NotChecked => standing.name().to_owned(),
            _ => format!("{}, {results}", standing.name()),
        };
        match missing {
            0 => found,
            missing => format!("{found}; {missing} missing"),
        }
    }

    /// Its standing; none where the report can't be read.
    pub fn standing(&self) -> Option<Standing> {
        match self {
            Cell::Unread => None,
            Cell::Found { standing, .. } => Some(*standing),
        }
    }
}

/// An area of rules.
#[derive(Clone, Debug)]
pub struct Area {
    /// Its name.
    pub name: &'static str,
    /// Its rules, each with a cell for each column.
    pub rules: Vec<(RuleId, Vec<Cell>)>,
}

impl Area {
    /// What a column says of the area: how many of its rules stand how.
    pub fn summary(&self, column: usize) -> (Option<Standing>, String) {
        let cells = || self.rules.iter().filter_map(|(_, cells)| cells.get(column));
        let standings: Vec<_> = cells().filter_map(Cell::standing).collect();
        if standings.is_empty() {
            return (None, "not read".to_owned());
        }
        let kinds = [
            Standing::Broken,
            Standing::Warned,
            Standing::NotJudged,
            Standing::Holds,
            Standing::NotChecked,
        ];
        let parts = kinds.into_iter().filter_map(|kind| {
            let count = standings
                .iter()
                .filter(|standing| **standing == kind)
                .count();
            (count > 0).then(|| format!("{count} {}", kind.name()))
        });
        let text = parts.collect::<Vec<_>>().join(", ");
        (standings.iter().min().copied(), text)
    }
}

/// The areas of the ledger.
pub fn areas(columns: &[Column]) -> Vec<Area> {
    let ledgers: Vec<Option<Vec<RuleLine<'_>>>> = columns
        .iter()
        .map(|column| column.report.as_ref().ok().map(lines))
        .collect();
    let mut areas: Vec<Area> = Vec::new();
    for (at, rule) in ALL.iter().enumerate() {
        let name = rule.as_str().split('.').next().unwrap_or_default();
        let cells = columns
            .iter()
            .zip(&ledgers)
            .map(|(column, ledger)| match ledger {
                // A ledger has a line for each rule, in the same order.
                Some(ledger) => cell(column, &ledger[at], columns),
                None => Cell::Unread,
            });
        let row = (*rule, cells.collect());
        match areas.last_mut().filter(|area| area.name == name) {
            Some(area) => area.rules.push(row),
            None => areas.push(Area {
                name,
                rules: vec![row],
            }),
        }
    }
    areas
}

fn cell(column: &Column, line: &RuleLine<'_>, columns: &[Column]) -> Cell {
    let id = line.rule.as_str();
    let roles: BTreeSet<&str> = column
        .report
        .iter()
        .flat_map(|report| &report.results)
        .map(|result| result.role.as_str())
        .collect();
    let key = |result: &'_ ResultLine| (result.id.clone(), result.role.clone());
    let own: BTreeSet<_> = line.results.iter().map(|result| key(result)).collect();
    let all: BTreeSet<_> = columns
        .iter()
        .filter_map(|other| other.report.as_ref().ok())
        .flat_map(|report| &report.results)
        .filter(|result| result.lists(id) && roles.contains(result.role.as_str()))
        .map(key)
        .collect();
    Cell::Found {
        standing: line.standing,
        broken: line
            .results
            .iter()
            .filter(|result| result.found_broken(id))
            .count(),
        results: line.results.len(),
        missing: all.difference(&own).count(),
    }
}

/// A case that is no plain pass in every column.
#[derive(Clone, Debug)]
pub struct CaseRow<'a> {
    /// Its id.
    pub id: &'a str,
    /// What it came to in each column, over each RPC protocol; none where a report lacks it or can't be read.
    pub cells: Vec<Vec<&'a ResultLine>>,
}

/// The cases that did not pass everywhere, were remarked on somewhere, or are missing somewhere.
pub fn cases(columns: &[Column]) -> Vec<CaseRow<'_>> {
    let reports = || {
        columns
            .iter()
            .filter_map(|column| column.report.as_ref().ok())
    };
    let ids: BTreeSet<&str> = reports()
        .flat_map(|report| report.results.iter().map(|result| result.id.as_str()))
        .collect();
    let row = |id| CaseRow {
        id,
        cells: columns
            .iter()
            .map(|column| match &column.report {
                Ok(report) => report
                    .results
                    .iter()
                    .filter(|result| result.id == id)
                    .collect(),
                Err(_) => Vec::new(),
            })
            .collect(),
    };
    let plain = |result: &&ResultLine| result.outcome == "passed" && result.findings.is_empty();
    ids.into_iter()
        .map(row)
        .filter(|row| {
            let read = row
                .cells
                .iter()
                .zip(columns)
                .filter(|(_, column)| column.report.is_ok());
            read.into_iter()
                .any(|(cell, _)| cell.is_empty() || !cell.iter().all(plain))
        })
        .collect()
}

/// The matrix in Markdown: areas, then every rule that does not hold or is not checked alike in all columns.
pub fn markdown(columns: &[Column]) -> String {
    let mut out = String::new();
    let row = |head: &str, cells: &mut dyn Iterator<Item = String>| {
        let cells: Vec<_> = cells.map(|cell| format!(" {cell} |")).collect();
        format!("| {head} |{}\n", cells.concat())
    };
    out.push_str(&row(
        "",
        &mut columns.iter().map(|column| {
            format!(
                "{} ({})",
                cell_text(column.name()),
                cell_text(&column.details())
            )
        }),
    ));
    // Writing to a string does not fail.
    let _ = writeln!(out, "|---|{}", "---|".repeat(columns.len()));
    for area in areas(columns) {
        let summaries = (0..columns.len()).map(|column| {
            let (standing, text) = area.summary(column);
            marked(standing, &text)
        });
        out.push_str(&row(
            &format!("**{}**", area.name),
            &mut summaries.into_iter(),
        ));
        for (rule, cells) in &area.rules {
            let told = cells.iter().any(|cell| match cell {
                Cell::Unread => false,
                Cell::Found {
                    standing, missing, ..
                } => {
                    *missing > 0
                        || matches!(
                            standing,
                            Standing::Broken | Standing::Warned | Standing::NotJudged
                        )
                }
            });
            if told {
                let cells = cells
                    .iter()
                    .map(|cell| marked(cell.standing(), &cell.text()));
                out.push_str(&row(rule.as_str(), &mut cells.into_iter()));
            }
        }
    }
    out
}

fn marked(standing: Option<Standing>, text: &str) -> String {
    match standing {
        Some(Standing::Broken | Standing::NotJudged) | None => format!("**{text}**"),
        _ => text.to_owned(),
    }
}

/// What a table's cell may not hold as it is.
fn cell_text(text: &str) -> String {
    super::markdown::escape(&shown(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;

    fn columns() -> Vec<Column> {
        let report = Report::of(&samples::run());
        let mut better = report.clone();
        better.target.label = Some("a peer 2.0".to_owned());
        better
            .results
            .retain(|result| result.id != "envelope/second");
        for result in &mut better.results {
            result.outcome = "passed".to_owned();
            result.findings.clear();
        }
        let column = |file: &str, report| Column {
            file: file.to_owned(),
            report,
        };
        vec![
            column("a.json", Ok(report)),
            column("b.json", Ok(better)),
            column("c.json", Err("schema 2".to_owned())),
        ]
    }

    fn cell(rule: RuleId, column: usize) -> Cell {
        let areas = areas(&columns());
        let found = areas
            .iter()
            .flat_map(|area| &area.rules)
            .find(|(id, _)| *id == rule);
        found.unwrap().1[column]
    }

    #[test]
    fn rule_then_each_report_says_its_own() {
        let rule = RuleId::EnvelopeReplayRefused;
        assert_eq!(cell(rule, 0).text(), "broken, 2 of 2");
        assert_eq!(cell(rule, 1).text(), "holds, 1; 1 missing");
        assert_eq!(cell(rule, 2), Cell::Unread);
        assert_eq!(cell(RuleId::ThrottleDelays, 0).text(), "not checked");
    }

    #[test]
    fn failure_that_a_list_expects_then_broken_all_the_same() {
        assert_eq!(
            cell(RuleId::WireInt64FullRange, 0).standing(),
            Some(Standing::Broken)
        );
    }

    #[test]
    fn run_that_played_nothing_then_not_read_and_says_why() {
        let mut report = Report::of(&samples::not_played());
        let checks = r#"[{"step": "url", "standing": "ok"}, {"step": "tcp", "standing": "failed", "seen": "refused"}]"#;
        let why = report.not_played.as_mut().unwrap();
        why.insert("checks".to_owned(), checks.parse().unwrap());
        let column = Column::of("d.json".to_owned(), Ok(report));
        assert_eq!(column.details(), "no case was played: tcp: refused");
        assert_eq!(column.name(), "d.json");
    }

    #[test]
    fn columns_of_one_name_then_their_files_tell_them_apart() {
        let mut columns = columns();
        columns[1].report = columns[0].report.clone();
        tell_apart(&mut columns);
        let names: Vec<&str> = columns.iter().map(Column::name).collect();
        let one = "a <peer> 1.0";
        assert_eq!(
            names,
            [
                format!("{one} (a.json)"),
                format!("{one} (b.json)"),
                "c.json".to_owned()
            ]
        );
    }

    #[test]
    fn missing_case_then_a_row_of_its_own() {
        let columns = columns();
        let cases = cases(&columns);
        let row = cases
            .iter()
            .find(|row| row.id == "envelope/second")
            .unwrap();
        assert_eq!(row.cells[0].len(), 1);
        assert!(row.cells[1].is_empty());
        assert!(
            cases.iter().all(|row| row.id != "envelope/gap"),
            "it passed wherever it was played"
        );
    }

    #[test]
    fn markdown_then_a_column_each_and_no_text_of_a_peer_breaks_it() {
        let mut columns = columns();
        columns[2].file = samples::HOSTILE.to_owned();
        let text = markdown(&columns);
        for line in text.lines() {
            assert_eq!(line.matches('|').count(), 5, "{line}");
        }
        assert!(text.contains("**broken, 2 of 2**"), "{text}");
        assert!(text.contains("not read"), "{text}");
        assert!(!text.contains("<script>"));
    }
}
