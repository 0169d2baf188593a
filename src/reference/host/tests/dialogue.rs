//! A test for each row of the table in `docs/protocol.md`, section 6.

use prost::Message as _;

use super::*;
use crate::{
    reference::{
        fixture::{asking_for_log, operation, showing},
        logs::CHUNK_LEN_BYTES,
    },
    wire::{
        types,
        v1::operation_event::Event,
        v1sync::sync_stream_item::{
            SyncActionOperationManifest, SyncActionReceiveLogData, SyncActionReceiveOperations,
            SyncActionThrottle,
        },
    },
};

fn event(event: Option<Event>) -> Action {
    let event = Some(v1::OperationEvent { event });
    Action::ReceiveOperations(SyncActionReceiveOperations { event })
}

fn list(operations: Vec<v1::Operation>) -> v1::OperationList {
    v1::OperationList { operations }
}

fn created(operations: Vec<v1::Operation>) -> Action {
    event(Some(Event::CreatedOperations(list(operations))))
}

fn manifest(op_ids: &[i64], modnos: &[i64]) -> Action {
    Action::OperationManifest(SyncActionOperationManifest {
        op_ids: op_ids.to_vec(),
        modnos: modnos.to_vec(),
    })
}

fn held(host: &Host, seed: u8) -> Vec<(i64, i64)> {
    let operations = host.store().operations(&keyid(seed)).unwrap();
    operations
        .iter()
        .map(|op| (op.original_id, op.modno))
        .collect()
}

/// The reader has sent the operations 5, 6 and 7 at modno 10; another client its own 5.
fn host_with_operations() -> Host {
    let mut host = with_reader(host());
    host.admit(TWO, &verified("nobody", 3), at(0)).unwrap();
    let operations = [5, 6, 7].map(|id| operation(id, 10)).to_vec();
    assert_eq!(host.receive(ONE, created(operations), at(0)), Ok(vec![]));
    host.receive(TWO, created(vec![operation(5, 1)]), at(0))
        .unwrap();
    host
}

fn refused(host: &mut Host, action: Action) -> Violation {
    let name = action.name();
    let violation = violation(host.receive(ONE, action, at(0)).unwrap_err());
    let after = host.receive(ONE, created(vec![operation(99, 1)]), at(0));
    assert_eq!(after, Ok(vec![]), "nothing is taken after {name}");
    assert!(host.store().get(&keyid(2), 99).is_none());
    violation
}

#[test]
fn heartbeat_then_time_noted() {
    let mut host = with_reader(host());
    let effects = host.receive(ONE, Action::Heartbeat(Default::default()), at(1234));
    assert_eq!(effects, Ok(vec![Effect::PeerStateChanged(keyid(2))]));
    assert_eq!(state(&host, 2).last_heartbeat_millis, 1234);
}

#[test]
fn receive_config_then_kept_as_remote_config() {
    let mut host = with_reader(host());
    let config = Some(RemoteConfig {
        modno: 3,
        ..RemoteConfig::default()
    });
    let item = SyncActionReceiveConfig {
        config: config.clone(),
    };
    host.receive(ONE, Action::ReceiveConfig(item), at(0))
        .unwrap();
    assert_eq!(state(&host, 2).remote_config, config);
}

#[test]
fn receive_resources_twice_then_merged() {
    let mut host = with_reader(host());
    for ids in [["1", "2"], ["2", "3"]] {
        let item = SyncActionReceiveResources {
            repos: ids.map(repo_metadata).to_vec(),
            plans: ids.map(plan_metadata).to_vec(),
        };
        host.receive(ONE, Action::ReceiveResources(item), at(0))
            .unwrap();
    }
    let state = state(&host, 2);
    let repos: Vec<_> = state
        .known_repos
        .iter()
        .map(|repo| repo.id.as_str())
        .collect();
    let plans: Vec<_> = state
        .known_plans
        .iter()
        .map(|plan| plan.id.as_str())
        .collect();
    assert_eq!((repos, plans), (vec!["1", "2", "3"], vec!["1", "2", "3"]));
}

#[test]
fn manifest_then_new_and_changed_are_asked_for_in_its_order() {
    let mut host = host_with_operations();
    let effects = host
        .receive(ONE, manifest(&[9, 7, 6, 5, 9], &[1, 11, 10, 9, 1]), at(0))
        .unwrap();
    let [Action::RequestOperationData(request)] = sent(&effects, ONE)[..] else {
        panic!("expected one request, saw {effects:?}")
    };
    assert_eq!(request.op_ids, [9, 7, 5, 9]);
    assert_eq!(held(&host, 2), [(5, 10), (6, 10), (7, 10)]);
}

#[test]
fn manifest_of_what_is_held_then_nothing_sent() {
    let mut host = host_with_operations();
    let same = manifest(&[7, 5, 6], &[10, 10, 10]);
    assert_eq!(host.receive(ONE, same, at(0)), Ok(vec![]));
}

#[test]
fn manifest_without_some_then_those_are_deleted_and_no_others() {
    let mut host = host_with_operations();
    host.receive(ONE, manifest(&[6], &[10]), at(0)).unwrap();
    assert_eq!(held(&host, 2), [(6, 10)]);
    host.receive(ONE, manifest(&[], &[]), at(0)).unwrap();
    assert_eq!(held(&host, 2), []);
    assert_eq!(held(&host, 3), [(5, 1)]);
}

#[test]
fn manifest_lists_of_different_length_then_refused_and_nothing_deleted() {
    for lists in [manifest(&[1, 2], &[1]), manifest(&[], &[1])] {
        let mut host = host_with_operations();
        let violation = refused(&mut host, lists);
        assert_eq!(violation.rule, RuleId::ResponderManifestLengths);
        assert_eq!(violation.code(), Code::InvalidArgument);
        assert_eq!(held(&host, 2).len(), 3);
    }
}

#[test]
fn manifest_of_a_million_ids_then_one_request_for_them() {
    let mut host = with_reader(host());
    let ids: Vec<i64> = (1..=1_000_000).collect();
    let effects = host.receive(ONE, manifest(&ids, &ids), at(0)).unwrap();
    let [Action::RequestOperationData(request)] = sent(&effects, ONE)[..] else {
        panic!("expected one request, saw {} effects", effects.len())
    };
    assert!(request.op_ids == ids);
}

#[test]
fn created_and_updated_then_stored_under_the_sender_whatever_is_claimed() {
    let mut host = host_with_operations();
    let claimed = v1::Operation {
        original_instance_keyid: keyid(3),
        original_id: 5,
        ..operation(6, 11)
    };
    let update = event(Some(Event::UpdatedOperations(list(vec![claimed]))));
    host.receive(ONE, update, at(0)).unwrap();
    assert_eq!(held(&host, 2), [(5, 10), (6, 11), (7, 10)]);
    assert_eq!(held(&host, 3), [(5, 1)]);
}

#[test]
fn deleted_then_own_ones_go_and_unknown_ids_are_ignored() {
    let mut host = host_with_operations();
    let values = vec![77, 5, 5];
    let delete = event(Some(Event::DeletedOperations(types::Int64List { values })));
    assert_eq!(host.receive(ONE, delete, at(0)), Ok(vec![]));
    assert_eq!(held(&host, 2), [(6, 10), (7, 10)]);
    assert_eq!(held(&host, 3), [(5, 1)]);
}

#[test]
fn keep_alive_then_nothing() {
    let mut host = host_with_operations();
    let keep_alive = event(Some(Event::KeepAlive(types::Empty {})));
    assert_eq!(host.receive(ONE, keep_alive, at(0)), Ok(vec![]));
    assert_eq!(held(&host, 2).len(), 3);
}

#[test]
fn no_event_or_no_kind_then_protocol_error() {
    let no_event = Action::ReceiveOperations(SyncActionReceiveOperations { event: None });
    for (action, rule) in [
        (no_event, RuleId::ResponderOperationsNoEvent),
        (event(None), RuleId::ResponderOperationsNoKind),
    ] {
        let violation = refused(&mut with_reader(host()), action);
        assert_eq!((violation.rule, violation.class), (rule, Class::Protocol));
    }
}

#[test]
fn operation_without_its_fields_then_refused_and_none_of_the_list_stored() {
    let mut host = with_reader(host());
    let bare = v1::Operation {
        id: 2,
        ..v1::Operation::default()
    };
    let violation = refused(&mut host, created(vec![operation(1, 1), bare]));
    assert_eq!(violation.rule, RuleId::ResponderOperationsInvalidRefused);
    assert_ne!(violation.code(), Code::Ok);
    assert_eq!(held(&host, 2), []);
}

#[test]
fn action_of_hosts_only_or_of_the_session_then_protocol_error() {
    for (action, rule) in [
        (
            Action::RequestOperationData(Default::default()),
            RuleId::ResponderHostOnlyActionsRefused,
        ),
        (
            Action::SetConfig(Default::default()),
            RuleId::ResponderHostOnlyActionsRefused,
        ),
        (
            Action::RequestResources(Default::default()),
            RuleId::ResponderHostOnlyActionsRefused,
        ),
        (
            Action::Handshake(Default::default()),
            RuleId::HandshakeAgainRefused,
        ),
        (
            Action::SignedMessage(Default::default()),
            RuleId::ResponderUnknownActionRefused,
        ),
        (
            Action::EstablishSharedSecret(Default::default()),
            RuleId::ResponderUnknownActionRefused,
        ),
        (
            Action::Encrypted(Default::default()),
            RuleId::EnvelopeNestedRefused,
        ),
    ] {
        let violation = refused(&mut with_reader(host()), action);
        assert_eq!(
            (violation.rule, violation.code()),
            (rule, Code::InvalidArgument)
        );
    }
}

#[test]
fn capabilities_off_then_protocol_error() {
    let capabilities = Capabilities {
        logs: false,
        throttle: false,
        ..Capabilities::default()
    };
    let settings = Settings {
        capabilities,
        ..Settings::default()
    };
    for (action, rule) in [
        (
            Action::RequestLog(Default::default()),
            RuleId::ResponderLogsOrRefusal,
        ),
        (
            Action::ReceiveLogData(Default::default()),
            RuleId::ResponderLogsOrRefusal,
        ),
        (
            Action::Throttle(Default::default()),
            RuleId::ResponderThrottleOrRefusal,
        ),
    ] {
        let mut host = with_reader(Host::new(host().config().clone(), settings));
        let violation = refused(&mut host, action);
        assert_eq!((violation.rule, violation.class), (rule, Class::Protocol));
    }
}

#[test]
fn request_log_then_only_the_clients_own_is_served() {
    let mut host = with_reader(host());
    let content = vec![1; CHUNK_LEN_BYTES];
    let log = Log {
        owner_opid: 1,
        expiration_ts_unix: 0,
        content,
    };
    host.put_log(&keyid(2), "own", &log).unwrap();
    host.put_log(&keyid(3), "foreign", &log).unwrap();
    let mut ask = |log_id: &str| {
        let effects = host.receive(ONE, asking_for_log(log_id), at(0)).unwrap();
        let mut items = Vec::new();
        for action in sent(&effects, ONE) {
            let Action::ReceiveLogData(data) = action else {
                panic!("expected receiveLogData, saw {}", action.name())
            };
            items.push((data.chunk.len(), data.error_message.is_empty()));
        }
        items
    };
    assert_eq!(ask("own"), [(CHUNK_LEN_BYTES, true), (0, true)]);
    assert_eq!(ask("foreign"), [(0, false)]);
}

#[test]
fn as_much_as_may_be_then_taken_and_one_more_is_over_the_limit() {
    let config = |modno| RemoteConfig {
        modno,
        ..RemoteConfig::default()
    };
    // A number of two bytes, then one of three.
    let limits = Limits {
        remote_config_len_bytes_max: config(1 << 7).encoded_len(),
        manifest_len_max: 2,
        ..Limits::default()
    };
    for (within, over) in [
        (showing(config(1 << 7)), showing(config(1 << 14))),
        (
            asking_for_log(&"l".repeat(1024)),
            asking_for_log(&"l".repeat(1025)),
        ),
        (manifest(&[1, 2], &[1, 1]), manifest(&[1, 2, 3], &[1, 1, 1])),
    ] {
        let settings = Settings {
            limits,
            ..Settings::default()
        };
        let mut host = with_reader(Host::new(host().config().clone(), settings));
        host.receive(ONE, within, at(0)).unwrap();
        assert_eq!(refused(&mut host, over).class, Class::Limit);
    }
}

#[test]
fn log_asked_for_then_its_data_is_taken_and_no_other() {
    let mut host = with_reader(host());
    host.request_log(&keyid(2), "l").unwrap();
    let data = |log_id: &str| {
        Action::ReceiveLogData(SyncActionReceiveLogData {
            log_id: log_id.to_owned(),
            ..SyncActionReceiveLogData::default()
        })
    };
    let effects = host.receive(ONE, data("l"), at(0)).unwrap();
    assert!(matches!(&effects[..], [Effect::LogReceived(from, _)] if *from == keyid(2)));
    assert_eq!(refused(&mut host, data("l")).rule, RuleId::LogsChunks);
}

#[test]
fn throttle_then_answers_wait() {
    let mut host = with_reader(host());
    let throttle = Action::Throttle(SyncActionThrottle { delay_ms: 500 });
    let effects = host.receive(ONE, throttle, at(0)).unwrap();
    let due = std::time::Duration::from_millis(500);
    assert_eq!(effects, [Effect::WakeAt(due)]);
    assert_eq!(host.receive(ONE, manifest(&[1], &[1]), at(0)), Ok(vec![]));
    let moment = Moment {
        monotonic: due,
        unix_ms: 500,
    };
    assert_eq!(names(&host.tick(moment), ONE), ["requestOperationData"]);
}

#[test]
fn limit_passed_then_session_ends_for_that() {
    let limits = Limits {
        manifest_len_max: 1,
        operations_per_client_max: 1,
        known_list_len_max: 1,
        remote_config_len_bytes_max: 1,
        ..Limits::default()
    };
    let settings = Settings {
        limits,
        ..Settings::default()
    };
    let config = SyncActionReceiveConfig {
        config: Some(RemoteConfig {
            repos: vec![repo("a")],
            ..RemoteConfig::default()
        }),
    };
    let resources = SyncActionReceiveResources {
        repos: vec![repo_metadata("a"), repo_metadata("b")],
        plans: Vec::new(),
    };
    for action in [
        manifest(&[1, 2], &[1, 1]),
        created(vec![operation(1, 1), operation(2, 1)]),
        Action::ReceiveConfig(config),
        Action::ReceiveResources(resources),
    ] {
        let mut host = with_reader(Host::new(host().config().clone(), settings));
        let violation = refused(&mut host, action);
        assert_eq!(violation.class, Class::Limit);
        assert_eq!(violation.code(), Code::ResourceExhausted);
    }
}
