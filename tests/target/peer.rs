//! A peer to be tested: the reference host, but for one thing. This test binary starts itself as it.

use std::{env, fs, sync::Arc};

use futures_util::{StreamExt as _, future::BoxFuture, stream::BoxStream};
use syncspec::{
    net::{
        ServeLimits, SyncApp,
        host::{HostApp, HostOptions},
        serve::{self, Caller, InboundItems, OutboundItems},
    },
    reference::config::Config,
    wire::{
        Action,
        v1sync::{PeerState, SetRemoteClientConfigRequest},
    },
};
use tokio::net::TcpListener;
use tonic::Status;

/// Transport version that the peer crashes at.
const FATAL_VERSION: u32 = 2;

struct Crashing {
    app: HostApp,
    crashes: bool,
}

impl SyncApp for Crashing {
    fn sync(
        &self,
        inbound: InboundItems,
        outbound: OutboundItems,
    ) -> BoxFuture<'static, Result<(), Status>> {
        let crashes = self.crashes;
        let watched = inbound.inspect(move |item| {
            if let Ok(item) = item
                && let Some(Action::EstablishSharedSecret(key)) = &item.action
                && key.protocol_version == FATAL_VERSION
                && crashes
            {
                eprintln!("crashing as asked");
                std::process::abort();
            }
        });
        self.app.sync(watched.boxed(), outbound)
    }

    fn peer_states(
        &self,
        caller: Caller,
        subscribe: bool,
    ) -> BoxStream<'static, Result<PeerState, Status>> {
        self.app.peer_states(caller, subscribe)
    }

    fn set_remote_client_config(
        &self,
        caller: Caller,
        request: SetRemoteClientConfigRequest,
    ) -> BoxFuture<'static, Result<(), Status>> {
        self.app.set_remote_client_config(caller, request)
    }
}

/// Whether this is the second start or a later one.
fn is_second_start() -> bool {
    let file = env::var("COUNT").unwrap();
    let seen = fs::read_to_string(&file).is_ok();
    fs::write(file, "started").unwrap();
    seen
}

#[test]
#[ignore = "it is no test, but the peer that tests start"]
fn stands() {
    let crashes = match env::var("PEER").as_deref() {
        Ok("no-start") => panic!("no way to start"),
        Ok("crash") => true,
        Ok("crash-second") => is_second_start(),
        Ok("honest") => false,
        other => panic!("unknown peer {other:?}"),
    };
    let config = fs::read_to_string(env::var("CONFIG").unwrap()).unwrap();
    let config = Config::from_json(&config).unwrap();
    let address = format!("127.0.0.1:{}", env::var("PORT").unwrap());
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let listener = TcpListener::bind(address).await.unwrap();
        let app = HostApp::new(config, HostOptions::default());
        let app = Arc::new(Crashing { app, crashes });
        let limits = ServeLimits::default();
        serve::serve(listener, app, limits, std::future::pending())
            .await
            .unwrap();
    });
}
