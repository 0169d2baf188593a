//! What hosts make of the client's config, and that it is kept before anybody can rely on it.

use std::sync::{Mutex, mpsc};

use syncspec::{
    net::{
        End, RpcProtocol, UnaryEnd,
        client::{ClientApp, ConfigFile, ConfigKeeper, KeepError},
    },
    reference::config::Config,
    wire::{
        Action, Code,
        v1sync::{ConnectionState, sync_stream_item::SyncActionSetConfig},
    },
};

use crate::{
    SHORT_WAIT, client,
    configs::{HOST, SECRET, client_of, host, pairing_host, plan, repo, unpaired_client_of},
    hosts::Host,
    in_time, options,
    scripted::Scripted,
    started, until,
};

#[tokio::test]
async fn host_shares_a_repo_then_it_is_stored_as_the_hosts() {
    for protocol in RpcProtocol::ALL {
        let sharing = host(HOST).edited(|config| {
            config.repos = vec![repo("kept"), repo("shared")];
            config.repos[1].shared = true;
        });
        let host = Host::start(sharing.unwrap()).await;
        let client = client(client_of(&host.url()), protocol);
        until(&client, |client| client.config().repos().len() == 2).await;
        let config = client.config();
        let stored = &config.repos()[1];
        assert_eq!(
            (stored.id.as_str(), stored.uri.as_str()),
            ("shared", "/srv/shared")
        );
        assert_eq!(stored.origin_instance_id, host.app.config().instance_id());
        assert_eq!(config.message().modno, 2);
        // Dialled anew, the client shows what it has made of it, and the second push changes nothing.
        let seen = |modno| {
            move |state: &syncspec::wire::v1sync::PeerState| {
                let remote = state.remote_config.as_ref();
                state.state() == ConnectionState::Connected
                    && remote.is_some_and(|it| it.modno == modno)
            }
        };
        host.until_client_is(seen(2)).await;
        assert_eq!(client.config().message().modno, 2);
    }
}

#[tokio::test]
async fn state_service_sets_a_config_then_it_is_applied_and_shown() {
    for protocol in RpcProtocol::ALL {
        let host = Host::start(host(HOST)).await;
        let client = client(client_of(&host.url()), protocol);
        host.until_client(ConnectionState::Connected).await;
        let end = host
            .set_client_config(protocol, |request| {
                request.plans = vec![plan("new", "r")];
                request.plans_to_delete = vec!["p".to_owned()];
            })
            .await;
        assert!(matches!(end, UnaryEnd::Answer(_)), "{end:?}");
        let has_only_new = |plans: &[syncspec::wire::v1::Plan]| plans == [plan("new", "r")];
        until(&client, |client| has_only_new(client.config().plans())).await;
        host.until_client_is(|state| {
            let remote = state.remote_config.as_ref();
            remote.is_some_and(|remote| has_only_new(&remote.plans))
        })
        .await;
    }
}

#[tokio::test]
async fn client_not_connected_then_state_service_says_not_found() {
    let host = Host::start(host(HOST)).await;
    let end = host.set_client_config(RpcProtocol::Grpc, |_| {}).await;
    let UnaryEnd::Ended(End::Status(status)) = end else {
        panic!("expected a status, saw {end:?}");
    };
    assert_eq!(status.code, Code::NotFound);
}

#[tokio::test]
async fn config_replaced_then_hosts_see_the_new_one() {
    let host = Host::start(host(HOST)).await;
    let client = client(client_of(&host.url()), RpcProtocol::Connect);
    host.until_client(ConnectionState::Connected).await;
    let next = client.config().edited(|config| config.modno = 7).unwrap();
    client.replace_config(next);
    host.until_client_is(|state| {
        let remote = state.remote_config.as_ref();
        remote.is_some_and(|remote| remote.modno == 7)
    })
    .await;
}

/// Takes its time, and tells whether the host was dialled meanwhile.
struct Slow {
    dialled: Mutex<mpsc::Receiver<()>>,
    told: mpsc::Sender<bool>,
}

impl ConfigKeeper for Slow {
    fn keep(&self, _: &Config) -> Result<(), KeepError> {
        let dialled = self.dialled.lock().unwrap().recv_timeout(SHORT_WAIT);
        self.told.send(dialled.is_ok()).unwrap();
        Ok(())
    }
}

#[tokio::test]
async fn config_changed_then_kept_before_a_host_is_dialled_with_it() {
    let (call_came, dialled) = mpsc::channel();
    let (told, was_dialled_meanwhile) = mpsc::channel();
    let keeper = Slow {
        dialled: Mutex::new(dialled),
        told,
    };
    let mut host = Scripted::at("").await;
    let options = options(RpcProtocol::Connect);
    let client = started(ClientApp::keeping(client_of(&host.url()), options, keeper));
    let mut session = host.session(HOST).await;
    let change = SyncActionSetConfig {
        plans: vec![plan("new", "r")],
        ..SyncActionSetConfig::default()
    };
    session.send(Action::SetConfig(change)).await;
    host.call().await;
    // The keeper has gone by then, unless it is asked too late.
    let _ = call_came.send(());
    assert_eq!(client.config().message().modno, 2);
    assert!(!was_dialled_meanwhile.recv_timeout(SHORT_WAIT * 2).unwrap());
}

struct FullDisk;

impl ConfigKeeper for FullDisk {
    fn keep(&self, _: &Config) -> Result<(), KeepError> {
        Err(KeepError::new("write the config: no space left"))
    }
}

#[tokio::test]
async fn config_cannot_be_kept_then_the_client_stops_and_says_why() {
    let host = Host::start(pairing_host()).await;
    let config = unpaired_client_of(&host.url(), SECRET);
    let client = started(ClientApp::keeping(
        config,
        options(RpcProtocol::Connect),
        FullDisk,
    ));
    let error = in_time(client.stopped()).await.unwrap_err();
    assert_eq!(error.to_string(), "write the config: no space left");
    host.until_client(ConnectionState::Disconnected).await;
}

#[tokio::test]
async fn paired_then_the_secret_is_gone_from_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.json");
    let host = Host::start(pairing_host()).await;
    let config = unpaired_client_of(&host.url(), SECRET);
    std::fs::write(&path, config.to_json()).unwrap();
    let (file, config) = ConfigFile::open(&path).unwrap();
    let client = started(ClientApp::keeping(
        config,
        options(RpcProtocol::Connect),
        file,
    ));
    let forgotten = |client: &ClientApp| {
        let config = client.config();
        config.known_hosts()[0].initial_pairing_secret.is_empty()
    };
    until(&client, forgotten).await;
    in_time(client.shutdown()).await.unwrap();
    assert!(!std::fs::read_to_string(&path).unwrap().contains(SECRET));
    assert_eq!(ConfigFile::open(&path).unwrap().1, client.config());
}
