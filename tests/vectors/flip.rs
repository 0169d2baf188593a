//! One changed digit in any expected value turns its test red.

use std::{collections::BTreeSet, sync::Arc};

use libtest_mimic::Trial;
use serde_json::{Value, json};
use syncspec::vectors::{INFORMATIVE_FIELDS, Mismatch, RunError, Test, VectorSet};

/// Tests whose values are flipped in one trial, so that trials share the work evenly.
const FLIPPED_TESTS_PER_TRIAL: usize = 50;
/// Kinds of tests whose inputs can change without a consequence even where nothing is refused: a clock, bytes that a
/// later field overrides or that are unknown, the secret behind an export of no bytes.
const GROUPS_WITH_FREE_INPUTS: [&str; 4] = [
    "hpke_export",
    "pairing_secret_validate",
    "signed_message_verify",
    "wire_edge",
];

/// Changes the expected values of each test; fails naming those whose change nothing noticed.
pub fn trials(set: &Arc<VectorSet>) -> Vec<Trial> {
    let tests: Vec<_> = set.tests().collect();
    let files = tests.chunk_by(|a, b| a.file() == b.file());
    let chunks = files.flat_map(|file| file.chunks(FLIPPED_TESTS_PER_TRIAL));
    let trial = |chunk: &[Test<'_>]| {
        let set = Arc::clone(set);
        let ids: Vec<_> = chunk.iter().map(|test| test.id().to_owned()).collect();
        Trial::test(
            format!("flip/{}..{}", ids[0], ids[ids.len() - 1]),
            move || {
                let green: Vec<_> = ids
                    .iter()
                    .flat_map(|id| unnoticed(set.test(id).unwrap()))
                    .collect();
                if green.is_empty() {
                    Ok(())
                } else {
                    Err(green.join("\n").into())
                }
            },
        )
    };
    chunks.map(trial).collect()
}

fn unnoticed(test: Test<'_>) -> Vec<String> {
    let fields = Value::Object(test.fields().clone());
    let group_fields = Value::Object(test.group_fields().clone());
    let mut green = Vec::new();
    // A pointer that reached nothing would prove nothing.
    assert!(leaves(&fields).any(|pointer| pointer == "/result" && is_expected(test, &pointer)));
    for pointer in leaves(&fields).filter(|pointer| is_expected(test, pointer)) {
        let red = run_flipped(test, &fields, &[&pointer]).is_err();
        green.extend((!red).then(|| format!("{}{pointer}", test.id())));
    }
    for pointer in leaves(&group_fields).filter(|pointer| is_expected(test, pointer)) {
        let flipped = flipped(&group_fields, &[&pointer]);
        let red = test
            .run_with(flipped.as_object().unwrap(), test.fields())
            .is_err();
        green.extend((!red).then(|| format!("the group of {}{pointer}", test.id())));
    }
    green.extend(unnoticed_in_steps(test, &fields));
    green
}

/// Whether a value is one that the check must come to itself. Inputs of a refused test can often change without a
/// consequence; steps of sessions have a check of their own.
fn is_expected(test: Test<'_>, pointer: &str) -> bool {
    let field = pointer.split('/').nth(1).unwrap();
    let inputs = test.group_fields()["inputs"].as_array().unwrap();
    let free_input = inputs.iter().any(|input| input == field)
        && (test.fields()["result"] != "valid"
            || GROUPS_WITH_FREE_INPUTS.contains(&test.group_type()));
    !free_input && field != "id" && field != "steps" && !INFORMATIVE_FIELDS.contains(&field)
}

/// A session is too long to replay once per value: the same field is changed in all steps at once, and every step with
/// a change must be named.
fn unnoticed_in_steps(test: Test<'_>, fields: &Value) -> Vec<String> {
    let Some(steps) = fields.get("steps").and_then(Value::as_array) else {
        return Vec::new();
    };
    let names: BTreeSet<_> = steps
        .iter()
        .flat_map(|step| step.as_object().unwrap().keys())
        .collect();
    let expected = names
        .into_iter()
        .filter(|name| !INFORMATIVE_FIELDS.contains(&name.as_str()));
    let mut green = Vec::new();
    for name in expected {
        let in_step = |(index, step): (usize, &Value)| {
            let inside = step
                .get(name)
                .map(|value| leaves(value).collect::<Vec<_>>());
            inside
                .unwrap_or_default()
                .into_iter()
                .map(move |rest| (index, format!("/steps/{index}/{name}{rest}")))
        };
        let changed: Vec<_> = steps.iter().enumerate().flat_map(in_step).collect();
        let pointers: Vec<_> = changed
            .iter()
            .map(|(_, pointer)| pointer.as_str())
            .collect();
        match run_flipped(test, fields, &pointers) {
            Err(RunError::Malformed(_)) => {}
            Err(RunError::Mismatches(found)) => green.extend(
                changed
                    .iter()
                    .filter(|(index, _)| !names_step(&found, *index))
                    .map(|(_, pointer)| format!("{}{pointer}", test.id())),
            ),
            Ok(()) => green.push(format!("{}: {name} of every step", test.id())),
        }
    }
    green
}

fn names_step(found: &[Mismatch], index: usize) -> bool {
    let prefix = format!("steps[{index}].");
    found
        .iter()
        .any(|mismatch| mismatch.field.starts_with(&prefix))
}

fn run_flipped(test: Test<'_>, fields: &Value, pointers: &[&str]) -> Result<(), RunError> {
    test.run_with(
        test.group_fields(),
        flipped(fields, pointers).as_object().unwrap(),
    )
}

/// JSON pointers of all single values.
fn leaves(root: &Value) -> impl Iterator<Item = String> + use<> {
    let mut open = vec![(String::new(), root)];
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
                open.extend(
                    fields
                        .iter()
                        .map(|(key, value)| (format!("{pointer}/{key}"), value)),
                );
            }
            Value::Null => {}
            _ => leaves.push(pointer),
        }
    }
    leaves.into_iter()
}

fn flipped(root: &Value, pointers: &[&str]) -> Value {
    let mut root = root.clone();
    for pointer in pointers {
        let value = root.pointer_mut(pointer).unwrap();
        *value = match &*value {
            Value::Bool(flag) => json!(!flag),
            Value::Number(number) => match number.as_i64() {
                Some(number) => json!(number.wrapping_add(1)),
                None => json!(number.as_f64().unwrap() / 2.0 + 1.0),
            },
            Value::String(text) => json!(flipped_text(text)),
            other => panic!("no single value: {other}"),
        };
    }
    root
}

/// One hex digit in the middle changed, or the first character of any other text.
fn flipped_text(text: &str) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    if chars.is_empty() {
        return "00".to_owned();
    }
    let is_digit = |c: char| matches!(c, '0'..='9' | 'a'..='f');
    let at = if chars.iter().copied().all(is_digit) {
        chars.len() / 2
    } else {
        0
    };
    chars[at] = match chars[at] {
        c if is_digit(c) => char::from_digit(c.to_digit(16).unwrap() ^ 1, 16).unwrap(),
        'x' => 'y',
        _ => 'x',
    };
    chars.into_iter().collect()
}
