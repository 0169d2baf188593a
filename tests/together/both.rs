//! The two processes, the folder they work in, and what each of them holds.

use std::{
    collections::BTreeMap,
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::Stdio,
};

use serde_json::json;
use syncspec::{
    crypto::identity::Identity,
    net::client::ConfigFile,
    reference::{
        config::Config,
        store::{Share, Store as _},
    },
    storage::{self, StorageLimits},
    wire::v1::{
        self,
        multihost::{PairingToken, Peer, Permission, permission::Type},
    },
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};

use crate::{in_time, look::Look, numbers::Numbers};

/// How many operations the client begins with.
pub const OPERATIONS: usize = 10_000;
/// The client's own repo, which its operations and plans are of.
pub const REPO: &str = "own";
const PLAN: &str = "plan";
/// The host's repo, which it shares.
const SHARED_REPO: &str = "shared";
const SECRET: &str = "the secret of the token";
const HOST: &str = "host";
const CLIENT: &str = "client";
/// Ends of the host that may come between the last change and both being equal.
const ENDS_MAX: usize = 20;

fn identity(name: &str) -> Identity {
    Identity::from_seed(&[name.as_bytes()[0]; 32])
}

pub fn client_keyid() -> String {
    identity(CLIENT).keyid().to_owned()
}

/// Host and client as processes; dropping it ends both.
pub struct Both {
    folder: TempDir,
    address: String,
    url: String,
    host: Child,
    client: Child,
    /// What the client was told to hold, by id: the modno.
    wanted: BTreeMap<i64, i64>,
}

impl Both {
    /// Two processes that have never met.
    pub async fn new() -> Both {
        let folder = tempfile::tempdir().unwrap();
        // Both configs name the port, so it must be known before either starts; nobody else takes it in between.
        let address = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .unwrap()
            .to_string();
        let url = format!("http://{address}");
        fs::write(folder.path().join("host.json"), host_config().to_json()).unwrap();
        let client = client_config(&url).to_json();
        fs::write(folder.path().join("client.json"), client).unwrap();
        let wanted = (1..=i64::try_from(OPERATIONS).unwrap())
            .map(|id| (id, 1))
            .collect();
        write_operations(folder.path(), &wanted);
        let host = start_host(folder.path(), &address).await;
        let client = start_client(folder.path());
        Both {
            folder,
            address,
            url,
            host,
            client,
            wanted,
        }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn operations(&self) -> usize {
        self.wanted.len()
    }

    pub async fn kill_host(&mut self) {
        in_time(self.host.kill()).await.unwrap();
    }

    pub async fn start_host(&mut self) {
        self.host = start_host(self.folder.path(), &self.address).await;
    }

    pub async fn kill_client(&mut self) {
        in_time(self.client.kill()).await.unwrap();
    }

    pub fn start_client(&mut self) {
        self.client = start_client(self.folder.path());
    }

    /// Creates, changes and deletes some in the client's file.
    pub fn change_operations(&mut self, numbers: &mut Numbers, changed_max: u64, round: usize) {
        let ids = u64::try_from(OPERATIONS).unwrap() * 11 / 10;
        let modno = i64::try_from(round).unwrap() + 1;
        for _ in 0..numbers.below(changed_max) {
            let id = numbers.below(ids).cast_signed() + 1;
            match numbers.below(4) {
                0 => drop(self.wanted.remove(&id)),
                _ => drop(self.wanted.insert(id, modno)),
            }
        }
        write_operations(self.folder.path(), &self.wanted);
    }

    /// Has the client read its file again.
    pub async fn show_operations(&self) {
        signal(&self.client, "HUP").await;
    }

    /// Both are left to themselves, and end; then each must hold what the other shows it.
    pub async fn end_equal(mut self, mut look: Look, plan: &str) {
        self.show_operations().await;
        for end in 0.. {
            look.let_pass(3).await;
            self.end_host().await;
            let held = self.held_by_host();
            if held == self.wanted {
                break;
            }
            assert!(
                end < ENDS_MAX,
                "the host holds {} operations, the client {}",
                held.len(),
                self.wanted.len()
            );
            self.start_host().await;
            look = Look::at(&self.url).await;
            look.until(|_| true).await;
        }
        signal(&self.client, "TERM").await;
        let status = in_time(self.client.wait()).await.unwrap();
        assert_eq!(status.code(), Some(0));
        self.check_configs(plan);
    }

    async fn end_host(&mut self) {
        signal(&self.host, "TERM").await;
        let status = in_time(self.host.wait()).await.unwrap();
        assert_eq!(status.code(), Some(0));
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Of the client's operations, by the ids that the client gave them.
    fn held_by_host(&self) -> BTreeMap<i64, i64> {
        let opened = open(&self.data());
        let operations = opened.store.operations(&client_keyid()).unwrap();
        for operation in &operations {
            assert_eq!(operation.original_flow_id, operation.original_id);
            let text = message(operation.original_id, operation.modno);
            assert_eq!(operation.display_message, text, "what its modno says");
        }
        let ids = operations.iter();
        ids.map(|operation| (operation.original_id, operation.modno))
            .collect()
    }

    fn check_configs(&self, plan: &str) {
        let (_, client) = ConfigFile::open(&self.folder.path().join("client.json")).unwrap();
        let opened = open(&self.data());
        let host = opened.configs.unwrap().in_force;

        let entry = host.authorized_client(&client_keyid()).expect("it paired");
        assert_eq!(entry.instance_id, CLIENT);
        assert_eq!(host.authorized_clients().len(), 1);
        assert_eq!(host.pairing_tokens().len(), 0, "its one use was taken");
        let text = client.to_json();
        assert!(!text.contains(SECRET), "the client forgot its secret");

        let shared = |config: &Config| {
            let mut repos = config.repos().iter();
            repos.find(|repo| repo.guid == guid(SHARED_REPO)).cloned()
        };
        let (theirs, ours) = (shared(&client), shared(&host));
        let theirs = theirs.expect("the host shared it");
        assert_eq!(theirs.origin_instance_id, HOST);
        assert_eq!(Some(theirs.uri), ours.map(|repo| repo.uri));
        assert!(client.plans().iter().any(|own| own.id == plan));

        let state = opened.states.iter();
        let mut state = state.filter(|state| state.peer_keyid == client_keyid());
        let remote = state.next().unwrap().remote_config.clone().unwrap();
        assert_eq!(remote.plans, client.plans());
        assert_eq!(remote.modno, client.message().modno);
    }
}

fn open(data: &Path) -> storage::Opened {
    let share = Share {
        operations_max: usize::MAX,
        len_bytes_max: usize::MAX,
    };
    let limits = StorageLimits {
        share,
        len_bytes_max: None,
    };
    storage::open(data, limits).unwrap()
}

async fn start_host(folder: &Path, address: &str) -> Child {
    let mut child = Command::new(env!("CARGO_BIN_EXE_syncspec"))
        .current_dir(folder)
        .args(["serve", "--config", "host.json", "--data", "data"])
        .args(["--listen", address, "--heartbeat", "20ms"])
        .args(["--log-level", "error"])
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    in_time(async {
        while let Some(line) = lines.next_line().await.unwrap() {
            if line == "ready" {
                return;
            }
        }
        panic!("the host ended before it was ready");
    })
    .await;
    child
}

fn start_client(folder: &Path) -> Child {
    Command::new(env!("CARGO_BIN_EXE_syncspec"))
        .current_dir(folder)
        .args(["connect", "--config", "client.json"])
        .args(["--operations", "operations.json", "--log", "error"])
        .args(["--heartbeat", "20ms", "--backoff-min", "20ms"])
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

async fn signal(child: &Child, name: &str) {
    let Some(id) = child.id() else { return };
    let id = id.to_string();
    let done = Command::new("kill").args(["-s", name, &id]).status();
    in_time(done).await.unwrap();
}

fn write_operations(folder: &Path, wanted: &BTreeMap<i64, i64>) {
    let list: Vec<_> = wanted
        .iter()
        .map(|(id, modno)| {
            json!({
                "id": id.to_string(),
                "modno": modno.to_string(),
                "flowId": id.to_string(),
                "repoId": REPO,
                "repoGuid": guid(REPO),
                "planId": PLAN,
                "instanceId": CLIENT,
                "unixTimeStartMs": "1700000000000",
                "displayMessage": message(*id, *modno),
            })
        })
        .collect();
    let text = json!({ "operations": list }).to_string();
    let next = folder.join("operations.next");
    fs::write(&next, text).unwrap();
    fs::rename(next, folder.join("operations.json")).unwrap();
}

fn message(id: i64, modno: i64) -> String {
    format!("operation {id} at {modno}")
}

fn guid(repo: &str) -> String {
    format!("{repo:0>64}")
}

fn permission(kind: Type) -> Permission {
    Permission {
        r#type: kind.into(),
        scopes: vec!["*".to_owned()],
    }
}

fn config(name: &str, edit: impl FnOnce(&mut v1::Config, &mut v1::Multihost)) -> Config {
    let identity = identity(name);
    let mut message = v1::Config {
        modno: 1,
        version: 6,
        instance: name.to_owned(),
        ..v1::Config::default()
    };
    let mut sync = v1::Multihost {
        identity: Some(v1::PrivateKey {
            keyid: identity.keyid().to_owned(),
            ed25519priv: identity.private_key_text(),
            ed25519pub: identity.public_key_text(),
        }),
        ..v1::Multihost::default()
    };
    edit(&mut message, &mut sync);
    message.multihost = Some(sync);
    Config::new(message).unwrap()
}

fn repo(id: &str, is_shared: bool) -> v1::Repo {
    v1::Repo {
        id: id.to_owned(),
        uri: format!("/srv/{id}"),
        guid: guid(id),
        shared: is_shared,
        ..v1::Repo::default()
    }
}

fn host_config() -> Config {
    config(HOST, |config, sync| {
        config.repos = vec![repo(SHARED_REPO, true)];
        sync.pairing_tokens = vec![PairingToken {
            secret: SECRET.to_owned(),
            max_uses: 1,
            permissions: vec![
                permission(Type::PermissionReadConfig),
                permission(Type::PermissionReceiveSharedRepos),
            ],
            ..PairingToken::default()
        }];
    })
}

fn client_config(url: &str) -> Config {
    config(CLIENT, |config, sync| {
        config.repos = vec![repo(REPO, false)];
        config.plans = vec![v1::Plan {
            id: PLAN.to_owned(),
            repo: REPO.to_owned(),
            paths: vec!["/home".to_owned()],
            ..v1::Plan::default()
        }];
        sync.known_hosts = vec![Peer {
            instance_id: HOST.to_owned(),
            keyid: identity(HOST).keyid().to_owned(),
            instance_url: url.to_owned(),
            initial_pairing_secret: SECRET.to_owned(),
            permissions: vec![
                permission(Type::PermissionReadOperations),
                permission(Type::PermissionReadWriteConfig),
                permission(Type::PermissionReceiveSharedRepos),
            ],
        }];
    })
}
