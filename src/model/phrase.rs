//! The words in which a cell is told.

use super::{
    message::{Item, Message},
    state::State,
    verdict::{Answer, Outcome},
};
use crate::wire::Role;

/// The claim of a cell: one sentence.
pub fn claim(role: Role, state: State, message: Message, outcome: Outcome) -> String {
    let peer = match role {
        Role::Responder => "a host",
        Role::Initiator => "a client",
    };
    format!("{}, {peer} {}.", when(state), does(outcome, &what(message)))
}

fn when(state: State) -> String {
    match state {
        State::Opened => "At the start of a stream".to_owned(),
        State::KeyExchanged => "Once keys are exchanged".to_owned(),
        State::HandshakeCame => "Once the host's own handshake has come".to_owned(),
        State::HandshakeSent => "Right behind our handshake".to_owned(),
        State::Established => "In a session".to_owned(),
        State::After(item) => format!("In a session, after {}", with_article(item)),
        State::Refused => "Behind a frame that does not open".to_owned(),
        State::Ended => "After the end".to_owned(),
    }
}

fn what(message: Message) -> String {
    match message {
        Message::Item(item) => with_article(item),
        Message::Clear(item) => format!("{} in the clear", with_article(item)),
        Message::Spoilt(item) => format!("{} whose content is no message", with_article(item)),
        Message::UnknownAction => "an unknown action".to_owned(),
        Message::NoAction => "an item without an action".to_owned(),
        Message::Nested => "an encrypted item inside an encrypted item".to_owned(),
        Message::NotProtobuf => "bytes that are no protobuf".to_owned(),
        Message::Truncated => "an item that is cut short".to_owned(),
        Message::Reset => "a reset".to_owned(),
    }
}

fn does(outcome: Outcome, what: &str) -> String {
    match outcome {
        Outcome::AnsweredWithKey => format!("answers {what} with its own part of the key exchange"),
        Outcome::Established => format!("takes {what}, and the session serves"),
        Outcome::AnsweredWith(Answer::RequestOperationData) => {
            format!("answers {what} by asking for the operation it lists")
        }
        Outcome::AnsweredWith(Answer::OperationManifest) => {
            format!("answers {what} with a manifest of its own")
        }
        Outcome::AnsweredWith(Answer::ReceiveResources) => {
            format!("answers {what} with its resources")
        }
        Outcome::Taken => format!("takes {what} without an answer, and goes on"),
        Outcome::Stored(_) => {
            format!("takes {what}, and holds the operation as it was sent last")
        }
        Outcome::Forgotten => format!("takes {what}, and no longer holds the operation"),
        Outcome::Refused { code: None, .. } => {
            format!("refuses {what}, and answers nothing behind it")
        }
        Outcome::Refused { .. } => format!("refuses {what}"),
        Outcome::Optional { .. } => {
            format!("serves {what}, or refuses it as a peer without that capability does")
        }
        Outcome::Gone => format!("is not harmed by {what}"),
    }
}

fn with_article(item: Item) -> String {
    let text = match item {
        Item::EstablishSharedSecret => "a key exchange",
        Item::Handshake => "a handshake",
        Item::SignedMessage => "a signed_message",
        Item::Heartbeat => "a heartbeat",
        Item::OperationManifest => "a manifest of one operation",
        Item::EmptyManifest => "an empty manifest",
        Item::ManifestShortOfModnos => "a manifest with more ids than modnos",
        Item::ManifestShortOfIds => "a manifest with more modnos than ids",
        Item::CreatedOperations => "a created operation",
        Item::UpdatedOperations => "an updated operation",
        Item::DeletedOperations => "a deleted operation",
        Item::KeepAlive => "a keep_alive",
        Item::OperationsWithoutEvent => "a receive_operations without an event",
        Item::OperationsOfNoKind => "an event of no kind",
        Item::OperationWithoutFields => "an operation without its required fields",
        Item::RequestOperationData => "a request_operation_data",
        Item::ReceiveConfig => "a receive_config",
        Item::ReceiveConfigWithoutConfig => "a receive_config without a config",
        Item::ReceiveResources => "a receive_resources",
        Item::SetConfig => "a set_config of a plan",
        Item::EmptySetConfig => "a set_config of nothing",
        Item::RequestResources => "a request_resources",
        Item::RequestLog => "a request_log",
        Item::ReceiveLogData => "a receive_log_data",
        Item::Throttle => "a throttle",
        Item::Encrypted => "an encrypted item of no session",
    };
    text.to_owned()
}
