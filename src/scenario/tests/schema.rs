//! The published schema against the shipped scenarios: what loads validates, and what is misspelt does not.

use serde_json::{Value as Json, json};

use super::{shipped_files, with_steps};
use crate::scenario::{load_error::Problems, schema::schema, yaml};

#[test]
fn shipped_scenarios_then_valid() {
    let schema = schema();
    for (path, text) in shipped_files() {
        let fault = fault(&schema, &schema, &json_of(&text));
        assert_eq!(fault, None, "{path}");
    }
}

#[test]
fn what_the_loader_refuses_then_invalid() {
    let schema = schema();
    for steps in [
        "  - fnece\n",
        "  - { establish: {}, fence: {} }\n",
        "  - fence: {}\n    witin: 5s\n",
        "  - fence: {}\n    within: 5\n",
        "  - send: keys\n",
        "  - send: { hartbeat: {} }\n",
        "  - send: { operationManifest: { opIds: 5 } }\n",
        "  - send: key\n    deviate: { key: mising }\n",
        "  - send: key\n    deviate: [{ transport-version: two }]\n",
        "  - expect-http: {}\n",
        "  - expect: keys\n",
        "  - expect: { hartbeat: {} }\n",
        "  - expect-state: { is: { remoteConfg: {} } }\n",
        "  - send: { receiveOperations: { event: { createdOperations: { operations: [{ operationBackup: { lastStatus: { status: { percentDone: [] } } } }] } } } }\n",
    ] {
        let fault = fault(&schema, &schema, &json_of(&with_steps(steps)));
        assert!(fault.is_some(), "{steps}");
    }
}

/// A number is no integer, and an integer no fraction.
#[test]
fn fraction_then_valid_where_the_field_holds_one_alone() {
    let schema = schema();
    let send = |operation: &str| {
        let steps = format!(
            "  - send: {{ receiveOperations: {{ event: {{ createdOperations: {{ operations: [{operation}] }} }} }} }}\n"
        );
        fault(&schema, &schema, &json_of(&with_steps(&steps)))
    };
    let percent = "{ operationBackup: { lastStatus: { status: { percentDone: 1.5 } } } }";
    assert_eq!(send(percent), None);
    assert_eq!(send("{ id: 1 }"), None);
    assert!(send("{ id: 1.5 }").is_some());
}

fn json_of(text: &str) -> Json {
    let problems = Problems::default();
    yaml::parse(text, &problems).unwrap().to_json()
}

/// The first keyword that the value fails. Knows just the keywords that the schema uses, and panics at any other.
fn fault(root: &Json, schema: &Json, value: &Json) -> Option<String> {
    let keywords = schema.as_object().unwrap();
    let object = value.as_object();
    keywords.iter().find_map(|(keyword, of)| {
        let ok = match keyword.as_str() {
            "description" | "default" | "title" | "format" | "$schema" | "$defs" => true,
            "type" => match of {
                Json::Array(types) => types.iter().any(|of| is_of_type(value, of)),
                of => is_of_type(value, of),
            },
            "const" => of == value,
            "enum" => of.as_array().unwrap().contains(value),
            "minimum" => value
                .as_f64()
                .is_none_or(|number| number >= of.as_f64().unwrap()),
            "maximum" => value
                .as_f64()
                .is_none_or(|number| number <= of.as_f64().unwrap()),
            "minProperties" => {
                object.is_none_or(|object| object.len() as u64 >= of.as_u64().unwrap())
            }
            "pattern" => value
                .as_str()
                .is_none_or(|text| matches(of.as_str().unwrap(), text)),
            "$ref" => {
                let pointer = of.as_str().unwrap().strip_prefix('#').unwrap();
                return fault(root, root.pointer(pointer).unwrap(), value);
            }
            "allOf" => {
                return of
                    .as_array()
                    .unwrap()
                    .iter()
                    .find_map(|part| fault(root, part, value));
            }
            "anyOf" => count_valid(root, of, value) > 0,
            "oneOf" => count_valid(root, of, value) == 1,
            "required" => {
                let keys = of.as_array().unwrap().iter();
                object.is_none_or(|object| {
                    keys.clone()
                        .all(|key| object.contains_key(key.as_str().unwrap()))
                })
            }
            "items" => {
                let elements = value.as_array().into_iter().flatten();
                return elements
                    .clone()
                    .find_map(|element| fault(root, of, element));
            }
            "properties" => {
                let known = object
                    .into_iter()
                    .flatten()
                    .filter_map(|(key, value)| Some((of.get(key)?, value)));
                return known
                    .clone()
                    .find_map(|(schema, value)| fault(root, schema, value));
            }
            "additionalProperties" => {
                let known = keywords.get("properties").unwrap_or(&Json::Null);
                let mut others = object
                    .into_iter()
                    .flatten()
                    .filter(|(key, _)| known.get(key).is_none());
                match of {
                    Json::Bool(allowed) => *allowed || others.next().is_none(),
                    schema => return others.find_map(|(_, value)| fault(root, schema, value)),
                }
            }
            other => panic!("a keyword this test does not know: {other}"),
        };
        (!ok).then(|| format!("{keyword}: {of} fails {value}"))
    })
}

fn count_valid(root: &Json, schemas: &Json, value: &Json) -> usize {
    let schemas = schemas.as_array().unwrap().iter();
    schemas
        .filter(|schema| fault(root, schema, value).is_none())
        .count()
}

fn is_of_type(value: &Json, of: &Json) -> bool {
    of == type_of(value) || (of == "number" && value.is_number())
}

fn type_of(value: &Json) -> &'static str {
    match value {
        Json::Null => "null",
        Json::Bool(_) => "boolean",
        Json::Number(number) if number.is_f64() => "number",
        Json::Number(_) => "integer",
        Json::String(_) => "string",
        Json::Array(_) => "array",
        Json::Object(_) => "object",
    }
}

fn matches(pattern: &str, text: &str) -> bool {
    let is_number =
        |digits: &str| !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    match pattern {
        "\\$" => text.contains('$'),
        "^[0-9]+(ms|s)$" => is_number(text.trim_end_matches('s').trim_end_matches('m')),
        "^-?[0-9]+$" => is_number(text.strip_prefix('-').unwrap_or(text)),
        other => panic!("a pattern this test does not know: {other}"),
    }
}

#[test]
fn validator_of_this_test_then_refuses_what_it_should() {
    let schema = json!({
        "type": "object",
        "properties": {"a": {"type": "integer", "minimum": 1}, "b": {"oneOf": [{"const": 1}, {"const": 2}]}},
        "required": ["a"],
        "additionalProperties": {"type": "array", "items": {"type": "string"}},
    });
    let is_valid = |value: Json| fault(&schema, &schema, &value).is_none();
    assert!(is_valid(json!({"a": 1, "b": 2, "c": ["x"]})));
    for value in [
        json!([]),
        json!({}),
        json!({"a": 0}),
        json!({"a": 1.5}),
        json!({"a": 1, "b": 3}),
        json!({"a": 1, "c": [1]}),
    ] {
        assert!(!is_valid(value.clone()), "{value}");
    }
}
