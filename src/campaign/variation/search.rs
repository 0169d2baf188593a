//! What to vary next, and what was learnt from it.

use std::{
    collections::{BTreeMap, HashSet, VecDeque},
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::Arc,
};

use super::{Difference, Seen, Stock, Variation, shorter};
use crate::{
    campaign::Dice,
    scenario::model::{Step, Verb},
    wire::RpcProtocol,
};

/// How often a difference must show again, each time the same, before it counts: what a stall of the machine did, or an
/// order of events that is a matter of chance, does not.
const CONFIRMATIONS: u8 = 4;
/// Plays that shrinking one departure may take.
const SHRINK_PLAYS_MAX: usize = 40;
/// The same where each play may cost a restart of the peer.
const FATAL_SHRINK_PLAYS_MAX: usize = 8;
/// Most variations that are kept to be changed; the oldest make room.
const CORPUS_LEN_MAX: usize = 4096;
/// Once in so many times a case is played as it is: another rule than its own may be broken in it, and what it goes through is
/// what the changed ones begin with.
const UNCHANGED_ONCE_IN: usize = 3;
/// Throws for a variation whose case is free.
const TRIES_MAX: usize = 64;

/// A variation to play.
#[derive(Clone, Debug)]
pub struct Trial {
    /// A number of its own, from which its randomness follows.
    pub number: u64,
    /// What.
    pub variation: Variation,
    /// It has shown a difference, so that nobody should be in a hurry.
    pub is_doubt: bool,
    purpose: Purpose,
}

#[derive(Clone, Debug)]
enum Purpose {
    Explore,
    /// It showed this difference; so often it must show it yet.
    Confirm {
        key: String,
        left: u8,
    },
    Shrink(String),
}

/// Where the peer parts from the reference, and the shortest variation known to show it.
#[derive(Clone, Debug)]
pub struct Departure {
    /// What was made of it.
    pub difference: Difference,
    /// What shows it.
    pub variation: Variation,
    /// The process ended.
    pub fatal: bool,
}

/// A search for departures.
pub struct Search {
    dice: Dice,
    stock: Arc<Stock>,
    corpus: Vec<Variation>,
    replay: VecDeque<Variation>,
    /// Cases that wait for their turn, by their place in the stock: each is drawn once before any is drawn again.
    deck: Vec<usize>,
    doubts: VecDeque<(Variation, String, u8)>,
    marks: HashSet<u64>,
    shrinking: BTreeMap<String, (VecDeque<Variation>, usize)>,
    found: BTreeMap<String, Departure>,
    avoided: Vec<Step>,
    next_number: u64,
    played: u64,
}

/// What one play taught.
#[derive(Clone, Debug, Default)]
pub struct Learnt {
    /// It showed something new: worth being kept.
    pub novel: bool,
    /// A departure that is new, or shorter than it was.
    pub found: Option<Departure>,
}

impl Search {
    /// A search from a seed, a stock and the variations of earlier searches; those whose case the stock lacks are left
    /// out.
    pub fn new(seed: u64, stock: Arc<Stock>, corpus: Vec<Variation>) -> Search {
        let has_base = |one: &Variation| stock.base(&one.base, one.protocol).is_some();
        let replay = corpus.into_iter().filter(has_base).collect();
        Search {
            dice: Dice::new(seed ^ 0x7661_7279),
            stock,
            corpus: Vec::new(),
            replay,
            deck: Vec::new(),
            doubts: VecDeque::new(),
            marks: HashSet::new(),
            shrinking: BTreeMap::new(),
            found: BTreeMap::new(),
            avoided: Vec::new(),
            next_number: 0,
            played: 0,
        }
    }

    /// What variations are made of.
    pub fn stock(&self) -> &Arc<Stock> {
        &self.stock
    }

    /// What was found.
    pub fn departures(&self) -> impl Iterator<Item = &Departure> {
        self.found.values()
    }

    /// Variations played.
    pub fn played_count(&self) -> u64 {
        self.played
    }

    /// Things that were seen to come of things that were said.
    pub fn marks_count(&self) -> usize {
        self.marks.len()
    }

    /// No doubt is open, and nothing can be made shorter.
    pub fn is_settled(&self) -> bool {
        self.doubts.is_empty() && self.shrinking.is_empty()
    }

    /// What to play next, of the cases that are free; nothing where none is.
    pub fn next_trial(&mut self, is_free: &dyn Fn(&str, RpcProtocol) -> bool) -> Option<Trial> {
        let free = |one: &Variation| is_free(&one.base, one.protocol);
        if let Some(at) = self.doubts.iter().position(|(one, ..)| free(one)) {
            let (variation, key, left) = self.doubts.remove(at)?;
            return Some(self.trial(variation, Purpose::Confirm { key, left }));
        }
        while let Some(key) = self.shrinking.keys().next().cloned() {
            let (candidates, plays_left) = self.shrinking.get_mut(&key)?;
            match candidates.front() {
                Some(candidate) if *plays_left > 0 => {
                    if !free(candidate) {
                        break;
                    }
                    *plays_left -= 1;
                    let candidate = candidates.pop_front()?;
                    return Some(self.trial(candidate, Purpose::Shrink(key)));
                }
                _ => drop(self.shrinking.remove(&key)),
            }
        }
        if let Some(at) = self.replay.iter().position(free) {
            let variation = self.replay.remove(at)?;
            return Some(self.trial(variation, Purpose::Explore));
        }
        for _ in 0..TRIES_MAX {
            let old = self.dice.one_of(&self.corpus).cloned();
            let made = match old {
                Some(old) if !self.dice.once_in(2) => self.stock.changed(&old, &mut self.dice),
                _ => self.fresh(is_free),
            };
            if let Some(variation) = made.filter(|made| free(made) && !self.is_avoided(made)) {
                return Some(self.trial(variation, Purpose::Explore));
            }
        }
        None
    }

    /// A case that is free and was not drawn for long: as it is, or changed.
    fn fresh(&mut self, is_free: &dyn Fn(&str, RpcProtocol) -> bool) -> Option<Variation> {
        let stock = self.stock.clone();
        if self.deck.is_empty() {
            self.deck = (0..stock.bases().len()).collect();
            for at in (1..self.deck.len()).rev() {
                self.deck.swap(at, self.dice.below(at + 1));
            }
        }
        let free = |at: &usize| {
            let base = &stock.bases()[*at];
            is_free(&base.scenario.id, base.protocol)
        };
        let base = match self.deck.iter().rposition(free) {
            Some(at) => self.deck.remove(at),
            // Those that are left may not be free for long, as with a client that knows only some.
            None => {
                let free: Vec<usize> = (0..stock.bases().len()).filter(free).collect();
                *self.dice.one_of(&free)?
            }
        };
        let variation = Variation::of(&stock.bases()[base]);
        match self.dice.once_in(UNCHANGED_ONCE_IN) {
            true => Some(variation),
            false => stock.changed(&variation, &mut self.dice),
        }
    }

    fn trial(&mut self, variation: Variation, purpose: Purpose) -> Trial {
        self.next_number += 1;
        Trial {
            number: self.next_number,
            is_doubt: !matches!(purpose, Purpose::Explore),
            variation,
            purpose,
        }
    }

    fn is_avoided(&self, variation: &Variation) -> bool {
        let fatal = |step: &Step| {
            let mut avoided = self.avoided.iter();
            avoided.any(|fatal| fatal.verb == step.verb && fatal.deviate == step.deviate)
        };
        variation.steps.iter().any(fatal)
    }

    /// A trial was played against both.
    pub fn played(&mut self, trial: Trial, reference: &Seen, peer: &Seen) -> Learnt {
        self.played += 1;
        let mut novel = false;
        for mark in peer.marks() {
            let mut hasher = DefaultHasher::new();
            mark.hash(&mut hasher);
            novel |= self.marks.insert(hasher.finish());
        }
        let mut learnt = Learnt {
            novel: novel && matches!(trial.purpose, Purpose::Explore),
            found: None,
        };
        if learnt.novel {
            if self.corpus.len() >= CORPUS_LEN_MAX {
                self.corpus.remove(0);
            }
            self.corpus.push(trial.variation.clone());
        }
        let Some(difference) = reference.differs(peer) else {
            return learnt;
        };
        let confirmed = match &trial.purpose {
            Purpose::Explore => CONFIRMATIONS,
            // One that was confirmed shows it; that a shorter one does is worth one look more.
            Purpose::Shrink(key) if *key == difference.key => 1,
            Purpose::Confirm { key, left } if *key == difference.key => left - 1,
            Purpose::Confirm { .. } | Purpose::Shrink(_) => return learnt,
        };
        match confirmed {
            0 => learnt.found = self.note(trial.variation, difference, false),
            left if self.is_news(&difference.key, &trial.variation) => {
                self.doubts
                    .push_back((trial.variation, difference.key, left));
            }
            _ => {}
        }
        learnt
    }

    /// Played alone, a trial ended the peer.
    pub fn ended_by(&mut self, trial: Trial, difference: Difference) -> Option<Departure> {
        self.played += 1;
        let culprit = trial.variation.steps.get(difference.step);
        if let Some(step) = culprit.filter(|step| matches!(step.verb, Verb::Send(_))) {
            self.avoided.push(step.clone());
        }
        self.note(trial.variation, difference, true)
    }

    fn is_news(&self, key: &str, variation: &Variation) -> bool {
        let known = self.found.get(key);
        known.is_none_or(|known| variation.weight() < known.variation.weight())
    }

    fn note(
        &mut self,
        variation: Variation,
        difference: Difference,
        fatal: bool,
    ) -> Option<Departure> {
        let key = difference.key.clone();
        if !self.is_news(&key, &variation) {
            return None;
        }
        let plays = match fatal {
            true => FATAL_SHRINK_PLAYS_MAX,
            false => SHRINK_PLAYS_MAX,
        };
        let plays_left = self.shrinking.get(&key).map_or(plays, |(_, left)| *left);
        if let Some(base) = self.stock.base(&variation.base, variation.protocol) {
            let candidates = shorter(&variation, &base.scenario, difference.step);
            self.shrinking
                .insert(key.clone(), (candidates.into(), plays_left));
        }
        let departure = Departure {
            difference,
            variation,
            fatal,
        };
        self.found.insert(key, departure.clone());
        Some(departure)
    }
}
