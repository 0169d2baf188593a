//! The contract's own description, for everything that works from names: JSON, scenarios, contract checks.

use std::sync::LazyLock;

use prost_reflect::{DescriptorPool, MessageDescriptor};

#[expect(
    clippy::expect_used,
    reason = "the build script encodes the set from proto/: bytes that do not parse never leave the build"
)]
static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
    DescriptorPool::decode(include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin")).as_slice())
        .expect("the build script writes a valid descriptor set")
});

#[expect(
    clippy::expect_used,
    reason = "without this message the generated type that everything uses would not exist"
)]
static ITEM: LazyLock<MessageDescriptor> = LazyLock::new(|| {
    POOL.get_message_by_name("v1sync.SyncStreamItem")
        .expect("the contract has this message")
});

/// Descriptors of every message, enum and service in `proto/`, with the well-known files they import.
pub fn descriptor_pool() -> &'static DescriptorPool {
    &POOL
}

/// Descriptor of the one message that the stream carries.
pub(crate) fn item_descriptor() -> &'static MessageDescriptor {
    &ITEM
}
