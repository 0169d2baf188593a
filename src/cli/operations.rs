//! A file of a client's own operations: `v1.OperationList` in protobuf's JSON mapping.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
};

use prost::Message as _;
use prost_reflect::DynamicMessage;
use syncspec::{
    net::client::ClientApp,
    reference::own_operations::OwnOperations,
    wire::{descriptor_pool, v1},
};

/// Where a client's operations are read from.
pub struct OperationsFile {
    path: PathBuf,
    own_keyid: String,
}

/// Operations that were found to be in order, by id.
#[derive(Default)]
pub struct Operations(BTreeMap<i64, v1::Operation>);

impl OperationsFile {
    /// The file of the client with that key id.
    pub fn new(path: &Path, own_keyid: &str) -> Self {
        OperationsFile {
            path: path.to_owned(),
            own_keyid: own_keyid.to_owned(),
        }
    }

    /// Reads all of it, or says what is wrong with it, as a fragment that follows "failed to".
    pub fn read(&self) -> Result<Operations, String> {
        let failed =
            |why: &dyn fmt::Display| format!("read the operations {}: {why}", self.path.display());
        let text = std::fs::read_to_string(&self.path).map_err(|error| failed(&error))?;
        let list = parse(&text).map_err(|why| failed(&why))?;
        check(list, &self.own_keyid).map_err(|why| failed(&why))
    }
}

fn parse(text: &str) -> Result<v1::OperationList, String> {
    let descriptor = descriptor_pool()
        .get_message_by_name("v1.OperationList")
        .ok_or("the contract lacks v1.OperationList")?;
    let mut reader = serde_json::Deserializer::from_str(text);
    let message = DynamicMessage::deserialize(descriptor, &mut reader)
        .and_then(|message| reader.end().map(|()| message))
        .map_err(|error| format!("expected v1.OperationList in JSON, saw {error}"))?;
    v1::OperationList::decode(message.encode_to_vec().as_slice()).map_err(|error| error.to_string())
}

fn check(list: v1::OperationList, own_keyid: &str) -> Result<Operations, String> {
    let mut operations = BTreeMap::new();
    for (index, operation) in list.operations.into_iter().enumerate() {
        let at = |why: &dyn fmt::Display| format!("operations[{index}]: {why}");
        OwnOperations::default()
            .put(operation.clone(), own_keyid)
            .map_err(|error| at(&error))?;
        // One made up here would be the same at the next start, and hosts would take a changed operation for the old one.
        if operation.modno == 0 {
            return Err(at(&"expected an operation with modno, saw none"));
        }
        if let Some(twin) = operations.insert(operation.id, operation) {
            return Err(at(&format_args!(
                "expected an id of its own, saw {} again",
                twin.id
            )));
        }
    }
    Ok(Operations(operations))
}

impl Operations {
    /// Makes the client's operations these; says how many were put or deleted.
    pub fn apply(self, app: &ClientApp) -> usize {
        let mut changed = 0;
        let mut next = self.0;
        for old in app.operations() {
            match next.get(&old.id) {
                Some(same) if *same == old => drop(next.remove(&old.id)),
                Some(_) => {}
                None => {
                    app.delete_operation(old.id);
                    changed += 1;
                }
            }
        }
        for operation in next.into_values() {
            // It was checked against the same key as the client has.
            changed += usize::from(app.put_operation(operation).is_ok());
        }
        changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPERATION: &str = r#"{"id": "7", "flowId": "1", "modno": "3", "repoId": "r", "planId": "p", "instanceId": "i"}"#;

    fn read(text: &str) -> Result<Operations, String> {
        parse(text).and_then(|list| check(list, "me"))
    }

    fn error(text: &str) -> String {
        match read(text) {
            Ok(_) => panic!("expected an error for {text}"),
            Err(error) => error,
        }
    }

    #[test]
    fn operation_whole_then_read() {
        let operations = read(&format!(r#"{{"operations": [{OPERATION}]}}"#)).unwrap();
        assert_eq!(operations.0[&7].modno, 3);
        assert!(read("{}").unwrap().0.is_empty());
    }

    #[test]
    fn file_is_wrong_then_the_place_is_named() {
        let twice = format!(r#"{{"operations": [{OPERATION}, {OPERATION}]}}"#);
        assert_eq!(
            error(&twice),
            "operations[1]: expected an id of its own, saw 7 again"
        );
        let without = |field: &str, value: &str| {
            let spoilt = OPERATION.replace(value, "").replace(", ,", ",");
            (format!(r#"{{"operations": [{spoilt}]}}"#), field.to_owned())
        };
        for (text, field) in [
            without("modno", r#""modno": "3""#),
            without("repoId", r#""repoId": "r""#),
        ] {
            let expected = format!("operations[0]: expected an operation with {field}, saw none");
            assert_eq!(error(&text), expected);
        }
        let foreign = OPERATION.replace("{", r#"{"originalInstanceKeyid": "other", "#);
        let error_text = error(&format!(r#"{{"operations": [{foreign}]}}"#));
        assert!(error_text.starts_with("operations[0]: "), "{error_text}");
        assert!(error(r#"{"operation": []}"#).contains("operation"));
    }
}
