//! What a step makes of the events so far: satisfied, failed, or still open. The actor asks it to know when a wait is
//! over, the judge to know what the whole trace means; so both can never disagree.

mod ended;
mod shown;
mod told;
mod unasked;

#[cfg(test)]
mod tests;

pub use shown::is_shown;

use super::{End, Event, EventKind, Trace, looks};
use crate::{
    rules::RuleId,
    scenario::{
        message::Pattern,
        model::{Expectation, HttpAnswer, Scenario, Step, Verb},
    },
    session::{VerifiedPeer, Violation},
    wire::{Action, Role, SyncStreamItem, v1sync::sync_stream_item::SyncActionHandshake},
};

/// Action name of a handshake, in a pattern.
const HANDSHAKE: &str = "handshake";

/// Where reading has come to in one session: events before the mark are used up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mark(pub usize);

/// What a step makes of the events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// It has what it needs.
    Satisfied {
        /// Where the next step of this session reads on.
        mark: Mark,
        /// What it noticed that breaks a rule without spoiling its claim.
        remarks: Vec<Broken>,
    },
    /// It can no longer be satisfied.
    Failed(Broken),
    /// What looks inside the peer gave no answer, for this reason; that says nothing of the claim.
    NotTold(String),
    /// It needs more.
    Open {
        /// What it waits for, in words.
        wanted: String,
    },
}

/// A rule that a step found broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The rule; none is the step's own.
    pub rule: Option<RuleId>,
    /// What had to happen.
    pub expected: String,
    /// What happened.
    pub seen: String,
    /// The event that showed it.
    pub event: Option<usize>,
}

/// Reads the events of the step's session from `mark` on, as the scenario's peer and fixtures have it.
pub fn read(step: &Step, session: &str, scenario: &Scenario, trace: &Trace, mark: Mark) -> Reading {
    let (peer_role, fixtures) = (scenario.role, &scenario.fixtures);
    let events = Events {
        trace,
        session,
        peer_role,
        mark,
    };
    match &step.verb {
        Verb::Connect(_)
        | Verb::Send(_)
        | Verb::HalfClose(_)
        | Verb::Reset(_)
        | Verb::End(_)
        | Verb::Cut(_)
        | Verb::Stall(_)
        | Verb::AllAtOnce(_)
        | Verb::Each(_)
        | Verb::ExpectNever(_) => satisfied(mark),
        Verb::Expect(Expectation::Key) => key(&events),
        Verb::Expect(Expectation::Handshake) => handshake(&events),
        Verb::Expect(Expectation::Item(pattern)) => item(&events, pattern),
        Verb::Establish(_) => established(&events),
        Verb::Settle(_) => settled(&events),
        Verb::Probe(_) => served(&events),
        Verb::ExpectEstablished(_) => served(&events),
        Verb::Fence(_) => fence(&events),
        Verb::ExpectClosed(ending) => events.ended(ending),
        Verb::ExpectRefused(ending) => events.refused(ending),
        Verb::ExpectHttp(answer) => http(&events, answer),
        Verb::ExpectCount(expected) => looks::count(trace, scenario, mark, *expected),
        Verb::ExpectState(expected) => looks::state(&events, expected, fixtures),
        Verb::ExpectSnapshot(expected) => looks::snapshot(&events, expected, fixtures),
        Verb::Subscribe(_) => looks::subscribed(&events),
        Verb::ExpectUpdate(expected) => looks::update(&events, expected, fixtures),
        Verb::SetClientConfig(call) => looks::client_config(&events, call),
        Verb::ChangeConfig(_) | Verb::ChangeOperations(_) => looks::changed(&events),
        Verb::ExpectChange(change) => told::told(&events, change, fixtures),
        Verb::ExpectConfig(expected) => looks::config(&events, expected, fixtures),
        Verb::ExpectOperations(expected) => looks::operations(&events, expected),
        Verb::ExpectShown(expected) => shown::shown(&events, expected),
    }
}

pub(super) struct Events<'a> {
    pub trace: &'a Trace,
    pub session: &'a str,
    pub peer_role: Role,
    pub mark: Mark,
}

impl<'a> Events<'a> {
    pub fn rest(&self) -> impl Iterator<Item = (usize, &'a Event)> {
        self.trace
            .of(self.session)
            .filter(|(index, _)| *index >= self.mark.0)
    }

    /// Events of the session's stream up to `index`, used up or not.
    fn before(&self, index: usize) -> impl Iterator<Item = &'a EventKind> {
        let opened = self
            .trace
            .of(self.session)
            .take_while(move |(at, _)| *at < index)
            .filter(|(_, event)| matches!(event.kind, EventKind::Opened))
            .last()
            .map_or(0, |(at, _)| at);
        self.trace
            .of(self.session)
            .filter(move |(at, _)| (opened..index).contains(at))
            .map(|(_, event)| &event.kind)
    }

    /// Whether we sent this before `index`, and without a deviation.
    fn sent_before(&self, index: usize, what: &str) -> bool {
        self.before(index)
            .any(|kind| matches!(kind, EventKind::Sent(sent) if sent.what == what && sent.deviations.is_empty()))
    }

    /// Whether both handshakes were exchanged before `index`, so that background items may come.
    fn established_before(&self, index: usize) -> bool {
        self.before(index)
            .any(|kind| matches!(kind, EventKind::Verified(_)))
            && self.sent_before(index, "handshake")
    }
}

pub(super) fn satisfied(mark: Mark) -> Reading {
    Reading::Satisfied {
        mark,
        remarks: Vec::new(),
    }
}

pub(super) fn done(index: usize) -> Reading {
    satisfied(Mark(index + 1))
}

pub(super) fn failed(expected: &str, seen: impl Into<String>, event: usize) -> Reading {
    Reading::Failed(Broken {
        rule: None,
        expected: expected.to_owned(),
        seen: seen.into(),
        event: Some(event),
    })
}

fn broke(expected: &str, violation: &Violation, event: usize) -> Reading {
    Reading::Failed(Broken {
        rule: Some(violation.rule),
        expected: expected.to_owned(),
        seen: violation.seen.clone(),
        event: Some(event),
    })
}

/// What came that nobody was waiting for, as a failure; none for our own doings and HTTP headers.
fn surprise(expected: &str, index: usize, kind: &EventKind) -> Option<Reading> {
    let seen = match kind {
        EventKind::Broke(violation) => return Some(broke(expected, violation, index)),
        EventKind::Ended(end) => format!("the stream ended with {end}"),
        EventKind::NotOpened(failure) => {
            format!(
                "no stream: {} at step {}",
                failure.seen,
                failure.stage.name()
            )
        }
        EventKind::Received { item, .. } => item.describe().to_owned(),
        EventKind::Clear(item) => format!("{} in the clear", item.describe()),
        EventKind::Verified(_) => "the peer's handshake".to_owned(),
        EventKind::KeyExchanged => "the peer's part of the key exchange".to_owned(),
        EventKind::Unopened => "a sealed item for other keys than ours".to_owned(),
        EventKind::DeadlinePassed { waited } => {
            format!("nothing within {:.1} s", waited.as_secs_f64())
        }
        EventKind::Flooded => "more events than a trace keeps".to_owned(),
        EventKind::Opened
        | EventKind::Alive
        | EventKind::Noticed(_)
        | EventKind::Sent(_)
        | EventKind::NotSent(_)
        | EventKind::HalfClosed
        | EventKind::ResetByUs
        | EventKind::EndedByUs(_)
        | EventKind::CutByUs
        | EventKind::Stalled
        | EventKind::Called(_)
        | EventKind::State(_)
        | EventKind::Told(_)
        | EventKind::Answered { .. } => return None,
    };
    Some(failed(expected, seen, index))
}

/// What one event means to a step that waits.
pub(super) enum Look {
    /// The wait is over.
    Over(Reading),
    /// It may come while the step waits.
    Fine,
    /// It is none of the step's; what breaks a rule by itself, or ends the stream, is a failure.
    Strange,
}

/// Reads on until an event ends the wait.
pub(super) fn scan(
    events: &Events<'_>,
    expected: &str,
    mut look: impl FnMut(usize, &EventKind) -> Look,
) -> Reading {
    for (index, event) in events.rest() {
        match look(index, &event.kind) {
            Look::Over(reading) => return reading,
            Look::Fine => {}
            Look::Strange => {
                if let Some(reading) = surprise(expected, index, &event.kind) {
                    return reading;
                }
            }
        }
    }
    Reading::Open {
        wanted: expected.to_owned(),
    }
}

fn key(events: &Events<'_>) -> Reading {
    scan(
        events,
        "the peer's part of the key exchange",
        |index, kind| match kind {
            EventKind::KeyExchanged => Look::Over(done(index)),
            _ => Look::Strange,
        },
    )
}

fn handshake(events: &Events<'_>) -> Reading {
    scan(
        events,
        "the peer's handshake, bound to this session",
        |index, kind| match kind {
            EventKind::Verified(_) => Look::Over(done(index)),
            _ => Look::Strange,
        },
    )
}

fn item(events: &Events<'_>, pattern: &Pattern) -> Reading {
    // A pattern without an action does not load.
    let action = pattern.action().unwrap_or_default();
    let expected = format!("{action} like {}", pattern.json);
    let compare = |index, item: &SyncStreamItem| {
        Look::Over(match pattern.mismatch(item) {
            None => done(index),
            Some(mismatch) => failed(
                &format!("{} = {}", mismatch.path, mismatch.expected),
                format!("{} = {}", mismatch.path, mismatch.seen),
                index,
            ),
        })
    };
    scan(events, &expected, |index, kind| match kind {
        EventKind::Received { item, .. } if action_is(item, action) => compare(index, item),
        EventKind::Verified(peer) if action == HANDSHAKE => compare(index, &said_by(peer)),
        // What a session begins with may be repeated while something else is awaited.
        EventKind::Received { item, .. }
            if events.is_beginning(item) || events.is_unasked(index, item) =>
        {
            Look::Fine
        }
        _ => Look::Strange,
    })
}

/// What a trace keeps of a handshake that verified: the fields that say something of the peer.
fn said_by(peer: &VerifiedPeer) -> SyncStreamItem {
    SyncStreamItem {
        action: Some(Action::Handshake(SyncActionHandshake {
            instance_id: peer.instance_id.clone(),
            pairing_secret: peer.pairing_secret.clone(),
            ..SyncActionHandshake::default()
        })),
    }
}

fn action_is(item: &SyncStreamItem, name: &str) -> bool {
    item.action
        .as_ref()
        .is_some_and(|action| action.name() == name)
}

/// A session is up once the keys are exchanged, the handshake verified, and the peer showed what we may see: a client
/// its operations too.
pub(super) fn established(events: &Events<'_>) -> Reading {
    let expected = match events.peer_role {
        Role::Responder => "a session: keys, the peer's handshake, its config and resources",
        Role::Initiator => {
            "a session: keys, the peer's handshake, its config, resources and manifest"
        }
    };
    let (mut config, mut resources) = (false, false);
    let mut manifest = events.peer_role == Role::Responder;
    scan(events, expected, |index, kind| match kind {
        EventKind::KeyExchanged | EventKind::Verified(_) => Look::Fine,
        EventKind::Received { item, .. } if events.is_beginning(item) => {
            config |= matches!(item.action, Some(Action::ReceiveConfig(_)));
            resources |= matches!(item.action, Some(Action::ReceiveResources(_)));
            manifest |= matches!(item.action, Some(Action::OperationManifest(_)));
            match config && resources && manifest {
                true => Look::Over(done(index)),
                false => Look::Fine,
            }
        }
        EventKind::Received { item, .. } if events.is_unasked(index, item) => Look::Fine,
        _ => Look::Strange,
    })
}

/// Up, or over.
fn settled(events: &Events<'_>) -> Reading {
    let over = events
        .rest()
        .find(|(_, event)| matches!(event.kind, EventKind::Ended(_)));
    match (over, established(events)) {
        (Some((index, _)), _) => done(index),
        (None, reading) => reading,
    }
}

/// A session serves once it answers a fence.
fn served(events: &Events<'_>) -> Reading {
    scan(
        events,
        "a session that answers a request",
        |index, kind| match kind {
            EventKind::KeyExchanged | EventKind::Verified(_) => Look::Fine,
            kind => fence_or_background(events, index, kind),
        },
    )
}

fn fence(events: &Events<'_>) -> Reading {
    scan(
        events,
        "the fence's answer before anything else",
        |index, kind| fence_or_background(events, index, kind),
    )
}

fn fence_or_background(events: &Events<'_>, index: usize, kind: &EventKind) -> Look {
    match kind {
        EventKind::Received { item, .. } if events.answers_fence(index, item) => {
            Look::Over(done(index))
        }
        EventKind::Received { item, .. } if events.is_unasked(index, item) => Look::Fine,
        _ => Look::Strange,
    }
}

fn http(events: &Events<'_>, answer: &HttpAnswer) -> Reading {
    let expected = format!("HTTP status {}", answer.status);
    scan(events, &expected, |index, kind| match kind {
        EventKind::Answered { status, .. } | EventKind::Ended(End::Http { status, .. }) => {
            Look::Over(match *status == answer.status {
                true => done(index),
                false => failed(&expected, format!("HTTP status {status}"), index),
            })
        }
        _ => Look::Strange,
    })
}
