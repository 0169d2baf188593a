//! The wire contract: message types generated from `proto/`, and their descriptors.

mod descriptors;

pub use descriptors::descriptor_pool;

/// Package `types`.
#[allow(missing_docs, clippy::all, reason = "generated from proto/")]
pub mod types {
    include!(concat!(env!("OUT_DIR"), "/types.rs"));
}

/// Package `v1`.
#[allow(missing_docs, clippy::all, reason = "generated from proto/")]
pub mod v1 {
    include!(concat!(env!("OUT_DIR"), "/v1.rs"));
}

/// Package `v1sync`.
#[allow(missing_docs, clippy::all, reason = "generated from proto/")]
pub mod v1sync {
    include!(concat!(env!("OUT_DIR"), "/v1sync.rs"));
}

mod action;
mod code;
mod role;

pub use code::{Code, UnknownCode};
pub use role::Role;
pub use v1sync::{SyncStreamItem, sync_stream_item::Action};
