//! The file format as JSON Schema, for editors. It says a little less than the loader checks.
//!
//! Most of it comes from the model's types. Steps and deviations are written in shorter forms than serde's, items are
//! those of the contract, and a variable may stand in place of any value: those parts are built here.

use std::borrow::Cow;

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value as Json, json};

use super::{
    de,
    deviation::Deviation,
    load_error::Problems,
    message::{HANDSHAKE, KEY, item_descriptor},
    message_pattern::{MessagePattern, Named, descriptor},
    model::{Expectation, ScenarioFile, Sendable, Step, TIMES_MAX, Verb},
    node::{Key, Place},
    shape::words_of,
    steps::STEP_KEYS,
};

/// The definition of a variable.
const VARIABLE: &str = "Variable";
/// Keys of the schema's root under which no variable may stand.
const FIXED: [&str; 6] = ["about", "rules", "target", "profile", "alone", "cases"];

/// JSON Schema of a scenario file.
pub fn schema() -> Json {
    let mut schema = schemars::schema_for!(ScenarioFile).to_value();
    if let Some(definitions) = schema.get_mut("$defs").and_then(Json::as_object_mut) {
        for definition in definitions.values_mut() {
            allow_variables(definition);
        }
        definitions.insert(
            VARIABLE.to_owned(),
            json!({"type": "string", "pattern": "\\$", "description": "A variable, or a text with one."}),
        );
    }
    if let Some(properties) = schema.get_mut("properties").and_then(Json::as_object_mut) {
        for (key, property) in properties.iter_mut() {
            if !FIXED.contains(&key.as_str()) {
                allow_variables(property);
            }
        }
    }
    schema
}

/// Lets a variable stand in place of every property, element and value within a schema.
fn allow_variables(schema: &mut Json) {
    let Some(object) = schema.as_object_mut() else {
        return;
    };
    for (keyword, value) in object.iter_mut() {
        match (keyword.as_str(), value) {
            ("properties", Json::Object(properties)) => {
                properties.values_mut().for_each(or_variable);
            }
            ("items" | "additionalProperties", schema @ Json::Object(_)) => or_variable(schema),
            ("anyOf" | "oneOf", Json::Array(schemas)) => {
                schemas.iter_mut().for_each(allow_variables);
            }
            _ => {}
        }
    }
}

fn or_variable(schema: &mut Json) {
    allow_variables(schema);
    let is_any_text = schema["type"] == "string"
        && ["enum", "const", "pattern"]
            .iter()
            .all(|keyword| schema.get(keyword).is_none());
    if !is_any_text {
        *schema = json!({"anyOf": [schema.take(), {"$ref": format!("#/$defs/{VARIABLE}")}]});
    }
}

/// The entries of an externally tagged enum: each variant's name, and the schema of what stands behind it.
fn variants<T: JsonSchema>(generator: &mut SchemaGenerator) -> Map<String, Json> {
    let schema = T::json_schema(generator).to_value();
    let one_of = schema["oneOf"].as_array().cloned().unwrap_or_default();
    let mut entries = Map::new();
    for mut variant in one_of {
        let description = variant["description"].take();
        let Some(properties) = variant["properties"].as_object() else {
            continue;
        };
        for (name, content) in properties {
            let mut content = json!({"allOf": [content]});
            content["description"] = description.clone();
            entries.insert(name.clone(), content);
        }
    }
    entries
}

/// Schema of a list of deviations, or of one map of them.
pub(super) fn deviations(generator: &mut SchemaGenerator) -> Schema {
    let entries = variants::<Deviation>(generator);
    generator.definitions_mut().insert(
        "Deviations".to_owned(),
        json!({
            "description": "Departures from the protocol, by name.",
            "type": "object",
            "properties": entries,
            "additionalProperties": false,
            "minProperties": 1,
        }),
    );
    json_schema!({"anyOf": [
        {"$ref": "#/$defs/Deviations"},
        {"type": "array", "items": {"$ref": "#/$defs/Deviations"}},
    ]})
}

impl JsonSchema for Step {
    fn schema_name() -> Cow<'static, str> {
        "Step".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut properties = variants::<Verb>(generator);
        let bare = bare_verbs();
        for (verb, schema) in &mut properties {
            if bare.contains(&verb.as_str()) {
                *schema = json!({"anyOf": [schema.take(), {"type": "null"}]});
            }
        }
        let verbs: Vec<Json> = properties
            .keys()
            .map(|verb| json!({"required": [verb]}))
            .collect();
        let siblings = [
            json!({"type": "string", "description": "Session it concerns; the first one needs no name."}),
            deviations(generator).to_value(),
            json!({"type": "string", "pattern": "^[0-9]+(ms|s)$", "description": "Longest wait."}),
            json!({"type": "string", "description": "The rule that a failure of this step breaks."}),
            json!({"type": "array", "items": {"type": "string"}, "description": "The only ids that count in lists."}),
            json!({"type": "integer", "minimum": 2, "maximum": TIMES_MAX, "description": "How often it is taken."}),
        ];
        for (key, schema) in STEP_KEYS.iter().zip(siblings) {
            properties.insert((*key).to_owned(), schema);
        }
        json_schema!({"anyOf": [
            {"type": "string", "enum": bare},
            {
                "type": "object",
                "properties": properties,
                "additionalProperties": false,
                "oneOf": verbs,
            },
        ]})
    }
}

/// The verbs that need nothing behind them.
fn bare_verbs() -> Vec<&'static str> {
    let is_bare = |verb: &&&str| {
        let key = Key {
            text: (**verb).to_owned(),
            place: Place::START,
        };
        de::read_variant::<Verb>(&key, None, &Problems::default()).is_some()
    };
    words_of::<Verb>().iter().filter(is_bare).copied().collect()
}

impl JsonSchema for Sendable {
    fn schema_name() -> Cow<'static, str> {
        "Sendable".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        item_schema(generator)
    }
}

impl JsonSchema for Expectation {
    fn schema_name() -> Cow<'static, str> {
        "Expectation".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        item_schema(generator)
    }
}

impl<M: Named> JsonSchema for MessagePattern<M> {
    fn schema_name() -> Cow<'static, str> {
        M::NAME.into()
    }

    fn inline_schema() -> bool {
        // The message is a definition already, by the same name.
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let message = message_schema(generator, &descriptor::<M>());
        json_schema!({"allOf": [message]})
    }
}

fn item_schema(generator: &mut SchemaGenerator) -> Schema {
    let item = message_schema(generator, &item_descriptor());
    json_schema!({"anyOf": [{"type": "string", "enum": [KEY, HANDSHAKE]}, item]})
}

/// A reference to the definition of a message, which is made when it is first needed.
fn message_schema(generator: &mut SchemaGenerator, message: &MessageDescriptor) -> Json {
    let name = message.full_name();
    if !generator.definitions().contains_key(name) {
        // Messages may hold themselves: the name must be there before the fields are.
        generator
            .definitions_mut()
            .insert(name.to_owned(), Json::Null);
        let fields: Map<String, Json> = message
            .fields()
            .flat_map(|field| {
                let schema = json!({"anyOf": [field_schema(generator, &field), {"type": "null"}]});
                [field.json_name(), field.name()].map(|name| (name.to_owned(), schema.clone()))
            })
            .collect();
        let definition =
            json!({"type": "object", "properties": fields, "additionalProperties": false});
        generator
            .definitions_mut()
            .insert(name.to_owned(), definition);
    }
    json!({"$ref": format!("#/$defs/{name}")})
}

fn field_schema(generator: &mut SchemaGenerator, field: &FieldDescriptor) -> Json {
    let schema = match field.kind() {
        Kind::Message(message) => message_schema(generator, &message),
        Kind::Bool => json!({"type": "boolean"}),
        Kind::String | Kind::Bytes => json!({"type": "string"}),
        Kind::Enum(values) => {
            let names: Vec<_> = values
                .values()
                .map(|value| value.name().to_owned())
                .collect();
            json!({"anyOf": [{"type": "string", "enum": names}, {"type": "integer"}]})
        }
        Kind::Float | Kind::Double => json!({"anyOf": [{"type": "number"}, {"type": "string"}]}),
        _ => json!({"anyOf": [{"type": "integer"}, {"type": "string", "pattern": "^-?[0-9]+$"}]}),
    };
    match field.is_list() {
        true => json!({"type": "array", "items": schema}),
        false => schema,
    }
}
