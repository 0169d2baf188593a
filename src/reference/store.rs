//! What a host keeps beyond one session: its config, its clients' operations and logs, and what they told of themselves.
//!
//! Whatever one accepted item changes is kept whole or not at all: changes count from [`Store::commit`] on, and the host
//! answers an item only after that.

use std::{error::Error, fmt};

use super::{config::Config, logs::Log};
use crate::wire::{
    v1,
    v1sync::{RemoteConfig, sync_stream_item::SyncActionReceiveResources},
};

/// Where a host keeps what it knows. An owner is a client's key id; within one owner an operation is found by its
/// original id, which is the id that the client sent.
///
/// Every method that changes something may fail with a [`StoreFault`], after which only [`Store::roll_back`] is called.
pub trait Store {
    /// Keeps the config in place of the one before. It is the first change of its transaction: a store may keep such a
    /// transaction more safely than others, because nobody would send a lost pairing again.
    fn keep_config(&mut self, config: &Config) -> Result<(), StoreFault>;

    /// Stores an operation, or replaces the one with its id. `sent` carries the client's ids; what is stored has local
    /// ids, the client's as original ids, and the owner's key id, whatever `sent` says of those. Operations of one sent
    /// flow share one local flow. A modno of 0 is replaced.
    ///
    /// # Errors
    /// [`PutError::Full`] changes nothing and leaves earlier changes of the transaction standing.
    fn upsert(&mut self, owner: &str, sent: v1::Operation) -> Result<(), PutError>;

    /// All operations of an owner as stored, by original id.
    fn operations(&self, owner: &str) -> Result<Vec<v1::Operation>, StoreFault>;

    /// Removes an operation; says whether there was one.
    fn delete(&mut self, owner: &str, original_id: i64) -> Result<bool, StoreFault>;

    /// Removes every operation of this owner that is not listed. Returns the listed ids that are new or stand at another
    /// modno, in the order of the list and as often as they are in it.
    fn reconcile(&mut self, owner: &str, listed: &[(i64, i64)]) -> Result<Vec<i64>, StoreFault>;

    /// Keeps what a peer told of itself.
    fn keep_fact(&mut self, keyid: &str, fact: PeerFact<'_>) -> Result<(), StoreFault>;

    /// Keeps a log, in place of the owner's log with the same id.
    fn keep_log(&mut self, owner: &str, log_id: &str, log: &Log) -> Result<(), StoreFault>;

    /// A log as it was kept.
    fn log(&self, owner: &str, log_id: &str) -> Result<Option<Log>, StoreFault>;

    /// Makes all changes since the last commit last.
    fn commit(&mut self) -> Result<(), StoreFault>;

    /// Takes all changes since the last commit back.
    fn roll_back(&mut self);
}

/// One thing that a peer told of itself, and that outlives its session.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum PeerFact<'a> {
    /// A new session serves: the known lists start empty.
    SessionBegan,
    /// It was alive then, in milliseconds since the epoch.
    Heartbeat(i64),
    /// The config it shows us, if any.
    RemoteConfig(Option<&'a RemoteConfig>),
    /// What is added to its known lists, by id.
    Resources(&'a SyncActionReceiveResources),
}

/// The store failed; nothing that was committed before is lost.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreFault {
    /// There is no room for more.
    Full {
        /// The file.
        file: String,
        /// What is used up, and what to do.
        why: String,
    },
    /// What is there cannot be read back.
    Damaged {
        /// The file.
        file: String,
        /// What is wrong with it.
        why: String,
    },
    /// Any other failure.
    Failed {
        /// The file.
        file: String,
        /// What the system said.
        why: String,
    },
}

impl fmt::Display for StoreFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreFault::Full { file, why } => write!(f, "write {file}: {why}"),
            StoreFault::Damaged { file, why } => write!(
                f,
                "read {file}: expected a sound database, saw {why}; restore it from a backup, or move it away to start \
                 anew"
            ),
            StoreFault::Failed { file, why } => write!(f, "use {file}: {why}"),
        }
    }
}

impl Error for StoreFault {}

/// An operation was not stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PutError {
    /// The owner's share is used up.
    Full(ShareFull),
    /// The store failed.
    Fault(StoreFault),
}

impl From<StoreFault> for PutError {
    fn from(fault: StoreFault) -> Self {
        PutError::Fault(fault)
    }
}

/// How much one owner may have stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// Operations.
    pub operations_max: usize,
    /// Bytes of operations.
    pub len_bytes_max: usize,
}

impl Share {
    /// Checks what one owner would have.
    ///
    /// # Errors
    /// [`ShareFull`], for the count before the size.
    pub fn check(&self, operations: usize, len_bytes: usize) -> Result<(), ShareFull> {
        if operations > self.operations_max {
            let limit = self.operations_max;
            return Err(ShareFull::Count { limit });
        }
        if len_bytes > self.len_bytes_max {
            let limit_bytes = self.len_bytes_max;
            return Err(ShareFull::Size { limit_bytes });
        }
        Ok(())
    }
}

/// An owner's share of the store is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ShareFull {
    /// Too many operations.
    Count {
        /// As many may be held.
        limit: usize,
    },
    /// Too large in all.
    Size {
        /// As many bytes may be held.
        limit_bytes: usize,
    },
}

impl fmt::Display for ShareFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ShareFull::Count { limit } => {
                write!(
                    f,
                    "expected at most {limit} operations of one client, saw more"
                )
            }
            ShareFull::Size { limit_bytes } => write!(
                f,
                "expected at most {limit_bytes} bytes of operations of one client, saw more"
            ),
        }
    }
}

impl Error for ShareFull {}

impl<S: Store + ?Sized> Store for Box<S> {
    fn keep_config(&mut self, config: &Config) -> Result<(), StoreFault> {
        (**self).keep_config(config)
    }

    fn upsert(&mut self, owner: &str, sent: v1::Operation) -> Result<(), PutError> {
        (**self).upsert(owner, sent)
    }

    fn operations(&self, owner: &str) -> Result<Vec<v1::Operation>, StoreFault> {
        (**self).operations(owner)
    }

    fn delete(&mut self, owner: &str, original_id: i64) -> Result<bool, StoreFault> {
        (**self).delete(owner, original_id)
    }

    fn reconcile(&mut self, owner: &str, listed: &[(i64, i64)]) -> Result<Vec<i64>, StoreFault> {
        (**self).reconcile(owner, listed)
    }

    fn keep_fact(&mut self, keyid: &str, fact: PeerFact<'_>) -> Result<(), StoreFault> {
        (**self).keep_fact(keyid, fact)
    }

    fn keep_log(&mut self, owner: &str, log_id: &str, log: &Log) -> Result<(), StoreFault> {
        (**self).keep_log(owner, log_id, log)
    }

    fn log(&self, owner: &str, log_id: &str) -> Result<Option<Log>, StoreFault> {
        (**self).log(owner, log_id)
    }

    fn commit(&mut self) -> Result<(), StoreFault> {
        (**self).commit()
    }

    fn roll_back(&mut self) {
        (**self).roll_back();
    }
}

/// The listed ids that are new or stand at another modno, as [`Store::reconcile`] returns them.
pub(crate) fn wanted(listed: &[(i64, i64)], held: impl Fn(i64) -> Option<i64>) -> Vec<i64> {
    let differing = listed
        .iter()
        .filter(|&&(id, modno)| held(id) != Some(modno));
    differing.map(|&(id, _)| id).collect()
}

/// The longest that a sent operation can be once stored: its ids become five varint fields of at most 12 bytes each.
pub(crate) fn stored_len_bytes_bound(owner: &str, sent: &v1::Operation) -> usize {
    use prost::Message as _;
    const IDS_LEN_BYTES_MAX: usize = 5 * 12;
    const OWNER_OVERHEAD_LEN_BYTES_MAX: usize = 12;
    sent.encoded_len() + owner.len() + OWNER_OVERHEAD_LEN_BYTES_MAX + IDS_LEN_BYTES_MAX
}

/// What is stored of a sent operation: local ids, the client's as original ids, the owner's key id.
pub(crate) fn localised(
    owner: &str,
    sent: v1::Operation,
    id: i64,
    flow_id: i64,
    modno: i64,
) -> v1::Operation {
    v1::Operation {
        id,
        original_id: sent.id,
        flow_id,
        original_flow_id: sent.flow_id,
        original_instance_keyid: owner.to_owned(),
        modno,
        ..sent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn share_used_up_then_refused_and_not_before() {
        let share = Share {
            operations_max: 2,
            len_bytes_max: 10,
        };
        for (operations, len_bytes, expected) in [
            (2, 10, Ok(())),
            (3, 0, Err(ShareFull::Count { limit: 2 })),
            (3, 11, Err(ShareFull::Count { limit: 2 })),
            (0, 11, Err(ShareFull::Size { limit_bytes: 10 })),
        ] {
            assert_eq!(share.check(operations, len_bytes), expected);
        }
    }

    #[test]
    fn bound_of_what_is_stored_then_no_less_and_hardly_more_than_the_longest() {
        use prost::Message as _;
        for (owner, message) in [("", ""), ("alice", "text"), ("a".repeat(300).as_str(), "")] {
            let sent = v1::Operation {
                display_message: message.to_owned(),
                ..v1::Operation::default()
            };
            let bound = stored_len_bytes_bound(owner, &sent);
            // Negative numbers are the longest, ten bytes each.
            let longest = v1::Operation {
                original_id: -1,
                original_flow_id: -1,
                ..localised(owner, sent, -1, -1, -1)
            };
            let stored_len_bytes = longest.encoded_len();
            assert!(
                (stored_len_bytes..=stored_len_bytes + 20).contains(&bound),
                "{bound} for {stored_len_bytes}"
            );
        }
    }
}
