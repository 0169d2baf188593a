//! What is written as JSON, and read again; and the values that a case is provisioned with.

use std::collections::HashSet;

use prost::Message as _;
use serde_json::json;

use super::*;
use crate::{
    scenario::{
        fixtures::{Fixtures, PEER, seed_of},
        load_error::Problems,
        message::item_from_json,
        message_pattern::{message_from_json, message_to_json},
        yaml,
    },
    wire::{Action, SyncStreamItem, v1, v1sync::sync_stream_item::SyncActionThrottle},
};

const OPERATIONS: &str = "\
about: A claim.
rules: [envelope.replay-refused]
target: initiator
given:
  others: { second: {}, third: { known: false } }
  repos: [{ name: photos }, { name: music }]
  plans: [{ name: daily, repo: photos }, { name: weekly, repo: music }]
  operations:
    - { name: first, plan: daily, modno: 3 }
    - { name: last, plan: weekly, modno: 4, id: 12, repo-was: old }
steps: [establish, fence]
";

fn fixtures(text: &str) -> Fixtures {
    scenario(text).fixtures
}

#[test]
fn fixtures_then_the_same_out_of_json() {
    let fixtures = fixtures(OPERATIONS);
    let json = serde_json::to_value(&fixtures).unwrap();
    assert_eq!(
        serde_json::from_value::<Fixtures>(json.clone()).unwrap(),
        fixtures
    );
    for seed in ["", "5", &"0".repeat(63), &"0".repeat(66), &"g".repeat(64)] {
        let mut spoilt = json.clone();
        spoilt["identities"][0]["seed"] = json!(seed);
        assert!(
            serde_json::from_value::<Fixtures>(spoilt).is_err(),
            "{seed}"
        );
    }
}

#[test]
fn identities_then_who_is_known_and_under_a_readable_name() {
    let fixtures = fixtures(OPERATIONS);
    let names: Vec<&str> = fixtures.known().map(|one| one.name.as_str()).collect();
    assert_eq!(names, [PEER, "second"]);
    let other = |name| fixtures.another_known(name).map(|one| one.name.as_str());
    assert_eq!(other(PEER), Some("second"));
    assert_eq!(other("second"), Some(PEER));
    let probed = format!("{OPERATIONS}  - probe: serves-a-new-session\n")
        .replace("[establish, fence]\n", "\n  - establish\n")
        .replace("second: {}, ", "");
    assert_eq!(self::fixtures(&probed).another_known(PEER), None);
    let peer = fixtures.identity(PEER).unwrap();
    assert!(
        peer.instance_id.starts_with("area-claim-"),
        "{}",
        peer.instance_id
    );
    assert_ne!(seed_of("host"), seed_of("client"));
}

#[test]
fn operations_then_of_their_plan_and_its_repository() {
    let fixtures = fixtures(OPERATIONS);
    let [first, last] = &fixtures.operations[..] else {
        panic!("{:?}", fixtures.operations);
    };
    for (operation, at) in [(first, 0), (last, 1)] {
        assert_eq!(operation.plan_id, fixtures.plans[at].id);
        assert_eq!(operation.repo_guid, fixtures.repos[at].guid);
    }
    assert_eq!(first.repo_id, fixtures.repos[0].id);
    assert_eq!(last.repo_id, "old");
    assert_eq!(last.id, 12);
    // More than a 32-bit number holds, less than what a double holds each of.
    assert!(first.id > 1 << 32 && first.id < 1 << 53, "{}", first.id);
    let json = first.to_json();
    let read: v1::Operation = message_from_json(&json).unwrap();
    assert_eq!((read.id, read.modno), (first.id, 3));
    assert_eq!(read.repo_guid, first.repo_guid);
    assert_eq!(read.unix_time_start_ms, 4_102_444_800_000);
    assert_eq!(message_to_json(&read), json);
}

#[test]
fn id_that_is_given_then_what_its_variable_stands_for() {
    let text = OPERATIONS.replace(
        "steps: [establish, fence]",
        "steps:\n  - establish\n  - expect: { requestOperationData: { opIds: [$last] } }",
    );
    let scenario = scenario(&text);
    let Verb::Expect(Expectation::Item(pattern)) = &scenario.steps[1].verb else {
        panic!("{:?}", scenario.steps[1]);
    };
    assert_eq!(pattern.json["requestOperationData"]["opIds"], json!(["12"]));
}

/// Ids of one case's operations, and of all cases', are never alike: each comes from a hash of its own.
#[test]
fn many_operations_then_no_id_twice() {
    let given = scenario(OPERATIONS).given;
    let mut seen = HashSet::new();
    for case in 0..200 {
        let id = format!("area/{case}");
        let fixtures = Fixtures::for_case(&id, Role::Initiator, RpcProtocol::Grpc, &given);
        assert!(seen.insert(fixtures.operations[0].id), "{id}");
    }
}

#[test]
fn item_then_the_same_out_of_json() {
    let throttle = SyncActionThrottle { delay_ms: 5 };
    let item = SyncStreamItem {
        action: Some(Action::Throttle(throttle)),
    };
    assert_eq!(item_from_json(&item_to_json(&item)).unwrap(), item);
    assert!(item_from_json(&json!({"throtle": {}})).is_err());
    let empty = item_from_json(&json!({})).unwrap();
    assert_eq!(empty.encode_to_vec(), b"");
}

#[test]
fn words_of_an_item_then_those_two_alone() {
    assert_eq!(
        serde_json::from_value::<Sendable>(json!("handshake")).unwrap(),
        Sendable::Handshake
    );
    for word in ["hands", "shake", ""] {
        assert!(
            serde_json::from_value::<Sendable>(json!(word)).is_err(),
            "{word}"
        );
        assert!(
            serde_json::from_value::<Expectation>(json!(word)).is_err(),
            "{word}"
        );
    }
}

#[test]
fn number_then_as_json_has_it() {
    let json = |text: &str| {
        let problems = Problems::default();
        yaml::parse(text, &problems).unwrap().to_json()
    };
    assert_eq!(json(".nan"), "NaN");
    assert_eq!(json(".inf"), "Infinity");
    assert_eq!(json("-.inf"), "-Infinity");
    assert_eq!(json("1.5"), 1.5);
    assert_eq!(json("18446744073709551615"), u64::MAX);
    assert_eq!(json("18446744073709551616"), "18446744073709551616");
}
