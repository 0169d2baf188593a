//! The wire contract: message types generated from `proto/`, and their descriptors.

mod action;
mod code;
pub mod decode;
mod decode_error;
mod descriptors;
mod reader;
mod role;
mod rpc_protocol;

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

pub use code::{Code, UnknownCode};
pub use descriptors::descriptor_pool;
pub(crate) use descriptors::item_descriptor;
pub use role::Role;
pub use rpc_protocol::RpcProtocol;
pub use v1sync::{SyncStreamItem, sync_stream_item::Action};
