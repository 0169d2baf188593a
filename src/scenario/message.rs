//! Items written in protobuf's JSON mapping: to send, and as a pattern for what comes.

use std::{fmt, sync::LazyLock};

use prost_reflect::{DynamicMessage, FieldDescriptor, MessageDescriptor};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Value as Json;

pub use super::pattern::{Mismatch, Pattern};

use super::model::{Expectation, Sendable};
use crate::wire::{Action, SyncStreamItem, descriptor_pool};

/// An item to send.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// As the file has it, variables filled in.
    pub json: Json,
    /// The item itself.
    pub item: SyncStreamItem,
}

/// JSON that is no item with exactly one action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAnItem(String);

impl fmt::Display for NotAnItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NotAnItem {}

impl Message {
    /// Reads an item; unknown fields and items without an action are errors.
    pub fn from_json(json: Json) -> Result<Message, NotAnItem> {
        let message = dynamic(&json)?;
        let item = message.transcode_to();
        let item = item.map_err(|error| NotAnItem(error.to_string()))?;
        Ok(Message { json, item })
    }

    /// The action's name in JSON, such as `receiveConfig`.
    pub fn action(&self) -> Option<&'static str> {
        action_name(&self.item)
    }
}

/// The name in JSON of an item's action; `None` when it has none that we know.
pub fn action_name(item: &SyncStreamItem) -> Option<&'static str> {
    item.action.as_ref().map(Action::name)
}

/// The item in protobuf's JSON mapping, default values left out.
pub fn item_to_json(item: &SyncStreamItem) -> Json {
    message_json(&reflect(item))
}

/// Reads what [`item_to_json`] wrote; an item may have no action.
///
/// # Errors
/// JSON that is no item of the contract.
pub fn item_from_json(json: &Json) -> Result<SyncStreamItem, NotAnItem> {
    DynamicMessage::deserialize(item_descriptor(), json)
        .map_err(|error| NotAnItem(error.to_string()))?
        .transcode_to()
        .map_err(|error| NotAnItem(error.to_string()))
}

/// Every action's name in JSON, by field number.
pub fn action_names() -> &'static [&'static str] {
    static FIELDS: LazyLock<Vec<FieldDescriptor>> =
        LazyLock::new(|| item_descriptor().fields().collect());
    static NAMES: LazyLock<Vec<&'static str>> =
        LazyLock::new(|| FIELDS.iter().map(FieldDescriptor::json_name).collect());
    &NAMES
}

/// The descriptor of the item that the stream carries.
pub(super) fn item_descriptor() -> MessageDescriptor {
    descriptor_pool()
        .get_message_by_name("v1sync.SyncStreamItem")
        // The generated `SyncStreamItem` that this module works on comes from the same descriptor set.
        .expect("the contract has a SyncStreamItem")
}

pub(super) fn reflect(item: &SyncStreamItem) -> DynamicMessage {
    let mut message = DynamicMessage::new(item_descriptor());
    message
        .transcode_from(item)
        // What one codec wrote for this very message type, the other reads.
        .expect("an item is a SyncStreamItem");
    message
}

pub(super) fn dynamic(json: &Json) -> Result<DynamicMessage, NotAnItem> {
    let message = DynamicMessage::deserialize(item_descriptor(), json)
        .map_err(|error| NotAnItem(error.to_string()))?;
    match message.fields().count() {
        1 => Ok(message),
        _ => Err(NotAnItem(
            "expected an item with one action, seen none".to_owned(),
        )),
    }
}

/// The field behind its JSON name or its name in the `.proto` file.
pub(super) fn field(message: &MessageDescriptor, name: &str) -> Option<FieldDescriptor> {
    message
        .get_field_by_json_name(name)
        .or_else(|| message.get_field_by_name(name))
}

pub(super) fn message_json(message: &DynamicMessage) -> Json {
    // Fails for well-known types out of their range only, and the contract uses none.
    serde_json::to_value(message).unwrap_or_default()
}

impl Serialize for Message {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.json.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Message {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Message, D::Error> {
        Message::from_json(Json::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

/// The word for our part of the key exchange.
pub(super) const KEY: &str = "key";
/// The word for the handshake.
pub(super) const HANDSHAKE: &str = "handshake";

impl Serialize for Sendable {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Sendable::Key => serializer.serialize_str(KEY),
            Sendable::Handshake => serializer.serialize_str(HANDSHAKE),
            Sendable::Item(message) => message.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Sendable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Sendable, D::Error> {
        match Json::deserialize(deserializer)? {
            Json::String(word) if word == KEY => Ok(Sendable::Key),
            Json::String(word) if word == HANDSHAKE => Ok(Sendable::Handshake),
            json => Message::from_json(json)
                .map(Sendable::Item)
                .map_err(de::Error::custom),
        }
    }
}

impl Serialize for Expectation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Expectation::Key => serializer.serialize_str(KEY),
            Expectation::Handshake => serializer.serialize_str(HANDSHAKE),
            Expectation::Item(pattern) => pattern.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Expectation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Expectation, D::Error> {
        match Json::deserialize(deserializer)? {
            Json::String(word) if word == KEY => Ok(Expectation::Key),
            Json::String(word) if word == HANDSHAKE => Ok(Expectation::Handshake),
            json => Pattern::deserialize(json)
                .map(Expectation::Item)
                .map_err(de::Error::custom),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn item(json: Json) -> SyncStreamItem {
        Message::from_json(json).unwrap().item
    }

    #[test]
    fn json_that_is_no_item_then_error() {
        for json in [
            json!({}),
            json!(null),
            json!([]),
            json!({"heartbeat": null}),
            json!({"hartbeat": {}}),
        ] {
            assert!(Message::from_json(json.clone()).is_err(), "{json}");
            assert!(Pattern::from_json(json.clone()).is_err(), "{json}");
        }
    }

    #[test]
    fn item_then_json_without_defaults() {
        let json = json!({"operationManifest": {"opIds": ["5"]}});
        assert_eq!(item_to_json(&item(json.clone())), json);
        assert_eq!(item_to_json(&SyncStreamItem::default()), json!({}));
    }

    #[test]
    fn every_action_then_named_as_its_field() {
        for field in item_descriptor().fields() {
            let name = field.json_name();
            assert!(action_names().contains(&name));
            let message = Message::from_json(json!({name: {}})).unwrap();
            assert_eq!(message.action(), Some(name));
            assert_eq!(
                Pattern::from_json(json!({name: {}})).unwrap().action(),
                Some(name)
            );
        }
    }
}
