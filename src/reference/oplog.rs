//! The operations that a host has received, by the client that owns them.

use std::{
    collections::{BTreeMap, HashMap, HashSet, hash_map::Entry},
    error::Error,
    fmt,
};

use prost::Message as _;

use crate::wire::v1;

/// Where a host keeps the operations of its clients. A real host would put a database behind it.
///
/// An owner is a client's key id. Within one owner an operation is found by its original id, which is the id that the
/// client sent.
pub trait OperationLog {
    /// Stores an operation, or replaces the one with its id. `sent` carries the client's ids; what is stored has local
    /// ids, the client's as original ids, and the owner's key id, whatever `sent` says of those. Operations of one sent
    /// flow share one local flow. A modno of 0 is replaced.
    ///
    /// # Errors
    /// [`LogFull`]; nothing is changed then.
    fn upsert(&mut self, owner: &str, sent: v1::Operation) -> Result<(), LogFull>;

    /// Removes an operation; says whether there was one.
    fn delete(&mut self, owner: &str, original_id: i64) -> bool;

    /// Removes every operation of this owner whose original id is not listed; says how many.
    fn delete_absent(&mut self, owner: &str, listed: &HashSet<i64>) -> usize;

    /// The stored modno.
    fn modno(&self, owner: &str, original_id: i64) -> Option<i64>;

    /// An operation as stored.
    fn get(&self, owner: &str, original_id: i64) -> Option<&v1::Operation>;

    /// All operations of an owner, by original id.
    fn operations<'a>(&'a self, owner: &str) -> Box<dyn Iterator<Item = &'a v1::Operation> + 'a>;
}

/// An owner's share of the log is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LogFull {
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

impl fmt::Display for LogFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LogFull::Count { limit } => {
                write!(
                    f,
                    "expected at most {limit} operations of one client, saw more"
                )
            }
            LogFull::Size { limit_bytes } => write!(
                f,
                "expected at most {limit_bytes} bytes of operations of one client, saw more"
            ),
        }
    }
}

impl Error for LogFull {}

/// An [`OperationLog`] in memory. Ids count up from 1 over all owners, so the same inputs give the same log.
#[derive(Clone, Debug)]
pub struct MemoryLog {
    owners: HashMap<String, Owned>,
    last_id: i64,
    operations_max: usize,
    len_bytes_max: usize,
}

#[derive(Clone, Debug, Default)]
struct Owned {
    /// By original id.
    operations: BTreeMap<i64, v1::Operation>,
    /// By original flow id.
    flows: HashMap<i64, Flow>,
    len_bytes: usize,
}

#[derive(Clone, Copy, Debug)]
struct Flow {
    local_id: i64,
    /// Operations in it; a flow is forgotten with the last.
    operations: usize,
}

impl MemoryLog {
    /// An empty log that holds so many operations, and bytes of operations, of each owner.
    pub fn new(operations_max: usize, len_bytes_max: usize) -> Self {
        MemoryLog {
            owners: HashMap::new(),
            last_id: 0,
            operations_max,
            len_bytes_max,
        }
    }

    fn check_room(&self, owner: &str, sent: &v1::Operation) -> Result<(), LogFull> {
        let (mut count, mut len_bytes) = (1, stored_len_bytes_bound(owner, sent));
        if let Some(owned) = self.owners.get(owner) {
            let replaced = owned.operations.get(&sent.id);
            count += owned.operations.len() - usize::from(replaced.is_some());
            len_bytes += owned.len_bytes - replaced.map_or(0, v1::Operation::encoded_len);
        }
        if count > self.operations_max {
            let limit = self.operations_max;
            return Err(LogFull::Count { limit });
        }
        if len_bytes > self.len_bytes_max {
            let limit_bytes = self.len_bytes_max;
            return Err(LogFull::Size { limit_bytes });
        }
        Ok(())
    }
}

impl OperationLog for MemoryLog {
    fn upsert(&mut self, owner: &str, sent: v1::Operation) -> Result<(), LogFull> {
        self.check_room(owner, &sent)?;
        let owned = self.owners.entry(owner.to_owned()).or_default();
        // The flow is joined before the old operation leaves it, or a flow of one would get a new id.
        let flow_id = owned.join_flow(sent.flow_id, &mut self.last_id);
        let id = match owned.remove(sent.id) {
            Some(replaced) => replaced.id,
            None => next(&mut self.last_id),
        };
        let modno = match sent.modno {
            0 => next(&mut self.last_id),
            modno => modno,
        };
        owned.insert(v1::Operation {
            id,
            original_id: sent.id,
            flow_id,
            original_flow_id: sent.flow_id,
            original_instance_keyid: owner.to_owned(),
            modno,
            ..sent
        });
        Ok(())
    }

    fn delete(&mut self, owner: &str, original_id: i64) -> bool {
        self.owners
            .get_mut(owner)
            .is_some_and(|owned| owned.remove(original_id).is_some())
    }

    fn delete_absent(&mut self, owner: &str, listed: &HashSet<i64>) -> usize {
        let Some(owned) = self.owners.get_mut(owner) else {
            return 0;
        };
        let absent: Vec<i64> = owned
            .operations
            .keys()
            .copied()
            .filter(|id| !listed.contains(id))
            .collect();
        for id in &absent {
            owned.remove(*id);
        }
        absent.len()
    }

    fn modno(&self, owner: &str, original_id: i64) -> Option<i64> {
        self.get(owner, original_id)
            .map(|operation| operation.modno)
    }

    fn get(&self, owner: &str, original_id: i64) -> Option<&v1::Operation> {
        self.owners.get(owner)?.operations.get(&original_id)
    }

    fn operations<'a>(&'a self, owner: &str) -> Box<dyn Iterator<Item = &'a v1::Operation> + 'a> {
        match self.owners.get(owner) {
            Some(owned) => Box::new(owned.operations.values()),
            None => Box::new(std::iter::empty()),
        }
    }
}

impl Owned {
    fn insert(&mut self, operation: v1::Operation) {
        self.len_bytes += operation.encoded_len();
        self.operations.insert(operation.original_id, operation);
    }

    fn remove(&mut self, original_id: i64) -> Option<v1::Operation> {
        let removed = self.operations.remove(&original_id)?;
        self.len_bytes -= removed.encoded_len();
        self.leave_flow(removed.original_flow_id);
        Some(removed)
    }

    fn join_flow(&mut self, original_flow_id: i64, last_id: &mut i64) -> i64 {
        let flow = self.flows.entry(original_flow_id).or_insert_with(|| Flow {
            local_id: next(last_id),
            operations: 0,
        });
        flow.operations += 1;
        flow.local_id
    }

    fn leave_flow(&mut self, original_flow_id: i64) {
        if let Entry::Occupied(mut flow) = self.flows.entry(original_flow_id) {
            flow.get_mut().operations -= 1;
            if flow.get().operations == 0 {
                flow.remove();
            }
        }
    }
}

fn next(last_id: &mut i64) -> i64 {
    *last_id += 1;
    *last_id
}

/// The longest that a sent operation can be once stored: its ids become five varint fields of at most 12 bytes each.
fn stored_len_bytes_bound(owner: &str, sent: &v1::Operation) -> usize {
    const IDS_LEN_BYTES_MAX: usize = 5 * 12;
    const OWNER_OVERHEAD_LEN_BYTES_MAX: usize = 12;
    sent.encoded_len() + owner.len() + OWNER_OVERHEAD_LEN_BYTES_MAX + IDS_LEN_BYTES_MAX
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::fixture::operation;

    fn log() -> MemoryLog {
        MemoryLog::new(3, 10_000)
    }

    #[test]
    fn new_operation_then_local_ids_and_the_sent_ones_as_original() {
        let mut log = log();
        let sent = v1::Operation {
            original_instance_keyid: "claimed".to_owned(),
            original_id: 77,
            original_flow_id: 78,
            ..operation(1000, 9)
        };
        log.upsert("alice", sent).unwrap();
        let stored = log.get("alice", 1000).unwrap();
        assert_eq!((stored.original_id, stored.original_flow_id), (1000, 1000));
        assert_ne!(stored.id, 1000);
        assert_ne!(stored.flow_id, 1000);
        assert_eq!(stored.original_instance_keyid, "alice");
        assert_eq!(stored.modno, 9);
        assert_eq!(stored.display_message, operation(1000, 9).display_message);
    }

    #[test]
    fn id_sent_again_then_same_local_ids_and_new_content() {
        let mut log = log();
        log.upsert("alice", operation(5, 10)).unwrap();
        let first = log.get("alice", 5).unwrap().clone();
        log.upsert("alice", operation(5, 3)).unwrap();
        let second = log.get("alice", 5).unwrap();
        assert_eq!((second.id, second.flow_id), (first.id, first.flow_id));
        assert_eq!(second.modno, 3);
        assert_eq!(log.operations("alice").count(), 1);
    }

    #[test]
    fn two_operations_of_one_sent_flow_then_one_local_flow_per_client() {
        let mut log = log();
        let in_flow = |id| v1::Operation {
            flow_id: 40,
            ..operation(id, 1)
        };
        log.upsert("alice", in_flow(1)).unwrap();
        log.upsert("alice", in_flow(2)).unwrap();
        log.upsert("bob", in_flow(1)).unwrap();
        let flow = |owner, id| log.get(owner, id).unwrap().flow_id;
        assert_eq!(flow("alice", 1), flow("alice", 2));
        assert_ne!(flow("alice", 1), flow("bob", 1));
    }

    #[test]
    fn last_operation_of_a_flow_deleted_then_flow_forgotten() {
        let mut log = log();
        for flow_id in 1..100 {
            let moved = v1::Operation {
                flow_id,
                ..operation(1, 1)
            };
            log.upsert("alice", moved).unwrap();
        }
        assert_eq!(log.owners["alice"].flows.len(), 1);
        log.delete("alice", 1);
        assert_eq!(log.owners["alice"].flows.len(), 0);
    }

    #[test]
    fn modno_zero_then_replaced() {
        let mut log = log();
        log.upsert("alice", operation(5, 0)).unwrap();
        assert_ne!(log.modno("alice", 5), Some(0));
    }

    #[test]
    fn ids_of_the_full_range_then_kept() {
        let mut log = log();
        for id in [i64::MIN, -1, i64::MAX] {
            log.upsert("alice", operation(id, i64::MIN)).unwrap();
            assert_eq!(log.modno("alice", id), Some(i64::MIN));
        }
    }

    #[test]
    fn deleted_and_created_again_then_stored() {
        let mut log = log();
        log.upsert("alice", operation(5, 1)).unwrap();
        log.upsert("bob", operation(5, 1)).unwrap();
        assert!(log.delete("alice", 5));
        assert!(!log.delete("alice", 5));
        assert!(log.get("bob", 5).is_some());
        log.upsert("alice", operation(5, 2)).unwrap();
        assert_eq!(log.modno("alice", 5), Some(2));
    }

    #[test]
    fn absent_ones_deleted_then_other_owners_keep_theirs() {
        let mut log = log();
        for id in 1..=3 {
            log.upsert("alice", operation(id, 1)).unwrap();
            log.upsert("bob", operation(id, 1)).unwrap();
        }
        assert_eq!(log.delete_absent("alice", &HashSet::from([2, 9])), 2);
        let left: Vec<_> = log.operations("alice").map(|op| op.original_id).collect();
        assert_eq!(left, [2]);
        assert_eq!(log.operations("bob").count(), 3);
        assert_eq!(log.delete_absent("nobody", &HashSet::new()), 0);
    }

    #[test]
    fn count_used_up_then_only_replacing_is_possible() {
        let mut log = log();
        for id in 1..=3 {
            log.upsert("alice", operation(id, 1)).unwrap();
        }
        let full = log.upsert("alice", operation(4, 1));
        assert_eq!(full, Err(LogFull::Count { limit: 3 }));
        log.upsert("alice", operation(3, 2)).unwrap();
        log.upsert("bob", operation(4, 1)).unwrap();
        log.delete("alice", 1);
        log.upsert("alice", operation(4, 1)).unwrap();
    }

    #[test]
    fn size_used_up_then_refused_until_something_is_deleted() {
        let mut log = log();
        let big = |id| v1::Operation {
            display_message: "x".repeat(6_000),
            ..operation(id, 1)
        };
        log.upsert("alice", big(1)).unwrap();
        let limit_bytes = 10_000;
        assert_eq!(
            log.upsert("alice", big(2)),
            Err(LogFull::Size { limit_bytes })
        );
        log.upsert("alice", big(1)).unwrap();
        log.delete("alice", 1);
        log.upsert("alice", big(2)).unwrap();
    }
}
