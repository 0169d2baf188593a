//! What a correct peer does with a message in a state.

use super::{
    message::{Item, Message},
    state::State,
};
use crate::{
    rules::RuleId,
    wire::{Code, Role},
};

/// One cell of the matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The protocol says what must happen.
    Must(Cell),
    /// There is no case for it, for this reason.
    LeftOut(&'static str),
}

/// What must happen, and the rule that says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    /// The rule.
    pub rule: RuleId,
    /// What must happen.
    pub outcome: Outcome,
}

/// What a peer must do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It answers with its part of the key exchange.
    AnsweredWithKey,
    /// It takes our handshake: the session serves.
    Established,
    /// It answers with this action, and goes on.
    AnsweredWith(Answer),
    /// It takes it without an answer, and goes on.
    Taken,
    /// The same, and it now holds [`Item::OPERATION_ID`] at this modno.
    Stored(i64),
    /// The same, and it no longer holds [`Item::OPERATION_ID`].
    Forgotten,
    /// It refuses: a responder ends the stream, with this code as deployed. Other codes of `also` are as good.
    Refused {
        /// The code that deployed peers give; none where several items are under way.
        code: Option<Code>,
        /// Codes that are as good, where the text leaves it open which fault counts.
        also: &'static [Code],
    },
    /// It refuses with this code, or it serves: an optional capability.
    Optional {
        /// The code that deployed peers give.
        code: Code,
    },
    /// It does no more on this stream; a new session must be served.
    Gone,
}

/// The answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// request_operation_data of [`Item::OPERATION_ID`].
    RequestOperationData,
    /// operation_manifest.
    OperationManifest,
    /// receive_resources.
    ReceiveResources,
}

impl Answer {
    /// The action's name in JSON.
    pub fn action(self) -> &'static str {
        match self {
            Answer::RequestOperationData => "requestOperationData",
            Answer::OperationManifest => "operationManifest",
            Answer::ReceiveResources => "receiveResources",
        }
    }
}

impl Cell {
    /// The states that may follow. `Refused` is over as soon as the peer has ended the stream.
    pub fn next(&self, state: State, message: Message) -> Vec<State> {
        let taken = match message {
            Message::Item(item) if state.is_session() => State::After(item),
            _ => state,
        };
        match self.outcome {
            Outcome::AnsweredWithKey => vec![State::KeyExchanged],
            Outcome::Established => vec![State::Established],
            Outcome::AnsweredWith(_) | Outcome::Taken | Outcome::Stored(_) | Outcome::Forgotten => {
                vec![taken]
            }
            Outcome::Refused { .. } => vec![State::Refused],
            Outcome::Optional { .. } => vec![taken, State::Refused],
            Outcome::Gone => vec![State::Ended],
        }
    }
}

pub(super) fn must(rule: RuleId, outcome: Outcome) -> Verdict {
    Verdict::Must(Cell { rule, outcome })
}

pub(super) fn refused(rule: RuleId, code: Code, also: &'static [Code]) -> Verdict {
    let code = Some(code);
    must(rule, Outcome::Refused { code, also })
}

pub(super) fn taken(rule: RuleId) -> Verdict {
    must(rule, Outcome::Taken)
}

/// Items that a peer takes in a session, each of which makes a state of its own.
pub fn taken_items(role: Role) -> Vec<Item> {
    let items = Item::ALL.into_iter();
    let is_taken = |item: &Item| {
        matches!(
            super::verdict(role, State::Established, Message::Item(*item)),
            Verdict::Must(Cell {
                outcome: Outcome::AnsweredWith(_)
                    | Outcome::Taken
                    | Outcome::Stored(_)
                    | Outcome::Forgotten,
                ..
            })
        )
    };
    items.filter(is_taken).collect()
}
