//! The campaign itself: what to play next, and what was learnt from it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{
    coverage::{Coverage, Signature},
    dialogue::Dialogue,
    dice::Dice,
    finding::{Finding, Key},
    generate::Source,
    script::{Script, script},
    shrink::candidates,
};
use crate::{judge::Verdict, model::State, rules::RuleId, trace::Trace};

/// Plays that shrinking one finding may take.
const SHRINK_PLAYS_MAX: usize = 60;
/// The same where each play may cost a restart of the peer.
const FATAL_SHRINK_PLAYS_MAX: usize = 12;
/// Most dialogues that are kept to be changed; the oldest make room.
const CORPUS_LEN_MAX: usize = 4096;

/// Something to play.
#[derive(Clone, Debug)]
pub struct Task {
    /// A number of its own, from which its randomness follows.
    pub number: u64,
    /// What.
    pub dialogue: Dialogue,
    /// Nothing may be played beside it: it may end the peer.
    pub alone: bool,
    purpose: Purpose,
}

#[derive(Clone, Debug)]
enum Purpose {
    Explore,
    Shrink(Key),
    /// It was under way when the peer ended.
    Suspect,
}

/// What was learnt from one play.
#[derive(Clone, Debug, Default)]
pub struct Played {
    /// It showed something new: worth being kept.
    pub novel: bool,
    /// Findings that are new, or shorter than they were.
    pub found: Vec<Finding>,
    /// Findings that turned out to be others once they were shorter.
    pub dropped: Vec<Key>,
}

/// A campaign.
pub struct Campaign {
    dice: Dice,
    coverage: Coverage,
    corpus: Vec<Dialogue>,
    /// Dialogues of an earlier campaign that were not played yet in this one.
    replay: VecDeque<Dialogue>,
    suspects: VecDeque<Dialogue>,
    shrinking: BTreeMap<Key, Shrinking>,
    findings: BTreeMap<Key, Finding>,
    avoided: BTreeSet<String>,
    next_number: u64,
    played: u64,
}

struct Shrinking {
    candidates: VecDeque<Dialogue>,
    plays_left: usize,
}

impl Campaign {
    /// A campaign from a seed and the corpus of earlier ones.
    pub fn new(seed: u64, corpus: Vec<Dialogue>) -> Self {
        Campaign {
            dice: Dice::new(seed),
            coverage: Coverage::default(),
            corpus: Vec::new(),
            replay: corpus.into(),
            suspects: VecDeque::new(),
            shrinking: BTreeMap::new(),
            findings: BTreeMap::new(),
            avoided: BTreeSet::new(),
            next_number: 0,
            played: 0,
        }
    }

    /// What was visited.
    pub fn coverage(&self) -> &Coverage {
        &self.coverage
    }

    /// What was found, by key.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.findings.values()
    }

    /// Dialogues played.
    pub fn played_count(&self) -> u64 {
        self.played
    }

    /// Nothing is left that must be looked into before it is over: no suspect, and no finding that can be shrunk.
    pub fn is_settled(&self) -> bool {
        self.suspects.is_empty() && self.shrinking.is_empty()
    }

    /// What to play next: what may have ended the peer, then shorter forms of what was found, then the earlier corpus, then
    /// something new.
    pub fn next_task(&mut self) -> Task {
        let suspect = self
            .suspects
            .pop_front()
            .map(|dialogue| (dialogue, Purpose::Suspect, true));
        let (dialogue, purpose, alone) = suspect
            .or_else(|| self.next_candidate())
            .unwrap_or_else(|| (self.unseen(), Purpose::Explore, false));
        let number = self.next_number;
        self.next_number += 1;
        Task {
            number,
            dialogue,
            alone,
            purpose,
        }
    }

    fn next_candidate(&mut self) -> Option<(Dialogue, Purpose, bool)> {
        loop {
            let (key, shrinking) = self.shrinking.iter_mut().next()?;
            let key = key.clone();
            match shrinking.candidates.pop_front() {
                Some(dialogue) if shrinking.plays_left > 0 => {
                    shrinking.plays_left -= 1;
                    let fatal = self.findings.get(&key).is_some_and(|finding| finding.fatal);
                    return Some((dialogue, Purpose::Shrink(key), fatal));
                }
                _ => drop(self.shrinking.remove(&key)),
            }
        }
    }

    fn unseen(&mut self) -> Dialogue {
        if let Some(dialogue) = self.replay.pop_front() {
            return dialogue;
        }
        let source = Source {
            coverage: &self.coverage,
            avoided: &self.avoided,
        };
        // A walk may come to nothing, where all that it threw makes no sense.
        loop {
            let old = self.dice.one_of(&self.corpus).cloned();
            let other = self.dice.one_of(&self.corpus).cloned();
            let dialogue = match (old, other) {
                (Some(old), Some(other)) if !self.dice.once_in(2) => {
                    source.changed(&old, &other, &mut self.dice)
                }
                _ => source.fresh(&mut self.dice),
            };
            if !dialogue.turns.is_empty() {
                return dialogue;
            }
        }
    }

    /// A task was played and judged.
    pub fn played(
        &mut self,
        task: Task,
        script: &Script,
        trace: &Trace,
        verdict: &Verdict,
    ) -> Played {
        self.played += 1;
        let novel = self.coverage.add(&Signature::of(script, trace));
        if novel && matches!(task.purpose, Purpose::Explore) {
            if self.corpus.len() >= CORPUS_LEN_MAX {
                self.corpus.remove(0);
            }
            self.corpus.push(task.dialogue.clone());
        }
        let Verdict::Judged(told) = verdict else {
            return Played {
                novel,
                ..Played::default()
            };
        };
        let mut learnt = Played {
            novel,
            ..Played::default()
        };
        for told in told {
            let Some(key) = Key::of(script, told) else {
                continue;
            };
            let finding = Finding {
                key,
                dialogue: task.dialogue.clone(),
                told: told.clone(),
                fatal: false,
            };
            learnt.dropped.extend(self.rename(&finding, &task.purpose));
            learnt.found.extend(self.note(finding));
        }
        learnt
    }

    /// The peer ended while a task was played alone, or refused to answer behind it.
    pub fn ended_by(
        &mut self,
        task: &Task,
        script: &Script,
        told: crate::judge::Finding,
    ) -> Option<Finding> {
        self.played += 1;
        let (state, saying) = script.places.last()?.clone();
        let finding = Finding {
            key: Key {
                rule: RuleId::ResponderSurvives,
                state,
                saying: saying.clone(),
            },
            dialogue: task.dialogue.clone(),
            told,
            fatal: true,
        };
        // What is not the last turn may be to blame; that shows as the dialogue shrinks to it.
        if task.dialogue.turns.len() == 1 {
            self.avoided.insert(saying);
        }
        self.note(finding)
    }

    /// The peer ended while these were played side by side: each is to be played alone.
    pub fn suspect(&mut self, tasks: impl IntoIterator<Item = Task>) {
        self.suspects
            .extend(tasks.into_iter().map(|task| task.dialogue));
    }

    /// A shorter form of a finding shows in another state: it is known under that state from here on.
    fn rename(&mut self, finding: &Finding, purpose: &Purpose) -> Option<Key> {
        let Purpose::Shrink(key) = purpose else {
            return None;
        };
        if *key == finding.key || !key.is_like(&finding.key) {
            return None;
        }
        self.shrinking.remove(key);
        self.findings.remove(key).map(|_| key.clone())
    }

    /// Keeps a finding that is new, or a shorter dialogue of one that is known.
    fn note(&mut self, finding: Finding) -> Option<Finding> {
        let key = finding.key.clone();
        let is_shorter = |known: &Finding| weight(&finding.dialogue) < weight(&known.dialogue);
        if self
            .findings
            .get(&key)
            .is_some_and(|known| !is_shorter(known))
        {
            return None;
        }
        let plays = match finding.fatal {
            true => FATAL_SHRINK_PLAYS_MAX,
            false => SHRINK_PLAYS_MAX,
        };
        let plays_left = self
            .shrinking
            .get(&key)
            .map_or(plays, |shrinking| shrinking.plays_left);
        self.shrinking.insert(
            key.clone(),
            Shrinking {
                candidates: candidates(&finding.dialogue).into(),
                plays_left,
            },
        );
        self.findings.insert(key, finding.clone());
        Some(finding)
    }
}

/// How much there is to read: turns, then what they hold, then what shows them.
fn weight(dialogue: &Dialogue) -> (usize, usize, usize) {
    let begins_before = usize::from(dialogue.begin != super::dialogue::Begin::Established);
    let text = script(dialogue).map_or(usize::MAX, |script| script.file.to_string().len());
    (dialogue.turns.len(), begins_before, text)
}

impl Campaign {
    /// The states of the model that no dialogue was in.
    pub fn unvisited(&self) -> Vec<State> {
        let visited: BTreeSet<State> = self.coverage.iter().map(|(state, ..)| state).collect();
        let phases = State::PHASES.into_iter();
        phases
            .filter(|state| !matches!(state, State::Refused | State::Ended))
            .filter(|state| !visited.contains(state))
            .collect()
    }
}
