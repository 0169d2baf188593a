//! The reference client on real sockets: one task for each dial, which owns its connection and its session machine, and
//! one mind behind a lock, which all of them ask.
//!
//! Hosts share the mind and nothing else. All cryptography, and all waiting for a host, happens in that host's own task;
//! a changed config is kept before any host is dialled with it, so that none can learn of one that a crash would undo.

mod config_file;
mod ending;
mod keep;
mod shared;
mod states;
mod stream;
mod supervise;

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;

pub use config_file::{ConfigFile, ConfigFileError};
pub use keep::{ConfigKeeper, KeepError};
pub use states::ClientStates;

use super::{
    dial::{Pings, STEP_WAIT},
    framing::RpcProtocol,
    link::LinkLimits,
    tls::TlsRoots,
};
use crate::{
    crypto::{identity::KeyPolicy, kem::KemId},
    reference::{
        backoff::Backoff, client::Client, config::Config, limits::Settings, logs::Log,
        own_operations::NotOwn,
    },
    session::Deadlines,
    wire::{v1, v1sync::PeerState},
};
use keep::Kept;
use shared::Shared;

/// Changes of our own that may wait to be sent to one host. One that falls further behind loses its session: the manifest
/// of the next one says all of them in a single item.
pub const CHANGES_QUEUED_MAX: usize = 65_536;
/// How long a host may take to end a stream that we are done with, and to take what was to be sent before.
pub const CLOSE_WAIT: Duration = Duration::from_secs(1);

/// What the reference client does that its config does not say.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// The mind's settings.
    pub settings: Settings,
    /// When to dial again.
    pub backoff: Backoff,
    /// What to speak.
    pub protocol: RpcProtocol,
    /// Which reading of the KEM id it follows.
    pub kem_id: KemId,
    /// How strictly hosts' keys and signatures are read.
    pub key_policy: KeyPolicy,
    /// Longest waits of a stream before a session stands.
    pub deadlines: Deadlines,
    /// How long each step of getting a connection may take.
    pub step_wait: Duration,
    /// Bounds of each stream.
    pub limits: LinkLimits,
    /// Whose certificates are trusted, for hosts at `https://`.
    pub tls_roots: TlsRoots,
    /// How a host is noticed that has vanished without a word.
    pub pings: Pings,
}

impl Default for ClientOptions {
    /// As deployed where that is known: Connect, and back-off from 60 s.
    fn default() -> Self {
        ClientOptions {
            settings: Settings::default(),
            backoff: Backoff::default(),
            protocol: RpcProtocol::Connect,
            kem_id: KemId::default(),
            key_policy: KeyPolicy::Strict,
            deadlines: Deadlines::default(),
            step_wait: STEP_WAIT,
            limits: LinkLimits::default(),
            tls_roots: TlsRoots::default(),
            pings: Pings::default(),
        }
    }
}

/// The reference client: a handle to it, which may be cloned. It dials from [`ClientApp::start`] until it is shut down, its
/// config cannot be kept, or the last handle is dropped.
#[derive(Clone)]
pub struct ClientApp {
    shared: Arc<Shared>,
    /// Dropped with the last handle, which ends the client too.
    leave: Arc<watch::Sender<bool>>,
    stopped: watch::Receiver<Option<Result<(), KeepError>>>,
}

impl ClientApp {
    /// A client whose config lives in memory. It must be made inside a tokio runtime.
    pub fn new(config: Config, options: ClientOptions) -> Self {
        let (_, kept) = watch::channel(Kept::EVERYTHING);
        ClientApp::make(config, options, kept, |_, _| {})
    }

    /// A client that hands each change of its config to `keeper`. It must be made inside a tokio runtime.
    pub fn keeping(config: Config, options: ClientOptions, keeper: impl ConfigKeeper) -> Self {
        let (keep, kept) = watch::channel(Kept::NOTHING);
        ClientApp::make(config, options, kept, |shared, configs| {
            tokio::spawn(keep::keep_configs(shared, configs, keeper, keep));
        })
    }

    fn make(
        config: Config,
        options: ClientOptions,
        kept: watch::Receiver<Kept>,
        start_keeper: impl FnOnce(std::sync::Weak<Shared>, watch::Receiver<u64>),
    ) -> Self {
        let client = Client::new(config, options.settings, options.backoff);
        let shared = Arc::new(Shared::new(client, options, kept));
        start_keeper(Arc::downgrade(&shared), shared.configs());
        let (leave, leaving) = watch::channel(false);
        let (stop, stopped) = watch::channel(None);
        tokio::spawn(supervise::supervise(shared.clone(), leaving, stop));
        ClientApp {
            shared,
            leave: Arc::new(leave),
            stopped,
        }
    }

    /// Dials all known hosts. What operations there are is to be put before: hosts delete what the first manifest omits.
    pub fn start(&self) {
        self.shared.start();
    }

    /// The config, with what hosts have made of it.
    pub fn config(&self) -> Config {
        self.shared.lock().client().config().clone()
    }

    /// Puts another config in force: every session ends, and every host is dialled anew at once.
    pub fn replace_config(&self, config: Config) {
        self.shared.replace_config(config);
    }

    /// Adds one of our own operations, or changes it; hosts that may read it are told.
    ///
    /// # Errors
    /// [`NotOwn`]; nothing is changed then.
    pub fn put_operation(&self, operation: v1::Operation) -> Result<(), NotOwn> {
        self.shared.put_operation(operation)
    }

    /// Removes one of our own operations, if it exists; hosts that might read it are told.
    pub fn delete_operation(&self, id: i64) {
        self.shared.delete_operation(id);
    }

    /// Our own operations, by id.
    pub fn operations(&self) -> Vec<v1::Operation> {
        let mind = self.shared.lock();
        mind.client().operations().iter().cloned().collect()
    }

    /// Keeps a log of one of our own operations; hosts that may read the operation may ask for it.
    pub fn put_log(&self, log_id: &str, log: Log) {
        self.shared.lock().put_log(log_id, log);
    }

    /// What is known of each known host, in the config's order.
    pub fn peer_states(&self) -> Vec<PeerState> {
        self.shared.lock().client().peer_states().snapshot()
    }

    /// A number that grows when a peer's state or the config has changed, which are then to be read again. It goes before
    /// what it announces can have any other effect.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.shared.changes()
    }

    /// Ends all sessions and waits until that is done, which takes a few times [`CLOSE_WAIT`] at most, and the config is
    /// kept.
    ///
    /// # Errors
    /// As [`ClientApp::stopped`].
    pub async fn shutdown(&self) -> Result<(), KeepError> {
        self.leave.send_replace(true);
        self.stopped().await
    }

    /// Waits until the client has stopped, for whatever reason.
    ///
    /// # Errors
    /// A config that could not be kept, which stops the client.
    pub async fn stopped(&self) -> Result<(), KeepError> {
        let mut stopped = self.stopped.clone();
        match stopped.wait_for(Option::is_some).await {
            Ok(how) => how.clone().unwrap_or(Ok(())),
            // Its task went without a word, as when the runtime is being dropped.
            Err(_) => Ok(()),
        }
    }
}
