//! What a correct host does: `docs/protocol.md`, sections 2 to 6 and 8, state by state.
//!
//! A code is the one that section 8 names; where the text leaves it open which of two faults counts, the other's code is
//! as good.

use super::{
    message::{Item, Message},
    state::State,
    verdict::{Answer, Outcome, Verdict, must, refused, taken},
};
use crate::{
    rules::RuleId,
    wire::Code::{self, Internal, InvalidArgument, PermissionDenied},
};

/// What a host must do with this message in this state.
pub fn responder(state: State, message: Message) -> Verdict {
    if message == Message::Reset && state != State::Ended {
        return must(RuleId::ResponderSurvives, Outcome::Gone);
    }
    match state {
        State::Opened => opened(message),
        State::KeyExchanged | State::HandshakeCame => key_exchanged(message),
        State::HandshakeSent | State::Established | State::After(_) => session(state, message),
        State::Refused => behind_a_fault(message),
        State::Ended => Verdict::LeftOut("nothing can be sent on a stream that is over"),
    }
}

/// Section 2: the first item is the key exchange, and nothing else.
fn opened(message: Message) -> Verdict {
    match message {
        Message::Item(Item::EstablishSharedSecret) => {
            must(RuleId::TransportReplyShape, Outcome::AnsweredWithKey)
        }
        Message::Item(_) | Message::UnknownAction | Message::NoAction => {
            refused(RuleId::TransportFirstItemOnlyKey, InvalidArgument, &[])
        }
        Message::Spoilt(_) | Message::NotProtobuf | Message::Truncated => {
            let also = &[InvalidArgument];
            refused(RuleId::WireMalformedEndsSession, Internal, also)
        }
        Message::Clear(_) => Verdict::LeftOut("everything is in the clear before the key exchange"),
        Message::Nested | Message::Reset => {
            Verdict::LeftOut("there are no keys to seal with before the key exchange")
        }
    }
}

/// Section 4: the first sealed item is the handshake, and nothing else.
fn key_exchanged(message: Message) -> Verdict {
    match message {
        Message::Item(Item::Handshake) => {
            must(RuleId::HandshakeFirstInEachDirection, Outcome::Established)
        }
        Message::Item(_) | Message::UnknownAction | Message::NoAction | Message::Nested => refused(
            RuleId::HandshakeAnythingElseFirstRefused,
            PermissionDenied,
            &[InvalidArgument],
        ),
        message => not_an_item(message, &[InvalidArgument, PermissionDenied]),
    }
}

/// Section 3: what is not sealed, or holds no item when it is opened.
fn not_an_item(message: Message, also: &'static [Code]) -> Verdict {
    match message {
        // In the clear it is an envelope, one that does not open.
        Message::Clear(Item::Encrypted) => refused(RuleId::EnvelopeTagChecked, Internal, also),
        Message::Clear(_) => refused(RuleId::EnvelopePlaintextRefused, Internal, also),
        _ => refused(RuleId::EnvelopeInnerMalformed, Internal, also),
    }
}

/// Section 6: the two tables of what a host receives.
fn session(state: State, message: Message) -> Verdict {
    match message {
        Message::Item(item) => action(state, item),
        Message::Nested => refused(RuleId::EnvelopeNestedRefused, InvalidArgument, &[]),
        Message::NoAction => refused(RuleId::EnvelopeEmptyItemRefused, InvalidArgument, &[]),
        Message::UnknownAction => {
            refused(RuleId::ResponderUnknownActionRefused, InvalidArgument, &[])
        }
        message => not_an_item(message, &[InvalidArgument]),
    }
}

fn action(state: State, item: Item) -> Verdict {
    let protocol_error = |rule| refused(rule, InvalidArgument, &[]);
    match item {
        Item::Heartbeat | Item::ReceiveConfig | Item::ReceiveResources => {
            taken(RuleId::ResponderTakesClientActions)
        }
        Item::OperationManifest => manifest(state),
        Item::EmptyManifest => match state.held_modno() {
            Some(_) => must(RuleId::ResponderManifestDeletesAbsent, Outcome::Forgotten),
            None => taken(RuleId::ResponderManifestRequestsNoMore),
        },
        Item::ManifestShortOfModnos | Item::ManifestShortOfIds => {
            protocol_error(RuleId::ResponderManifestLengths)
        }
        Item::CreatedOperations => stored(state, Item::CREATED_MODNO),
        Item::UpdatedOperations => stored(state, Item::UPDATED_MODNO),
        Item::DeletedOperations => match state.held_modno() {
            Some(_) => must(RuleId::ResponderOperationsDelete, Outcome::Forgotten),
            None => taken(RuleId::ResponderOperationsDeleteUnknown),
        },
        Item::KeepAlive => match state.held_modno() {
            Some(modno) => must(RuleId::ResponderOperationsKeepAlive, Outcome::Stored(modno)),
            None => taken(RuleId::ResponderOperationsKeepAlive),
        },
        Item::OperationsWithoutEvent => protocol_error(RuleId::ResponderOperationsNoEvent),
        Item::OperationsOfNoKind => protocol_error(RuleId::ResponderOperationsNoKind),
        Item::OperationWithoutFields => refused(
            RuleId::ResponderOperationsInvalidRefused,
            InvalidArgument,
            &[Internal],
        ),
        Item::RequestOperationData
        | Item::SetConfig
        | Item::EmptySetConfig
        | Item::RequestResources => protocol_error(RuleId::ResponderHostOnlyActionsRefused),
        Item::RequestLog | Item::ReceiveLogData => optional(RuleId::ResponderLogsOrRefusal, state),
        Item::Throttle => optional(RuleId::ResponderThrottleOrRefusal, state),
        Item::Handshake => protocol_error(RuleId::HandshakeAgainRefused),
        Item::Encrypted => protocol_error(RuleId::EnvelopeNestedRefused),
        Item::SignedMessage | Item::EstablishSharedSecret => {
            protocol_error(RuleId::ResponderUnknownActionRefused)
        }
        Item::ReceiveConfigWithoutConfig => Verdict::LeftOut(
            "the text demands a config of hosts; of a client without one it says nothing",
        ),
    }
}

/// A manifest lists the operation at the modno it was created with.
fn manifest(state: State) -> Verdict {
    let asked = Outcome::AnsweredWith(Answer::RequestOperationData);
    match state.held_modno() {
        None => must(RuleId::ResponderManifestRequestsNew, asked),
        Some(Item::CREATED_MODNO) => taken(RuleId::ResponderManifestRequestsNoMore),
        Some(_) => must(RuleId::ResponderManifestRequestsChanged, asked),
    }
}

fn stored(state: State, modno: i64) -> Verdict {
    let rule = match state.held_modno() {
        None => RuleId::ResponderOperationsStored,
        Some(_) => RuleId::ResponderOperationsUpsert,
    };
    must(rule, Outcome::Stored(modno))
}

fn optional(rule: RuleId, state: State) -> Verdict {
    match state {
        State::Established => must(
            rule,
            Outcome::Optional {
                code: InvalidArgument,
            },
        ),
        _ => Verdict::LeftOut("optional: that it is served or refused shows in a session already"),
    }
}

/// Section 3: the session is over, whatever comes. Which of the two items its code is for is left open.
fn behind_a_fault(message: Message) -> Verdict {
    match message {
        Message::Item(_) => must(
            RuleId::EnvelopeFirstFaultIsFinal,
            Outcome::Refused {
                code: None,
                also: &[],
            },
        ),
        _ => Verdict::LeftOut("two faults in a row show no more than the first"),
    }
}
