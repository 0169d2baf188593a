//! What a peer made of a variation, in words that two correct peers share; and where two of them part.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use serde_json::Value as Json;

use crate::{
    judge::{PROBE_SESSION, Verdict},
    rules::RuleId,
    scenario::{
        message::item_to_json,
        message_pattern::{message_from_json, message_to_json},
        model::{Scenario, Verb},
        sessions::SHOWN,
    },
    trace::{End, EventKind, Sent, Trace},
    wire::{Action, Role, SyncStreamItem, v1::Operation},
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

/// The kinds of thing that can come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// It serves: a part of the exchange, an item, an answer.
    Serves,
    /// It ends the stream.
    Refuses,
    /// It is broken: a frame, an item in the clear, a rule.
    Breaks,
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
            let is_cut_short = ended && at == theirs.len();
            let counts = both || !is_cut_short && further.into_iter().any(|word| word.awaited);
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

fn verdict_in_words(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Judged(findings) => match findings.first() {
            None => "has what it asks for".to_owned(),
            Some(finding) => format!("fails at step {}", finding.step.unwrap_or_default()),
        },
        Verdict::Inconclusive { .. } => "cannot be judged".to_owned(),
    }
}

/// What we said, in words that do not depend on ids.
fn said(sent: &Sent) -> String {
    let deviations = sent.deviations.join(", ");
    match deviations.is_empty() {
        true => sent.what.clone(),
        false => format!("{} ({deviations})", sent.what),
    }
}

/// A host tells its config and resources again whenever anybody changes them.
fn comes_by_itself(item: &SyncStreamItem, role: Role) -> Option<&'static str> {
    let action = item.action.as_ref()?;
    let by_itself = matches!(
        action,
        Action::ReceiveConfig(_) | Action::ReceiveResources(_) | Action::SetConfig(_)
    );
    (role == Role::Responder && by_itself).then(|| action.name())
}

fn in_words(item: &SyncStreamItem) -> String {
    let mut json = item_to_json(item);
    settle(&mut json);
    json.to_string()
}

/// Counters of a configuration go up whenever anybody changes it, and the protocol orders neither lists of messages nor the
/// operations of a manifest or a request.
fn settle(json: &mut Json) {
    let config = json.pointer_mut("/receiveConfig/config");
    if let Some(config) = config.and_then(Json::as_object_mut) {
        config.remove("modno");
    }
    if let Some(asked) = json.pointer_mut("/requestOperationData/opIds") {
        sort_texts(asked);
    }
    if let Some(manifest) = json.pointer_mut("/operationManifest") {
        let column = |name: &str| manifest[name].as_array().cloned().unwrap_or_default();
        let (ids, modnos) = (column("opIds"), column("modnos"));
        // Ids and modnos go together, and where they are not as many the order may matter.
        if ids.len() == modnos.len() && !ids.is_empty() {
            let mut pairs: Vec<(Json, Json)> = ids.into_iter().zip(modnos).collect();
            pairs.sort_by_cached_key(|pair| (pair.0.to_string(), pair.1.to_string()));
            let (ids, modnos): (Vec<Json>, Vec<Json>) = pairs.into_iter().unzip();
            manifest["opIds"] = ids.into();
            manifest["modnos"] = modnos.into();
        }
    }
    sort(json);
}

fn sort_texts(list: &mut Json) {
    if let Some(elements) = list.as_array_mut() {
        elements.sort_by_cached_key(Json::to_string);
    }
}

fn sort(json: &mut Json) {
    match json {
        Json::Object(entries) => entries.values_mut().for_each(sort),
        Json::Array(elements) => {
            elements.iter_mut().for_each(sort);
            if elements.iter().all(Json::is_object) {
                elements.sort_by_cached_key(Json::to_string);
            }
        }
        _ => {}
    }
}

fn word(kind: &EventKind, role: Role) -> Option<(Kind, String)> {
    Some(match kind {
        EventKind::KeyExchanged => (Kind::Serves, "key".to_owned()),
        EventKind::Verified(peer) => (Kind::Serves, format!("handshake of {}", peer.instance_id)),
        EventKind::Received { item, .. } => (
            Kind::Serves,
            format!("{} {}", item.describe(), in_words(item)),
        ),
        EventKind::Unopened => (Kind::Serves, "something sealed".to_owned()),
        // With which item the headers of an answer come that is served is up to a peer's RPC library.
        EventKind::Answered { status, .. } if role == Role::Responder && *status != 200 => {
            (Kind::Serves, format!("HTTP status {status}"))
        }
        EventKind::Broke(violation) => (Kind::Breaks, format!("what breaks {}", violation.rule)),
        EventKind::Clear(item) => (Kind::Breaks, format!("{} in the clear", item.describe())),
        EventKind::NotOpened(_) => (Kind::Refuses, "no stream".to_owned()),
        // How a client refuses is its own affair.
        EventKind::Ended(_) if role == Role::Initiator => return None,
        EventKind::Ended(End::Status { code, .. }) => {
            (Kind::Refuses, format!("an end with {code}"))
        }
        EventKind::Ended(End::Http { status, .. }) => {
            (Kind::Refuses, format!("an end with HTTP status {status}"))
        }
        EventKind::Ended(End::Reset { .. }) => (Kind::Refuses, "a reset".to_owned()),
        EventKind::Ended(End::Lost { .. }) => (Kind::Breaks, "a lost connection".to_owned()),
        EventKind::Ended(End::HalfClosed) => return None,
        EventKind::Ended(End::NoStatus) => (Kind::Breaks, "an end without status".to_owned()),
        EventKind::Ended(End::BadFraming { .. }) => (Kind::Breaks, "no RPC frame".to_owned()),
        _ => return None,
    })
}

/// What a look inside shows: whose state, or the operations, without what is each peer's own.
fn held(kind: &EventKind) -> Option<(String, String)> {
    match kind {
        EventKind::State(state) => {
            let mut json = message_to_json(&**state);
            let shown = json.as_object_mut()?;
            shown.remove("statusMessage");
            shown.insert(
                "lastHeartbeatMillis".to_owned(),
                Json::from(time_in_words(state.last_heartbeat_millis)),
            );
            settle(&mut json);
            let of = format!("state of {}", state.peer_instance_id);
            Some((of, json.to_string()))
        }
        EventKind::Told(Ok(answer)) => {
            let told = answer.get("operations")?.as_array()?;
            let operations = told.iter().map(|json| match message_from_json(json) {
                Ok(operation) => message_to_json(&Operation {
                    // A host gives ids and flows of its own.
                    id: 0,
                    flow_id: 0,
                    ..operation
                }),
                Err(_) => json.clone(),
            });
            let mut operations = operations.collect();
            settle(&mut operations);
            Some(("operations".to_owned(), operations.to_string()))
        }
        _ => None,
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

/// A time of this century in milliseconds since 1970, or else what it says.
fn time_in_words(millis: i64) -> String {
    /// 2000-01-01 and 2100-01-01.
    const CENTURY: Range<i64> = 946_684_800_000..4_102_444_800_000;
    match CENTURY.contains(&millis) {
        true => "a time in milliseconds".to_owned(),
        false => millis.to_string(),
    }
}

fn listed(texts: &BTreeSet<String>) -> String {
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    match texts.is_empty() {
        true => "nothing".to_owned(),
        false => texts.join(" and "),
    }
}
