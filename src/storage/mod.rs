//! What a standing host keeps on disk: one SQLite database in a folder of its own.
//!
//! Every accepted item is one transaction, committed before anything is sent because of it.
//! - The death of the process, at any moment, loses no commit.
//! - The death of the machine may lose the last commits, save those that change the config: a pairing is flushed to the
//!   disk before the client hears of it, because the client forgets its secret then. Operations need no such care, since
//!   the client's next manifest has the host ask again for what it lost; nor do peer states, which a session tells anew.
//! - A full disk fails the item that did not fit, and no other. A damaged file is refused before anything is written.

mod schema;
mod sqlite;

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, OpenFlags};

use crate::reference::{
    config::Config,
    store::{Share, StoreFault},
};
use crate::wire::v1sync::PeerState;
use schema::Found;
pub use sqlite::SqliteStore;

/// The database's name in the folder.
pub const DATABASE_NAME: &str = "syncspec.db";
/// The name of the file that whoever uses the folder holds locked.
pub const LOCK_NAME: &str = "lock";
/// How long a reader from outside, such as a backup, may hold a commit up.
const BUSY_WAIT: Duration = Duration::from_secs(5);
/// Bytes of the write-ahead log beyond which it is given back once it has been copied.
const WAL_LEN_BYTES_MAX: u32 = 64 << 20;
/// Statements kept ready; there are fewer.
const STATEMENTS_KEPT: usize = 32;

/// How much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StorageLimits {
    /// What each client may have stored.
    pub share: Share,
    /// Length of the database in bytes, in whole pages; `None` for as long as the disk has room.
    pub len_bytes_max: Option<u64>,
}

/// An opened folder.
#[derive(Debug)]
pub struct Opened {
    /// To be given to the host.
    pub store: SqliteStore,
    /// The configs kept; `None` in a new folder, where [`SqliteStore::import`] is called first.
    pub configs: Option<KeptConfigs>,
    /// What is known of peers.
    pub states: Vec<PeerState>,
}

/// The configs of a folder.
#[derive(Clone, Debug, PartialEq)]
pub struct KeptConfigs {
    /// What the host goes by.
    pub in_force: Config,
    /// The file it was made of, as it was last read.
    pub imported: Config,
}

/// Opens a folder, which is made if it does not exist. Nobody else can as long as the store lasts.
///
/// # Errors
/// [`StoreFault`], after which the database is as it was before.
pub fn open(folder: &Path, limits: StorageLimits) -> Result<Opened, StoreFault> {
    make_folder(folder).map_err(|error| failed(folder, &error))?;
    let lock = lock(folder)?;
    let file = folder.join(DATABASE_NAME);
    let is_new = match file.exists() {
        true => is_nothing(&file)?,
        false => true,
    };
    let connection = connect(&file, limits, is_new).map_err(|error| fault(&file, &error))?;
    SqliteStore::load(connection, file, limits, lock)
}

/// Keys and secrets are in there: it is nobody's business but its owner's.
fn make_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn lock(folder: &Path) -> Result<File, StoreFault> {
    let path = folder.join(LOCK_NAME);
    let opened = OpenOptions::new()
        .create(true)
        .append(true)
        .open(&path)
        .map_err(|error| failed(&path, &error))?;
    match opened.try_lock() {
        Ok(()) => Ok(opened),
        Err(TryLockError::WouldBlock) => Err(failed(folder, &"another process uses this folder")),
        Err(TryLockError::Error(error)) => Err(failed(&path, &error)),
    }
}

/// Looks at a database through a connection that cannot write.
fn is_nothing(file: &Path) -> Result<bool, StoreFault> {
    let read_only = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let found = Connection::open_with_flags(file, read_only)
        .and_then(|connection| schema::inspect(&connection))
        .map_err(|error| fault(file, &error))?;
    match found {
        Found::Ours => Ok(false),
        Found::Nothing => Ok(true),
        Found::Unusable(why) => Err(StoreFault::Damaged {
            file: file.display().to_string(),
            why,
        }),
    }
}

fn connect(file: &Path, limits: StorageLimits, is_new: bool) -> rusqlite::Result<Connection> {
    let connection = Connection::open(file)?;
    #[cfg(unix)]
    if is_new {
        use std::os::unix::fs::PermissionsExt as _;
        // The folder may have been there before, open to others.
        let _ = fs::set_permissions(file, fs::Permissions::from_mode(0o600));
    }
    connection.busy_timeout(BUSY_WAIT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    connection.execute_batch(&format!(
        "PRAGMA journal_mode = WAL;
         PRAGMA synchronous = NORMAL;
         PRAGMA journal_size_limit = {WAL_LEN_BYTES_MAX};
         PRAGMA foreign_keys = ON;"
    ))?;
    if let Some(len_bytes_max) = limits.len_bytes_max {
        let page_len: u32 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
        let pages = len_bytes_max / u64::from(page_len);
        // SQLite takes no number below the pages there are: what is there stays.
        connection.execute_batch(&format!("PRAGMA max_page_count = {};", pages.max(1)))?;
    }
    if is_new {
        schema::create(&connection)?;
    }
    Ok(connection)
}

fn failed(file: &Path, why: &dyn std::fmt::Display) -> StoreFault {
    StoreFault::Failed {
        file: file.display().to_string(),
        why: why.to_string(),
    }
}

fn fault(file: &Path, error: &rusqlite::Error) -> StoreFault {
    use rusqlite::ErrorCode;
    let name = file.display().to_string();
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => StoreFault::Full {
            file: name,
            why: "the disk, or what the host may use of it, is full; free some, nothing accepted so far is lost"
                .to_owned(),
        },
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StoreFault::Damaged {
            file: name,
            why: error.to_string(),
        },
        _ => failed(&PathBuf::from(name), error),
    }
}

#[cfg(test)]
mod tests;
