//! What a correct client does: `docs/protocol.md`, sections 2 to 4 and 7, state by state.
//!
//! How a client refuses is not seen; that it answers no further item is.

use super::{
    message::{Item, Message},
    state::State,
    verdict::{Answer, Outcome, Verdict, must, taken},
};
use crate::{rules::RuleId, wire::Code};

/// What a client must do with this message in this state.
pub fn initiator(state: State, message: Message) -> Verdict {
    if message == Message::Reset && !matches!(state, State::HandshakeCame | State::Ended) {
        return must(RuleId::InitiatorSurvives, Outcome::Gone);
    }
    match state {
        State::Opened => opened(message),
        State::KeyExchanged => key_exchanged(message),
        State::HandshakeCame => {
            Verdict::LeftOut("a client may wait for the host's handshake before it sends its own")
        }
        State::HandshakeSent | State::Established | State::After(_) => session(state, message),
        State::Refused => match message {
            Message::Item(_) => refused(RuleId::EnvelopeFirstFaultIsFinal),
            _ => Verdict::LeftOut("two faults in a row show no more than the first"),
        },
        State::Ended => Verdict::LeftOut("nothing can be sent on a stream that is over"),
    }
}

/// Section 2: the reply to its key is an encapsulation, and nothing else.
fn opened(message: Message) -> Verdict {
    match message {
        Message::Item(Item::EstablishSharedSecret) => Verdict::LeftOut(
            "that a client took the encapsulation shows in what it makes of a handshake",
        ),
        Message::Item(_) | Message::UnknownAction | Message::NoAction => {
            refused(RuleId::TransportReplyOnlyEncapsulation)
        }
        Message::Spoilt(_) | Message::NotProtobuf | Message::Truncated => {
            refused(RuleId::WireMalformedEndsSession)
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
        Message::Item(_) | Message::UnknownAction | Message::NoAction | Message::Nested => {
            refused(RuleId::HandshakeAnythingElseFirstRefused)
        }
        message => not_an_item(message),
    }
}

/// Section 3: what is not sealed, or holds no item when it is opened.
fn not_an_item(message: Message) -> Verdict {
    match message {
        // In the clear it is an envelope, one that does not open.
        Message::Clear(Item::Encrypted) => refused(RuleId::EnvelopeTagChecked),
        Message::Clear(_) => refused(RuleId::EnvelopePlaintextRefused),
        _ => refused(RuleId::EnvelopeInnerMalformed),
    }
}

/// Section 7: what a client receives.
fn session(state: State, message: Message) -> Verdict {
    match message {
        Message::Item(item) => action(state, item),
        Message::Nested => refused(RuleId::EnvelopeNestedRefused),
        Message::NoAction => refused(RuleId::EnvelopeEmptyItemRefused),
        Message::UnknownAction => refused(RuleId::InitiatorUnknownActionRefused),
        message => not_an_item(message),
    }
}

fn action(state: State, item: Item) -> Verdict {
    let answered = |rule, answer| must(rule, Outcome::AnsweredWith(answer));
    match item {
        Item::Heartbeat | Item::ReceiveConfig | Item::ReceiveResources => {
            taken(RuleId::InitiatorTakesHostActions)
        }
        Item::RequestOperationData => taken(RuleId::InitiatorSkipsUnknownIds),
        Item::OperationManifest | Item::EmptyManifest => {
            answered(RuleId::InitiatorResendsManifest, Answer::OperationManifest)
        }
        Item::RequestResources => {
            answered(RuleId::InitiatorResendsResources, Answer::ReceiveResources)
        }
        Item::EmptySetConfig => taken(RuleId::InitiatorSetConfigNoChange),
        Item::SetConfig => refused(RuleId::InitiatorSetConfigPlanPermission),
        Item::ReceiveConfigWithoutConfig => refused(RuleId::InitiatorConfigRequired),
        Item::CreatedOperations
        | Item::UpdatedOperations
        | Item::DeletedOperations
        | Item::KeepAlive
        | Item::OperationsWithoutEvent
        | Item::OperationsOfNoKind
        | Item::OperationWithoutFields => refused(RuleId::InitiatorClientOnlyActionsRefused),
        Item::RequestLog | Item::ReceiveLogData | Item::Throttle => match state {
            // No rule of its own: the text calls it an error, and an optional capability elsewhere.
            State::Established => must(
                RuleId::InitiatorSurvives,
                Outcome::Optional {
                    code: Code::InvalidArgument,
                },
            ),
            _ => Verdict::LeftOut(
                "optional: that it is served or refused shows in a session already",
            ),
        },
        Item::Handshake => refused(RuleId::HandshakeAgainRefused),
        Item::Encrypted => refused(RuleId::EnvelopeNestedRefused),
        Item::SignedMessage | Item::EstablishSharedSecret => {
            refused(RuleId::InitiatorUnknownActionRefused)
        }
        Item::ManifestShortOfModnos | Item::ManifestShortOfIds => Verdict::LeftOut(
            "a client answers whatever manifest comes; of one that is malformed the text says nothing",
        ),
    }
}

fn refused(rule: RuleId) -> Verdict {
    must(
        rule,
        Outcome::Refused {
            code: None,
            also: &[],
        },
    )
}
