//! Keeping the config: each version that the mind makes is handed on before a host is dialled with it.

use std::{fmt, sync::Weak};

use tokio::{sync::watch, task::spawn_blocking};

use super::shared::Shared;
use crate::reference::config::Config;

/// Where a changed config is kept.
pub trait ConfigKeeper: Send + Sync + 'static {
    /// Keeps a config, so that it outlives the process from the moment this returns. May block.
    ///
    /// # Errors
    /// [`KeepError`]; what was kept before is still there then. The client stops: going on, it would tell hosts of a
    /// config that the next start does not know.
    fn keep(&self, config: &Config) -> Result<(), KeepError>;
}

/// A config could not be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeepError {
    what: String,
}

impl KeepError {
    /// What failed where, as a fragment that follows "failed to".
    pub fn new(what: impl Into<String>) -> Self {
        KeepError { what: what.into() }
    }
}

impl fmt::Display for KeepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for KeepError {}

/// How far keeping has come.
#[derive(Clone, Debug)]
pub(super) enum Kept {
    /// This version of the config, and so all before it.
    UpTo(u64),
    /// Nothing is kept any more.
    Failed(KeepError),
}

impl Kept {
    /// No change has been kept yet.
    pub const NOTHING: Kept = Kept::UpTo(0);
    /// There is nothing to wait for.
    pub const EVERYTHING: Kept = Kept::UpTo(u64::MAX);
}

/// Waits until that version is kept.
pub(super) async fn until_kept(
    kept: &mut watch::Receiver<Kept>,
    version: u64,
) -> Result<(), KeepError> {
    let reached = |kept: &Kept| match kept {
        Kept::UpTo(known) => *known >= version,
        Kept::Failed(_) => true,
    };
    match kept.wait_for(reached).await.as_deref() {
        Ok(Kept::Failed(error)) => Err(error.clone()),
        Ok(Kept::UpTo(_)) => Ok(()),
        Err(_) => Err(stopped()),
    }
}

/// Resolves once keeping has failed.
pub(super) async fn failure(kept: &mut watch::Receiver<Kept>) -> KeepError {
    // No version ever has this number, so what ends the wait is a failure, or that there is nothing to keep.
    match until_kept(kept, u64::MAX).await {
        Err(error) => error,
        Ok(()) => std::future::pending().await,
    }
}

/// Keeps the newest config whenever there is a new one, until the client is gone or keeping fails.
pub(super) async fn keep_configs(
    shared: Weak<Shared>,
    mut configs: watch::Receiver<u64>,
    keeper: impl ConfigKeeper,
    kept: watch::Sender<Kept>,
) {
    let keeper = std::sync::Arc::new(keeper);
    while configs.changed().await.is_ok() {
        let Some((version, config)) = shared.upgrade().map(|shared| shared.newest_config()) else {
            return;
        };
        let keeping = keeper.clone();
        // A panic of the keeper's is a failure to keep, like any other.
        let done = spawn_blocking(move || keeping.keep(&config))
            .await
            .unwrap_or_else(|_| Err(stopped()));
        match done {
            Ok(()) => kept.send_replace(Kept::UpTo(version)),
            Err(error) => {
                kept.send_replace(Kept::Failed(error));
                return;
            }
        };
    }
}

fn stopped() -> KeepError {
    KeepError::new("keep the config: its keeper has stopped")
}
