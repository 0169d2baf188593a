//! What outlives the process, however it ends.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use syncspec::{
    reference::store::{Share, Store as _},
    storage::{self, StorageLimits},
    wire::{
        Action, Code, types,
        v1::{self, OperationEvent, OperationList, operation_event::Event},
        v1sync::sync_stream_item::{SyncActionOperationManifest, SyncActionReceiveOperations},
    },
};

use tokio::sync::Notify;

use crate::{
    host::{Folder, Host, SECRET, client_identity, output, syncspec},
    in_time,
    peer::{Client, Over, Peer},
};

/// How often the host is killed.
const ROUNDS: u8 = 24;
/// What the moments, the operations and their sizes follow from.
const SEED: u64 = 0x5eed;
/// Listed in every manifest and never sent, so that every manifest is answered.
const NEVER_SENT: i64 = i64::MAX;

/// xorshift64*: the same seed gives the same test.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) % bound
    }
}

/// What the host has of the client's operations, by id.
type Operations = BTreeMap<i64, Held>;

/// What the host has of one operation; a modno of 0 stands for nothing at all.
struct Held {
    /// The last modno sent.
    sent: i64,
    /// Those that a host which dies now may be found with.
    possible: BTreeSet<i64>,
}

impl Held {
    fn known(modno: i64) -> Held {
        Held {
            sent: modno,
            possible: BTreeSet::from([modno]),
        }
    }

    fn send(&mut self, modno: i64) {
        self.sent = modno;
        self.possible.insert(modno);
    }
}

/// What the client knows of the host.
#[derive(Default)]
struct Known {
    operations: Operations,
    /// Clients that were told they are admitted, by number.
    paired: BTreeSet<u8>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_random_moments_then_all_that_was_acknowledged_is_there() {
    let folder = Folder::new(0);
    let known = Arc::new(Mutex::new(Known::default()));
    let mut dice = Dice(SEED);
    for round in 0..ROUNDS {
        let mut host = folder.serve_kept(&["--log-level", "warn"]);
        let url = host.url().to_owned();
        let begun = Arc::new(Notify::new());
        let fed = feed(
            url.clone(),
            known.clone(),
            Dice(1 + dice.below(1 << 60)),
            begun.clone(),
        );
        let feeding = tokio::spawn(fed);
        let pairing = tokio::spawn(pair(url, known.clone(), 100 + round));
        in_time(begun.notified()).await;
        // The moment to die is what this test is about, and no event names it.
        tokio::time::sleep(Duration::from_micros(dice.below(100_000))).await;
        host.kill();
        in_time(feeding).await.unwrap();
        in_time(pairing).await.unwrap();
        check(&folder, &mut known.lock().unwrap(), round);
    }
    let known = known.lock().unwrap();
    assert!(known.operations.len() > 100, "hardly anything was stored");
    assert!(known.paired.len() > 5, "hardly anyone was admitted");
}

/// Sends changes and asks what arrived, until the host is gone.
async fn feed(url: String, known: Arc<Mutex<Known>>, mut dice: Dice, begun: Arc<Notify>) {
    let fed: Result<(), Over> = async {
        let mut peer = Peer::admitted(&url, &Client::known()).await?;
        begun.notify_one();
        loop {
            for _ in 0..1 + dice.below(4) {
                let action = change(&mut known.lock().unwrap().operations, &mut dice);
                peer.send(action).await?;
            }
            let manifest = manifest(&known.lock().unwrap().operations);
            peer.send(Action::OperationManifest(manifest)).await?;
            let missing = loop {
                match peer.next().await? {
                    Action::RequestOperationData(request) => break request.op_ids,
                    // Somebody paired.
                    Action::ReceiveConfig(_) | Action::ReceiveResources(_) => {}
                    other => panic!("expected a request, saw {}", other.name()),
                }
            };
            // What a manifest lists and the host does not ask for, it has; what is not listed, it has no more.
            assert_eq!(missing, [NEVER_SENT]);
            for held in known.lock().unwrap().operations.values_mut() {
                *held = Held::known(held.sent);
            }
        }
    }
    .await;
    drop(fed);
}

/// Changes up to 40 operations in one item: creates, updates or deletes them.
fn change(operations: &mut Operations, dice: &mut Dice) -> Action {
    let ids: BTreeSet<i64> = (0..1 + dice.below(40))
        .map(|_| 1 + dice.below(400).cast_signed())
        .collect();
    let event = if dice.below(5) == 0 {
        for id in &ids {
            let held = operations.entry(*id).or_insert_with(|| Held::known(0));
            held.send(0);
        }
        let values = ids.into_iter().collect();
        Event::DeletedOperations(types::Int64List { values })
    } else {
        let modno = 1 + dice.below(1 << 40).cast_signed();
        for id in &ids {
            let held = operations.entry(*id).or_insert_with(|| Held::known(0));
            held.send(modno);
        }
        let len_chars = usize::try_from(dice.below(3_000)).unwrap();
        let operations = ids.into_iter().map(|id| operation(id, modno, len_chars));
        Event::UpdatedOperations(OperationList {
            operations: operations.collect(),
        })
    };
    Action::ReceiveOperations(SyncActionReceiveOperations {
        event: Some(OperationEvent { event: Some(event) }),
    })
}

fn operation(id: i64, modno: i64, len_chars: usize) -> v1::Operation {
    v1::Operation {
        id,
        flow_id: id,
        modno,
        repo_id: "007".to_owned(),
        plan_id: "1e3".to_owned(),
        instance_id: "client".to_owned(),
        display_message: format!("{modno} {}", "x".repeat(len_chars)),
        ..v1::Operation::default()
    }
}

/// Each operation at the last modno sent.
fn manifest(operations: &Operations) -> SyncActionOperationManifest {
    let mut manifest = SyncActionOperationManifest::default();
    for (id, held) in operations.iter().filter(|(_, held)| held.sent != 0) {
        manifest.op_ids.push(*id);
        manifest.modnos.push(held.sent);
    }
    manifest.op_ids.push(NEVER_SENT);
    manifest.modnos.push(1);
    manifest
}

async fn pair(url: String, known: Arc<Mutex<Known>>, number: u8) {
    if Peer::admitted(&url, &Client::stranger(number, SECRET))
        .await
        .is_ok()
    {
        known.lock().unwrap().paired.insert(number);
    }
}

/// Reads what the dead host left, and from then on knows it.
fn check(folder: &Folder, known: &mut Known, round: u8) {
    let share = Share {
        operations_max: usize::MAX,
        len_bytes_max: usize::MAX,
    };
    let limits = StorageLimits {
        share,
        len_bytes_max: None,
    };
    let opened = storage::open(&folder.data(), limits).unwrap();
    let operations = opened.store.operations(client_identity().keyid()).unwrap();
    let held: BTreeMap<i64, i64> = operations
        .iter()
        .map(|operation| (operation.original_id, operation.modno))
        .collect();
    for operation in &operations {
        let sent = self::operation(operation.original_id, operation.modno, 0);
        assert!(operation.display_message.starts_with(&sent.display_message));
        assert_eq!(operation.repo_id, sent.repo_id);
    }
    for (id, expected) in &mut known.operations {
        let modno = held.get(id).copied().unwrap_or(0);
        assert!(
            expected.possible.contains(&modno),
            "round {round}: operation {id} stands at {modno}, expected one of {:?}",
            expected.possible
        );
        *expected = Held::known(modno);
    }
    assert!(held.keys().all(|id| known.operations.contains_key(id)));

    let config = opened.configs.unwrap().in_force;
    for number in &known.paired {
        let keyid = Client::stranger(*number, "").identity;
        assert!(
            config.authorized_client(keyid.keyid()).is_some(),
            "round {round}: client {number} was admitted and is not known any more"
        );
    }
    let paired = config.authorized_clients().len() - 1;
    let uses = config.pairing_tokens()[0].uses;
    assert_eq!(
        usize::try_from(uses).unwrap(),
        paired,
        "each use is one client"
    );
}

async fn refusal(host: &Host, client: &Client) -> Option<Code> {
    Peer::admitted(host.url(), client).await.err()?.code()
}

#[tokio::test]
async fn restarted_then_uses_of_a_token_are_still_counted() {
    let folder = Folder::new(2);
    let stranger = |number| Client::stranger(number, SECRET);
    let mut host = folder.serve_kept(&[]);
    Peer::admitted(host.url(), &stranger(3)).await.unwrap();
    host.kill();

    let host = folder.serve_kept(&[]);
    Peer::admitted(host.url(), &stranger(4)).await.unwrap();
    assert_eq!(
        refusal(&host, &stranger(5)).await,
        Some(Code::PermissionDenied)
    );
    host.signal("TERM");
    assert_eq!(host.ended().0, Some(0));

    let host = folder.serve_kept(&[]);
    assert_eq!(
        refusal(&host, &stranger(5)).await,
        Some(Code::PermissionDenied)
    );
    Peer::admitted(host.url(), &Client::stranger(3, ""))
        .await
        .unwrap();
}

#[tokio::test]
async fn token_added_by_pair_then_it_works_after_a_restart_beside_earlier_pairings() {
    let folder = Folder::new(1);
    let mut host = folder.serve_kept(&[]);
    Peer::admitted(host.url(), &Client::stranger(3, SECRET))
        .await
        .unwrap();
    host.kill();

    let mut pair = syncspec();
    pair.args(["pair", "--label", "more", "--expires-in", "1h"])
        .args(["--permission", "read-config:*,!repo:x", "--config"])
        .arg(folder.config());
    let (code, text, errors) = output(&mut pair);
    assert_eq!(code, 0, "{errors}");
    let token = syncspec::crypto::token::PairingToken::parse_strict(text.trim()).unwrap();
    assert_eq!(token.instance_id, crate::host::HOST);

    let host = folder.serve_kept(&[]);
    let newcomer = Client::stranger(4, &token.secret);
    Peer::admitted(host.url(), &newcomer).await.unwrap();
    Peer::admitted(host.url(), &Client::stranger(3, ""))
        .await
        .unwrap();
    let late = Client::stranger(5, SECRET);
    assert_eq!(refusal(&host, &late).await, Some(Code::PermissionDenied));
    drop(host);

    let host = folder.serve_kept(&["--replace-config"]);
    let forgotten = Client::stranger(3, "");
    assert_eq!(
        refusal(&host, &forgotten).await,
        Some(Code::PermissionDenied)
    );
}

#[tokio::test]
async fn data_alone_then_the_config_is_the_one_kept() {
    let folder = Folder::new(1);
    drop(folder.serve_kept(&[]));
    let mut command = syncspec();
    command.args(["serve", "--listen", "127.0.0.1:0", "--data"]);
    command.arg(folder.data());
    let host = Host::start(command);
    assert_eq!(host.said("instance id"), crate::host::HOST);
    Peer::admitted(host.url(), &Client::known()).await.unwrap();
}

#[tokio::test]
async fn database_full_then_that_session_ends_internal_and_the_host_serves_on() {
    let folder = Folder::new(1);
    let mut host = folder.serve_kept(&["--data-max", "512K"]);
    let mut peer = Peer::admitted(host.url(), &Client::known()).await.unwrap();
    let over = async {
        for id in 1.. {
            let operations = vec![operation(id, 1, 20_000)];
            let event = Event::CreatedOperations(OperationList { operations });
            let item = SyncActionReceiveOperations {
                event: Some(OperationEvent { event: Some(event) }),
            };
            peer.send(Action::ReceiveOperations(item)).await?;
        }
        Ok::<(), Over>(())
    }
    .await
    .unwrap_err();
    assert_eq!(over.code(), Some(Code::Internal), "{over:?}");
    assert!(host.is_running());
    Peer::admitted(host.url(), &Client::known()).await.unwrap();
    host.signal("TERM");
    let (code, log) = host.ended();
    assert_eq!(code, Some(0));
    assert!(
        log.contains(storage::DATABASE_NAME) && log.contains("is full"),
        "{log}"
    );
}
