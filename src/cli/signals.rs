//! What the system asks of a process that runs until it is told to leave.

use std::io;

use super::exit;

/// What was asked.
pub enum Signal {
    /// End what is under way, and leave: Ctrl-C or SIGTERM.
    Leave,
    /// Read again what may have changed: SIGHUP.
    #[cfg_attr(not(unix), allow(dead_code, reason = "only Unix has such a signal"))]
    Reload,
}

/// The signals of this process; none of them ends it any more.
pub struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    hang_up: tokio::signal::unix::Signal,
}

impl Signals {
    /// Listens from now on.
    ///
    /// # Errors
    /// The exit code, where the system does not let us; why is told.
    pub fn new() -> Result<Signals, u8> {
        Self::listen().map_err(|error| {
            eprintln!("error: failed to listen for signals: {error}");
            exit::SUITE
        })
    }

    fn listen() -> io::Result<Signals> {
        #[cfg(unix)]
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Signals {
            #[cfg(unix)]
            terminate: signal(SignalKind::terminate())?,
            #[cfg(unix)]
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// The next one. Cancel-safe.
    #[cfg(unix)]
    pub async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => Signal::Leave,
            _ = self.terminate.recv() => Signal::Leave,
            _ = self.hang_up.recv() => Signal::Reload,
        }
    }

    /// The next one. Cancel-safe.
    #[cfg(not(unix))]
    pub async fn next(&mut self) -> Signal {
        // Where it cannot be listened for, only the system ends us.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        Signal::Leave
    }
}
