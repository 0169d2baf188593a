//! The database file: its tables, and what is checked before one is used.

use rusqlite::Connection;

/// What marks the file as ours, in SQLite's header: `sync` in ASCII.
const APPLICATION_ID: i32 = 0x7379_6e63;
/// Version of the tables below, in SQLite's header.
const VERSION: i32 = 1;

/// The tables. Texts are TEXT in STRICT tables, so that an id such as `007` stays what it is.
const TABLES: &str = "
    -- One row. `in_force` is what `imported`, the config file as it was last read, has become by pairing;
    -- both are v1.Config in protobuf's binary form.
    CREATE TABLE config (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        in_force BLOB NOT NULL,
        imported BLOB NOT NULL
    ) STRICT;

    -- One row. The last local id of an operation or flow; none is given twice, not even after a deletion.
    CREATE TABLE counter (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        last_id INTEGER NOT NULL
    ) STRICT;

    -- Clients that have stored something, so that each operation need not repeat 51 characters.
    CREATE TABLE owner (
        number INTEGER PRIMARY KEY,
        keyid TEXT NOT NULL UNIQUE
    ) STRICT;

    -- `message` is v1.Operation as stored, in protobuf's binary form; the other columns repeat fields of it.
    CREATE TABLE operation (
        id INTEGER PRIMARY KEY,
        owner INTEGER NOT NULL REFERENCES owner,
        original_id INTEGER NOT NULL,
        modno INTEGER NOT NULL,
        original_flow_id INTEGER NOT NULL,
        flow_id INTEGER NOT NULL,
        message BLOB NOT NULL,
        UNIQUE (owner, original_id)
    ) STRICT;
    CREATE INDEX operation_modno ON operation (owner, original_id, modno);
    CREATE INDEX operation_flow ON operation (owner, original_flow_id, flow_id);

    -- What peers told of themselves. `remote_config` is v1sync.RemoteConfig in protobuf's binary form.
    CREATE TABLE peer (
        keyid TEXT PRIMARY KEY,
        last_heartbeat_ms INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE TABLE peer_config (
        keyid TEXT PRIMARY KEY REFERENCES peer ON DELETE CASCADE,
        remote_config BLOB NOT NULL
    ) STRICT;
    CREATE TABLE peer_repo (
        place INTEGER PRIMARY KEY,
        keyid TEXT NOT NULL REFERENCES peer ON DELETE CASCADE,
        id TEXT NOT NULL,
        guid TEXT NOT NULL,
        UNIQUE (keyid, id)
    ) STRICT;
    CREATE TABLE peer_plan (
        place INTEGER PRIMARY KEY,
        keyid TEXT NOT NULL REFERENCES peer ON DELETE CASCADE,
        id TEXT NOT NULL,
        UNIQUE (keyid, id)
    ) STRICT;

    CREATE TABLE log (
        owner TEXT NOT NULL,
        log_id TEXT NOT NULL,
        owner_opid INTEGER NOT NULL,
        expiration_ts_unix INTEGER NOT NULL,
        content BLOB NOT NULL,
        PRIMARY KEY (owner, log_id)
    ) STRICT;

    INSERT INTO counter VALUES (1, 0);
";

/// What a file turned out to be.
pub(super) enum Found {
    /// A sound database of ours.
    Ours,
    /// Nothing, such as what is left of a first start that was cut short.
    Nothing,
    /// Something else; says what.
    Unusable(String),
}

/// Looks at a database without changing it.
pub(super) fn inspect(connection: &Connection) -> rusqlite::Result<Found> {
    let tables: i64 =
        connection.query_one("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let application = pragma(connection, "application_id")?;
    if tables == 0 && application == 0 {
        return Ok(Found::Nothing);
    }
    if application != APPLICATION_ID {
        let seen = "a database of another application".to_owned();
        return Ok(Found::Unusable(seen));
    }
    let version = pragma(connection, "user_version")?;
    if version != VERSION {
        let seen = format!("tables of version {version}, not {VERSION}");
        return Ok(Found::Unusable(seen));
    }
    let checked: String = connection.query_one("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    match checked.as_str() {
        "ok" => Ok(Found::Ours),
        _ => Ok(Found::Unusable(checked.replace('\n', ", "))),
    }
}

/// Makes the tables in an empty database, all or none.
pub(super) fn create(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(&format!(
        "BEGIN IMMEDIATE;
         PRAGMA application_id = {APPLICATION_ID};
         PRAGMA user_version = {VERSION};
         {TABLES}
         COMMIT;"
    ))
}

fn pragma(connection: &Connection, name: &str) -> rusqlite::Result<i32> {
    connection.pragma_query_value(None, name, |row| row.get(0))
}
