//! Several plays of a case told as one result: nothing of what differed is hidden.

use std::collections::BTreeMap;

use super::expectations::Expectations;
use crate::{
    report::{CaseResult, Outcome, Repeats},
    rules::RuleId,
};

/// One result for each case, role and protocol, in the order of ids.
pub fn merge(results: Vec<CaseResult>, expectations: &Expectations) -> Vec<CaseResult> {
    let mut by_case: BTreeMap<_, Vec<CaseResult>> = BTreeMap::new();
    for result in results {
        let scenario = &result.scenario;
        let key = (scenario.id.clone(), scenario.role, result.protocol);
        by_case.entry(key).or_default().push(result);
    }
    by_case
        .into_values()
        .filter_map(|plays| merge_case(plays, expectations))
        .collect()
}

fn merge_case(mut plays: Vec<CaseResult>, expectations: &Expectations) -> Option<CaseResult> {
    let count = plays.len();
    let not_passed = plays
        .iter()
        .filter(|play| play.outcome != Outcome::Passed)
        .count();
    let same = plays
        .windows(2)
        .all(|pair| came_to(&pair[0], expectations) == came_to(&pair[1], expectations));
    let tally = tally(&plays);
    // The first that did not pass says most.
    let shown = plays
        .iter()
        .position(|play| play.outcome != Outcome::Passed)
        .unwrap_or(0);
    let mut result = (count > 0).then(|| plays.swap_remove(shown))?;
    if count == 1 || result.outcome == Outcome::Skipped {
        return Some(result);
    }
    result.repeats = Some(Repeats {
        plays: count,
        not_passed,
    });
    if !same {
        result.outcome = expectations.outcome_of_differing(&result, &plays);
        let note = format!("differs from play to play: {tally}");
        result.reason = Some(match result.reason {
            Some(reason) => format!("{note}\n{reason}"),
            None => note,
        });
    }
    Some(result)
}

fn came_to(play: &CaseResult, expectations: &Expectations) -> (Outcome, Vec<RuleId>) {
    (play.outcome, expectations.held_broken(play))
}

fn tally(plays: &[CaseResult]) -> String {
    let mut counts: Vec<(Outcome, usize)> = Vec::new();
    for play in plays {
        match counts
            .iter_mut()
            .find(|(outcome, _)| *outcome == play.outcome)
        {
            Some((_, count)) => *count += 1,
            None => counts.push((play.outcome, 1)),
        }
    }
    let counts: Vec<_> = counts
        .iter()
        .map(|(outcome, count)| format!("{} in {count} of {}", outcome.name(), plays.len()))
        .collect();
    counts.join(", ")
}
