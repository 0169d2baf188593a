//! The hunts for each defect, one for each seed, and the table that is made of them.

use std::{fmt::Write as _, time::Duration};

use super::hunt::Hunted;
use crate::{lapses::Defect, wire::Role};

/// All hunts for one defect.
#[derive(Clone, Debug)]
pub struct Hunts {
    /// What the peer got wrong; none for the honest one, on which nothing may be found.
    pub defect: Option<Defect>,
    /// The role of that peer.
    pub role: Role,
    /// One for each seed.
    pub runs: Vec<Hunted>,
}

impl Hunts {
    /// How many of them found it.
    pub fn found(&self) -> usize {
        self.runs.iter().filter(|run| run.found.is_some()).count()
    }

    /// More than half of them found it.
    pub fn is_found(&self) -> bool {
        self.found() * 2 > self.runs.len()
    }

    /// The hunt in the middle, by time, where those that found nothing come last.
    fn median(&self) -> Option<&Hunted> {
        let mut runs: Vec<&Hunted> = self.runs.iter().collect();
        runs.sort_by_key(|run| (run.found.is_none(), run.took));
        let middle = runs.len().checked_sub(1)? / 2;
        runs.get(middle).copied()
    }

    /// Its row of a table that begins with [`COLUMNS`]; the honest one has none.
    pub fn row(&self) -> Option<String> {
        let (defect, median) = (self.defect?, self.median()?);
        let (by, after) = match &median.found {
            None => ("-", "-".to_owned()),
            Some(found) => (
                found.by.as_str(),
                format!("{:.1} s", median.took.as_secs_f64()),
            ),
        };
        Some(format!(
            "| `{}` | {} | `{}` | {by} | {} of {} | {after} |",
            defect.lapse.id(),
            defect.role,
            defect.lapse.rule(),
            self.found(),
            self.runs.len(),
        ))
    }
}

/// The columns of [`Hunts::row`].
pub const COLUMNS: &str = "| defect | role | rule | found by | runs | after |";
/// What stands under them.
pub const UNDER_COLUMNS: &str = "|---|---|---|---|---|---|";

/// How many of the defects were found, and how soon half of them.
pub fn summary(rows: &[Hunts], time: Duration) -> String {
    let hunted: Vec<&Hunts> = rows.iter().filter(|row| row.defect.is_some()).collect();
    let mut times: Vec<Duration> = hunted
        .iter()
        .filter(|row| row.is_found())
        .filter_map(|row| row.median())
        .map(|median| median.took)
        .collect();
    times.sort();
    let half = times.get(times.len() / 2).copied().unwrap_or_default();
    format!(
        "{} of {} found within {} s each, half of them within {:.1} s.",
        times.len(),
        hunted.len(),
        time.as_secs(),
        half.as_secs_f64()
    )
}

/// The table of what the campaign found, with the dialogues of the run in the middle.
pub fn table(rows: &[Hunts], time: Duration) -> String {
    let mut text = format!("{COLUMNS} dialogues |\n{UNDER_COLUMNS}---|\n");
    for row in rows {
        if let (Some(columns), Some(median)) = (row.row(), row.median()) {
            // Writing to a text does not fail.
            let _ = writeln!(text, "{columns} {} |", median.plays);
        }
    }
    let _ = writeln!(text, "\n{}", summary(rows, time));
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{lapses::Lapse, selftest::hunt::Found};

    fn run(found: bool, seconds: u64) -> Hunted {
        Hunted {
            found: found.then(|| Found {
                by: "a rule".to_owned(),
                key: "key".to_owned(),
                told: "told".to_owned(),
            }),
            took: Duration::from_secs(seconds),
            plays: seconds * 10,
        }
    }

    fn hunts(runs: Vec<Hunted>) -> Hunts {
        Hunts {
            defect: Some(Defect {
                lapse: Lapse::GapAccepted,
                role: Role::Responder,
            }),
            role: Role::Responder,
            runs,
        }
    }

    #[test]
    fn found_by_most_then_the_time_of_the_middle() {
        let rows = [hunts(vec![run(false, 1), run(true, 9), run(true, 3)])];
        let text = table(&rows, Duration::from_secs(20));
        assert!(text.contains("| a rule | 2 of 3 | 9.0 s | 90 |"), "{text}");
        assert!(text.contains("1 of 1 found within 20 s each"), "{text}");
    }

    #[test]
    fn found_by_less_than_most_then_not_found() {
        let rows = [hunts(vec![run(true, 1), run(false, 20), run(false, 20)])];
        let text = table(&rows, Duration::from_secs(20));
        assert!(text.contains("| - | 1 of 3 | - | 200 |"), "{text}");
        assert!(text.contains("0 of 1 found"), "{text}");
    }
}
