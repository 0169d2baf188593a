//! What a host starts with: its config, the last id, and what is known of its peers.

use std::collections::HashSet;

use prost::Message as _;
use rusqlite::{OptionalExtension as _, params};

use super::SqliteStore;
use crate::{
    reference::{
        config::Config,
        store::{Store as _, StoreFault},
    },
    storage::KeptConfigs,
    wire::{
        v1,
        v1sync::{PeerState, PlanMetadata, RemoteConfig, RepoMetadata},
    },
};

impl SqliteStore {
    /// Puts a config in force that was made of a config file, or made up when there was none. What is known of peers
    /// that it does not name is forgotten.
    ///
    /// # Errors
    /// [`StoreFault`]; nothing is changed then.
    pub fn import(&mut self, in_force: &Config, imported: &Config) -> Result<(), StoreFault> {
        let done = self.put_configs(in_force, imported);
        let done = done.and_then(|()| self.commit());
        if done.is_err() {
            self.roll_back();
        }
        done
    }

    fn put_configs(&mut self, in_force: &Config, imported: &Config) -> Result<(), StoreFault> {
        self.begin_flushed()?;
        self.run(
            "INSERT INTO config VALUES (1, ?1, ?2)
             ON CONFLICT DO UPDATE SET in_force = excluded.in_force, imported = excluded.imported",
            params![
                in_force.message().encode_to_vec(),
                imported.message().encode_to_vec()
            ],
        )?;
        let named: HashSet<&str> = in_force.peers().map(|peer| peer.keyid.as_str()).collect();
        for state in self.peer_states()? {
            if !named.contains(state.peer_keyid.as_str()) {
                self.run("DELETE FROM peer WHERE keyid = ?1", [state.peer_keyid])?;
            }
        }
        Ok(())
    }

    pub(super) fn configs(&self) -> Result<Option<KeptConfigs>, StoreFault> {
        let query = "SELECT in_force, imported FROM config";
        let row = self
            .connection
            .query_row(query, [], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional();
        let Some((in_force, imported)) = self.told(row)? else {
            return Ok(None);
        };
        Ok(Some(KeptConfigs {
            in_force: self.config(in_force)?,
            imported: self.config(imported)?,
        }))
    }

    fn config(&self, bytes: Vec<u8>) -> Result<Config, StoreFault> {
        let message: v1::Config = self.message(&bytes)?;
        Config::new(message).map_err(|error| self.damaged(&error))
    }

    /// Not connected, and otherwise as they were last told.
    pub(super) fn peer_states(&self) -> Result<Vec<PeerState>, StoreFault> {
        let query = "SELECT peer.keyid, last_heartbeat_ms, remote_config
                     FROM peer LEFT JOIN peer_config USING (keyid)";
        let rows: Vec<(String, i64, Option<Vec<u8>>)> =
            self.rows(query, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        rows.into_iter()
            .map(|(keyid, last_heartbeat_millis, remote_config)| {
                Ok(PeerState {
                    known_repos: self.known_repos(&keyid)?,
                    known_plans: self.known_plans(&keyid)?,
                    remote_config: remote_config
                        .map(|bytes| self.message::<RemoteConfig>(&bytes))
                        .transpose()?,
                    last_heartbeat_millis,
                    peer_keyid: keyid,
                    ..PeerState::default()
                })
            })
            .collect()
    }

    fn known_repos(&self, keyid: &str) -> Result<Vec<RepoMetadata>, StoreFault> {
        let query = "SELECT id, guid FROM peer_repo WHERE keyid = ?1 ORDER BY place";
        self.rows(query, [keyid], |row| {
            Ok(RepoMetadata {
                id: row.get(0)?,
                guid: row.get(1)?,
            })
        })
    }

    fn known_plans(&self, keyid: &str) -> Result<Vec<PlanMetadata>, StoreFault> {
        let query = "SELECT id FROM peer_plan WHERE keyid = ?1 ORDER BY place";
        self.rows(query, [keyid], |row| Ok(PlanMetadata { id: row.get(0)? }))
    }

    pub(super) fn read_last_id(&self) -> Result<i64, StoreFault> {
        let query = "SELECT last_id FROM counter";
        self.told(self.connection.query_row(query, [], |row| row.get(0)))
    }
}
