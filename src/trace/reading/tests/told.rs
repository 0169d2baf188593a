//! What a client tells of a change of its operations.

use super::*;
use crate::wire::{
    types::Int64List,
    v1::{self, OperationEvent, OperationList, operation_event},
    v1sync::sync_stream_item::SyncActionReceiveOperations,
};

fn case_of(change: &str) -> Scenario {
    case(
        Role::Initiator,
        &format!(
            "given:\n  peer: {{ permissions: [{{ type: read-operations, scopes: [\"repo:$photos\"] }}] }}\n  repos: [{{ name: photos }}]\n  \
             plans: [{{ name: daily, repo: photos }}]\n  \
             operations: [{{ name: first, plan: daily, modno: 3, later: true }}]\n\
             steps:\n  - establish\n  - change-operations: {{ put: first }}\n  - expect-change: {change}\n"
        ),
    )
}

fn event(event: operation_event::Event) -> EventKind {
    received(Action::ReceiveOperations(SyncActionReceiveOperations {
        event: Some(OperationEvent { event: Some(event) }),
    }))
}

fn list(case: &Scenario, modno: i64) -> OperationList {
    OperationList {
        operations: vec![v1::Operation {
            id: case.fixtures.operations[0].id,
            modno,
            ..v1::Operation::default()
        }],
    }
}

fn read_of(case: &Scenario, event: EventKind) -> Reading {
    reading_behind_up(case, &main(with(up(), vec![heartbeat(), config(), event])))
}

#[test]
fn the_change_then_as_created_or_as_updated() {
    let case = case_of("{ put: first }");
    for told in [
        operation_event::Event::CreatedOperations(list(&case, 3)),
        operation_event::Event::UpdatedOperations(list(&case, 3)),
    ] {
        assert_eq!(read_of(&case, event(told)), met_at(7));
    }
}

#[test]
fn another_modno_then_both_are_told() {
    let case = case_of("{ put: first, modno: 4 }");
    let told = operation_event::Event::UpdatedOperations(list(&case, 3));
    let Reading::Failed(broken) = read_of(&case, event(told)) else {
        panic!("no failure");
    };
    let id = case.fixtures.operations[0].id;
    assert_eq!(
        (broken.expected, broken.seen),
        (
            format!("receiveOperations with operation {id}, modno 4"),
            format!("updated operations: {id}, modno 3"),
        )
    );
    let told = operation_event::Event::UpdatedOperations(list(&case, 4));
    assert_eq!(read_of(&case, event(told)), met_at(7));
}

#[test]
fn more_than_the_change_then_a_failure() {
    let case = case_of("{ put: first }");
    let mut two = list(&case, 3);
    two.operations.push(v1::Operation {
        id: 1,
        modno: 9,
        ..v1::Operation::default()
    });
    let told = operation_event::Event::CreatedOperations(two);
    let seen = what_was_seen(read_of(&case, event(told)));
    assert!(
        seen.starts_with("created operations: ") && seen.ends_with("; 1, modno 9"),
        "{seen}"
    );
}

#[test]
fn another_operation_then_a_failure() {
    let case = case_of("{ put: first }");
    let mut other = list(&case, 3);
    other.operations[0].id += 1;
    let told = operation_event::Event::CreatedOperations(other);
    what_was_seen(read_of(&case, event(told)));
}

#[test]
fn deletion_then_it_and_no_other() {
    let case = case_of("{ delete: first }");
    let id = case.fixtures.operations[0].id;
    let deleted = |values| {
        let values = Int64List { values };
        event(operation_event::Event::DeletedOperations(values))
    };
    assert_eq!(read_of(&case, deleted(vec![id])), met_at(7));
    for others in [vec![], vec![id + 1], vec![id, id]] {
        let seen = what_was_seen(read_of(&case, deleted(others.clone())));
        assert_eq!(seen, format!("deleted operations: {others:?}"));
    }
    let put = operation_event::Event::CreatedOperations(list(&case, 3));
    what_was_seen(read_of(&case, event(put)));
}

#[test]
fn keep_alive_then_waited_on() {
    let case = case_of("{ put: first }");
    let nothing = operation_event::Event::KeepAlive(<_>::default());
    assert!(is_open(&read_of(&case, event(nothing))));
}

#[test]
fn operations_without_an_event_then_none_of_it() {
    let case = case_of("{ put: first }");
    let empty = received(Action::ReceiveOperations(<_>::default()));
    assert!(is_open(&read_of(&case, empty)));
    assert_eq!(
        what_was_seen(read_of(&case, request(7))),
        "requestOperationData"
    );
}
