//! Lists against results, and plays against each other.

use std::{sync::Arc, time::Duration};

use super::{super::repeat::merge, *};
use crate::{
    judge::Finding,
    scenario::{
        builtin::load_builtin,
        model::{Location, Scenario},
    },
    target::known_failing::Date,
    trace::Trace,
    wire::{Role, RpcProtocol},
};

const CASE: &str = "envelope/ends-on-repeated-nonce/the-last-one";

fn location() -> Location {
    Location {
        file: "known.yaml".to_owned(),
        line: 3,
        column: 1,
    }
}

fn entry(what: What) -> Entry {
    Entry {
        what,
        role: None,
        protocol: None,
        reason: "It goes on.".to_owned(),
        risk: None,
        reproduce: None,
        link: None,
        expires: None,
        flaky: false,
        location: location(),
    }
}

fn case_entry(expect: Option<RuleId>) -> Entry {
    entry(What::Case {
        id: CASE.to_owned(),
        expect,
    })
}

fn expectations(entries: Vec<Entry>) -> Expectations {
    Expectations {
        entries,
        today: "2026-06-15".parse::<Date>().unwrap(),
        ..Expectations::none(Level::Must)
    }
}

fn scenario(id: &str) -> Arc<Scenario> {
    let cases = load_builtin().unwrap();
    let case = cases.iter().find(|case| case.id() == id).unwrap();
    Arc::new(
        case.instantiate(Role::Responder, RpcProtocol::Grpc)
            .unwrap(),
    )
}

fn result(broken: &[RuleId]) -> CaseResult {
    let scenario = scenario(CASE);
    let findings: Vec<_> = broken
        .iter()
        .map(|rule| Finding {
            rule: *rule,
            step: Some(1),
            expected: "an end".to_owned(),
            seen: "none".to_owned(),
            location: location(),
            event: None,
        })
        .collect();
    CaseResult::new(
        scenario,
        RpcProtocol::Grpc,
        crate::judge::Verdict::Judged(findings),
        Level::Must,
        Duration::ZERO,
        Trace::default(),
    )
}

fn folded(entries: Vec<Entry>, broken: &[RuleId]) -> (Outcome, String) {
    let mut result = result(broken);
    expectations(entries).fold(&mut result);
    (result.outcome, result.reason.unwrap_or_default())
}

const REPLAY: RuleId = RuleId::EnvelopeReplayRefused;
const OTHER: RuleId = RuleId::ResponderSurvives;

#[test]
fn nothing_listed_then_results_stay() {
    assert_eq!(folded(vec![], &[]).0, Outcome::Passed);
    assert_eq!(folded(vec![], &[REPLAY]).0, Outcome::Failed);
}

#[test]
fn listed_failure_then_known() {
    let (outcome, reason) = folded(vec![case_entry(Some(REPLAY))], &[REPLAY]);
    assert_eq!(outcome, Outcome::KnownFailing);
    assert!(reason.contains("It goes on. (known.yaml:3:1)"), "{reason}");
    assert_eq!(
        folded(vec![case_entry(None)], &[REPLAY, OTHER]).0,
        Outcome::KnownFailing
    );
}

#[test]
fn listed_failure_that_does_not_come_then_red() {
    let (outcome, reason) = folded(vec![case_entry(Some(REPLAY))], &[]);
    assert_eq!(outcome, Outcome::UnexpectedPass);
    assert!(
        reason.contains("and it does not: delete the entry"),
        "{reason}"
    );
}

#[test]
fn other_failure_than_listed_then_red() {
    let (outcome, reason) = folded(vec![case_entry(Some(REPLAY))], &[OTHER]);
    assert_eq!(outcome, Outcome::Failed);
    assert!(
        reason.contains("fails differently: responder.survives"),
        "{reason}"
    );
    assert_eq!(
        folded(vec![case_entry(Some(REPLAY))], &[REPLAY, OTHER]).0,
        Outcome::Failed
    );
}

#[test]
fn entry_beyond_its_day_then_red_either_way() {
    let expired = Entry {
        expires: Some("2026-06-14".parse().unwrap()),
        ..case_entry(Some(REPLAY))
    };
    let (outcome, reason) = folded(vec![expired.clone()], &[REPLAY]);
    assert_eq!(outcome, Outcome::Failed);
    assert!(reason.contains("counted until 2026-06-14"), "{reason}");
    assert_eq!(
        folded(vec![expired.clone()], &[]).0,
        Outcome::UnexpectedPass
    );
    let last_day = Entry {
        expires: Some("2026-06-15".parse().unwrap()),
        ..expired
    };
    assert_eq!(folded(vec![last_day], &[REPLAY]).0, Outcome::KnownFailing);
}

#[test]
fn entry_of_another_protocol_then_not_about_it() {
    let other = Entry {
        protocol: Some(RpcProtocol::Connect),
        ..case_entry(None)
    };
    assert_eq!(folded(vec![other], &[REPLAY]).0, Outcome::Failed);
}

#[test]
fn weaker_rule_that_is_listed_then_known_although_it_fails_nothing() {
    let weak = RuleId::HandshakeKeyEncodingCanonical;
    assert_eq!(folded(vec![], &[weak]).0, Outcome::Passed);
    assert_eq!(
        folded(vec![case_entry(Some(weak))], &[weak]).0,
        Outcome::KnownFailing
    );
    assert_eq!(
        folded(vec![case_entry(Some(weak))], &[]).0,
        Outcome::UnexpectedPass
    );
}

#[test]
fn listed_rule_then_known_wherever_it_shows() {
    assert_eq!(
        folded(vec![entry(What::Rule(REPLAY))], &[REPLAY]).0,
        Outcome::KnownFailing
    );
    assert_eq!(
        folded(vec![entry(What::Rule(REPLAY))], &[REPLAY, OTHER]).0,
        Outcome::Failed
    );
    assert_eq!(
        folded(vec![entry(What::Rule(REPLAY))], &[]).0,
        Outcome::Passed
    );
}

#[test]
fn listed_rule_that_nothing_breaks_then_red_once_all_that_show_it_were_played() {
    let expectations = expectations(vec![entry(What::Rule(REPLAY))]);
    let universe = |ids: &[&str]| -> Vec<Job> {
        ids.iter()
            .map(|id| Job {
                scenario: scenario(id),
                protocol: RpcProtocol::Grpc,
                skip: None,
            })
            .collect()
    };
    let closed = expectations.close(vec![result(&[])], &universe(&[CASE]));
    assert_eq!(closed[0].outcome, Outcome::UnexpectedPass);
    let other = "envelope/ends-on-replayed-frame";
    let cases = load_builtin().unwrap();
    let other = cases
        .iter()
        .find(|case| case.id().starts_with(other))
        .unwrap()
        .id();
    let closed = expectations.close(vec![result(&[])], &universe(&[CASE, other]));
    assert_eq!(closed[0].outcome, Outcome::Passed);
    let closed = expectations.close(vec![result(&[REPLAY])], &universe(&[CASE]));
    assert_eq!(closed[0].outcome, Outcome::Failed);
}

#[test]
fn new_case_that_fails_then_reported_and_not_red() {
    let released = Box::leak(Box::new(Released::read("release 1.0.0\na\n").unwrap()));
    let expectations = Expectations {
        released: Some(released),
        ..expectations(vec![])
    };
    let mut failed = result(&[REPLAY]);
    expectations.fold(&mut failed);
    assert_eq!(failed.outcome, Outcome::PreviewFailed);
    let mut passed = result(&[]);
    expectations.fold(&mut passed);
    assert_eq!(passed.outcome, Outcome::Passed);
}

fn plays(expectations: &Expectations, broken: &[&[RuleId]]) -> CaseResult {
    let plays = broken.iter().map(|broken| {
        let mut play = result(broken);
        expectations.fold(&mut play);
        play
    });
    let mut merged = merge(plays.collect(), expectations);
    assert_eq!(merged.len(), 1);
    merged.remove(0)
}

#[test]
fn plays_that_agree_then_their_outcome_and_the_count() {
    let same = plays(&expectations(vec![]), &[&[REPLAY], &[REPLAY]]);
    assert_eq!(same.outcome, Outcome::Failed);
    let repeats = same.repeats.unwrap();
    assert_eq!((repeats.plays, repeats.not_passed), (2, 2));
    assert_eq!(
        plays(&expectations(vec![]), &[&[], &[]]).outcome,
        Outcome::Passed
    );
}

#[test]
fn plays_that_differ_then_flaky_with_the_rate() {
    let differing = plays(&expectations(vec![]), &[&[], &[REPLAY], &[]]);
    assert_eq!(differing.outcome, Outcome::Flaky);
    assert_eq!(differing.repeats.unwrap().not_passed, 1);
    assert!(!differing.findings.is_empty());
    let reason = differing.reason.unwrap();
    assert!(
        reason.contains("passed in 2 of 3, failed in 1 of 3"),
        "{reason}"
    );
    let by_rule = plays(&expectations(vec![]), &[&[OTHER], &[REPLAY]]);
    assert_eq!(by_rule.outcome, Outcome::Flaky);
}

#[test]
fn listed_as_flaky_then_both_are_known() {
    let flaky = Entry {
        flaky: true,
        ..case_entry(Some(REPLAY))
    };
    let expectations = expectations(vec![flaky]);
    assert_eq!(
        plays(&expectations, &[&[], &[REPLAY]]).outcome,
        Outcome::KnownFailing
    );
    assert_eq!(plays(&expectations, &[&[], &[]]).outcome, Outcome::Passed);
    assert_eq!(
        plays(&expectations, &[&[], &[OTHER]]).outcome,
        Outcome::Flaky
    );
}
