//! The model against itself, and its cases against the format.

use std::collections::HashMap;

use super::{
    matrix::{Place, places, verdict},
    *,
};
use crate::{
    scenario::load::load_files,
    wire::{Role, RpcProtocol},
};

fn cases() -> Vec<crate::scenario::CaseTemplate> {
    generated().unwrap_or_else(|errors| panic!("{}", errors[0].render()))
}

#[test]
fn every_generated_case_then_nothing_is_wrong_with_it() {
    for case in cases() {
        let problems = case.problems();
        assert!(
            problems.is_empty(),
            "{}\n{}",
            problems[0].render(),
            case.yaml()
        );
    }
}

#[test]
fn text_of_a_generated_case_as_a_file_then_the_same_scenario() {
    for case in cases() {
        let path = format!("{}.yaml", case.id());
        let read = load_files(vec![(path, case.yaml().as_bytes().to_vec())]);
        let read = read.unwrap_or_else(|errors| panic!("{}", errors[0].render()));
        for role in case.roles() {
            let generated = case.instantiate(*role, RpcProtocol::Connect).unwrap();
            let read = read[0].instantiate(*role, RpcProtocol::Connect).unwrap();
            let in_a_file = format!("{generated:?}").replace("\"generated/", "\"");
            assert_eq!(in_a_file, format!("{read:?}"));
        }
    }
}

#[test]
fn two_generated_cases_then_not_the_same_dialogue() {
    let mut seen: HashMap<String, String> = HashMap::new();
    for case in cases() {
        let yaml = case.yaml();
        let about = yaml.lines().filter(|line| {
            ["about:", "rules:"]
                .iter()
                .all(|key| !line.starts_with(key))
        });
        let dialogue = about.collect::<Vec<_>>().join("\n");
        if let Some(other) = seen.insert(dialogue, case.id().to_owned()) {
            panic!("{} and {other} are one dialogue", case.id());
        }
    }
}

#[test]
fn every_cell_then_judged_or_left_out_with_a_reason() {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    let mut judged = 0;
    let all = [Role::Responder, Role::Initiator]
        .into_iter()
        .flat_map(places);
    for place in all {
        match verdict(place) {
            Verdict::Must(_) => judged += 1,
            Verdict::LeftOut(reason) => *counts.entry(reason).or_default() += 1,
        }
    }
    assert_eq!(judged, matrix::cases().count());
    assert!(counts.keys().all(|reason| reason.len() > 10), "{counts:?}");
}

#[test]
fn every_transition_then_leads_to_a_state_of_the_model() {
    for role in [Role::Responder, Role::Initiator] {
        let all: Vec<Place> = places(role).collect();
        let states: Vec<State> = all.iter().map(|place| place.state).collect();
        for place in &all {
            if let Verdict::Must(cell) = verdict(*place) {
                for next in cell.next(place.state, place.message) {
                    let optional = matches!(cell.outcome, Outcome::Optional { .. });
                    assert!(optional || states.contains(&next), "{place:?} {next:?}");
                }
            }
        }
    }
}
