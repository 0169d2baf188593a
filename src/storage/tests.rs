use std::{fs, path::PathBuf};

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::{
    reference::{
        effect::{Effect, Moment, SessionId},
        fixture::{config, keyid, operation, peer, repo_metadata, sync, token},
        host::{Host, Refusal},
        limits::{Limits, Settings},
        logs::Log,
        memory_store::MemoryStore,
        store::{PeerFact, PutError, ShareFull, Store},
    },
    session::VerifiedPeer,
    wire::{
        Action, v1,
        v1::{OperationEvent, OperationList, operation_event::Event},
        v1sync::{
            PlanMetadata, RemoteConfig, RepoMetadata,
            sync_stream_item::{SyncActionReceiveOperations, SyncActionReceiveResources},
        },
    },
};

const SHARE: Share = Share {
    operations_max: 1_000,
    len_bytes_max: 1 << 20,
};

/// Small enough to be filled, large enough for the tables.
const SMALL_LEN_BYTES: u64 = 256 * 1024;

fn limits(len_bytes_max: Option<u64>) -> StorageLimits {
    StorageLimits {
        share: SHARE,
        len_bytes_max,
    }
}

fn opened(folder: &TempDir) -> Opened {
    open(folder.path(), limits(None)).unwrap()
}

fn database(folder: &TempDir) -> PathBuf {
    folder.path().join(DATABASE_NAME)
}

fn host_config() -> Config {
    config("host", 1, |c| {
        sync(c).authorized_clients = vec![peer("alice", 2, &[])];
        sync(c).pairing_tokens = vec![token("s", 0)];
    })
}

fn large(id: i64) -> v1::Operation {
    v1::Operation {
        display_message: "x".repeat(10_000),
        ..operation(id, 1)
    }
}

#[test]
fn reopened_then_all_that_was_committed_is_there() {
    let folder = TempDir::new().unwrap();
    let config = host_config();
    let remote = RemoteConfig {
        modno: 9,
        ..RemoteConfig::default()
    };
    // Ids that a number would not survive.
    let repo = |id: &str, guid: &str| RepoMetadata {
        id: id.to_owned(),
        guid: guid.to_owned(),
    };
    let resources = SyncActionReceiveResources {
        repos: vec![
            repo(
                "1e3",
                "0000000000000000000000000000000000000000000000000000000000000001",
            ),
            repo("007", "12345678901234567890123456789012"),
        ],
        plans: vec![PlanMetadata {
            id: "0x10".to_owned(),
        }],
    };
    let log = Log {
        owner_opid: 5,
        expiration_ts_unix: 0,
        content: vec![0, 159, 146, 150],
    };
    {
        let mut store = opened(&folder).store;
        store.import(&config, &config).unwrap();
        for fact in [
            PeerFact::SessionBegan,
            PeerFact::Heartbeat(77),
            PeerFact::RemoteConfig(Some(&remote)),
            PeerFact::Resources(&resources),
        ] {
            store.keep_fact(&keyid(2), fact).unwrap();
        }
        store.keep_log("007", "1e3", &log).unwrap();
        store.upsert("007", operation(i64::MAX, i64::MIN)).unwrap();
        store.upsert("7", operation(7, 1)).unwrap();
        store.commit().unwrap();
        store.upsert("7", operation(8, 1)).unwrap();
    }
    let opened = opened(&folder);
    let configs = opened.configs.unwrap();
    assert_eq!((&configs.in_force, &configs.imported), (&config, &config));
    let [state] = &opened.states[..] else {
        panic!("expected one state, saw {:?}", opened.states)
    };
    assert_eq!(state.peer_keyid, keyid(2));
    assert_eq!(state.last_heartbeat_millis, 77);
    assert_eq!(state.remote_config, Some(remote));
    assert_eq!(state.known_repos, resources.repos);
    assert_eq!(state.known_plans, resources.plans);
    let store = opened.store;
    assert_eq!(store.log("007", "1e3"), Ok(Some(log)));
    assert_eq!(store.log("7", "1e3"), Ok(None));
    let ids = |owner| {
        let operations = store.operations(owner).unwrap();
        let ids = operations.iter().map(|op| (op.original_id, op.modno));
        ids.collect::<Vec<_>>()
    };
    assert_eq!(ids("007"), [(i64::MAX, i64::MIN)]);
    assert_eq!(ids("7"), [(7, 1)], "what was not committed is not there");
}

#[test]
fn reopened_then_no_local_id_is_given_twice() {
    let folder = TempDir::new().unwrap();
    let stored = |store: &SqliteStore| store.operations("a").unwrap()[0].clone();
    let mut store = opened(&folder).store;
    store.upsert("a", operation(1, 1)).unwrap();
    store.commit().unwrap();
    let first = stored(&store);
    store.delete("a", 1).unwrap();
    store.commit().unwrap();
    drop(store);
    let mut store = opened(&folder).store;
    store.upsert("a", operation(1, 1)).unwrap();
    assert!(stored(&store).id > first.id.max(first.flow_id));
}

#[test]
fn rolled_back_then_as_before() {
    let folder = TempDir::new().unwrap();
    let mut store = opened(&folder).store;
    store.upsert("a", operation(1, 1)).unwrap();
    store.commit().unwrap();
    let before = store.operations("a").unwrap();
    store.upsert("a", operation(1, 2)).unwrap();
    store.upsert("new", operation(1, 2)).unwrap();
    assert_eq!(store.reconcile("a", &[]), Ok(vec![]));
    store.roll_back();
    assert_eq!(store.operations("a").unwrap(), before);
    assert_eq!(store.operations("new").unwrap(), []);
    store.upsert("new", operation(2, 2)).unwrap();
    store.commit().unwrap();
    assert_eq!(store.operations("new").unwrap().len(), 1);
}

#[test]
fn session_begins_or_client_is_taken_out_then_what_it_told_is_forgotten() {
    let folder = TempDir::new().unwrap();
    let config = host_config();
    let mut store = opened(&folder).store;
    store.import(&config, &config).unwrap();
    store.keep_fact(&keyid(2), PeerFact::SessionBegan).unwrap();
    let resources = SyncActionReceiveResources {
        repos: vec![repo_metadata("a")],
        plans: Vec::new(),
    };
    store
        .keep_fact(&keyid(2), PeerFact::Resources(&resources))
        .unwrap();
    store.keep_fact(&keyid(2), PeerFact::SessionBegan).unwrap();
    store.commit().unwrap();
    drop(store);
    let mut opened = opened(&folder);
    assert_eq!(opened.states[0].known_repos, []);

    let without = config.edited(|c| sync(c).authorized_clients.clear());
    opened.store.import(&without.unwrap(), &config).unwrap();
    drop(opened);
    assert_eq!(self::opened(&folder).states, []);
}

#[test]
fn share_used_up_then_refused_and_the_rest_of_the_transaction_stands() {
    let folder = TempDir::new().unwrap();
    let share = Share {
        operations_max: 2,
        len_bytes_max: 15_000,
    };
    let limits = StorageLimits {
        share,
        len_bytes_max: None,
    };
    let mut store = open(folder.path(), limits).unwrap().store;
    store.upsert("a", large(1)).unwrap();
    let limit_bytes = share.len_bytes_max;
    let full = PutError::Full(ShareFull::Size { limit_bytes });
    assert_eq!(store.upsert("a", large(2)), Err(full));
    store.upsert("a", operation(2, 1)).unwrap();
    let full = PutError::Full(ShareFull::Count { limit: 2 });
    assert_eq!(store.upsert("a", operation(3, 1)), Err(full));
    store.commit().unwrap();
    assert_eq!(store.operations("a").unwrap().len(), 2);
}

#[test]
fn disk_full_then_the_item_is_refused_whole_and_nothing_acknowledged_is_lost() {
    let folder = TempDir::new().unwrap();
    let mut store = open(folder.path(), limits(Some(SMALL_LEN_BYTES)))
        .unwrap()
        .store;
    let config = host_config();
    store.import(&config, &config).unwrap();
    let settings = Settings {
        limits: Limits::default(),
        ..Settings::default()
    };
    let mut host = Host::with_store(config, settings, store, Vec::new());
    let alice = verified("alice", 2, "");
    let mut acknowledged = 0;
    let refusal = loop {
        let session = SessionId(u64::try_from(acknowledged).unwrap());
        host.admit(session, &alice, Moment::default()).unwrap();
        let next = acknowledged + 1;
        let item = created(vec![operation(-next, 1), large(next)]);
        match host.receive(session, item, Moment::default()) {
            Ok(_) => acknowledged = next,
            Err(refusal) => break refusal,
        }
    };
    assert!(
        matches!(&refusal, Refusal::Store(StoreFault::Full { file, .. }) if file.ends_with(DATABASE_NAME)),
        "{refusal}"
    );
    assert!(acknowledged > 3, "the test filled nothing");
    let held = |store: &SqliteStore| {
        let operations = store.operations(&keyid(2)).unwrap();
        operations
            .iter()
            .map(|op| op.original_id)
            .collect::<Vec<_>>()
    };
    let expected: Vec<i64> = (-acknowledged..=acknowledged)
        .filter(|id| *id != 0)
        .collect();
    assert_eq!(held(host.store()), expected);

    // Room is made by the client itself, once it has a new session.
    let session = SessionId(u64::MAX);
    host.admit(session, &alice, Moment::default()).unwrap();
    let deletion = event(Event::DeletedOperations(crate::wire::types::Int64List {
        values: vec![1, 2],
    }));
    host.receive(session, deletion, Moment::default()).unwrap();
    let item = created(vec![large(acknowledged + 1)]);
    host.receive(session, item, Moment::default()).unwrap();
    drop(host);
    let store = opened(&folder).store;
    assert_eq!(held(&store).len(), expected.len() - 1);
}

#[test]
fn disk_full_then_pairing_is_refused_and_the_token_not_spent() {
    let folder = TempDir::new().unwrap();
    let mut store = open(folder.path(), limits(Some(SMALL_LEN_BYTES)))
        .unwrap()
        .store;
    let config = host_config();
    store.import(&config, &config).unwrap();
    fill(&mut store);
    let mut host = Host::with_store(config.clone(), Settings::default(), store, Vec::new());
    let mut admitted = 0;
    let refusal = loop {
        // Each makes the config longer, until it needs one more page.
        let name = format!("newcomer-{admitted}-of-a-name-that-is-almost-fifty-long");
        let newcomer = verified(&name[..50.min(name.len())], 50 + admitted, "s");
        let before = host.config().clone();
        match host.admit(SessionId(admitted.into()), &newcomer, Moment::default()) {
            Ok(effects) => assert!(effects.contains(&Effect::ConfigChanged)),
            Err(refusal) => {
                assert_eq!(*host.config(), before, "nothing is half-applied");
                break refusal;
            }
        }
        admitted += 1;
    };
    assert!(
        matches!(refusal, Refusal::Store(StoreFault::Full { .. })),
        "{refusal}"
    );
    let kept = host.config().clone();
    drop(host);
    assert_eq!(opened(&folder).configs.unwrap().in_force, kept);
}

#[test]
fn damaged_file_then_refused_and_left_untouched() {
    type Damage = fn(&mut Vec<u8>);
    let damages: [(&str, Damage); 5] = [
        ("no header", |bytes| bytes[..16].fill(0)),
        ("another text", |bytes| {
            *bytes = b"instance: host\n".to_vec()
        }),
        ("cut off", |bytes| bytes.truncate(bytes.len() / 2)),
        ("a page of zeros", |bytes| bytes[4096..8192].fill(0)),
        ("a page of noise", |bytes| bytes[8192..12288].fill(0xa5)),
    ];
    for (name, damage) in damages {
        let folder = TempDir::new().unwrap();
        let mut store = opened(&folder).store;
        let config = host_config();
        store.import(&config, &config).unwrap();
        for id in 1..100 {
            store.upsert("a", large(id)).unwrap();
        }
        store.commit().unwrap();
        drop(store);
        let mut bytes = fs::read(database(&folder)).unwrap();
        damage(&mut bytes);
        fs::write(database(&folder), &bytes).unwrap();

        let fault = open(folder.path(), limits(None)).unwrap_err();
        let is_clear =
            matches!(&fault, StoreFault::Damaged { file, .. } if file.ends_with(DATABASE_NAME));
        assert!(is_clear, "{name}: {fault}");
        assert!(fault.to_string().contains("backup"), "{name}: {fault}");
        assert!(
            fs::read(database(&folder)).unwrap() == bytes,
            "{name}: the file was changed"
        );
    }
}

#[test]
fn database_of_another_application_or_version_then_refused() {
    for sql in [
        "CREATE TABLE theirs (a)",
        "PRAGMA application_id = 1937337955; PRAGMA user_version = 2",
    ] {
        let folder = TempDir::new().unwrap();
        let connection = Connection::open(database(&folder)).unwrap();
        connection.execute_batch(sql).unwrap();
        drop(connection);
        let fault = open(folder.path(), limits(None)).unwrap_err();
        assert!(matches!(fault, StoreFault::Damaged { .. }), "{fault}");
    }
}

#[test]
fn first_start_cut_short_then_the_next_one_starts_anew() {
    let folder = TempDir::new().unwrap();
    fs::write(database(&folder), b"").unwrap();
    assert_eq!(opened(&folder).configs, None);
}

#[test]
fn folder_in_use_then_refused() {
    let folder = TempDir::new().unwrap();
    let first = opened(&folder);
    let fault = open(folder.path(), limits(None)).unwrap_err();
    assert!(fault.to_string().contains("another process"), "{fault}");
    drop(first);
    opened(&folder);
}

/// One call of a store.
#[derive(Clone, Debug)]
enum Call {
    Upsert { id: i64, flow_id: i64, modno: i64 },
    Delete(i64),
    Reconcile(Vec<(i64, i64)>),
    RollBackAnUpsert,
}

fn call() -> impl Strategy<Value = Call> {
    let (id, modno) = (1..6_i64, 0..3_i64);
    prop_oneof![
        4 => (id.clone(), 1..4_i64, modno.clone())
            .prop_map(|(id, flow_id, modno)| Call::Upsert { id, flow_id, modno }),
        1 => id.clone().prop_map(Call::Delete),
        1 => prop::collection::vec((id, modno), 0..6).prop_map(Call::Reconcile),
        1 => Just(Call::RollBackAnUpsert),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn any_calls_then_disk_and_memory_agree(calls in prop::collection::vec(call(), 1..40)) {
        let folder = TempDir::new().unwrap();
        let share = Share { operations_max: 4, ..SHARE };
        let limits = StorageLimits { share, len_bytes_max: None };
        let mut disk = open(folder.path(), limits).unwrap().store;
        let mut memory = MemoryStore::new(share);
        for call in calls {
            match call {
                Call::Upsert { id, flow_id, modno } => {
                    let sent = v1::Operation { flow_id, ..operation(id, modno) };
                    prop_assert_eq!(disk.upsert("a", sent.clone()), memory.upsert("a", sent));
                }
                Call::Delete(id) => prop_assert_eq!(disk.delete("a", id), memory.delete("a", id)),
                Call::Reconcile(listed) => {
                    prop_assert_eq!(disk.reconcile("a", &listed), memory.reconcile("a", &listed));
                }
                Call::RollBackAnUpsert => {
                    let _ = disk.upsert("a", operation(99, 0));
                    disk.roll_back();
                }
            }
            disk.commit().unwrap();
            prop_assert_eq!(disk.operations("a"), memory.operations("a"));
        }
    }
}

fn verified(instance: &str, seed: u8, secret: &str) -> VerifiedPeer {
    VerifiedPeer {
        keyid: keyid(seed),
        instance_id: instance.to_owned(),
        pairing_secret: secret.to_owned(),
    }
}

fn created(operations: Vec<v1::Operation>) -> Action {
    event(Event::CreatedOperations(OperationList { operations }))
}

fn event(event: Event) -> Action {
    Action::ReceiveOperations(SyncActionReceiveOperations {
        event: Some(OperationEvent { event: Some(event) }),
    })
}

/// Stores until there is no room for the smallest.
fn fill(store: &mut SqliteStore) {
    let mut id = 0;
    for len_chars in [10_000, 1_000, 1] {
        loop {
            id += 1;
            let padded = v1::Operation {
                display_message: "x".repeat(len_chars),
                ..operation(id, 1)
            };
            if store.upsert("filler", padded).is_err() {
                store.roll_back();
                break;
            }
            store.commit().unwrap();
        }
    }
}
