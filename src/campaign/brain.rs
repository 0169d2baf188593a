//! The campaign itself: what to play next, and what was learnt from it.

use std::collections::{BTreeMap, BTreeSet, VecDeque, btree_map::Entry};

use super::{
    coverage::{Coverage, Signature},
    dialogue::Dialogue,
    dice::Dice,
    doubt::{Doubt, needs_session},
    finding::{Finding, Key},
    generate::Source,
    script::{Script, script},
    shrink::candidates,
};
use crate::{
    judge::{self, Verdict},
    model::State,
    trace::Trace,
};

/// Plays that shrinking one finding may take.
const SHRINK_PLAYS_MAX: usize = 60;
/// The same where each play may cost a restart of the peer.
const FATAL_SHRINK_PLAYS_MAX: usize = 12;
/// The saying of a finding that no replay shows.
const UNREPEATED: &str = "something-once";
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
    /// The lane that it must be played in, if any will not do.
    pub lane: Option<usize>,
    purpose: Purpose,
}

#[derive(Clone, Debug)]
enum Purpose {
    Explore,
    Shrink(Key),
    Settle(Doubt),
}

impl Purpose {
    /// The finding that this may be a shorter form of.
    fn shrinks(&self) -> Option<&Key> {
        match self {
            Purpose::Shrink(key) => Some(key),
            Purpose::Settle(Doubt::Fatal { shrinks, .. } | Doubt::Undecided { shrinks, .. }) => {
                shrinks.as_ref()
            }
            _ => None,
        }
    }
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
    doubts: VecDeque<Doubt>,
    /// Lanes in which a session came up.
    served: BTreeSet<usize>,
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
            doubts: VecDeque::new(),
            served: BTreeSet::new(),
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

    /// Nothing is left that must be looked into before it is over: no doubt, and no finding that can be shrunk.
    pub fn is_settled(&self) -> bool {
        self.doubts.is_empty() && self.shrinking.is_empty()
    }

    /// What to play next: what settles a doubt, then shorter forms of what was found, then the earlier corpus, then
    /// something new.
    pub fn next_task(&mut self) -> Task {
        let doubt = self.doubts.pop_front();
        let lane = doubt.as_ref().and_then(Doubt::lane);
        let settle = |doubt: Doubt| {
            let alone = doubt.is_alone();
            (doubt.dialogue(), Purpose::Settle(doubt), alone)
        };
        let (dialogue, purpose, alone) = doubt
            .map(settle)
            .or_else(|| self.next_candidate())
            .unwrap_or_else(|| (self.unseen(), Purpose::Explore, false));
        let number = self.next_number;
        self.next_number += 1;
        Task {
            number,
            dialogue,
            alone,
            lane,
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

    /// A task was played in a lane and judged.
    pub fn played(
        &mut self,
        task: Task,
        lane: usize,
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
        let mut learnt = Played {
            novel,
            ..Played::default()
        };
        match verdict {
            Verdict::Judged(told) => {
                if needs_session(&task.dialogue) {
                    self.served.insert(lane);
                }
                for told in told {
                    self.take(&task, script, told, &mut learnt);
                }
            }
            // A beginning that fails says nothing of the dialogue; but sessions came up here, and one must again.
            Verdict::Inconclusive { .. } => {
                let doubted = self
                    .doubts
                    .iter()
                    .any(|doubt| matches!(doubt, Doubt::Silent { .. }));
                if self.served.contains(&lane) && !doubted {
                    self.doubts.push_back(Doubt::Silent { lane });
                }
            }
        }
        let is_clean = !matches!(verdict, Verdict::Judged(told) if !told.is_empty());
        if let Purpose::Settle(doubt) = task.purpose {
            self.went_on(doubt, is_clean, &mut learnt);
        }
        learnt
    }

    /// One broken rule of a play: a finding, or a doubt.
    fn take(&mut self, task: &Task, script: &Script, told: &judge::Finding, learnt: &mut Played) {
        let Some(key) = Key::of(script, told) else {
            return;
        };
        let turn = told.step.and_then(|step| script.turn_of(step));
        let shrinks = task.purpose.shrinks().cloned();
        let finding = Finding {
            key,
            dialogue: task.dialogue.clone(),
            told: told.clone(),
            fatal: false,
        };
        let doubtful = turn.filter(|turn| script.is_undecided_before(*turn));
        if let Some(turn) = doubtful {
            let finding = Finding {
                dialogue: task.dialogue.prefix(turn + 1),
                ..finding
            };
            // A look forgets operations that were held, and may leave a later turn without a sense.
            let can_be_shown = super::script::script(&finding.dialogue.clone().shown()).is_some();
            if !can_be_shown {
                learnt.found.extend(self.note(finding));
            } else if self.is_news(&finding) {
                self.doubts.push_back(Doubt::Undecided {
                    finding: Box::new(finding),
                    shrinks,
                });
            }
            return;
        }
        learnt.dropped.extend(self.rename(&finding, shrinks));
        learnt.found.extend(self.note(finding));
    }

    /// What was played for a doubt did not end the peer.
    fn went_on(&mut self, doubt: Doubt, is_clean: bool, learnt: &mut Played) {
        match doubt {
            Doubt::Undecided { finding, shrinks } if is_clean => {
                learnt.dropped.extend(self.rename(&finding, shrinks));
                learnt.found.extend(self.note(*finding));
            }
            Doubt::Fatal {
                dialogue,
                told,
                turns,
                shrinks,
            } if turns < dialogue.turns.len() => self.doubts.push_front(Doubt::Fatal {
                dialogue,
                told,
                turns: turns + 1,
                shrinks,
            }),
            // It happened once, which nobody may pass over, and no turn is to blame that is known.
            Doubt::Fatal {
                dialogue,
                mut told,
                shrinks: None,
                ..
            } => {
                told.seen.push_str("; played again alone it goes on");
                let key = Key {
                    rule: told.rule,
                    state: super::position::Position::at(dialogue.begin).state,
                    saying: UNREPEATED.to_owned(),
                };
                if let Entry::Vacant(vacant) = self.findings.entry(key) {
                    let finding = Finding {
                        key: vacant.key().clone(),
                        dialogue,
                        told,
                        fatal: true,
                    };
                    learnt.found.push(vacant.insert(finding).clone());
                }
            }
            _ => {}
        }
    }

    /// The peer ended while a task was played, and no other. It is a finding once a replay alone says which turn did it.
    pub fn ended_by(
        &mut self,
        task: &Task,
        script: &Script,
        told: judge::Finding,
    ) -> Option<Finding> {
        self.played += 1;
        let shrinks = task.purpose.shrinks().cloned();
        let turns = task.dialogue.turns.len();
        let is_attributed = matches!(task.purpose, Purpose::Settle(Doubt::Fatal { .. }));
        if !task.alone || (turns > 1 && !is_attributed) {
            self.doubts.push_back(Doubt::Fatal {
                dialogue: task.dialogue.clone(),
                told,
                turns: 1,
                shrinks,
            });
            return None;
        }
        let (state, saying) = script.places.last()?.clone();
        if turns == 1 {
            self.avoided.insert(saying.clone());
        }
        self.note(Finding {
            key: Key {
                rule: told.rule,
                state,
                saying,
            },
            dialogue: task.dialogue.clone(),
            told,
            fatal: true,
        })
    }

    /// The peer ended while these were played side by side: each is to be played alone.
    pub fn suspect(&mut self, tasks: impl IntoIterator<Item = Task>) {
        let suspects = tasks.into_iter().map(|task| Doubt::Suspect(task.dialogue));
        self.doubts.extend(suspects);
    }

    /// A shorter form of a finding shows in another state: it is known under that state from here on.
    fn rename(&mut self, finding: &Finding, shrinks: Option<Key>) -> Option<Key> {
        let key = shrinks.filter(|key| *key != finding.key && key.is_like(&finding.key))?;
        self.shrinking.remove(&key);
        self.findings.remove(&key).map(|_| key)
    }

    /// Whether a finding is new, or shorter than it was.
    fn is_news(&self, finding: &Finding) -> bool {
        let known = self.findings.get(&finding.key);
        known.is_none_or(|known| weight(&finding.dialogue) < weight(&known.dialogue))
    }

    /// Keeps a finding that is new, or a shorter dialogue of one that is known.
    fn note(&mut self, finding: Finding) -> Option<Finding> {
        let key = finding.key.clone();
        if !self.is_news(&finding) {
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
