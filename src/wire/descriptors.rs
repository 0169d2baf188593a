//! The contract's own description, for everything that works from names: JSON, scenarios, contract checks.

use std::sync::LazyLock;

use prost_reflect::DescriptorPool;

static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
    // The build script encodes this set from `proto/`, so bytes that do not parse never leave the build.
    DescriptorPool::decode(include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin")).as_slice())
        .expect("the build script writes a valid descriptor set")
});

/// Descriptors of every message, enum and service in `proto/`, with the well-known files they import.
pub fn descriptor_pool() -> &'static DescriptorPool {
    &POOL
}
