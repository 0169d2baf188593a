//! What a step does: streams opened, and things put onto them.

use std::time::Duration;

use super::{
    Actor, Command, Forged, Out, PROBE_SESSION, RequestShape,
    ops::Op,
    side::{self, Side},
};
use crate::{
    scenario::{
        deviation::{Deviation, Flag},
        model::{Step, Verb},
    },
    trace::{EventKind, Sent, reading::Mark},
};

impl Actor<'_> {
    pub(super) fn perform(&mut self, step: &Step, session: &str, op: Op, now: Duration) {
        match op {
            Op::Open { identity, secret } => self.open(step, session, &identity, secret),
            Op::HalfClose => self.put(session, Out::HalfClose, EventKind::HalfClosed, now),
            Op::Reset => self.put(session, Out::Reset, EventKind::ResetByUs, now),
            Op::End(code) => self.put(session, Out::Status(code), EventKind::EndedByUs(code), now),
            Op::Cut => self.put(session, Out::Cut, EventKind::CutByUs, now),
            Op::Stall => {
                self.record(session, EventKind::Stalled, now);
                self.commands.push_back(Command::Stall {
                    session: session.to_owned(),
                });
            }
            Op::Look => self.look(step, session, now),
            Op::Close => self.commands.push_back(Command::Close {
                session: session.to_owned(),
            }),
            Op::SendKey => {
                let earlier = self.earlier(session);
                self.send(step, session, "key", now, move |side, deviations| {
                    side.forge_key(deviations, earlier.as_ref())
                });
            }
            Op::SendHandshake => {
                let earlier = self.earlier(session);
                let passed_on = self.passed_on.clone();
                self.send(step, session, "handshake", now, move |side, deviations| {
                    side.passed_on = passed_on;
                    side.forge_handshake(deviations, earlier.as_ref())
                });
            }
            Op::SendItem(message) => {
                self.note_operations(&message.item);
                let earlier = self.earlier(session);
                let what = message.item.describe();
                self.send(step, session, what, now, move |side, deviations| {
                    side.forge_item(message.item, deviations, earlier.as_ref())
                });
            }
            Op::SendFence => self.send_fence(step, session, now),
            Op::UntilPeersKey
            | Op::UntilPassedOn
            | Op::Grace
            | Op::Listen
            | Op::HearOut
            | Op::Witness
            | Op::Await
            | Op::Eventually
            | Op::Shown
            | Op::Tick => {}
        }
    }

    pub(super) fn open(&mut self, step: &Step, session: &str, identity: &str, secret: String) {
        let fixtures = &self.scenario.fixtures;
        let Some(fixture) = fixtures.identity(identity) else {
            return;
        };
        let began = self.read_clock();
        let mut side = Side::new(
            self.scenario.role,
            fixture,
            fixtures.another_known(identity),
            secret,
            self.kem_id,
            self.entropy.child(&format!("{}/{session}", self.step)),
        );
        self.crypto += self.read_clock().saturating_sub(began);
        let mut request = RequestShape::default();
        for deviation in self.deviations_at(step) {
            match deviation {
                Deviation::ContentType(value) => request.content_type = Some(value),
                Deviation::Method(value) => request.method = Some(value),
                Deviation::Deadline(millis) => {
                    request.deadline = Some(Duration::from_millis(millis.into()));
                }
                Deviation::OfferGzip(Flag::On) => request.offers_gzip = true,
                _ => {}
            }
        }
        side.offers_gzip = request.offers_gzip;
        self.sides.insert(session.to_owned(), side);
        let mark = Mark(self.trace.events.len());
        self.marks.insert(session.to_owned(), mark);
        self.commands.push_back(Command::Open {
            session: session.to_owned(),
            identity: identity.to_owned(),
            request,
        });
    }

    /// What a step does differently. A probe is honest whatever its case does: it asks how the peer took that.
    pub(super) fn deviations_at(&self, step: &Step) -> Vec<Deviation> {
        match step.verb {
            Verb::Probe(_) => Vec::new(),
            _ => {
                let everywhere = self.scenario.deviate.iter();
                everywhere.chain(&step.deviate).cloned().collect()
            }
        }
    }

    pub(super) fn put(&mut self, session: &str, out: Out, kind: EventKind, now: Duration) {
        self.record(session, kind, now);
        self.commands.push_back(Command::Send {
            session: session.to_owned(),
            out,
        });
    }

    pub(super) fn send(
        &mut self,
        step: &Step,
        session: &str,
        what: &str,
        now: Duration,
        forge: impl FnOnce(&mut Side, &[Deviation]) -> Option<Forged>,
    ) {
        let deviations = self.deviations_at(step);
        let began = self.read_clock();
        let forged = self
            .sides
            .get_mut(session)
            .filter(|side| !side.is_over())
            .and_then(|side| forge(side, &deviations));
        self.crypto += self.read_clock().saturating_sub(began);
        let Some(forged) = forged else {
            self.record(session, EventKind::NotSent(what.to_owned()), now);
            return;
        };
        let sent = Sent {
            what: what.to_owned(),
            item: forged.item,
            counter: forged.counter,
            deviations: forged.deviations,
            fence: None,
        };
        self.record(session, EventKind::Sent(sent), now);
        for out in forged.out {
            self.commands.push_back(Command::Send {
                session: session.to_owned(),
                out,
            });
        }
    }

    /// The session of this case that came before, whose frames and handshake can be played again.
    fn earlier(&self, session: &str) -> Option<side::Memory> {
        self.sides
            .iter()
            .find(|(name, _)| *name != session && *name != PROBE_SESSION)
            .map(|(_, side)| side.memory().clone())
    }
}
