//! Clients that call once more: a change of its config makes a client give up all its calls and dial its hosts anew.

use super::{
    Actor,
    ops::{Op, session_of},
};
use crate::trace::{Event, EventKind};

/// How many calls a client may give up in one case: a change of its config makes it do so once for each host.
const STALE_CALLS_MAX: u32 = 3;

impl Actor<'_> {
    /// For a client that dials all its hosts anew when its config changes: a call that it gives up before its handshake was
    /// none, and the next one is taken in its place.
    pub fn whose_client_redials(mut self) -> Self {
        self.calls_left = STALE_CALLS_MAX;
        self
    }

    /// Takes note of a client that calls the same identity once more. Deployed clients leave the stream open that they gave
    /// up.
    pub fn called_again(&mut self, session: &str) {
        match (self.ops.front(), self.sides.get_mut(session)) {
            // What it shows it shows in its next session.
            (Some(Op::Shown), Some(side)) => side.over(),
            _ => self.take_the_next_call(session, true),
        }
    }

    /// Goes back to where a session was opened whose call the client gave up unanswered, and forgets that call.
    pub(super) fn take_the_next_call(&mut self, session: &str, calls_again: bool) {
        let Some(opened) = self.opened_at(session).filter(|_| self.calls_left > 0) else {
            return;
        };
        let (mut ended, mut verified) = (calls_again, false);
        for (_, event) in self.trace.of(session).filter(|(at, _)| *at >= opened) {
            ended |= matches!(event.kind, EventKind::Ended(_));
            verified |= matches!(event.kind, EventKind::Verified(_));
        }
        let steps = &self.scenario.steps[..self.scenario.steps.len().min(self.step + 1)];
        let begun = steps
            .iter()
            .rposition(|step| session_of(step) == session && step.verb.begins_session());
        let Some(begun) = begun.filter(|_| ended && !verified) else {
            return;
        };
        // What was played of other sessions meanwhile cannot be played again. And a client that was given a reason to
        // refuse has refused the call, not given it up.
        if steps[begun..]
            .iter()
            .any(|step| session_of(step) != session || !step.deviate.is_empty())
        {
            return;
        }
        self.calls_left -= 1;
        let mut at = 0;
        self.trace.events.retain(|event| {
            at += 1;
            at <= opened || event.session != session
        });
        self.sides.remove(session);
        self.still_open = None;
        self.step = begun;
        self.begin_step();
    }

    /// The event with which the stream of a session began.
    pub(super) fn opened_at(&self, session: &str) -> Option<usize> {
        let opened = |(_, event): &(usize, &Event)| matches!(event.kind, EventKind::Opened);
        let last = self.trace.of(session).filter(opened).last();
        last.map(|(at, _)| at)
    }
}
