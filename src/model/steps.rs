//! How a state is reached and a cell is shown, as the steps of a scenario.

use serde_json::{Value as Json, json};

use super::{
    message::{Item, Message},
    state::State,
    verdict,
    verdict::{Answer, Cell, Outcome, Verdict},
};
use crate::{
    rules::RuleId,
    wire::{Code, Role},
};

/// The steps that bring a stream into a state.
pub fn reach(role: Role, state: State) -> Vec<Json> {
    match (role, state) {
        (_, State::Opened) => vec![json!("connect")],
        (_, State::KeyExchanged) => {
            let mut steps = reach(role, State::Opened);
            steps.extend([json!({ "send": "key" }), json!({ "expect": "key" })]);
            steps
        }
        (_, State::HandshakeCame) => {
            let mut steps = reach(role, State::KeyExchanged);
            steps.push(json!({
                "expect": "handshake",
                "rule": RuleId::HandshakeResponderDoesNotWait.as_str(),
            }));
            steps
        }
        (_, State::HandshakeSent) => {
            let mut steps = reach(role, State::KeyExchanged);
            steps.push(json!({ "send": "handshake" }));
            steps
        }
        (_, State::Established) => vec![json!("establish")],
        (_, State::After(item)) => {
            let answer = match verdict(role, State::Established, Message::Item(item)) {
                Verdict::Must(Cell {
                    outcome: Outcome::AnsweredWith(answer),
                    ..
                }) => Some(answer),
                _ => None,
            };
            let mut steps = reach(role, State::Established);
            // A host should ignore the deletion of what it does not hold, and need not; what it holds it must delete.
            if item == Item::DeletedOperations {
                steps.push(json!({ "send": Item::CreatedOperations.json() }));
            }
            steps.push(json!({ "send": item.json() }));
            steps.extend(answer.map(answered));
            steps
        }
        (_, State::Refused | State::Ended) => {
            let mut steps = reach(role, State::Established);
            steps.push(json!({
                "send": Item::Heartbeat.json(),
                "deviate": { "ciphertext": "tag-bit-flipped" },
            }));
            steps
        }
    }
}

/// The steps that send a message in a state.
pub fn say(state: State, message: Message) -> Vec<Json> {
    let keyed = state != State::Opened;
    let payload = |item: Item, fault: &str| json!({ "send": as_sent(item, keyed), "deviate": { "payload": fault } });
    vec![match message {
        Message::Item(Item::EstablishSharedSecret) if !keyed => json!({ "send": "key" }),
        Message::Item(item) => json!({ "send": as_sent(item, keyed) }),
        Message::Clear(Item::EstablishSharedSecret) => json!({
            "send": Item::Heartbeat.json(),
            "deviate": { "envelope": "key-again" },
        }),
        Message::Clear(item) => json!({
            "send": as_sent(item, keyed),
            "deviate": { "envelope": "plain" },
        }),
        Message::Spoilt(item) => payload(item, "content-not-protobuf"),
        Message::UnknownAction => payload(Item::Heartbeat, "unknown-action"),
        Message::NoAction => payload(Item::Heartbeat, "empty-item"),
        Message::Nested => payload(Item::OperationManifest, "nested"),
        Message::NotProtobuf => payload(Item::Heartbeat, "not-protobuf"),
        Message::Truncated => payload(Item::OperationManifest, "truncated"),
        Message::Reset => json!("reset"),
    }]
}

/// A handshake needs keys to be signed over; before there are any it can only look like one.
fn as_sent(item: Item, keyed: bool) -> Json {
    match item {
        Item::Handshake if keyed => json!("handshake"),
        item => item.json(),
    }
}

/// The steps that show what a peer made of it.
pub fn show(role: Role, state: State, outcome: Outcome) -> Vec<Json> {
    // Where nothing was waited for, the peer's handshake is still to come.
    let goes_on = match state {
        State::HandshakeSent | State::KeyExchanged | State::HandshakeCame => {
            json!("expect-established")
        }
        _ => json!("fence"),
    };
    match outcome {
        Outcome::AnsweredWithKey => vec![json!({ "expect": "key" })],
        Outcome::Established | Outcome::Taken => vec![goes_on],
        Outcome::AnsweredWith(answer) => {
            let mut steps = Vec::new();
            if state == State::HandshakeSent {
                steps.push(json!({ "expect": "handshake" }));
                // What a client's session begins with comes first, and is of the same kind.
                steps.extend((role == Role::Initiator).then(|| answered(answer)));
            }
            steps.extend([answered(answer), json!("fence")]);
            steps
        }
        Outcome::Stored(modno) => vec![manifest(modno), goes_on],
        Outcome::Forgotten => vec![
            manifest(Item::CREATED_MODNO),
            answered(Answer::RequestOperationData),
            json!("fence"),
        ],
        Outcome::Refused { code, also } => {
            let refused = match (code.filter(|_| role == Role::Responder), also) {
                (None, _) => json!("expect-refused"),
                (Some(code), []) => json!({ "expect-refused": { "code": code.name() } }),
                (Some(code), also) => json!({ "expect-refused": {
                    "code": code.name(),
                    "also-allowed": also.iter().map(|code| code.name()).collect::<Vec<_>>(),
                } }),
            };
            vec![refused, probe()]
        }
        Outcome::Optional { code } => vec![
            match role {
                Role::Responder => {
                    json!({ "expect-refused": { "code": code.name(), "or-goes-on": true } })
                }
                Role::Initiator => json!({ "expect-refused": { "or-goes-on": true } }),
            },
            probe(),
        ],
        Outcome::Gone => vec![probe()],
    }
}

/// The close rule that names a code.
pub fn close_rule(code: Code) -> RuleId {
    match code {
        Code::PermissionDenied => RuleId::CloseAuthCode,
        Code::InvalidArgument => RuleId::CloseProtocolCode,
        _ => RuleId::CloseOtherCode,
    }
}

fn manifest(modno: i64) -> Json {
    json!({ "send": { "operationManifest": { "opIds": [Item::OPERATION_ID], "modnos": [modno] } } })
}

fn answered(answer: Answer) -> Json {
    let content = match answer {
        Answer::RequestOperationData => json!({ "opIds": [Item::OPERATION_ID] }),
        Answer::OperationManifest | Answer::ReceiveResources => json!({}),
    };
    json!({ "expect": { answer.action(): content } })
}

fn probe() -> Json {
    json!({ "probe": "serves-a-new-session" })
}
