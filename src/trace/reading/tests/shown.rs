//! What a client shows of its config to one of its hosts.

use super::*;

const GIVEN: &str = "given: { others: { witness: {} } }\n";
const WITNESS: &str = "the-witness";

fn case_of(expected: &str) -> Scenario {
    case(
        Role::Initiator,
        &format!("{GIVEN}steps:\n  - establish\n  - expect-shown: {expected}\n"),
    )
}

fn read_of(case: &Scenario, trace: &Trace) -> Reading {
    let step = case.steps.last().unwrap_or_else(|| panic!("no step"));
    read(step, WITNESS, case, trace, Mark(0))
}

/// The main session showed `first`; then this came in another one.
fn behind(first: i32, events: Vec<EventKind>) -> Trace {
    let mut trace = main(vec![EventKind::Opened, config_with_modno(first)]);
    trace.events.extend(of(WITNESS, events).events);
    trace
}

#[test]
fn any_config_then_shown_whatever_comes_before_it() {
    let case = case_of("{ as: witness }");
    let first_call = EventKind::Ended(End::HalfClosed);
    let events = with(
        vec![EventKind::Opened, first_call],
        with(up(), vec![heartbeat(), config()]),
    );
    assert_eq!(read_of(&case, &of(WITNESS, events)), met_at(8));
}

#[test]
fn another_config_then_waited_on_and_told_at_the_deadline() {
    let case = case_of("{ as: witness, config: { modno: 5 } }");
    let other = with(up(), vec![config_with_modno(4)]);
    assert!(is_open(&read_of(&case, &of(WITNESS, other.clone()))));
    let late = of(WITNESS, with(other.clone(), vec![passed()]));
    let seen = what_was_seen(read_of(&case, &late));
    assert!(
        seen.contains('4') && seen.ends_with("after 2.0 s"),
        "{seen}"
    );
    let then = of(WITNESS, with(other, vec![config_with_modno(5)]));
    assert_eq!(read_of(&case, &then), met_at(6));
}

#[test]
fn no_call_then_what_was_shown_last_is_told() {
    let case = case_of("{ as: witness }");
    let failure = EventKind::NotOpened(crate::trace::LinkFailure {
        stage: crate::trace::Stage::Call,
        seen: "no call came".to_owned(),
    });
    let seen = what_was_seen(read_of(&case, &of(WITNESS, vec![failure])));
    assert_eq!(seen, "none, and then no call came");
}

#[test]
fn modno_that_grew_then_compared_with_the_first_of_another_session() {
    let case = case_of("{ as: witness, modno: grown }");
    for (first, then, is_grown) in [(3, 4, true), (3, 3, false), (3, 2, false)] {
        let trace = behind(first, with(up(), vec![config_with_modno(then)]));
        let reading = read_of(&case, &trace);
        assert_eq!(reading == met_at(7), is_grown, "{first} then {then}");
    }
    // A client that keeps no count shows 0 each time.
    let trace = behind(0, with(up(), vec![config_with_modno(0)]));
    assert_eq!(read_of(&case, &trace), met_at(7));
}

#[test]
fn modno_that_nobody_asked_for_then_it_may_stay() {
    let case = case_of("{ as: witness }");
    let trace = behind(3, with(up(), vec![config_with_modno(3)]));
    assert_eq!(read_of(&case, &trace), met_at(7));
}

#[test]
fn shown_in_this_session_from_there_on() {
    let trace = of(WITNESS, vec![EventKind::Opened, config(), resources()]);
    assert!(is_shown(&trace, WITNESS, 0) && is_shown(&trace, WITNESS, 1));
    assert!(!is_shown(&trace, WITNESS, 2) && !is_shown(&trace, MAIN, 0));
}
