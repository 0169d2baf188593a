//! Which states and transitions of the model a trace went through.
//!
//! It goes by what was seen, whatever the model expects: a peer that goes on where it must refuse shows a transition
//! that the matrix lacks.

use std::collections::BTreeSet;

use super::{
    matrix::{places, verdict},
    message::{Item, Message},
    state::State,
    verdict::Verdict,
};
use crate::{
    trace::{BEFORE_ANY_KEY, EventKind, Sent, Trace},
    wire::Role,
};

/// What was said to the peer under test at a transition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Said {
    /// A message of the matrix.
    Message(Message),
    /// Anything else: an item whose sealing, frame or content departs from the protocol in a way of its own.
    Deviation,
    /// The end of our side.
    HalfClose,
}

/// One step of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Transition {
    /// The role of the peer under test.
    pub role: Role,
    /// The state before.
    pub from: State,
    /// What was said.
    pub said: Said,
    /// The state after, as far as it was seen.
    pub to: State,
}

/// The states and transitions that were seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Every state, by role.
    pub states: BTreeSet<(Role, State)>,
    /// Every transition.
    pub transitions: BTreeSet<Transition>,
}

/// How much of the model that is, for one role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// States seen.
    pub states: usize,
    /// States there are.
    pub states_all: usize,
    /// Cells of the matrix that were played.
    pub cells: usize,
    /// Cells for which the model says what must happen.
    pub cells_all: usize,
    /// Transitions seen that are no cell of it.
    pub beyond: usize,
}

impl Coverage {
    /// What one trace went through; the peer under test plays `role`.
    pub fn of(trace: &Trace, role: Role) -> Coverage {
        let mut coverage = Coverage::default();
        let sessions: BTreeSet<&str> = trace
            .events
            .iter()
            .map(|event| event.session.as_str())
            .collect();
        for session in sessions {
            let mut walk = Walk::new(role, &mut coverage);
            for (_, event) in trace.of(session) {
                walk.see(&event.kind);
            }
            walk.settle();
        }
        coverage
    }

    /// Adds what another went through.
    pub fn add(&mut self, other: &Coverage) {
        self.states.extend(&other.states);
        self.transitions.extend(&other.transitions);
    }

    /// How much of one role's model was seen.
    pub fn share(&self, role: Role) -> Share {
        let played: BTreeSet<(State, Said)> = self
            .transitions
            .iter()
            .filter(|transition| transition.role == role)
            .map(|transition| (transition.from, transition.said))
            .collect();
        let places: Vec<_> = places(role).collect();
        let all: BTreeSet<State> = places.iter().map(|place| place.state).collect();
        let cells: BTreeSet<(State, Said)> = places
            .into_iter()
            .filter(|place| matches!(verdict(*place), Verdict::Must(_)))
            .map(|place| (place.state, Said::Message(place.message)))
            .collect();
        let seen = all
            .iter()
            .filter(|state| self.states.contains(&(role, **state)));
        Share {
            states: seen.count(),
            states_all: all.len(),
            cells: cells.intersection(&played).count(),
            cells_all: cells.len(),
            beyond: played.difference(&cells).count(),
        }
    }
}

/// One session, walked event by event.
struct Walk<'a> {
    role: Role,
    state: State,
    /// What was said last, and the state it was said in, until it is seen where that led.
    said: Option<(State, Said)>,
    handshake_sent: bool,
    verified: bool,
    coverage: &'a mut Coverage,
}

impl<'a> Walk<'a> {
    fn new(role: Role, coverage: &'a mut Coverage) -> Self {
        Walk {
            role,
            state: State::Opened,
            said: None,
            handshake_sent: false,
            verified: false,
            coverage,
        }
    }

    fn see(&mut self, kind: &EventKind) {
        match kind {
            EventKind::Opened => self.reach(State::Opened),
            EventKind::Sent(sent) => self.say(said(sent, self.state), sent),
            EventKind::HalfClosed => self.pend(Said::HalfClose),
            EventKind::ResetByUs => {
                self.pend(Said::Message(Message::Reset));
                self.reach(State::Ended);
            }
            // A client's key comes by itself; ours is what exchanges keys.
            EventKind::KeyExchanged if self.role == Role::Responder => {
                self.reach(State::KeyExchanged);
            }
            EventKind::Verified(_) => {
                self.verified = true;
                match self.state {
                    State::HandshakeSent => self.reach(State::Established),
                    State::KeyExchanged => self.reach(State::HandshakeCame),
                    _ => {}
                }
            }
            EventKind::Ended(_) => self.reach(State::Ended),
            _ => {}
        }
    }

    fn say(&mut self, said: Said, sent: &Sent) {
        self.pend(said);
        let next = match said {
            Said::Message(Message::Item(Item::Handshake)) if !self.handshake_sent => {
                self.handshake_sent = true;
                match self.verified {
                    true => State::Established,
                    false => State::HandshakeSent,
                }
            }
            Said::Message(Message::Item(Item::EstablishSharedSecret))
                if self.role == Role::Initiator && self.state == State::Opened =>
            {
                State::KeyExchanged
            }
            Said::Message(Message::Item(_)) if sent.fence.is_some() => return,
            Said::Message(Message::Item(item)) if self.state.is_session() => State::After(item),
            Said::Message(Message::Item(_)) => return,
            _ => State::Refused,
        };
        self.state = next;
    }

    /// Whatever was said before led to the state that now is.
    fn pend(&mut self, said: Said) {
        self.settle();
        self.said = Some((self.state, said));
    }

    fn reach(&mut self, state: State) {
        self.state = state;
        self.coverage.states.insert((self.role, state));
    }

    fn settle(&mut self) {
        self.coverage.states.insert((self.role, self.state));
        if let Some((from, said)) = self.said.take() {
            self.coverage.transitions.insert(Transition {
                role: self.role,
                from,
                said,
                to: self.state,
            });
        }
    }
}

/// The column that what was sent belongs to.
fn said(sent: &Sent, state: State) -> Said {
    let words: Vec<&str> = sent
        .deviations
        .iter()
        .map(String::as_str)
        .filter(|word| *word != BEFORE_ANY_KEY)
        .collect();
    let item = match sent.what.as_str() {
        "key" => Some(Item::EstablishSharedSecret),
        "handshake" => Some(Item::Handshake),
        _ => sent.item.as_ref().and_then(Item::of),
    };
    let message = match (words.as_slice(), item) {
        ([], Some(Item::EstablishSharedSecret)) if sent.what == "key" && state != State::Opened => {
            Message::Clear(Item::EstablishSharedSecret)
        }
        (["envelope: key-again"], _) => Message::Clear(Item::EstablishSharedSecret),
        ([], Some(item)) => Message::Item(item),
        (["envelope: plain"], Some(item)) => Message::Clear(item.of_its_action()),
        (["payload: content-not-protobuf"], Some(item)) => Message::Spoilt(item.of_its_action()),
        (["payload: unknown-action"], _) => Message::UnknownAction,
        (["payload: empty-item"], _) => Message::NoAction,
        (["payload: nested"], _) => Message::Nested,
        (["payload: not-protobuf"], _) => Message::NotProtobuf,
        (["payload: truncated"], _) => Message::Truncated,
        _ => return Said::Deviation,
    };
    Said::Message(message)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::trace::{End, Event};

    fn sent(what: &str, item: Option<Item>, words: &[&str]) -> EventKind {
        EventKind::Sent(Sent {
            what: what.to_owned(),
            item: item.map(|item| item.sample()),
            counter: None,
            deviations: words.iter().map(|word| (*word).to_owned()).collect(),
            fence: None,
        })
    }

    fn verified() -> EventKind {
        EventKind::Verified(crate::session::VerifiedPeer {
            keyid: "ed25519.x".to_owned(),
            instance_id: "host".to_owned(),
            pairing_secret: String::new(),
        })
    }

    fn ended() -> EventKind {
        EventKind::Ended(End::NoStatus)
    }

    fn walk(kinds: Vec<EventKind>) -> Vec<(State, Said, State)> {
        let events = kinds.into_iter().map(|kind| Event {
            at: Duration::ZERO,
            step: 0,
            session: "main".to_owned(),
            kind,
        });
        let trace = Trace {
            events: events.collect(),
        };
        let coverage = Coverage::of(&trace, Role::Responder);
        let transitions = coverage.transitions.into_iter();
        transitions
            .map(|transition| (transition.from, transition.said, transition.to))
            .collect()
    }

    fn item(item: Item) -> Said {
        Said::Message(Message::Item(item))
    }

    #[test]
    fn whole_session_then_each_of_its_transitions() {
        let seen = walk(vec![
            EventKind::Opened,
            sent("key", Some(Item::EstablishSharedSecret), &[]),
            EventKind::KeyExchanged,
            sent("handshake", Some(Item::Handshake), &[]),
            verified(),
            sent("heartbeat", Some(Item::Heartbeat), &[]),
            sent("setConfig", Some(Item::SetConfig), &[]),
            ended(),
        ]);
        assert_eq!(
            seen,
            [
                (
                    State::Opened,
                    item(Item::EstablishSharedSecret),
                    State::KeyExchanged
                ),
                (
                    State::KeyExchanged,
                    item(Item::Handshake),
                    State::Established
                ),
                (
                    State::Established,
                    item(Item::Heartbeat),
                    State::After(Item::Heartbeat)
                ),
                (
                    State::After(Item::Heartbeat),
                    item(Item::SetConfig),
                    State::Ended
                ),
            ]
        );
    }

    #[test]
    fn spoilt_item_then_its_column_and_what_follows_is_behind_a_fault() {
        let seen = walk(vec![
            EventKind::Opened,
            sent(
                "heartbeat",
                Some(Item::Heartbeat),
                &["payload: empty-item", BEFORE_ANY_KEY],
            ),
            sent("heartbeat", Some(Item::Heartbeat), &["nonce: random"]),
            ended(),
        ]);
        assert_eq!(
            seen,
            [
                (
                    State::Opened,
                    Said::Message(Message::NoAction),
                    State::Refused
                ),
                (State::Refused, Said::Deviation, State::Ended),
            ]
        );
    }

    #[test]
    fn every_item_then_recognised() {
        for of_all in Item::ALL {
            assert_eq!(Item::of(&of_all.sample()), Some(of_all));
        }
    }

    #[test]
    fn nothing_seen_then_nothing_of_all() {
        let share = Coverage::default().share(Role::Responder);
        assert_eq!((share.states, share.cells, share.beyond), (0, 0, 0));
        assert!(share.states_all > 10 && share.cells_all > 500, "{share:?}");
    }
}
