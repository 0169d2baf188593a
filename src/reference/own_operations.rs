//! A client's own operations: what it may tell its hosts of.

use std::{collections::BTreeMap, error::Error, fmt};

use crate::wire::v1;

/// The first field without which an operation cannot be kept, if one is missing. The protocol names none; these are the
/// ones by which an operation is found and permitted: `id`, `flowId`, `repoId`, `planId`, `instanceId`.
pub fn missing_field(operation: &v1::Operation) -> Option<&'static str> {
    let checks = [
        ("id", operation.id == 0),
        ("flowId", operation.flow_id == 0),
        ("repoId", operation.repo_id.is_empty()),
        ("planId", operation.plan_id.is_empty()),
        ("instanceId", operation.instance_id.is_empty()),
    ];
    checks
        .iter()
        .find_map(|&(field, missing)| missing.then_some(field))
}

/// The operations of this instance, by id. Those received from others have no way in.
#[derive(Clone, Debug, Default)]
pub struct OwnOperations {
    operations: BTreeMap<i64, v1::Operation>,
    last_modno: i64,
}

/// What became of one operation.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// As it was, if it was.
    pub before: Option<v1::Operation>,
    /// As it is, if it is.
    pub after: Option<v1::Operation>,
}

impl OwnOperations {
    /// Adds an operation of the instance with key id `own_keyid`, or replaces the one with its id. A modno of 0 is
    /// replaced by one above all earlier ones.
    ///
    /// # Errors
    /// [`NotOwn`]; nothing is changed then.
    pub fn put(&mut self, mut operation: v1::Operation, own_keyid: &str) -> Result<Change, NotOwn> {
        if let Some(field) = missing_field(&operation) {
            return Err(NotOwn::Missing { field });
        }
        let owner = &operation.original_instance_keyid;
        if !owner.is_empty() && owner != own_keyid {
            return Err(NotOwn::OfAnother {
                keyid: owner.clone(),
            });
        }
        if operation.modno == 0 {
            operation.modno = self.last_modno.saturating_add(1);
        }
        self.last_modno = self.last_modno.max(operation.modno);
        let before = self.operations.insert(operation.id, operation.clone());
        Ok(Change {
            before,
            after: Some(operation),
        })
    }

    /// Removes an operation, if there is one.
    pub fn delete(&mut self, id: i64) -> Option<Change> {
        let before = self.operations.remove(&id)?;
        Some(Change {
            before: Some(before),
            after: None,
        })
    }

    /// The operation with this id.
    pub fn get(&self, id: i64) -> Option<&v1::Operation> {
        self.operations.get(&id)
    }

    /// All of them, by id.
    pub fn iter(&self) -> impl Iterator<Item = &v1::Operation> {
        self.operations.values()
    }
}

/// An operation that is not one of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotOwn {
    /// A field that is needed is missing.
    Missing {
        /// Its JSON name.
        field: &'static str,
    },
    /// It came from another instance.
    OfAnother {
        /// That instance's key id.
        keyid: String,
    },
}

impl fmt::Display for NotOwn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotOwn::Missing { field } => write!(f, "expected an operation with {field}, saw none"),
            NotOwn::OfAnother { keyid } => {
                write!(f, "expected an operation of our own, saw one of {keyid}")
            }
        }
    }
}

impl Error for NotOwn {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::fixture::operation;

    #[test]
    fn each_needed_field_missing_then_named() {
        assert_eq!(missing_field(&operation(1, 1)), None);
        type Spoil = fn(&mut v1::Operation);
        let spoils: [(&str, Spoil); 5] = [
            ("id", |op| op.id = 0),
            ("flowId", |op| op.flow_id = 0),
            ("repoId", |op| op.repo_id.clear()),
            ("planId", |op| op.plan_id.clear()),
            ("instanceId", |op| op.instance_id.clear()),
        ];
        for (field, spoil) in spoils {
            let mut spoilt = operation(1, 1);
            spoil(&mut spoilt);
            assert_eq!(missing_field(&spoilt), Some(field));
            let put = OwnOperations::default().put(spoilt, "me");
            assert_eq!(put, Err(NotOwn::Missing { field }));
        }
    }

    #[test]
    fn operation_received_from_another_then_refused() {
        let mut own = OwnOperations::default();
        let keyid = "other".to_owned();
        let received = v1::Operation {
            original_instance_keyid: keyid.clone(),
            ..operation(1, 1)
        };
        assert_eq!(own.put(received, "me"), Err(NotOwn::OfAnother { keyid }));
        assert_eq!(own.iter().count(), 0);
    }

    #[test]
    fn modno_zero_then_above_all_earlier_ones() {
        let mut own = OwnOperations::default();
        own.put(operation(1, 40), "me").unwrap();
        own.put(operation(2, 7), "me").unwrap();
        let change = own.put(operation(2, 0), "me").unwrap();
        assert_eq!(change.before.unwrap().modno, 7);
        assert_eq!(change.after.unwrap().modno, 41);
    }

    #[test]
    fn deleted_then_change_holds_what_was() {
        let mut own = OwnOperations::default();
        own.put(operation(1, 1), "me").unwrap();
        let change = own.delete(1).unwrap();
        assert_eq!((change.before.unwrap().id, change.after), (1, None));
        assert_eq!(own.delete(1), None);
    }
}
