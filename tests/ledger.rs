//! The ledger has no hole: whatever a rule asks is checked by cases or by vectors, or the ledger says why not.
#![allow(clippy::panic, reason = "a test says what it relies on by failing")]

use std::{collections::BTreeSet, fs, path::Path};

use syncspec::{
    model::load_catalogue,
    rules::{ALL, RuleId},
    vectors,
};

fn rules_with_a_case() -> BTreeSet<RuleId> {
    let cases = load_catalogue().expect("the built-in cases load");
    let rules = cases.iter().flat_map(|case| case.rules().to_vec());
    rules.collect()
}

fn text_of(name: &str) -> String {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors");
    fs::read_to_string(dir.join(name)).expect("a vector file")
}

#[test]
fn every_rule_has_a_case_or_a_reason_for_having_none() {
    let with_case = rules_with_a_case();
    let holes: Vec<&str> = ALL
        .iter()
        .filter(|rule| !with_case.contains(rule) && rule.rule().untestable.is_none())
        .map(|rule| rule.as_str())
        .collect();
    assert!(
        holes.is_empty(),
        "neither a case nor a reason: {}",
        holes.join(", ")
    );
}

#[test]
fn no_rule_has_both_a_case_and_a_reason_for_having_none() {
    let with_case = rules_with_a_case();
    let torn: Vec<&str> = ALL
        .iter()
        .filter(|rule| with_case.contains(rule) && rule.rule().untestable.is_some())
        .map(|rule| rule.as_str())
        .collect();
    assert!(
        torn.is_empty(),
        "the ledger denies cases of {}",
        torn.join(", ")
    );
}

#[test]
fn every_reason_is_a_sentence() {
    for rule in ALL {
        if let Some(why) = rule.rule().untestable {
            assert!(
                why.ends_with('.') && why.split(' ').count() > 3,
                "{rule}: {why}"
            );
        }
    }
}

#[test]
fn every_group_of_vectors_that_a_rule_names_has_tests() {
    let names = ["tokens.json", "signed_message.json"];
    let files = names.map(|name| (name.to_owned(), text_of(name)));
    let set = vectors::load(files.to_vec()).expect("the vectors load");
    let groups: BTreeSet<&str> = set.tests().map(|test| test.group_type()).collect();
    for rule in ALL {
        for group in rule.vector_groups() {
            assert!(groups.contains(group), "{rule} names {group}");
        }
    }
}

#[test]
fn every_case_names_a_rule() {
    for case in load_catalogue().expect("the built-in cases load") {
        assert!(!case.rules().is_empty(), "{} names no rule", case.id());
    }
}
