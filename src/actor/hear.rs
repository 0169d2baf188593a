//! What comes from the peer, and what is noted of it.

use std::time::Duration;

use super::{Actor, Input, secrets, side::Side};
use crate::{
    rules::RuleId,
    session::Violation,
    trace::{EVENTS_MAX, EventKind, RECEIVED_LEN_BYTES_MAX},
};

impl Actor<'_> {
    /// Takes note of something that happened on a session's link.
    pub fn note(&mut self, session: &str, input: Input, now: Duration) {
        if let Input::Message { payload, .. } = &input {
            self.received_len_bytes += payload.len();
        }
        if self.trace.events.len() >= EVENTS_MAX || self.received_len_bytes > RECEIVED_LEN_BYTES_MAX
        {
            if !self.finished {
                self.finished = true;
                self.record(session, EventKind::Flooded, now);
            }
            return;
        }
        if matches!(input, Input::NotOpened(_)) && self.counts_after_all(session) {
            return;
        }
        if let Input::PassedOn(handshake) = input {
            self.passed_on = Some(*handshake);
            return;
        }
        let was_keyed = self.has_peers_key(session);
        let began = self.read_clock();
        let mut kinds = match (input, self.sides.get_mut(session)) {
            (
                Input::Message {
                    payload,
                    compressed,
                },
                Some(side),
            ) => side.receive(&payload, compressed),
            (Input::Message { payload, .. }, None) if self.looks.contains(session) => {
                self.last_told = now;
                self.read_state(&payload)
            }
            (Input::Message { .. }, None) => Vec::new(),
            // Taken above.
            (Input::PassedOn(_), _) => Vec::new(),
            (Input::Told(answer), _) => vec![EventKind::Told(answer)],
            (Input::Opened, _) => vec![EventKind::Opened],
            (Input::NotOpened(failure), side) => {
                side.into_iter().for_each(Side::over);
                vec![EventKind::NotOpened(failure)]
            }
            (
                Input::Answered {
                    status,
                    content_type,
                },
                _,
            ) => {
                vec![EventKind::Answered {
                    status,
                    content_type,
                }]
            }
            (Input::Alive, _) => vec![EventKind::Alive],
            (Input::Ended(end), side) => {
                side.into_iter().for_each(Side::over);
                let told = secrets::told(&end, &self.scenario.fixtures, &self.sides);
                [EventKind::Ended(end)].into_iter().chain(told).collect()
            }
        };
        self.crypto += self.read_clock().saturating_sub(began);
        if !was_keyed && self.has_peers_key(session) {
            kinds.extend(self.key_used_before(session).map(EventKind::Noticed));
            kinds.extend(self.point_used_before(session).map(EventKind::Noticed));
        }
        for kind in kinds {
            self.record(session, kind, now);
        }
        self.take_the_next_call(session, false);
    }

    pub(super) fn has_peers_key(&self, session: &str) -> bool {
        self.sides.get(session).is_some_and(Side::has_peers_key)
    }

    /// Remembers the public key that a call brought; a violation if an earlier one brought it too.
    fn key_used_before(&mut self, session: &str) -> Option<Violation> {
        let key = self.sides.get(session)?.exchange.peer_key()?.to_vec();
        if self.peer_keys.contains(&key) {
            return Some(Violation::protocol(
                RuleId::TransportFreshKey,
                "a public key that an earlier call of this case had",
            ));
        }
        self.peer_keys.push(key);
        None
    }

    /// The same for the ephemeral point of an encapsulation, which depends on nothing but the host's randomness.
    fn point_used_before(&mut self, session: &str) -> Option<Violation> {
        let point = self.sides.get_mut(session)?.peer_point.take()?;
        if self.peer_points.contains(&point) {
            return Some(Violation::protocol(
                RuleId::TransportFreshEncapsulation,
                "an ephemeral point that an earlier encapsulation of this case had",
            ));
        }
        self.peer_points.push(point);
        None
    }
}
