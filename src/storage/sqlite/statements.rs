//! Transactions, statements, and what their failures mean.

use prost::Message;
use rusqlite::OptionalExtension as _;

use super::SqliteStore;
use crate::{reference::store::StoreFault, storage::fault};

impl SqliteStore {
    fn begin(&mut self) -> Result<(), StoreFault> {
        if self.connection.is_autocommit() {
            self.execute("BEGIN IMMEDIATE")?;
        }
        Ok(())
    }

    /// Begins a transaction that is flushed to the disk. SQLite takes the wish only outside of one.
    pub(super) fn begin_flushed(&mut self) -> Result<(), StoreFault> {
        if self.connection.is_autocommit() {
            self.execute("PRAGMA synchronous = FULL")?;
            self.is_flushed = true;
        }
        self.begin()
    }

    pub(super) fn end_flushed(&mut self) -> Result<(), StoreFault> {
        if std::mem::take(&mut self.is_flushed) {
            self.execute("PRAGMA synchronous = NORMAL")?;
        }
        Ok(())
    }

    pub(super) fn execute(&self, sql: &str) -> Result<(), StoreFault> {
        self.told(self.connection.execute_batch(sql))
    }

    pub(super) fn run(
        &mut self,
        sql: &str,
        values: impl rusqlite::Params,
    ) -> Result<(), StoreFault> {
        self.begin()?;
        let run = self
            .connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute(values));
        self.told(run).map(drop)
    }

    pub(super) fn row<T>(
        &self,
        query: &str,
        values: impl rusqlite::Params,
        read: impl FnOnce(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, StoreFault> {
        let row = self
            .connection
            .prepare_cached(query)
            .and_then(|mut statement| statement.query_row(values, read).optional());
        self.told(row)
    }

    pub(super) fn rows<T>(
        &self,
        query: &str,
        values: impl rusqlite::Params,
        read: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, StoreFault> {
        let rows = self
            .connection
            .prepare_cached(query)
            .and_then(|mut statement| statement.query_map(values, read)?.collect());
        self.told(rows)
    }

    pub(super) fn told<T>(&self, result: rusqlite::Result<T>) -> Result<T, StoreFault> {
        result.map_err(|error| fault(&self.file, &error))
    }

    pub(super) fn message<M: Message + Default>(&self, bytes: &[u8]) -> Result<M, StoreFault> {
        M::decode(bytes).map_err(|error| self.damaged(&error))
    }

    pub(super) fn damaged(&self, why: &dyn std::fmt::Display) -> StoreFault {
        StoreFault::Damaged {
            file: self.file.display().to_string(),
            why: why.to_string(),
        }
    }
}
