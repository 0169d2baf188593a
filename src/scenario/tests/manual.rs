//! The manual of the format against the types that are the format.

use std::{fs, path::Path};

use schemars::{JsonSchema, schema_for};
use serde_json::Value as Json;

use crate::scenario::{
    deviation::Deviation,
    load::load_files,
    model::{Given, ScenarioFile, Verb},
    shape::words_of,
};

fn manual() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/README.md");
    fs::read_to_string(path).unwrap()
}

/// What stands between `<!-- name -->` and `<!-- end -->`.
fn section(name: &str) -> String {
    let manual = manual();
    let (_, behind) = manual.split_once(&format!("<!-- {name} -->\n")).unwrap();
    behind.split_once("<!-- end -->").unwrap().0.to_owned()
}

#[test]
fn verbs_then_described_as_in_the_code() {
    let expected = table::<Verb>("verb");
    assert!(section("verbs") == expected, "expected:\n{expected}");
}

#[test]
fn deviations_then_described_as_in_the_code() {
    let expected = format!(
        "{}{}",
        table::<Deviation>("deviation"),
        faults::<Deviation>()
    );
    assert!(section("deviations") == expected, "expected:\n{expected}");
}

#[test]
fn every_key_then_explained() {
    let manual = manual();
    for key in words_of::<ScenarioFile>().iter().chain(words_of::<Given>()) {
        assert!(manual.contains(&format!("`{key}`")), "{key}");
    }
}

#[test]
fn every_example_then_loads() {
    let manual = manual();
    let blocks: Vec<&str> = manual
        .split("```yaml\n")
        .skip(1)
        .filter_map(|behind| behind.split("```").next())
        .filter(|block| block.starts_with("about:"))
        .collect();
    assert!(!blocks.is_empty());
    for block in blocks {
        let loaded = load_files(vec![("a.yaml".to_owned(), block.as_bytes().to_vec())]);
        if let Err(errors) = loaded {
            panic!("{}", errors[0].render());
        }
    }
}

/// One line for each variant: its name, what stands behind it, and its description.
fn table<T: JsonSchema>(what: &str) -> String {
    let schema = schema_for!(T).to_value();
    let mut lines = format!("| {what} | takes | |\n|---|---|---|\n");
    for variant in schema["oneOf"].as_array().unwrap() {
        let (name, content) = variant["properties"]
            .as_object()
            .unwrap()
            .iter()
            .next()
            .unwrap();
        let takes = takes(&schema, content);
        lines += &format!("| `{name}` | {takes} | {} |\n", description(variant));
    }
    lines
}

fn takes(root: &Json, content: &Json) -> String {
    let definition = definition(root, content);
    let content = definition.map_or(content, |(_, definition)| definition);
    if let Some(properties) = content["properties"].as_object() {
        let keys: Vec<_> = properties.keys().map(|key| format!("`{key}`")).collect();
        return format!("a map: {}", keys.join(", "));
    }
    match (definition, content["type"].as_str()) {
        (_, Some("object")) => "nothing".to_owned(),
        (_, Some("array")) if content["items"]["$ref"] == "#/$defs/Step" => {
            "a list of steps".to_owned()
        }
        (_, Some("array")) => "a list of action names".to_owned(),
        (_, Some("string")) => "text".to_owned(),
        (_, Some("integer")) => "a number".to_owned(),
        (Some((_, words)), _) if words["oneOf"].is_array() => names(words),
        _ => "`key`, `handshake` or an item".to_owned(),
    }
}

/// The words that an enum has, where they are few enough for a cell.
fn names(words: &Json) -> String {
    let words = words["oneOf"].as_array().unwrap();
    match words.as_slice() {
        [only] => format!("`{}`", only["const"].as_str().unwrap()),
        _ => "a word, see below".to_owned(),
    }
}

/// The words of each enum that a variant takes.
fn faults<T: JsonSchema>() -> String {
    let schema = schema_for!(T).to_value();
    let mut lines = String::new();
    let mut seen = Vec::new();
    for variant in schema["oneOf"].as_array().unwrap() {
        let (name, content) = variant["properties"]
            .as_object()
            .unwrap()
            .iter()
            .next()
            .unwrap();
        let Some((of, words)) = definition(&schema, content) else {
            continue;
        };
        let words = words["oneOf"].as_array().unwrap();
        if words.len() == 1 || seen.contains(&of) {
            continue;
        }
        lines += &format!(
            "\nWords of {}:\n\n",
            users(&schema, of).unwrap_or(name.clone())
        );
        for word in words {
            lines += &format!(
                "- `{}`: {}\n",
                word["const"].as_str().unwrap(),
                description(word)
            );
        }
        seen.push(of);
    }
    lines
}

/// The variants that take the words of a definition.
fn users(schema: &Json, of: &str) -> Option<String> {
    let variants = schema["oneOf"].as_array()?.iter();
    let entries = variants.filter_map(|variant| variant["properties"].as_object()?.iter().next());
    let users = entries
        .filter(|(_, content)| definition(schema, content).is_some_and(|(name, _)| name == of));
    let names: Vec<_> = users.map(|(name, _)| format!("`{name}`")).collect();
    Some(names.join(" and "))
}

fn definition<'a>(root: &'a Json, content: &'a Json) -> Option<(&'a str, &'a Json)> {
    let name = content["$ref"].as_str()?.strip_prefix("#/$defs/")?;
    Some((name, &root["$defs"][name]))
}

fn description(schema: &Json) -> String {
    schema["description"].as_str().unwrap().replace('\n', " ")
}
