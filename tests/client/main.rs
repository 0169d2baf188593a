//! The reference client over real loopback sockets: with the reference host, and with scripted ones that do worse.

#![cfg(feature = "net")]
#![allow(clippy::panic, reason = "a test says what it relies on by failing")]
#![allow(
    clippy::unwrap_used,
    reason = "a test says what it relies on by failing"
)]

mod configs;
mod faults;
mod hosts;
mod keeping;
mod operations;
mod pairing;
mod process;
mod scripted;

use std::time::Duration;

use syncspec::{
    net::{
        RpcProtocol,
        client::{ClientApp, ClientOptions},
    },
    reference::{backoff::Backoff, config::Config, limits::Settings},
    session::Deadlines,
    wire::v1sync::{ConnectionState, PeerState},
};

/// No test waits longer than that for anything.
const TEST_WAIT: Duration = Duration::from_secs(20);
/// Deadlines that a test waits for.
const SHORT_WAIT: Duration = Duration::from_millis(200);
/// Both sides beat so often that whoever waits for a state is soon told to look again.
const HEARTBEAT_INTERVAL: Duration = Duration::from_millis(20);

async fn in_time<T>(wait: impl Future<Output = T>) -> T {
    tokio::time::timeout(TEST_WAIT, wait)
        .await
        .expect("something within the wait of a test")
}

fn settings() -> Settings {
    Settings {
        heartbeat_interval: HEARTBEAT_INTERVAL,
        ..Settings::default()
    }
}

fn options(protocol: RpcProtocol) -> ClientOptions {
    ClientOptions {
        settings: settings(),
        backoff: Backoff {
            first: Duration::from_millis(20),
            factor_max: 4,
            shortest: Duration::from_millis(10),
        },
        protocol,
        ..ClientOptions::default()
    }
}

/// Short waits for what never comes, and no second attempt while a test looks.
fn impatient(protocol: RpcProtocol) -> ClientOptions {
    ClientOptions {
        backoff: Backoff::default(),
        deadlines: Deadlines {
            key_exchange: SHORT_WAIT,
            handshake: SHORT_WAIT,
        },
        step_wait: SHORT_WAIT,
        ..options(protocol)
    }
}

fn client(config: Config, protocol: RpcProtocol) -> ClientApp {
    started(ClientApp::new(config, options(protocol)))
}

fn started(client: ClientApp) -> ClientApp {
    client.start();
    client
}

/// Waits until the client is as wished, looking again at each change.
async fn until(client: &ClientApp, is_so: impl Fn(&ClientApp) -> bool) {
    let mut changes = client.changes();
    let wait = async {
        while !is_so(client) {
            changes.changed().await.expect("the client lives");
        }
    };
    if tokio::time::timeout(TEST_WAIT, wait).await.is_err() {
        panic!("expected another state, saw {:#?}", client.peer_states());
    }
}

/// The state of the only host, or of one of several by its place in the config.
fn state(client: &ClientApp, host: usize) -> PeerState {
    client.peer_states().swap_remove(host)
}

async fn until_state(client: &ClientApp, host: usize, wanted: ConnectionState) {
    until(client, |client| state(client, host).state() == wanted).await;
}
