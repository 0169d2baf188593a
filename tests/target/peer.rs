//! A peer to be tested: the reference host, but for one thing. This test binary starts itself as it.

use std::{
    env, fs,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use futures_util::{StreamExt as _, future::BoxFuture, stream::BoxStream};
use syncspec::{
    net::{
        ServeLimits, SyncApp,
        host::{HostApp, HostOptions},
        serve::{self, Caller, InboundItems, OutboundItems},
    },
    reference::{config::Config, limits::Capabilities},
    wire::{
        Action,
        v1sync::{PeerState, SetRemoteClientConfigRequest},
    },
};
use tokio::net::TcpListener;
use tonic::Status;

/// Transport version that is too much for the peer.
const FATAL_VERSION: u32 = 2;

/// What it does to the peer.
#[derive(Clone, Copy)]
enum Effect {
    None,
    Crash,
    /// From then on it takes calls and says nothing.
    Hang,
}

struct Fragile {
    app: HostApp,
    effect: Effect,
    hangs: Arc<AtomicBool>,
    has_state_service: bool,
}

impl SyncApp for Fragile {
    fn sync(
        &self,
        inbound: InboundItems,
        outbound: OutboundItems,
    ) -> BoxFuture<'static, Result<(), Status>> {
        if self.hangs.load(Ordering::Relaxed) {
            return Box::pin(std::future::pending());
        }
        let (effect, hangs) = (self.effect, self.hangs.clone());
        let watched = inbound.inspect(move |item| {
            if let Ok(item) = item
                && let Some(Action::EstablishSharedSecret(key)) = &item.action
                && key.protocol_version == FATAL_VERSION
            {
                match effect {
                    Effect::None => {}
                    Effect::Crash => {
                        eprintln!("crashing as asked");
                        std::process::abort();
                    }
                    Effect::Hang => hangs.store(true, Ordering::Relaxed),
                }
            }
        });
        self.app.sync(watched.boxed(), outbound)
    }

    fn peer_states(
        &self,
        caller: Caller,
        subscribe: bool,
    ) -> BoxStream<'static, Result<PeerState, Status>> {
        if !self.has_state_service {
            let status = Status::unimplemented("no state service here");
            return futures_util::stream::once(async { Err(status) }).boxed();
        }
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

/// The same config for a host that knows nothing of pairing.
fn without_tokens(config: &str) -> String {
    let mut config: serde_json::Value = serde_json::from_str(config).unwrap();
    let sync = config["sync"].as_object_mut().unwrap();
    sync.remove("pairingTokens").unwrap();
    config.to_string()
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
    let effect = match env::var("PEER").as_deref() {
        Ok("no-start") => panic!("no way to start"),
        Ok("crash") => Effect::Crash,
        Ok("crash-second") if is_second_start() => Effect::Crash,
        Ok("hang") => Effect::Hang,
        Ok("honest" | "lacking" | "crash-second") => Effect::None,
        other => panic!("unknown peer {other:?}"),
    };
    let config = fs::read_to_string(env::var("CONFIG").unwrap()).unwrap();
    let lacks = env::var("PEER").as_deref() == Ok("lacking");
    let config = if lacks {
        without_tokens(&config)
    } else {
        config
    };
    let config = Config::from_json(&config).unwrap();
    let address = format!("127.0.0.1:{}", env::var("PORT").unwrap());
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let listener = TcpListener::bind(address).await.unwrap();
        let mut options = HostOptions::default();
        options.settings.capabilities = Capabilities {
            logs: !lacks,
            throttle: !lacks,
            pairing: !lacks,
        };
        let app = Arc::new(Fragile {
            app: HostApp::new(config, options),
            effect,
            hangs: Arc::default(),
            has_state_service: !lacks,
        });
        let limits = ServeLimits::default();
        serve::serve(listener, app, limits, std::future::pending())
            .await
            .unwrap();
    });
}
