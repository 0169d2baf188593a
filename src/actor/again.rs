//! Clients that call once more: a change of its config makes a client give up all its calls and dial its hosts anew.

use std::collections::VecDeque;

use super::{
    Actor,
    ops::{Op, session_of},
    side::Side,
};
use crate::trace::{Event, EventKind};

/// How many calls a client may give up in one case: a change of its config makes it do so once for each host.
const STALE_CALLS_MAX: u32 = 3;

/// A call that ended before the client's handshake, and what there was when it did.
pub(super) struct GivenUp {
    session: String,
    side: Option<Side>,
    events: Vec<Event>,
    /// How many of the events are left without the call.
    left: usize,
    step: usize,
    ops: VecDeque<Op>,
}

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
        let events = self.trace.events.clone();
        let mut at = 0;
        self.trace.events.retain(|event| {
            at += 1;
            at <= opened || event.session != session
        });
        let side = self.sides.remove(session);
        self.given_up = (!calls_again).then(|| GivenUp {
            session: session.to_owned(),
            side,
            events,
            left: self.trace.events.len(),
            step: self.step,
            ops: std::mem::take(&mut self.ops),
        });
        self.still_open = None;
        self.step = begun;
        self.begin_step();
    }

    /// Whether the call that was taken for one given up was the client's last word, as none came in its place: a client that
    /// refuses a host before its handshake calls it no more. What was forgotten of it is what happened then.
    pub(super) fn counts_after_all(&mut self, session: &str) -> bool {
        let Some(call) = self.given_up.take_if(|call| call.session == session) else {
            return false;
        };
        let since = self.trace.events.split_off(call.left);
        self.trace.events = call.events;
        self.trace.events.extend(since);
        self.sides
            .extend(call.side.map(|side| (call.session, side)));
        self.calls_left = 0;
        self.still_open = None;
        self.step = call.step;
        self.begin_step();
        self.ops = call.ops;
        true
    }

    /// The event with which the stream of a session began.
    pub(super) fn opened_at(&self, session: &str) -> Option<usize> {
        let opened = |(_, event): &(usize, &Event)| matches!(event.kind, EventKind::Opened);
        let last = self.trace.of(session).filter(opened).last();
        last.map(|(at, _)| at)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{super::*, *};
    use crate::{
        crypto::identity::Identity,
        scenario::{by_hand::case_of, model::Scenario},
        session::VerifiedPeer,
        trace::{End, LinkFailure, Stage},
        wire::{Role, RpcProtocol},
    };

    fn scenario(steps: &str) -> Scenario {
        let text = format!(
            "about: A claim.\nrules: [initiator.survives]\ntarget: initiator\ngiven: {{ others: {{ other: {{}} }} }}\n\
             steps:\n{steps}"
        );
        case_of(&text, Role::Initiator, RpcProtocol::Connect)
    }

    fn patience() -> Patience {
        Patience::from_round_trip(Duration::ZERO)
    }

    fn actor(scenario: &Scenario) -> Actor<'_> {
        let entropy = Entropy::new(1, "a");
        Actor::new(scenario, entropy, KemId::default(), patience()).whose_client_redials()
    }

    /// Goes on to the next wait, every call taken; the sessions that were opened.
    fn opened(actor: &mut Actor<'_>) -> Vec<String> {
        let mut opened = Vec::new();
        loop {
            match actor.next(Duration::ZERO) {
                Command::Wait { .. } | Command::Finish => return opened,
                Command::Open { session, .. } => {
                    actor.note(&session, Input::Opened, Duration::ZERO);
                    opened.push(session);
                }
                _ => {}
            }
        }
    }

    fn end(actor: &mut Actor<'_>, session: &str) {
        let end = Input::Ended(End::NoStatus);
        actor.note(session, end, Duration::ZERO);
    }

    fn ends_seen(actor: &Actor<'_>) -> usize {
        let events = actor.trace.events.iter();
        let is_end = |event: &&Event| matches!(event.kind, EventKind::Ended(_));
        events.filter(is_end).count()
    }

    #[test]
    fn call_given_up_before_the_handshake_then_the_next_is_taken_and_the_first_forgotten() {
        let scenario = scenario("  - establish\n  - fence\n");
        let mut actor = actor(&scenario);
        assert_eq!(opened(&mut actor), [MAIN_SESSION]);
        end(&mut actor, MAIN_SESSION);
        assert_eq!(opened(&mut actor), [MAIN_SESSION]);
        assert_eq!(ends_seen(&actor), 0);
        assert_eq!(actor.opened_at(MAIN_SESSION), Some(0));
    }

    #[test]
    fn call_given_up_more_often_than_a_change_explains_then_the_last_one_counts() {
        let scenario = scenario("  - establish\n  - fence\n");
        let mut actor = actor(&scenario);
        opened(&mut actor);
        for _ in 0..STALE_CALLS_MAX {
            end(&mut actor, MAIN_SESSION);
            assert_eq!(opened(&mut actor), [MAIN_SESSION]);
        }
        end(&mut actor, MAIN_SESSION);
        assert!(opened(&mut actor).is_empty());
        assert_eq!(ends_seen(&actor), 1);
    }

    #[test]
    fn call_given_up_and_no_other_comes_then_it_counts_after_all() {
        let scenario = scenario("  - connect\n  - send: key\n  - expect-refused\n");
        let mut actor = actor(&scenario);
        assert_eq!(opened(&mut actor), [MAIN_SESSION]);
        end(&mut actor, MAIN_SESSION);
        assert_eq!(ends_seen(&actor), 0);
        let Command::Open { session, .. } = actor.next(Duration::ZERO) else {
            panic!("the next call was not waited for");
        };
        let failure = LinkFailure {
            stage: Stage::Call,
            seen: "no call".to_owned(),
        };
        actor.note(&session, Input::NotOpened(failure), Duration::ZERO);
        assert!(opened(&mut actor).is_empty());
        assert_eq!(ends_seen(&actor), 1);
        let not_opened = |event: &Event| matches!(event.kind, EventKind::NotOpened(_));
        assert!(!actor.trace.events.iter().any(not_opened));
        assert!(actor.finished, "what ended is not waited for");
    }

    #[test]
    fn client_that_does_not_redial_then_its_call_counts() {
        let scenario = scenario("  - establish\n  - fence\n");
        let entropy = Entropy::new(1, "a");
        let mut actor = Actor::new(&scenario, entropy, KemId::default(), patience());
        opened(&mut actor);
        end(&mut actor, MAIN_SESSION);
        assert!(opened(&mut actor).is_empty());
        assert_eq!(ends_seen(&actor), 1);
    }

    #[test]
    fn client_has_proved_itself_then_its_call_counts() {
        let scenario = scenario("  - establish\n  - fence\n");
        let mut actor = actor(&scenario);
        opened(&mut actor);
        let client = VerifiedPeer {
            keyid: Identity::from_seed(&[3; 32]).keyid().to_owned(),
            instance_id: "client".to_owned(),
            pairing_secret: String::new(),
        };
        actor.record(MAIN_SESSION, EventKind::Verified(client), Duration::ZERO);
        end(&mut actor, MAIN_SESSION);
        assert!(opened(&mut actor).is_empty());
        assert_eq!(ends_seen(&actor), 1);
    }

    #[test]
    fn client_was_given_a_reason_to_refuse_then_its_call_counts() {
        let steps = "  - connect\n  - send: key\n    deviate: { encapsulation: point-zero }\n  - expect-refused\n";
        let scenario = scenario(steps);
        let mut actor = actor(&scenario);
        opened(&mut actor);
        // As far as the step that gives the reason.
        actor.step = 1;
        end(&mut actor, MAIN_SESSION);
        assert!(opened(&mut actor).is_empty());
        assert_eq!(ends_seen(&actor), 1);
    }

    #[test]
    fn another_session_was_played_meanwhile_then_the_call_counts() {
        let steps =
            "  - connect\n  - connect: { as: other }\n    on: second\n  - send: key\n  - fence\n";
        let scenario = scenario(steps);
        let mut actor = actor(&scenario);
        assert_eq!(opened(&mut actor), [MAIN_SESSION, "second"]);
        end(&mut actor, MAIN_SESSION);
        assert!(opened(&mut actor).is_empty());
        assert_eq!(ends_seen(&actor), 1);
    }

    #[test]
    fn called_again_while_the_stream_is_open_then_the_new_call_is_taken() {
        let scenario = scenario("  - establish\n  - fence\n");
        let mut actor = actor(&scenario);
        opened(&mut actor);
        actor.called_again(MAIN_SESSION);
        assert_eq!(opened(&mut actor), [MAIN_SESSION]);
        assert_eq!(actor.opened_at(MAIN_SESSION), Some(0));
    }

    #[test]
    fn called_again_where_something_is_to_be_shown_then_the_old_stream_is_over() {
        let scenario = scenario("  - expect-shown: { as: other, config: { plans: [] } }\n");
        let mut actor = actor(&scenario);
        let session = opened(&mut actor).remove(0);
        // What comes before it needs the client's key.
        actor.ops = [Op::Shown].into();
        assert!(!actor.sides[&session].is_over());
        actor.called_again(&session);
        assert!(actor.sides[&session].is_over());
        assert_eq!(
            actor.calls_left, STALE_CALLS_MAX,
            "it counts as no stale call"
        );
    }
}
