//! `syncspec connect` as a process that is killed at any moment.

use std::{path::Path, process::Stdio};

use futures_util::StreamExt as _;
use syncspec::{
    net::{RpcProtocol, SyncApp as _, client::ConfigFile},
    wire::{v1, v1sync::ConnectionState},
};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::{
    configs::{HOST, SECRET, client_of, host, operation, pairing_host, plan, unpaired_client_of},
    hosts::{Host, nobody},
    in_time,
};

const KILLS: usize = 30;
const SEED: u64 = 20_261_123;
/// Changes of the client's state seen by the host, at most, between a start and the kill.
const CHANGES_BEFORE_KILL_MAX: u64 = 12;
const OPERATION_IDS: u64 = 40;

/// The same numbers on every run (Knuth's MMIX generator).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

/// A client's folder, with its two files.
struct Client {
    folder: TempDir,
    operations: Vec<v1::Operation>,
}

impl Client {
    fn new(config: &syncspec::reference::config::Config) -> Client {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("config.json"), config.to_json()).unwrap();
        let client = Client {
            folder,
            operations: Vec::new(),
        };
        client.write_operations();
        client
    }

    fn config(&self) -> syncspec::reference::config::Config {
        let path = self.folder.path().join("config.json");
        ConfigFile::open(&path)
            .expect("a whole config at any time")
            .1
    }

    fn start(&self, protocol: RpcProtocol) -> Child {
        connect(self.folder.path())
            .args([
                "--operations",
                "operations.json",
                "--protocol",
                protocol.name(),
            ])
            .spawn()
            .unwrap()
    }

    /// Creates, changes and deletes some.
    fn change_operations(&mut self, numbers: &mut Numbers, modno: i64) {
        for _ in 0..numbers.below(8) {
            let id = i64::try_from(numbers.below(OPERATION_IDS)).unwrap() + 1;
            self.operations.retain(|operation| operation.id != id);
            if numbers.below(4) > 0 {
                self.operations.push(operation(id, modno));
            }
        }
        self.operations.sort_by_key(|operation| operation.id);
        self.write_operations();
    }

    fn write_operations(&self) {
        let list: Vec<_> = self.operations.iter().map(operation_json).collect();
        let text = serde_json::json!({ "operations": list }).to_string();
        let path = self.folder.path().join("operations.json");
        let next = path.with_extension("next");
        std::fs::write(&next, text).unwrap();
        std::fs::rename(next, path).unwrap();
    }
}

fn operation_json(operation: &v1::Operation) -> serde_json::Value {
    serde_json::json!({
        "id": operation.id.to_string(),
        "modno": operation.modno.to_string(),
        "flowId": operation.flow_id.to_string(),
        "repoId": operation.repo_id,
        "repoGuid": operation.repo_guid,
        "planId": operation.plan_id,
        "instanceId": operation.instance_id,
        "unixTimeStartMs": operation.unix_time_start_ms.to_string(),
        "displayMessage": operation.display_message,
    })
}

fn connect(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_syncspec"));
    command
        .current_dir(folder)
        .args(["connect", "--config", "config.json"])
        .args(["--heartbeat", "20ms", "--backoff-min", "20ms"])
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

async fn signal(child: &Child, name: &str) {
    let Some(id) = child.id() else { return };
    let script = format!("kill -{name} {id}");
    let done = Command::new("sh").args(["-c", &script]).status();
    in_time(done).await.unwrap();
}

/// Lets the host see so many changes of the client, or the client's end if that comes first.
async fn let_pass(host: &Host, changes: u64, child: &mut Child) {
    let mut states = host.app.peer_states(nobody(), true);
    for _ in 0..changes {
        in_time(async {
            tokio::select! {
                state = states.next() => drop(state.expect("the host lives")),
                _ = child.wait() => {}
            }
        })
        .await;
    }
}

async fn is_connected(host: &Host) -> bool {
    host.client_state().await.unwrap().state() == ConnectionState::Connected
}

async fn shown_modno(host: &Host) -> i32 {
    let state = host.client_state().await.unwrap();
    state.remote_config.map_or(0, |remote| remote.modno)
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn killed_at_random_points_then_both_sides_end_equal() {
    let mut numbers = Numbers(SEED);
    let host = Host::start(host(HOST)).await;
    let mut client = Client::new(&client_of(&host.url()));
    let mut kept = client.config().message().modno;
    for round in 0..KILLS {
        let protocol = RpcProtocol::ALL[round % 2];
        host.until(async |host| !is_connected(host).await).await;
        let mut child = client.start(protocol);
        if numbers.below(4) > 0 {
            host.until_client(ConnectionState::Connected).await;
        }
        let_pass(&host, numbers.below(CHANGES_BEFORE_KILL_MAX), &mut child).await;
        let modno = i64::try_from(round).unwrap() + 1;
        client.change_operations(&mut numbers, modno);
        signal(&child, "HUP").await;
        host.set_client_config(protocol, |request| {
            request.plans = vec![plan(&format!("plan-{round}"), "r")];
            request.plans_to_delete = vec![format!("plan-{}", numbers.below(10))];
        })
        .await;
        let_pass(&host, numbers.below(CHANGES_BEFORE_KILL_MAX), &mut child).await;
        in_time(child.kill()).await.unwrap();
        let modno = client.config().message().modno;
        let shown = shown_modno(&host).await;
        assert!(
            modno >= kept.max(shown),
            "round {round}: {kept} was kept and {shown} shown, {modno} is there"
        );
        kept = modno;
    }
    host.until(async |host| !is_connected(host).await).await;
    let mut child = client.start(RpcProtocol::Connect);
    host.until_client(ConnectionState::Connected).await;
    host.until_operations(&client.operations).await;
    host.until_client_is(|state| {
        let config = client.config();
        state.remote_config.as_ref().is_some_and(|remote| {
            remote.modno == config.message().modno && remote.plans == config.plans()
        })
    })
    .await;
    assert!(
        kept > 10,
        "only {kept} versions of the config ever came to be"
    );
    signal(&child, "TERM").await;
    let status = in_time(child.wait()).await.unwrap();
    assert_eq!(status.code(), Some(0));
    host.until_client(ConnectionState::Disconnected).await;
}

#[cfg(unix)]
#[tokio::test]
async fn paired_and_interrupted_then_no_secret_in_file_or_log() {
    let host = Host::start(pairing_host()).await;
    let config = unpaired_client_of(&host.url(), SECRET);
    let client = Client::new(&config);
    let child = connect(client.folder.path())
        .args(["--log", "debug"])
        .spawn()
        .unwrap();
    host.until_client_is(|state| state.last_heartbeat_millis > 0)
        .await;
    signal(&child, "INT").await;
    let output = in_time(child.wait_with_output()).await.unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{log}");
    assert!(log.contains("connected"), "{log}");
    let private_key = config.identity().private_key_text();
    assert!(
        !log.contains(SECRET) && !log.contains(&private_key),
        "{log}"
    );
    let file = std::fs::read_to_string(client.folder.path().join("config.json")).unwrap();
    assert!(!file.contains(SECRET) && file.contains(&private_key));
}

#[tokio::test]
async fn start_impossible_then_exit_code_and_reason() {
    let client = Client::new(&client_of("http://127.0.0.1:1"));
    let folder = client.folder.path();
    let no_hosts = crate::configs::config(HOST, |_, _| {});
    std::fs::write(folder.join("no-hosts.json"), no_hosts.to_json()).unwrap();
    std::fs::write(folder.join("broken.json"), "{").unwrap();
    for (args, reason) in [
        (["--config", "missing.json"], "read the config missing.json"),
        (["--config", "broken.json"], "expected v1.Config"),
        (
            ["--config", "no-hosts.json"],
            "expected one in sync.knownHosts",
        ),
        (
            ["--operations", "missing.json"],
            "read the operations missing.json",
        ),
        (["--operations", "broken.json"], "expected v1.OperationList"),
        (["--heartbeat", "0s"], "--heartbeat"),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_syncspec"));
        command.current_dir(folder).arg("connect");
        if args[0] != "--config" {
            command.args(["--config", "config.json"]);
        }
        let output = in_time(command.args(args).output()).await.unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {said}");
        assert!(said.contains(reason), "{args:?}: {said}");
    }
}
