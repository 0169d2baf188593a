//! What must come, written as an item of which only some fields are given.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, ReflectMessage, Value};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::{Value as Json, json};

use super::message::{NotAnItem, action_name, dynamic, field, message_json, reflect};
use crate::wire::SyncStreamItem;

/// A pattern an item must match: every field that is given must be equal; fields not given do not matter.
///
/// Nested messages match in the same way. A list has as many elements as the pattern's: numbers and texts in its order,
/// messages in any, because the protocol orders none of them. `null` says that the field is absent, or has its default
/// value where absence cannot be told.
#[derive(Clone, Debug, PartialEq)]
pub struct Pattern {
    /// As the file has it, variables filled in.
    pub json: Json,
    /// Where these are given, messages in lists whose `id` is none of them do not matter.
    pub among: Vec<String>,
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

impl Pattern {
    /// Reads a pattern; unknown fields and patterns without an action are errors.
    pub fn from_json(json: Json) -> Result<Pattern, NotAnItem> {
        let message = dynamic(&json)?;
        Ok(Pattern {
            json,
            among: Vec::new(),
            message,
        })
    }

    /// The name in JSON of the action it asks for, such as `receiveConfig`.
    pub fn action(&self) -> Option<&'static str> {
        let item: SyncStreamItem = self.message.transcode_to().ok()?;
        action_name(&item)
    }

    /// The first place where the item differs, in the pattern's order; `None` when it matches.
    pub fn mismatch(&self, item: &SyncStreamItem) -> Option<Mismatch> {
        let mut seen = reflect(item);
        if !self.among.is_empty() {
            keep_among(&mut seen, &self.among);
        }
        compare_message("", &self.json, &self.message, &seen)
    }
}

/// Drops the elements of lists whose `id` is none of these.
fn keep_among(message: &mut DynamicMessage, ids: &[String]) {
    let is_among = |element: &Value| match element.as_message() {
        Some(element) => element
            .get_field_by_name("id")
            .is_none_or(|id| id.as_str().is_none_or(|id| ids.iter().any(|own| own == id))),
        None => true,
    };
    for (_, value) in message.fields_mut() {
        match value {
            Value::List(elements) => elements.retain(is_among),
            Value::Message(inner) => keep_among(inner, ids),
            _ => {}
        }
    }
}

/// Stands in a pattern for any text but none.
const ANY_TEXT: &str = "<any text>";

/// Key of a pattern where it is written beside what it is [`Pattern::among`]; no action has that name.
const PATTERN: &str = "pattern";
/// Key of [`Pattern::among`].
const AMONG: &str = "among";

impl Serialize for Pattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.among.is_empty() {
            true => self.json.serialize(serializer),
            false => json!({ PATTERN: self.json, AMONG: self.among }).serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Pattern, D::Error> {
        let mut json = Json::deserialize(deserializer)?;
        let Some(pattern) = json.get_mut(PATTERN).map(Json::take) else {
            return Pattern::from_json(json).map_err(de::Error::custom);
        };
        let among = Vec::deserialize(json[AMONG].take()).map_err(de::Error::custom)?;
        let pattern = Pattern::from_json(pattern).map_err(de::Error::custom)?;
        Ok(Pattern { among, ..pattern })
    }
}

pub(super) fn compare_message(
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
            if patterns.len() == seen.len() && matches!(kind, Kind::Message(_)) =>
        {
            compare_in_any_order(path, kind, patterns, wanted, seen)
        }
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
        (Json::String(word), Value::String(_), Value::String(seen))
            if word == ANY_TEXT && !seen.is_empty() =>
        {
            None
        }
        _ if wanted == seen => None,
        _ => Some(Mismatch {
            path: path.to_owned(),
            expected: pattern.clone(),
            seen: value_json(kind, seen),
        }),
    }
}

/// Finds an element for each pattern, no element twice; a pattern for which there is none left differs from the first
/// that is.
fn compare_in_any_order(
    path: &str,
    kind: &Kind,
    patterns: &[Json],
    wanted: &[Value],
    seen: &[Value],
) -> Option<Mismatch> {
    let compare = |pattern: usize, element: usize| {
        let path = format!("{path}[{pattern}]");
        let (json, wanted) = (&patterns[pattern], &wanted[pattern]);
        compare_value(&path, kind, json, wanted, &seen[element])
    };
    let mut taken_by: Vec<Option<usize>> = vec![None; seen.len()];
    for pattern in 0..patterns.len() {
        let matches = |pattern: usize, element: usize| compare(pattern, element).is_none();
        // In their own order first, so that equal lists cost no more than their length.
        let mut tried = vec![false; seen.len()];
        if !find_element(pattern, &matches, &mut taken_by, &mut tried) {
            let left = taken_by.iter().position(Option::is_none);
            return left.and_then(|element| compare(pattern, element));
        }
    }
    None
}

/// Gives the pattern an element, asking those that have one to take another (Kuhn's algorithm).
fn find_element(
    pattern: usize,
    matches: &dyn Fn(usize, usize) -> bool,
    taken_by: &mut [Option<usize>],
    tried: &mut [bool],
) -> bool {
    let others = (0..taken_by.len()).filter(|element| *element != pattern);
    let elements: Vec<usize> = std::iter::once(pattern).chain(others).collect();
    for element in elements {
        if tried[element] || !matches(pattern, element) {
            continue;
        }
        tried[element] = true;
        let free = match taken_by[element] {
            None => true,
            Some(other) => find_element(other, matches, taken_by, tried),
        };
        if free {
            taken_by[element] = Some(pattern);
            return true;
        }
    }
    false
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
        Value::Bytes(bytes) => Json::from(STANDARD.encode(bytes)),
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::scenario::message::Message;

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

    fn config(ids: &[&str]) -> Json {
        let repos = ids.iter().map(|id| json!({ "id": id, "guid": "1" }));
        json!({ "receiveConfig": { "config": { "repos": repos.collect::<Json>() } } })
    }

    #[test]
    fn messages_of_a_list_then_in_any_order_and_each_once() {
        let pattern = |repos: Json| json!({ "receiveConfig": { "config": { "repos": repos } } });
        let (a, b) = (json!({ "id": "a" }), json!({ "id": "b" }));
        for repos in [
            json!([a, b]),
            json!([b, a]),
            // What matches all must not take the only one that another matches.
            json!([{}, a]),
            json!([{ "guid": "1" }, b]),
        ] {
            let seen = config(&["a", "b"]);
            assert_eq!(mismatch(pattern(repos.clone()), seen), None, "{repos}");
        }
        let found = mismatch(pattern(json!([b, b])), config(&["a", "b"]));
        let path = "receiveConfig.config.repos[1].id".to_owned();
        assert_eq!(found, Some((path, json!("b"), json!("a"))));
        let found = mismatch(pattern(json!([a])), config(&["a", "b"])).unwrap();
        assert_eq!(found.0, "receiveConfig.config.repos");
    }

    #[test]
    fn numbers_of_a_list_then_in_its_order() {
        let ids = |ids: Json| json!({ "operationManifest": { "opIds": ids } });
        assert!(mismatch(ids(json!([1, 2])), ids(json!([2, 1]))).is_some());
    }

    #[test]
    fn among_ids_then_others_do_not_matter_and_those_do() {
        let among = |pattern: &Json| Pattern {
            among: vec!["a".to_owned(), "b".to_owned()],
            ..Pattern::from_json(pattern.clone()).unwrap()
        };
        let only_a = among(&config(&["a"]));
        assert_eq!(only_a.mismatch(&item(config(&["x", "a", "y"]))), None);
        for wrong in [config(&["x", "a", "b"]), config(&["x"])] {
            assert!(only_a.mismatch(&item(wrong.clone())).is_some(), "{wrong}");
        }
        let written = serde_json::to_value(&only_a).unwrap();
        assert_eq!(serde_json::from_value::<Pattern>(written).unwrap(), only_a);
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
    fn any_text_then_matches_all_but_none() {
        let wanted = json!({"receiveLogData": {"errorMessage": "<any text>"}});
        let seen = |message: &str| json!({"receiveLogData": {"errorMessage": message}});
        assert_eq!(mismatch(wanted.clone(), seen("gone")), None);
        assert!(mismatch(wanted, seen("")).is_some());
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
}
