//! Shorter dialogues that may show the same.

use std::collections::BTreeSet;

use super::{
    dialogue::{Begin, Dialogue, Saying, Turn},
    generate::mended,
};

/// Simpler dialogues than this one, the boldest cuts first. Each makes sense by itself.
pub fn candidates(dialogue: &Dialogue) -> Vec<Dialogue> {
    let turns = &dialogue.turns;
    let mut found = Vec::new();
    let mut propose = |turns: Vec<Turn>| {
        found.push(Dialogue {
            begin: dialogue.begin,
            turns,
        });
    };
    if let Some((last, before)) = turns.split_last().filter(|(_, before)| !before.is_empty()) {
        propose(vec![last.clone()]);
        let half = before.len() / 2;
        propose([&before[half..], std::slice::from_ref(last)].concat());
        propose([&before[..half], std::slice::from_ref(last)].concat());
    }
    for at in 0..turns.len() {
        let mut fewer = turns.clone();
        fewer.remove(at);
        propose(fewer);
    }
    for (at, turn) in turns.iter().enumerate() {
        for say in simpler(&turn.say) {
            let mut changed = turns.clone();
            changed[at].say = say;
            propose(changed);
        }
    }
    if dialogue.begin != Begin::Established {
        found.push(Dialogue {
            begin: Begin::Established,
            turns: turns.clone(),
        });
    }
    let mut known = vec![dialogue.clone()];
    found
        .into_iter()
        .map(|candidate| mended(candidate, &BTreeSet::new()))
        .filter(|candidate| {
            let is_new = !candidate.turns.is_empty() && !known.contains(candidate);
            if is_new {
                known.push(candidate.clone());
            }
            is_new
        })
        .collect()
}

fn simpler(say: &Saying) -> Vec<Saying> {
    let without_each = |count: usize| (0..count).filter(move |_| count > 1);
    match say {
        Saying::Oddly(message, _) => vec![Saying::Message(*message)],
        Saying::Manifest(listed) => without_each(listed.len())
            .map(|at| {
                let mut fewer = listed.clone();
                fewer.remove(at);
                Saying::Manifest(fewer)
            })
            .collect(),
        Saying::Store {
            created,
            operations,
        } => without_each(operations.len())
            .map(|at| {
                let mut fewer = operations.clone();
                fewer.remove(at);
                Saying::Store {
                    created: *created,
                    operations: fewer,
                }
            })
            .collect(),
        Saying::Delete(ids) => without_each(ids.len())
            .map(|at| {
                let mut fewer = ids.clone();
                fewer.remove(at);
                Saying::Delete(fewer)
            })
            .collect(),
        _ => Vec::new(),
    }
}
