//! Our `.proto` files and the wire contract, `proto/wire.json`, say the same: compared both ways, down to each name,
//! number and flag.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says what it relies on by failing"
)]

use std::collections::BTreeSet;

use prost_reflect::{
    Cardinality, EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor, MethodDescriptor,
    ServiceDescriptor,
};
use serde_json::{Map, Value, json};
use syncspec::wire::descriptor_pool;

const CONTRACT: &str = include_str!("../proto/wire.json");

/// Keys of a contract entry that describe the entry, not the wire.
const ABOUT_THE_ENTRY: [&str; 4] = ["id", "comment", "result", "flags"];

#[test]
fn proto_files_then_equal_to_contract() {
    let differences = differences(&contract(), &ours());
    assert!(
        differences.is_empty(),
        "the wire contract is not met:\n{}",
        differences.join("\n")
    );
}

#[test]
fn contract_then_of_the_known_size() {
    let count = |kind: &str| entries(&contract()).filter(|(of, _)| of == kind).count();
    assert_eq!(
        (count("service"), count("message"), count("enum")),
        (2, 79, 10)
    );
    assert_eq!(contract()["number_of_tests"], 91);
}

#[test]
fn any_value_of_the_contract_changed_then_noticed() {
    let (contract, ours) = (contract(), ours());
    let mut changes = 0;
    for (kind, entry) in entries(&contract) {
        let our_entry = entries(&ours)
            .find(|(of, candidate)| *of == kind && candidate["full_name"] == entry["full_name"])
            .map(|(_, found)| entry_facts(&kind, found))
            .unwrap();
        for pointer in leaf_pointers(entry) {
            let mut mutated = entry.clone();
            let value = mutated.pointer_mut(&pointer).unwrap();
            *value = changed(value);
            let id = &entry["id"];
            assert_ne!(
                entry_facts(&kind, &mutated),
                our_entry,
                "nothing noticed a change of {id}{pointer}"
            );
            changes += 1;
        }
    }
    assert!(changes > 2000, "only {changes} values were reached");
}

#[test]
fn any_entry_of_the_contract_removed_then_named() {
    let (contract, ours) = (contract(), ours());
    for (group, group_value) in contract["groups"].as_array().unwrap().iter().enumerate() {
        for test in 0..group_value["tests"].as_array().unwrap().len() {
            let mut mutated = contract.clone();
            mutated["groups"][group]["tests"]
                .as_array_mut()
                .unwrap()
                .remove(test);
            let found = differences(&mutated, &ours);
            let name = group_value["tests"][test]["full_name"].as_str().unwrap();
            assert!(
                found.iter().any(|line| line.contains(name)),
                "nothing noticed that {name} is gone"
            );
        }
    }
}

fn contract() -> Value {
    serde_json::from_str(CONTRACT).unwrap()
}

/// Every entry with the type of its group.
fn entries(document: &Value) -> impl Iterator<Item = (String, &Value)> {
    document["groups"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|group| {
            let kind = group["type"].as_str().unwrap();
            group["tests"]
                .as_array()
                .unwrap()
                .iter()
                .map(move |test| (kind.to_owned(), test))
        })
}

fn differences(contract: &Value, ours: &Value) -> Vec<String> {
    let (contract, ours) = (facts(contract), facts(ours));
    let missing = contract
        .difference(&ours)
        .map(|fact| format!("expected {fact}"));
    let extra = ours
        .difference(&contract)
        .map(|fact| format!("saw      {fact}"));
    missing.chain(extra).collect()
}

/// Everything a document states, one line each: `message v1.Plan fields[id] number = 1`.
fn facts(document: &Value) -> BTreeSet<String> {
    entries(document)
        .flat_map(|(kind, entry)| entry_facts(&kind, entry))
        .collect()
}

fn entry_facts(kind: &str, entry: &Value) -> BTreeSet<String> {
    let mut facts = BTreeSet::new();
    let name = entry["full_name"].as_str().unwrap_or_default();
    for (key, value) in entry.as_object().unwrap() {
        if !ABOUT_THE_ENTRY.contains(&key.as_str()) {
            collect(&format!("{kind} {name} {key}"), value, &mut facts);
        }
    }
    facts
}

fn collect(path: &str, value: &Value, facts: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) => {
            for item in items {
                match item.get("name").and_then(Value::as_str) {
                    Some(name) => collect(&format!("{path}[{name}]"), item, facts),
                    None => collect(&format!("{path}[]"), item, facts),
                }
            }
        }
        Value::Object(fields) => {
            for (key, value) in fields {
                collect(&format!("{path} {key}"), value, facts);
            }
        }
        leaf => assert!(
            facts.insert(format!("{path} = {leaf}")),
            "stated twice: {path} = {leaf}"
        ),
    }
}

/// JSON pointers of all values that an entry states.
fn leaf_pointers(entry: &Value) -> Vec<String> {
    let mut open = vec![(String::new(), entry)];
    let mut leaves = Vec::new();
    while let Some((pointer, value)) = open.pop() {
        match value {
            Value::Array(items) => {
                open.extend(
                    items
                        .iter()
                        .enumerate()
                        .map(|(at, item)| (format!("{pointer}/{at}"), item)),
                );
            }
            Value::Object(fields) => {
                let stated = fields
                    .iter()
                    .filter(|(key, _)| !ABOUT_THE_ENTRY.contains(&key.as_str()));
                open.extend(stated.map(|(key, value)| (format!("{pointer}/{key}"), value)));
            }
            _ => leaves.push(pointer),
        }
    }
    leaves
}

fn changed(value: &Value) -> Value {
    match value {
        Value::Bool(flag) => json!(!flag),
        Value::Number(number) => json!(number.as_i64().unwrap() + 1000),
        Value::String(text) => json!(format!("{text}x")),
        other => panic!("the contract holds no {other}"),
    }
}

/// Our descriptors in the contract's form.
fn ours() -> Value {
    let pool = descriptor_pool();
    let ours = |package: &str| !package.starts_with("google.");
    let reachable = reachable();
    let services: Vec<_> = pool
        .services()
        .map(|service| service_entry(&service))
        .collect();
    let messages: Vec<_> = pool
        .all_messages()
        .filter(|message| ours(message.package_name()))
        .map(|message| message_entry(&message, reachable.contains(message.full_name())))
        .collect();
    let enums: Vec<_> = pool
        .all_enums()
        .filter(|e| ours(e.package_name()))
        .map(|e| enum_entry(&e))
        .collect();
    json!({ "groups": [
        { "type": "service", "tests": services },
        { "type": "message", "tests": messages },
        { "type": "enum", "tests": enums },
    ] })
}

/// Messages that a method's input or output leads to.
fn reachable() -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    let methods = descriptor_pool()
        .services()
        .flat_map(|s| s.methods().collect::<Vec<_>>());
    let mut queue: Vec<_> = methods.flat_map(|m| [m.input(), m.output()]).collect();
    while let Some(message) = queue.pop() {
        if seen.insert(message.full_name().to_owned()) {
            queue.extend(
                message
                    .fields()
                    .filter_map(|field| field.kind().as_message().cloned()),
            );
        }
    }
    seen
}

fn service_entry(service: &ServiceDescriptor) -> Value {
    let methods: Vec<_> = service
        .methods()
        .map(|method| method_entry(service, &method))
        .collect();
    json!({ "full_name": service.full_name(), "methods": methods })
}

fn method_entry(service: &ServiceDescriptor, method: &MethodDescriptor) -> Value {
    json!({
        "name": method.name(),
        "path": format!("/{}/{}", service.full_name(), method.name()),
        "input": method.input().full_name(),
        "output": method.output().full_name(),
        "client_streaming": method.is_client_streaming(),
        "server_streaming": method.is_server_streaming(),
    })
}

fn message_entry(message: &MessageDescriptor, reachable: bool) -> Value {
    let fields: Vec<_> = message.fields().map(|field| field_entry(&field)).collect();
    let mut entry = json!({
        "full_name": message.full_name(),
        "file": message.parent_file().name(),
        "reachable": reachable,
        "fields": fields,
    });
    // A reserved range excludes its end in a descriptor and includes it in the contract, as in the language.
    let ranges = message
        .reserved_ranges()
        .map(|range| format!("{}-{}", range.start, range.end - 1));
    let names = message.reserved_names().map(str::to_owned);
    let reserved: Vec<_> = ranges.chain(names).collect();
    if !reserved.is_empty() {
        entry["reserved"] = json!(reserved);
    }
    entry
}

fn field_entry(field: &FieldDescriptor) -> Value {
    let mut entry = Map::new();
    entry.insert("name".into(), json!(field.name()));
    entry.insert("json_name".into(), json!(field.json_name()));
    entry.insert("number".into(), json!(field.number()));
    let (kind, type_name) = kind_name(&field.kind());
    entry.insert("type".into(), json!(kind));
    if let Some(type_name) = type_name {
        entry.insert("type_name".into(), json!(type_name));
    }
    let label = match field.cardinality() {
        Cardinality::Repeated => "repeated",
        Cardinality::Optional => "singular",
        Cardinality::Required => "required",
    };
    entry.insert("label".into(), json!(label));
    entry.insert("packed".into(), json!(field.is_packed()));
    entry.insert("presence".into(), json!(field.supports_presence()));
    if let Some(oneof) = field.containing_oneof() {
        entry.insert("oneof".into(), json!(oneof.name()));
    }
    let options = field.field_descriptor_proto().options.as_ref();
    if options.is_some_and(|options| options.deprecated()) {
        entry.insert("deprecated".into(), json!(true));
    }
    Value::Object(entry)
}

fn kind_name(kind: &Kind) -> (String, Option<String>) {
    match kind {
        Kind::Message(message) => ("message".into(), Some(message.full_name().into())),
        Kind::Enum(of) => ("enum".into(), Some(of.full_name().into())),
        scalar => (format!("{scalar:?}").to_lowercase(), None),
    }
}

fn enum_entry(of: &EnumDescriptor) -> Value {
    let values: Vec<_> = of
        .values()
        .map(|value| json!({ "name": value.name(), "number": value.number() }))
        .collect();
    json!({ "full_name": of.full_name(), "file": of.parent_file().name(), "values": values })
}
