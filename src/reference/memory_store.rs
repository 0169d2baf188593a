//! The store of a host that keeps nothing beyond its process.

use std::collections::{BTreeMap, HashMap, HashSet, hash_map::Entry};

use prost::Message as _;

use super::{
    config::Config,
    logs::Log,
    store::{
        PeerFact, PutError, Share, ShareFull, Store, StoreFault, localised, stored_len_bytes_bound,
        wanted,
    },
};
use crate::wire::v1;

/// A [`Store`] in memory. Ids count up from 1 over all owners, so the same inputs give the same operations. It takes
/// nothing back: a host that has it never fails half-way, except at a limit, where what fitted stays.
#[derive(Clone, Debug)]
pub struct MemoryStore {
    owners: HashMap<String, Owned>,
    /// By owner, then by log id.
    logs: HashMap<String, HashMap<String, Log>>,
    last_id: i64,
    share: Share,
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

impl MemoryStore {
    /// An empty store that holds so much of each owner.
    pub fn new(share: Share) -> Self {
        MemoryStore {
            owners: HashMap::new(),
            logs: HashMap::new(),
            last_id: 0,
            share,
        }
    }

    /// The same store, which numbers what it is given from behind `last_id` on.
    #[must_use]
    pub fn numbering_behind(self, last_id: i64) -> Self {
        MemoryStore { last_id, ..self }
    }

    /// An operation as stored.
    pub fn get(&self, owner: &str, original_id: i64) -> Option<&v1::Operation> {
        self.owners.get(owner)?.operations.get(&original_id)
    }

    fn check_room(&self, owner: &str, sent: &v1::Operation) -> Result<(), ShareFull> {
        let (mut count, mut len_bytes) = (1, stored_len_bytes_bound(owner, sent));
        if let Some(owned) = self.owners.get(owner) {
            let replaced = owned.operations.get(&sent.id);
            count += owned.operations.len() - usize::from(replaced.is_some());
            len_bytes += owned.len_bytes - replaced.map_or(0, v1::Operation::encoded_len);
        }
        self.share.check(count, len_bytes)
    }
}

impl Store for MemoryStore {
    /// The host itself holds its config.
    fn keep_config(&mut self, _config: &Config) -> Result<(), StoreFault> {
        Ok(())
    }

    fn upsert(&mut self, owner: &str, sent: v1::Operation) -> Result<(), PutError> {
        self.check_room(owner, &sent).map_err(PutError::Full)?;
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
        owned.insert(localised(owner, sent, id, flow_id, modno));
        Ok(())
    }

    fn operations(&self, owner: &str) -> Result<Vec<v1::Operation>, StoreFault> {
        let owned = self.owners.get(owner).into_iter();
        Ok(owned
            .flat_map(|owned| owned.operations.values())
            .cloned()
            .collect())
    }

    fn delete(&mut self, owner: &str, original_id: i64) -> Result<bool, StoreFault> {
        let owned = self.owners.get_mut(owner);
        Ok(owned.is_some_and(|owned| owned.remove(original_id).is_some()))
    }

    fn reconcile(&mut self, owner: &str, listed: &[(i64, i64)]) -> Result<Vec<i64>, StoreFault> {
        let Some(owned) = self.owners.get_mut(owner) else {
            return Ok(wanted(listed, |_| None));
        };
        let ids: HashSet<i64> = listed.iter().map(|&(id, _)| id).collect();
        let held = owned.operations.keys().copied();
        let absent: Vec<i64> = held.filter(|id| !ids.contains(id)).collect();
        for id in absent {
            owned.remove(id);
        }
        let modno = |id| owned.operations.get(&id).map(|operation| operation.modno);
        Ok(wanted(listed, modno))
    }

    /// The host's peer states hold it all.
    fn keep_fact(&mut self, _keyid: &str, _fact: PeerFact<'_>) -> Result<(), StoreFault> {
        Ok(())
    }

    fn keep_log(&mut self, owner: &str, log_id: &str, log: &Log) -> Result<(), StoreFault> {
        let logs = self.logs.entry(owner.to_owned()).or_default();
        logs.insert(log_id.to_owned(), log.clone());
        Ok(())
    }

    fn log(&self, owner: &str, log_id: &str) -> Result<Option<Log>, StoreFault> {
        let logs = self.logs.get(owner);
        Ok(logs.and_then(|logs| logs.get(log_id)).cloned())
    }

    fn commit(&mut self) -> Result<(), StoreFault> {
        Ok(())
    }

    fn roll_back(&mut self) {}
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::fixture::operation;

    fn store() -> MemoryStore {
        MemoryStore::new(Share {
            operations_max: 3,
            len_bytes_max: 10_000,
        })
    }

    #[test]
    fn numbering_behind_an_id_then_new_numbers_are_larger() {
        let mut store = store().numbering_behind(1 << 62);
        store.upsert("alice", operation(1000, 0)).unwrap();
        let stored = store.get("alice", 1000).unwrap();
        for number in [stored.id, stored.flow_id, stored.modno] {
            assert!(number > 1 << 62, "{number}");
        }
    }

    #[test]
    fn new_operation_then_local_ids_and_the_sent_ones_as_original() {
        let mut store = store();
        let sent = v1::Operation {
            original_instance_keyid: "claimed".to_owned(),
            original_id: 77,
            original_flow_id: 78,
            ..operation(1000, 9)
        };
        store.upsert("alice", sent).unwrap();
        let stored = store.get("alice", 1000).unwrap();
        assert_eq!((stored.original_id, stored.original_flow_id), (1000, 1000));
        assert_ne!(stored.id, 1000);
        assert_ne!(stored.flow_id, 1000);
        assert!(stored.id > 0 && stored.flow_id > 0);
        assert_eq!(stored.original_instance_keyid, "alice");
        assert_eq!(stored.modno, 9);
        assert_eq!(stored.display_message, operation(1000, 9).display_message);
    }

    #[test]
    fn id_sent_again_then_same_local_ids_and_new_content() {
        let mut store = store();
        store.upsert("alice", operation(5, 10)).unwrap();
        let first = store.get("alice", 5).unwrap().clone();
        store.upsert("alice", operation(5, 3)).unwrap();
        let second = store.get("alice", 5).unwrap();
        assert_eq!((second.id, second.flow_id), (first.id, first.flow_id));
        assert_eq!(second.modno, 3);
        assert_eq!(store.operations("alice").unwrap().len(), 1);
    }

    #[test]
    fn two_operations_of_one_sent_flow_then_one_local_flow_per_client() {
        let mut store = store();
        let in_flow = |id| v1::Operation {
            flow_id: 40,
            ..operation(id, 1)
        };
        store.upsert("alice", in_flow(1)).unwrap();
        store.upsert("alice", in_flow(2)).unwrap();
        store.upsert("bob", in_flow(1)).unwrap();
        let flow = |owner, id| store.get(owner, id).unwrap().flow_id;
        assert_eq!(flow("alice", 1), flow("alice", 2));
        assert_ne!(flow("alice", 1), flow("bob", 1));
    }

    #[test]
    fn last_operation_of_a_flow_deleted_then_flow_forgotten() {
        let mut store = store();
        for flow_id in 1..100 {
            let moved = v1::Operation {
                flow_id,
                ..operation(1, 1)
            };
            store.upsert("alice", moved).unwrap();
        }
        assert_eq!(store.owners["alice"].flows.len(), 1);
        store.delete("alice", 1).unwrap();
        assert_eq!(store.owners["alice"].flows.len(), 0);
    }

    #[test]
    fn modno_zero_then_replaced() {
        let mut store = store();
        store.upsert("alice", operation(5, 0)).unwrap();
        assert_ne!(store.get("alice", 5).unwrap().modno, 0);
    }

    #[test]
    fn ids_of_the_full_range_then_kept() {
        let mut store = store();
        for id in [i64::MIN, -1, i64::MAX] {
            store.upsert("alice", operation(id, i64::MIN)).unwrap();
            assert_eq!(store.get("alice", id).unwrap().modno, i64::MIN);
        }
    }

    #[test]
    fn deleted_and_created_again_then_stored() {
        let mut store = store();
        store.upsert("alice", operation(5, 1)).unwrap();
        store.upsert("bob", operation(5, 1)).unwrap();
        assert!(store.delete("alice", 5).unwrap());
        assert!(!store.delete("alice", 5).unwrap());
        assert!(store.get("bob", 5).is_some());
        store.upsert("alice", operation(5, 2)).unwrap();
        assert_eq!(store.get("alice", 5).unwrap().modno, 2);
    }

    #[test]
    fn reconciled_then_absent_ones_go_and_different_ones_are_wanted() {
        let mut store = store();
        for id in 1..=3 {
            store.upsert("alice", operation(id, 1)).unwrap();
            store.upsert("bob", operation(id, 1)).unwrap();
        }
        let wanted = store.reconcile("alice", &[(9, 1), (2, 1), (2, 0), (9, 1)]);
        assert_eq!(wanted, Ok(vec![9, 2, 9]));
        let left = store.operations("alice").unwrap();
        let left: Vec<_> = left.iter().map(|op| op.original_id).collect();
        assert_eq!(left, [2]);
        assert_eq!(store.operations("bob").unwrap().len(), 3);
        assert_eq!(store.reconcile("nobody", &[(1, 1)]), Ok(vec![1]));
    }

    #[test]
    fn count_used_up_then_only_replacing_is_possible() {
        let mut store = store();
        for id in 1..=3 {
            store.upsert("alice", operation(id, 1)).unwrap();
        }
        let full = store.upsert("alice", operation(4, 1));
        assert_eq!(full, Err(PutError::Full(ShareFull::Count { limit: 3 })));
        store.upsert("alice", operation(3, 2)).unwrap();
        store.upsert("bob", operation(4, 1)).unwrap();
        store.delete("alice", 1).unwrap();
        store.upsert("alice", operation(4, 1)).unwrap();
    }

    #[test]
    fn size_used_up_then_refused_until_something_is_deleted() {
        let mut store = store();
        let big = |id| v1::Operation {
            display_message: "x".repeat(6_000),
            ..operation(id, 1)
        };
        store.upsert("alice", big(1)).unwrap();
        let limit_bytes = 10_000;
        assert_eq!(
            store.upsert("alice", big(2)),
            Err(PutError::Full(ShareFull::Size { limit_bytes }))
        );
        store.upsert("alice", big(1)).unwrap();
        store.delete("alice", 1).unwrap();
        store.upsert("alice", big(2)).unwrap();
    }
}
