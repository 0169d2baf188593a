//! Reading items from bytes.

use prost::{DecodeError, Message as _};

use super::SyncStreamItem;

/// Reads one item.
///
/// # Errors
/// Bytes that are no SyncStreamItem.
pub fn item(bytes: &[u8]) -> Result<SyncStreamItem, DecodeError> {
    SyncStreamItem::decode(bytes)
}
