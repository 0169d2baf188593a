//! What hosts make of the client's config, and that it is kept before anybody can rely on it.

use std::sync::{Arc, Mutex};

use syncspec::{
    net::{
        End, RpcProtocol, UnaryEnd,
        client::{ClientApp, ConfigFile, ConfigKeeper, KeepError},
    },
    reference::config::Config,
    wire::{Code, v1sync::ConnectionState},
};

use crate::{
    client,
    configs::{HOST, SECRET, client_of, host, pairing_host, plan, repo, unpaired_client_of},
    hosts::Host,
    in_time, options, until,
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

/// Notes, at each change that is kept, which modno the host has already been shown.
struct Witness {
    host: syncspec::net::host::HostApp,
    seen: Arc<Mutex<Vec<(i32, Option<i32>)>>>,
}

impl ConfigKeeper for Witness {
    fn keep(&self, config: &Config) -> Result<(), KeepError> {
        let shown = crate::hosts::shown_modno(&self.host);
        let mut seen = self.seen.lock().unwrap();
        seen.push((config.message().modno, shown));
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn config_changed_then_kept_before_a_host_is_shown_it() {
    let host = Host::start(host(HOST)).await;
    let seen = Arc::<Mutex<Vec<_>>>::default();
    let witness = Witness {
        host: host.app.clone(),
        seen: seen.clone(),
    };
    let options = options(RpcProtocol::Connect);
    let client = ClientApp::keeping(client_of(&host.url()), options, witness);
    for modno in 2..=6 {
        host.until_client_is(|state| {
            let remote = state.remote_config.as_ref();
            state.state() == ConnectionState::Connected
                && remote.is_some_and(|it| it.modno == modno - 1)
        })
        .await;
        let id = format!("plan-{modno}");
        host.set_client_config(RpcProtocol::Connect, |request| {
            request.plans = vec![plan(&id, "r")];
        })
        .await;
        until(&client, |client| client.config().message().modno == modno).await;
    }
    in_time(client.shutdown()).await.unwrap();
    let expected: Vec<_> = (2..=6).map(|modno| (modno, Some(modno - 1))).collect();
    assert_eq!(*seen.lock().unwrap(), expected);
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
    let client = ClientApp::keeping(config, options(RpcProtocol::Connect), FullDisk);
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
    let client = ClientApp::keeping(config, options(RpcProtocol::Connect), file);
    let forgotten = |client: &ClientApp| {
        let config = client.config();
        config.known_hosts()[0].initial_pairing_secret.is_empty()
    };
    until(&client, forgotten).await;
    in_time(client.shutdown()).await.unwrap();
    assert!(!std::fs::read_to_string(&path).unwrap().contains(SECRET));
    assert_eq!(ConfigFile::open(&path).unwrap().1, client.config());
}
