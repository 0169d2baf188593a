//! Who is let in, and what becomes of the secret.

use syncspec::{net::RpcProtocol, wire::v1sync::ConnectionState};

use crate::{
    client,
    configs::{CLIENT, HOST, OTHER_HOST, SECRET, host, keyid, pairing_host, unpaired_client_of},
    hosts::Host,
    in_time,
    scripted::Scripted,
    state, until, until_state,
};
use syncspec::wire::{
    Action,
    v1sync::sync_stream_item::{SyncActionHeartbeat, SyncActionOperationManifest},
};

fn secret(client: &syncspec::net::client::ClientApp) -> String {
    client.config().known_hosts()[0]
        .initial_pairing_secret
        .clone()
}

#[tokio::test]
async fn token_valid_then_admitted_and_secret_forgotten() {
    for protocol in RpcProtocol::ALL {
        let host = Host::start(pairing_host()).await;
        let client = client(unpaired_client_of(&host.url(), SECRET), protocol);
        until(&client, |client| secret(client).is_empty()).await;
        assert_eq!(state(&client, 0).state(), ConnectionState::Connected);
        host.until_client(ConnectionState::Connected).await;
        let config = host.app.config();
        assert!(config.authorized_client(&keyid(CLIENT)).is_some());
        assert!(config.pairing_tokens().is_empty());
    }
}

#[tokio::test]
async fn token_unknown_then_refused_and_secret_kept() {
    for protocol in RpcProtocol::ALL {
        let host = Host::start(pairing_host()).await;
        let client = client(unpaired_client_of(&host.url(), "another secret"), protocol);
        until_state(&client, 0, ConnectionState::ErrorAuth).await;
        assert_eq!(secret(&client), "another secret");
        assert!(host.app.config().authorized_clients().is_empty());
        assert_eq!(host.app.config().pairing_tokens()[0].uses, 0);
    }
}

#[tokio::test]
async fn host_verified_but_silent_then_secret_kept_until_it_speaks() {
    let mut host = Scripted::at("").await;
    let config = unpaired_client_of(&host.url(), SECRET);
    let client = client(config, RpcProtocol::Connect);
    let mut session = host.session(HOST).await;
    let sent = session.client.as_ref().expect("it is verified");
    assert_eq!(sent.pairing_secret, SECRET);
    // The client has told all it tells first, so that it has long taken us for the host.
    while !matches!(session.action().await, Some(Action::OperationManifest(_))) {}
    assert_eq!(secret(&client), SECRET);
    session
        .send(Action::Heartbeat(SyncActionHeartbeat {}))
        .await;
    until(&client, |client| secret(client).is_empty()).await;
}

#[tokio::test]
async fn another_host_answers_then_refused_and_secret_not_sent() {
    let mut impostor = Scripted::at("").await;
    let config = unpaired_client_of(&impostor.url(), SECRET);
    let client = client(config, RpcProtocol::Connect);
    let mut dialogue = impostor.handshake(OTHER_HOST).await;
    // Nothing follows the key but the end of the stream: no handshake, and so no secret.
    assert_eq!(dialogue.item().await, None);
    until_state(&client, 0, ConnectionState::ErrorAuth).await;
    assert_eq!(secret(&client), SECRET);
}

#[tokio::test]
async fn reference_host_with_another_key_then_refused() {
    for protocol in RpcProtocol::ALL {
        let other = Host::start(host(OTHER_HOST)).await;
        let client = client(unpaired_client_of(&other.url(), SECRET), protocol);
        until_state(&client, 0, ConnectionState::ErrorAuth).await;
        let said = state(&client, 0).status_message;
        assert!(said.contains("handshake.expected-host"), "{said}");
    }
}

#[tokio::test]
async fn host_breaks_a_rule_then_its_stream_is_closed_and_dialled_anew() {
    let mut host = Scripted::at("").await;
    let config = unpaired_client_of(&host.url(), "");
    let client = client(config, RpcProtocol::Connect);
    let mut session = host.session(HOST).await;
    let no_kind = syncspec::wire::v1sync::sync_stream_item::SyncActionReceiveOperations::default();
    session.send(Action::ReceiveOperations(no_kind)).await;
    while in_time(session.action()).await.is_some() {}
    let mut next = host.session(HOST).await;
    let ask = Action::OperationManifest(SyncActionOperationManifest::default());
    next.send(ask).await;
    until_state(&client, 0, ConnectionState::Connected).await;
}
