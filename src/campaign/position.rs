//! Where a dialogue stands, and what must come of the next thing that is said: the model's answer, carried on over as many
//! turns as a dialogue has.

use std::collections::BTreeMap;

use super::dialogue::{Begin, Saying};
use crate::{
    model::{Item, Message, Outcome, State, Verdict, responder},
    rules::RuleId,
    scenario::deviation::Deviation,
    wire::Code,
};

/// A host's view of one stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The state that the model has for it.
    pub state: State,
    /// Operations that the host holds from us, id to modno.
    pub held: BTreeMap<i64, i64>,
}

/// What must come of a saying.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// The rule that says so.
    pub rule: RuleId,
    /// How it shows.
    pub shown: Shown,
}

/// The ways in which it shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// As the model's cells do.
    Cell(Outcome),
    /// These ids are asked for; none is silence.
    Asked(Vec<i64>),
    /// A manifest of these has that answer.
    Holding {
        /// What is listed, id to modno.
        listed: Vec<(i64, i64)>,
        /// What must be asked for.
        asked: Vec<i64>,
    },
    /// The stream ends, with this code as deployed.
    Refused(Code),
    /// The older session ends, the newer one serves.
    Displaced,
}

impl Expected {
    /// Whether the stream goes on behind it, and it is sure to.
    pub fn goes_on(&self) -> bool {
        match &self.shown {
            Shown::Cell(Outcome::Refused { .. } | Outcome::Optional { .. } | Outcome::Gone) => {
                false
            }
            Shown::Cell(_) | Shown::Asked(_) | Shown::Holding { .. } => true,
            Shown::Refused(_) | Shown::Displaced => false,
        }
    }

    /// Whether it may be left to a later turn to show it: nothing is answered.
    pub fn can_wait(&self) -> bool {
        match &self.shown {
            Shown::Cell(Outcome::Taken | Outcome::Stored(_) | Outcome::Forgotten) => true,
            Shown::Holding { .. } => true,
            Shown::Asked(ids) => ids.is_empty(),
            _ => false,
        }
    }
}

impl Position {
    /// Where a dialogue begins.
    pub fn at(begin: Begin) -> Self {
        Position {
            state: match begin {
                Begin::Opened => State::Opened,
                Begin::KeyExchanged => State::KeyExchanged,
                Begin::HandshakeCame => State::HandshakeCame,
                Begin::HandshakeSent => State::HandshakeSent,
                Begin::Established => State::Established,
            },
            held: BTreeMap::new(),
        }
    }

    /// Whether a session is up, and what came of our handshake was seen: what a turn does may then be left to a later one to
    /// show.
    pub fn is_up(&self) -> bool {
        self.state.is_session() && self.state != State::HandshakeSent
    }

    /// The state by which the model answers: its items know one operation, whatever was said since it was stored. Nothing
    /// where that operation stands at a modno that the model does not know.
    fn model_state(&self) -> Option<State> {
        if !self.is_up() {
            return Some(self.state);
        }
        match (self.held.get(&Item::OPERATION_ID), self.state) {
            (Some(&Item::CREATED_MODNO), _) => Some(State::After(Item::CreatedOperations)),
            (Some(&Item::UPDATED_MODNO), _) => Some(State::After(Item::UpdatedOperations)),
            (Some(_), _) => None,
            (None, state) if state.held_modno().is_some() => Some(State::Established),
            (None, state) => Some(state),
        }
    }

    /// What must come of a saying here; nothing where it makes no sense, or the protocol leaves it open.
    pub fn expect(&self, saying: &Saying) -> Option<Expected> {
        match saying {
            Saying::Message(message) => self.of_the_model(*message),
            Saying::Oddly(message, deviation) => {
                let plain =
                    matches!(message, Message::Item(item) if self.is_odd_way(*item, deviation));
                plain.then(|| self.of_the_model(*message)).flatten()
            }
            Saying::Manifest(listed) => {
                let in_session = self.is_up();
                in_session.then(|| Expected {
                    rule: RuleId::ResponderManifestOrder,
                    shown: Shown::Asked(self.missing(listed)),
                })
            }
            Saying::Store { operations, .. } => {
                let after = self.after(saying);
                let listed: Vec<(i64, i64)> = after.held.into_iter().collect();
                let in_session = self.is_up();
                (in_session && !operations.is_empty()).then(|| Expected {
                    rule: RuleId::ResponderOperationsStored,
                    shown: Shown::Holding {
                        listed,
                        asked: Vec::new(),
                    },
                })
            }
            Saying::Delete(ids) => {
                let deleted = ids.iter().filter_map(|id| Some((*id, *self.held.get(id)?)));
                let after = self.after(saying);
                let listed: Vec<(i64, i64)> = deleted.chain(after.held).collect();
                let in_session = self.is_up();
                in_session.then(|| Expected {
                    rule: match ids.iter().any(|id| self.held.contains_key(id)) {
                        true => RuleId::ResponderOperationsDelete,
                        false => RuleId::ResponderOperationsDeleteUnknown,
                    },
                    shown: Shown::Holding {
                        asked: ids
                            .iter()
                            .copied()
                            .filter(|id| self.held.contains_key(id))
                            .collect(),
                        listed,
                    },
                })
            }
            Saying::Spoilt(deviation) | Saying::SpoiltRequest(deviation) => {
                let keyed = self.state != State::Opened;
                // At counter 0 some wrong nonces are the right one; the handshake has used it up in a session.
                let in_session = self.state.is_session();
                (keyed && in_session).then(|| Expected {
                    rule: rule_of_frame(deviation),
                    shown: Shown::Refused(Code::Internal),
                })
            }
            Saying::SpoiltKey(deviation) => (self.state == State::Opened).then_some(Expected {
                rule: match deviation {
                    Deviation::TransportVersion(_) => RuleId::TransportVersionExactResponder,
                    _ => RuleId::TransportKeyLength,
                },
                shown: Shown::Refused(Code::InvalidArgument),
            }),
            Saying::SpoiltHandshake(deviation) => {
                let awaited = matches!(self.state, State::KeyExchanged | State::HandshakeCame);
                awaited.then(|| Expected {
                    rule: rule_of_handshake(deviation),
                    shown: Shown::Refused(Code::PermissionDenied),
                })
            }
            Saying::Again => self.is_up().then_some(Expected {
                rule: RuleId::ResponderNewestSessionWins,
                shown: Shown::Displaced,
            }),
            Saying::Anew => self.is_up().then(|| Expected {
                rule: RuleId::ResponderOperationsStored,
                shown: Shown::Holding {
                    listed: self.held.clone().into_iter().collect(),
                    asked: Vec::new(),
                },
            }),
        }
    }

    fn of_the_model(&self, message: Message) -> Option<Expected> {
        let state = self.model_state()?;
        // What an earlier dialogue left is forgotten only once a session serves.
        let unsure = state == State::HandshakeSent
            && matches!(
                message,
                Message::Item(Item::OperationManifest | Item::KeepAlive)
            );
        match responder(state, message) {
            Verdict::Must(cell) if !unsure => Some(Expected {
                rule: cell.rule,
                shown: Shown::Cell(cell.outcome),
            }),
            _ => None,
        }
    }

    fn is_odd_way(&self, item: Item, deviation: &Deviation) -> bool {
        use crate::scenario::deviation::{FrameFault, PayloadFault};
        let special = matches!(item, Item::EstablishSharedSecret | Item::Handshake);
        match deviation {
            Deviation::Payload(PayloadFault::Unpacked) => item == Item::OperationManifest,
            Deviation::Payload(
                PayloadFault::UnknownFieldBeside | PayloadFault::HeartbeatBefore,
            ) => !special,
            Deviation::Frame(FrameFault::ByteByByte) => true,
            _ => false,
        }
    }

    fn missing(&self, listed: &[(i64, i64)]) -> Vec<i64> {
        let differing = listed
            .iter()
            .filter(|(id, modno)| self.held.get(id) != Some(modno));
        differing.map(|(id, _)| *id).collect()
    }

    /// Where the dialogue stands behind a saying that was taken, before anything shows it.
    pub fn after(&self, saying: &Saying) -> Position {
        let mut next = self.clone();
        match saying {
            Saying::Message(message) | Saying::Oddly(message, _) => next.take(*message),
            Saying::Manifest(listed) => {
                next.held
                    .retain(|id, _| listed.iter().any(|(listed, _)| listed == id));
                next.state = State::After(Item::OperationManifest);
            }
            Saying::Store {
                operations,
                created,
            } => {
                let modnos = operations
                    .iter()
                    .map(|operation| (operation.id, operation.modno));
                next.held.extend(modnos);
                next.state = State::After(match created {
                    true => Item::CreatedOperations,
                    false => Item::UpdatedOperations,
                });
            }
            Saying::Delete(ids) => {
                next.held.retain(|id, _| !ids.contains(id));
                next.state = State::After(Item::DeletedOperations);
            }
            Saying::Anew => next.state = State::Established,
            Saying::Spoilt(_)
            | Saying::SpoiltRequest(_)
            | Saying::SpoiltKey(_)
            | Saying::SpoiltHandshake(_)
            | Saying::Again => {
                next.state = State::Ended;
            }
        }
        next
    }

    fn take(&mut self, message: Message) {
        let Message::Item(item) = message else {
            self.state = State::Ended;
            return;
        };
        match (self.state, item) {
            (State::Opened, Item::EstablishSharedSecret) => {
                self.state = State::KeyExchanged;
                return;
            }
            (State::KeyExchanged | State::HandshakeCame, Item::Handshake) => {
                self.state = State::Established;
                return;
            }
            _ => {}
        }
        let id = Item::OPERATION_ID;
        match item {
            Item::CreatedOperations => drop(self.held.insert(id, Item::CREATED_MODNO)),
            Item::UpdatedOperations => drop(self.held.insert(id, Item::UPDATED_MODNO)),
            Item::DeletedOperations => drop(self.held.remove(&id)),
            Item::EmptyManifest => self.held.clear(),
            Item::OperationManifest => self.held.retain(|held, _| *held == id),
            _ => {}
        }
        self.state = State::After(item);
    }

    /// Where it stands once the outcome was shown: what shows it is said too.
    pub fn shown(mut self, expected: &Expected) -> Position {
        match &expected.shown {
            // The model shows these by a manifest of its one operation.
            Shown::Cell(Outcome::Stored(_)) => self.held.retain(|id, _| *id == Item::OPERATION_ID),
            Shown::Cell(Outcome::Forgotten) => self.held.clear(),
            _ => {}
        }
        self
    }
}

fn rule_of_frame(deviation: &Deviation) -> RuleId {
    use crate::scenario::deviation::{EnvelopeFault, NonceFault};
    match deviation {
        Deviation::Nonce(NonceFault::RepeatLast | NonceFault::RepeatFirst) => {
            RuleId::EnvelopeReplayRefused
        }
        Deviation::Nonce(NonceFault::SkipOne | NonceFault::SkipMany) => RuleId::EnvelopeGapRefused,
        Deviation::Nonce(
            NonceFault::OneByteShort | NonceFault::OneByteLong | NonceFault::Missing,
        ) => RuleId::EnvelopeNonceLength,
        Deviation::Nonce(_) => RuleId::EnvelopeNonceIsCompared,
        Deviation::Envelope(EnvelopeFault::Replayed) => RuleId::EnvelopeReplayRefused,
        Deviation::Envelope(_) => RuleId::EnvelopePlaintextRefused,
        _ => RuleId::EnvelopeTagChecked,
    }
}

fn rule_of_handshake(deviation: &Deviation) -> RuleId {
    match deviation {
        Deviation::ProtocolVersion(_) => RuleId::HandshakeVersion3,
        Deviation::InstanceId(_) => RuleId::HandshakeInstanceIdOfKey,
        Deviation::PublicKey(_) => RuleId::HandshakeKeyEncoding,
        Deviation::KeyId(_) => RuleId::HandshakeKeyidMatchesKey,
        Deviation::Identity(_) => RuleId::HandshakeUnknownKeyRefused,
        _ => RuleId::HandshakeSignatureValid,
    }
}
