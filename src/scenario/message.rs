//! Items written in protobuf's JSON mapping.

use crate::wire::SyncStreamItem;

/// An item to send.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// As the file has it, variables filled in.
    pub json: serde_json::Value,
    /// The item itself.
    pub item: SyncStreamItem,
}

/// A pattern an item must match: every field that is given must be equal; fields not given do not matter.
#[derive(Clone, Debug, PartialEq)]
pub struct Pattern {
    /// As the file has it, variables filled in.
    pub json: serde_json::Value,
}
