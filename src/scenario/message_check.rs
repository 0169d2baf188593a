//! Checks an item in a file against the contract, so that a misspelt field is found where it stands.

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use prost_reflect::{EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor};
use serde_json::Value as Json;

use super::{
    de,
    load_error::Problems,
    message::{Message, NotAnItem, Pattern, field, item_descriptor},
    node::{Key, Node, NodeValue},
    problem::Problem,
};

/// Reads an item to send.
pub fn read_message(node: &Node, problems: &Problems) -> Option<Message> {
    read_item(node, problems, Message::from_json)
}

/// Reads a pattern.
pub fn read_pattern(node: &Node, problems: &Problems) -> Option<Pattern> {
    read_item(node, problems, Pattern::from_json)
}

fn read_item<T>(
    node: &Node,
    problems: &Problems,
    from_json: impl FnOnce(Json) -> Result<T, NotAnItem>,
) -> Option<T> {
    // Problems of its own, so that this item is read even when another step is wrong.
    let of_item = Problems::default();
    check_action(node, &of_item);
    check_message(node, &item_descriptor(), &of_item);
    let found = of_item.take();
    if found.is_empty() {
        let item = from_json(node.to_json());
        return item
            .map_err(|error| problems.report(node.place, Problem::Refused(error.to_string())))
            .ok();
    }
    for (place, problem) in found {
        problems.report(place, problem);
    }
    None
}

fn check_action(node: &Node, problems: &Problems) {
    let Some(entries) = node.as_map() else {
        return;
    };
    if let [(_, action)] = entries
        && action.value != NodeValue::Null
    {
        return;
    }
    let seen = entries.iter().map(|(key, _)| key.text.clone());
    problems.report(node.place, Problem::ActionCount(seen.collect()));
}

pub(super) fn check_message(node: &Node, message: &MessageDescriptor, problems: &Problems) {
    let Some(entries) = node.as_map() else {
        return de::wrong_type(
            node,
            &format!("a {} (a map)", message.full_name()),
            problems,
        );
    };
    let mut earlier: Vec<(&Key, FieldDescriptor)> = Vec::new();
    for (key, value) in entries {
        let Some(field) = field(message, &key.text) else {
            let valid = message.fields().map(|field| field.json_name().to_owned());
            let problem = Problem::UnknownKey {
                key: key.text.clone(),
                valid: valid.collect(),
            };
            problems.report(key.place, problem);
            continue;
        };
        check_not_twice(key, &field, &earlier, problems);
        if value.value != NodeValue::Null {
            check_field(value, &field, problems);
        }
        earlier.push((key, field));
    }
}

/// The same field under both of its names, or two fields of one oneof.
fn check_not_twice(
    key: &Key,
    field: &FieldDescriptor,
    earlier: &[(&Key, FieldDescriptor)],
    problems: &Problems,
) {
    for (first, other) in earlier {
        if other == field {
            let problem = Problem::DuplicateKey {
                key: key.text.clone(),
                first_line: first.place.line,
            };
            problems.report(key.place, problem);
        } else if field.containing_oneof().is_some()
            && field.containing_oneof() == other.containing_oneof()
            // Several actions are reported for the item as a whole.
            && field.parent_message() != &item_descriptor()
        {
            let problem = Problem::SameOneof {
                first: first.text.clone(),
                second: key.text.clone(),
            };
            problems.report(key.place, problem);
        }
    }
}

fn check_field(node: &Node, field: &FieldDescriptor, problems: &Problems) {
    if !field.is_list() {
        return check_value(node, &field.kind(), problems);
    }
    let Some(elements) = node.as_seq() else {
        return de::wrong_type(node, "a list", problems);
    };
    for element in elements {
        check_value(element, &field.kind(), problems);
    }
}

fn check_value(node: &Node, kind: &Kind, problems: &Problems) {
    let expected = match kind {
        Kind::Message(message) => return check_message(node, message, problems),
        Kind::Enum(values) => return check_enum(node, values, problems),
        Kind::Bool => (!matches!(node.value, NodeValue::Bool(_))).then_some("`true` or `false`"),
        Kind::String => node.as_str().is_none().then_some("text"),
        Kind::Bytes => (!is_base64(node)).then_some("bytes in base64"),
        Kind::Float | Kind::Double => (!is_float(node)).then_some("a number"),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => out_of(
            node,
            i32::MIN.into(),
            i32::MAX.into(),
            "an integer of 32 bits",
        ),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => out_of(
            node,
            i64::MIN.into(),
            i64::MAX.into(),
            "an integer of 64 bits",
        ),
        Kind::Uint32 | Kind::Fixed32 => {
            out_of(node, 0, u32::MAX.into(), "an integer from 0 to 4294967295")
        }
        Kind::Uint64 | Kind::Fixed64 => out_of(
            node,
            0,
            u64::MAX.into(),
            "an integer from 0 to 18446744073709551615",
        ),
    };
    if let Some(expected) = expected {
        de::wrong_type(node, expected, problems);
    }
}

fn check_enum(node: &Node, values: &EnumDescriptor, problems: &Problems) {
    match &node.value {
        NodeValue::String(name) if values.get_value_by_name(name).is_some() => {}
        NodeValue::String(name) => {
            let problem = Problem::UnknownWord {
                seen: name.clone(),
                valid: values
                    .values()
                    .map(|value| value.name().to_owned())
                    .collect(),
            };
            problems.report(node.place, problem);
        }
        NodeValue::Int(number) if i32::try_from(*number).is_ok() => {}
        _ => {
            let expected = format!("a value of {}", values.full_name());
            de::wrong_type(node, &expected, problems);
        }
    }
}

/// Integers may stand in quotes, as protobuf's JSON mapping writes those of 64 bits.
fn out_of(node: &Node, min: i128, max: i128, expected: &'static str) -> Option<&'static str> {
    let number = match &node.value {
        NodeValue::Int(number) => Some(*number),
        NodeValue::String(digits) => digits.parse().ok(),
        _ => None,
    };
    match number {
        Some(number) if (min..=max).contains(&number) => None,
        _ => Some(expected),
    }
}

fn is_float(node: &Node) -> bool {
    match &node.value {
        NodeValue::Int(_) | NodeValue::Float(_) => true,
        NodeValue::String(text) => ["NaN", "Infinity", "-Infinity"].contains(&text.as_str()),
        _ => false,
    }
}

fn is_base64(node: &Node) -> bool {
    let config =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::RequireCanonical);
    let standard = GeneralPurpose::new(&alphabet::STANDARD, config);
    node.as_str()
        .is_some_and(|text| standard.decode(text).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{node::Place, yaml::parse};

    fn problems_of(text: &str) -> Vec<(Place, String)> {
        let problems = Problems::default();
        let node = parse(text, &problems).unwrap();
        let message = read_message(&node, &problems);
        let found = problems.take();
        assert_eq!(message.is_none(), !found.is_empty());
        found
            .into_iter()
            .map(|(place, problem)| (place, problem.to_string()))
            .collect()
    }

    fn at(line: u32, column: u32) -> Place {
        Place { line, column }
    }

    #[test]
    fn every_misspelt_field_then_found_where_it_stands() {
        let found = problems_of("receiveConfig:\n  config:\n    modn: 1\n    repos: [{idd: a}]\n");
        assert_eq!(found[0].0, at(3, 5));
        assert!(
            found[0].1.contains("did you mean `modno`"),
            "{}",
            found[0].1
        );
        assert!(found[0].1.contains("modno, version, repos, plans"));
        assert_eq!(found[1].0, at(4, 14));
        assert_eq!(found.len(), 2);
    }

    #[test]
    fn wrong_kind_then_expected_and_seen() {
        for (text, column, words) in [
            (
                "{throttle: {delayMs: soon}}",
                22,
                "expected an integer of 64 bits, seen `soon`",
            ),
            ("{throttle: {delayMs: 1.5}}", 22, "seen the number `1.5`"),
            (
                "{receiveConfig: {config: {modno: 2147483648}}}",
                34,
                "an integer of 32 bits",
            ),
            (
                "{receiveConfig: {config: []}}",
                26,
                "expected a v1sync.RemoteConfig (a map), seen a list",
            ),
            (
                "{operationManifest: {opIds: 5}}",
                29,
                "expected a list, seen the number `5`",
            ),
            (
                "{requestLog: {logId: 5}}",
                22,
                "expected text, seen the number `5`",
            ),
            (
                "{receiveLogData: {chunk: '?'}}",
                26,
                "expected bytes in base64, seen `?`",
            ),
            (
                "{establishSharedSecret: {protocolVersion: -1}}",
                43,
                "from 0 to 4294967295",
            ),
            (
                "{setConfig: {repos: [{shared: 1}]}}",
                31,
                "expected `true` or `false`",
            ),
        ] {
            let found = problems_of(text);
            assert_eq!(found.len(), 1, "{text}: {found:?}");
            assert_eq!(found[0].0, at(1, column), "{text}: {found:?}");
            assert!(found[0].1.contains(words), "{text}: {found:?}");
        }
    }

    #[test]
    fn unknown_enum_value_then_valid_ones_are_named() {
        let text = "{receiveOperations: {event: {createdOperations: {operations: [{status: STATUS_SUCESS}]}}}}";
        let found = problems_of(text);
        assert!(
            found[0].1.contains("did you mean `STATUS_SUCCESS`"),
            "{found:?}"
        );
    }

    #[test]
    fn no_action_or_two_then_refused() {
        for text in ["{}", "{heartbeat: {}, throttle: {}}", "{heartbeat: null}"] {
            let found = problems_of(text);
            assert!(
                found[0].1.contains("an item with one action"),
                "{text}: {found:?}"
            );
            assert_eq!(found.len(), 1, "{text}: {found:?}");
        }
    }

    #[test]
    fn one_field_under_both_names_then_refused() {
        let found = problems_of("{requestLog: {logId: a, log_id: b}}");
        assert_eq!(found[0].0, at(1, 25));
    }

    #[test]
    fn two_fields_of_a_oneof_then_refused() {
        let found =
            problems_of("{receiveOperations: {event: {keepAlive: {}, createdOperations: {}}}}");
        assert!(
            found[0]
                .1
                .contains("either `keepAlive` or `createdOperations`"),
            "{found:?}"
        );
    }

    #[test]
    fn both_kinds_of_names_and_quoted_integers_then_accepted() {
        for text in [
            "{operation_manifest: {op_ids: ['9007199254740993', 1], modnos: [1, 2]}}",
            "{receiveOperations: {event: {createdOperations: {operations: [{status: 3}]}}}}",
            "{receiveLogData: {chunk: '+/8='}}",
            "{receiveConfig: {config: null}}",
        ] {
            assert_eq!(problems_of(text), [], "{text}");
        }
    }

    #[test]
    fn value_of_a_field_then_of_its_kind_or_refused() {
        let operation = |fields: &str| {
            format!(
                "receiveOperations: {{ event: {{ createdOperations: {{ operations: [{{ {fields} }}] }} }} }}"
            )
        };
        let percent = |value: &str| {
            operation(&format!(
                "operationBackup: {{ lastStatus: {{ status: {{ percentDone: {value} }} }} }}"
            ))
        };
        let throttle = |value: &str| format!("throttle: {{ delayMs: {value} }}");
        let signed = |value: &str| format!("handshake: {{ signature: {value} }}");
        let repo = |fields: &str| format!("setConfig: {{ repos: [{{ {fields} }}] }}");
        for good in [
            percent("1"),
            percent("1.5"),
            percent(".nan"),
            percent("'NaN'"),
            percent("'-Infinity'"),
            throttle("9223372036854775807"),
            throttle("'-9223372036854775808'"),
            operation("status: STATUS_SUCCESS"),
            operation("status: 2147483647"),
            signed("AA=="),
            repo("shared: true"),
        ] {
            assert_eq!(problems_of(&good), [], "{good}");
        }
        for (bad, words) in [
            (percent("'1'"), "a number"),
            (percent("true"), "a number"),
            (percent("'nan'"), "a number"),
            (throttle("9223372036854775808"), "an integer of 64 bits"),
            (throttle("'x'"), "an integer of 64 bits"),
            (throttle("1.5"), "an integer of 64 bits"),
            (operation("status: STATUS_SUCESS"), "STATUS_SUCCESS"),
            (
                operation("status: 2147483648"),
                "a value of v1.OperationStatus",
            ),
            (operation("status: 1.5"), "a value of v1.OperationStatus"),
            (signed("A"), "bytes in base64"),
            (signed("5"), "bytes in base64"),
            (repo("shared: 1"), "`true` or `false`"),
            (repo("id: 5"), "text"),
        ] {
            let found = problems_of(&bad);
            assert_eq!(found.len(), 1, "{bad}");
            assert!(found[0].1.contains(words), "{bad}: {}", found[0].1);
        }
    }
}
