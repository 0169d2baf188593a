//! Hosts that do not answer, or not any more; and leaving.

use syncspec::{
    net::{
        RpcProtocol,
        client::{ClientApp, ClientOptions},
    },
    reference::backoff::Backoff,
    session::Deadlines,
    wire::v1sync::{ConnectionState, PeerState},
};
use tokio::net::TcpListener;

use crate::{
    SHORT_WAIT, client,
    configs::{HOST, OTHER_HOST, client_of, host, known_host, operation, with_hosts},
    hosts::Host,
    impatient, in_time, options,
    scripted::{Dialogue, Scripted},
    started, state, until, until_state,
};

/// Dials the one host, and waits until the client has given the attempt up.
async fn given_up(url: &str, protocol: RpcProtocol) -> PeerState {
    let client = started(ClientApp::new(client_of(url), impatient(protocol)));
    until(&client, |client| {
        !matches!(
            state(client, 0).state(),
            ConnectionState::Disconnected | ConnectionState::Pending
        )
    })
    .await;
    state(&client, 0)
}

#[tokio::test]
async fn server_silent_on_its_connection_then_given_up() {
    for protocol in RpcProtocol::ALL {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = given_up(&url, protocol).await;
        assert_eq!(seen.state(), ConnectionState::RetryWait);
        assert!(seen.status_message.contains("HTTP/2 settings"), "{seen:?}");
    }
}

#[tokio::test]
async fn host_silent_before_the_key_exchange_then_given_up_and_stream_closed() {
    let mut host = Scripted::at("").await;
    let seen = given_up(&host.url(), RpcProtocol::Grpc).await;
    assert_eq!(seen.state(), ConnectionState::ErrorProtocol);
    assert!(seen.status_message.contains("transport.wait-bounded"));
    let mut link = host.call().await;
    while !matches!(
        in_time(link.next()).await,
        syncspec::net::LinkEvent::Ended(_)
    ) {}
}

#[tokio::test]
async fn host_silent_after_the_key_exchange_then_given_up() {
    let mut host = Scripted::at("").await;
    let config = client_of(&host.url());
    let client = started(ClientApp::new(config, impatient(RpcProtocol::Connect)));
    let _silent = host.key_exchange(HOST).await;
    until_state(&client, 0, ConnectionState::ErrorAuth).await;
    assert!(
        state(&client, 0)
            .status_message
            .contains("handshake.wait-15s")
    );
}

#[tokio::test]
async fn nobody_listens_then_dialled_until_somebody_does() {
    for protocol in RpcProtocol::ALL {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        drop(listener);
        let client = client(client_of(&format!("http://{address}")), protocol);
        until_state(&client, 0, ConnectionState::RetryWait).await;
        let host = Host::start_at(host(HOST), &address).await;
        host.until_client(ConnectionState::Connected).await;
    }
}

#[tokio::test]
async fn host_restarts_then_client_is_back() {
    for protocol in RpcProtocol::ALL {
        let first = Host::start(host(HOST)).await;
        let address = first.address.to_string();
        let client = client(client_of(&first.url()), protocol);
        client.put_operation(operation(1, 1)).unwrap();
        first.until_operations(&[operation(1, 1)]).await;
        first.stop().await;
        let second = Host::start_at(host(HOST), &address).await;
        second.until_operations(&[operation(1, 1)]).await;
    }
}

#[tokio::test]
async fn one_host_silent_then_the_other_is_served() {
    for protocol in RpcProtocol::ALL {
        let mut silent = Scripted::at("").await;
        let good = Host::start(host(HOST)).await;
        let config = with_hosts(&client_of(&good.url()), |hosts| {
            hosts.insert(0, known_host(OTHER_HOST, &silent.url()));
        });
        let options = ClientOptions {
            deadlines: Deadlines::default(),
            backoff: Backoff::default(),
            ..options(protocol)
        };
        let client = started(ClientApp::new(config, options));
        // Its call is there, and nothing will ever come back on it.
        let _call = silent.call().await;
        client.put_operation(operation(1, 1)).unwrap();
        good.until_operations(&[operation(1, 1)]).await;
        client.delete_operation(1);
        good.until_operations(&[]).await;
        assert_eq!(state(&client, 0).state(), ConnectionState::Pending);
        assert_eq!(state(&client, 1).state(), ConnectionState::Connected);
    }
}

#[tokio::test]
async fn url_has_a_prefix_then_it_is_kept() {
    let mut host = Scripted::at("/some/prefix").await;
    let client = client(client_of(&format!("{}/", host.url())), RpcProtocol::Connect);
    host.session(HOST).await;
    until_state(&client, 0, ConnectionState::Connected).await;
}

#[tokio::test]
async fn each_dial_then_a_fresh_key() {
    let mut host = Scripted::at("").await;
    let _client = client(client_of(&host.url()), RpcProtocol::Connect);
    let mut keys = Vec::new();
    for _ in 0..3 {
        let mut dialogue = Dialogue::unanswered(host.call().await);
        keys.push(dialogue.item().await.expect("the client's key"));
        dialogue.link.reset();
    }
    assert!(keys[0] != keys[1] && keys[1] != keys[2] && keys[0] != keys[2]);
}

#[tokio::test]
async fn shut_down_then_hosts_have_what_was_owed_and_see_the_end() {
    for protocol in RpcProtocol::ALL {
        let host = Host::start(host(HOST)).await;
        let client = client(client_of(&host.url()), protocol);
        host.until_client(ConnectionState::Connected).await;
        // More than its task sends before others have their turn.
        let operations: Vec<_> = (1..=2000).map(|id| operation(id, 1)).collect();
        for operation in &operations {
            client.put_operation(operation.clone()).unwrap();
        }
        in_time(client.shutdown()).await.unwrap();
        host.until_client(ConnectionState::Disconnected).await;
        assert_eq!(host.operations(), operations);
    }
}

#[tokio::test]
async fn shut_down_while_a_host_is_silent_then_it_does_not_wait_for_it() {
    let mut silent = Scripted::at("").await;
    let client = client(client_of(&silent.url()), RpcProtocol::Connect);
    let _call = silent.call().await;
    in_time(client.shutdown()).await.unwrap();
}

#[tokio::test]
async fn last_handle_dropped_then_the_client_is_gone() {
    let host = Host::start(host(HOST)).await;
    let client = client(client_of(&host.url()), RpcProtocol::Connect);
    host.until_client(ConnectionState::Connected).await;
    drop(client);
    host.until_client(ConnectionState::Disconnected).await;
}

#[tokio::test]
async fn host_takes_nothing_then_given_up_and_the_client_leaves_in_time() {
    let mut host = Scripted::at("").await;
    let mut options = options(RpcProtocol::Connect);
    options.limits.write_wait = SHORT_WAIT;
    let client = started(ClientApp::new(client_of(&host.url()), options));
    let _stalled = host.session(HOST).await;
    let large = "x".repeat(1 << 20);
    client
        .put_operation(syncspec::wire::v1::Operation {
            display_message: large,
            ..operation(1, 1)
        })
        .unwrap();
    until_state(&client, 0, ConnectionState::RetryWait).await;
    in_time(client.shutdown()).await.unwrap();
}
