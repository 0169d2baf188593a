//! What a campaign found, once for each rule, state and saying.

use std::fmt;

use super::{dialogue::Dialogue, script::Script};
use crate::{judge, model::State, rules::RuleId};

/// What makes two findings one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The broken rule.
    pub rule: RuleId,
    /// Where the stream stood.
    pub state: State,
    /// What was said there.
    pub saying: String,
}

/// A broken rule, and the shortest dialogue known to show it.
#[derive(Clone, Debug)]
pub struct Finding {
    /// What it is.
    pub key: Key,
    /// What shows it.
    pub dialogue: Dialogue,
    /// What had to happen, and what happened.
    pub told: judge::Finding,
    /// The process ended.
    pub fatal: bool,
}

impl Key {
    /// The key of what the judge found in a script; of what was noticed beside its steps, the last turn's.
    pub fn of(script: &Script, found: &judge::Finding) -> Option<Key> {
        let turn = found.step.and_then(|step| script.turn_of(step));
        let (state, saying) = match turn {
            Some(turn) => script.places.get(turn)?,
            None => script.places.last()?,
        };
        Some(Key {
            rule: found.rule,
            state: *state,
            saying: saying.clone(),
        })
    }

    /// The same defect, as far as can be told: it may show in another state once the dialogue is shorter.
    pub fn is_like(&self, other: &Key) -> bool {
        self.rule == other.rule && self.saying == other.saying
    }

    /// Name of the file it is saved in, without an ending: lower-case words joined by `-`.
    pub fn file_name(&self) -> String {
        let text = format!("{}-in-{}-by-{}", self.rule, self.state.name(), self.saying);
        let words = text.split(|c: char| !c.is_ascii_alphanumeric());
        let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
        words.join("-").to_ascii_lowercase()
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}, {} in state {}",
            self.rule,
            self.saying,
            self.state.name()
        )
    }
}
