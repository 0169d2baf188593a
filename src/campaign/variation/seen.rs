//! What a peer made of a variation, in words that two correct peers share; and where two of them part.

use std::collections::{BTreeMap, BTreeSet};

use super::words::{Kind, comes_by_itself, held, in_words, said, verdict_in_words, word};
use crate::{
    judge::{PROBE_SESSION, Verdict},
    rules::RuleId,
    scenario::{
        model::{Scenario, Verb},
        sessions::SHOWN,
    },
    trace::{EventKind, Trace},
    wire::{Action, Role},
};

/// What one peer made of one variation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Each session's story, in the order it was seen.
    sessions: BTreeMap<String, Vec<Word>>,
    /// What a host tells whenever it likes, by session and action; and what it holds once all that was said has been
    /// answered, by step.
    told: BTreeMap<(String, String), BTreeSet<String>>,
    /// Whether the steps had what they asked for, and at which it ended.
    verdict: String,
    /// The step at which it ended, from 0.
    pub last_step: usize,
    /// Sessions that a client has ended.
    ended: BTreeSet<String>,
    /// Rules that were broken, whatever the steps ask for.
    pub broken: Vec<(RuleId, String)>,
}

/// One thing that came, and behind what. That nothing came in time shows in what is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Word {
    kind: Kind,
    text: String,
    behind: String,
    step: usize,
    /// It came while a step of its own session was played. What comes while another is may as well come after all is over.
    awaited: bool,
}

/// Where two peers part: what the reference made of a variation, and the peer under test did not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What makes two differences one.
    pub key: String,
    /// What the reference does.
    pub expected: String,
    /// What the peer under test does.
    pub seen: String,
    /// The step at which it shows, from 0.
    pub step: usize,
    /// A rule that the peer breaks by itself, and the reference does not.
    pub rule: Option<RuleId>,
}

impl Seen {
    /// Reads it off a trace.
    pub fn of(scenario: &Scenario, trace: &Trace, verdict: &Verdict) -> Seen {
        let mut seen = Seen {
            verdict: verdict_in_words(verdict),
            last_step: trace.events.last().map_or(0, |event| event.step),
            ..Seen::default()
        };
        let mut behind: BTreeMap<&str, String> = BTreeMap::new();
        // How far a witness came by the time that it was no longer asked is a matter of chance.
        for event in trace
            .events
            .iter()
            .filter(|event| event.session != PROBE_SESSION)
        {
            if let EventKind::Sent(sent) = &event.kind {
                if sent.fence.is_none() {
                    behind.insert(&event.session, said(sent));
                }
                continue;
            }
            if let EventKind::Received { item, .. } = &event.kind {
                if matches!(item.action, Some(Action::Heartbeat(_))) {
                    continue;
                }
                if let Some(action) = comes_by_itself(item, scenario.role) {
                    let told = seen.told.entry((event.session.clone(), action.to_owned()));
                    told.or_default().insert(in_words(item));
                    continue;
                }
            }
            if let Some((of, held)) = held(&event.kind)
                && is_settled(scenario, event.step)
            {
                // It is asked until the step has what it asks for: the last answer is the one that counts.
                let at = (format!("step {}", event.step), of);
                seen.told.insert(at, BTreeSet::from([held]));
                continue;
            }
            if let EventKind::Broke(violation) | EventKind::Noticed(violation) = &event.kind {
                seen.broken.push((violation.rule, violation.seen.clone()));
            }
            if matches!(event.kind, EventKind::Ended(_)) && scenario.role == Role::Initiator {
                seen.ended.insert(event.session.clone());
            }
            // How many calls it took until a client showed what was waited for is a matter of chance.
            if event.session == SHOWN && matches!(event.kind, EventKind::Opened) {
                seen.sessions.remove(&event.session);
                seen.ended.remove(&event.session);
            }
            let Some((kind, text)) = word(&event.kind, scenario.role) else {
                continue;
            };
            let step = scenario.steps.get(event.step);
            let behind = behind.get(event.session.as_str()).cloned();
            let story = seen.sessions.entry(event.session.clone()).or_default();
            story.push(Word {
                kind,
                text,
                behind: behind.unwrap_or_else(|| "nothing".to_owned()),
                step: event.step,
                awaited: step.is_some_and(|step| step.session() == event.session),
            });
        }
        seen
    }

    /// What was new in it for whoever has seen much: each thing that came, behind what, and behind what before.
    pub fn marks(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.sessions.values().flat_map(|story| {
            story.iter().enumerate().map(|(at, word)| {
                let before = at.checked_sub(1).map_or("", |at| story[at].behind.as_str());
                let outcome = match word.kind {
                    // The ids in an answer are as many as there are dialogues.
                    Kind::Serves => word.text.split(' ').next().unwrap_or_default(),
                    _ => word.text.as_str(),
                };
                (before, word.behind.as_str(), outcome)
            })
        })
    }

    /// Where a peer parts from the reference; none where both made the same of it.
    pub fn differs(&self, peer: &Seen) -> Option<Difference> {
        let broken = peer.broken.iter().find(|(rule, _)| {
            let mut known = self.broken.iter();
            !known.any(|(other, _)| other == rule)
        });
        if let Some((rule, seen)) = broken {
            return Some(Difference {
                key: format!("breaks {rule}"),
                expected: rule.rule().text.to_owned(),
                seen: seen.clone(),
                step: peer.last_step,
                rule: Some(*rule),
            });
        }
        let sessions: BTreeSet<&String> =
            self.sessions.keys().chain(peer.sessions.keys()).collect();
        let parted = sessions.into_iter().find_map(|session| {
            let nothing = Vec::new();
            let ours = self.sessions.get(session).unwrap_or(&nothing);
            let theirs = peer.sessions.get(session).unwrap_or(&nothing);
            let same = ours.iter().zip(theirs);
            let at = same.take_while(|(left, right)| left.is_like(right)).count();
            // Of what only one has behind the other's end, only what was waited for counts.
            let further = &ours[at.min(ours.len())..];
            let further = further.iter().chain(&theirs[at.min(theirs.len())..]);
            let both = at < ours.len().min(theirs.len());
            // A client that ends what the reference ends as well need not have said before what it has to say.
            let ended = [self, peer].iter().all(|seen| seen.ended.contains(session));
            let is_cut_short = ended && at == theirs.len() || end_alike(ours, theirs, at);
            let counts = !is_cut_short && (both || further.into_iter().any(|word| word.awaited));
            counts.then(|| parted(ours.get(at), theirs.get(at)))
        });
        parted
            .or_else(|| self.tells_other(peer))
            .or_else(|| self.judged_other(peer))
    }

    /// What a host tells by itself may be lost where a stream ends; what came must be the same.
    fn tells_other(&self, peer: &Seen) -> Option<Difference> {
        let keys: BTreeSet<_> = self.told.keys().chain(peer.told.keys()).collect();
        keys.into_iter().find_map(|key| {
            let ended = |seen: &Seen| {
                let story = seen.sessions.get(&key.0);
                story.is_none_or(|story| story.iter().any(|word| word.kind != Kind::Serves))
            };
            let nothing = BTreeSet::new();
            let ours = self.told.get(key).unwrap_or(&nothing);
            let theirs = peer.told.get(key).unwrap_or(&nothing);
            let both = !ours.is_empty() && !theirs.is_empty();
            let differ = ours != theirs && (both || !(ended(self) || ended(peer)));
            differ.then(|| Difference {
                key: format!("tells another {}", key.1),
                expected: listed(ours),
                seen: listed(theirs),
                step: peer.last_step,
                rule: None,
            })
        })
    }

    fn judged_other(&self, peer: &Seen) -> Option<Difference> {
        (self.verdict != peer.verdict).then(|| Difference {
            key: format!("{} rather than {}", peer.verdict, self.verdict),
            expected: self.verdict.clone(),
            seen: peer.verdict.clone(),
            step: peer.last_step,
            rule: None,
        })
    }
}

impl Word {
    fn is_like(&self, other: &Word) -> bool {
        self.kind == other.kind && self.text == other.text
    }
}

/// Whether both refuse in one way at one step, and all that parts them is that one says more before. We had said the next
/// thing without waiting, so how far a host came with its answers by then is a matter of chance.
fn end_alike(ours: &[Word], theirs: &[Word], parted_at: usize) -> bool {
    let (Some(our_end), Some(their_end)) = (ours.last(), theirs.last()) else {
        return false;
    };
    our_end.kind == Kind::Refuses
        && our_end.is_like(their_end)
        && our_end.step == their_end.step
        && parted_at + 1 == ours.len().min(theirs.len())
}

fn parted(ours: Option<&Word>, theirs: Option<&Word>) -> Difference {
    let name = |word: Option<&Word>| match word.map(|word| word.kind) {
        Some(Kind::Serves) => "serves",
        Some(Kind::Refuses) => "refuses",
        None => "is silent",
        Some(Kind::Breaks) => "breaks off",
    };
    let text = |word: Option<&Word>| word.map_or("nothing".to_owned(), |word| word.text.clone());
    let at = theirs.or(ours);
    let behind = at.map_or_else(|| "nothing".to_owned(), |word| cause(&word.behind));
    let (peer, reference) = (name(theirs), name(ours));
    Difference {
        key: match peer == reference {
            true => format!("{peer} otherwise behind {behind}"),
            false => format!("{peer} where the reference {reference} behind {behind}"),
        },
        expected: text(ours),
        seen: text(theirs),
        step: at.map_or(0, |word| word.step),
        rule: None,
    }
}

/// What two differences have in common: of an item of the session that was spoilt, how, and not which one it was.
fn cause(behind: &str) -> String {
    match behind.split_once(" (") {
        Some((what, how)) if !["key", "handshake"].contains(&what) => format!("an item ({how}"),
        _ => behind.to_owned(),
    }
}

/// Whether all that was said before this step was answered by the time of it: otherwise what a look shows is a matter of
/// chance.
fn is_settled(scenario: &Scenario, look: usize) -> bool {
    let mut unanswered: BTreeSet<&str> = BTreeSet::new();
    for step in scenario.steps.iter().take(look) {
        match &step.verb {
            Verb::Fence(_) => drop(unanswered.remove(step.session())),
            Verb::Expect(_) | Verb::ExpectState(_) | Verb::ExpectOperations(_) => {}
            _ => drop(unanswered.insert(step.session())),
        }
    }
    unanswered.is_empty()
}

fn listed(texts: &BTreeSet<String>) -> String {
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    match texts.is_empty() {
        true => "nothing".to_owned(),
        false => texts.join(" and "),
    }
}
