//! What a campaign has visited: states, what was said in them, and what came of it.

use std::{
    collections::{BTreeMap, HashSet},
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

use super::script::Script;
use crate::{
    model::State,
    trace::{End, EventKind, Trace},
    wire::{Action, SyncStreamItem},
};

/// What was visited, and how often.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    /// State and saying, with each outcome.
    visited: BTreeMap<(State, String), BTreeMap<String, u64>>,
    /// Two turns in a row with their outcomes.
    pairs: HashSet<u64>,
}

/// What came of each turn of one dialogue, in words.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Signature(pub Vec<(State, String, String)>);

impl Signature {
    /// Reads it off a trace.
    pub fn of(script: &Script, trace: &Trace) -> Self {
        let turns = script.places.iter().enumerate();
        Signature(
            turns
                .map(|(turn, (state, name))| (*state, name.clone(), outcome(script, trace, turn)))
                .collect(),
        )
    }
}

fn outcome(script: &Script, trace: &Trace, turn: usize) -> String {
    let mut seen: Vec<String> = Vec::new();
    let of_turn = |step: usize| script.turn_of_step.get(step) == Some(&Some(turn));
    for event in trace.events.iter().filter(|event| of_turn(event.step)) {
        let word = match &event.kind {
            EventKind::Received { item, .. } if comes_by_itself(item) => continue,
            EventKind::Received { item, .. } => item.describe().to_owned(),
            EventKind::Broke(violation) => format!("broke {}", violation.rule),
            EventKind::Ended(End::Status { code, .. }) => format!("ended {code}"),
            EventKind::Ended(_) => "ended without a status".to_owned(),
            EventKind::DeadlinePassed { .. } => "nothing in time".to_owned(),
            EventKind::NotOpened(_) => "not opened".to_owned(),
            EventKind::Clear(_) => "in the clear".to_owned(),
            _ => continue,
        };
        if !seen.contains(&word) {
            seen.push(word);
        }
    }
    match seen.is_empty() {
        true => "silence".to_owned(),
        false => seen.join(", "),
    }
}

/// What a host sends whenever it likes: it says nothing of the turn that it comes in.
fn comes_by_itself(item: &SyncStreamItem) -> bool {
    matches!(
        item.action,
        Some(
            Action::Heartbeat(_)
                | Action::ReceiveConfig(_)
                | Action::ReceiveResources(_)
                | Action::SetConfig(_)
        )
    )
}

impl Coverage {
    /// Takes a dialogue in; says whether anything of it is new.
    pub fn add(&mut self, signature: &Signature) -> bool {
        let mut is_new = false;
        let mut before: Option<&(State, String, String)> = None;
        for turn in &signature.0 {
            let (state, name, outcome) = turn;
            let outcomes = self.visited.entry((*state, name.clone())).or_default();
            let count = outcomes.entry(outcome.clone()).or_default();
            *count += 1;
            is_new |= *count == 1;
            let mut hasher = DefaultHasher::new();
            (before, turn).hash(&mut hasher);
            is_new |= self.pairs.insert(hasher.finish());
            before = Some(turn);
        }
        is_new
    }

    /// How often this was said in this state.
    pub fn said(&self, state: State, name: &str) -> u64 {
        let outcomes = self.visited.get(&(state, name.to_owned()));
        outcomes.map_or(0, |outcomes| outcomes.values().sum())
    }

    /// States that were visited.
    pub fn states(&self) -> usize {
        let mut states: Vec<&State> = self.visited.keys().map(|(state, _)| state).collect();
        states.dedup();
        states.len()
    }

    /// Transitions that were visited: a state, what was said, what came of it.
    pub fn transitions(&self) -> usize {
        self.visited.values().map(BTreeMap::len).sum()
    }

    /// All of them, with their counts.
    pub fn iter(&self) -> impl Iterator<Item = (State, &str, &str, u64)> {
        self.visited.iter().flat_map(|((state, name), outcomes)| {
            outcomes
                .iter()
                .map(|(outcome, count)| (*state, name.as_str(), outcome.as_str(), *count))
        })
    }
}
