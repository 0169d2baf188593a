//! The store over an open database.

mod start;
mod statements;

use std::{
    collections::{HashMap, HashSet},
    fs::File,
    path::PathBuf,
};

use prost::Message as _;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::{Opened, StorageLimits};
use crate::{
    reference::{
        config::Config,
        logs::Log,
        store::{PeerFact, PutError, Store, StoreFault, localised, stored_len_bytes_bound, wanted},
    },
    wire::v1,
};

/// A [`Store`] in a database file.
#[derive(Debug)]
pub struct SqliteStore {
    connection: Connection,
    file: PathBuf,
    limits: StorageLimits,
    /// What this process knows of owners; never ahead of the transaction under way.
    owners: HashMap<String, Owner>,
    last_id: i64,
    kept_last_id: i64,
    /// Whether the transaction under way is to be flushed to the disk.
    is_flushed: bool,
    /// Released when the store is dropped.
    _lock: File,
}

/// What one client has stored.
#[derive(Clone, Copy, Debug)]
struct Owner {
    number: i64,
    operations: usize,
    len_bytes: usize,
}

/// What there is of an operation that is to be replaced.
struct Held {
    id: i64,
    len_bytes: usize,
}

impl SqliteStore {
    /// Reads what the host is to start with.
    pub(super) fn load(
        connection: Connection,
        file: PathBuf,
        limits: StorageLimits,
        lock: File,
    ) -> Result<Opened, StoreFault> {
        let mut store = SqliteStore {
            connection,
            file,
            limits,
            owners: HashMap::new(),
            last_id: 0,
            kept_last_id: 0,
            is_flushed: false,
            _lock: lock,
        };
        store.kept_last_id = store.read_last_id()?;
        store.last_id = store.kept_last_id;
        Ok(Opened {
            configs: store.configs()?,
            states: store.peer_states()?,
            store,
        })
    }

    fn next_id(&mut self) -> i64 {
        self.last_id += 1;
        self.last_id
    }

    /// The owner, if it has ever stored anything.
    fn owner(&mut self, keyid: &str) -> Result<Option<Owner>, StoreFault> {
        if let Some(owner) = self.owners.get(keyid) {
            return Ok(Some(*owner));
        }
        let query = "SELECT number, count(operation.id), total(length(message))
                     FROM owner LEFT JOIN operation ON operation.owner = number
                     WHERE keyid = ?1 GROUP BY number";
        let found = self
            .connection
            .query_row(query, [keyid], |row| {
                Ok(Owner {
                    number: row.get(0)?,
                    operations: row.get(1)?,
                    // `total` is a float, exact far beyond any length of a file.
                    len_bytes: row.get::<_, f64>(2)? as usize,
                })
            })
            .optional();
        let found = self.told(found)?;
        if let Some(owner) = found {
            self.owners.insert(keyid.to_owned(), owner);
        }
        Ok(found)
    }

    fn owner_or_new(&mut self, keyid: &str) -> Result<Owner, StoreFault> {
        if let Some(owner) = self.owner(keyid)? {
            return Ok(owner);
        }
        self.run("INSERT INTO owner (keyid) VALUES (?1)", [keyid])?;
        let owner = Owner {
            number: self.connection.last_insert_rowid(),
            operations: 0,
            len_bytes: 0,
        };
        self.owners.insert(keyid.to_owned(), owner);
        Ok(owner)
    }

    fn held(&self, owner: i64, original_id: i64) -> Result<Option<Held>, StoreFault> {
        let query = "SELECT id, length(message) FROM operation
                     WHERE owner = ?1 AND original_id = ?2";
        self.row(query, [owner, original_id], |row| {
            Ok(Held {
                id: row.get(0)?,
                len_bytes: row.get(1)?,
            })
        })
    }

    /// The local flow that other operations of the same sent flow are in.
    fn flow(&self, owner: i64, original_flow_id: i64) -> Result<Option<i64>, StoreFault> {
        let query = "SELECT flow_id FROM operation
                     WHERE owner = ?1 AND original_flow_id = ?2 LIMIT 1";
        self.row(query, [owner, original_flow_id], |row| row.get(0))
    }

    fn remove(&mut self, keyid: &str, original_id: i64) -> Result<bool, StoreFault> {
        let Some(owner) = self.owner(keyid)? else {
            return Ok(false);
        };
        let Some(held) = self.held(owner.number, original_id)? else {
            return Ok(false);
        };
        self.run("DELETE FROM operation WHERE id = ?1", [held.id])?;
        if let Some(owner) = self.owners.get_mut(keyid) {
            owner.operations -= 1;
            owner.len_bytes -= held.len_bytes;
        }
        Ok(true)
    }
}

impl Store for SqliteStore {
    fn keep_config(&mut self, config: &Config) -> Result<(), StoreFault> {
        self.begin_flushed()?;
        self.run(
            "UPDATE config SET in_force = ?1",
            [config.message().encode_to_vec()],
        )
    }

    fn upsert(&mut self, keyid: &str, sent: v1::Operation) -> Result<(), PutError> {
        let owner = self.owner_or_new(keyid)?;
        let held = self.held(owner.number, sent.id)?;
        let (mut operations, mut len_bytes) = (owner.operations, owner.len_bytes);
        if let Some(held) = &held {
            operations -= 1;
            len_bytes -= held.len_bytes;
        }
        let bound = len_bytes + stored_len_bytes_bound(keyid, &sent);
        let room = self.limits.share.check(operations + 1, bound);
        room.map_err(PutError::Full)?;

        let flow_id = match self.flow(owner.number, sent.flow_id)? {
            Some(flow_id) => flow_id,
            None => self.next_id(),
        };
        let id = match &held {
            Some(held) => held.id,
            None => self.next_id(),
        };
        let modno = match sent.modno {
            0 => self.next_id(),
            modno => modno,
        };
        let stored = localised(keyid, sent, id, flow_id, modno);
        let message = stored.encode_to_vec();
        let grown = Owner {
            operations: operations + 1,
            len_bytes: len_bytes + message.len(),
            ..owner
        };
        self.run(
            "INSERT INTO operation
                 (id, owner, original_id, modno, original_flow_id, flow_id, message)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT (id) DO UPDATE SET
                 modno = excluded.modno, original_flow_id = excluded.original_flow_id,
                 flow_id = excluded.flow_id, message = excluded.message",
            params![
                id,
                owner.number,
                stored.original_id,
                modno,
                stored.original_flow_id,
                flow_id,
                message
            ],
        )?;
        self.owners.insert(keyid.to_owned(), grown);
        Ok(())
    }

    fn operations(&self, owner: &str) -> Result<Vec<v1::Operation>, StoreFault> {
        let query = "SELECT message FROM operation JOIN owner ON owner.number = operation.owner
                     WHERE keyid = ?1 ORDER BY original_id";
        let rows: Vec<Vec<u8>> = self.rows(query, [owner], |row| row.get(0))?;
        rows.iter().map(|bytes| self.message(bytes)).collect()
    }

    fn delete(&mut self, owner: &str, original_id: i64) -> Result<bool, StoreFault> {
        self.remove(owner, original_id)
    }

    fn reconcile(&mut self, keyid: &str, listed: &[(i64, i64)]) -> Result<Vec<i64>, StoreFault> {
        let Some(owner) = self.owner(keyid)? else {
            return Ok(wanted(listed, |_| None));
        };
        // One pass over an index in place of a look-up for each of a million ids.
        let query = "SELECT original_id, modno FROM operation WHERE owner = ?1";
        let pairs = self.rows(query, [owner.number], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let held: HashMap<i64, i64> = pairs.into_iter().collect();
        let ids: HashSet<i64> = listed.iter().map(|&(id, _)| id).collect();
        for id in held.keys().filter(|id| !ids.contains(id)) {
            self.remove(keyid, *id)?;
        }
        Ok(wanted(listed, |id| held.get(&id).copied()))
    }

    fn keep_fact(&mut self, keyid: &str, fact: PeerFact<'_>) -> Result<(), StoreFault> {
        match fact {
            PeerFact::SessionBegan => {
                self.run("INSERT OR IGNORE INTO peer (keyid) VALUES (?1)", [keyid])?;
                self.run("DELETE FROM peer_repo WHERE keyid = ?1", [keyid])?;
                self.run("DELETE FROM peer_plan WHERE keyid = ?1", [keyid])
            }
            PeerFact::Heartbeat(unix_ms) => self.run(
                "UPDATE peer SET last_heartbeat_ms = ?2 WHERE keyid = ?1",
                params![keyid, unix_ms],
            ),
            PeerFact::RemoteConfig(None) => {
                self.run("DELETE FROM peer_config WHERE keyid = ?1", [keyid])
            }
            PeerFact::RemoteConfig(Some(config)) => self.run(
                "INSERT INTO peer_config VALUES (?1, ?2)
                 ON CONFLICT DO UPDATE SET remote_config = excluded.remote_config",
                params![keyid, config.encode_to_vec()],
            ),
            PeerFact::Resources(resources) => {
                for repo in &resources.repos {
                    self.run(
                        "INSERT INTO peer_repo (keyid, id, guid) VALUES (?1, ?2, ?3)
                         ON CONFLICT DO UPDATE SET guid = excluded.guid",
                        [keyid, &repo.id, &repo.guid],
                    )?;
                }
                for plan in &resources.plans {
                    self.run(
                        "INSERT OR IGNORE INTO peer_plan (keyid, id) VALUES (?1, ?2)",
                        [keyid, &plan.id],
                    )?;
                }
                Ok(())
            }
        }
    }

    fn keep_log(&mut self, owner: &str, log_id: &str, log: &Log) -> Result<(), StoreFault> {
        self.run(
            "INSERT OR REPLACE INTO log VALUES (?1, ?2, ?3, ?4, ?5)",
            params![
                owner,
                log_id,
                log.owner_opid,
                log.expiration_ts_unix,
                log.content
            ],
        )
    }

    fn log(&self, owner: &str, log_id: &str) -> Result<Option<Log>, StoreFault> {
        let query = "SELECT owner_opid, expiration_ts_unix, content FROM log
                     WHERE owner = ?1 AND log_id = ?2";
        self.row(query, [owner, log_id], |row| {
            Ok(Log {
                owner_opid: row.get(0)?,
                expiration_ts_unix: row.get(1)?,
                content: row.get(2)?,
            })
        })
    }

    fn commit(&mut self) -> Result<(), StoreFault> {
        if !self.connection.is_autocommit() {
            if self.last_id != self.kept_last_id {
                self.run("UPDATE counter SET last_id = ?1", [self.last_id])?;
            }
            self.execute("COMMIT")?;
            self.kept_last_id = self.last_id;
        }
        self.end_flushed()
    }

    fn roll_back(&mut self) {
        if !self.connection.is_autocommit() {
            // It fails only where SQLite has rolled back by itself.
            let _ = self.execute("ROLLBACK");
        }
        let _ = self.end_flushed();
        self.owners.clear();
        self.last_id = self.kept_last_id;
    }
}
