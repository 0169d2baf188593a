//! What is known of a peer's failures, and what that makes of the results: a failure that is listed stays visible and
//! fails nothing; one that does not come, comes in another way, or is listed beyond its day is red.

use crate::{
    report::{CaseResult, Outcome},
    rules::{Level, RuleId},
    scenario::{probes::is_probe, released::Released},
    target::known_failing::{Date, Entry, What},
};

use super::Job;

/// What a run expects of the results.
#[derive(Clone, Debug)]
pub struct Expectations {
    /// The failures that are known.
    pub entries: Vec<Entry>,
    /// The day it is.
    pub today: Date,
    /// The weakest rules whose breaking fails a case.
    pub held_to: Level,
    /// The ids that cases have had; none where new cases fail a run like all others.
    pub released: Option<&'static Released>,
}

impl Expectations {
    /// Nothing is known, and every case counts.
    pub fn none(held_to: Level) -> Expectations {
        Expectations {
            entries: Vec::new(),
            today: Date::at_unix(0),
            held_to,
            released: None,
        }
    }

    /// Makes of one play what the list says of it.
    pub fn fold(&self, result: &mut CaseResult) {
        match result.outcome {
            Outcome::Passed | Outcome::Failed => self.fold_judged(result),
            Outcome::Inconclusive => {
                let listed = self.about(result, false).filter(|entry| names_case(entry));
                let notes: Vec<_> = listed
                    .map(|entry| {
                        format!(
                            "{} says that it fails, but it could not be judged",
                            entry.location
                        )
                    })
                    .collect();
                notes.iter().for_each(|note| add_note(result, note));
            }
            _ => {}
        }
        self.spare_preview(result);
    }

    fn fold_judged(&self, result: &mut CaseResult) {
        let valid: Vec<&Entry> = self.about(result, false).collect();
        let broken = |entry: &Entry| {
            result
                .findings
                .iter()
                .any(|finding| entry.accounts_for(finding.rule))
        };
        let shown: Vec<&Entry> = valid
            .iter()
            .copied()
            .filter(|entry| broken(entry))
            .collect();
        let missing: Vec<&Entry> = valid
            .iter()
            .copied()
            .filter(|entry| names_case(entry) && !entry.flaky && !broken(entry))
            .collect();
        let unlisted: Vec<RuleId> = self
            .held_broken(result)
            .into_iter()
            .filter(|rule| !valid.iter().any(|entry| entry.accounts_for(*rule)))
            .collect();
        let expired: Vec<&Entry> = self
            .about(result, true)
            .filter(|entry| names_case(entry) || broken(entry))
            .collect();
        let mut notes = Vec::new();
        let mut outcome = result.outcome;
        if !unlisted.is_empty() {
            outcome = Outcome::Failed;
            notes.extend(valid.iter().filter(|entry| names_case(entry)).map(|entry| {
                format!(
                    "{} says that it fails{}, but it fails differently: {}",
                    entry.location,
                    by_rule(entry),
                    names(&unlisted)
                )
            }));
        } else if !missing.is_empty() {
            outcome = Outcome::UnexpectedPass;
        } else if !shown.is_empty() {
            outcome = Outcome::KnownFailing;
        } else if !expired.is_empty() && outcome == Outcome::Passed {
            outcome = Outcome::UnexpectedPass;
        }
        notes.extend(missing.iter().map(|entry| {
            format!(
                "{} says that it fails{}, and it does not: delete the entry",
                entry.location,
                by_rule(entry)
            )
        }));
        notes.extend(
            shown
                .iter()
                .map(|entry| format!("known to fail: {} ({})", entry.reason, entry.location)),
        );
        notes.extend(expired.iter().filter_map(|entry| {
            let day = entry.expires?;
            Some(format!(
                "{} counted until {day}: mend the peer, or give the entry another day",
                entry.location
            ))
        }));
        result.outcome = outcome;
        for note in notes {
            add_note(result, &note);
        }
    }

    /// The rules that a play found broken and that the run holds the peer to, each once.
    pub fn held_broken(&self, result: &CaseResult) -> Vec<RuleId> {
        let mut rules: Vec<_> = result
            .findings
            .iter()
            .map(|finding| finding.rule)
            // `Level` is ordered strongest first.
            .filter(|rule| rule.level() <= self.held_to)
            .collect();
        rules.sort();
        rules.dedup();
        rules
    }

    /// What a case comes to that came to one thing in `shown` and to others in its other plays.
    pub fn outcome_of_differing(&self, shown: &CaseResult, others: &[CaseResult]) -> Outcome {
        let is_listed = self.about(shown, false).any(|entry| entry.flaky);
        let as_listed = others
            .iter()
            .chain([shown])
            .all(|play| matches!(play.outcome, Outcome::Passed | Outcome::KnownFailing));
        match (is_listed && as_listed, self.is_preview(shown)) {
            (true, _) => Outcome::KnownFailing,
            (false, true) => Outcome::PreviewFailed,
            (false, false) => Outcome::Flaky,
        }
    }

    /// Looks at the whole: a rule that is listed as broken must be found broken by one of the cases that show it, where
    /// all of them were judged. The first of them says so if it is not.
    pub fn close(&self, mut results: Vec<CaseResult>, universe: &[Job]) -> Vec<CaseResult> {
        for entry in &self.entries {
            let What::Rule(rule) = entry.what else {
                continue;
            };
            let concerns = |id: &str, role, protocol, rules: &[RuleId]| {
                entry.is_about(id, role, protocol) && rules.contains(&rule)
            };
            let is_broken = results.iter().any(|result| {
                let findings = &result.findings;
                findings.iter().any(|finding| finding.rule == rule)
                    && entry.is_about(&result.scenario.id, result.scenario.role, result.protocol)
            });
            if is_broken || entry.flaky || entry.is_expired(self.today) {
                continue;
            }
            let asked = universe.iter().filter(|job| {
                let case = &job.scenario;
                concerns(&case.id, case.role, job.protocol, &case.rules)
            });
            let judged: Vec<usize> = (0..results.len())
                .filter(|at| {
                    let (case, result) = (&results[*at].scenario, &results[*at]);
                    concerns(&case.id, case.role, result.protocol, &case.rules)
                        && !matches!(result.outcome, Outcome::Skipped | Outcome::Inconclusive)
                })
                .collect();
            if asked.count() == judged.len()
                && let Some(first) = judged.first()
            {
                let result = &mut results[*first];
                if !result.outcome.is_red() {
                    result.outcome = Outcome::UnexpectedPass;
                }
                let note = format!(
                    "{} says that {rule} is broken, and no case finds it broken: delete the entry",
                    entry.location
                );
                add_note(result, &note);
            }
        }
        results
    }

    fn about<'a>(
        &'a self,
        result: &'a CaseResult,
        expired: bool,
    ) -> impl Iterator<Item = &'a Entry> {
        let scenario = &result.scenario;
        self.entries.iter().filter(move |entry| {
            entry.is_about(&scenario.id, scenario.role, result.protocol)
                && entry.is_expired(self.today) == expired
        })
    }

    fn is_preview(&self, result: &CaseResult) -> bool {
        let (released, id) = (self.released, &result.scenario.id);
        // What is wrong with a target file is no matter of the suite's version.
        released.is_some_and(|released| released.is_preview(id) && !is_probe(id))
    }

    /// A case that is new in this version fails no gate yet.
    fn spare_preview(&self, result: &mut CaseResult) {
        let failed = matches!(result.outcome, Outcome::Failed | Outcome::Inconclusive);
        if failed && self.is_preview(result) {
            result.outcome = Outcome::PreviewFailed;
            add_note(
                result,
                "new in this version of the suite, so it fails no run before the next one (--preview fail)",
            );
        }
    }
}

fn names_case(entry: &Entry) -> bool {
    matches!(entry.what, What::Case { .. })
}

fn by_rule(entry: &Entry) -> String {
    match &entry.what {
        What::Case {
            expect: Some(rule), ..
        } => format!(" by {rule}"),
        _ => String::new(),
    }
}

fn names(rules: &[RuleId]) -> String {
    let names: Vec<_> = rules.iter().map(|rule| rule.as_str()).collect();
    names.join(", ")
}

fn add_note(result: &mut CaseResult, note: &str) {
    match &mut result.reason {
        Some(reason) => {
            reason.push('\n');
            reason.push_str(note);
        }
        None => result.reason = Some(note.to_owned()),
    }
}

#[cfg(test)]
mod tests;
