//! What commands that wait for peers run on.

use tokio::runtime::{Builder, Runtime};

use super::exit;

/// A runtime with as many threads as there are processors.
///
/// # Errors
/// The exit code, where the system grants none; why is told.
pub fn runtime() -> Result<Runtime, u8> {
    let built = Builder::new_multi_thread().enable_all().build();
    built.map_err(|error| {
        eprintln!("error: failed to start: {error}");
        exit::SUITE
    })
}
