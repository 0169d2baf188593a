//! What is told beside the streams: by the state service, and by the hook.

use serde_json::{Value as Json, json};

use super::*;
use crate::{
    scenario::fixtures::Identity,
    wire::v1sync::{ConnectionState, PeerState},
};

fn looked(step: &str) -> Scenario {
    case(
        Role::Responder,
        &format!(
            "given:\n  others: {{ other: {{}}, absent: {{ known: false }} }}\n  token: {{}}\nsteps:\n  - establish\n  - fence\n  - {step}\n"
        ),
    )
}

fn identity<'a>(case: &'a Scenario, name: &str) -> &'a Identity {
    case.fixtures
        .identity(name)
        .unwrap_or_else(|| panic!("no {name}"))
}

fn state_of(case: &Scenario, name: &str, state: ConnectionState, heartbeat: i64) -> EventKind {
    EventKind::State(Box::new(PeerState {
        peer_keyid: identity(case, name).keyid(),
        state: state.into(),
        last_heartbeat_millis: heartbeat,
        ..PeerState::default()
    }))
}

const CONNECTED: ConnectionState = ConnectionState::Connected;
const DISCONNECTED: ConnectionState = ConnectionState::Disconnected;

fn unavailable() -> EventKind {
    ended(Code::Unavailable)
}

/// What is not the peer's fault: that nothing was told, and why.
fn not_told(reading: Reading) -> String {
    match reading {
        Reading::NotTold(why) => why,
        other => panic!("told: {other:?}"),
    }
}

#[test]
fn state_of_the_peer_then_met_and_of_another_waited_on() {
    let case = looked("expect-state: { connected: true }");
    let read = |events| reading(&case, &main(events));
    let told = |name, state| state_of(&case, name, state, 0);
    assert_eq!(read(vec![told("peer", CONNECTED)]), met_at(0));
    assert!(is_open(&read(vec![told("other", CONNECTED)])));
    assert!(is_open(&read(vec![told("peer", DISCONNECTED)])));
    assert_eq!(
        read(vec![
            told("peer", DISCONNECTED),
            ended(Code::Ok),
            told("peer", CONNECTED)
        ]),
        met_at(2)
    );
}

#[test]
fn state_that_does_not_come_in_time_then_the_last_one_is_told() {
    let case = looked("expect-state: { connected: true }");
    let read = |events| what_was_seen(reading(&case, &main(events)));
    let other = state_of(&case, "other", CONNECTED, 0);
    assert_eq!(
        read(vec![other, passed()]),
        "no state of that peer after 2.0 s"
    );
    let last = state_of(&case, "peer", DISCONNECTED, 0);
    assert_eq!(
        read(vec![last, passed()]),
        "CONNECTION_STATE_DISCONNECTED after 2.0 s"
    );
}

#[test]
fn not_connected_then_any_other_state_will_do() {
    let case = looked("expect-state: { connected: false }");
    let read = |state| reading(&case, &main(vec![state_of(&case, "peer", state, 0)]));
    assert_eq!(read(DISCONNECTED), met_at(0));
    assert_eq!(read(ConnectionState::RetryWait), met_at(0));
    assert!(is_open(&read(CONNECTED)));
}

#[test]
fn heartbeat_moved_then_later_than_the_last_one_told_of_that_peer() {
    let case = looked("expect-state: { heartbeat: moved }");
    let beat = |name, at| state_of(&case, name, CONNECTED, at);
    let read = |now| {
        let events = vec![
            beat("peer", 3),
            beat("peer", 5),
            beat("other", 9),
            beat("peer", now),
        ];
        reading_from(3, &case, &main(events))
    };
    assert_eq!(read(6), met_at(3));
    assert!(is_open(&read(5)));
    assert!(is_open(&read(4)));
}

#[test]
fn fields_of_a_state_then_compared() {
    let case = looked("expect-state: { is: { lastHeartbeatMillis: 7 } }");
    let read = |at| {
        let events = vec![state_of(&case, "peer", DISCONNECTED, at), passed()];
        reading(&case, &main(events))
    };
    assert_eq!(read(7), met_at(0));
    assert_eq!(
        what_was_seen(read(8)),
        "lastHeartbeatMillis = \"8\" after 2.0 s"
    );
}

#[test]
fn state_service_ends_its_call_otherwise_then_nothing_was_told() {
    let case = looked("expect-state: { connected: true }");
    let why = not_told(reading(&case, &main(vec![unavailable()])));
    assert!(why.contains("ended its call with"), "{why}");
}

#[test]
fn update_then_met_and_an_end_of_the_stream_is_a_failure() {
    let case = looked(
        "subscribe:\n    on: following\n  - expect-update: { connected: true }\n    on: following",
    );
    let told = |name| state_of(&case, name, CONNECTED, 0);
    let read = |events| reading(&case, &main(events));
    assert_eq!(read(vec![told("other"), told("peer")]), met_at(1));
    for code in [Code::Ok, Code::Unavailable] {
        let seen = what_was_seen(read(vec![ended(code)]));
        assert!(seen.contains("the stream of states ended"), "{seen}");
    }
}

#[test]
fn subscribed_then_the_first_state_of_anybody_will_do() {
    let case = looked("subscribe:\n    on: following");
    let other = state_of(&case, "other", CONNECTED, 0);
    assert_eq!(
        reading(&case, &main(vec![EventKind::Opened, other])),
        met_at(1)
    );
    not_told(reading(&case, &main(vec![ended(Code::Ok)])));
    assert!(is_open(&reading(&case, &main(vec![EventKind::Opened]))));
}

#[test]
fn snapshot_then_each_peer_once_and_nobody_else_that_was_named() {
    let case = looked("expect-snapshot: { with: [peer], without: [absent] }");
    let read = |names: &[&str]| {
        let states = names.iter().map(|name| state_of(&case, name, CONNECTED, 0));
        let events = states.chain([ended(Code::Ok)]).collect();
        reading(&case, &main(events))
    };
    assert_eq!(read(&["other", "peer"]), met_at(2));
    assert_eq!(what_was_seen(read(&["other"])), "0 states of `peer`");
    assert_eq!(what_was_seen(read(&["peer", "peer"])), "2 states of `peer`");
    assert_eq!(
        what_was_seen(read(&["peer", "absent"])),
        "a state of `absent`"
    );
    let only = vec![state_of(&case, "peer", CONNECTED, 0)];
    assert!(is_open(&reading(&case, &main(only))));
    not_told(reading(&case, &main(vec![unavailable()])));
}

#[test]
fn snapshot_in_order_then_so_the_states_must_come() {
    let case = looked("expect-snapshot: { with: [peer, other], in-order: true }");
    let read = |names: [&str; 2]| {
        let states = names.iter().map(|name| state_of(&case, name, CONNECTED, 0));
        reading(&case, &main(states.chain([ended(Code::Ok)]).collect()))
    };
    assert_eq!(read(["peer", "other"]), met_at(2));
    assert_eq!(
        what_was_seen(read(["other", "peer"])),
        "`other` before `peer`"
    );
}

#[test]
fn snapshot_that_must_be_refused_then_no_state_and_that_code() {
    let case = looked("expect-snapshot: { code: unauthenticated }");
    let read = |events| reading(&case, &main(events));
    let http = |status| {
        EventKind::Ended(End::Http {
            status,
            content_type: String::new(),
        })
    };
    assert_eq!(read(vec![ended(Code::Unauthenticated)]), met_at(0));
    assert_eq!(read(vec![http(401)]), met_at(0));
    let state = state_of(&case, "peer", CONNECTED, 0);
    assert_eq!(
        what_was_seen(read(vec![state.clone(), ended(Code::Unauthenticated)])),
        "1 states"
    );
    for end in [
        ended(Code::Ok),
        http(403),
        http(500),
        ended(Code::PermissionDenied),
    ] {
        let seen = what_was_seen(read(vec![state.clone(), end]));
        assert!(seen.starts_with("1 states, then "), "{seen}");
    }
    let forbidden = looked("expect-snapshot: { code: permission-denied }");
    assert_eq!(reading(&forbidden, &main(vec![http(403)])), met_at(0));
}

#[test]
fn call_for_a_client_then_it_ends_as_asked_for() {
    let case = looked("set-client-config: { to: peer }");
    let read = |events| reading(&case, &main(events));
    assert_eq!(read(vec![ended(Code::Ok)]), met_at(0));
    what_was_seen(read(vec![ended(Code::NotFound)]));
}

#[test]
fn call_for_a_client_that_is_gone_then_asked_again_until_the_deadline() {
    let case = looked("set-client-config: { to: peer, code: not-found }");
    let read = |events| reading(&case, &main(events));
    assert_eq!(
        read(vec![ended(Code::Ok), ended(Code::NotFound)]),
        met_at(1)
    );
    assert_eq!(
        what_was_seen(read(vec![ended(Code::Ok), passed()])),
        "it ends with ok after 2.0 s"
    );
    what_was_seen(read(vec![ended(Code::Internal)]));
    let other = looked("set-client-config: { to: peer, code: invalid-argument }");
    what_was_seen(reading(&other, &main(vec![ended(Code::Ok)])));
}

fn told(answer: Json) -> EventKind {
    EventKind::Told(Ok(answer))
}

#[test]
fn hook_answers_then_done_and_what_it_cannot_do_is_no_fault_of_the_peer() {
    let case = looked("change-config: { remove-client: peer }");
    assert_eq!(reading(&case, &main(vec![told(json!({}))])), met_at(0));
    let cannot = EventKind::Told(Err("no".to_owned()));
    let why = not_told(reading(&case, &main(vec![cannot])));
    assert_eq!(why, "the hook: no");
    assert_eq!(
        what_was_seen(reading(&case, &main(vec![passed()]))),
        "no answer after 2.0 s"
    );
}

fn entry(case: &Scenario, name: &str, permissions: &Json) -> Json {
    let identity = identity(case, name);
    json!({ "key_id": identity.keyid(), "instance_id": identity.instance_id, "permissions": permissions })
}

/// What is seen of a configuration that differs.
fn fault_of(case: &Scenario, config: &Json) -> Option<String> {
    let answer = json!({ "config": config });
    match reading(case, &main(vec![told(answer), passed()])) {
        Reading::Failed(broken) => Some(broken.seen),
        met => {
            assert_eq!(met, met_at(0));
            None
        }
    }
}

#[test]
fn configuration_then_its_entries_are_compared() {
    let permissions = "permissions: [{ type: read-config, scopes: [\"*\"] }]";
    let case = looked(&format!(
        "expect-config: {{ with: {{ peer: {{ {permissions} }}, other: {{}} }}, without: [absent] }}"
    ));
    let granted = json!([{ "type": "PERMISSION_READ_CONFIG", "scopes": ["*"] }]);
    let nothing = json!([]);
    let of = |entries: &[Json]| fault_of(&case, &json!({ "authorized_clients": entries }));
    let peer = entry(&case, "peer", &granted);
    let other = entry(&case, "other", &nothing);
    assert_eq!(of(&[peer.clone(), other.clone()]), None);
    let seen = |entries: &[Json]| of(entries).unwrap_or_else(|| panic!("met by {entries:?}"));
    assert_eq!(
        seen(std::slice::from_ref(&other)),
        "0 entries of `peer` after 2.0 s"
    );
    assert_eq!(
        seen(&[peer.clone(), peer.clone(), other.clone()]),
        "2 entries of `peer` after 2.0 s"
    );
    let mut renamed = peer.clone();
    renamed["instance_id"] = json!("x");
    assert!(seen(&[renamed, other.clone()]).contains("under the instance id \"x\""));
    let absent = entry(&case, "absent", &nothing);
    assert_eq!(
        seen(&[peer, other.clone(), absent]),
        "an entry of `absent` after 2.0 s"
    );
    for others in [
        json!([]),
        json!([{ "type": "PERMISSION_READ_CONFIG" }]),
        json!([{ "type": "PERMISSION_READ_CONFIG", "scopes": ["repo:a"] }]),
        json!([{ "type": "PERMISSION_READ_OPERATIONS", "scopes": ["*"] }]),
        json!([{ "type": "PERMISSION_READ_CONFIG", "scopes": ["*"] }, { "type": "PERMISSION_READ_CONFIG", "scopes": ["*"] }]),
    ] {
        let seen = seen(&[entry(&case, "peer", &others), other.clone()]);
        assert!(seen.contains("with the permissions"), "{seen}");
    }
}

#[test]
fn token_then_its_uses_are_compared_and_that_it_is_gone() {
    let counted = looked("expect-config: { token-uses: 2 }");
    let gone = looked("expect-config: { token-gone: true }");
    let of = |case: &Scenario, tokens: Json| fault_of(case, &json!({ "pairing_tokens": tokens }));
    let token = |case: &Scenario, uses: u32| {
        let token = case.fixtures.token.as_ref();
        let secret = token.map(|token| token.secret.clone());
        json!([{ "secret": "another", "uses": 9 }, { "secret": secret, "uses": uses }])
    };
    assert_eq!(of(&counted, token(&counted, 2)), None);
    let seen = |case: &Scenario, tokens| of(case, tokens).unwrap_or_default();
    assert_eq!(
        seen(&counted, token(&counted, 1)),
        "1 uses of the token after 2.0 s"
    );
    assert_eq!(seen(&counted, json!([])), "no such token after 2.0 s");
    assert_eq!(of(&gone, json!([])), None);
    assert_eq!(
        seen(&gone, token(&gone, 0)),
        "the token, still there after 2.0 s"
    );
}

#[test]
fn operations_then_as_many_alike_and_of_as_many_flows() {
    let case = looked("expect-operations: { are: [{ modno: 3 }, { modno: 4 }], flows: 1 }");
    let of = |operations: Json| {
        let answer = json!({ "operations": operations });
        match reading(&case, &main(vec![told(answer), passed()])) {
            Reading::Failed(broken) => Some(broken.seen),
            met => {
                assert_eq!(met, met_at(0));
                None
            }
        }
    };
    let operation = |original_id: i64, modno: i64, flow: i64| json!({ "originalId": original_id, "modno": modno, "flowId": flow });
    let (first, second) = (operation(1, 3, 7), operation(2, 4, 7));
    assert_eq!(of(json!([second, first])), None);
    let seen = |operations: Json| of(operations).unwrap_or_default();
    assert_eq!(seen(json!([first])), "1 operations after 2.0 s");
    assert_eq!(
        seen(json!([first, operation(2, 4, 8)])),
        "2 flows after 2.0 s"
    );
    let wrong = seen(json!([first, operation(2, 5, 7)]));
    assert!(
        wrong.contains("modno = ") && wrong.contains("original id 2"),
        "{wrong}"
    );
    assert!(seen(json!([{ "modno": "x" }])).contains("cannot be read"));
}

#[test]
fn race_then_the_strangers_whose_latest_session_serves_are_counted() {
    let case = case(
        Role::Responder,
        "given:\n  peer: { known: false }\n  strangers: 3\n  token: {}\nsteps:\n  - all-at-once:\n      - connect\n  - expect-count: { established: 1 }\n",
    );
    let serves = || with(up(), vec![config(), resources()]);
    let read = |sessions: Vec<(&str, Vec<EventKind>)>| {
        let mut trace = Trace::default();
        for (session, events) in sessions {
            trace.events.extend(of(session, events).events);
        }
        reading(&case, &trace)
    };
    let refused = with(serves(), vec![ended(Code::PermissionDenied)]);
    let met = Reading::Satisfied {
        mark: Mark(0),
        remarks: Vec::new(),
    };
    assert_eq!(
        read(vec![("stranger-1", serves()), ("main", serves())]),
        met
    );
    assert_eq!(
        read(vec![
            ("stranger-1", refused.clone()),
            ("stranger-2", serves())
        ]),
        met
    );
    // Its first session was refused, and its second serves.
    let again = with(refused.clone(), serves());
    assert_eq!(read(vec![("stranger-1", again)]), met);
    let ended_later = with(serves(), refused.clone());
    assert_eq!(
        what_was_seen(read(vec![("stranger-1", ended_later)])),
        "none"
    );
    assert_eq!(what_was_seen(read(vec![("stranger-1", up())])), "none");
    assert_eq!(
        what_was_seen(read(vec![
            ("stranger-1", serves()),
            ("stranger-3", serves())
        ])),
        "2: stranger-1, stranger-3"
    );
}
