//! Items written in protobuf's JSON mapping: to send, and as a pattern for what comes.

use std::{fmt, sync::LazyLock};

use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, ReflectMessage, Value,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Value as Json;

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

/// A pattern an item must match: every field that is given must be equal; fields not given do not matter.
///
/// Nested messages match in the same way. A list has as many elements as the pattern's, each matching in turn. `null`
/// says that the field is absent, or has its default value where absence cannot be told.
#[derive(Clone, Debug, PartialEq)]
pub struct Pattern {
    /// As the file has it, variables filled in.
    pub json: Json,
    message: DynamicMessage,
}

/// Where an item differs from a pattern.
#[derive(Clone, Debug, PartialEq)]
pub struct Mismatch {
    /// Path of the field, such as `receiveConfig.config.repos[0].id`; empty for the item itself.
    pub path: String,
    /// What the pattern asks for there.
    pub expected: Json,
    /// What the item has there; `null` when nothing.
    pub seen: Json,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = match self.path.as_str() {
            "" => "the item",
            path => path,
        };
        write!(f, "expected {path} = {}, seen {}", self.expected, self.seen)
    }
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

impl Pattern {
    /// Reads a pattern; unknown fields and patterns without an action are errors.
    pub fn from_json(json: Json) -> Result<Pattern, NotAnItem> {
        let message = dynamic(&json)?;
        Ok(Pattern { json, message })
    }

    /// The name in JSON of the action it asks for, such as `receiveConfig`.
    pub fn action(&self) -> Option<&'static str> {
        let item: SyncStreamItem = self.message.transcode_to().ok()?;
        action_name(&item)
    }

    /// The first place where the item differs, in the pattern's order; `None` when it matches.
    pub fn mismatch(&self, item: &SyncStreamItem) -> Option<Mismatch> {
        compare_message("", &self.json, &self.message, &reflect(item))
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

fn reflect(item: &SyncStreamItem) -> DynamicMessage {
    let mut message = DynamicMessage::new(item_descriptor());
    message
        .transcode_from(item)
        // What one codec wrote for this very message type, the other reads.
        .expect("an item is a SyncStreamItem");
    message
}

fn dynamic(json: &Json) -> Result<DynamicMessage, NotAnItem> {
    let message = DynamicMessage::deserialize(item_descriptor(), json)
        .map_err(|error| NotAnItem(error.to_string()))?;
    match message.fields().count() {
        1 => Ok(message),
        _ => Err(NotAnItem(
            "expected an item with one action, seen none".to_owned(),
        )),
    }
}

fn compare_message(
    path: &str,
    pattern: &Json,
    wanted: &DynamicMessage,
    seen: &DynamicMessage,
) -> Option<Mismatch> {
    let fields = pattern.as_object()?;
    fields.iter().find_map(|(key, pattern)| {
        let field = field(&wanted.descriptor(), key)?;
        let path = match path {
            "" => field.json_name().to_owned(),
            path => format!("{path}.{}", field.json_name()),
        };
        compare_field(&path, &field, pattern, wanted, seen)
    })
}

fn compare_field(
    path: &str,
    field: &FieldDescriptor,
    pattern: &Json,
    wanted: &DynamicMessage,
    seen: &DynamicMessage,
) -> Option<Mismatch> {
    let seen_value = seen.get_field(field);
    let differs = |seen: Json| {
        Some(Mismatch {
            path: path.to_owned(),
            expected: pattern.clone(),
            seen,
        })
    };
    if pattern.is_null() || (field.supports_presence() && !seen.has_field(field)) {
        return match (pattern.is_null(), seen.has_field(field)) {
            (true, false) => None,
            (true, true) => differs(value_json(&field.kind(), &seen_value)),
            (false, _) => differs(Json::Null),
        };
    }
    compare_value(
        path,
        &field.kind(),
        pattern,
        &wanted.get_field(field),
        &seen_value,
    )
}

fn compare_value(
    path: &str,
    kind: &Kind,
    pattern: &Json,
    wanted: &Value,
    seen: &Value,
) -> Option<Mismatch> {
    match (pattern, wanted, seen) {
        (Json::Array(patterns), Value::List(wanted), Value::List(seen))
            if patterns.len() == seen.len() =>
        {
            let elements = patterns.iter().zip(wanted).zip(seen).enumerate();
            elements
                .filter_map(|(index, ((pattern, wanted), seen))| {
                    compare_value(&format!("{path}[{index}]"), kind, pattern, wanted, seen)
                })
                .next()
        }
        (pattern, Value::Message(wanted), Value::Message(seen)) => {
            compare_message(path, pattern, wanted, seen)
        }
        _ if wanted == seen => None,
        _ => Some(Mismatch {
            path: path.to_owned(),
            expected: pattern.clone(),
            seen: value_json(kind, seen),
        }),
    }
}

/// The field behind its JSON name or its name in the `.proto` file.
pub(super) fn field(message: &MessageDescriptor, name: &str) -> Option<FieldDescriptor> {
    message
        .get_field_by_json_name(name)
        .or_else(|| message.get_field_by_name(name))
}

fn message_json(message: &DynamicMessage) -> Json {
    // Fails for well-known types out of their range only, and the contract uses none.
    serde_json::to_value(message).unwrap_or_default()
}

fn value_json(kind: &Kind, value: &Value) -> Json {
    match value {
        Value::Bool(value) => Json::from(*value),
        Value::I32(number) => Json::from(*number),
        Value::U32(number) => Json::from(*number),
        // As protobuf's JSON mapping has it: doubles could not hold them.
        Value::I64(number) => Json::from(number.to_string()),
        Value::U64(number) => Json::from(number.to_string()),
        Value::F32(number) => Json::from(*number),
        Value::F64(number) => Json::from(*number),
        Value::String(text) => Json::from(text.as_str()),
        Value::Bytes(bytes) => Json::from(base64(bytes)),
        Value::EnumNumber(number) => enum_json(kind, *number),
        Value::Message(message) => message_json(message),
        Value::List(values) => values.iter().map(|value| value_json(kind, value)).collect(),
        // The contract has no map fields.
        Value::Map(_) => Json::Null,
    }
}

fn enum_json(kind: &Kind, number: i32) -> Json {
    let values = kind.as_enum();
    match values.and_then(|values| values.get_value(number)) {
        Some(value) => Json::from(value.name()),
        None => Json::from(number),
    }
}

fn base64(bytes: &[u8]) -> String {
    use base64::{Engine, engine::general_purpose::STANDARD};
    STANDARD.encode(bytes)
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

impl Serialize for Pattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.json.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Pattern, D::Error> {
        Pattern::from_json(Json::deserialize(deserializer)?).map_err(de::Error::custom)
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
            json => Pattern::from_json(json)
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

    fn mismatch(pattern: Json, seen: Json) -> Option<(String, Json, Json)> {
        let pattern = Pattern::from_json(pattern).unwrap();
        let mismatch = pattern.mismatch(&item(seen))?;
        Some((mismatch.path, mismatch.expected, mismatch.seen))
    }

    #[test]
    fn fields_not_given_then_do_not_matter() {
        let seen = json!({"receiveConfig": {"config": {"modno": 3, "repos": [
            {"id": "a", "guid": "1"}, {"id": "b", "guid": "2"},
        ]}}});
        for pattern in [
            json!({"receiveConfig": {}}),
            json!({"receive_config": {"config": {"modno": 3}}}),
            json!({"receiveConfig": {"config": {"repos": [{"id": "a"}, {}]}}}),
            json!({"receiveConfig": {"config": {"plans": [], "version": null}}}),
        ] {
            assert_eq!(mismatch(pattern.clone(), seen.clone()), None, "{pattern}");
        }
    }

    #[test]
    fn first_other_field_then_its_path_and_both_values() {
        let seen = json!({"receiveConfig": {"config": {"repos": [{"id": "a"}, {"id": "b"}]}}});
        assert_eq!(
            mismatch(
                json!({"receiveConfig": {"config": {"repos": [{"id": "a"}, {"id": "c"}]}}}),
                seen.clone()
            ),
            Some((
                "receiveConfig.config.repos[1].id".to_owned(),
                json!("c"),
                json!("b")
            ))
        );
        assert_eq!(
            mismatch(
                json!({"receiveConfig": {"config": {"repos": []}}}),
                seen.clone()
            ),
            Some((
                "receiveConfig.config.repos".to_owned(),
                json!([]),
                json!([{"id": "a"}, {"id": "b"}])
            ))
        );
        assert_eq!(
            mismatch(json!({"heartbeat": {}}), seen),
            Some(("heartbeat".to_owned(), json!({}), Json::Null))
        );
    }

    #[test]
    fn int64_as_number_or_text_then_equal() {
        let seen = json!({"operationManifest": {"opIds": ["9007199254740993", 2]}});
        for ids in [
            json!([9007199254740993_i64, 2]),
            json!(["9007199254740993", "2"]),
        ] {
            assert_eq!(
                mismatch(json!({"operationManifest": {"opIds": ids}}), seen.clone()),
                None
            );
        }
        let found = mismatch(
            json!({"operationManifest": {"opIds": [9007199254740992_i64, 2]}}),
            seen,
        );
        assert_eq!(found.unwrap().2, json!("9007199254740993"));
    }

    #[test]
    fn enum_by_name_or_number_and_bytes_as_base64_then_equal() {
        let operation = |status: Json| {
            json!({"receiveOperations": {"event": {"createdOperations": {"operations": [
                {"id": 1, "status": status}
            ]}}}})
        };
        assert_eq!(
            mismatch(operation(json!(3)), operation(json!("STATUS_SUCCESS"))),
            None
        );
        let found = mismatch(operation(json!("STATUS_ERROR")), operation(json!(3))).unwrap();
        assert_eq!(found.2, json!("STATUS_SUCCESS"));
        let chunk = |chunk: &str| json!({"receiveLogData": {"chunk": chunk}});
        assert_eq!(mismatch(chunk("+/8="), chunk("+/8=")), None);
        assert_eq!(
            mismatch(chunk("AAA="), chunk("+/8=")).unwrap().2,
            json!("+/8=")
        );
    }

    #[test]
    fn null_where_something_is_then_mismatch() {
        let seen = json!({"receiveConfig": {"config": {"modno": 3}}});
        assert_eq!(
            mismatch(json!({"receiveConfig": {"config": null}}), seen)
                .unwrap()
                .2,
            json!({"modno": 3})
        );
        let empty = json!({"receiveConfig": {}});
        assert_eq!(
            mismatch(json!({"receiveConfig": {"config": null}}), empty),
            None
        );
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
