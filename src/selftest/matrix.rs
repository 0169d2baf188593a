//! Defects against cases: what caught what, counted and told.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use serde_json::{Value, json};

use super::{Challenged, SelfTest, survivors};
use crate::{lapses::Defect, rules::Level};

/// Version of the layout of [`json`].
const SCHEMA: u32 = 1;
/// Cases named in a row of the printed matrix.
const CASES_SHOWN: usize = 2;

/// Each defect and what caught it.
#[derive(Debug)]
pub struct Matrix {
    rows: Vec<Challenged>,
    /// Whether every case was played against every defect.
    full: bool,
}

impl Matrix {
    pub(super) fn new(rows: Vec<Challenged>, full: bool) -> Self {
        Matrix { rows, full }
    }

    /// The single defect of each row.
    fn rows(&self) -> impl Iterator<Item = (Defect, &Challenged)> {
        self.rows
            .iter()
            .filter_map(|row| Some((*row.defects.first()?, row)))
    }

    /// Defects challenged.
    pub fn defects(&self) -> usize {
        self.rows.len()
    }

    /// Those that something caught.
    pub fn killed(&self) -> usize {
        self.rows.iter().filter(|row| row.is_caught()).count()
    }

    /// Share of the defects that something caught, in percent; nothing challenged is nothing caught.
    pub fn score(&self) -> f64 {
        match self.defects() {
            0 => 0.0,
            defects => 100.0 * self.killed() as f64 / defects as f64,
        }
    }

    /// What nothing caught, with the reason where there is one.
    pub fn survivors(&self) -> impl Iterator<Item = (Defect, Option<&'static str>)> {
        self.rows()
            .filter(|(_, row)| !row.is_caught())
            .map(|(defect, _)| (defect, survivors::reason(defect)))
    }

    /// Defects that break a `must` rule, that nothing caught, and that nothing excuses.
    pub fn unexcused(&self) -> impl Iterator<Item = Defect> {
        self.survivors()
            .filter(|(defect, reason)| {
                reason.is_none() && defect.lapse.rule().level() == Level::Must
            })
            .map(|(defect, _)| defect)
    }

    /// For each case that catches something, whether it is the only one for any defect.
    fn by_case(&self) -> BTreeMap<&str, bool> {
        let mut cases = BTreeMap::new();
        for row in &self.rows {
            let killers = row.cases();
            let is_only = killers.len() == 1;
            for case in killers {
                *cases.entry(case).or_insert(false) |= is_only;
            }
        }
        cases
    }
}

/// Tells of one row as it comes.
///
/// # Errors
/// Those of the writer.
pub fn print_row(out: &mut dyn Write, row: &Challenged) -> io::Result<()> {
    let Some(defect) = row.defects.first() else {
        return Ok(());
    };
    let verdict = if row.is_caught() {
        "caught  "
    } else {
        "SURVIVES"
    };
    write!(out, "{verdict} {:<9} {}", defect.role, defect.lapse.id())?;
    let cases = row.cases();
    let shown: Vec<&str> = cases.iter().take(CASES_SHOWN).copied().collect();
    if row.is_caught() {
        write!(out, "  <- {}", shown.join(", "))?;
    }
    match cases.len().saturating_sub(CASES_SHOWN) {
        0 => writeln!(out),
        more => writeln!(out, " and {more} more"),
    }
}

/// Tells on a console what the rows come to.
///
/// # Errors
/// Those of the writer.
pub fn print(out: &mut dyn Write, test: &SelfTest) -> io::Result<()> {
    let matrix = &test.matrix;
    let list = |out: &mut dyn Write, title: &str, lines: Vec<String>| -> io::Result<()> {
        if !lines.is_empty() {
            writeln!(out, "\n{title}: {}", lines.len())?;
            lines
                .iter()
                .try_for_each(|line| writeln!(out, "  {line}"))?;
        }
        Ok(())
    };
    let name = |defect: Defect| format!("{} ({})", defect.lapse.id(), defect.role);
    list(
        out,
        "seen under another rule only",
        matrix
            .rows()
            .filter(|(defect, row)| {
                row.is_caught() && !row.seen_under().contains(&defect.lapse.rule())
            })
            .map(|(defect, row)| {
                let seen: Vec<_> = row.seen_under().iter().map(|rule| rule.as_str()).collect();
                format!(
                    "{} breaks {}, seen under {}",
                    name(defect),
                    defect.lapse.rule(),
                    seen.join(", ")
                )
            })
            .collect(),
    )?;
    // Where cases are spared once a defect is caught, none of this can be known.
    if matrix.full {
        list(
            out,
            "too coarse: every case fails; split it",
            matrix
                .rows()
                .filter(|(_, row)| row.is_coarse())
                .map(|(defect, _)| name(defect))
                .collect(),
        )?;
        list(
            out,
            "caught by one case only",
            matrix
                .rows()
                .filter(|(_, row)| row.cases().len() == 1)
                .map(|(defect, row)| {
                    let case = row.cases().first().copied().unwrap_or_default().to_owned();
                    format!("{} <- {case}", name(defect))
                })
                .collect(),
        )?;
        let spare: Vec<_> = matrix
            .by_case()
            .into_iter()
            .filter(|(_, is_only)| !is_only)
            .map(|(case, _)| case.to_owned())
            .collect();
        list(out, "cases that catch nothing that others do not", spare)?;
    }
    list(
        out,
        "not green on the honest reference, and so of no account",
        test.not_green
            .iter()
            .map(|result| {
                let scenario = &result.scenario;
                format!("{} ({}, {})", scenario.id, scenario.role, result.protocol)
            })
            .collect(),
    )?;
    list(
        out,
        "survivors",
        matrix
            .survivors()
            .map(|(defect, reason)| {
                let rule = defect.lapse.rule();
                format!(
                    "{} breaks {rule} ({}): {}",
                    name(defect),
                    rule.level().name(),
                    reason.unwrap_or("no case catches it")
                )
            })
            .collect(),
    )?;
    list(
        out,
        "pairs that hide each other",
        test.pairs
            .iter()
            .filter(|pair| !pair.caught)
            .map(|pair| {
                let ids: Vec<_> = pair
                    .defects
                    .iter()
                    .map(|defect| defect.lapse.id())
                    .collect();
                ids.join(" + ")
            })
            .collect(),
    )?;
    if !test.pairs.is_empty() {
        let caught = test.pairs.iter().filter(|pair| pair.caught).count();
        writeln!(out, "\n{caught} of {} pairs caught", test.pairs.len())?;
    }
    writeln!(
        out,
        "\n{} of {} defects caught: {:.1} %, in {:.0} s",
        matrix.killed(),
        matrix.defects(),
        matrix.score(),
        test.duration.as_secs_f64()
    )
}

/// It for programs: `{"schema", "summary", "defects", "pairs"}`.
pub fn json(test: &SelfTest) -> Value {
    let matrix = &test.matrix;
    json!({
        "schema": SCHEMA,
        "summary": {
            "defects": matrix.defects(),
            "killed": matrix.killed(),
            "survived": matrix.defects() - matrix.killed(),
            "score": (matrix.score() * 10.0).round() / 10.0,
            "full": matrix.full,
            "duration_s": test.duration.as_secs_f64(),
        },
        "defects": matrix.rows().map(|(defect, row)| json!({
            "id": defect.lapse.id(),
            "about": defect.lapse.doc(),
            "rule": defect.lapse.rule(),
            "level": defect.lapse.rule().level().name(),
            "role": defect.role,
            "killed_by": row.cases(),
            "seen_under": row.seen_under(),
            "reason": survivors::reason(defect).filter(|_| !row.is_caught()),
            "passed": row.passed,
            "played": row.played,
            "duration_s": row.duration.as_secs_f64(),
            "unjudged": row.unjudged,
        })).collect::<Vec<_>>(),
        "pairs": test.pairs.iter().map(|pair| json!({
            "ids": pair.defects.iter().map(|defect| defect.lapse.id()).collect::<Vec<_>>(),
            "caught": pair.caught,
        })).collect::<Vec<_>>(),
    })
}

/// Ids that occur more than once would make `--only` ambiguous.
#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::lapses::{ALL, defects};

    #[test]
    fn every_id_then_unique_and_its_rule_binds_its_role() {
        let ids: BTreeSet<_> = ALL.iter().map(|lapse| lapse.id()).collect();
        assert_eq!(ids.len(), ALL.len());
        assert!(defects().count() > ids.len());
    }
}
