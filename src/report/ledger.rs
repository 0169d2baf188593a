//! The rules of the ledger, each with what a run found out about it. Nothing is judged here: findings and outcomes are
//! sorted by rule.

use super::json::{Report, ResultLine};
use crate::rules::{ALL, RuleId};

/// What a run found out about a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// A case that did not pass found it broken; whether that fails the run depends on lists and levels.
    Broken,
    /// Cases that passed found it broken beside their claim, or it is of a level that the peer is not held to.
    Warned,
    /// A case was to check it, and could not, or failed over another rule first.
    NotJudged,
    /// Cases checked it, and it held.
    Holds,
    /// No case was played for it.
    NotChecked,
}

impl Standing {
    /// The words used in reports.
    pub fn name(self) -> &'static str {
        match self {
            Standing::Broken => "broken",
            Standing::Warned => "warning",
            Standing::NotJudged => "not judged",
            Standing::Holds => "holds",
            Standing::NotChecked => "not checked",
        }
    }
}

/// One rule.
#[derive(Clone, Debug)]
pub struct RuleLine<'a> {
    /// The rule.
    pub rule: RuleId,
    /// What was found out.
    pub standing: Standing,
    /// The results that list it or found it broken.
    pub results: Vec<&'a ResultLine>,
}

/// Every rule, in the ledger's order.
pub fn lines(report: &Report) -> Vec<RuleLine<'_>> {
    let line = |rule: &RuleId| {
        let id = rule.as_str();
        let about = |result: &&ResultLine| result.lists(id) || result.found_broken(id);
        let results: Vec<_> = report.results.iter().filter(about).collect();
        let standings = results.iter().map(|result| standing(result, id));
        RuleLine {
            rule: *rule,
            standing: standings.min().unwrap_or(Standing::NotChecked),
            results,
        }
    };
    ALL.iter().map(line).collect()
}

/// What one result says of a rule that it lists or found broken. The worst that any says stands.
fn standing(result: &ResultLine, rule: &str) -> Standing {
    match (result.found_broken(rule), result.outcome.as_str()) {
        (true, "passed") => Standing::Warned,
        (true, _) => Standing::Broken,
        (false, "passed" | "unexpected-pass") => Standing::Holds,
        (false, "skipped") => Standing::NotChecked,
        (false, _) => Standing::NotJudged,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;

    fn standing_of(rule: &str) -> Standing {
        let report = Report::of(&samples::run());
        let found = lines(&report);
        let line = found.iter().find(|line| line.rule.as_str() == rule);
        line.unwrap().standing
    }

    #[test]
    fn results_then_the_worst_stands() {
        assert_eq!(standing_of("envelope.replay-refused"), Standing::Broken);
        assert_eq!(standing_of("close.other-code"), Standing::Warned);
        assert_eq!(standing_of("handshake.version-3"), Standing::NotJudged);
        assert_eq!(standing_of("envelope.gap-refused"), Standing::NotJudged);
        assert_eq!(standing_of("envelope.nonce-length"), Standing::Holds);
        assert_eq!(standing_of("throttle.delays"), Standing::NotChecked);
        assert_eq!(standing_of("logs.chunks"), Standing::NotChecked);
    }
}
