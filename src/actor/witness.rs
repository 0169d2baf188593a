//! What makes a client's silence mean something: while it is silent here, another session of the same client is served.
//!
//! A client that refuses an item need not close the stream; that it acts on nothing any more shows only in answers that
//! do not come. How long to wait for them, its other session tells: what is sent there afterwards is answered.

use std::time::Duration;

use super::{Actor, Command, PROBE_SESSION, session_of, side::Owed};
use crate::{
    scenario::model::{Nothing, Step, Verb},
    trace::{
        EventKind,
        reading::{Mark, Reading, read},
    },
};

/// Requests that the other session answers, one behind the other, while this one is silent. The same client works at both
/// at once: with 3 of them a defect was missed now and then where it was behind with the one that has a fault.
const ROUNDS: u32 = 12;

/// How often the other session is begun. A client gives up a call that its host lets wait for long, as one that looks on
/// does, and that may be at the very moment at which it is taken.
const CALLS_MAX: u32 = 3;

/// How far the witness has come in one step.
#[derive(Debug, Default)]
pub(super) struct Witness {
    calls: u32,
    asked: u32,
    answered: u32,
    mark: Mark,
}

impl Actor<'_> {
    /// Plays the witness a step further; says until when to wait if it can't go on.
    pub(super) fn hear_witness(&mut self, step: &Step, now: Duration) -> Option<Duration> {
        if !matches!(self.reading(step), Reading::Open { .. }) {
            self.done();
            return None;
        }
        let is_up = self
            .sides
            .get(PROBE_SESSION)
            .is_some_and(|side| !side.is_over());
        let calls = self.witness.calls;
        if !is_up && (calls == 0 || calls < CALLS_MAX && self.witness_gave_up()) {
            self.waiting_since = None;
            self.witness = Witness {
                calls: calls + 1,
                ..Witness::default()
            };
            self.open(step, PROBE_SESSION, PROBE_SESSION, String::new());
            return None;
        }
        if !self.has_peers_key(PROBE_SESSION) {
            return self.witness_is_awaited(now, is_up);
        }
        if self.witness.asked > self.witness.answered {
            return match self.read_witness(step) {
                Reading::Satisfied { mark, .. } => {
                    self.witness.mark = mark;
                    self.witness.answered += 1;
                    self.waiting_since = None;
                    None
                }
                Reading::Failed(_) | Reading::NotTold(_) => self.witness_is_awaited(now, false),
                Reading::Open { .. } => self.witness_is_awaited(now, is_up),
            };
        }
        if self.witness.answered == ROUNDS {
            self.commands.push_back(Command::Ping {
                session: session_of(step).to_owned(),
            });
            self.done();
            return None;
        }
        self.ask_witness(step, now);
        None
    }

    /// Whether the call ended before the client's handshake came, so that there never was another session; or at any time,
    /// where the case may change the client: upon a change of its config it may end all its sessions and call anew.
    fn witness_gave_up(&self) -> bool {
        let begun = self.opened_at(PROBE_SESSION).unwrap_or_default();
        let kinds = || {
            let events = self.trace.of(PROBE_SESSION);
            let since = events.filter(move |(at, _)| *at >= begun);
            since.map(|(_, event)| &event.kind)
        };
        kinds().any(|kind| matches!(kind, EventKind::Ended(_)))
            && (self.scenario.alone || !kinds().any(|kind| matches!(kind, EventKind::Verified(_))))
    }

    fn ask_witness(&mut self, step: &Step, now: Duration) {
        if self.witness.asked == 0 {
            self.witness.mark = Mark(self.trace.events.len());
        }
        let owed = self.sides.get(PROBE_SESSION).map(super::Side::owes);
        if owed == Some(Owed::KeyAndHandshake) {
            self.send(step, PROBE_SESSION, "key", now, |side, _| {
                side.forge_key(&[], None)
            });
        }
        if owed != Some(Owed::Nothing) {
            self.send(step, PROBE_SESSION, "handshake", now, |side, _| {
                side.forge_handshake(&[], None)
            });
        }
        self.send_fence(step, PROBE_SESSION, now);
        self.witness.asked += 1;
    }

    /// Waits for the witness while there is hope; then the case ends, and the trace says why.
    fn witness_is_awaited(&mut self, now: Duration, is_up: bool) -> Option<Duration> {
        let since = *self.waiting_since.get_or_insert(now);
        let until = since + self.patience.answer;
        if is_up && now < until {
            return Some(until);
        }
        self.wait_in_vain(PROBE_SESSION, since, now);
        None
    }

    fn read_witness(&self, step: &Step) -> Reading {
        let served = Step {
            verb: Verb::ExpectEstablished(Nothing {}),
            ..step.clone()
        };
        read(
            &served,
            PROBE_SESSION,
            self.scenario,
            &self.trace,
            self.witness.mark,
        )
    }
}
